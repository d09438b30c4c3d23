package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/report"
)

// newExplain shows one message's reasoning. The whole source is read, since a class can depend on the other messages.
func (a *app) newExplain() *cobra.Command {
	var r reading
	cmd := &cobra.Command{
		Use:   "explain SOURCE ID",
		Short: "Show the reasoning behind one message, hop by hop",
		Long: `Reads a source as scan does and explains one of its messages: what it is, who handed it over, every Received line of the
returned original and whether it is believed, SPF, DKIM, and the class with its reasons.

The ID is what the report calls it: a UID over IMAP (MAILBOX/UID if several are read), the byte offset in an mbox, the path
below a folder. Give the same flags as to scan; the class depends on them.`,
		Example: `  ndrscan explain --own 192.0.2.1 flood.mbox 104211
  ndrscan explain imaps://you@mail.example.com INBOX/4711`,
		Args: usage(cobra.ExactArgs(2)),
		RunE: func(cmd *cobra.Command, args []string) error {
			j, err := a.newJob(cmd, &r, args[:1])
			if err != nil {
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
			return toStdout(func() error { return report.Explain(a.stdout, f, j.style()) })
		},
	}
	r.addFlags(cmd.Flags())
	return cmd
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
