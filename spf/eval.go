package spf

import (
	"context"
	"fmt"
	"net/netip"
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
	maxAddress = 1024 // octets; RFC 5321 section 4.5.3.1.3 allows 256
)

// identity is the request after initial processing.
type identity struct {
	ip           netip.Addr
	domain       string // to be checked
	local        string // of the sender
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
	labels := strings.Split(domain, ".")
	if len(labels) < 2 || len(domain) > maxDomain || domain[0] == '[' || !isASCII(domain) {
		return false
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return false
		}
	}
	return true
}

// evaluation is one check under way.
type evaluation struct {
	identity
	checker *Checker
	ctx     context.Context
	dns     Resolver

	lookups, voids int
	steps          []Step
	names          map[string]string // what the macro p came to, by domain
}

// verdict is what check_host() came to for one domain.
type verdict struct {
	result    Result
	domain    string   // whose record decided
	path      []string // to it
	term      string   // that matched; "": none
	problem   string
	shared    bool
	exp       Macro // of the record that decided, and its domain: section 6.2
	expDomain string
}

// checkHost is check_host() of RFC 7208 section 4 for one domain; path ends in it.
func (e *evaluation) checkHost(domain string, path []string) verdict {
	policy, v := e.fetch(domain, path)
	if policy == nil {
		return v
	}
	var redirect *Term
	for i := range policy.Terms {
		t := &policy.Terms[i]
		switch t.Kind {
		case Redirect:
			redirect = t
			continue
		case Exp, Unknown:
			continue
		}
		found, bad := e.match(t, domain, path)
		if bad != nil {
			e.step(domain, t, string(bad.result), bad.text)
			return bad.verdict(domain, path)
		}
		if found != nil {
			found.exp, found.expDomain = policy.exp(), domain
			return *found
		}
	}
	if redirect != nil {
		return e.redirect(redirect, domain, path)
	}
	return verdict{result: Neutral, domain: domain, path: path} // section 4.7
}

// fetch finds and parses a domain's record, sections 4.4 to 4.6. Without a policy the verdict is final.
func (e *evaluation) fetch(domain string, path []string) (*Policy, verdict) {
	v := verdict{domain: domain, path: path}
	txts, err := e.dns.LookupTXT(e.ctx, domain)
	if err != nil {
		v.result, v.problem = TempError, err.Error()
		return nil, v
	}
	record, records := "", 0
	for _, txt := range txts {
		if isRecord(txt) {
			record = txt
			records++
		}
	}
	switch records {
	case 0:
		v.result, v.problem = None, domain+" has no SPF record"
		return nil, v
	case 1:
	default:
		v.result, v.problem = PermError, fmt.Sprintf("%s has %d SPF records; there may be only one", domain, records)
		return nil, v
	}
	policy, err := e.checker.parsed.get(record)
	if err != nil {
		v.result, v.problem = PermError, fmt.Sprintf("the SPF record of %s has a syntax error: %v", domain, err)
		return nil, v
	}
	return policy, v
}

// exp is the target of the exp modifier, or nil.
func (p *Policy) exp() Macro {
	for i := range p.Terms {
		if p.Terms[i].Kind == Exp {
			return p.Terms[i].Domain
		}
	}
	return nil
}

// redirect is section 6.1: the target's result is ours, except that a missing policy is an error.
func (e *evaluation) redirect(t *Term, domain string, path []string) verdict {
	target, bad := e.target(t, domain)
	if bad != nil {
		e.step(domain, t, string(bad.result), bad.text)
		return bad.verdict(domain, path)
	}
	e.step(domain, t, "followed", "")
	v := e.checkHost(target, extend(path, target))
	if v.result == None {
		v.result = PermError
		v.problem = fmt.Sprintf("%s redirects to %s: %s", domain, target, v.problem)
	}
	v.shared = v.shared || foreign(domain, target)
	return v
}

// match puts the client to one mechanism (section 5). A match is the verdict of the record.
func (e *evaluation) match(t *Term, domain string, path []string) (*verdict, *trouble) {
	v := &verdict{result: t.Qualifier, domain: domain, path: path, term: t.Text}
	var ok bool
	var bad *trouble
	text := ""
	switch t.Kind {
	case All:
		ok, v.shared = true, t.Qualifier == Pass
	case IP4, IP6:
		ok, v.shared = t.Network.Contains(e.ip), t.Network.Bits() == 0
	case Include:
		ok, text, bad = e.include(t, v)
	default:
		ok, text, bad = e.lookUp(t, v)
	}
	if bad != nil {
		return nil, bad
	}
	if !ok {
		e.step(domain, t, "no-match", text)
		return nil, nil
	}
	e.step(domain, t, "match", text)
	return v, nil
}

// include is section 5.2: a match if the target's policy passes. What matched there decides, unless this term turns its
// meaning round.
func (e *evaluation) include(t *Term, v *verdict) (bool, string, *trouble) {
	target, bad := e.target(t, v.domain)
	if bad != nil {
		return false, "", bad
	}
	inner := e.checkHost(target, extend(v.path, target))
	switch inner.result {
	case Pass:
		v.shared = inner.shared || foreign(v.domain, target)
		if t.Qualifier == Pass {
			v.domain, v.path, v.term = inner.domain, inner.path, inner.term
		}
		return true, fmt.Sprintf("the policy of %s says pass", target), nil
	case TempError, PermError:
		return false, "", &trouble{inner.result, inner.problem, inner.domain, inner.path}
	case None:
		text := fmt.Sprintf("%s includes %s: %s", v.domain, target, inner.problem)
		return false, "", &trouble{PermError, text, v.domain, v.path}
	}
	return false, fmt.Sprintf("the policy of %s says %s", target, inner.result), nil
}

// lookUp evaluates the mechanisms that ask DNS for addresses or names.
func (e *evaluation) lookUp(t *Term, v *verdict) (ok bool, text string, bad *trouble) {
	target, bad := e.target(t, v.domain)
	if bad != nil {
		return false, "", bad
	}
	switch t.Kind {
	case A:
		v.shared = foreign(v.domain, target)
		return e.hostMatches(t, target, true)
	case MX:
		return e.mx(t, target, v)
	case PTR:
		v.shared = true // whoever runs the reverse zone or a host below the name
		return e.ptr(target)
	default: // Exists, section 5.7: always A, even for IPv6
		v.shared = true // what the name's zone answers by
		addrs, err := e.dns.LookupA(e.ctx, target)
		if err != nil {
			return false, "", temporary(err)
		}
		return len(addrs) > 0, found(target, addrs), e.void(len(addrs))
	}
}

// hostMatches looks for the client among the addresses of a host, section 5.3.
func (e *evaluation) hostMatches(t *Term, host string, countVoid bool) (bool, string, *trouble) {
	addrs, err := e.addresses(host)
	if err != nil {
		return false, "", temporary(err)
	}
	if countVoid {
		if bad := e.void(len(addrs)); bad != nil {
			return false, "", bad
		}
	}
	bits := t.Bits4
	if e.ip.Is6() {
		bits = t.Bits6
	}
	if bits < 0 {
		bits = e.ip.BitLen()
	}
	for _, a := range addrs {
		if netip.PrefixFrom(a, bits).Contains(e.ip) {
			return true, found(host, addrs), nil
		}
	}
	return false, found(host, addrs), nil
}

// mx is section 5.4. Its hosts are not terms: they count towards neither limit but their own.
func (e *evaluation) mx(t *Term, target string, v *verdict) (bool, string, *trouble) {
	hosts, err := e.dns.LookupMX(e.ctx, target)
	if err != nil {
		return false, "", temporary(err)
	}
	if bad := e.void(len(hosts)); bad != nil {
		return false, "", bad
	}
	if len(hosts) > maxMXHosts {
		return false, "", permanent("%s has %d MX hosts; SPF allows %d (RFC 7208 section 4.6.4)", target, len(hosts), maxMXHosts)
	}
	for _, host := range hosts {
		if host == "" { // null MX, RFC 7505
			continue
		}
		ok, text, bad := e.hostMatches(t, host, false)
		if ok || bad != nil {
			v.shared = foreign(v.domain, host)
			return ok, text, bad
		}
	}
	return false, target + " has MX " + list(hosts), nil
}

// ptr is section 5.5: a name of the client, confirmed by its own addresses, is the target or lies below it. DNS errors
// on the way are no match.
func (e *evaluation) ptr(target string) (bool, string, *trouble) {
	names, err := e.dns.LookupPTR(e.ctx, e.ip)
	if err != nil {
		return false, err.Error(), nil
	}
	if bad := e.void(len(names)); bad != nil {
		return false, "", bad
	}
	for _, name := range names[:min(len(names), maxPTRNames)] {
		if below(name, target) && e.confirmed(name) {
			return true, fmt.Sprintf("%s is %s", e.ip, name), nil
		}
	}
	return false, fmt.Sprintf("%s has no confirmed name in %s", e.ip, target), nil
}

// confirmed says whether a name has the client's address; no DNS is no.
func (e *evaluation) confirmed(name string) bool {
	addrs, err := e.addresses(name)
	if err != nil {
		return false
	}
	for _, a := range addrs {
		if a == e.ip {
			return true
		}
	}
	return false
}

// validatedName is the macro p, section 7.3: the domain itself, a name below it, any other name; each confirmed.
func (e *evaluation) validatedName(domain string) string {
	if name, ok := e.names[domain]; ok {
		return name
	}
	best, rank := "unknown", 0
	names, _ := e.dns.LookupPTR(e.ctx, e.ip)
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
	if e.ip.Is4() {
		return e.dns.LookupA(e.ctx, host)
	}
	return e.dns.LookupAAAA(e.ctx, host)
}

// target counts a term that asks DNS and gives the name it speaks of, section 4.8.
func (e *evaluation) target(t *Term, domain string) (string, *trouble) {
	if e.lookups++; e.lookups > maxLookups {
		return "", permanent("more than %d terms ask DNS (RFC 7208 section 4.6.4)", maxLookups)
	}
	if len(t.Domain) == 0 {
		return domain, nil
	}
	text, ok := e.expand(t.Domain, domain)
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
	txts, err := e.dns.LookupTXT(e.ctx, targetName(name))
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

func (e *evaluation) step(domain string, t *Term, outcome, text string) {
	if len(e.steps) < maxSteps {
		e.steps = append(e.steps, Step{Domain: domain, Term: t.Text, Outcome: outcome, Text: text})
	}
}

func (t *trouble) verdict(domain string, path []string) verdict {
	if t.path != nil {
		domain, path = t.domain, t.path
	}
	return verdict{result: t.result, domain: domain, path: path, problem: t.text}
}

func (c *Checker) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// extend copies: several includes of one record share its path.
func extend(path []string, domain string) []string {
	return append(path[:len(path):len(path)], domain)
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
