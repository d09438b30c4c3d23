package filter

import (
	"fmt"
	"strings"
)

// Bounds of a mail flow rule in Exchange Online: 8 KB a rule ("The rule can't be created because it is too large"), of which
// the marks may take this much; maxRuleMarks keeps it readable.
const maxRuleText = 6000

// exchange writes mail flow rules for Exchange Online PowerShell (New-TransportRule). Whether a rule finds text in a returned
// original depends on how the report is built and what Exchange takes out of attachments, and that can't be tried here. So
// only marks are used whose presence is enough: the worst is that a rule catches little. The rule of our own marks is left
// out, for a text that Exchange fails to see would make it take a genuine bounce.
func (f *Filter) exchange(a Action) string {
	action := map[Action]string{Junk: "-Quarantine $true", Discard: "-DeleteMessage $true"}[a]
	lines := []string{"Puts the bounces of one flood of forged mail aside. Made by ndrscan filter, for Exchange Online PowerShell.", "",
		fmt.Sprintf("Its marks stand in %s, in %d of %d other messages.", share(f.LineReplay), f.LineReplay.Lost, f.LineReplay.Kept),
		"How much of that Exchange finds in the returned originals can't be tried here: look at it first with -Mode Audit.",
		"The service's own switch against backscatter, for mail that Microsoft 365 sends and signs for you:",
		"  Set-HostedContentFilterPolicy -Identity Default -MarkAsSpamNdrBackscatter On",
		"Remove the rules when the flood is over: Get-TransportRule 'ndrscan backscatter *' | Remove-TransportRule"}
	var b strings.Builder
	b.WriteString(comments("#", lines) + "\n")
	fmt.Fprintf(&b, "$to = %s\n", powerShellList(f.To))
	fmt.Fprintf(&b, "$marks = %s\n\n", powerShellList(f.rulePatterns()))
	reports := []string{
		"-HeaderContainsMessageHeader 'Content-Type' -HeaderContainsWords " + powerShell(reportType),
		"-FromAddressContainsWords 'mailer-daemon','postmaster','mdaemon'",
	}
	n := 0
	for _, report := range reports {
		for _, where := range []string{"-AttachmentMatchesPatterns $marks", "-SubjectOrBodyMatchesPatterns $marks"} {
			n++
			fmt.Fprintf(&b, "New-TransportRule -Name 'ndrscan backscatter %d' -RecipientAddressContainsWords $to `\n  %s `\n  %s %s\n", n, report, where, action)
		}
	}
	return b.String()
}

// rulePatterns are the marks as patterns, as many as fit.
func (f *Filter) rulePatterns() []string {
	var list []string
	size := 0
	for _, mark := range f.Line {
		p := exchangePattern(mark)
		if size += len(p) + 3; size > maxRuleText {
			break
		}
		list = append(list, p)
	}
	return list
}

func powerShellList(list []string) string {
	var quoted []string
	for _, text := range list {
		quoted = append(quoted, powerShell(text))
	}
	return strings.Join(quoted, ",")
}
