package spf

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// SenderKind is a way in which a source of mail is named.
type SenderKind string

// The kinds of senders.
const (
	MailHosts SenderKind = "mx"       // the hosts that take the domain's mail
	Address   SenderKind = "address"  // an address or a network
	HostName  SenderKind = "host"     // a host by its name
	Provider  SenderKind = "provider" // somebody who sends for others, too
)

// SenderError says that something can't be a source of mail, whatever DNS has: it isn't written like one.
type SenderError struct{ problem string }

func (e *SenderError) Error() string { return e.problem }

func noSender(format string, args ...any) error { return &SenderError{fmt.Sprintf(format, args...)} }

// Sender is a source of the domain's mail, and why it is believed to be one.
type Sender struct {
	Kind  SenderKind
	Value string // address, network, host name; of a provider its short name or the domain of its record
	Proof string // who named it, or what ties it to the domain
}

// Wish is what a record is to say.
type Wish struct {
	Domain  string
	Senders []Sender
	Soft    bool   // ~all in place of -all
	DMARC   string // policy that receivers find for the domain: none, quarantine, reject; "": no record
}

// Draft is a record that says it, with every choice explained.
type Draft struct {
	Domain    string   `json:"domain"`
	Record    string   `json:"record"`
	Strings   []string `json:"strings"` // of at most 255 octets, which joined are the record
	Line      string   `json:"line"`    // for the zone file
	Lookups   int      `json:"lookups"`
	Choices   []Choice `json:"choices"`
	Published string   `json:"published"` // the record there is now; "": none
	Dropped   []string `json:"dropped"`   // its terms that the new one doesn't have
	Spared    []string `json:"spared"`    // what was asked for and isn't needed, with the reason
	Issues    []Issue  `json:"issues"`    // what lint says about the new one
	Also      []string `json:"also"`      // zone lines for hosts below the domain that have no record
}

// Choice is one term of a draft: why it is there in this form, and what it costs.
type Choice struct {
	Term    string `json:"term"`
	Why     string `json:"why"`
	Proof   string `json:"proof"`
	Lookups int    `json:"lookups"`
}

// providers are the names of records that providers tell, or told, their customers to include. bounces: unless the customer
// sets up a bounce domain, they send with one of their own, and SPF asks about that (Amazon SES, "Authenticating Email with
// SPF"; Postmark, Mandrill and SendGrid likewise: pm.mtasv.net, mandrillapp.com, sendgrid.net).
var providers = []struct {
	name, domain string
	bounces      bool
}{
	{"amazonses", "amazonses.com", true},
	{"fastmail", "spf.messagingengine.com", false},
	{"gandi", "_mailcust.gandi.net", false},
	{"google", "_spf.google.com", false},
	{"icloud", "icloud.com", false},
	{"mailgun", "mailgun.org", false},
	{"mailjet", "spf.mailjet.com", false},
	{"mandrill", "spf.mandrillapp.com", true},
	{"microsoft", "spf.protection.outlook.com", false},
	{"ovh", "mx.ovh.com", false},
	{"postmark", "spf.mtasv.net", true},
	{"proton", "_spf.protonmail.ch", false},
	{"sendgrid", "sendgrid.net", true},
}

// Providers lists the short names that a Sender may have.
func Providers() (names []string) {
	for _, p := range providers {
		names = append(names, p.name)
	}
	return names
}

// WatchOuts are the sources that people forget, and that a record turns away. Before you publish, think of them.
var WatchOuts = []string{
	"Web forms, shops and \"send to a friend\" pages that send with an address of the domain: their server must be in the record, or they must use their own address as the sender.",
	"Phones and gateways of telephone companies that pass mail on: with SRS they use a sender of their own, without it they fail.",
	"Hotels and hotspots that take over port 25: mail then leaves from their proxy, and fails.",
	"Laptops that use the SMTP server of whatever provider is at hand: the mail leaves from there, and fails.",
	"Forwarding at the receiver's side: it looks like forgery to SPF unless the forwarder rewrites the sender (SRS); a DKIM signature survives it.",
	"Addresses at public providers (gmail.com, outlook.com and the like): the provider publishes for itself, and you can't.",
}

// WaysOut are the three ways in which people who are elsewhere send through the domain's own servers.
var WaysOut = "Whoever is elsewhere sends through your own server: by webmail, through a VPN, or with a login on port 587 or 465 (submission)."

// Compose writes the record for a wish and lints it as if it were published. Terms that lint calls superfluous are left
// out. The error is a sender that can't be written: a host without an address, or a *SenderError.
func Compose(ctx context.Context, dns Resolver, w Wish) (*Draft, error) {
	d := &Draft{Domain: w.Domain, Choices: []Choice{}, Dropped: []string{}, Spared: []string{}, Also: []string{}}
	for _, s := range w.Senders {
		c, err := choose(ctx, dns, w.Domain, s)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(d.Choices, func(o Choice) bool { return o.Term == c.Term }) {
			d.Choices = append(d.Choices, c)
		}
	}
	slices.SortStableFunc(d.Choices, func(a, b Choice) int { return order(a.Term) - order(b.Term) })
	d.Choices = append(d.Choices, endWith(w))
	report, err := d.lint(ctx, dns)
	if err == nil && d.prune(report) {
		report, err = d.lint(ctx, dns)
	}
	if err != nil {
		return nil, err
	}
	d.Issues, d.Lookups = report.Issues, report.Lookups
	d.compare(ctx, dns)
	d.cost(ctx, dns)
	return d, nil
}

// Check says what keeps a sender out of a domain's record: the error that Compose would give.
func (s Sender) Check(ctx context.Context, dns Resolver, domain string) error {
	_, err := choose(ctx, dns, domain, s)
	return err
}

// choose picks the term for a sender.
func choose(ctx context.Context, dns Resolver, domain string, s Sender) (c Choice, err error) {
	c.Proof = s.Proof
	switch s.Kind {
	case MailHosts:
		c.Term, c.Why = "mx", "the hosts that take the domain's mail send it, too; it follows when you change the MX, for a look-up each time"
		hosts, err := dns.LookupMX(ctx, domain)
		if err == nil && (len(hosts) == 0 || hosts[0] == "") {
			return c, fmt.Errorf("%s has no MX record, so mx would match nobody: name the hosts instead", domain)
		}
	case Address:
		p, err := parseNetwork(s.Value)
		if err != nil {
			return c, err
		}
		c.Term = networkTerm(p)
		c.Why = "an address costs no look-up, and is looked at first; change the record when the address changes"
	case HostName:
		return chooseHost(ctx, dns, domain, s)
	default:
		return chooseProvider(s)
	}
	return c, nil
}

func chooseHost(ctx context.Context, dns Resolver, domain string, s Sender) (Choice, error) {
	host := strings.ToLower(strings.TrimSuffix(s.Value, "."))
	c := Choice{Term: "a:" + host, Proof: s.Proof,
		Why: "by its name, so that it follows when the address changes, for a look-up each time (the name is looked up; reverse DNS plays no part)"}
	if sameName(host, domain) {
		c.Term = "a"
	}
	if !isTerm(c.Term) {
		return c, noSender("%q is no host name", s.Value)
	}
	h, err := lookupHost(ctx, dns, host)
	if err == nil && len(h.V4)+len(h.V6) == 0 {
		return c, fmt.Errorf("the host %s has no address in DNS, so a:%s would match nobody", host, host)
	}
	return c, nil
}

func chooseProvider(s Sender) (Choice, error) {
	domain := strings.ToLower(strings.TrimSuffix(s.Value, "."))
	c := Choice{Proof: s.Proof, Why: "takes over who passes there, and nothing else; all customers of the provider share the pass, so sign with DKIM, too"}
	for _, p := range providers {
		if domain != p.name && domain != p.domain {
			continue
		}
		domain = p.domain
		if p.bounces {
			c.Why += ". It often sends with a bounce address of its own, and then this record isn't asked: look at the Return-Path of a mail that came through it, and leave the term out if the domain there isn't yours"
		}
	}
	c.Term = "include:" + domain
	if !isTerm(c.Term) {
		return c, noSender("provider %q is unknown: name the domain that it tells you to include, or one of %s", s.Value, strings.Join(Providers(), ", "))
	}
	return c, nil
}

func parseNetwork(text string) (netip.Prefix, error) {
	if ip, err := netip.ParseAddr(text); err == nil {
		ip = ip.Unmap().WithZone("")
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return p, noSender("%q is no address and no network like 198.18.0.0/28", text)
	}
	return p.Masked(), nil
}

func networkTerm(p netip.Prefix) string {
	kind := IP4
	if p.Addr().Is6() {
		kind = IP6
	}
	return Term{Kind: kind, Qualifier: Pass, Network: p, Bits4: -1, Bits6: -1}.String()
}

// order puts what costs nothing before what asks DNS, and providers last.
func order(term string) int {
	prefixes := []string{"ip4:", "ip6:", "a", "mx", "include:"}
	return slices.IndexFunc(prefixes, func(prefix string) bool { return strings.HasPrefix(term, prefix) })
}

const (
	whyFail = "every sender is in the record, so receivers may refuse the rest. RFC 9989 warns: some refuse at once, before DKIM and DMARC are looked at, so that forwarded mail is lost; change to ~all if that happens"
	whySoft = "receivers take mail from elsewhere and look at it harder; DMARC, where published, does the refusing after DKIM had its say (RFC 9989: -all can get mail refused before DMARC is looked at)"
	whyNone = "the domain sends no mail at all: nothing may pass"
)

func endWith(w Wish) Choice {
	switch {
	case len(w.Senders) == 0:
		return Choice{Term: "-all", Why: whyNone}
	case w.Soft:
		why := whySoft
		if w.DMARC == "" || w.DMARC == "none" {
			why += ". The domain has no DMARC policy that refuses yet, so forgeries are only marked: change to -all, or publish DMARC, once the senders are complete"
		}
		return Choice{Term: "~all", Why: why}
	}
	return Choice{Term: "-all", Why: whyFail}
}

// lint writes the record and puts it to the rules.
func (d *Draft) lint(ctx context.Context, dns Resolver) (*Report, error) {
	terms := []string{version}
	for _, c := range d.Choices {
		terms = append(terms, c.Term)
	}
	d.Record = strings.Join(terms, " ")
	d.Strings = SplitRecord(d.Record)
	d.Line = zoneLine(d.Domain, d.Strings)
	return Lint(ctx, d.proposed(dns), d.Domain, LintOptions{})
}

func (d *Draft) proposed(dns Resolver) *Proposed {
	return &Proposed{Resolver: dns, Domain: d.Domain, Strings: d.Strings}
}

// zoneQuote escapes what ends a string in a zone file, RFC 1035 section 5.1; the grammar of SPF allows both.
var zoneQuote = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func zoneLine(name string, parts []string) string {
	line := name + ". 3600 IN TXT"
	for _, s := range parts {
		line += ` "` + zoneQuote.Replace(s) + `"`
	}
	return line
}

// prune takes out what another term covers.
func (d *Draft) prune(r *Report) (changed bool) {
	for _, i := range r.Issues {
		if i.ID == "Y12" || i.ID == "Y13" && i.Domain == d.Domain {
			n := len(d.Choices)
			d.Choices = slices.DeleteFunc(d.Choices, func(c Choice) bool { return c.Term == i.Term })
			if len(d.Choices) < n {
				changed = true
				d.Spared = append(d.Spared, i.Term+": "+i.Problem)
			}
		}
	}
	return changed
}

// compare lists what the published record has and the draft hasn't, and hosts that want a record of their own.
func (d *Draft) compare(ctx context.Context, dns Resolver) {
	if tree := NewSurvey(ctx, dns, d.Domain); tree.Root.Record != "" {
		d.Published = tree.Root.Record
		for _, b := range tree.Root.Branches {
			text := strings.ToLower(strings.TrimPrefix(b.Term.Text, "+"))
			same := func(c Choice) bool { return strings.EqualFold(c.Term, text) }
			spared := func(s string) bool { return strings.HasPrefix(strings.ToLower(s), text+": ") }
			if b.Term.Kind != All && !slices.ContainsFunc(d.Choices, same) && !slices.ContainsFunc(d.Spared, spared) {
				d.Dropped = append(d.Dropped, b.Term.Text)
			}
		}
	}
	l := &linter{ctx: ctx, dns: dns, domain: d.Domain, tree: NewSurvey(ctx, d.proposed(dns), d.Domain)}
	l.gather()
	l.lookAround()
	for _, name := range l.bare {
		record := "v=spf1 -all"
		if slices.Contains(l.senders, name) {
			record = "v=spf1 a -all"
		}
		d.Also = append(d.Also, zoneLine(name, []string{record}))
	}
}

// cost says what each term takes of the ten look-ups.
func (d *Draft) cost(ctx context.Context, dns Resolver) {
	for _, b := range NewSurvey(ctx, d.proposed(dns), d.Domain).Root.Branches {
		for i := range d.Choices {
			if d.Choices[i].Term == b.Term.Text {
				d.Choices[i].Lookups = b.Lookups
			}
		}
	}
}

// Letter asks whoever runs the domain's DNS to publish the draft. It names nobody.
func (d *Draft) Letter() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Subject: SPF record for %s\n\nHello,\n\nplease publish this TXT record for %s", d.Domain, d.Domain)
	if d.Published != "" {
		fmt.Fprintf(&b, ", in place of the SPF\nrecord that is there now. It must be the only one that begins with v=spf1:\n\n  %s\n\nNow: %s\n", d.Line, d.Published)
	} else {
		fmt.Fprintf(&b, ". It must be the only one\nthat begins with v=spf1:\n\n  %s\n", d.Line)
	}
	if len(d.Strings) > 1 {
		fmt.Fprintf(&b, "\nThe text is longer than one string of a TXT record can be (255 octets), so it\nis in %d strings of ONE record; the space at the end of a string belongs to it.\n", len(d.Strings))
	}
	fmt.Fprintf(&b, "\nWhat it is meant to say:\n\n")
	for _, c := range d.Choices {
		fmt.Fprintf(&b, "  %-34s %s\n", c.Term, shortly(c.Term))
	}
	if len(d.Also) > 0 {
		fmt.Fprintf(&b, "\nAnd these for hosts below it, which have no SPF record yet:\n\n")
		for _, line := range d.Also {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	b.WriteString(`
Would you please look at it with your own eyes before you publish it? You may
know of a host that sends mail for us and is missing, or see a mistake. And tell
us when it is live, so that we can test it.

Thank you.
`)
	return b.String()
}

func shortly(term string) string {
	t := readBranch(token{text: term}).Term
	switch t.Kind {
	case All:
		return map[Result]string{Fail: "nobody else may send", SoftFail: "mail from elsewhere is suspect"}[t.Qualifier]
	case Include:
		return "our provider's servers"
	case MX:
		return "our mail servers"
	case A:
		return "our host of that name"
	}
	return "our own " + map[bool]string{true: "host", false: "network"}[t.Network.IsSingleIP()]
}
