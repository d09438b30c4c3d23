// Package weekly compares the findings of one period with those of the one before: what is gone, what is new, what is to be
// done. In go findings that were saved, and what the runs of that time knew beside them; out comes a Report for people who
// did not watch the flood. It is made anew from the same findings to the same bytes, and it is made of a quiet week, too: that
// it doesn't come is the alarm.
package weekly

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"time"

	"ndrscan/classify"
)

// Schema names the form of the JSON output.
const Schema = "ndrscan.weekly/1"

// Span is a period: from its first moment to that after its last.
type Span struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
}

// Before is the span of the same length before.
func (s Span) Before() Span { return Span{s.From.Add(-s.To.Sub(s.From)), s.From} }

func (s Span) holds(t time.Time) bool { return !t.Before(s.From) && t.Before(s.To) }

// Week is an ISO week (ISO 8601 section 3.1.1.23: it begins on Monday, and week 1 is that of 4 January), in UTC.
func Week(year, week int) Span {
	fourth := time.Date(year, time.January, 4, 0, 0, 0, 0, time.UTC)
	monday := fourth.AddDate(0, 0, 7*(week-1)-(int(fourth.Weekday())+6)%7)
	return Span{monday, monday.AddDate(0, 0, 7)}
}

// LastWeek is the last ISO week that was over at a time.
func LastWeek(now time.Time) Span { return Week(now.UTC().AddDate(0, 0, -7).ISOWeek()) }

// ParseWeek reads 2026-W47.
func ParseWeek(text string) (Span, error) {
	var year, week int
	if m := weekForm.FindStringSubmatch(text); m != nil {
		year, _ = strconv.Atoi(m[1])
		week, _ = strconv.Atoi(m[2])
		s := Week(year, week)
		if y, w := s.From.ISOWeek(); y == year && w == week {
			return s, nil
		}
	}
	return Span{}, fmt.Errorf("there is no week %q: write 2026-W47", text)
}

var weekForm = regexp.MustCompile(`^([0-9]{4})-W([0-9]{2})$`)

// Name is the week's, where the span is one; else its first and last day.
func (s Span) Name() string {
	from, to := s.From.UTC(), s.To.UTC()
	year, week := from.ISOWeek()
	if w := Week(year, week); w.From.Equal(from) && w.To.Equal(to) {
		return fmt.Sprintf("%04d-W%02d", year, week)
	}
	if to.Sub(from) <= 24*time.Hour {
		return from.Format(time.DateOnly)
	}
	return s.Days()
}

// Days names the first and the last day.
func (s Span) Days() string {
	return s.From.UTC().Format(time.DateOnly) + " to " + s.To.Add(-1).UTC().Format(time.DateOnly)
}

// Run is what a run of the time knew beside its findings.
type Run struct {
	At     time.Time
	Report *classify.Report
}

// Input is what a report is made of. Findings yields those that arrived in a span, in an order that is always the same.
type Input struct {
	Tool     string
	Span     Span
	Findings func(Span) iter.Seq2[Finding, error]
	Letters  []Letter
	Runs     []Run // from the begin of the span before to Grace after the end, oldest first
}

// Letter is a letter that was written to a network that forged mail came from, or to a site that bounced it.
type Letter struct {
	At   time.Time
	Site bool
	Sent bool
}

// Finding is a finding and when its message arrived.
type Finding struct {
	classify.Finding
	Arrived time.Time
}

// Report is a period against the one before.
type Report struct {
	Schema string `json:"schema"`
	Tool   string `json:"tool"`
	Span   Span   `json:"span"`
	Before Span   `json:"before"`

	Sentence string             `json:"sentence"` // gone, new, to do
	Verdict  classify.Judgement `json:"verdict"`
	Was      classify.Judgement `json:"verdict_before"`

	Now  Counts `json:"counts"`
	Then Counts `json:"counts_before"`
	Days []Day  `json:"days"` // of both spans, every day of them

	NewNetworks  []Network `json:"new_networks"` // origins of forged mail
	GoneNetworks []Network `json:"gone_networks"`

	AtRisk   []classify.Account   `json:"at_risk"`  // accounts, scripts and hosts that spam went through, or may have
	Senders  []classify.OriginRow `json:"senders"`  // sources of ours that SPF does not name
	Policies []Policy             `json:"policies"` // of our domains, and what changed in them
	Sites    []Site               `json:"sites"`    // that accept forged mail and bounce it, the most first
	Unread   []classify.LeftOut   `json:"unread"`   // what could not be read
	ToDo     []classify.Action    `json:"to_do"`    // next steps
	Runs     int                  `json:"runs"`     // that read mail of the span

	RunsBefore int        `json:"runs_before"` // and of the one before
	LastRun    *time.Time `json:"last_run,omitempty"`
}

// Counts are the sums of a span.
type Counts struct {
	Read     int                    `json:"read"`
	Bounces  int                    `json:"bounces"`
	Classes  map[classify.Class]int `json:"classes"`
	Networks int                    `json:"networks"` // that forged mail came from
	Letters  Letters                `json:"letters"`
}

// Letters counts the letters that were written in a span (ndrscan abuse --store).
type Letters struct {
	Networks int `json:"networks"` // about networks that forged mail came from
	Sites    int `json:"sites"`    // to sites that bounced it
	Sent     int `json:"sent"`     // of both: handed to a mail server
}

// Day counts the bounces of a day (UTC) by class.
type Day struct {
	Day     time.Time              `json:"day"`
	Classes map[classify.Class]int `json:"classes"`
}

// Network is a network that forged mail came from.
type Network struct {
	Network  string `json:"network"`
	Messages int    `json:"messages"`
}

// Site is an organisation whose servers bounce forged mail to us.
type Site struct {
	Witness  string `json:"witness"`
	Software string `json:"software,omitempty"`
	Verified bool   `json:"verified"`
	Messages int    `json:"messages"`
	Before   int    `json:"before"`
}

// Policy is what a domain publishes, at the end of the span.
type Policy struct {
	Domain    string   `json:"domain"`
	SPF       string   `json:"spf"`
	DMARC     string   `json:"dmarc"`
	Issues    []string `json:"issues"`
	SPFWas    *string  `json:"spf_before,omitempty"`   // where it changed
	DMARCWas  *string  `json:"dmarc_before,omitempty"` // where it changed
	FirstSeen bool     `json:"first_seen"`             // nothing is known of before
}

// Bounds of the lists.
const (
	maxNetworks = 1000
	maxSites    = 100
)

// Build makes the report.
func Build(in Input) (*Report, error) {
	r := &Report{Schema: Schema, Tool: in.Tool, Span: in.Span, Before: in.Span.Before()}
	then, err := tallyOf(in.Findings(r.Before))
	if err != nil {
		return nil, err
	}
	now, err := tallyOf(in.Findings(r.Span))
	if err != nil {
		return nil, err
	}
	whole := now.flood.Report(r.runs(in.Runs))
	r.Verdict, r.Was = whole.Verdict.Verdict, then.flood.Report(classify.Context{Now: r.Span.From}).Verdict.Verdict
	r.Now, r.Then = now.counts(), then.counts()
	r.Now.Letters, r.Then.Letters = lettersIn(r.Span, in.Letters), lettersIn(r.Before, in.Letters)
	r.Days = days(r.Before, r.Span, then.days, now.days)
	r.NewNetworks, r.GoneNetworks = only(now.networks, then.networks), only(then.networks, now.networks)
	r.Sites = sites(now.sites, then.sites)
	r.AtRisk = slices.DeleteFunc(whole.Accounts, func(a classify.Account) bool { return !atRisk(a, r.Verdict) })
	r.Senders = slices.DeleteFunc(whole.Origins, func(o classify.OriginRow) bool { return o.Class != classify.Misconfigured })
	r.ToDo = whole.Actions
	r.Sentence = r.sentence()
	return r, nil
}

// atRisk tells whether spam went through an account, or may have.
func atRisk(a classify.Account, verdict classify.Judgement) bool {
	return a.Class == classify.Compromised || a.Class == classify.Undetermined && verdict == classify.CompromiseSuspected
}

// runs reads what the runs knew: policies at the end of either span, what was left out. It gives the context of the last one.
func (r *Report) runs(list []Run) classify.Context {
	start, end := runsUntil(list, r.Span.From), runsUntil(list, r.Span.To)
	r.RunsBefore = start - runsUntil(list, r.Before.From)
	var last, before *classify.Report
	if start > 0 {
		before = list[start-1].Report
	}
	r.Unread = []classify.LeftOut{}
	for _, run := range list[start:end] {
		r.Runs++
		at := run.At.UTC()
		r.LastRun, last = &at, run.Report
		for _, l := range run.Report.LeftOut {
			if !slices.Contains(r.Unread, l) {
				r.Unread = append(r.Unread, l)
			}
		}
	}
	r.Policies = policies(before, last)
	if last == nil {
		return classify.Context{Now: r.Span.To}
	}
	c := classify.ContextOf(last)
	c.Now, c.LeftOut = r.Span.To, nil
	return c
}

// Grace is how long after a span's end its last run may come: a scan on Monday morning reads what came on Sunday night.
const Grace = 24 * time.Hour

// runsUntil counts the runs that read mail of the time before end: those before it, and the first one after it, if it came soon.
// So each run belongs to one span.
func runsUntil(list []Run, end time.Time) int {
	n := 0
	for n < len(list) && list[n].At.Before(end) {
		n++
	}
	if n < len(list) && list[n].At.Before(end.Add(Grace)) {
		n++
	}
	return n
}

// policies compares what our domains published at the end of both spans.
func policies(before, last *classify.Report) []Policy {
	list := []Policy{}
	if last == nil {
		return list
	}
	for _, d := range last.Domains {
		p := Policy{Domain: d.Domain, SPF: d.Record, DMARC: d.DMARC, Issues: d.Issues, FirstSeen: true}
		if before != nil {
			if i := slices.IndexFunc(before.Domains, func(old classify.Domain) bool { return old.Domain == d.Domain }); i >= 0 {
				p.FirstSeen = false
				p.SPFWas, p.DMARCWas = changed(before.Domains[i].Record, d.Record), changed(before.Domains[i].DMARC, d.DMARC)
			}
		}
		list = append(list, p)
	}
	return list
}

func changed(was, is string) *string {
	if was == is {
		return nil
	}
	return &was
}

// tally counts the findings of one span.
type tally struct {
	flood    *classify.Flood
	read     int
	bounces  int
	classes  map[classify.Class]int
	days     map[time.Time]map[classify.Class]int
	networks map[string]int
	sites    map[string]*Site
}

func tallyOf(findings iter.Seq2[Finding, error]) (*tally, error) {
	t := &tally{flood: classify.NewFlood(classify.FloodOptions{}), classes: map[classify.Class]int{},
		days: map[time.Time]map[classify.Class]int{}, networks: map[string]int{}, sites: map[string]*Site{}}
	for f, err := range findings {
		if err != nil {
			return nil, err
		}
		t.add(&f)
	}
	return t, nil
}

func (t *tally) add(f *Finding) {
	t.read++
	t.flood.Recount(&f.Finding)
	if f.Kind != "bounce" || f.Origin == nil || f.Reporter == nil {
		return
	}
	t.bounces++
	t.classes[f.Class]++
	day := f.Arrived.UTC().Truncate(24 * time.Hour)
	if t.days[day] == nil {
		t.days[day] = map[classify.Class]int{}
	}
	t.days[day][f.Class]++
	if f.Class != classify.Forged {
		return
	}
	if network := classify.Network(f.Origin.IP); network != "" {
		t.networks[network]++
	}
	if w := f.Reporter; w.Witness != "" && !w.Own {
		site := t.sites[w.Witness]
		if site == nil {
			site = &Site{Witness: w.Witness, Software: w.Software}
			t.sites[w.Witness] = site
		}
		site.Messages++
		site.Verified = site.Verified || w.Verified
	}
}

func (t *tally) counts() Counts {
	return Counts{Read: t.read, Bounces: t.bounces, Classes: t.classes, Networks: len(t.networks)}
}

func lettersIn(s Span, letters []Letter) (sum Letters) {
	for _, l := range letters {
		if !s.holds(l.At) {
			continue
		}
		if l.Site {
			sum.Sites++
		} else {
			sum.Networks++
		}
		if l.Sent {
			sum.Sent++
		}
	}
	return sum
}

// days lists every day of both spans, those without a bounce too.
func days(before, span Span, then, now map[time.Time]map[classify.Class]int) []Day {
	list := []Day{}
	for day := before.From.UTC().Truncate(24 * time.Hour); day.Before(span.To); day = day.AddDate(0, 0, 1) {
		d := Day{Day: day, Classes: map[classify.Class]int{}}
		for _, part := range []map[classify.Class]int{then[day], now[day]} {
			for class, n := range part {
				d.Classes[class] += n
			}
		}
		list = append(list, d)
	}
	return list
}

// only lists the networks of one span that the other has not, those with most messages first.
func only(here, there map[string]int) []Network {
	list := []Network{}
	for network, n := range here {
		if there[network] == 0 {
			list = append(list, Network{network, n})
		}
	}
	slices.SortFunc(list, func(a, b Network) int { return cmp.Or(b.Messages-a.Messages, cmp.Compare(a.Network, b.Network)) })
	return list[:min(len(list), maxNetworks)]
}

func sites(now, then map[string]*Site) []Site {
	list := []Site{}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		site := *now[name]
		if old := then[name]; old != nil {
			site.Before = old.Messages
		}
		list = append(list, site)
	}
	slices.SortStableFunc(list, func(a, b Site) int { return b.Messages - a.Messages })
	return list[:min(len(list), maxSites)]
}
