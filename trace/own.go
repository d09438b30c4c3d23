package trace

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// Rules by which a host is taken as ours.
const (
	RuleFlag          = "flag"           // --own names its address, or a host with that address
	RuleConfirmedName = "confirmed-name" // its forward-confirmed name lies under a domain of ours and is no access line's
	RuleCandidate     = "candidate"      // shown, not believed: an MX or SPF address of ours
	RuleShared        = "shared"         // shown, never ours: a service that many owners send or receive through
)

// minPrefix4 and minPrefix6 bound what --own may name: a wider network can't be one owner's servers.
const (
	minPrefix4 = 8
	minPrefix6 = 16
)

// OwnHost is a host taken as ours. Host is its name where one is known, else its address or network.
type OwnHost struct {
	Host string
	IP   netip.Addr // invalid for a whole network or a name
	Rule string
	Why  string // what names it, where that is not the rule itself
}

type seenHost struct {
	host string
	ip   netip.Addr
}

// Ours tells whether it counts as ours.
func (h OwnHost) Ours() bool { return h.Rule == RuleFlag || h.Rule == RuleConfirmedName }

// Own says what is ours (METHOD 2): servers, client networks, domains. A server is ours by its address only, never by
// the name a line gives it. The zero value owns nothing. Safe for concurrent use once Resolve has returned.
type Own struct {
	addrs   map[netip.Addr]string // --own addresses and those of named hosts, with the name
	nets    []netip.Prefix        // --own networks
	clients []netip.Prefix        // --own-net
	names   []string              // --own names: hosts or domains, Resolve tells
	domains []string              // domains of ours
	hosts   []string              // --own names that are hosts
	tenants []string              // --own tenant:...

	mu   sync.Mutex
	seen map[seenHost]OwnHost
}

// NewOwn reads the values of --own (address, network, host or domain name, tenant:ID), of --own-net (address or
// network), and the domains of the accounts. A public mail domain or a public suffix in --own is an error that says
// why; an account's is left out without a word.
func NewOwn(own, ownNets, accountDomains []string) (*Own, error) {
	o := &Own{addrs: map[netip.Addr]string{}}
	for _, value := range own {
		if err := o.add(strings.TrimSpace(value)); err != nil {
			return nil, fmt.Errorf("--own %s: %w", value, err)
		}
	}
	for _, value := range ownNets {
		p, err := parsePrefix(strings.TrimSpace(value))
		if err != nil {
			return nil, fmt.Errorf("--own-net %s: %w", value, err)
		}
		o.clients = append(o.clients, p)
	}
	for _, domain := range accountDomains {
		if domain = cleanName(domain); refuse(domain) == nil && !slices.Contains(o.domains, domain) {
			o.domains = append(o.domains, domain)
		}
	}
	return o, nil
}

func (o *Own) add(value string) error {
	if tenant, ok := strings.CutPrefix(value, "tenant:"); ok {
		if tenant == "" {
			return errors.New("no tenant after the colon")
		}
		o.tenants = append(o.tenants, tenant)
		return nil
	}
	if ip, ok := parseAddr(value); ok {
		o.addrs[ip] = ""
		return nil
	}
	if strings.IndexByte(value, '/') >= 0 {
		p, err := parsePrefix(value)
		o.nets = append(o.nets, p)
		return err
	}
	name := cleanName(value)
	if err := refuse(name); err != nil {
		return err
	}
	o.names = append(o.names, name)
	o.domains = append(o.domains, name)
	return nil
}

// refuse says why a name can't be ours.
func refuse(name string) error {
	if name == "localhost" || !hostName(name) && strings.IndexByte(name, '.') >= 0 || name == "" || strings.ContainsAny(name, " @:/") {
		return errors.New("not an address, a network like 192.0.2.0/24, or a host or domain name")
	}
	if suffix, _ := publicsuffix.PublicSuffix(name); suffix == name {
		return fmt.Errorf("%s is a public suffix: many owners' domains lie under it; name your own domain", name)
	}
	if public, ok := publicDomain(name); ok {
		return fmt.Errorf("%s is shared by all customers of its provider: its hosts can't count as yours; leave it out", public)
	}
	return nil
}

func parsePrefix(value string) (netip.Prefix, error) {
	if ip, ok := parseAddr(value); ok {
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	p, err := netip.ParsePrefix(value)
	if err != nil {
		return p, errors.New("not an address or a network like 192.0.2.0/24")
	}
	if p.Addr().Is4() && p.Bits() < minPrefix4 || p.Addr().Is6() && p.Bits() < minPrefix6 {
		return p, errors.New("too wide to be one owner's network")
	}
	return p.Masked(), nil
}

// Resolve asks for the MX of each --own name. One without MX is a host: its addresses are ours. One with MX is a domain:
// hosts with a forward-confirmed name under it are. Call it once, before the walk. An error means that a name could
// not be looked up; it then counts as a domain.
func (o *Own) Resolve(ctx context.Context, res Resolver) error {
	var problems []error
	for _, name := range o.names {
		mx, err := res.LookupMX(ctx, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("--own %s: %w", name, err))
			continue
		}
		if len(mx) > 0 {
			continue
		}
		addrs, err := addresses(ctx, res, name)
		if err != nil {
			problems = append(problems, fmt.Errorf("--own %s: %w", name, err))
		}
		if len(addrs) == 0 {
			continue // no host either: as a domain it does no harm
		}
		for _, ip := range addrs {
			o.addrs[ip] = name
		}
		o.hosts = append(o.hosts, name)
		o.domains = slices.DeleteFunc(o.domains, func(d string) bool { return d == name })
	}
	return errors.Join(problems...)
}

// Server tells whether ip is one of our servers and by which rule. A nil resolver leaves only what the flags name. A name
// that looks like an access line makes no server: an access provider's customers have names under its domain. The error
// says that DNS could not answer; ok is then false and means "not known".
func (o *Own) Server(ctx context.Context, res Resolver, ip netip.Addr) (rule string, ok bool, err error) {
	h, err := o.server(ctx, res, ip.Unmap())
	if h == nil {
		return "", false, err
	}
	o.Note(*h)
	return h.Rule, true, nil
}

// server finds the host of ours that has an address, nil if none has.
func (o *Own) server(ctx context.Context, res Resolver, ip netip.Addr) (*OwnHost, error) {
	if o.flagged(ip) {
		return &OwnHost{Host: cmp.Or(o.addrs[ip], ip.String()), IP: ip, Rule: RuleFlag}, nil
	}
	if res == nil || !o.mayBeNamed(ip) {
		return nil, nil
	}
	names, err := res.LookupPTR(ctx, ip)
	for _, name := range names[:min(len(names), maxPTR)] {
		if name = cleanName(name); !hostName(name) || !o.Domain(name) || AccessLine(name, ip) {
			continue
		}
		holds, lookErr := pointsTo(ctx, res, name, ip)
		if holds {
			return &OwnHost{Host: name, IP: ip, Rule: RuleConfirmedName}, nil
		}
		err = cmp.Or(err, lookErr)
	}
	return nil, err
}

// mayBeNamed tells whether a name could make this address ours. A client network's machines have names under our domain,
// too, and no line of theirs is believed.
func (o *Own) mayBeNamed(ip netip.Addr) bool {
	return ip.IsValid() && !inner(ip) && len(o.domains) > 0 && !o.Client(ip)
}

// flagged tells an address that --own names.
func (o *Own) flagged(ip netip.Addr) bool {
	if _, ok := o.addrs[ip]; ok {
		return true
	}
	return ip.IsValid() && slices.ContainsFunc(o.nets, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Client tells whether ip lies in a client network of ours (--own-net): habit, never a believed writer of lines.
func (o *Own) Client(ip netip.Addr) bool {
	return ip.IsValid() && slices.ContainsFunc(o.clients, func(p netip.Prefix) bool { return p.Contains(ip.Unmap()) })
}

// Domain tells whether a name is, or lies under, a domain of ours. For the domains of addresses and of confirmed names;
// a name that a line gives proves nothing.
func (o *Own) Domain(name string) bool {
	name = cleanName(name)
	return slices.ContainsFunc(o.domains, func(d string) bool { return under(name, d) })
}

// namesOurs tells whether a name is one of ours as text: under a domain of ours, or a host that --own names. For marks only.
func (o *Own) namesOurs(name string) bool {
	return o.Domain(name) || o.namedHost(name)
}

// namedHost tells a name that --own gives for a host, whose addresses are ours.
func (o *Own) namedHost(name string) bool {
	return len(o.hosts) > 0 && slices.Contains(o.hosts, cleanName(name))
}

// Domains gives the domains of ours.
func (o *Own) Domains() []string { return slices.Clone(o.domains) }

// Tenants gives the values of --own tenant:..., as written.
func (o *Own) Tenants() []string { return slices.Clone(o.tenants) }

// Candidate adds a host that may be ours, for the report: it is not believed. A host taken as ours stays so.
func (o *Own) Candidate(host string, ip netip.Addr) {
	o.Note(OwnHost{Host: host, IP: ip, Rule: RuleCandidate, Why: "an SPF pass"})
}

// Names tells whether --own names a network that holds all of this one.
func (o *Own) Names(p netip.Prefix) bool {
	return slices.ContainsFunc(o.nets, func(own netip.Prefix) bool { return own.Bits() <= p.Bits() && own.Contains(p.Addr()) })
}

// maxSeen bounds the hosts that are kept for the report.
const maxSeen = 10000

// Note keeps a host for the report. What counts as ours is not changed by it, and stays.
func (o *Own) Note(h OwnHost) {
	key := seenHost{h.Host, h.IP}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.seen == nil {
		o.seen = map[seenHost]OwnHost{}
	}
	if old, known := o.seen[key]; (!known || !old.Ours() && h.Ours()) && len(o.seen) < maxSeen {
		o.seen[key] = h
	}
}

var ruleRank = map[string]int{RuleFlag: 0, RuleConfirmedName: 1, RuleCandidate: 2, RuleShared: 3}

// Seen gives every host taken as ours so far, and the candidates, sorted by rule (flag first), name and address.
func (o *Own) Seen() []OwnHost {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]OwnHost, 0, len(o.seen))
	for _, h := range o.seen {
		list = append(list, h)
	}
	slices.SortFunc(list, func(a, b OwnHost) int {
		return cmp.Or(ruleRank[a.Rule]-ruleRank[b.Rule], strings.Compare(a.Host, b.Host), a.IP.Compare(b.IP))
	})
	return list
}
