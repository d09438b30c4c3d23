package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ndrscan/classify"
	"ndrscan/internal/netinfo"
	"ndrscan/proof"
	"ndrscan/report"
	"ndrscan/resolve"
	"ndrscan/spf"
)

// doctorFlags say how far the doctor goes.
type doctorFlags struct {
	benchFlags
	selectors []string
	findings  string
	hosts     []string
	enrich    []string
	connect   bool
}

// newDoctor looks a domain over.
func (a *app) newDoctor() *cobra.Command {
	var f doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor DOMAIN",
		Short: "SPF, DKIM, DMARC, MX and hosts of a domain, problems first",
		Long: `Looks a domain over, on one screen with the problems first: SPF, DMARC (found by the tree walk of RFC 9989), the DKIM keys
of the selectors given or seen in findings, MX, and the names of its hosts both ways.

Asked for by flags only: block lists (--enrich dnsbl tells their operators which addresses you look at) and the
submission ports 587 and 465 (--connect opens connections to your mail hosts).`,
		Example: `  ndrscan doctor example.com --selector mail
  ndrscan doctor example.com --findings findings.jsonl --enrich dnsbl --connect`,
		Args: domainArg,
		RunE: func(cmd *cobra.Command, args []string) error {
			domain, err := domainName(args[0])
			if err != nil {
				return err
			}
			for _, e := range f.enrich {
				if e != "dnsbl" {
					return misused("--enrich %s: this command knows dnsbl", e)
				}
			}
			if _, err := f.open(domain); err != nil {
				return err
			}
			c, err := f.examine(cmd.Context(), domain)
			if err != nil {
				return err
			}
			return f.print(a, c, func(w io.Writer, s report.Style) error { return report.WriteCheckup(w, c, s) })
		},
	}
	fl := cmd.Flags()
	fl.StringArrayVar(&f.selectors, "selector", nil, "a DKIM `SELECTOR` of the domain (repeatable)")
	fl.StringVar(&f.findings, "findings", "", "take DKIM selectors from these findings: `FILE`.jsonl")
	fl.StringArrayVar(&f.hosts, "host", nil, "a `HOST` of yours that sends, beside the MX hosts and those in the SPF record: name or address (repeatable)")
	fl.StringSliceVar(&f.enrich, "enrich", nil, "ask third parties, too: `dnsbl`")
	fl.BoolVar(&f.connect, "connect", false, "try the submission ports")
	f.add(cmd)
	completions(cmd, "enrich", []string{"dnsbl"})
	return cmd
}

// doctor is a checkup under way.
type doctor struct {
	*doctorFlags
	ctx    context.Context
	dns    *resolve.Client
	domain string
	out    *report.Checkup
	spf    *spf.Report
	dmarc  proof.DMARC
	mx     []string
	hosts  []host
}

// host is an address of the domain's own, under the name by which it was found; "" if only the address is known.
type host struct {
	name string
	ip   netip.Addr
}

func (f *doctorFlags) examine(ctx context.Context, domain string) (*report.Checkup, error) {
	d := &doctor{doctorFlags: f, ctx: ctx, dns: f.client, domain: domain}
	d.out = &report.Checkup{Domain: domain, Checks: []report.Check{}, NotRun: []report.Check{}}
	if err := d.checkSPF(); err != nil {
		return nil, err
	}
	d.checkDMARC()
	if err := d.checkDKIM(); err != nil {
		return nil, err
	}
	d.checkMX()
	if err := d.findHosts(); err != nil {
		return nil, err
	}
	d.checkNames()
	d.checkLists()
	d.checkSubmission()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	d.out.Sort()
	return d.out, nil
}

func (d *doctor) say(state report.State, topic, fix, format string, args ...any) {
	d.out.Checks = append(d.out.Checks, report.Check{State: state, Topic: topic, Text: fmt.Sprintf(format, args...), Fix: fix})
}

func (d *doctor) checkSPF() (err error) {
	d.spf, err = spf.Lint(d.ctx, d.dns, d.domain, spf.LintOptions{})
	if errors.Is(err, spf.ErrNoDomain) {
		return hint(err, "is the name right? --dns HOST asks another name server")
	}
	if err != nil {
		return err
	}
	good := true
	for _, i := range d.spf.Issues {
		state := map[spf.Severity]report.State{spf.SeverityError: report.Problem, spf.SeverityWarning: report.Warning}[i.Severity]
		if state == "" {
			continue
		}
		good = false
		where := ""
		if i.Term != "" && !strings.Contains(i.Problem, i.Term) {
			where = i.Term + ": "
		}
		d.say(state, "SPF", i.Fix, "%s%s (%s)", where, i.Problem, i.ID)
	}
	if good {
		d.say(report.Fine, "SPF", "", "%s (%d of 10 look-ups)", d.spf.Record, d.spf.Lookups)
	}
	return nil
}

func (d *doctor) checkDMARC() {
	var err error
	if d.dmarc, err = proof.DiscoverDMARC(d.ctx, d.dns, d.domain); err != nil {
		d.say(report.Unknown, "DMARC", "", "%v", err)
		return
	}
	p := d.dmarc
	if p.Problem != "" {
		d.say(report.Problem, "DMARC", "Publish exactly one record like v=DMARC1; p=none; rua=mailto:...", "%s", p.Problem)
	}
	found := fmt.Sprintf("p=%s, found at _dmarc.%s", p.Policy, p.Found)
	if p.Reports {
		found += ", with reports"
	}
	switch {
	case p.Policy == "" && p.Found != "": // that is the problem
	case p.Policy == "":
		d.say(report.Warning, "DMARC", fmt.Sprintf("Publish _dmarc.%s TXT \"v=DMARC1; p=none; rua=mailto:...\" and read the reports.", d.domain),
			"no policy on the way from %s up: receivers neither act on forgeries of From nor report them", d.domain)
	case p.Policy == "reject" && d.softSPFOnly():
		d.say(report.Warning, "DMARC", "Sign all mail with DKIM: forwarded mail passes by it alone (RFC 9989).",
			"%s; no DKIM key is known, and a p=reject domain must not rely on SPF alone", found)
	case p.Policy == "none" || p.Testing:
		d.say(report.Warning, "DMARC", "When the reports show that your own mail passes, change to p=quarantine.", "%s: forgeries are reported at most, not stopped", found)
	default:
		d.say(report.Fine, "DMARC", "", "%s", found)
	}
}

// softSPFOnly: nobody named a selector, so no key is known.
func (d *doctor) softSPFOnly() bool { return len(d.selectors) == 0 && d.findings == "" }

func (d *doctor) checkDKIM() error {
	if d.findings != "" {
		seen, err := seenSelectors(d.findings, d.domain)
		if err != nil {
			return err
		}
		d.selectors = append(d.selectors, seen...)
	}
	if len(d.selectors) == 0 {
		d.out.NotRun = append(d.out.NotRun, report.Check{Topic: "DKIM", Text: "no selector is known; --selector NAME (s= in a DKIM-Signature of yours), or --findings"})
	}
	for _, s := range d.selectors {
		d.checkKey(s)
	}
	return nil
}

func (d *doctor) checkKey(selector string) {
	name := selector + "._domainkey." + d.domain
	txts, err := d.dns.LookupTXT(d.ctx, name)
	switch {
	case err != nil:
		d.say(report.Unknown, "DKIM", "", "%v", err)
		return
	case len(txts) == 0:
		d.say(report.Problem, "DKIM", "Publish the key, or sign with a selector that has one.", "no key at %s: no signature of it can be verified", name)
		return
	}
	var problem error
	for _, txt := range txts {
		words, err := proof.DescribeKey(txt)
		if err == nil {
			d.say(report.Fine, "DKIM", "", "%s: %s", selector, words)
			return
		}
		problem = err
	}
	d.say(report.Problem, "DKIM", "Publish the key anew, whole and in one record.", "%s: %v", name, problem)
}

// seenSelectors are those under which the domain signed, in the findings of a scan.
func seenSelectors(file, domain string) (list []string, err error) {
	err = readFindings(file, func(f classify.Finding) {
		for _, s := range f.DKIM {
			if strings.EqualFold(s.Domain, domain) && len(list) < maxAnswers && !slices.Contains(list, s.Selector) {
				list = append(list, s.Selector)
			}
		}
	})
	return list, err
}

func (d *doctor) checkMX() {
	var err error
	d.mx, err = d.dns.LookupMX(d.ctx, d.domain)
	switch {
	case err != nil:
		d.say(report.Unknown, "MX", "", "%v", err)
	case len(d.mx) == 0:
		d.say(report.Warning, "MX", "Publish MX records, or a null MX (0 .) if the domain takes no mail.", "none: senders fall back to the address of %s itself", d.domain)
	case d.mx[0] == "":
		d.mx = nil
		d.say(report.Fine, "MX", "", "null MX: the domain takes no mail, so bounces of forgeries have nowhere to go")
	default:
		d.checkMXHosts()
	}
}

func (d *doctor) checkMXHosts() {
	good := true
	for _, name := range d.mx {
		if alias, _ := d.dns.LookupCNAME(d.ctx, name); len(alias) > 0 {
			good = false
			d.say(report.Warning, "MX", "Name the host itself.", "%s is an alias (CNAME), which RFC 2181 section 10.3 forbids", name)
		}
		addrs, err := d.addresses(name)
		if err == nil && len(addrs) == 0 {
			good = false
			d.say(report.Problem, "MX", "Give it an address, or take it out.", "%s has no address", name)
		}
	}
	if good {
		d.say(report.Fine, "MX", "", "%s", strings.Join(d.mx, ", "))
	}
}

func (d *doctor) addresses(name string) ([]netip.Addr, error) {
	v4, err := d.dns.LookupA(d.ctx, name)
	if err != nil {
		return nil, err
	}
	v6, err := d.dns.LookupAAAA(d.ctx, name)
	return append(v4, v6...), err
}

// maxDoctorHosts bounds the addresses that are looked at.
const maxDoctorHosts = 16

// findHosts gathers the addresses that are the domain's own: its MX hosts of its own organisation, single addresses in its
// SPF record, and what was named.
func (d *doctor) findHosts() error {
	for _, name := range d.mx {
		if proof.Aligned(name, d.domain) {
			d.addHost(name)
		}
	}
	if p, err := spf.Parse(d.spf.Record); err == nil {
		for _, t := range p.Terms {
			if t.Qualifier == spf.Pass && t.Network.IsValid() && t.Network.IsSingleIP() {
				d.addAddress("", t.Network.Addr())
			}
		}
	}
	for _, name := range d.doctorFlags.hosts {
		if ip, err := netip.ParseAddr(name); err == nil {
			d.addAddress("", ip.Unmap())
			continue
		}
		if _, err := domainName(name); err != nil {
			return misused("--host %q is no host name and no address", name)
		}
		d.addHost(name)
	}
	return nil
}

func (d *doctor) addHost(name string) {
	addrs, _ := d.addresses(name)
	for _, ip := range addrs {
		d.addAddress(name, ip)
	}
}

func (d *doctor) addAddress(name string, ip netip.Addr) {
	if len(d.hosts) < maxDoctorHosts && !slices.ContainsFunc(d.hosts, func(h host) bool { return h.ip == ip }) {
		d.hosts = append(d.hosts, host{name, ip})
	}
}

// checkNames wants a reverse name for each host that leads back to it: many receivers refuse mail without.
func (d *doctor) checkNames() {
	var good []string
	for _, h := range d.hosts {
		names, err := d.dns.LookupPTR(d.ctx, h.ip)
		switch confirmed := d.confirmed(names, h.ip); {
		case err != nil:
			d.say(report.Unknown, "hosts", "", "%v", err)
		case len(names) == 0:
			d.say(report.Problem, "hosts", "Let whoever runs the address set its reverse name to the host's name.", "%s has no reverse name: many receivers refuse its mail", h)
		case confirmed == "":
			d.say(report.Problem, "hosts", "Let the reverse name and the address of that name agree.", "%s is called %s, which doesn't lead back to it", h, strings.Join(names[:min(len(names), knownIDs)], ", "))
		default:
			good = append(good, h.ip.String()+" = "+confirmed)
		}
	}
	if len(good) > 0 {
		d.say(report.Fine, "hosts", "", "names agree both ways: %s", strings.Join(good, ", "))
	}
}

func (d *doctor) confirmed(names []string, ip netip.Addr) string {
	for _, name := range names[:min(len(names), 10)] { // RFC 7208 section 5.5 looks at ten, too
		if addrs, _ := d.addresses(name); slices.Contains(addrs, ip) {
			return name
		}
	}
	return ""
}

func (h host) String() string {
	if h.name == "" {
		return h.ip.String()
	}
	return h.name + " (" + h.ip.String() + ")"
}

func (d *doctor) checkLists() {
	if !slices.Contains(d.enrich, "dnsbl") {
		d.out.NotRun = append(d.out.NotRun, report.Check{Topic: "block lists", Text: "--enrich dnsbl asks them"})
		return
	}
	var good []string
	for _, h := range d.hosts {
		clean := true
		for _, l := range netinfo.BlockLists(d.ctx, d.dns, h.ip) {
			switch {
			case l.Listed:
				clean = false
				d.say(report.Problem, "block lists", "Find out why at the list's own page, stop it, then ask to be taken off.", "%s is on %s: %s", h, l.List, strings.Join(l.Codes, ", "))
			case l.Err != "":
				clean = false
				d.say(report.Unknown, "block lists", "", "%s gave no answer about %s: %s", l.List, h, l.Err)
			}
		}
		if clean {
			good = append(good, h.ip.String())
		}
	}
	if len(d.hosts) == 0 {
		d.noHosts("block lists")
	}
	if len(good) > 0 {
		d.say(report.Fine, "block lists", "", "not listed: %s", strings.Join(good, ", "))
	}
}

// submissionPorts are where people who are elsewhere hand in their mail, RFC 8314 section 3.
var submissionPorts = []string{"587", "465"}

const connectTimeout = 5 * time.Second

func (d *doctor) checkSubmission() {
	if !d.connect {
		d.out.NotRun = append(d.out.NotRun, report.Check{Topic: "submission", Text: "--connect tries ports 587 and 465"})
		return
	}
	tried := map[string]bool{}
	for _, h := range d.hosts {
		if h.name == "" || tried[h.name] {
			continue
		}
		tried[h.name] = true
		d.try(h)
	}
	if len(tried) == 0 {
		d.noHosts("submission")
	}
}

// noHosts: what was asked for can't be done, which must not look like a good result.
func (d *doctor) noHosts(topic string) {
	d.out.NotRun = append(d.out.NotRun, report.Check{Topic: topic, Text: "no host of the domain's own is known: name it with --host"})
}

func (d *doctor) try(h host) {
	var open []string
	for _, port := range submissionPorts {
		dialer := &net.Dialer{Timeout: connectTimeout}
		conn, err := dialer.DialContext(d.ctx, "tcp", net.JoinHostPort(h.ip.String(), port))
		if err == nil {
			conn.Close()
			open = append(open, port)
		}
	}
	if len(open) > 0 {
		d.say(report.Fine, "submission", "", "%s takes connections on %s", h, strings.Join(open, " and "))
		return
	}
	d.say(report.Warning, "submission", "Open submission with a login there, or offer webmail or a VPN: else people on the road send through strangers' servers, and fail SPF.",
		"neither 587 nor 465 answers at %s", h)
}
