package spf

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
)

// Limits of RFC 7208 section 4.6.4, and two of our own: on what is remembered of a check, and on names in mail.
const (
	maxLookups     = 10
	maxVoidLookups = 2
	maxMXHosts     = 10
	maxPTRNames    = 10

	maxSteps   = 1000
	maxLabel   = 63
	maxAddress = 1024 // octets; RFC 5321 section 4.5.3.1.3 allows 256
)

// identity is the request after initial processing.
type identity struct {
	ip           netip.Addr
	domain       string // to be checked
	local        string // of the sender
	wideLocal    bool   // it isn't ASCII
	senderDomain string
	helo         string
}

// identify is the initial processing of RFC 7208 section 4.3; problem != "": the result is none.
func identify(req Request) (id identity, problem string) {
	id.ip = req.IP.Unmap().WithZone("")
	if len(req.HELO) <= maxAddress {
		id.helo = req.HELO
	}
	if !id.ip.IsValid() {
		return id, "there is no client address to check"
	}
	if len(req.Sender) > maxAddress {
		return id, "the sender is longer than any mail address"
	}
	at := strings.LastIndexByte(req.Sender, '@')
	id.local, id.senderDomain = req.Sender[:max(at, 0)], req.Sender[at+1:]
	if req.Sender == "" { // section 2.4
		id.senderDomain = id.helo
	}
	if id.local == "" {
		id.local = "postmaster"
	}
	id.wideLocal = !isASCII(id.local)
	if !isASCII(id.senderDomain) { // section 4.3: U-labels are looked up as A-labels
		if ascii, err := idna.Lookup.ToASCII(id.senderDomain); err == nil {
			id.senderDomain = ascii
		}
	}
	id.domain = strings.TrimSuffix(id.senderDomain, ".")
	if !checkable(id.domain) {
		return id, fmt.Sprintf("%q is no domain name that could have a policy", id.domain)
	}
	return id, ""
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// checkable: a domain of two labels or more that DNS could hold, and no address literal.
func checkable(domain string) bool {
	if domain == "" || len(domain) > maxDomain || domain[0] == '[' {
		return false
	}
	dots, label := 0, 0 // octets of the label so far
	for i := range len(domain) {
		switch c := domain[i]; {
		case c >= 0x80:
			return false
		case c != '.':
			label++
		case label == 0 || label > maxLabel:
			return false
		default:
			dots++
			label = 0
		}
	}
	return dots > 0 && label > 0 && label <= maxLabel
}

// evaluation is one check under way, of an address or, in a compilation, of all addresses of a prefix.
type evaluation struct {
	identity
	bits      int // of ip that are known: all, or the length of the prefix
	checker   *Checker
	records   *recordCache
	dns       source
	now       time.Time
	tracing   bool           // keep steps
	tested    []netip.Prefix // in a compilation, the networks the client was compared with
	compiling bool

	parent, ctx context.Context // the caller's, and with the time a check may take
	cancel      context.CancelFunc

	lookups, voids int
	work           int      // terms passed
	trail          []string // domains to the one whose record is read, and after a match to the one that decided
	text           string   // what a term came to, for its step
	steps          []Step
	names          map[string]string // what the macro p came to, by domain
}

// verdict is what check_host() came to for one domain. Where it was decided stands in evaluation.trail.
type verdict struct {
	result  Result
	term    *Term   // that matched; nil: none did
	policy  *Policy // it stands in
	problem string
	shared  bool
}

// run is check_host() for the identity; the policy is that which decided, or nil.
func (e *evaluation) run() (Outcome, *Policy) {
	e.trail = make([]string, 0, 6)
	v := e.checkHost(e.identity.domain)
	out := Outcome{
		Result: v.result, Domain: e.domain(), Path: e.trail, Problem: v.problem, Shared: v.shared && v.result == Pass,
		Lookups: e.lookups, VoidLookups: e.voids, Steps: e.steps,
	}
	if v.term != nil {
		out.Mechanism = v.term.Text
	}
	return out, v.policy
}

// end gives back what context took.
func (e *evaluation) end() {
	if e.cancel != nil {
		e.cancel()
	}
}

// domain is the current one: whose record is read.
func (e *evaluation) domain() string { return e.trail[len(e.trail)-1] }

// checkHost is check_host() of RFC 7208 section 4 for one domain, at which trail ends from now on.
func (e *evaluation) checkHost(domain string) (v verdict) {
	e.trail = append(e.trail, domain)
	r := e.fetch(domain)
	if r.policy == nil {
		return verdict{result: r.result, problem: r.problem}
	}
	e.work += len(r.policy.Terms)
	var redirect *Term
	for i := range r.policy.Terms {
		t := &r.policy.Terms[i]
		if t.Kind >= Redirect { // a modifier
			if t.Kind == Redirect {
				redirect = t
			}
			continue
		}
		if e.match(t, domain, &v) {
			v.policy = r.policy
			return v
		}
	}
	if redirect != nil {
		return e.redirect(redirect)
	}
	return verdict{result: Neutral} // section 4.7
}

// fetch finds a domain's record, remembered or asked for, section 4.4.
func (e *evaluation) fetch(domain string) *record {
	if r := e.records.get(domain, e.now); r != nil {
		return r
	}
	txts, _, ttl, err := e.dns.Lookup(e.context(), "TXT", domain)
	if err != nil {
		return &record{result: TempError, problem: temporary(err).text}
	}
	r := newRecord(domain, txts)
	if ttl > 0 {
		r.expires = e.now.Add(ttl)
		e.records.put(domain, r)
	}
	return r
}

// context is the caller's for as long as a check may take. It is made when DNS is asked for the first time.
func (e *evaluation) context() context.Context {
	if e.ctx == nil {
		e.ctx, e.cancel = context.WithTimeout(e.parent, e.checker.timeout())
	}
	return e.ctx
}

// exp is the target of the exp modifier, or nil.
func (p *Policy) exp() Macro {
	if p == nil {
		return nil
	}
	for i := range p.Terms {
		if p.Terms[i].Kind == Exp {
			return p.Terms[i].Domain
		}
	}
	return nil
}

// redirect is section 6.1: the target's result is ours, except that a missing policy is an error.
func (e *evaluation) redirect(t *Term) verdict {
	domain := e.domain()
	target, bad := e.target(t)
	if bad != nil {
		return e.fail(t, domain, bad)
	}
	e.step(t, domain, "followed")
	v := e.checkHost(target)
	if v.result == None {
		v.result = PermError
		v.problem = fmt.Sprintf("%s redirects to %s: %s", domain, target, v.problem)
	}
	if v.result == Pass && !v.shared {
		v.shared = foreign(domain, target)
	}
	return v
}

// match puts the client to one mechanism of a domain (section 5). If it matches or makes trouble, v is the verdict of the
// record.
func (e *evaluation) match(t *Term, domain string, v *verdict) (ok bool) {
	var shared bool
	var bad *trouble
	matched := t // what the verdict names
	switch t.Kind {
	case All:
		ok, shared = true, true
	case IP4, IP6:
		ok, shared = e.within(t.Network), t.Network.Bits() == 0
	case Include:
		ok, matched, shared, bad = e.include(t, domain)
	default:
		ok, shared, bad = e.lookUp(t)
	}
	switch {
	case bad == unmatchable:
		e.text = bad.text
		e.step(t, domain, "no-match")
	case bad != nil:
		*v = e.fail(t, domain, bad)
		return true
	case ok:
		e.step(t, domain, "match")
		*v = verdict{result: t.Qualifier, term: matched, shared: shared}
	default:
		e.step(t, domain, "no-match")
	}
	return ok
}

// fail makes trouble with a term the verdict.
func (e *evaluation) fail(t *Term, domain string, bad *trouble) verdict {
	e.text = bad.text
	e.step(t, domain, string(bad.result))
	return verdict{result: bad.result, problem: bad.text}
}

// within: the client's address lies in the network.
func (e *evaluation) within(network netip.Prefix) bool {
	if e.compiling {
		e.tested = append(e.tested, network)
	}
	return network.Bits() <= e.bits && network.Contains(e.ip)
}

// include is section 5.2: a match if the target's policy passes. What matched there decides, unless this term turns its
// meaning round.
func (e *evaluation) include(t *Term, domain string) (ok bool, matched *Term, shared bool, bad *trouble) {
	depth := len(e.trail)
	target, bad := e.target(t)
	if bad != nil {
		return false, nil, false, bad
	}
	inner := e.checkHost(target)
	if inner.result == TempError || inner.result == PermError {
		return false, nil, false, &trouble{inner.result, inner.problem}
	}
	matched = inner.term
	if inner.result != Pass || t.Qualifier != Pass {
		e.trail, matched = e.trail[:depth], t
	}
	if inner.result == None {
		return false, nil, false, permanent("%s includes %s: %s", domain, target, inner.problem)
	}
	if e.tracing {
		e.text = fmt.Sprintf("the policy of %s says %s", target, inner.result)
	}
	ok = inner.result == Pass
	return ok, matched, ok && (inner.shared || foreign(domain, target)), nil
}

// lookUp evaluates the mechanisms that ask DNS for addresses or names. shared: whoever runs the target, or the reverse
// zone, or the zone that an exists asks, has a say in what matches.
func (e *evaluation) lookUp(t *Term) (ok, shared bool, bad *trouble) {
	target, bad := e.target(t)
	if bad != nil {
		return false, false, bad
	}
	host := target
	switch t.Kind {
	case A:
		ok, bad = e.hostMatches(t, host, true)
	case MX:
		host, bad = e.mx(t, target)
		ok = host != ""
	case PTR:
		ok, bad = e.ptr(target)
		return ok, true, bad
	case Exists:
		ok, bad = e.exists(target)
		return ok, true, bad
	}
	return ok, ok && foreign(e.domain(), host), bad
}

// hostMatches looks for the client among the addresses of a host, section 5.3.
func (e *evaluation) hostMatches(t *Term, host string, countVoid bool) (bool, *trouble) {
	addrs, err := e.addresses(host)
	if err != nil {
		return false, temporary(err)
	}
	if countVoid {
		if bad := e.void(len(addrs)); bad != nil {
			return false, bad
		}
	}
	if e.tracing {
		e.text = found(host, addrs)
	}
	bits := t.Bits4
	if e.ip.Is6() {
		bits = t.Bits6
	}
	if bits < 0 {
		bits = e.ip.BitLen()
	}
	for _, a := range addrs {
		if e.within(netip.PrefixFrom(a, bits)) {
			return true, nil
		}
	}
	return false, nil
}

// mx is section 5.4; host is that which has the client's address. Hosts are not terms: they count towards neither limit
// but their own.
func (e *evaluation) mx(t *Term, target string) (host string, bad *trouble) {
	hosts, _, _, err := e.dns.Lookup(e.context(), "MX", target)
	if err != nil {
		return "", temporary(err)
	}
	if bad := e.void(len(hosts)); bad != nil {
		return "", bad
	}
	if len(hosts) > maxMXHosts {
		return "", permanent("%s has %d MX hosts; SPF allows %d (RFC 7208 section 4.6.4)", target, len(hosts), maxMXHosts)
	}
	for _, host := range hosts {
		if host == "" { // null MX, RFC 7505
			continue
		}
		ok, bad := e.hostMatches(t, host, false)
		if bad != nil {
			return "", bad
		}
		if ok {
			return host, nil
		}
	}
	if e.tracing {
		e.text = target + " has MX " + list(hosts)
	}
	return "", nil
}

// exists is section 5.7: always A, even for IPv6.
func (e *evaluation) exists(target string) (bool, *trouble) {
	_, addrs, _, err := e.dns.Lookup(e.context(), "A", target)
	if err != nil {
		return false, temporary(err)
	}
	if e.tracing {
		e.text = found(target, addrs)
	}
	return len(addrs) > 0, e.void(len(addrs))
}

// ptr is section 5.5: a name of the client, confirmed by its own addresses, is the target or lies below it. DNS errors
// on the way are no match.
func (e *evaluation) ptr(target string) (bool, *trouble) {
	if e.compiling {
		return false, temporary(errUntabled)
	}
	names, err := e.dns.LookupPTR(e.context(), e.ip)
	if err != nil {
		e.text = err.Error()
		return false, nil
	}
	if bad := e.void(len(names)); bad != nil {
		return false, bad
	}
	for _, name := range names[:min(len(names), maxPTRNames)] {
		if below(name, target) && e.confirmed(name) {
			e.text = fmt.Sprintf("%s is %s", e.ip, name)
			return true, nil
		}
	}
	e.text = fmt.Sprintf("%s has no confirmed name in %s", e.ip, target)
	return false, nil
}

// confirmed says whether a name has the client's address; no DNS is no.
func (e *evaluation) confirmed(name string) bool {
	addrs, err := e.addresses(name)
	return err == nil && slices.Contains(addrs, e.ip)
}

// validatedName is the macro p, section 7.3: the domain itself, a name below it, any other name; each confirmed.
func (e *evaluation) validatedName(domain string) string {
	if name, ok := e.names[domain]; ok {
		return name
	}
	best, rank := "unknown", 0
	names, _ := e.dns.LookupPTR(e.context(), e.ip)
	for _, name := range names[:min(len(names), maxPTRNames)] {
		r := 1
		if below(name, domain) {
			r = 2
		}
		if strings.EqualFold(name, domain) {
			r = 3
		}
		if r > rank && e.confirmed(name) {
			best, rank = name, r
		}
	}
	if e.names == nil {
		e.names = make(map[string]string)
	}
	e.names[domain] = best
	return best
}

// addresses are those of the client's family.
func (e *evaluation) addresses(host string) ([]netip.Addr, error) {
	qtype := "AAAA"
	if e.ip.Is4() {
		qtype = "A"
	}
	_, addrs, _, err := e.dns.Lookup(e.context(), qtype, host)
	return addrs, err
}

// target counts a term that asks DNS and gives the name it speaks of, section 4.8.
func (e *evaluation) target(t *Term) (string, *trouble) {
	if e.lookups++; e.lookups > maxLookups {
		return "", permanent("more than %d terms ask DNS (RFC 7208 section 4.6.4)", maxLookups)
	}
	if len(t.Domain) == 0 {
		return e.domain(), nil
	}
	if e.compiling && t.Domain.speaksOf(varying) {
		return "", temporary(errUntabled)
	}
	if e.wideLocal && t.Domain.speaksOf("sl") {
		return "", unmatchable
	}
	text, ok := e.expand(t.Domain, e.domain())
	if !ok {
		return "", permanent("%q becomes longer than %d characters", t.Text, maxExpansion)
	}
	return targetName(text), nil
}

// void counts a term whose question has no answer.
func (e *evaluation) void(records int) *trouble {
	if records > 0 {
		return nil
	}
	if e.voids++; e.voids > maxVoidLookups {
		return permanent("more than %d terms ask for what doesn't exist (RFC 7208 section 4.6.4)", maxVoidLookups)
	}
	return nil
}

// explain fetches what the owner says about a fail, section 6.2. Trouble means that nothing is said.
func (e *evaluation) explain(exp Macro, domain string) string {
	if len(exp) == 0 {
		return ""
	}
	name, ok := e.expand(exp, domain)
	if !ok {
		return ""
	}
	txts, _, _, err := e.dns.Lookup(e.context(), "TXT", targetName(name))
	if err != nil || len(txts) != 1 {
		return ""
	}
	m, err := parseMacro(txts[0], anyLetter)
	if err != nil {
		return ""
	}
	text, _ := e.expand(m, domain)
	return text
}

// step notes what a term came to, and takes text with it.
func (e *evaluation) step(t *Term, domain, outcome string) {
	if !e.tracing {
		return
	}
	if len(e.steps) < maxSteps {
		e.steps = append(e.steps, Step{Domain: domain, Term: t.Text, Outcome: outcome, Text: e.text})
	}
	e.text = ""
}

// below: name is domain or ends in it, label by label, without case.
func below(name, domain string) bool {
	name, domain = strings.TrimSuffix(name, "."), strings.TrimSuffix(domain, ".")
	cut := len(name) - len(domain)
	return cut >= 0 && strings.EqualFold(name[cut:], domain) && (cut == 0 || name[cut-1] == '.')
}

// foreign: the target belongs to another organisation than the domain that names it, so that others may use its
// addresses, too (METHOD 4). Judged by the public suffix list.
func foreign(domain, target string) bool {
	return !strings.EqualFold(domain, target) && organisation(domain) != organisation(target)
}

func organisation(domain string) string {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if org, err := publicsuffix.EffectiveTLDPlusOne(domain); err == nil {
		return org
	}
	return domain
}

// dotted writes an address for the macro i: IPv6 as 32 nibbles.
func dotted(ip netip.Addr) string {
	if ip.Is4() {
		return ip.String()
	}
	const hex = "0123456789abcdef"
	out := make([]byte, 0, 63)
	for _, b := range ip.As16() {
		out = append(out, hex[b>>4], '.', hex[b&15], '.')
	}
	return string(out[:63])
}

// found says what DNS gave for a host.
func found(host string, addrs []netip.Addr) string {
	texts := make([]string, 0, len(addrs))
	for _, a := range addrs[:min(len(addrs), maxListed+1)] {
		texts = append(texts, a.String())
	}
	return host + " has " + list(texts)
}

const maxListed = 8

// list writes a few names or addresses.
func list(texts []string) string {
	switch {
	case len(texts) == 0:
		return "no address"
	case len(texts) > maxListed:
		return strings.Join(texts[:maxListed], ", ") + ", ..."
	}
	return strings.Join(texts, ", ")
}
