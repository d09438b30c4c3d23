package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/report"
)

// newExplain shows one message's reasoning. The whole source is read, since a class can depend on the other messages.
func (a *app) newExplain() *cobra.Command {
	var r reading
	var hide redacting
	cmd := &cobra.Command{
		Use:   "explain SOURCE ID | CODE",
		Short: "Show the reasoning behind one message, hop by hop, or what a reason code means",
		Long: `Reads a source as scan does and explains one of its messages: what it is, who handed it over, every Received line of the
returned original and whether it is believed, SPF, DKIM, and the class with its reasons.

The ID is what the report calls it: a UID over IMAP (MAILBOX/UID if several are read), the byte offset in an mbox, the path
below a folder. Give the same flags as to scan; the class depends on them.

With a reason code such as spf-fail alone it says what the code means, how much it weighs and where that is from.`,
		Example: `  ndrscan explain --own 192.0.2.1 flood.mbox 104211
  ndrscan explain imaps://you@mail.example.com INBOX/4711`,
		Args:              usage(cobra.RangeArgs(1, 2)),
		ValidArgsFunction: completeCodes,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				return a.explainCode(args[0])
			}
			j, err := a.newJob(cmd, &r, args[:1])
			if err != nil {
				return err
			}
			if err := hide.check(); err != nil {
				return err
			}
			j.keep = true
			result, err := whole(j.run(cmd.Context()))
			if err != nil {
				return err
			}
			defer result.Close()
			f, err := pick(result, args[0], args[1])
			if err != nil {
				return err
			}
			redactor, err := a.redactor(hide)
			if err != nil {
				return err
			}
			return toStdout(func() error { return report.Explain(a.stdout, redactor.Finding(f), j.style()) })
		},
	}
	r.addFlags(cmd.Flags())
	hide.addFlags(cmd.Flags())
	return cmd
}

// explainCode prints a row of the rule table.
func (a *app) explainCode(code string) error {
	rule, ok := classify.Rule(code)
	if !ok {
		err := misused("%s is no reason code", code)
		if like := likeCodes(code); len(like) > 0 {
			return hint(err, "did you mean "+strings.Join(like, " or ")+"?")
		}
		return hint(err, "to explain a message: ndrscan explain "+quote(code)+" ID; docs/reasons.md lists the codes")
	}
	return toStdout(func() error {
		style := a.style(false, false)
		fmt.Fprintf(a.stdout, "%s: %s\n\n", rule.Code, rule.Says)
		fmt.Fprintf(a.stdout, "%s\n\n", wrap(rule.Means, style.Width))
		fmt.Fprintf(a.stdout, "Weight  %d: %s\nSource  %s\n", rule.Weight, classify.WeightText(rule.Weight), rule.Source)
		if len(rule.For) > 0 {
			fmt.Fprintf(a.stdout, "Part of %s\n", joined(rule.For))
		}
		if len(rule.Against) > 0 {
			fmt.Fprintf(a.stdout, "Rules out %s\n", joined(rule.Against))
		}
		return nil
	})
}

// wrap breaks a text into lines at blanks; width 0 is that of a page.
func wrap(text string, width int) string {
	if width == 0 {
		width = 100
	}
	var out strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		switch n := len([]rune(word)); {
		case used == 0:
			used = n
		case used+1+n > width:
			out.WriteByte('\n')
			used = n
		default:
			out.WriteByte(' ')
			used += 1 + n
		}
		out.WriteString(word)
	}
	return out.String()
}

// likeCodes lists codes that share a word with what was typed.
func likeCodes(typed string) []string {
	var like []string
	for _, rule := range classify.Rules() {
		for word := range strings.SplitSeq(typed, "-") {
			if len(word) > 2 && strings.Contains(rule.Code, word) && len(like) < knownIDs && !slices.Contains(like, rule.Code) {
				like = append(like, rule.Code)
			}
		}
	}
	return like
}

func completeCodes(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	var list []string
	for _, rule := range classify.Rules() {
		if len(args) == 0 {
			list = append(list, rule.Code)
		}
	}
	return list, cobra.ShellCompDirectiveDefault
}

// knownIDs is how many ids an error shows, so that one sees what they look like.
const knownIDs = 5

// pick finds the finding with an id, as it is or as a report prints it.
func pick(result *ndrscan.Result, source, id string) (classify.Finding, error) {
	var known []string
	for f, err := range result.Findings() {
		if err != nil {
			return f, fmt.Errorf("reading the findings: %w", err)
		}
		if f.ID == id || report.Clean(f.ID) == id {
			return f, nil
		}
		if len(known) < knownIDs && (f.Kind == "bounce" || result.Report.Kinds["bounce"] == 0) {
			known = append(known, f.ID)
		}
	}
	if len(known) == 0 {
		return classify.Finding{}, fmt.Errorf("%s: no message %s; none at all were read", source, id)
	}
	err := fmt.Errorf("%s: no message %s among the %d that were read", source, id, result.Report.Read)
	return classify.Finding{}, hint(err, "ids look like "+strings.Join(known, ", ")+"; --since and --mailbox decide what is read")
}
