package classify

import (
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/dsn"
	"ndrscan/proof"
	"ndrscan/trace"
)

// Bounds on what a flood keeps. Past maxKept entries (some 100 bytes each) new ones are counted in the sums and no
// longer listed, which the report says.
const (
	maxKept   = 1_000_000
	maxGroups = 20_000
)

// FloodOptions are how a flood judges.
type FloodOptions struct {
	Thresholds Thresholds
	Without    []string                 // rule codes that are switched off
	Own        func(domain string) bool // tells a domain of ours, for DMARC aggregate reports; nil: none is
	Several    bool                     // there are several sources: message ids bear the source before them
}

// Flood gathers messages. It keeps what is distinct, not the messages. A message's class depends on its case and its
// habit cell alone, so all messages that share both are one group, judged once at the end; their cells are counted in
// it. It is not safe for concurrent use.
type Flood struct {
	thresholds Thresholds
	off        Codes
	several    bool

	read       int
	seen       hashes // messages, by their digests
	copies     int    // messages that were seen before: read and not counted
	source     string // of the first message
	unreadable int
	kinds      map[string]int

	groups    map[groupKey]*group
	habits    habits
	logins    logins
	campaigns campaigns
	replays   replays

	samples int // findings kept as samples

	aggregates *proof.Aggregates
	signing    *bool // receivers see signatures of ours; nil: not looked yet
	kept       int   // entries in the tables of all groups
	full       bool  // some were not kept
}

// groupKey is what a message's class depends on. Where the class is known already (Recount), Case holds all codes.
type groupKey struct {
	Case   Codes
	Class  Class
	Habit  string
	Replay string     // its signature of ours from outside; "": none
	Origin netip.Addr // where DMARC aggregate reports may say something of it
	Login  loginForm
}

// group is what is known of all messages with one case and habit cell.
type group struct {
	key      groupKey
	account  accountID
	messages int
	ids      refs
	sample   *sampled // its first message

	cells      map[cellKey]cell
	witnesses  map[string]*witness
	origins    map[string]*origin
	campaigns  map[int32]*campaign // by node
	senders    map[string]*sender
	networks   hashes // of origins
	recipients hashes
	clients    map[string]*use
	queueIDs   map[string]struct{}
	messageIDs map[string]struct{} // of originals, where a login or a tenant is to be found by them
	signatures map[string]struct{} // of ours over the whole message
	hours      map[int64]int       // hour since 1970 -> bounces that arrived

	handed  span // the originals' handing over
	arrived span // the bounces' arrival
}

// cellKey is a cell: the hash of witness and origin network, and the campaign's node.
type cellKey struct {
	place    uint64
	campaign int32
}

// cell counts the messages of one witness, origin network and campaign (METHOD 6), between two hours.
type cell struct {
	messages    int32
	first, last int32 // hour since 1970; 0 where no message has a date
}

// accountID is who handed the mail to us.
type accountID struct {
	login, host string
	entry       trace.Entry
}

// accountIn gives who handed the group's mail in, by its final codes: a login name that is not believed is left out.
func (g *group) accountIn(set Codes) accountID {
	id := g.account
	if set.has(codes("login-strange")) {
		id.login = ""
	}
	return id
}

type witness struct {
	verified, own     bool
	network, software string
	messages          int
	ids               refs
}

type origin struct {
	messages           int
	network, rdns, spf string
	confirmed          bool // rdns points back to the address
	source             SourceKinds
	seenBy             []string // verified witnesses, as many as an SPF term needs
	ids                refs
}

type campaign struct {
	messages int
	ids      refs
	subject  string   // of its first message that has one
	sample   *sampled // its first message
}

type sender struct {
	messages int
	ids      refs
}

// use is how one client used an account.
type use struct {
	messages int
	handed   span
}

// span is the time from the first to the last of some events; zero if there was none.
type span struct{ first, last time.Time }

func (s *span) hold(t time.Time) {
	if t.IsZero() {
		return
	}
	if s.first.IsZero() || t.Before(s.first) {
		s.first = t
	}
	if t.After(s.last) {
		s.last = t
	}
}

func (s *span) join(other span) {
	s.hold(other.first)
	s.hold(other.last)
}

// NewFlood makes an empty flood.
func NewFlood(opts FloodOptions) *Flood {
	if opts.Own == nil {
		opts.Own = func(string) bool { return false }
	}
	return &Flood{
		thresholds: opts.Thresholds.withDefaults(),
		off:        codes(slices.DeleteFunc(slices.Clone(opts.Without), isSign)...),
		several:    opts.Several,
		kinds:      map[string]int{},
		groups:     map[groupKey]*group{},
		habits:     newHabits(opts.Without),
		logins:     logins{},
		campaigns:  newCampaigns(),
		aggregates: proof.NewAggregates(opts.Own),
	}
}

// Record is a finding on its way: its class and campaign are open until the flood has seen all messages.
type Record struct {
	Finding  Finding
	Case     Codes
	Habit    string
	Replay   string
	Origin   netip.Addr
	Login    loginForm
	Campaign int32
	Source   SourceKinds
}

// Add counts one message and gives its finding, without a class.
func (f *Flood) Add(e *Evidence) Record {
	record := Record{Finding: newFinding(e)}
	message, again := f.count(&record.Finding)
	if !e.isBounce() && again {
		return record
	}
	if !e.isBounce() {
		f.habits.usual.add(e.Submission.Account, networkOf(e.Submission.Client), e.Submission.At)
		f.logins.add(e.Submission.Server, e.Submission.LoginForm)
		for _, report := range e.Aggregates {
			f.aggregates.Add(report, e.AggregateWitness)
		}
		return record
	}
	record.Case, record.Habit = hold(e, f.off), habitKey(e)
	record.Finding.Reasons = reasons(record.Case, e)
	record.Campaign, record.Source = f.campaign(e), sourceKind(e)
	record.Replay = f.replays.of(e)
	if record.Case.has(codes("origin-outside")) && record.Case.meets(settledByReports) {
		record.Origin = e.Origin.IP
	}
	record.Login = loginFormOf(e, record.Case)
	if again {
		return record
	}
	f.replays.add(record.Replay, e)
	if record.Habit != "" && !e.nullSender() {
		f.habits.add(e, record.Case, record.Habit)
	}
	if e.ownReport() {
		f.logins.add(e.Origin.LoginServer, e.Origin.LoginForm)
	}
	key := groupKey{Case: record.Case, Habit: record.Habit, Replay: record.Replay, Origin: record.Origin, Login: record.Login}
	f.add(f.group(key, &record.Finding), &record, message)
	return record
}

// maxSeen bounds the digests that are kept; messages past it count as new.
const maxSeen = 2_000_000

// again tells whether a message with this digest was counted before: the same delivery, read from two places.
func (f *Flood) again(digest string) bool {
	if digest == "" {
		return false
	}
	sum := hash64(digest)
	if f.seen.has(sum) {
		return true
	}
	if f.seen.len() < maxSeen {
		f.seen.add(sum)
	}
	return false
}

// count counts a message of any kind and names it. A copy of one that was counted is read, and changes nothing else.
func (f *Flood) count(finding *Finding) (message ref, again bool) {
	f.read++
	if f.again(finding.Digest) {
		f.copies++
		return ref{}, true
	}
	f.kinds[finding.Kind]++
	if finding.Kind == string(dsn.KindUnreadable) {
		f.unreadable++
	}
	if f.read == 1 {
		f.source = finding.Source
	}
	f.several = f.several || finding.Source != f.source
	return ref{place: f.read, source: finding.Source, id: finding.ID}, false
}

// group finds or makes the group of a message. Past the bound the habit cell is given up, and with it the judgement of
// what entered through us (habit-unknown).
func (f *Flood) group(key groupKey, finding *Finding) *group {
	key.Case &^= codes("framing") // a mark that not every run looks for
	if g := f.groups[key]; g != nil {
		return g
	}
	if len(f.groups) >= maxGroups {
		f.full = true
		key.Habit, key.Replay, key.Origin, key.Login = "", "", netip.Addr{}, loginForm{}
		if g := f.groups[key]; g != nil {
			return g
		}
	}
	g := &group{key: key, cells: map[cellKey]cell{}, witnesses: map[string]*witness{}, origins: map[string]*origin{},
		campaigns: map[int32]*campaign{}, senders: map[string]*sender{}, clients: map[string]*use{},
		queueIDs: map[string]struct{}{}, messageIDs: map[string]struct{}{}, signatures: map[string]struct{}{}, hours: map[int64]int{}}
	if key.Habit != "" {
		g.account = accountID{finding.Origin.AuthUser, finding.Origin.EntryHost, trace.Entry(finding.Origin.Entry)}
	}
	f.groups[key] = g
	return g
}

// add counts a bounce in its group.
func (f *Flood) add(g *group, r *Record, message ref) {
	finding := &r.Finding
	ip, _ := netip.ParseAddr(finding.Origin.IP)
	network := networkOf(ip)
	g.messages++
	g.ids = g.ids.with(message)
	if g.sample == nil {
		g.sample = f.sample(r)
	}
	arrived := timeOf(finding.arrived())
	f.addCell(g, cellKey{hash64(finding.Reporter.Witness + " " + network), r.Campaign}, arrived)
	f.addWitness(g, finding, message)
	f.addOrigin(g, r, network, message)
	f.addCampaign(g, r, message)
	from := entry(f, g.senders, finding.sender())
	from.messages++
	from.ids = from.ids.with(message)
	for _, r := range finding.Recipients {
		f.putHash(&g.recipients, hash64(r.Address))
	}
	if g.key.Habit != "" {
		if client := finding.Origin.ClientIP; client != "" {
			used := entry(f, g.clients, client)
			used.messages++
			used.handed.hold(timeOf(finding.Handed))
		}
		if !g.key.Case.has(codes("origin-outside")) { // else it is the foreign site's
			put(f, g.queueIDs, finding.Origin.QueueID)
		}
		if o := finding.Original; o != nil {
			put(f, g.messageIDs, o.MessageID)
		}
	}
	for _, s := range finding.DKIM {
		if s.Own && s.FromSigned && s.Result == string(proof.DKIMPass) {
			put(f, g.signatures, s.Hash)
		}
	}
	g.handed.hold(timeOf(finding.Handed))
	g.arrived.hold(arrived)
}

func (f *Flood) addCell(g *group, key cellKey, at time.Time) {
	c, seen := g.cells[key]
	if !seen && !f.room() {
		return
	}
	c.messages++
	if !at.IsZero() {
		hour := at.Unix() / 3600
		g.hours[hour]++
		if c.first == 0 || int32(hour) < c.first {
			c.first = int32(hour)
		}
		c.last = max(c.last, int32(hour))
	}
	g.cells[key] = c
}

func (f *Flood) addWitness(g *group, finding *Finding, message ref) {
	reporter := finding.Reporter
	w := entry(f, g.witnesses, reporter.Witness)
	if w.messages == 0 {
		ip, _ := netip.ParseAddr(reporter.IP)
		w.own, w.network = reporter.Own, networkOf(ip)
	}
	if w.software == "" {
		w.software = reporter.Software
	}
	w.messages++
	w.verified = w.verified || reporter.Verified
	w.ids = w.ids.with(message)
}

func (f *Flood) addOrigin(g *group, r *Record, network string, message ref) {
	from := r.Finding.Origin
	if network == "" {
		return
	}
	o := entry(f, g.origins, from.IP)
	if o.messages == 0 {
		o.network, o.rdns, o.confirmed, o.source = network, from.RDNS, from.RDNSConfirmed, r.Source
		if r.Finding.SPF != nil {
			o.spf = r.Finding.SPF.Result
		}
		f.putHash(&g.networks, hash64(o.network))
	}
	o.messages++
	o.ids = o.ids.with(message)
	reporter := r.Finding.Reporter
	if reporter.Verified && !slices.Contains(o.seenBy, reporter.Witness) && len(o.seenBy) < termWitnesses {
		o.seenBy = append(o.seenBy, reporter.Witness)
	}
}

func (f *Flood) addCampaign(g *group, r *Record, message ref) {
	if r.Campaign == 0 {
		return
	}
	c := entry(f, g.campaigns, r.Campaign)
	c.messages++
	c.ids = c.ids.with(message)
	if c.subject == "" && r.Finding.Original != nil {
		c.subject = strings.Clone(r.Finding.Original.Subject)
	}
	if c.sample == nil {
		c.sample = f.sample(r)
	}
}

// room takes one entry from what may be kept.
func (f *Flood) room() bool {
	if f.kept >= maxKept {
		f.full = true
		return false
	}
	f.kept++
	return true
}

// entry finds or makes the entry of a table; without room it gives one that is not kept.
func entry[K comparable, V any](f *Flood, table map[K]*V, key K) *V {
	v := table[key]
	if v == nil {
		v = new(V)
		if f.room() {
			table[key] = v
		}
	}
	return v
}

// put adds a member to a set; the zero value is none.
func put[K comparable](f *Flood, set map[K]struct{}, member K) {
	var none K
	if member == none {
		return
	}
	if _, seen := set[member]; !seen && f.room() {
		set[member] = struct{}{}
	}
}

// putHash does the same to a set of sums.
func (f *Flood) putHash(set *hashes, sum uint64) {
	if !set.has(sum) && f.room() {
		set.add(sum)
	}
}

// final adds the codes that only the whole flood can give.
func (f *Flood) final(key groupKey) Codes {
	set := key.Case
	if key.Class != "" {
		return set
	}
	if (set.meets(codes("origin-own", "log-confirmed", "tenant-inside")) || set.has(viaProvider)) && !set.has(codes("null-sender")) {
		set |= f.habits.codes(set, key.Habit, f.thresholds)
	}
	if set.has(codes("origin-outside")) && set.meets(codes("dkim-own", "sent-recipient")) {
		set |= f.replays.codes(key.Replay, f.thresholds)
	}
	if set.has(codes("dkim-replayed")) {
		set &^= codes("sent-recipient") // of all copies one at most is the owner's
	}
	if key.Origin.IsValid() {
		set |= f.reported(key.Origin)
	}
	if f.logins.strange(key.Login, f.thresholds.LoginForms) && !f.off.has(codes("login-strange")) {
		set = set&^codes("login-named") | codes("login-strange")
	}
	return set &^ f.off
}

// judged gives all codes of a group and its class.
func (f *Flood) judged(g *group) (Codes, Class) {
	set := f.final(g.key)
	if g.key.Class != "" {
		return set, g.key.Class
	}
	return set, decide(set).class
}

// Judge gives a record's finding its class. Call it when all messages are added.
func (f *Flood) Judge(r *Record) {
	if r.Finding.Kind != string(dsn.KindBounce) {
		return
	}
	set := f.final(groupKey{Case: r.Case, Habit: r.Habit, Replay: r.Replay, Origin: r.Origin, Login: r.Login})
	row := decide(set)
	r.Finding.Class = row.class
	r.Finding.CouldBe = row.couldBe
	r.Finding.Settle = settleText(row.settle, &r.Finding)
	if row.settle == settleSent && !set.has(codes("no-sent")) {
		r.Finding.Settle = settleNothing
	}
	r.Finding.Campaign = f.campaigns.id(r.Campaign)
	r.Finding.Cell = cellName(&r.Finding)
	if shown := r.Source.of(row.class); shown != "" {
		r.Finding.Misconfiguration, r.Finding.Remedy = shown, shown.remedy()
	}
	if set.has(codes("login-strange")) {
		r.Finding.Origin.AuthUser = ""
		r.Finding.Reasons = slices.DeleteFunc(r.Finding.Reasons, func(reason Reason) bool { return reason.Code == "login-named" })
	}
	var late []Reason
	for i, rule := range rules {
		if (set&^r.Case)&(1<<i) != 0 {
			late = append(late, Reason{Code: rule.code, Text: f.lateText(rule.says, set, r)})
		}
	}
	r.Finding.Reasons = append(late, r.Finding.Reasons...)
}

// lateText fills a sentence of a rule that only the whole flood makes hold.
func (f *Flood) lateText(sentence string, set Codes, r *Record) string {
	signs := f.habits.of(set, r.Habit, f.thresholds).signs(f.thresholds)
	copies, _ := f.replays.table(r.Replay).Of(r.Replay)
	mark := "signature"
	if strings.HasPrefix(r.Replay, ofMessageID) {
		mark = "Message-ID, which you sent to this recipient once"
	}
	seen, _ := f.aggregates.Of(r.Origin)
	return strings.NewReplacer("{habit}", strings.Join(signs, "; "), "{copies}", strconv.Itoa(copies), "{mark}", mark,
		"{signatures}", strconv.Itoa(f.replays.seen.Distinct()), "{receivers}", strconv.Itoa(seen.Receivers),
		"{reported}", strconv.Itoa(seen.Messages)).Replace(sentence)
}

// cellName names a finding's cell: witness, origin network and campaign.
func cellName(f *Finding) string {
	witness, ip := "", netip.Addr{}
	if f.Reporter != nil {
		witness = f.Reporter.Witness
	}
	if f.Origin != nil {
		ip, _ = netip.ParseAddr(f.Origin.IP)
	}
	return shortHash(witness, networkOf(ip), f.Campaign)
}

// settleText fills what a class row's sentence takes from the finding.
func settleText(sentence string, f *Finding) string {
	origin, queue, by := "the origin", "(unknown)", "the server that took it"
	if f.Origin != nil {
		by = orElse(f.Origin.By, by)
		origin, queue = orElse(f.Origin.IP, origin), orElse(f.Origin.QueueID, queue)
	}
	return strings.NewReplacer("{origin}", origin, "{queue}", queue, "{by}", by).Replace(sentence)
}

// sorted gives the groups in the order in which their first messages were read.
func (f *Flood) sorted() []*group {
	return slices.SortedFunc(maps.Values(f.groups), func(a, b *group) int {
		return a.ids[0].place - b.ids[0].place
	})
}
