package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"ndrscan/report"
	"ndrscan/spf"
)

// newSPFExplain shows a policy as the tree it is.
func (a *app) newSPFExplain() *cobra.Command {
	var b benchFlags
	cmd := &cobra.Command{
		Use:   "explain DOMAIN",
		Short: "The policy in plain words, as the tree of records it is",
		Long: `Shows a domain's SPF policy as the tree of records it is: each term in a plain sentence, the addresses behind it, what it
costs of the ten look-ups, which passes are shared with strangers, and what is never reached.`,
		Example: `  ndrscan spf explain example.com
  ndrscan spf explain example.com --record 'v=spf1 mx include:spf.example.net ~all'`,
		Args: domainArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			domain, err := domainName(args[0])
			if err != nil {
				return err
			}
			dns, err := b.open(domain)
			if err != nil {
				return err
			}
			tree := spf.NewSurvey(cmd.Context(), dns, domain)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := noPolicy(tree); err != nil {
				return err
			}
			x := tree.Explain()
			return b.print(a, x, func(w io.Writer, s report.Style) error { return report.WriteSPFTree(w, x, tree.Cut, s) })
		},
	}
	b.addRecord(cmd, "explain this `RECORD` as if the domain had it")
	b.add(cmd)
	return cmd
}

// noPolicy is the error where there is nothing to explain.
func noPolicy(tree *spf.Survey) error {
	switch root := tree.Root; root.Trouble {
	case spf.Missing:
		return hint(fmt.Errorf("%s", root.Problem), "ndrscan spf lint "+tree.Domain+" says more; ndrscan spf compose writes a record")
	case spf.Several:
		return hint(fmt.Errorf("%s", root.Problem), "ndrscan spf lint "+tree.Domain+" shows them")
	case spf.Unreachable:
		return hint(fmt.Errorf("%s", root.Problem), "is the name right? --dns HOST asks another name server")
	}
	return nil
}
