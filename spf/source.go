package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// source is DNS as an evaluation asks it: a TimedResolver without the methods it doesn't need. A ttl of 0 says that the
// answer is for this once.
type source interface {
	Lookup(ctx context.Context, qtype, name string) (texts []string, addrs []netip.Addr, ttl time.Duration, err error)
	LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error)
}

// untimed is the source that a plain Resolver makes.
type untimed struct{ Resolver }

func (u untimed) Lookup(ctx context.Context, qtype, name string) (texts []string, addrs []netip.Addr, _ time.Duration, err error) {
	switch qtype {
	case "TXT":
		texts, err = u.LookupTXT(ctx, name)
	case "MX":
		texts, err = u.LookupMX(ctx, name)
	case "A":
		addrs, err = u.LookupA(ctx, name)
	case "AAAA":
		addrs, err = u.LookupAAAA(ctx, name)
	}
	return texts, addrs, 0, err
}

var errNoDNS = errors.New("there is no DNS")

// noDNS is the Resolver of a Checker that has none.
type noDNS struct{}

func (noDNS) LookupTXT(context.Context, string) ([]string, error)      { return nil, errNoDNS }
func (noDNS) LookupA(context.Context, string) ([]netip.Addr, error)    { return nil, errNoDNS }
func (noDNS) LookupAAAA(context.Context, string) ([]netip.Addr, error) { return nil, errNoDNS }
func (noDNS) LookupMX(context.Context, string) ([]string, error)       { return nil, errNoDNS }
func (noDNS) LookupPTR(context.Context, netip.Addr) ([]string, error)  { return nil, errNoDNS }

// record is what a domain publishes: a policy, or the result that it means to have none.
type record struct {
	policy  *Policy
	result  Result
	problem string
	expires time.Time
}

// newRecord finds and parses a domain's policy among its TXT records, RFC 7208 sections 4.5 and 4.6.
func newRecord(domain string, txts []string) *record {
	text, records := "", 0
	for _, txt := range txts {
		if isRecord(txt) {
			text = txt
			records++
		}
	}
	switch records {
	case 0:
		return &record{result: None, problem: domain + " has no SPF record"}
	case 1:
	default:
		return &record{result: PermError, problem: fmt.Sprintf("%s has %d SPF records; there may be only one", domain, records)}
	}
	policy, err := Parse(text)
	if err != nil {
		return &record{result: PermError, problem: fmt.Sprintf("the SPF record of %s has a syntax error: %v", domain, err)}
	}
	return &record{policy: policy}
}

// Bounds on the records a Checker remembers, of which a stranger may fill 64 KB each with terms. A flood asks about few
// domains; when either is reached, the cache starts anew.
const (
	maxRecords       = 4096
	maxRememberTerms = 1 << 17
)

// recordCache keeps parsed records by domain as written, the missing and the broken ones too, while their answers hold.
type recordCache struct {
	mu    sync.RWMutex
	m     map[string]*record
	terms int
}

func (rc *recordCache) get(domain string, now time.Time) *record {
	rc.mu.RLock()
	r := rc.m[domain]
	rc.mu.RUnlock()
	if r == nil || !now.Before(r.expires) {
		return nil
	}
	return r
}

func (rc *recordCache) put(domain string, r *record) {
	terms := 1
	if r.policy != nil {
		terms += len(r.policy.Terms)
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.m == nil || len(rc.m) >= maxRecords || rc.terms+terms > maxRememberTerms {
		rc.m, rc.terms = make(map[string]*record), 0
	}
	rc.m[domain] = r
	rc.terms += terms
}
