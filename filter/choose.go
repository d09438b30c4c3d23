package filter

import (
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

// minSupport is how many forged bounces must bear a mark of the flood, and how many it must add to what the others catch
// while there is a choice. maxSpam and maxLine bound the marks.
const (
	minSupport = 3
	maxSpam    = 24
	maxLine    = 60
)

// A bounce of which nobody can tell is this flood's if its address, or its campaign, is: that many are proved forged, and
// nothing else.
const (
	floodAddress  = 3
	floodCampaign = 10
)

// builder makes filters from one scan.
type builder struct {
	report     *classify.Report
	all, older candidates
	middle     time.Time // half of the forged bounces came until then; zero: not known
	seen       []seen
	marks      []string // of all and older, in lower case: bit n of seen.marks is mark n
	kept       []string // ids of seen that are not backscatter, by seen.ref

	places, campaigns map[string]*balance // by origin address; by campaign
}

// balance is what is proved of the messages of one address or campaign.
type balance struct{ forged, others int }

// group is what must become of a message.
type group byte

const (
	keep   group = iota // everything that is no backscatter
	doubt               // bounces that could be of our own mail: kept as if they were
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
func (b *builder) groupOf(f classify.Finding) group {
	if f.Kind != "bounce" {
		return keep
	}
	switch f.Class {
	case classify.Forged:
		return forged
	case classify.OwnBackscatter:
		return open
	case classify.Undetermined:
		if b.ofTheFlood(f) || !slices.ContainsFunc(f.CouldBe, func(c classify.Class) bool { return c != classify.Forged && c != classify.Compromised }) {
			return open
		}
		return doubt
	}
	return keep
}

func (b *builder) ofTheFlood(f classify.Finding) bool {
	if ip, ok := outside(f); ok {
		if p := b.places[ip.String()]; p != nil && p.forged >= floodAddress && p.others == 0 {
			return true
		}
	}
	c := b.campaigns[f.Campaign]
	return c != nil && c.forged >= floodCampaign && c.others == 0
}

// weigh counts what is proved of a message's address and campaign.
func (b *builder) weigh(f classify.Finding) {
	if f.Kind != "bounce" || f.Class == classify.Undetermined {
		return
	}
	if ip, ok := outside(f); ok {
		count(b.places, ip.String(), f.Class)
	}
	count(b.campaigns, f.Campaign, f.Class)
}

func count(table map[string]*balance, key string, class classify.Class) {
	entry := table[key]
	if entry == nil {
		if key == "" || len(table) >= maxGathered {
			return
		}
		entry = &balance{}
		table[key] = entry
	}
	if class == classify.Forged {
		entry.forged++
	} else {
		entry.others++
	}
}

// gather walks once for the dates and once for what the flood offers as marks.
func (b *builder) gather(mail Mail) error {
	var times []time.Time
	b.places, b.campaigns = map[string]*balance{}, map[string]*balance{}
	for m, err := range mail() {
		if err != nil {
			return err
		}
		b.weigh(m.Finding)
		if at := when(m.Finding); m.Finding.Class == classify.Forged && !at.IsZero() {
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
		at := when(m.Finding)
		older := !at.IsZero() && !at.After(b.middle)
		switch b.groupOf(m.Finding) {
		case forged:
			b.all.add(m)
			if older {
				b.older.add(m)
			}
		case keep, doubt:
			b.all.addKept(m.Finding)
			if older {
				b.older.addKept(m.Finding)
			}
		}
	}
	return nil
}

// look walks once more and keeps of each message what the rules need.
func (b *builder) look(mail Mail) error {
	for _, m := range slices.Concat(b.all.spam, b.older.spam) {
		if text := strings.ToLower(m.text); !slices.Contains(b.marks, text) {
			b.marks = append(b.marks, text)
		}
	}
	finder := newFinder(b.marks)
	for m, err := range mail() {
		if err != nil {
			return err
		}
		v := look(m.Raw)
		s := seen{at: when(m.Finding).Unix(), ref: -1, group: b.groupOf(m.Finding)}
		if s.group != forged {
			s.ref = int32(len(b.kept))
			b.kept = append(b.kept, reference(m.Finding, len(b.report.Sources) > 1))
		}
		s.marks = finder.find(v.body)
		if v.report() {
			s.report, s.older = v.to(b.all.names), v.to(b.older.names)
			s.returned, s.ours, s.ours2 = v.has(returnedMarks), v.has(b.all.ours), v.has(b.older.ours)
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
// takes no message that must be kept. Marks are taken of the kinds below most.
func (b *builder) choose(c *candidates, most kind, among func(*seen) bool) (*Filter, error) {
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
	f.Spam = b.cover(left, b.safeMarks(c, most, among, refusal), maxSpam)
	f.Replay = b.replay(c, f, among)
	b.chooseLines(f, c, most, among)
	if f.Replay.Caught == 0 {
		return nil, refusal
	}
	return f, nil
}

// chooseLines picks marks for engines that can't join two tests: each must be safe alone, in any mail of a whole site. A HELO
// name is not: honest clients elsewhere may use the same.
func (b *builder) chooseLines(f *Filter, c *candidates, most kind, among func(*seen) bool) {
	var safe []mark
	for _, m := range c.spam {
		bit := b.bit(m.text)
		if m.kind < min(most, helo) && len(b.lost(among, func(s *seen) bool { return s.bears(bit) })) == 0 {
			safe = append(safe, m)
		}
	}
	var left []*seen
	for i := range b.seen {
		if s := &b.seen[i]; among(s) && s.group == forged {
			left = append(left, s)
		}
	}
	f.Line = b.cover(left, safe, maxLine)
	for i := range b.seen {
		if s := &b.seen[i]; among(s) {
			f.LineReplay.count(s.group, slices.ContainsFunc(f.Line, func(text string) bool { return s.bears(b.bit(text)) }), false)
		}
	}
}

// cover picks marks for what is left: the surest kind first, of each kind those that add most; at last also those that add
// one.
func (b *builder) cover(left []*seen, safe []mark, limit int) (picked []string) {
	for last := kind(0); last <= kinds; last++ {
		least := minSupport
		if last == kinds {
			least = 1
		}
		for len(picked) < limit {
			text, n := b.best(left, safe, last)
			if n < least {
				break
			}
			picked = append(picked, text)
			bit := b.bit(text)
			left = slices.DeleteFunc(left, func(s *seen) bool { return s.bears(bit) })
		}
	}
	return picked
}

// best is the mark, of these kinds, that most of the messages bear.
func (b *builder) best(left []*seen, safe []mark, last kind) (text string, most int) {
	for _, m := range safe {
		if m.kind > last {
			continue
		}
		if n := b.bearers(m.text, left); n > most {
			text, most = m.text, n
		}
	}
	return text, most
}

// bearers counts the messages that bear a mark.
func (b *builder) bearers(mark string, left []*seen) int {
	n, bit := 0, b.bit(mark)
	for _, s := range left {
		if s.bears(bit) {
			n++
		}
	}
	return n
}

// safeMarks are those that take nothing which must be kept.
func (b *builder) safeMarks(c *candidates, most kind, among func(*seen) bool, refusal *Refusal) []mark {
	var safe []mark
	for _, m := range c.spam {
		if m.kind >= most {
			continue
		}
		bit := b.bit(m.text)
		lost := b.lost(among, func(s *seen) bool { return b.isReport(c, s) && s.bears(bit) })
		if len(lost) > 0 {
			refusal.add(m.text, lost)
			continue
		}
		safe = append(safe, m)
	}
	return safe
}

// lost lists the messages that a rule would take and must not.
func (b *builder) lost(among func(*seen) bool, rule func(*seen) bool) (ids []string) {
	for i := range b.seen {
		if s := &b.seen[i]; s.group <= doubt && among(s) && rule(s) {
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
		if g == doubt {
			r.Doubtful += one
		}
	}
}
