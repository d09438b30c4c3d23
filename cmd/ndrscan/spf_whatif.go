package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"ndrscan/classify"
	"ndrscan/report"
	"ndrscan/spf"
)

// newSPFTest replays a scan against a record that isn't published yet.
func (a *app) newSPFTest() *cobra.Command {
	var b benchFlags
	var findings, domain string
	cmd := &cobra.Command{
		Use:   "test --record RECORD --findings FILE",
		Short: "What a new record would have done to a scan's messages",
		Long: `Replays the messages of a scan against a record before you publish it, beside the one published now: how many forgeries it
would have failed, and which of your own messages it would have broken.

The findings come from ndrscan scan -o findings.jsonl. Mail of your own is recognised best with --sent and --own in the scan.`,
		Example: `  ndrscan scan --own 198.18.0.25 --sent Sent.mbox -o findings.jsonl flood.mbox
  ndrscan spf test --record 'v=spf1 mx -all' --findings findings.jsonl`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if b.record == "" || findings == "" {
				return hint(misused("--record and --findings are needed"), "usage: "+cmd.UseLine())
			}
			parts, err := readRecord(string(b.record))
			if err != nil {
				return err
			}
			replay, err := a.rehearse(cmd.Context(), &b, parts, findings, domain)
			if err != nil {
				return err
			}
			return b.print(a, replay, func(w io.Writer, s report.Style) error { return report.WriteSPFReplay(w, replay, s) })
		},
	}
	cmd.Flags().StringVar(&findings, "findings", "", "findings of a scan: `FILE`.jsonl, or - for standard input")
	cmd.Flags().StringVar(&domain, "domain", "", "the `DOMAIN` that is to have the record (default: the one most messages were sent as)")
	b.addRecord(cmd, "the `RECORD` to be tried")
	b.add(cmd)
	return cmd
}

// readRecord takes a record that must be one: what isn't can't be rehearsed.
func readRecord(text string) ([]string, error) {
	parts, err := spf.ReadRecord(text)
	if err != nil {
		return nil, misused("--record: %w", err)
	}
	joined := ""
	for _, p := range parts {
		joined += p
	}
	if _, err := spf.Parse(joined); err != nil {
		return nil, hint(misused("--record: %w", err), "ndrscan spf lint DOMAIN --record '...' says more")
	}
	return parts, nil
}

func (a *app) rehearse(ctx context.Context, b *benchFlags, parts []string, file, domain string) (*spf.Replay, error) {
	list, err := a.readPasts(file)
	if err != nil {
		return nil, err
	}
	if domain == "" {
		domain = commonDomain(list)
	} else if domain, err = domainName(domain); err != nil {
		return nil, err
	}
	if domain == "" {
		return nil, hint(fmt.Errorf("%s: %w", file, errNoDomain), "name it with --domain")
	}
	record := b.record
	b.record = "" // published is what DNS has
	_, err = b.open(domain)
	b.record = record
	if err != nil {
		return nil, err
	}
	r := spf.NewRehearsal(b.client, domain, parts)
	for _, p := range list {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r.Add(ctx, p)
	}
	return r.Result(ctx), nil
}

// readPasts reads the findings; of each only what SPF is asked about is kept.
func (a *app) readPasts(file string) (list []spf.Past, err error) {
	in := a.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, fmt.Errorf("--findings: %w", err)
		}
		defer f.Close()
		in = f
	}
	err = eachFinding(in, file, func(f classify.Finding) { list = append(list, past(f)) })
	if err == nil && len(list) == 0 {
		err = hint(fmt.Errorf("%s holds no finding", file), "ndrscan scan SOURCE -o findings.jsonl writes findings")
	}
	return list, err
}

// commonDomain is the domain most bounced messages were sent as.
func commonDomain(list []spf.Past) (domain string) {
	counts := map[string]int{}
	for _, p := range list {
		if d := mailDomain(p.Sender); d != "" && p.Class != "" {
			if counts[d]++; counts[d] > counts[domain] || counts[d] == counts[domain] && d < domain {
				domain = d
			}
		}
	}
	return domain
}
