package filter

import (
	"fmt"
	"strings"
)

// eximVisible is how much of a body the filter must see. A longer message is let through: what is absent from the part that
// can be seen may be in the rest.
const eximVisible = 1_000_000

// exim writes a system filter ("Exim's interfaces to mail filtering"): unlike an ACL it is documented to see the body. The
// tests are those of the Sieve script; "contains" compares without regard to case.
func (f *Filter) exim(a Action) string {
	var b strings.Builder
	b.WriteString("# Exim filter\n")
	lines := append([]string{"Stops the bounces of one flood of forged mail. Made by ndrscan filter.", ""}, f.summary()...)
	lines = append(lines, "", "Put this file into /etc/exim4/backscatter.filter, and into the main part of Exim's configuration:",
		"  system_filter = /etc/exim4/backscatter.filter",
		"  system_filter_user = Debian-exim",
		fmt.Sprintf("  message_body_visible = %d", eximVisible))
	if a == Junk {
		lines = append(lines, "What it catches is frozen in the queue: exim -bp lists it, exim -Mvb ID shows it, exim -Mt ID lets it go,", "exim -Mrm ID deletes it.")
	}
	lines = append(lines, "Take it out when the flood is over.")
	b.WriteString(comments("#", lines))
	fmt.Fprintf(&b, "\nif first_delivery and $message_body_size is below %d and\n", eximVisible)
	fmt.Fprintf(&b, "  # a report of a failure\n  (%s or\n   \"${if def:h_%s:{yes}{no}}\" is \"yes\" or\n   %s) and\n",
		eximContains("$h_content-type:", []string{reportType}, " or\n   "), strings.ToLower(reportField), eximContains("$h_from:", reportSenders, " or\n   "))
	fmt.Fprintf(&b, "  not (%s) and\n", eximContains("$h_subject:", notFailedTitles, " or\n       "))
	fmt.Fprintf(&b, "  not (%s) and\n", eximContains("$message_body", notFailed, " or\n       "))
	b.WriteString("  # to an address that the forgeries bore\n")
	fmt.Fprintf(&b, "  (%s or\n   %s) and\n", eximContains("$h_to:", f.To, " or\n   "), eximContains("$recipients", f.To, " or\n   "))
	b.WriteString("  (\n" + strings.Join(f.eximRules(), " or\n") + "\n  )\n")
	b.WriteString("then\n")
	if a == Junk {
		b.WriteString("  freeze \"backscatter\"\n")
	} else {
		b.WriteString("  seen finish\n")
	}
	b.WriteString("endif\n")
	return b.String()
}

func (f *Filter) eximRules() []string {
	var rules []string
	if len(f.Ours) > 0 {
		rules = append(rules, "    # the original came back with its trace, and no server of ours is in it\n    (("+
			eximContains("$message_body", returnedMarks, " or\n      ")+") and\n     not ("+
			eximContains("$message_body", f.Ours, " or\n          ")+"))")
	}
	if len(f.Spam) > 0 {
		rules = append(rules, "    # marks of this flood\n    "+eximContains("$message_body", f.Spam, " or\n    "))
	}
	return rules
}

// eximContains writes alternatives.
func eximContains(what string, words []string, or string) string {
	var list []string
	for _, word := range words {
		list = append(list, what+" contains "+eximString(word))
	}
	return strings.Join(list, or)
}
