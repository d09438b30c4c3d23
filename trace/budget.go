package trace

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
)

// maxLookups bounds the different questions that one walk asks DNS, maxAskingLines the lines for which it asks: every
// name is a stranger's and can be made to answer slowly. A site's own chain takes a dozen questions. What may cost maxPrice is
// not begun with less.
const (
	maxLookups     = 60 + maxPrice - 1
	maxAskingLines = 10
)

// maxPrice bounds what one answer made of several costs: an address and its names, a domain and its hosts.
const maxPrice = 1 + max(maxPTR, 2*maxGatewayHosts)

// errTooLong says that the walk has used up its questions.
var errTooLong = errors.New("too many names to look up for one message")

// question is one query; its name or its address is set.
type question struct {
	kind byte // P, A, 6 or M
	name string
	ip   netip.Addr
}

type answer struct {
	names []string
	addrs []netip.Addr
	err   error
}

// Memo remembers answers over many walks: a flood asks the same few names again and again. It is for one run, which is short
// beside the time that answers hold, and for one Own. Failures are not remembered. Safe for concurrent use; the zero value is
// ready.
type Memo struct {
	a, aaaa  table[string, answer] // by name
	mx       table[string, answer]
	gateways table[string, gateways] // by recipient's domain
	hosts    table[netip.Addr, host]
	servers  table[netip.Addr, server]
}

// maxMemo bounds what is remembered of each kind.
const maxMemo = 200_000

// table is a kind of answers, by what was asked. Safe for concurrent use.
type table[K comparable, V any] struct {
	mu sync.RWMutex
	of map[K]V
}

func (t *table[K, V]) get(k K) (v V, known bool) {
	t.mu.RLock()
	v, known = t.of[k]
	t.mu.RUnlock()
	return v, known
}

func (t *table[K, V]) put(k K, v V) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.of == nil {
		t.of = map[K]V{}
	}
	if len(t.of) < maxMemo {
		t.of[k] = v
	}
}

// recent are the answers of one walk: a few.
type recent[K comparable, V any] []struct {
	of K
	is V
}

func (r recent[K, V]) get(k K) (v V, known bool) {
	for i := range r {
		if r[i].of == k {
			return r[i].is, true
		}
	}
	return v, false
}

func (r *recent[K, V]) put(k K, v V) {
	*r = append(*r, struct {
		of K
		is V
	}{k, v})
}

// budget is the DNS of one walk: it asks each question once, and only so many. Not safe for concurrent use.
type budget struct {
	dns   Resolver
	memo  *Memo
	left  int  // questions
	lines int  // lines that may still ask
	asks  bool // this line did
	spent bool // a question was refused

	answers recent[question, answer]
	billed  recent[question, answer] // asked for an answer made of several: known, but not paid for one by one
	hosts   recent[netip.Addr, host]
	servers recent[netip.Addr, server]

	tracer Tracer // the walk's own: it asks through this budget
}

var budgets = sync.Pool{New: func() any { return new(budget) }}

// done gives the budget back when the walk is over.
func (b *budget) done() {
	clear(b.answers)
	clear(b.billed)
	clear(b.hosts)
	clear(b.servers)
	budgets.Put(b)
}

// withBudget gives a tracer for one walk, and its budget; without a Resolver there is nothing to bound.
func (t *Tracer) withBudget() (*Tracer, *budget) {
	b := budgets.Get().(*budget)
	*b = budget{dns: t.Resolver, memo: t.Memo, left: maxLookups, lines: maxAskingLines,
		answers: b.answers[:0], billed: b.billed[:0], hosts: b.hosts[:0], servers: b.servers[:0]}
	if b.memo == nil {
		b.memo = new(Memo)
	}
	if t.Resolver == nil {
		return t, b
	}
	b.tracer = *t
	b.tracer.Resolver = b
	return &b.tracer, b
}

// may tells whether this line may ask up to so many questions.
func (b *budget) may(questions int) bool {
	if b.left < questions || b.lines == 0 {
		b.spent = true
		return false
	}
	b.asks = true
	return true
}

// nextLine tells the budget that the walk goes on to the next line.
func (b *budget) nextLine() {
	if b.asks {
		b.asks = false
		b.lines--
	}
}

func (b *budget) ask(ctx context.Context, q question) answer {
	if a, known := b.answers.get(q); known {
		return a
	}
	if !b.may(1) {
		return answer{err: errTooLong}
	}
	b.left--
	a, known := b.billed.get(q)
	if !known {
		a = b.recall(ctx, q)
	}
	b.answers.put(q, a)
	return a
}

// recall gives an answer of an earlier walk, or asks. Reverse names are remembered as hosts and servers.
func (b *budget) recall(ctx context.Context, q question) (a answer) {
	var kept *table[string, answer]
	switch q.kind {
	case 'A':
		kept = &b.memo.a
	case '6':
		kept = &b.memo.aaaa
	case 'M':
		kept = &b.memo.mx
	default:
		return b.look(ctx, q)
	}
	a, known := kept.get(q.name)
	if known {
		return a
	}
	if a = b.look(ctx, q); a.err == nil {
		kept.put(strings.Clone(q.name), a) // it may lie in a whole line
	}
	return a
}

func (b *budget) look(ctx context.Context, q question) (a answer) {
	switch q.kind {
	case 'P':
		a.names, a.err = b.dns.LookupPTR(ctx, q.ip)
	case 'A':
		a.addrs, a.err = b.dns.LookupA(ctx, q.name)
	case '6':
		a.addrs, a.err = b.dns.LookupAAAA(ctx, q.name)
	case 'M':
		a.names, a.err = b.dns.LookupMX(ctx, q.name)
	}
	return a
}

// LookupPTR asks within the budget, as the other look-ups do.
func (b *budget) LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error) {
	a := b.ask(ctx, question{kind: 'P', ip: ip})
	return a.names, a.err
}

// LookupA asks within the budget.
func (b *budget) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	a := b.ask(ctx, question{kind: 'A', name: strings.ToLower(name)})
	return a.addrs, a.err
}

// LookupAAAA asks within the budget.
func (b *budget) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	a := b.ask(ctx, question{kind: '6', name: strings.ToLower(name)})
	return a.addrs, a.err
}

// LookupMX asks within the budget.
func (b *budget) LookupMX(ctx context.Context, name string) ([]string, error) {
	a := b.ask(ctx, question{kind: 'M', name: strings.ToLower(name)})
	return a.names, a.err
}

// bill asks several questions for one answer, which the walk pays for afterwards. A walk that remembers the answer pays the same
// and learns no more, so what it asks later costs the same, too.
type bill struct {
	*budget
	questions int
	failed    bool // a question was not answered: another walk asks again
}

func (b *bill) ask(ctx context.Context, q question) answer {
	b.questions++
	a, known := b.answers.get(q)
	if !known {
		a, known = b.billed.get(q)
	}
	if !known {
		a = b.recall(ctx, q)
		b.billed.put(q, a)
	}
	b.failed = b.failed || a.err != nil
	return a
}

// LookupPTR asks and counts, as the other look-ups do.
func (b *bill) LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error) {
	a := b.ask(ctx, question{kind: 'P', ip: ip})
	return a.names, a.err
}

// LookupA asks and counts.
func (b *bill) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	a := b.ask(ctx, question{kind: 'A', name: strings.ToLower(name)})
	return a.addrs, a.err
}

// LookupAAAA asks and counts.
func (b *bill) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	a := b.ask(ctx, question{kind: '6', name: strings.ToLower(name)})
	return a.addrs, a.err
}
