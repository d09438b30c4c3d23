package filter

import (
	"fmt"
	"strings"
)

// postfix writes a table for nested_header_checks and body_checks (header_checks(5), pcre_table(5)). Postfix looks at one
// header field or body line at a time and can't ask whether a message is a report, or whether something is absent: the rule
// of our own marks can't be said in it, and what can be said applies to all mail of the site. Each line is therefore safe
// alone, in all mail that was read.
func (f *Filter) postfix(a Action) string {
	action := map[Action]string{Junk: "HOLD", Discard: "DISCARD"}[a]
	lines := []string{"Stops the bounces of one flood of forged mail. Made by ndrscan filter.", "",
		"Postfix checks one header field or body line at a time. So these lines work on all mail of the site, in and out",
		"(also on a complaint that quotes the spam), and without the test that catches most in a Sieve script.",
		fmt.Sprintf("Replayed so: %s caught, %d of %d other messages lost.", share(f.LineReplay), f.LineReplay.Lost, f.LineReplay.Kept), ""}
	if a == Junk {
		lines = append(lines, "What they catch waits in the hold queue: postqueue -p lists it, postcat -q ID shows it, postsuper -H ID lets it go,",
			"postsuper -d ID deletes it.")
	}
	lines = append(lines, "Put this file into /etc/postfix/backscatter.pcre (postfix-pcre must be installed), then:",
		"  postconf nested_header_checks=pcre:/etc/postfix/backscatter.pcre body_checks=pcre:/etc/postfix/backscatter.pcre",
		"  postfix reload", "If you have such checks already, name both tables. Take it out when the flood is over.")
	var b strings.Builder
	b.WriteString(comments("#", lines) + "\n")
	for _, mark := range f.Line {
		fmt.Fprintf(&b, "/%s/ %s backscatter\n", pcre(mark), action)
	}
	return b.String()
}
