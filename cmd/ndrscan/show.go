package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"ndrscan/bundle"
	"ndrscan/report"
)

// newShow renders what was saved again: no mailbox, no DNS.
func (a *app) newShow() *cobra.Command {
	var w writing
	var verbose, noColor bool
	cmd := &cobra.Command{
		Use:   "show FILE",
		Short: "Show a saved report or saved findings again, in any format",
		Long: `Reads what scan wrote and shows it again, as scan would have: no mailbox and no DNS is asked.

FILE is a report (scan -o report.json), findings (scan -o findings.jsonl) or an evidence bundle (scan --bundle FILE.zip); its
content decides, not its name; - is standard input. A report shows as it was; findings are counted anew, so that files that
were joined or cut to some of their lines show what those messages prove together; what only the run knew (the state of your
domains, what was assumed yours) is not in them. What shows every message (jsonl, findings-csv) needs findings or a bundle.`,
		Example: `  ndrscan show report.json
  ndrscan show report.json -o ticket.md -o origins.csv
  grep '"kind":"bounce"' findings.jsonl | ndrscan show -`,
		Args: usage(cobra.ExactArgs(1)),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := w.check(); err != nil {
				return err
			}
			if err := checkFolders(w.files); err != nil {
				return err
			}
			collectLate()
			saved, err := a.openSaved(args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			defer saved.Close()
			c, err := saved.Content(a.now())
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if err := unchanged(saved, args[0], w.holdFindings() && c.Findings != nil); err != nil {
				return err
			}
			if _, _, bundled := saved.Bundle(); c.Findings != nil && !bundled && args[0] != "-" {
				pasted{findings: quote(args[0])}.complete(c.Report)
			}
			hide, err := a.redactor(w.redacting)
			if err != nil {
				return err
			}
			return a.show(redactContent(c, hide), &w, a.style(verbose, noColor))
		},
	}
	w.addFormat(cmd.Flags())
	w.redacting.addFlags(cmd.Flags())
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show all rows and reason codes")
	cmd.Flags().BoolVar(&noColor, "no-color", false, "no colours (NO_COLOR does the same)")
	completions(cmd, "format", report.Formats())
	return cmd
}

// openSaved opens a saved file, or reads standard input.
func (a *app) openSaved(name string) (*report.Saved, error) {
	if name == "-" {
		return report.ReadSaved(a.stdin)
	}
	return report.OpenSaved(name)
}

// unchanged holds what is shown of a bundle against its manifest, as scan does with what it reads of one.
func unchanged(saved *report.Saved, name string, findings bool) error {
	in, size, ok := saved.Bundle()
	if !ok {
		return nil
	}
	b, err := bundle.Read(in, size, name)
	if err != nil {
		return err
	}
	files := []string{bundle.ReportFile}
	if findings {
		files = append(files, bundle.FindingsFile)
	}
	return b.Check(files...)
}

// show writes the files first: whoever reads standard output may go away.
func (a *app) show(c report.Content, w *writing, style report.Style) error {
	if w.holdFindings() && c.Findings == nil {
		return hint(report.ErrNoFindings, "what shows every message needs findings (scan -o findings.jsonl) or a bundle")
	}
	if err := w.writeFiles(c); err != nil {
		return err
	}
	return toStdout(func() error { return report.Write(a.stdout, report.Format(w.format), c, style) })
}
