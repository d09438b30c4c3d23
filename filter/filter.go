// Package filter makes first aid for a drowning mailbox: rules that put this flood's bounces aside.
//
// In go the report of a scan and the messages it read, each with its finding; out comes a Filter, and the text of it for
// Sieve, Postfix, Exim or Exchange Online. A filter is built from marks, which are short literal texts:
//
//   - marks of ours: what a message that left through our servers bears when it comes back. A report that returns the
//     original's Received lines and bears none of them is not about our mail. This one rule needs no knowledge of the
//     flood, so it goes on working when the spam changes. It is made only where our servers are known.
//   - marks of the flood: the networks it came from, as the reporting sites stamped them, and the words its subjects begin
//     with. They catch what the first rule must leave: reports that name our servers all the same.
//
// No rule is taken on trust. Each is replayed over every message that was read, and one that takes a single message which
// is not backscatter, or which nobody can tell from ours, is thrown away: genuine bounces, forwarded and misconfigured
// mail, what went out through our servers, delays, receipts, ordinary mail. If no rule is left, there is no filter, and the
// Refusal names the messages. How a filter does on mail it was not made from is tried as well: one made from the older half
// is replayed over the newer.
//
// Everything in a mark came out of a stranger's mail. Only printable ASCII is taken, and each format quotes it for its own
// language (quote.go).
package filter

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"ndrscan/classify"
)

// Message is one message that was read, with what was found out about it.
type Message struct {
	Finding classify.Finding
	Raw     []byte // whole
}

// Mail walks over the messages. It can be walked more than once, and gives the same each time.
type Mail func() iter.Seq2[Message, error]

// Filter is what is put aside: a report to one of our addresses that bears marks of the flood, or no mark of ours.
type Filter struct {
	To   []string // our addresses, or @domain where there are too many
	Ours []string // marks of our own servers; empty: that rule was not made
	Spam []string // marks of the flood, that catch what Ours does not
	Line []string // marks of the flood that tell without any other test, for engines that see one line at a time

	LineReplay Replay // of Line alone, over all mail

	Replay  Replay
	Forward *Replay // a filter made from the older half, over the newer half; nil: too few, or without dates
}

// Replay counts what a filter does to mail that was read.
type Replay struct {
	Caught, Forged int // backscatter that it takes, of all
	Lost, Kept     int // other mail that it takes, of all. Lost is 0 in a Filter.Replay
	Doubtful       int // of Lost: bounces that could be of our own mail, or forged
	Open           int // bounces it takes that could be forged or compromised: nobody can tell
	ByOurs         int // of Caught: by the marks of ours alone
}

// Share is the part of the backscatter that is caught, in percent, rounded down.
func (r Replay) Share() int {
	if r.Forged == 0 {
		return 0
	}
	return 100 * r.Caught / r.Forged
}

// wrong is how much mail it takes that is surely no backscatter.
func (r Replay) wrong() int { return r.Lost - r.Doubtful }

// ErrNoFlood is returned where nothing is proved forged: there is nothing to put aside.
var ErrNoFlood = errors.New("no bounce is proved forged, so there is no backscatter to filter")

// Refusal is the error where every rule that catches backscatter would take other mail, too.
type Refusal struct {
	Forged int
	Rules  []Rejected
}

// Rejected is a rule that was thrown away, and the first messages it would have taken.
type Rejected struct {
	Mark string // a mark, or "without a mark of yours"
	Lost int
	IDs  []string
}

func (r *Refusal) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "no rule tells the %d forged bounces from other mail", r.Forged)
	for i, rule := range r.Rules {
		if i == maxRejected {
			break
		}
		fmt.Fprintf(&b, "; %q would take %d messages that are not backscatter: %s", rule.Mark, rule.Lost, strings.Join(rule.IDs, ", "))
	}
	return b.String()
}

const maxRejected = 3

// Build makes a filter from a scan: its report, and the mail it read.
func Build(report *classify.Report, mail Mail) (*Filter, error) {
	b := builder{report: report}
	if err := b.gather(mail); err != nil {
		return nil, err
	}
	if len(b.all.subjects)+len(b.all.origins) == 0 && b.all.forged == 0 {
		return nil, ErrNoFlood
	}
	b.all.prepare(report)
	b.older.prepare(report)
	if err := b.look(mail); err != nil {
		return nil, err
	}
	return b.steadiest()
}

// trusted are the kinds of marks of the flood that a filter may rest on: all; only what the reporting sites stamped; none,
// just the marks of ours.
var trusted = []kind{kinds, address + 1, 0}

// steadiest makes a filter of as many kinds of marks as stand the trial on later mail: a subject that only forgeries bore until
// noon may be that of mail through our own server in the afternoon.
func (b *builder) steadiest() (*Filter, error) {
	var best *Filter
	var refused error
	for _, most := range trusted {
		f, err := b.choose(&b.all, most, func(*seen) bool { return true })
		if err != nil {
			if refused == nil {
				refused = err
			}
			continue
		}
		f.Forward = b.forward(most)
		if best == nil || f.Forward != nil && f.Forward.wrong() < best.Forward.wrong() {
			best = f
		}
	}
	if best == nil {
		return nil, refused
	}
	return best, nil
}

// minForward is how much backscatter each half must hold for the trial on later mail.
const minForward = 10

// forward makes a filter from the older half and replays it over the newer. A refusal is a result, too: it catches nothing.
func (b *builder) forward(most kind) *Replay {
	if b.middle.IsZero() || b.older.forged < minForward || b.all.forged-b.older.forged < minForward {
		return nil
	}
	newer := func(s *seen) bool { return s.at > b.middle.Unix() }
	f, err := b.choose(&b.older, most, func(s *seen) bool { return !newer(s) })
	if err != nil {
		f = &Filter{}
	}
	r := b.replay(&b.older, f, newer)
	return &r
}

// when is the time by which messages are divided: their arrival.
func when(f classify.Finding) time.Time {
	if f.Received != nil {
		return *f.Received
	}
	return time.Time{}
}
