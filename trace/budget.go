package trace

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
)

// maxLookups bounds the different questions that one walk asks DNS, maxAskingLines the lines for which it asks: every
// name is a stranger's and can be made to answer slowly. A site's own chain takes a dozen questions.
const (
	maxLookups     = 60
	maxAskingLines = 10
)

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
// beside the time that answers hold. Failures are not remembered. Safe for concurrent use; the zero value is ready.
type Memo struct {
	mu       sync.RWMutex
	known    map[question]answer
	gateways map[string]gateways // by recipient's domain
}

// maxMemo bounds what is remembered.
const maxMemo = 200_000

func (m *Memo) get(q question) (a answer, ok bool) {
	if m == nil {
		return a, false
	}
	m.mu.RLock()
	a, ok = m.known[q]
	m.mu.RUnlock()
	return a, ok
}

func (m *Memo) put(q question, a answer) {
	if m == nil || a.err != nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known == nil {
		m.known = map[question]answer{}
	}
	if len(m.known) < maxMemo {
		m.known[q] = a
	}
}

// budget is the DNS of one walk: it asks each question once, and only so many. Not safe for concurrent use.
type budget struct {
	dns   Resolver
	memo  *Memo
	known []asked // asked in this walk: a few
	left  int     // questions
	lines int     // lines that may still ask
	asks  bool    // this line did
	spent bool    // a question was refused

	tracer Tracer // the walk's own: it asks through this budget
	last   confirmed
}

// confirmed is the outcome for the address that was asked about last; one client is asked about at each step of its judgement.
type confirmed struct {
	ip    netip.Addr
	names []string
	first string
	err   error
}

type asked struct {
	question
	answer
}

var budgets = sync.Pool{New: func() any { return &budget{known: make([]asked, 0, 8)} }}

// done gives the budget back when the walk is over.
func (b *budget) done() {
	clear(b.known)
	budgets.Put(b)
}

// withBudget gives a tracer for one walk, and its budget; without a Resolver there is nothing to bound.
func (t *Tracer) withBudget() (*Tracer, *budget) {
	b := budgets.Get().(*budget)
	*b = budget{dns: t.Resolver, memo: t.Memo, known: b.known[:0], left: maxLookups, lines: maxAskingLines}
	if t.Resolver == nil {
		return t, b
	}
	b.tracer = *t
	b.tracer.Resolver = b
	return &b.tracer, b
}

// nextLine tells the budget that the walk goes on to the next line.
func (b *budget) nextLine() {
	if b.asks {
		b.asks = false
		b.lines--
	}
}

func (b *budget) ask(ctx context.Context, q question) answer {
	for i := range b.known {
		if b.known[i].question == q {
			return b.known[i].answer
		}
	}
	if b.left == 0 || b.lines == 0 {
		b.spent = true
		return answer{err: errTooLong}
	}
	b.left--
	b.asks = true
	a := b.recall(ctx, q)
	b.known = append(b.known, asked{q, a})
	return a
}

// recall gives an answer of an earlier walk, or asks.
func (b *budget) recall(ctx context.Context, q question) answer {
	a, ok := b.memo.get(q)
	if !ok {
		a = b.look(ctx, q)
		q.name = strings.Clone(q.name) // it may lie in a whole line
		b.memo.put(q, a)
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
