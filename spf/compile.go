package spf

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gaissmai/bart"
)

// A compiled policy is a table from networks to outcomes. It is made by the evaluator itself, which can ask for all
// addresses of a network at once: a term matches the network if it matches all of its addresses.
//
// The first network is that of all addresses. Every network that a term compares it with is noted, put to the evaluator
// in its turn, and so on until no new one turns up. Then the outcome of the longest known network that holds an address
// is the address's own: a term that matches the network matches the address, and a network that holds the address but
// not all of that network would be known, and longer. So a table can't differ from the evaluator, whatever the order of
// terms, the turns of include and the counts of limits.
//
// What depends on more than the client's network has no outcome in the table, and the evaluator is asked as before:
// ptr, macros that speak of sender or client, and everything that ends in temperror or permerror. A table holds no
// longer than the shortest-lived answer that went into it.

// Bounds on a compilation, of which strangers write the policy, and on what is kept.
const (
	compileAt    = 8       // the check of a domain and family that makes a table, which costs as much as some 100 checks
	maxQuestions = 128     // asked of DNS; a single check may ask for as much, honest policies need a quarter
	maxNetworks  = 1024    // in one table
	maxWork      = 1 << 20 // terms passed, some milliseconds
	maxDomains   = 1024    // that have a table
	maxRows      = 1 << 16 // in all tables

	longestHold  = 24 * time.Hour
	untabledHold = 5 * time.Minute // until a compilation that was given up may be tried again
)

// errUntabled ends the evaluation of a network where its addresses part ways.
var errUntabled = errors.New("the outcome depends on more than the client's network")

// varying are the macros that speak of more than the domain and the client's family.
const varying letters = "slohip"

// table is the compiled policy of one domain for one address family.
type table struct {
	rows    bart.Table[*row] // nil: ask the evaluator
	expires time.Time
}

// row is an outcome, and the policy that may explain it.
type row struct {
	Outcome
	policy *Policy
}

// tabled checks by the domain's table where there is one, and sees to it that there is one soon.
func (c *Checker) tabled(ctx context.Context, id identity) Outcome {
	now := c.now()
	f := c.tables.family(id)
	if t := f.table.Load(); t != nil && now.Before(t.expires) {
		if r, _ := t.rows.Lookup(id.ip); r != nil {
			return c.fromRow(ctx, id, r)
		}
		return c.evaluate(ctx, id)
	}
	if f.checks.Add(1) != compileAt {
		return c.evaluate(ctx, id)
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout()) // for both: a check lasts no longer
	defer cancel()
	out := c.evaluate(ctx, id)
	if out.Result != None && out.Result != TempError {
		t := c.compile(ctx, id)
		f.table.Store(t)
		c.tables.count(t.rows.Size())
	}
	f.checks.Store(0)
	return out
}

func (c *Checker) fromRow(ctx context.Context, id identity, r *row) Outcome {
	if r.Result != Fail || c.SkipExp || r.policy.exp() == nil {
		return r.Outcome
	}
	e := c.evaluation(ctx, id)
	defer e.end()
	out := r.Outcome
	out.Explanation = e.explain(r.policy.exp(), out.Domain)
	return out
}

// compile makes the table of the domain for the family of the client. One that is given up is empty.
func (c *Checker) compile(ctx context.Context, id identity) *table {
	start := c.now()
	dns := &snapshot{source: c.source(), answers: make(map[[2]string]answer), ttl: longestHold}
	records := new(recordCache)
	whole := netip.PrefixFrom(id.ip, 0).Masked()
	t, todo, known := new(table), []netip.Prefix{whole}, map[netip.Prefix]bool{whole: true}
	var tested []netip.Prefix
	for work := 0; len(todo) > 0; {
		network := todo[len(todo)-1]
		todo = todo[:len(todo)-1]

		e := c.evaluation(ctx, identity{ip: network.Addr(), domain: id.domain})
		e.compiling, e.bits, e.dns, e.records, e.now, e.tracing = true, network.Bits(), dns, records, start, false
		e.tested = tested[:0]
		t.rows.Insert(network, e.row())
		tested = e.tested
		for _, n := range tested {
			if n = n.Masked(); n.Addr().BitLen() == whole.Addr().BitLen() && !known[n] {
				known[n] = true
				todo = append(todo, n)
			}
		}
		if work += e.work; work > maxWork || len(known) > maxNetworks || dns.incomplete {
			return &table{expires: start.Add(untabledHold)}
		}
	}
	t.expires = start.Add(dns.ttl)
	return t
}

// row is the outcome of a network, or nil if the evaluator is to be asked.
func (e *evaluation) row() *row {
	defer e.end()
	out, policy := e.run()
	if out.Result == TempError || out.Result == PermError {
		return nil
	}
	return &row{out, policy}
}

// snapshot keeps the answers of a source, so that all of a compilation rests on the same ones, and how long they hold.
type snapshot struct {
	source
	answers    map[[2]string]answer // by type and name
	ttl        time.Duration        // the shortest
	incomplete bool                 // there were too many questions, or no time for them
}

type answer struct {
	texts []string
	addrs []netip.Addr
	err   error
}

func (s *snapshot) Lookup(ctx context.Context, qtype, name string) ([]string, []netip.Addr, time.Duration, error) {
	question := [2]string{qtype, name}
	a, ok := s.answers[question]
	if !ok {
		if len(s.answers) >= maxQuestions {
			s.incomplete = true
			return nil, nil, 0, errUntabled
		}
		var ttl time.Duration
		a.texts, a.addrs, ttl, a.err = s.source.Lookup(ctx, qtype, name)
		s.answers[question] = a
		s.ttl = min(s.ttl, ttl)
		s.incomplete = s.incomplete || ctx.Err() != nil
	}
	return a.texts, a.addrs, longestHold, a.err
}

// tableCache keeps the tables. When it is full it starts anew, as a flood asks about few domains.
type tableCache struct {
	mu      sync.RWMutex
	domains map[string]*[2]family // by domain as written; IPv4, IPv6
	rows    int
}

// family is what is known of the policy of a domain for one address family.
type family struct {
	checks atomic.Int32 // since there was a table
	table  atomic.Pointer[table]
}

func (tc *tableCache) family(id identity) *family {
	tc.mu.RLock()
	families := tc.domains[id.domain]
	tc.mu.RUnlock()
	if families == nil {
		families = tc.add(id.domain)
	}
	if id.ip.Is4() {
		return &families[0]
	}
	return &families[1]
}

func (tc *tableCache) add(domain string) *[2]family {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	if f := tc.domains[domain]; f != nil {
		return f
	}
	if tc.domains == nil || len(tc.domains) >= maxDomains {
		tc.domains, tc.rows = make(map[string]*[2]family), 0
	}
	f := new([2]family)
	tc.domains[domain] = f
	return f
}

// count keeps the sum of all rows bounded.
func (tc *tableCache) count(rows int) {
	tc.mu.Lock()
	defer tc.mu.Unlock()
	if tc.rows += rows; tc.rows > maxRows {
		tc.domains, tc.rows = nil, 0
	}
}
