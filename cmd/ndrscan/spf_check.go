package main

import (
	"io"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan/report"
	"ndrscan/spf"
)

// newSPFCheck asks check_host() one question.
func (a *app) newSPFCheck() *cobra.Command {
	var b benchFlags
	var q struct {
		ip, from, helo string
		explain        bool
	}
	cmd := &cobra.Command{
		Use:   "check --ip ADDRESS --from SENDER",
		Short: "May this address send for that domain, and why",
		Long: `Asks SPF what a receiver would ask: may this client send mail with that sender? Shows the result, the term that decided
it, the way to it through includes, and how many look-ups it took; --explain tells every step in plain words.

With --record the sender's domain has this record instead of the one published, so that you can try it before.
With an empty sender (--from '') the name in HELO is checked, as receivers do for bounces.`,
		Example: `  ndrscan spf check --ip 198.18.0.25 --from joe@example.com --explain
  ndrscan spf check --ip 198.18.0.25 --from joe@example.com --record 'v=spf1 mx -all'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			req, err := request(q.ip, q.from, q.helo, cmd.Flags().Changed)
			if err != nil {
				return err
			}
			dns, err := b.open(checkedDomain(req))
			if err != nil {
				return err
			}
			out := (&spf.Checker{Resolver: dns, Now: a.now}).Check(cmd.Context(), req)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			c := checkAnswer(req, out)
			return b.print(a, c, func(w io.Writer, s report.Style) error { return report.WriteSPFCheck(w, c, q.explain, s) })
		},
	}
	f := cmd.Flags()
	f.StringVar(&q.ip, "ip", "", "the client's `ADDRESS`")
	f.StringVar(&q.from, "from", "", "the `SENDER` in MAIL FROM; '' for the null sender of bounces")
	f.StringVar(&q.helo, "helo", "", "what the client called itself: a `NAME`")
	f.BoolVar(&q.explain, "explain", false, "tell each step in plain words")
	b.addRecord(cmd, "the `RECORD` that the sender's domain is to have")
	b.add(cmd)
	return cmd
}

// request reads the question. A sender without @ is a domain.
func request(ip, from, helo string, given func(flag string) bool) (req spf.Request, err error) {
	switch {
	case ip == "":
		return req, hint(misused("--ip is missing"), "give the address that connected: --ip 198.18.0.25")
	case !given("from") && helo == "":
		return req, hint(misused("--from is missing"), "give the sender: --from joe@example.com")
	case strings.Trim(from, "<>") == "" && !given("helo"):
		return req, hint(misused("of a null sender the name in HELO is checked, and --helo is missing"), "give the name: --helo mail.example.com")
	}
	if req.IP, err = netip.ParseAddr(strings.Trim(ip, "[]")); err != nil {
		return req, hint(misused("--ip %q is no IP address", ip), "write it like 198.18.0.25 or 2001:2::25")
	}
	req.HELO = helo
	if from = strings.Trim(from, "<>"); from == "" {
		return req, nil
	}
	req.Sender = from
	if !strings.Contains(from, "@") {
		domain, err := domainName(from)
		if err != nil {
			return req, hint(misused("--from %q is no mail address", from), "write it like joe@example.com")
		}
		req.Sender = "postmaster@" + domain
	}
	return req, nil
}

func checkedDomain(req spf.Request) string {
	if req.Sender == "" {
		return req.HELO
	}
	return req.Sender[strings.LastIndexByte(req.Sender, '@')+1:]
}

func checkAnswer(req spf.Request, out spf.Outcome) report.SPFCheck {
	return report.SPFCheck{
		Result: string(out.Result), IP: req.IP.Unmap().WithZone("").String(), Sender: req.Sender, HELO: req.HELO, Domain: out.Domain,
		Mechanism: out.Mechanism, Path: out.Path, Explanation: out.Explanation, Problem: out.Problem,
		Lookups: out.Lookups, VoidLookups: out.VoidLookups, Steps: out.Steps,
	}
}
