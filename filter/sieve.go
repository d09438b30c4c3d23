package filter

import (
	"fmt"
	"strings"
)

// folder is where Junk puts what it takes.
const folder = "Backscatter"

// sieve writes the filter as a Sieve script (RFC 5228, body: RFC 5173, mailbox: RFC 5490), with what Dovecot's Pigeonhole,
// Cyrus and most webmail editors know. It reads nothing but the message, so that it can run on a stored mailbox, too.
func (f *Filter) sieve(a Action) string {
	var b strings.Builder
	lines := append([]string{"Puts aside the bounces of one flood of forged mail. Made by ndrscan filter.", ""}, f.summary()...)
	lines = append(lines, "", "On delivery: as a personal script (ManageSieve), or sieve_before in Dovecot.",
		"On what is in the mailbox already (Dovecot): sieve-filter -u USER THIS_FILE INBOX shows what it would do;",
		"with -e -W it does it. Take it out when the flood is over.")
	b.WriteString(comments("#", lines))
	requires := []string{"body"}
	action := "discard;"
	if a == Junk {
		requires = append(requires, "fileinto", "mailbox")
		action = "fileinto :create " + sieveString(folder) + ";"
	}
	fmt.Fprintf(&b, "\nrequire %s;\n\n", sieveInline(requires))
	b.WriteString("if allof (\n")
	b.WriteString("  # a report of a failure\n")
	fmt.Fprintf(&b, "  anyof (header :contains \"Content-Type\" %s,\n", sieveString(reportType))
	fmt.Fprintf(&b, "         exists %s,\n", sieveString(reportField))
	fmt.Fprintf(&b, "         header :contains \"From\" %s),\n", sieveInline(reportSenders))
	fmt.Fprintf(&b, "  not header :contains \"Subject\" %s,\n", sieveInline(notFailedTitles))
	fmt.Fprintf(&b, "  not body :raw :contains %s,\n", sieveInline(notFailed))
	b.WriteString("  # to an address that the forgeries bore\n")
	fmt.Fprintf(&b, "  header :contains %s %s,\n", sieveInline(toFields), sieveList("  ", f.To))
	b.WriteString("  anyof (\n" + strings.Join(f.sieveRules(), ",\n") + "\n  )\n)\n")
	fmt.Fprintf(&b, "{\n  %s\n  stop;\n}\n", action)
	return b.String()
}

// sieveRules are the alternatives.
func (f *Filter) sieveRules() []string {
	var rules []string
	if len(f.Ours) > 0 {
		rules = append(rules, "    # the original came back with its trace, and no server of ours is in it\n"+
			"    allof (body :raw :contains "+sieveInline(returnedMarks)+",\n"+
			"           not body :raw :contains "+sieveList("           ", f.Ours)+")")
	}
	if len(f.Spam) > 0 {
		rules = append(rules, "    # marks of this flood\n    body :raw :contains "+sieveList("    ", f.Spam))
	}
	return rules
}

// sieveInline writes a string list on one line.
func sieveInline(list []string) string {
	var quoted []string
	for _, text := range list {
		quoted = append(quoted, sieveString(text))
	}
	return "[" + strings.Join(quoted, ", ") + "]"
}
