package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan/proof"
	"ndrscan/report"
	"ndrscan/spf"
	"ndrscan/trace"
)

// composeFlags say what a record is to say.
type composeFlags struct {
	benchFlags
	mx        bool
	hosts     []string
	providers []string
	noMail    bool
	all       string
	fromScan  []string
	asMail    bool
}

// newSPFCompose writes a record.
func (a *app) newSPFCompose() *cobra.Command {
	var f composeFlags
	cmd := &cobra.Command{
		Use:   "compose DOMAIN",
		Short: "Write a record, with every choice explained",
		Long: `Writes the SPF record of a domain from the hosts and providers that send its mail, lints it, and says why each term is
there and what it costs. Without flags it asks, if there is a terminal to ask on.

From a scan (--from-scan) an address enters the record only if you named it (--own) or a proof ties it to you: a message in
Sent, or a valid DKIM signature of yours over the whole message, borne out by two witnesses. The proofs are in findings
(.jsonl); a report (.json) has only what you named. Each address shows its proof, and what was left out is listed.

Providers with a short name: ` + strings.Join(spf.Providers(), ", ") + `.`,
		Example: `  ndrscan spf compose example.com --mx --host 198.18.0.80 --provider google
  ndrscan spf compose example.com --from-scan findings.jsonl --all softfail --as-mail`,
		Args: domainArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			domain, err := domainName(args[0])
			if err != nil {
				return err
			}
			if err := ownDomain(domain); err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			return a.compose(cmd.Context(), domain, &f)
		},
	}
	fl := cmd.Flags()
	fl.BoolVar(&f.mx, "mx", false, "the hosts that take the domain's mail send it, too")
	fl.StringArrayVar(&f.hosts, "host", nil, "a `SOURCE` of mail: address, network or host name (repeatable)")
	fl.StringArrayVar(&f.providers, "provider", nil, "a provider that sends for the domain: short `NAME`, or the domain it says to include (repeatable)")
	fl.BoolVar(&f.noMail, "no-mail", false, "the domain sends no mail at all")
	fl.StringVar(&f.all, "all", "", "what happens to the rest: `fail` (-all) or softfail (~all); default: by the domain's DMARC policy")
	fl.StringArrayVar(&f.fromScan, "from-scan", nil, "take sources from a report (.json) or findings (.jsonl) of ndrscan scan: `FILE` (repeatable)")
	fl.BoolVar(&f.asMail, "as-mail", false, "write a letter to whoever runs the domain's DNS")
	completions(cmd, "all", []string{"fail", "softfail"})
	completions(cmd, "provider", spf.Providers())
	f.benchFlags.add(cmd)
	return cmd
}

// ownDomain refuses domains for which only their provider can publish.
func ownDomain(domain string) error {
	if _, err := trace.NewOwn([]string{domain}, nil, nil); err != nil {
		return hint(misused("%s is not yours to publish for: only its provider can, and does for itself", domain),
			"give a domain whose DNS you run; with an address at a public provider, DKIM and SPF are the provider's")
	}
	return nil
}

func (f *composeFlags) check() error {
	switch {
	case f.all != "" && f.all != "fail" && f.all != "softfail":
		return misused("--all %s: choose fail or softfail", f.all)
	case f.noMail && (f.mx || len(f.hosts)+len(f.providers) > 0 || len(f.fromScan) > 0):
		return misused("--no-mail and sources of mail exclude each other")
	case f.asMail && f.format == string(report.JSON):
		return misused("--as-mail and --format json exclude each other")
	}
	return nil
}

func (a *app) compose(ctx context.Context, domain string, f *composeFlags) error {
	dns, err := f.open(domain)
	if err != nil {
		return err
	}
	w := spf.Wish{Domain: domain, Senders: f.senders(), Soft: f.all == "softfail"}
	policy, _ := proof.DiscoverDMARC(ctx, dns, domain)
	w.DMARC = policy.Policy
	var candidates []string
	for _, file := range f.fromScan {
		found, left, err := scanSenders(file, domain)
		if err != nil {
			return err
		}
		w.Senders, candidates = append(w.Senders, found...), append(candidates, left...)
	}
	candidates = slices.DeleteFunc(candidates, func(c string) bool {
		return slices.ContainsFunc(w.Senders, func(s spf.Sender) bool { return strings.HasPrefix(c, s.Value+": ") })
	})
	if len(w.Senders) == 0 && !f.noMail {
		if len(f.fromScan) > 0 {
			return hint(fmt.Errorf("%s ties no address to %s", strings.Join(f.fromScan, ", "), domain),
				"name the sources: --mx, --host, --provider"+candidateHint(candidates))
		}
		if err := a.interview(ctx, dns, &w, f); err != nil {
			return err
		}
	} else if f.all == "" {
		w.Soft = enforced(w.DMARC)
	}
	draft, err := spf.Compose(ctx, dns, w)
	if bad := new(spf.SenderError); errors.As(err, &bad) {
		return withCode(exitUsage, err)
	}
	if err != nil {
		return err
	}
	if f.asMail {
		a.warnOfErrors(draft)
		return toStdout(func() error { _, err := io.WriteString(a.stdout, draft.Letter()); return err })
	}
	return f.print(a, draft, func(out io.Writer, s report.Style) error { return report.WriteSPFDraft(out, draft, candidates, s) })
}

// warnOfErrors: a letter has no room for what lint says, and nobody should send one for a record that is broken.
func (a *app) warnOfErrors(d *spf.Draft) {
	for _, i := range d.Issues {
		if i.Severity == spf.SeverityError {
			fmt.Fprintf(a.stderr, "ndrscan: don't send this yet: %s: %s (without --as-mail you see more)\n", i.ID, report.Clean(i.Problem))
		}
	}
}

func candidateHint(candidates []string) string {
	if len(candidates) == 0 {
		return ""
	}
	return "; seen, but not proved: " + strings.Join(candidates[:min(len(candidates), knownIDs)], ", ")
}

// enforced: DMARC refuses or quarantines forgeries, so that SPF needn't do it alone.
func enforced(policy string) bool { return policy == "quarantine" || policy == "reject" }

// senders are those given by flags.
func (f *composeFlags) senders() (list []spf.Sender) {
	const named = "you named it"
	for _, host := range f.hosts {
		list = append(list, sender(host, named))
	}
	if f.mx {
		list = append(list, spf.Sender{Kind: spf.MailHosts, Proof: named})
	}
	for _, p := range f.providers {
		list = append(list, spf.Sender{Kind: spf.Provider, Value: p, Proof: named})
	}
	return list
}

// sender tells an address or network from a name.
func sender(text, why string) spf.Sender {
	_, err := netip.ParseAddr(text)
	if err == nil || strings.Contains(text, "/") {
		return spf.Sender{Kind: spf.Address, Value: text, Proof: why}
	}
	return spf.Sender{Kind: spf.HostName, Value: text, Proof: why}
}
