package classify

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ndrscan/dsn"
)

// Context is what the run knows and the flood does not.
type Context struct {
	Tool       string
	Now        time.Time
	Run        Run
	Sources    []string
	LeftOut    []LeftOut
	Complete   bool
	OwnSeen    []OwnHost
	Domains    []Domain
	SentAtHand bool
	LogAtHand  bool
}

// episodeGap splits a flood into episodes (METHOD 6); activeFor is how long after its last bounce one counts as active.
const (
	episodeGap = 48 * time.Hour
	activeFor  = 24 * time.Hour
)

// Report judges the flood. It may be called while messages are still added, for a report of what was read so far.
func (f *Flood) Report(c Context) *Report {
	if f.full {
		c.Run.Limits = append(c.Run.Limits, "more distinct addresses, campaigns and the like than are kept: the sums are right, the lists are not whole")
	}
	r := &Report{
		Schema: ReportSchema, Tool: c.Tool, Generated: c.Now.UTC(), Run: c.Run,
		Complete: c.Complete && len(c.LeftOut) == 0, LeftOut: orEmpty(c.LeftOut), Sources: orEmpty(c.Sources),
		Read: f.read, Copies: f.copies, Unreadable: f.unreadable, Kinds: maps.Clone(f.kinds), Classes: map[Class]int{},
		OwnSeen: orEmpty(c.OwnSeen), Domains: orEmpty(c.Domains), Samples: []Finding{},
	}
	r.Run.Limits = orEmpty(r.Run.Limits)
	groups := f.sorted()
	whole := newTally(&f.campaigns)
	for _, g := range groups {
		set, class := f.judged(g)
		whole.add(g, set, class, g.messages, func(cell) bool { return true })
	}
	for class, s := range whole.classes {
		r.Classes[class] = s.messages
	}
	r.Verdict = f.verdict(whole)
	if n := f.kinds[string(dsn.KindPostmasterCopy)]; n > 0 && r.Verdict.Verdict == NoBounces {
		r.Verdict.Sentence = fmt.Sprintf("no bounces, but %d copies that a server of yours sends its postmaster: read the mailbox the bounces themselves went to", n)
	}
	rows := newRows(f) // after whole, which is as large
	for _, g := range groups {
		set, class := f.judged(g)
		rows.add(g, set, class)
	}
	rows.fill(r)
	r.Samples = f.typical(rows)
	r.Episodes = f.episodes(groups, c.Now)
	if n := len(r.Episodes); n > 0 {
		r.Verdict.Active = r.Episodes[n-1].Active
	}
	r.Verdict.Reasons = append(brokenRecords(r.Domains), r.Verdict.Reasons...)
	r.Verdict.Missing = missing(r, c, f.has)
	r.Actions = actions(r)
	return r
}

// brokenRecords stand before all other reasons: a policy that is an error protects nobody (METHOD 4).
func brokenRecords(domains []Domain) []Reason {
	list := []Reason{}
	for _, d := range domains {
		if d.Broken {
			list = append(list, Reason{"record-broken", "the SPF record of " + d.Domain + " is broken and counts as none: " + strings.Join(d.Issues, "; ")})
		}
	}
	return list
}

// has tells whether any bounce shows one of these codes.
func (f *Flood) has(names ...string) bool {
	set := codes(names...)
	for key := range f.groups {
		if key.Case.meets(set) {
			return true
		}
	}
	return false
}

// rows gathers groups into the tables of the report.
type rows struct {
	flood        *Flood
	origins      map[string]*classed[OriginRow]
	campaigns    map[string]*classed[CampaignRow]
	witnesses    map[string]*witnessRow
	impersonated map[string]*impersonatedRow
	accounts     map[accountKey]*accountRow
	hours        map[int64]map[Class]int
	arrived      span
	samples      map[Class]*sampled
}

// classed is a row that messages of several classes share.
type classed[T any] struct {
	row     T
	classes counts
	ids     refs
	samples map[Class]*sampled // of campaigns
}

// counts is how many messages are of each class. It is a list, for there may be a million of them, most with one class.
type counts []classCount

type classCount struct {
	class    Class
	messages int
}

func (c counts) of(class Class) int {
	for _, one := range c {
		if one.class == class {
			return one.messages
		}
	}
	return 0
}

// with counts more messages of a class.
func (c counts) with(class Class, messages int) counts {
	for i := range c {
		if c[i].class == class {
			c[i].messages += messages
			return c
		}
	}
	return append(c, classCount{class, messages})
}

// most names the class that most messages have; at a tie the first by name.
func (c counts) most() Class {
	var best classCount
	for _, one := range c {
		if one.messages > best.messages || one.messages == best.messages && one.class < best.class {
			best = one
		}
	}
	return best.class
}

type witnessRow struct {
	WitnessRow
	ids refs
}

type impersonatedRow struct {
	Impersonated
	ids refs
}

type accountKey struct {
	id    accountID
	class Class
}

type accountRow struct {
	Account
	clients                         map[string]*use
	queueIDs, messageIDs, campaigns map[string]struct{}
	recipients                      hashes
	handed                          span
	ids                             refs
}

func newRows(f *Flood) *rows {
	return &rows{flood: f, origins: map[string]*classed[OriginRow]{}, campaigns: map[string]*classed[CampaignRow]{},
		witnesses: map[string]*witnessRow{}, impersonated: map[string]*impersonatedRow{}, accounts: map[accountKey]*accountRow{},
		hours: map[int64]map[Class]int{}, samples: map[Class]*sampled{}}
}

func (r *rows) add(g *group, set Codes, class Class) {
	for ip, o := range g.origins {
		r.addOrigin(ip, o, set, class)
	}
	for node, c := range g.campaigns {
		r.addCampaign(r.flood.campaigns.id(node), c, class)
	}
	if g.sample.before(r.samples[class]) {
		r.samples[class] = g.sample
	}
	for name, w := range g.witnesses {
		r.addWitness(name, w)
	}
	if class == Forged {
		for address, s := range g.senders {
			r.addSender(address, s)
		}
	}
	if g.key.Habit != "" {
		r.addAccount(g, set, class)
	}
	r.arrived.join(g.arrived)
	for hour, n := range g.hours {
		if r.hours[hour] == nil {
			r.hours[hour] = map[Class]int{}
		}
		r.hours[hour][class] += n
	}
}

func (r *rows) addOrigin(ip string, o *origin, set Codes, class Class) {
	row := r.origins[ip]
	if row == nil {
		row = &classed[OriginRow]{row: OriginRow{IP: ip}}
		r.origins[ip] = row
	}
	if o.ids.before(row.ids) {
		row.row.Network, row.row.RDNS, row.row.RDNSConfirmed, row.row.SPF = o.network, o.rdns, o.confirmed, o.spf
	}
	if shown := o.source.of(class); shown != "" && (row.row.Misconfiguration == "" || o.ids.before(row.ids)) {
		row.row.Misconfiguration, row.row.Remedy = shown, shown.remedy()
	}
	if class == Misconfigured && set.meets(inSent|codes("origin-own", "border-proved", "reports-signed")) && len(o.seenBy) >= termWitnesses {
		row.row.SPFTerm = term(ip)
	}
	row.row.Messages += o.messages
	row.ids = row.ids.with(o.ids...)
	row.classes = row.classes.with(class, o.messages)
}

func (r *rows) addCampaign(id string, c *campaign, class Class) {
	row := r.campaigns[id]
	if row == nil {
		row = &classed[CampaignRow]{row: CampaignRow{Campaign: id}, samples: map[Class]*sampled{}}
		r.campaigns[id] = row
	}
	if c.subject != "" && (row.row.Subject == "" || c.ids.before(row.ids)) {
		row.row.Subject = c.subject
	}
	if c.sample.before(row.samples[class]) {
		row.samples[class] = c.sample
	}
	row.row.Messages += c.messages
	row.ids = row.ids.with(c.ids...)
	row.classes = row.classes.with(class, c.messages)
}

func (r *rows) addWitness(name string, w *witness) {
	row := r.witnesses[name]
	if row == nil {
		row = &witnessRow{WitnessRow: WitnessRow{Witness: name}}
		r.witnesses[name] = row
	}
	if w.ids.before(row.ids) {
		row.Own, row.Software = w.own, cmp.Or(w.software, row.Software)
	}
	row.Software = cmp.Or(row.Software, w.software)
	row.Verified = row.Verified || w.verified
	row.Messages += w.messages
	row.ids = row.ids.with(w.ids...)
}

func (r *rows) addSender(address string, s *sender) {
	row := r.impersonated[address]
	if row == nil {
		row = &impersonatedRow{Impersonated: Impersonated{Address: address}}
		r.impersonated[address] = row
	}
	row.Messages += s.messages
	row.ids = row.ids.with(s.ids...)
}

func (r *rows) addAccount(g *group, set Codes, class Class) {
	id := g.accountIn(set)
	key := accountKey{id, class}
	row := r.accounts[key]
	if row == nil {
		row = &accountRow{
			Account: Account{Login: id.login, Host: id.host, Entry: string(id.entry), Class: class},
			clients: map[string]*use{}, queueIDs: map[string]struct{}{}, messageIDs: map[string]struct{}{}, campaigns: map[string]struct{}{}}
		r.accounts[key] = row
	}
	row.Messages += g.messages
	for ip, u := range g.clients {
		if row.clients[ip] == nil {
			row.clients[ip] = &use{}
		}
		row.clients[ip].messages += u.messages
		row.clients[ip].handed.join(u.handed)
	}
	maps.Copy(row.queueIDs, g.queueIDs)
	maps.Copy(row.messageIDs, g.messageIDs)
	row.recipients.join(&g.recipients)
	for node := range g.campaigns {
		row.campaigns[r.flood.campaigns.id(node)] = struct{}{}
	}
	row.ids = row.ids.with(g.ids...)
	row.handed.join(g.handed)
}

// fill writes the tables into the report, the largest first; equal ones by name, so that a run can be repeated.
func (r *rows) fill(rep *Report) {
	rep.Origins = sortedRows(r.origins, func(c *classed[OriginRow]) OriginRow {
		c.row.Class, c.row.Evidence = c.classes.most(), r.flood.names(c.ids)
		if !c.row.Misconfiguration.mayBePermitted() {
			c.row.SPFTerm = ""
		}
		return c.row
	}, func(o OriginRow) (int, string) { return o.Messages, o.IP })
	rep.Campaigns = sortedRows(r.campaigns, func(c *classed[CampaignRow]) CampaignRow {
		c.row.Class, c.row.Evidence = c.classes.most(), r.flood.names(c.ids)
		return c.row
	}, func(c CampaignRow) (int, string) { return c.Messages, c.Campaign })
	rep.Witnesses = sortedRows(r.witnesses, func(w *witnessRow) WitnessRow {
		w.Evidence = r.flood.names(w.ids)
		return w.WitnessRow
	},
		func(w WitnessRow) (int, string) { return w.Messages, w.Witness })
	rep.Impersonated = sortedRows(r.impersonated, func(i *impersonatedRow) Impersonated {
		i.Evidence = r.flood.names(i.ids)
		return i.Impersonated
	}, func(i Impersonated) (int, string) { return i.Messages, i.Address })
	rep.Accounts = r.accountRows()
	rep.Timeline = []Bucket{}
	for _, hour := range slices.Sorted(maps.Keys(r.hours)) {
		rep.Timeline = append(rep.Timeline, Bucket{Hour: hourTime(hour), Classes: r.hours[hour]})
	}
	rep.Period = Period{From: timePtr(r.arrived.first), To: timePtr(r.arrived.last)}
}

func (r *rows) accountRows() []Account {
	list := []Account{}
	for _, row := range r.accounts {
		a := row.Account
		a.ClientIPs = slices.Sorted(maps.Keys(row.clients))
		a.Clients = clientRows(row.clients)
		a.QueueIDs = first(slices.Sorted(maps.Keys(row.queueIDs))...)
		a.MessageIDs = first(slices.Sorted(maps.Keys(row.messageIDs))...)
		a.Evidence = r.flood.names(row.ids)
		a.Campaigns = slices.Sorted(maps.Keys(row.campaigns))
		a.FailedRecipients = row.recipients.len()
		a.First, a.Last = timePtr(row.handed.first), timePtr(row.handed.last)
		list = append(list, a)
	}
	slices.SortFunc(list, func(a, b Account) int {
		return cmp.Or(boolRank(b.Class == Compromised)-boolRank(a.Class == Compromised), b.Messages-a.Messages,
			strings.Compare(a.Login, b.Login), strings.Compare(a.Host, b.Host), strings.Compare(string(a.Class), string(b.Class)),
			strings.Compare(a.Entry, b.Entry))
	})
	return list
}

// clientRows lists who used an account, the busiest first.
func clientRows(clients map[string]*use) []AccountClient {
	var list []AccountClient
	for ip, u := range clients {
		list = append(list, AccountClient{IP: ip, Messages: u.messages, First: timePtr(u.handed.first), Last: timePtr(u.handed.last)})
	}
	slices.SortFunc(list, func(a, b AccountClient) int { return cmp.Or(b.Messages-a.Messages, strings.Compare(a.IP, b.IP)) })
	return list
}

// episodes splits the flood at gaps and judges each part.
func (f *Flood) episodes(groups []*group, now time.Time) []Episode {
	seen := map[int64]struct{}{}
	for _, g := range groups {
		for hour := range g.hours {
			seen[hour] = struct{}{}
		}
	}
	list := []Episode{}
	hours := slices.Sorted(maps.Keys(seen))
	for start := 0; start < len(hours); {
		end := start + 1
		for end < len(hours) && time.Duration(hours[end]-hours[end-1])*time.Hour <= episodeGap {
			end++
		}
		list = append(list, f.episode(groups, hours[start], hours[end-1], now))
		start = end
	}
	return list
}

func (f *Flood) episode(groups []*group, first, last int64, now time.Time) Episode {
	t := newTally(&f.campaigns)
	inside := func(c cell) bool { return int64(c.last) >= first && int64(c.first) <= last }
	for _, g := range groups {
		n := 0
		for hour, count := range g.hours {
			if hour >= first && hour <= last {
				n += count
			}
		}
		if n > 0 {
			set, class := f.judged(g)
			t.add(g, set, class, n, inside)
		}
	}
	e := Episode{First: hourTime(first), Last: hourTime(last + 1), Messages: t.bounces, Classes: map[Class]int{}}
	for class, s := range t.classes {
		e.Classes[class] = s.messages
	}
	e.Verdict, _ = t.headline(f.thresholds)
	e.Active = now.Sub(hourTime(last)) < activeFor+time.Hour
	return e
}

func hourTime(hour int64) time.Time { return time.Unix(hour*3600, 0).UTC() }

// sortedRows gives the rows of a table, the largest first, at a tie by name.
func sortedRows[T, R any](table map[string]*T, row func(*T) R, key func(R) (int, string)) []R {
	list := make([]R, 0, len(table))
	for _, entry := range table {
		list = append(list, row(entry))
	}
	slices.SortFunc(list, func(a, b R) int {
		na, sa := key(a)
		nb, sb := key(b)
		return cmp.Or(nb-na, strings.Compare(sa, sb))
	})
	return list
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}
