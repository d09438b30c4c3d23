// Package spf evaluates the Sender Policy Framework, RFC 7208: may this address send mail for that domain?
//
// A domain's record is parsed once into a tree (Parse, record.go; macros in macro.go) and everything else is a walk over
// it. Checker.Check is the RFC's check_host(): it finds the record, checks the syntax of all of it, walks the terms from
// left to right (eval.go) and says not only what came out but how: whose record decided, by which term, on which path of
// includes and redirects, after how many look-ups, and what each term came to. The explanation is data, not a log.
//
// DNS comes through Resolver. What it must tell apart is "there is nothing" from "DNS could not answer": the one is a
// void look-up, the other temperror.
//
// Records and addresses were written by strangers, so the limits of section 4.6.4 hold for every check, and the length
// of what a macro may become is bounded, too. Departures from the RFC: type SPF records are not asked for (section 3.1
// has dropped them); target names that can't stand in DNS don't match (section 4.8 leaves it open); nothing is sent to
// anyone, so local policy and Received-SPF have no place here.
package spf

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"
)

// Result is what check_host() returns, RFC 7208 section 2.6.
type Result string

// The results of RFC 7208 section 2.6, in its words.
const (
	Pass      Result = "pass"      // the address may send for the domain
	Fail      Result = "fail"      // it may not
	SoftFail  Result = "softfail"  // it probably may not
	Neutral   Result = "neutral"   // the domain doesn't say
	None      Result = "none"      // no record, or no domain that could have one
	TempError Result = "temperror" // DNS could not answer: try again later
	PermError Result = "permerror" // the domain's record is broken
)

// Resolver is the DNS a check needs. Names may end in a dot and hold any octet. No records and a nil error mean that the
// name or the type doesn't exist, or can't; an error means that DNS could not answer.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error) // the strings of a record joined
	LookupA(ctx context.Context, name string) ([]netip.Addr, error)
	LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error)
	LookupMX(ctx context.Context, name string) ([]string, error)    // by preference; "" is a null MX
	LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error) // unconfirmed
}

// Request is one question to check_host(), RFC 7208 section 4.1.
type Request struct {
	IP     netip.Addr // the SMTP client; an IPv4-mapped IPv6 address counts as IPv4
	Sender string     // MAIL FROM; "" is the null sender: the HELO identity is checked (section 2.4)
	HELO   string     // what the client called itself; may be anything
}

// Outcome is the answer and the way to it.
type Outcome struct {
	Result      Result
	Domain      string   // whose record decided, or whose trouble it was
	Mechanism   string   // the term that matched, as written ("ip4:192.0.2.0/28", "-all"); "": none did
	Path        []string // domains on the way to Domain through includes and redirects, the checked one first
	Explanation string   // what the domain's owner says about a fail (exp=); text of a stranger
	Problem     string   // of a temperror or permerror, or why there is none, in plain words
	Lookups     int      // terms that asked DNS; more than 10 are a permerror
	VoidLookups int      // those of them that found nothing; more than 2 are a permerror
	Shared      bool     // Mechanism covers addresses that others than the checked domain's owner may use
	Steps       []Step   // every term that was looked at, in order, at most maxSteps
}

// Step is what became of one term.
type Step struct {
	Domain  string `json:"domain"`  // whose record it stands in
	Term    string `json:"term"`    // as written
	Outcome string `json:"outcome"` // "match", "no-match", "followed" (redirect), "temperror", "permerror"
	Text    string `json:"text"`    // what DNS said, or what was wrong; "" where the term says it all
}

// Checker evaluates policies. Its zero value works but has no DNS: all results are temperror or none. It is safe for
// concurrent use and remembers the records it has parsed. Don't copy or change it once it is in use.
type Checker struct {
	Resolver Resolver
	Receiver string           // the checking host, for the macro r; "": "unknown"
	Now      func() time.Time // for the macro t; nil: time.Now
	Timeout  time.Duration    // for one check, after which it is temperror; 0: 20 s (RFC 7208 section 4.6.4)
	SkipExp  bool             // don't ask DNS for the owner's explanation of a fail: one query less a check

	parsed policyCache
}

const defaultTimeout = 20 * time.Second

// Check is check_host() with the initial processing of RFC 7208 section 4.3. It never fails: trouble is a result.
func (c *Checker) Check(ctx context.Context, req Request) Outcome {
	id, problem := identify(req)
	if problem != "" {
		return Outcome{Result: None, Domain: id.domain, Problem: problem}
	}
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	e := &evaluation{checker: c, ctx: ctx, dns: c.Resolver, identity: id}
	if e.dns == nil {
		e.dns = noDNS{}
	}
	v := e.checkHost(id.domain, []string{id.domain})
	out := Outcome{
		Result: v.result, Domain: v.domain, Mechanism: v.term, Path: v.path, Problem: v.problem, Shared: v.shared,
		Lookups: e.lookups, VoidLookups: e.voids, Steps: e.steps,
	}
	if v.result == Fail && !c.SkipExp {
		out.Explanation = e.explain(v.exp, v.expDomain)
	}
	return out
}

// maxParsed bounds the records a Checker remembers. A flood asks about few domains; when it is full, it starts anew.
const maxParsed = 4096

// policyCache keeps parsed records, the broken ones too.
type policyCache struct {
	mu sync.RWMutex
	m  map[string]parsed
}

type parsed struct {
	policy *Policy
	err    error
}

func (pc *policyCache) get(record string) (*Policy, error) {
	pc.mu.RLock()
	p, ok := pc.m[record]
	pc.mu.RUnlock()
	if ok {
		return p.policy, p.err
	}
	p.policy, p.err = Parse(record)
	pc.mu.Lock()
	defer pc.mu.Unlock()
	if pc.m == nil || len(pc.m) >= maxParsed {
		pc.m = make(map[string]parsed)
	}
	pc.m[record] = p
	return p.policy, p.err
}

var errNoDNS = errors.New("there is no DNS")

// noDNS is the Resolver of a Checker that has none.
type noDNS struct{}

func (noDNS) LookupTXT(context.Context, string) ([]string, error)      { return nil, errNoDNS }
func (noDNS) LookupA(context.Context, string) ([]netip.Addr, error)    { return nil, errNoDNS }
func (noDNS) LookupAAAA(context.Context, string) ([]netip.Addr, error) { return nil, errNoDNS }
func (noDNS) LookupMX(context.Context, string) ([]string, error)       { return nil, errNoDNS }
func (noDNS) LookupPTR(context.Context, netip.Addr) ([]string, error)  { return nil, errNoDNS }
