package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan/report"
	"ndrscan/resolve"
	"ndrscan/spf"
)

// newSPFLint complains about a policy.
func (a *app) newSPFLint() *cobra.Command {
	var b benchFlags
	var failOn string
	cmd := &cobra.Command{
		Use:   "lint DOMAIN",
		Short: "What is wrong with a policy, why it hurts, how to mend it",
		Long: `Puts a domain's SPF policy, and the records it leads to, to every rule there is: publication (P), syntax (S), limits and
targets (L), policy (Y). Each complaint shows the term, what it does to mail and how to mend it.

Exit code: 0 done; 1 failed; 2 wrong usage; 3 with --fail-on, if there is something that bad or worse.`,
		Example: `  ndrscan spf lint example.com
  ndrscan spf lint example.com --record 'v=spf1 mx include:spf.example.net -all' --fail-on warning`,
		Args: domainArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			least := spf.Severity(failOn)
			if failOn != "" && least != spf.SeverityError && least != spf.SeverityWarning {
				return misused("--fail-on %s: choose error or warning", failOn)
			}
			domain, err := domainName(args[0])
			if err != nil {
				return err
			}
			dns, err := b.open(domain)
			if err != nil {
				return err
			}
			r, err := spf.Lint(cmd.Context(), dns, domain, spf.LintOptions{Authorities: b.authorities()})
			if errors.Is(err, spf.ErrNoDomain) {
				return hint(err, "is the name right? --dns HOST asks another name server")
			}
			if err != nil {
				return err
			}
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := b.print(a, r, func(w io.Writer, s report.Style) error { return report.WriteSPFLint(w, r, s) }); err != nil {
				return err
			}
			if failOn != "" && r.Worst(least) {
				return withCode(exitFailOn, nil)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&failOn, "fail-on", "", "exit with 3 on `error` or warning")
	completions(cmd, "fail-on", []spf.Severity{spf.SeverityError, spf.SeverityWarning})
	b.addRecord(cmd, "lint this `RECORD` as if the domain had it; one in several strings: '\"v=spf1 ...\" \"...\"'")
	b.add(cmd)
	return cmd
}

// maxAuthorities bounds the name servers that are asked.
const maxAuthorities = 8

// authorities asks each of a domain's name servers by itself. A zone file, an overlay or a record that isn't published has
// none. They listen where --dns says, if it names a port: a laboratory has no port 53.
func (b *benchFlags) authorities() func(context.Context, string) []spf.Authority {
	if strings.HasPrefix(b.dns, "zone:") || b.overlay != "" || b.record != "" {
		return nil
	}
	port := "53"
	if _, p, err := net.SplitHostPort(b.dns); err == nil {
		port = p
	}
	return func(ctx context.Context, domain string) (list []spf.Authority) {
		names, _ := b.client.LookupNS(ctx, domain)
		for _, name := range names[:min(len(names), maxAuthorities)] {
			list = append(list, b.askAuthority(ctx, name, port, domain))
		}
		return list
	}
}

func (b *benchFlags) askAuthority(ctx context.Context, name, port, domain string) spf.Authority {
	answer := spf.Authority{Server: name}
	addrs, err := b.client.LookupA(ctx, name)
	if err == nil && len(addrs) == 0 {
		addrs, err = b.client.LookupAAAA(ctx, name)
	}
	if err != nil || len(addrs) == 0 {
		answer.Err = fmt.Errorf("%s has no address", name)
		return answer
	}
	answer.Texts, answer.Err = askServer(ctx, addrs[0], port, domain, b)
	return answer
}

func askServer(ctx context.Context, ip netip.Addr, port, domain string, b *benchFlags) ([]string, error) {
	client, err := resolve.Open(net.JoinHostPort(ip.String(), port), resolve.Options{Timeout: b.dnsTimeout})
	if err != nil {
		return nil, err
	}
	return client.LookupTXT(ctx, domain)
}
