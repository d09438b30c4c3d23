package filter

import (
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

// minSupport is how many forged bounces a mark of the flood must catch that nothing else does; maxSpam bounds the marks.
const (
	minSupport = 3
	maxSpam    = 24
)

// builder makes filters from one scan.
type builder struct {
	report     *classify.Report
	all, older candidates
	middle     time.Time // half of the forged bounces came until then; zero: not known
	seen       []seen
	marks      []string // of all and older, in lower case: bit n of seen.marks is mark n
	kept       []string // ids of seen that are not backscatter, by seen.ref
}

// group is what must become of a message.
type group byte

const (
	keep   group = iota // everything that is, or could be, ours
	forged              // backscatter
	open                // forged or compromised: nobody can tell
)

// seen is what must be known of a message to try any rule on it: few bytes, for there may be millions.
type seen struct {
	at    int64 // Unix time of arrival
	marks []uint64
	ref   int32 // of kept; -1: backscatter
	group group

	report, older         bool // of a failure, and to an addressee of the flood: of all, of the older half
	returned, ours, ours2 bool // a mark of ours is there: of all, of the older half
}

// groupOf says what must become of a message. A bounce that could be of our own mail is kept as if it were.
func groupOf(f classify.Finding) group {
	if f.Kind != "bounce" {
		return keep
	}
	switch f.Class {
	case classify.Forged:
		return forged
	case classify.OwnBackscatter:
		return open
	case classify.Undetermined:
		for _, c := range f.CouldBe {
			if c != classify.Forged && c != classify.Compromised {
				return keep
			}
		}
		return open
	}
	return keep
}

// gather walks once for the dates and once for what the flood offers as marks.
func (b *builder) gather(mail Mail) error {
	var times []time.Time
	for m, err := range mail() {
		if err != nil {
			return err
		}
		if at := when(m.Finding); groupOf(m.Finding) == forged && !at.IsZero() {
			times = append(times, at)
		}
	}
	if len(times) > 0 {
		slices.SortFunc(times, time.Time.Compare)
		b.middle = times[(len(times)-1)/2]
	}
	b.all, b.older = newCandidates(), newCandidates()
	for m, err := range mail() {
		if err != nil {
			return err
		}
		if groupOf(m.Finding) != forged {
			continue
		}
		b.all.add(m)
		if at := when(m.Finding); !at.IsZero() && !at.After(b.middle) {
			b.older.add(m)
		}
	}
	return nil
}

// look walks once more and keeps of each message what the rules need.
func (b *builder) look(mail Mail) error {
	b.marks = lowered(b.all.spam)
	for _, mark := range lowered(b.older.spam) {
		if !slices.Contains(b.marks, mark) {
			b.marks = append(b.marks, mark)
		}
	}
	finder := newFinder(b.marks)
	for m, err := range mail() {
		if err != nil {
			return err
		}
		v := look(m.Raw)
		s := seen{at: when(m.Finding).Unix(), ref: -1, group: groupOf(m.Finding)}
		if s.group != forged {
			s.ref = int32(len(b.kept))
			b.kept = append(b.kept, reference(m.Finding, len(b.report.Sources) > 1))
		}
		if v.report() {
			s.report, s.older = v.to(b.all.names), v.to(b.older.names)
			s.returned, s.ours, s.ours2 = v.has(returnedMarks), v.has(b.all.ours), v.has(b.older.ours)
			s.marks = finder.find(v.body)
		}
		b.seen = append(b.seen, s)
	}
	return nil
}

func reference(f classify.Finding, several bool) string {
	if several {
		return f.Source + " " + f.ID
	}
	return f.ID
}

// choose picks rules, greedily: first that of our marks, then those marks of the flood that add most, as long as each
// takes no message that must be kept.
func (b *builder) choose(c *candidates, among func(*seen) bool) (*Filter, error) {
	f := &Filter{To: c.names}
	var left []*seen
	refusal := &Refusal{Forged: c.forged}
	if c.known {
		if lost := b.lost(among, func(s *seen) bool { return b.ruleOurs(c, s) }); len(lost) == 0 {
			f.Ours = c.ours
		} else {
			refusal.add("without a mark of yours", lost)
		}
	}
	for i := range b.seen {
		s := &b.seen[i]
		if among(s) && s.group == forged && b.isReport(c, s) && !(len(f.Ours) > 0 && b.ruleOurs(c, s)) {
			left = append(left, s)
		}
	}
	safe := b.safeMarks(c, among, refusal)
	for len(f.Spam) < maxSpam {
		best, most := "", minSupport-1
		for _, mark := range safe {
			if n := b.adds(mark, left); n > most {
				best, most = mark, n
			}
		}
		if best == "" {
			break
		}
		f.Spam = append(f.Spam, best)
		left = slices.DeleteFunc(left, func(s *seen) bool { return s.bears(b.bit(best)) })
	}
	f.Replay = b.replay(c, f, among)
	if f.Replay.Caught == 0 {
		return nil, refusal
	}
	return f, nil
}

// adds counts the messages that bear a mark.
func (b *builder) adds(mark string, left []*seen) int {
	n, bit := 0, b.bit(mark)
	for _, s := range left {
		if s.bears(bit) {
			n++
		}
	}
	return n
}

// safeMarks are those that take nothing which must be kept.
func (b *builder) safeMarks(c *candidates, among func(*seen) bool, refusal *Refusal) []string {
	var safe []string
	for _, mark := range c.spam {
		bit := b.bit(mark)
		lost := b.lost(among, func(s *seen) bool { return b.isReport(c, s) && s.bears(bit) })
		if len(lost) > 0 {
			refusal.add(mark, lost)
			continue
		}
		safe = append(safe, mark)
	}
	return safe
}

// lost lists the messages that a rule would take and must not.
func (b *builder) lost(among func(*seen) bool, rule func(*seen) bool) (ids []string) {
	for i := range b.seen {
		if s := &b.seen[i]; s.group == keep && among(s) && rule(s) {
			ids = append(ids, b.kept[s.ref])
		}
	}
	return ids
}

func (r *Refusal) add(mark string, ids []string) {
	if len(r.Rules) < maxRejected {
		r.Rules = append(r.Rules, Rejected{Mark: mark, Lost: len(ids), IDs: ids[:min(len(ids), 3)]})
	}
}

func (b *builder) isReport(c *candidates, s *seen) bool {
	if c == &b.older {
		return s.older
	}
	return s.report
}

func (b *builder) ruleOurs(c *candidates, s *seen) bool {
	ours := s.ours
	if c == &b.older {
		ours = s.ours2
	}
	return b.isReport(c, s) && s.returned && !ours
}

func (b *builder) bit(mark string) int { return slices.Index(b.marks, strings.ToLower(mark)) }

func (s *seen) bears(bit int) bool {
	return bit/64 < len(s.marks) && s.marks[bit/64]&(1<<(bit%64)) != 0
}

// replay counts what a filter does to the messages.
func (b *builder) replay(c *candidates, f *Filter, among func(*seen) bool) (r Replay) {
	var bits []int
	for _, mark := range f.Spam {
		bits = append(bits, b.bit(mark))
	}
	for i := range b.seen {
		s := &b.seen[i]
		if !among(s) {
			continue
		}
		byOurs := len(f.Ours) > 0 && b.ruleOurs(c, s)
		takes := byOurs || b.isReport(c, s) && slices.ContainsFunc(bits, s.bears)
		r.count(s.group, takes, byOurs)
	}
	return r
}

func (r *Replay) count(g group, takes, byOurs bool) {
	one := map[bool]int{true: 1}[takes]
	switch g {
	case forged:
		r.Forged++
		r.Caught += one
		if byOurs {
			r.ByOurs++
		}
	case open:
		r.Open += one
	default:
		r.Kept++
		r.Lost += one
	}
}
