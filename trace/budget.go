package trace

import (
	"context"
	"errors"
	"net/netip"
	"strings"
)

// maxLookups bounds the different questions that one walk asks DNS, maxAskingLines the lines for which it asks: every
// name is a stranger's and can be made to answer slowly. A site's own chain takes a dozen questions.
const (
	maxLookups     = 60
	maxAskingLines = 10
)

// errTooLong says that the walk has used up its questions.
var errTooLong = errors.New("too many names to look up for one message")

// budget is the DNS of one walk: it asks each question once, and only so many. Not safe for concurrent use.
type budget struct {
	dns     Resolver
	answers map[string]answer
	left    int  // questions
	lines   int  // lines that may still ask
	asked   bool // this line did
	spent   bool // a question was refused
}

type answer struct {
	names []string
	addrs []netip.Addr
	err   error
}

// withBudget gives a tracer for one walk, and its budget; without a Resolver there is nothing to bound.
func (t *Tracer) withBudget() (*Tracer, *budget) {
	b := &budget{dns: t.Resolver, answers: map[string]answer{}, left: maxLookups, lines: maxAskingLines}
	if t.Resolver == nil {
		return t, b
	}
	return &Tracer{Own: t.Own, Resolver: b, Without: t.Without}, b
}

// nextLine tells the budget that the walk goes on to the next line.
func (b *budget) nextLine() {
	if b.asked {
		b.asked = false
		b.lines--
	}
}

func (b *budget) ask(question string, look func() answer) answer {
	if known, ok := b.answers[question]; ok {
		return known
	}
	if b.left == 0 || b.lines == 0 {
		b.spent = true
		return answer{err: errTooLong}
	}
	b.left--
	b.asked = true
	a := look()
	b.answers[question] = a
	return a
}

// LookupPTR asks within the budget, as the other look-ups do.
func (b *budget) LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error) {
	a := b.ask("PTR "+ip.String(), func() (a answer) { a.names, a.err = b.dns.LookupPTR(ctx, ip); return a })
	return a.names, a.err
}

// LookupA asks within the budget.
func (b *budget) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	a := b.ask("A "+strings.ToLower(name), func() (a answer) { a.addrs, a.err = b.dns.LookupA(ctx, name); return a })
	return a.addrs, a.err
}

// LookupAAAA asks within the budget.
func (b *budget) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	a := b.ask("AAAA "+strings.ToLower(name), func() (a answer) { a.addrs, a.err = b.dns.LookupAAAA(ctx, name); return a })
	return a.addrs, a.err
}

// LookupMX asks within the budget.
func (b *budget) LookupMX(ctx context.Context, name string) ([]string, error) {
	a := b.ask("MX "+strings.ToLower(name), func() (a answer) { a.names, a.err = b.dns.LookupMX(ctx, name); return a })
	return a.names, a.err
}
