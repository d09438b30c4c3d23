// Package spf evaluates the Sender Policy Framework, RFC 7208: may this address send mail for that domain?
//
// A domain's record is parsed once into a tree (Parse, record.go; macros in macro.go) and everything else is a walk over
// it. Checker.Check is the RFC's check_host(): it finds the record, checks the syntax of all of it, walks the terms from
// left to right (eval.go) and says not only what came out but how: whose record decided, by which term, on which path of
// includes and redirects, after how many look-ups, and what each term came to. The explanation is data, not a log.
//
// What is asked often is answered fast: parsed records are remembered while their answers hold (source.go), and the policy
// of a domain that is checked again and again becomes a table from networks to outcomes (compile.go). Neither changes an
// outcome.
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
	"net/netip"
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

// TimedResolver is a Resolver that says how long its answers hold. With one, a Checker remembers parsed records and
// compiles policies for that long; with a plain Resolver it asks and parses for each check. Lookup does what the other
// methods do, for qtype "TXT", "A", "AAAA" and "MX"; what it returns is not changed. *resolve.Client has it.
type TimedResolver interface {
	Resolver
	Lookup(ctx context.Context, qtype, name string) (texts []string, addrs []netip.Addr, ttl time.Duration, err error)
}

// Request is one question to check_host(), RFC 7208 section 4.1.
type Request struct {
	IP     netip.Addr // the SMTP client; an IPv4-mapped IPv6 address counts as IPv4
	Sender string     // MAIL FROM; "" is the null sender: the HELO identity is checked (section 2.4)
	HELO   string     // what the client called itself; may be anything
}

// Outcome is the answer and the way to it. Path may be another Outcome's, too: don't change it.
type Outcome struct {
	Result      Result
	Domain      string   // whose record decided, or whose trouble it was
	Mechanism   string   // the term that matched, as written ("ip4:192.0.2.0/28", "-all"); "": none did
	Path        []string // domains on the way to Domain through includes and redirects, the checked one first
	Explanation string   // what the domain's owner says about a fail (exp=); text of a stranger
	Problem     string   // of a temperror or permerror, or why there is none, in plain words
	Lookups     int      // terms that asked DNS; more than 10 are a permerror
	VoidLookups int      // those of them that found nothing; more than 2 are a permerror
	Shared      bool     // of a pass: Mechanism covers addresses that others than the checked domain's owner may use
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
// concurrent use. Don't copy or change it once it is in use.
type Checker struct {
	Resolver  Resolver         // the better a TimedResolver
	Receiver  string           // the checking host, for the macro r; "": "unknown"
	Now       func() time.Time // for the macro t and for the age of what is remembered; nil: time.Now
	Timeout   time.Duration    // for one check, after which it is temperror; 0: 20 s (RFC 7208 section 4.6.4)
	SkipExp   bool             // don't ask DNS for the owner's explanation of a fail: one query less a check
	SkipSteps bool             // leave Outcome.Steps empty: far faster, and most answers come from a table (compile.go)

	records recordCache
	tables  tableCache
}

const defaultTimeout = 20 * time.Second

// Check is check_host() with the initial processing of RFC 7208 section 4.3. It never fails: trouble is a result.
func (c *Checker) Check(ctx context.Context, req Request) Outcome {
	id, problem := identify(req)
	if problem != "" {
		return Outcome{Result: None, Domain: id.domain, Problem: problem}
	}
	if _, timed := c.Resolver.(TimedResolver); timed && c.SkipSteps {
		return c.tabled(ctx, id)
	}
	return c.evaluate(ctx, id)
}

// evaluate walks the policy for one client.
func (c *Checker) evaluate(ctx context.Context, id identity) Outcome {
	e := c.evaluation(ctx, id)
	defer e.end()
	out, policy := e.run()
	if out.Result == Fail && !c.SkipExp {
		out.Explanation = e.explain(policy.exp(), out.Domain)
	}
	return out
}

func (c *Checker) evaluation(ctx context.Context, id identity) evaluation {
	return evaluation{
		identity: id, bits: id.ip.BitLen(), checker: c, records: &c.records, dns: c.source(), parent: ctx, now: c.now(),
		tracing: !c.SkipSteps,
	}
}

// source is the Resolver as an evaluation asks it.
func (c *Checker) source() source {
	switch r := c.Resolver.(type) {
	case nil:
		return untimed{noDNS{}}
	case TimedResolver:
		return r
	default:
		return untimed{r}
	}
}

func (c *Checker) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

func (c *Checker) timeout() time.Duration {
	if c.Timeout <= 0 {
		return defaultTimeout
	}
	return c.Timeout
}
