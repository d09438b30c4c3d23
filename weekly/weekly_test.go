package weekly

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"ndrscan/classify"
)

var monday = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)

func week(n int) Span { return Span{monday.AddDate(0, 0, 7*n), monday.AddDate(0, 0, 7*(n+1))} }

// history is what a store would hold: findings of several weeks and the runs that made them.
type history struct {
	findings []Finding
	runs     []Run
}

func (h *history) input(s Span) Input {
	return Input{Tool: "ndrscan test", Span: s, Runs: h.runs, Findings: func(s Span) iter.Seq2[Finding, error] {
		return func(yield func(Finding, error) bool) {
			for _, f := range h.findings {
				if s.holds(f.Arrived) && !yield(f, nil) {
					return
				}
			}
		}
	}}
}

// forged adds n forged bounces in a week, from the networks given, through two witnesses.
func (h *history) forged(n, w int, networks ...int) {
	for i := range n {
		witness := fmt.Sprintf("site%d.test", i%2)
		h.add(w, i, "forged", fmt.Sprintf("203.0.%d.9", networks[i%len(networks)]), witness, nil)
	}
}

func (h *history) add(w, i int, class classify.Class, ip, witness string, change func(*classify.Finding)) {
	at := week(w).From.Add(time.Duration(i) * time.Hour)
	f := classify.Finding{Schema: classify.FindingSchema, Source: "box", ID: fmt.Sprintf("%d-%d-%s", w, i, class), Kind: "bounce", Received: &at, Class: class,
		Campaign: "0102030405", Reporter: &classify.Reporter{Witness: witness, IP: "198.51.100.9", Verified: true},
		Origin: &classify.Origin{IP: ip}, Original: &classify.Original{MailFrom: "joe@example.com"},
		Reasons: []classify.Reason{{Code: "origin-outside"}, {Code: "spf-fail"}}}
	if change != nil {
		change(&f)
	}
	h.findings = append(h.findings, Finding{f, at})
}

// run adds a run at a week's end.
func (h *history) run(w int, domain classify.Domain, left ...classify.LeftOut) {
	h.runs = append(h.runs, Run{week(w).To.Add(-time.Hour), &classify.Report{Domains: []classify.Domain{domain}, LeftOut: left}})
}

func build(t *testing.T, h *history, w int) *Report {
	t.Helper()
	r, err := Build(h.input(week(w)))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTwelveWeeks tells the story of twelve weeks and holds what each report says of it.
func TestTwelveWeeks(t *testing.T) {
	open := classify.Domain{Domain: "example.com", Record: "v=spf1 mx ?all", DMARC: ""}
	strict := classify.Domain{Domain: "example.com", Record: "v=spf1 mx -all", DMARC: "v=DMARC1; p=none"}
	h := &history{}
	h.run(0, open) // a quiet week
	h.run(1, open)
	h.forged(40, 2, 1, 2, 3, 4) // a Joe-Job begins
	h.run(2, open)
	h.forged(60, 3, 3, 4, 5) // goes on from other networks
	h.run(3, open)
	h.forged(60, 4, 3, 4, 5)
	h.run(4, strict) // the record is mended
	h.forged(6, 5, 4)
	h.run(5, strict)
	h.run(6, strict)    // it is over
	for i := range 12 { // an account is lost
		h.add(7, i, classify.Compromised, "192.0.2.2", "site.test", func(f *classify.Finding) {
			f.Origin.Own, f.Origin.AuthUser, f.Origin.Entry, f.Origin.EntryHost = true, "alice", "account", "submit.example.com"
			f.Reasons = []classify.Reason{{Code: "origin-own"}, {Code: "border-proved"}, {Code: "login-named"}, {Code: "out-of-habit"}}
		})
	}
	h.run(7, strict)
	h.run(8, strict, classify.LeftOut{Source: "box", ID: "9", Count: 1, Why: "cut short"})
	for i := range 5 { // a newsletter service that SPF does not name
		h.add(9, i, classify.Misconfigured, "198.51.100.20", "site.test", nil)
	}
	h.run(9, strict)
	// In weeks 10 and 11 nobody looked.

	tests := []struct {
		week    int
		verdict classify.Judgement
		says    []string // of the sentence
		not     []string
		fresh   []string // networks
		gone    []string
	}{
		{1, classify.NoBounces, []string{"Quiet: no bounces in 0 messages", "to do: nothing"}, []string{"new:", "gone:"}, nil, nil},
		{2, classify.JoeJob, []string{"40 bounces, 0 in the period before", "new: a Joe-Job, 4 origin networks"}, []string{"gone:"},
			[]string{"203.0.1.0/24", "203.0.2.0/24", "203.0.3.0/24", "203.0.4.0/24"}, nil},
		{3, classify.JoeJob, []string{"of them forged 60 and 40", "gone: 2 origin networks", "new: 1 origin network"}, []string{"a Joe-Job"},
			[]string{"203.0.5.0/24"}, []string{"203.0.1.0/24", "203.0.2.0/24"}},
		{4, classify.JoeJob, []string{"new: another policy of example.com"}, []string{"gone:", "origin network"}, nil, nil},
		{5, classify.OrdinaryBounces, []string{"6 bounces, 60 in the period before", "gone: the Joe-Job, 2 origin networks"}, []string{"new:"},
			nil, []string{"203.0.3.0/24", "203.0.5.0/24"}},
		{6, classify.NoBounces, []string{"Quiet: no bounces in 0 messages, 6 in the period before", "gone: 1 origin network"}, nil, nil, []string{"203.0.4.0/24"}},
		{7, classify.Compromise, []string{"new: a compromise", "to do: close 1 way in that spam uses"}, nil, nil, nil},
		{8, classify.NoBounces, []string{"gone: the compromise", "to do: see why 1 source or message could not be read"}, nil, nil, nil},
		{9, classify.MisconfiguredSender, []string{"new: a sender that SPF does not name", "to do: look at 1 sender that SPF does not name"}, nil, nil, nil},
		{10, classify.NoBounces, []string{"Nothing was read in this period"}, nil, nil, nil},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("week %d", tt.week), func(t *testing.T) {
			r := build(t, h, tt.week)
			if r.Verdict != tt.verdict {
				t.Errorf("verdict %s, want %s", r.Verdict, tt.verdict)
			}
			for _, part := range tt.says {
				if !strings.Contains(r.Sentence, part) {
					t.Errorf("sentence %q lacks %q", r.Sentence, part)
				}
			}
			for _, part := range tt.not {
				if strings.Contains(r.Sentence, part) {
					t.Errorf("sentence %q has %q", r.Sentence, part)
				}
			}
			if !slices.Equal(networks(r.NewNetworks), tt.fresh) || !slices.Equal(networks(r.GoneNetworks), tt.gone) {
				t.Errorf("new %v, gone %v; want %v, %v", r.NewNetworks, r.GoneNetworks, tt.fresh, tt.gone)
			}
			if len(r.Days) != 14 {
				t.Errorf("%d days", len(r.Days))
			}
			again, err := json.Marshal(build(t, h, tt.week))
			if first, _ := json.Marshal(r); err != nil || string(first) != string(again) {
				t.Errorf("made again, it is another:\n%s\n%s", first, again)
			}
		})
	}
	changed := build(t, h, 4).Policies[0]
	if changed.SPFWas == nil || *changed.SPFWas != open.Record || changed.SPF != strict.Record || changed.DMARCWas == nil || *changed.DMARCWas != "" {
		t.Errorf("policy %+v", changed)
	}
	if again := build(t, h, 5).Policies[0]; again.SPFWas != nil || again.DMARCWas != nil || again.FirstSeen {
		t.Errorf("a policy that stayed: %+v", again)
	}
	lost := build(t, h, 7)
	if len(lost.AtRisk) != 1 || lost.AtRisk[0].Login != "alice" || lost.AtRisk[0].Messages != 12 {
		t.Errorf("at risk %+v", lost.AtRisk)
	}
	if site := build(t, h, 3).Sites[0]; site.Witness != "site0.test" || site.Messages != 30 || site.Before != 20 {
		t.Errorf("site %+v", site)
	}
}

func networks(list []Network) (names []string) {
	for _, n := range list {
		names = append(names, n.Network)
	}
	slices.Sort(names)
	return names
}

// A run on Monday morning reads Sunday night's mail: what it could not read stands in the report of the week that is over, and
// in no other.
func TestRunsAfterTheEnd(t *testing.T) {
	domain := classify.Domain{Domain: "example.com", Record: "v=spf1 mx -all"}
	h := &history{}
	for w := range 3 {
		left := classify.LeftOut{Source: "box", ID: fmt.Sprint(w), Count: 1, Why: "cut short"}
		h.runs = append(h.runs, Run{week(w).To.Add(6 * time.Hour), &classify.Report{Domains: []classify.Domain{domain}, LeftOut: []classify.LeftOut{left}}})
	}
	if r := build(t, h, 0); r.RunsBefore != 0 || !strings.Contains(r.Sentence, "nothing is known of the period before") {
		t.Errorf("the first week: %d runs before; %s", r.RunsBefore, r.Sentence)
	}
	if r := build(t, h, 0); r.Compared() || strings.Contains(r.Sentence, "new:") {
		t.Errorf("the first week has nothing to compare with: %s", r.Sentence)
	}
	if r := build(t, h, 1); !r.Compared() || r.RunsBefore != 1 || strings.Contains(r.Sentence, "nothing is known") {
		t.Errorf("the second week: %d runs before; %s", r.RunsBefore, r.Sentence)
	}
	for w := range 3 {
		r := build(t, h, w)
		if r.Runs != 1 || len(r.Unread) != 1 || r.Unread[0].ID != fmt.Sprint(w) || r.Policies[0].FirstSeen != (w == 0) {
			t.Errorf("week %d: %d runs, unread %v, policies %+v", w, r.Runs, r.Unread, r.Policies)
		}
	}
	if r := build(t, h, 4); r.Runs != 0 || r.LastRun != nil {
		t.Errorf("week 4: %d runs", r.Runs)
	}
}

func TestWeeks(t *testing.T) {
	for text, from := range map[string]string{"2026-W01": "2025-12-29", "2026-W47": "2026-11-16", "2026-W53": "2026-12-28", "2027-W01": "2027-01-04"} {
		s, err := ParseWeek(text)
		if err != nil || s.From.Format(time.DateOnly) != from || s.To.Sub(s.From) != 7*24*time.Hour || s.Name() != text {
			t.Errorf("%s: %v %s, %v", text, s, s.Name(), err)
		}
	}
	for _, text := range []string{"", "2027-W53", "2026-W00", "2026-W54", "2026-47", "2026-W7", "2026-W47 "} {
		if s, err := ParseWeek(text); err == nil {
			t.Errorf("%q: %v", text, s)
		}
	}
	for now, name := range map[string]string{"2026-11-22T23:59:59Z": "2026-W46", "2026-11-23T00:00:00Z": "2026-W47", "2026-11-23T00:30:00+01:00": "2026-W46"} {
		at, _ := time.Parse(time.RFC3339, now)
		if got := LastWeek(at).Name(); got != name {
			t.Errorf("at %s the last week is %s, want %s", now, got, name)
		}
	}
	day := time.Date(2026, 11, 16, 0, 0, 0, 0, time.UTC)
	if got := (Span{day, day.AddDate(0, 0, 30)}).Name(); got != "2026-11-16 to 2026-12-15" {
		t.Error(got)
	}
}

func TestLetters(t *testing.T) {
	at := week(1).From
	in := (&history{}).input(week(1))
	in.Letters = []Letter{{at.Add(-1), false, true}, {at, false, true}, {at, true, false}, {at.Add(time.Hour), true, true}, {week(1).To, true, true}}
	r, err := Build(in)
	if err != nil || r.Now.Letters != (Letters{Networks: 1, Sites: 2, Sent: 2}) || r.Then.Letters != (Letters{Networks: 1, Sent: 1}) {
		t.Errorf("%+v, %+v, %v", r.Now.Letters, r.Then.Letters, err)
	}
}
