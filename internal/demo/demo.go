// Package demo makes the mailbox, the name service and the servers that `ndrscan demo` works on.
//
// Generate writes a flood: an inbox of some 300 messages, a Sent mailbox and a DNS zone that fit together, the same to
// the byte for the same kind, seed and time. The story is always that of Nora, who runs a bookshop. Spam goes out with
// her address: from other people's infected machines (joe-job), through her own server with her stolen password
// (compromise), or both at once (mixed). Her contacts answer, a few of her own mails fail, holiday notices come in.
//
// Bounces have the form in which the software that is named in them writes them: Postfix, Exim, qmail, Sendmail, Exchange
// Online, Gmail (templates/, received.go). All addresses are from the documentation networks of RFC 5737 and RFC 3849,
// all names end in .example, but for the host names by which Microsoft's and Google's bounces are known: the zone
// gives those documentation addresses, too, so nothing real is ever asked or named as a culprit.
//
// Start puts mailbox and zone on an IMAP and a DNS server on loopback.
package demo

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// The kinds of floods.
const (
	JoeJob     = "joe-job"
	Compromise = "compromise"
	Mixed      = "mixed"
)

// Kinds lists them, the default first.
var Kinds = []string{JoeJob, Compromise, Mixed}

// Flood is a generated mailbox with all that is needed to judge it.
type Flood struct {
	Domain string    // the owner's
	User   string    // the account: its address and login
	Inbox  []Message // by date
	Sent   []Message // by date
	Zone   string    // RFC 1035 master file
	Own    []string  // values for --own

	// Truth counts what was made: by kind (bounce, delay, autoreply, other) and, for bounces, by class (forged,
	// compromised, genuine).
	Truth map[string]int
}

// Message is one message as it lies in the mailbox, with CRLF line ends.
type Message struct {
	Raw  []byte
	Date time.Time // when it was delivered
}

// plan is how many messages of each sort a flood has.
type plan struct {
	forged, stolen        int // bounces of spam from outside, and through our server
	genuine               int // bounces of the owner's own mail
	delays, autoreplies   int // answers to the spam that are no bounces
	ordinary, ownInternal int // mail from others, and the owner's copies to the shop's shared address
}

var plans = map[string]plan{
	JoeJob:     {forged: 262, genuine: 4, delays: 12, autoreplies: 16, ordinary: 20, ownInternal: 6},
	Compromise: {stolen: 246, genuine: 5, delays: 10, autoreplies: 15, ordinary: 20, ownInternal: 6},
	Mixed:      {forged: 214, stolen: 58, genuine: 6, delays: 12, autoreplies: 16, ordinary: 20, ownInternal: 6},
}

// generator is the state of one Generate.
type generator struct {
	rand  *rand.Rand
	now   time.Time
	flood *Flood
	used  map[string]bool // recipients written to
}

// Generate makes a flood that ends an hour before now. Equal arguments give equal floods; now is cut to seconds and
// taken as UTC.
func Generate(kind string, seed uint64, now time.Time) (*Flood, error) {
	p, ok := plans[kind]
	if !ok {
		return nil, fmt.Errorf("no flood of kind %q: there are %s", kind, strings.Join(Kinds, ", "))
	}
	g := &generator{
		rand: rand.New(rand.NewPCG(seed, 0x6e6472)),
		now:  now.UTC().Truncate(time.Second),
		used: make(map[string]bool),
		flood: &Flood{
			Domain: ownDomain, User: owner.addr, Own: []string{ownDomain}, Zone: zone(), Truth: make(map[string]int),
		},
	}
	g.everyday(p)
	for _, part := range []struct {
		n    int
		make func() error
	}{
		{p.forged, g.forgedBounce}, {p.stolen, g.stolenBounce}, {p.genuine, g.genuineBounce},
		{p.delays, func() error { return g.delay(g.spam(kind, sitesWith("postfix", "exim"))) }},
		{p.autoreplies, func() error { return g.autoreply(g.spam(kind, sitesWith("postfix", "exim", "exchange"))) }},
	} {
		for range part.n {
			if err := part.make(); err != nil {
				return nil, err
			}
		}
	}
	byDate := func(a, b Message) int { return a.Date.Compare(b.Date) }
	slices.SortStableFunc(g.flood.Inbox, byDate)
	slices.SortStableFunc(g.flood.Sent, byDate)
	return g.flood, nil
}

// deliver puts a message into the inbox: counts are what Truth holds of it.
func (g *generator) deliver(text string, at time.Time, counts ...string) {
	g.flood.Inbox = append(g.flood.Inbox, Message{Raw: toCRLF(text), Date: at})
	for _, c := range counts {
		g.flood.Truth[c]++
	}
}

func toCRLF(text string) []byte { return []byte(strings.ReplaceAll(text, "\n", "\r\n")) }

// pick takes one of a list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// between gives a moment between two ages, the older one first.
func (g *generator) between(older, newer time.Duration) time.Time {
	span := int64((older - newer) / time.Second)
	return g.now.Add(-older + time.Duration(g.rand.Int64N(span))*time.Second)
}

// seconds gives a duration of at least one second and less than n.
func (g *generator) seconds(n int) time.Duration {
	return time.Duration(1+g.rand.IntN(n)) * time.Second
}

// text gives n characters of an alphabet.
func (g *generator) text(alphabet string, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.rand.IntN(len(alphabet))]
	}
	return string(b)
}

const (
	digits  = "0123456789"
	hexCaps = "0123456789ABCDEF"
	hexLow  = "0123456789abcdef"
	base62  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)
