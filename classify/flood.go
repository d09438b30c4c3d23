package classify

import (
	"maps"
	"slices"
	"strings"
	"time"

	"ndrscan/dsn"
	"ndrscan/trace"
)

// Bounds on what a flood keeps. Past maxGroups, new campaigns are counted together ("other campaigns"), which the report
// says; the other bounds only shorten lists that are samples anyway.
const (
	maxGroups     = 50000
	maxGroupSet   = 10000 // recipients, origins, senders of one group
	maxEvidence   = 3     // message ids shown for a row
	maxQueueIDs   = 64
	overflowLabel = "other campaigns"
)

// FloodOptions are how a flood judges.
type FloodOptions struct {
	Thresholds Thresholds
	Without    []string // rule codes that are switched off
}

// Flood gathers messages. It keeps what is distinct, not the messages: a group is all bounces of one cell and one case.
// It is not safe for concurrent use.
type Flood struct {
	thresholds Thresholds
	off        Codes

	read       int
	unreadable int
	kinds      map[string]int
	overflow   bool

	groups    map[groupKey]*group
	habits    map[string]*habit // by habit key, of messages whose entry is supported
	claims    map[string]*habit // and of the others
	witnesses map[string]*witness
	subjects  map[string]string // campaign -> one of its subjects
}

type groupKey struct {
	Cell  string
	Case  Codes
	Habit string
}

// group is what is known of one cell and case.
type group struct {
	key               groupKey
	witness           string
	network, campaign string
	messages          int
	ids               []string
	origins           map[string]*originCount
	senders           map[string]int
	hours             map[int64]int // hour since 1970 -> bounces that arrived
	recipients        map[uint64]struct{}
	clients           map[string]struct{}
	queueIDs          map[string]struct{}
	account           accountID
	first, last       time.Time    // of the originals' handing over
	arrived           [2]time.Time // first and last bounce
}

// accountID is who handed the mail to us.
type accountID struct {
	login, host string
	entry       trace.Entry
}

type originCount struct {
	messages  int
	rdns, spf string
	ids       []string
}

type witness struct {
	verified, own bool
	software      string
	messages      int
	ids           []string
}

// NewFlood makes an empty flood.
func NewFlood(opts FloodOptions) *Flood {
	return &Flood{
		thresholds: opts.Thresholds.withDefaults(),
		off:        codes(opts.Without...),
		kinds:      map[string]int{},
		groups:     map[groupKey]*group{},
		habits:     map[string]*habit{},
		claims:     map[string]*habit{},
		witnesses:  map[string]*witness{},
		subjects:   map[string]string{},
	}
}

// Record is a finding on its way: its class is open until the flood has seen all messages.
type Record struct {
	Finding Finding
	Case    Codes
	Habit   string
}

// Add counts one message and gives its finding, without a class.
func (f *Flood) Add(e *Evidence) Record {
	f.read++
	f.kinds[string(e.Bounce.Kind)]++
	if e.Bounce.Kind == dsn.KindUnreadable {
		f.unreadable++
	}
	record := Record{Finding: newFinding(e)}
	if !e.isBounce() {
		return record
	}
	record.Case = hold(e, f.off)
	record.Habit = habitKey(e)
	record.Finding.Reasons = reasons(record.Case, e)
	campaign, subject := campaignOf(e)
	record.Finding.Campaign = campaign
	g := f.group(e, record, campaign)
	record.Finding.Cell = g.key.Cell
	g.add(e)
	f.addHabit(record, e)
	f.addWitness(e)
	if _, seen := f.subjects[campaign]; !seen && campaign != "" && len(f.subjects) < maxGroups {
		f.subjects[campaign] = orElse(e.Bounce.Original.Subject, subject)
	}
	return record
}

// group finds or makes the group of a message.
func (f *Flood) group(e *Evidence, r Record, campaign string) *group {
	who, network := witnessOf(e), networkOf(e.Origin.IP)
	key := groupKey{Cell: shortHash(who, network, campaign), Case: r.Case, Habit: r.Habit}
	if g := f.groups[key]; g != nil {
		return g
	}
	if len(f.groups) >= maxGroups {
		f.overflow = true
		key.Cell, campaign = shortHash(who, network, overflowLabel), overflowLabel
		if g := f.groups[key]; g != nil {
			return g
		}
	}
	g := &group{key: key, witness: who, network: network, campaign: campaign,
		origins: map[string]*originCount{}, senders: map[string]int{}, hours: map[int64]int{},
		recipients: map[uint64]struct{}{}, clients: map[string]struct{}{}, queueIDs: map[string]struct{}{}}
	if r.Habit != "" {
		g.account = accountID{login: e.Origin.AuthUser, host: entryHost(e), entry: e.Origin.Entry}
	}
	f.groups[key] = g
	return g
}

func (g *group) add(e *Evidence) {
	g.messages++
	g.ids = sample(g.ids, e.ID)
	if e.Origin.IP.IsValid() {
		ip := e.Origin.IP.String()
		o := g.origins[ip]
		if o == nil && len(g.origins) < maxGroupSet {
			o = &originCount{rdns: e.Origin.RDNS, spf: string(e.SPF.Result)}
			g.origins[ip] = o
		}
		if o != nil {
			o.messages++
			o.ids = sample(o.ids, e.ID)
		}
	}
	if _, seen := g.senders[e.MailFrom.Address]; seen || len(g.senders) < maxGroupSet {
		g.senders[e.MailFrom.Address]++
	}
	if t := e.arrived(); !t.IsZero() {
		g.hours[t.Unix()/3600]++
		widen(&g.arrived[0], &g.arrived[1], t)
	}
	for _, r := range e.Bounce.Recipients {
		if len(g.recipients) < maxGroupSet {
			g.recipients[hash64(r.Address)] = struct{}{}
		}
	}
	if e.Origin.ClientIP.IsValid() && len(g.clients) < maxGroupSet {
		g.clients[e.Origin.ClientIP.String()] = struct{}{}
	}
	if e.Origin.QueueID != "" && len(g.queueIDs) < maxQueueIDs {
		g.queueIDs[e.Origin.QueueID] = struct{}{}
	}
	widen(&g.first, &g.last, e.when())
}

// widen makes a span hold a time; the zero time is none.
func widen(first, last *time.Time, t time.Time) {
	if t.IsZero() {
		return
	}
	if first.IsZero() || t.Before(*first) {
		*first = t
	}
	if t.After(*last) {
		*last = t
	}
}

// addHabit counts a message that entered through us; unsupported ones are kept apart, so that nobody can push an owner
// out of habit by reports of his own making.
func (f *Flood) addHabit(r Record, e *Evidence) {
	if r.Habit == "" {
		return
	}
	claim := !r.Case.has(codes("own-border-supported"))
	table := f.habits
	if claim {
		table = f.claims
	}
	f.habit(table, r.Habit).add(e, claim)
	if host := hostKey(e); host != r.Habit {
		f.habit(table, host).add(e, claim)
	}
}

// habit finds or makes a habit; past the bound it is one that nobody is judged by.
func (f *Flood) habit(table map[string]*habit, key string) *habit {
	h := table[key]
	if h == nil {
		h = newHabit()
		if len(table) >= maxGroups {
			f.overflow = true
			return h
		}
		table[key] = h
	}
	return h
}

func (f *Flood) addWitness(e *Evidence) {
	name := witnessOf(e)
	w := f.witnesses[name]
	if w == nil {
		if len(f.witnesses) >= maxGroups {
			f.overflow = true
			return
		}
		w = &witness{own: e.Reporter.Own, software: e.Bounce.Software}
		f.witnesses[name] = w
	}
	w.messages++
	w.verified = w.verified || e.Verified
	w.ids = sample(w.ids, e.ID)
}

// sample keeps the first few ids.
func sample(ids []string, id string) []string {
	if len(ids) >= maxEvidence {
		return ids
	}
	return append(ids, id)
}

// final adds the codes that only the whole flood can give.
func (f *Flood) final(c Codes, key string) Codes {
	if key == "" {
		return c
	}
	switch {
	case f.habits[key].out(f.thresholds):
		c |= codes("out-of-habit")
	case f.claims[key].out(f.thresholds):
		c |= codes("claimed-habit")
	}
	return c &^ f.off
}

// Judge gives a record's finding its class. Call it when all messages are added.
func (f *Flood) Judge(r *Record) {
	if r.Finding.Kind != string(dsn.KindBounce) {
		return
	}
	set := f.final(r.Case, r.Habit)
	row := decide(set)
	r.Finding.Class = row.class
	r.Finding.CouldBe = row.couldBe
	r.Finding.Settle = settleText(row.settle, &r.Finding)
	switch {
	case set.has(codes("out-of-habit")):
		r.Finding.addHabit("out-of-habit", f.habits[r.Habit].signs(f.thresholds))
	case set.has(codes("claimed-habit")):
		r.Finding.addHabit("claimed-habit", f.claims[r.Habit].signs(f.thresholds))
	}
}

// addHabit puts what is out of habit before the other reasons.
func (f *Finding) addHabit(code string, signs []string) {
	text := strings.ReplaceAll(rules[ruleIndex[code]].says, "{habit}", strings.Join(signs, "; "))
	f.Reasons = append([]Reason{{Code: code, Text: text}}, f.Reasons...)
}

// settleText fills what a class row's sentence takes from the finding.
func settleText(sentence string, f *Finding) string {
	origin, queue := "the origin", "(unknown)"
	if f.Origin != nil {
		origin, queue = orElse(f.Origin.IP, origin), orElse(f.Origin.QueueID, queue)
	}
	return strings.NewReplacer("{origin}", origin, "{queue}", queue).Replace(sentence)
}

// sorted gives the groups in a stable order.
func (f *Flood) sorted() []*group {
	return slices.SortedFunc(maps.Values(f.groups), func(a, b *group) int {
		if c := strings.Compare(a.key.Cell, b.key.Cell); c != 0 {
			return c
		}
		if a.key.Case != b.key.Case {
			if a.key.Case < b.key.Case {
				return -1
			}
			return 1
		}
		return strings.Compare(a.key.Habit, b.key.Habit)
	})
}
