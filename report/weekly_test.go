package report

import (
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-message"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"golang.org/x/net/html"

	"ndrscan/classify"
	"ndrscan/weekly"
)

// aWeek is a period in which everything happens that a report tells of.
func aWeek() *weekly.Report {
	span := weekly.Week(2026, 47)
	was, run := "v=spf1 mx ?all", span.To.Add(5*time.Hour)
	first, last := span.From.Add(30*time.Hour), span.From.Add(50*time.Hour)
	r := &weekly.Report{Schema: weekly.Schema, Tool: "ndrscan test", Span: span, Before: span.Before(),
		Sentence: "1,234 bounces, 310 in the period before, of them forged 1,200 and 300; gone: 1 origin network; new: a compromise, 2 origin networks; to do: close 1 way in that spam uses.",
		Verdict:  classify.Both, Was: classify.JoeJob,
		Now:         weekly.Counts{Read: 1300, Bounces: 1234, Classes: map[classify.Class]int{"forged": 1200, "compromised": 12, "genuine": 22}, Networks: 3, Letters: weekly.Letters{Networks: 2, Sites: 1, Sent: 3}},
		Then:        weekly.Counts{Read: 400, Bounces: 310, Classes: map[classify.Class]int{"forged": 300, "genuine": 10}, Networks: 2},
		NewNetworks: []weekly.Network{{Network: "203.0.113.0/24", Messages: 900}, {Network: "2001:db8:bad::/48", Messages: 100}}, GoneNetworks: []weekly.Network{{Network: "198.51.100.0/24", Messages: 120}},
		AtRisk: []classify.Account{{Login: "alice@example.com", Host: "submit.example.com", Entry: "account", Class: classify.Compromised, First: &first, Last: &last,
			Messages: 12, ClientIPs: []string{"198.51.100.66"}, QueueIDs: []string{"C01F7A252F2"}, FailedRecipients: 14, Evidence: []string{"INBOX/24", "INBOX/25"}}},
		Senders: []classify.OriginRow{{IP: "192.0.2.77", Network: "192.0.2.0/24", RDNS: "news.provider.example", RDNSConfirmed: true, Messages: 9, SPF: "softfail",
			Class: classify.Misconfigured, Misconfiguration: "newsletter-service", Remedy: "add its term to the record", SPFTerm: "ip4:192.0.2.77", Evidence: []string{"INBOX/7"}}},
		Policies: []weekly.Policy{{Domain: "example.com", SPF: "v=spf1 mx -all", DMARC: "v=DMARC1; p=none", SPFWas: &was, Issues: []string{"the record names no IPv6 address"}},
			{Domain: "shop.example", FirstSeen: true}},
		Sites:  []weekly.Site{{Witness: "maplewood.example", Software: "qmail", Verified: true, Messages: 700, Before: 200}, {Witness: "192.0.2.0/24", Messages: 3}},
		Unread: []classify.LeftOut{{Source: "imaps://you@mail.example.com", ID: "INBOX/812", Count: 1, Why: "the server ended the connection"}},
		ToDo:   []classify.Action{{Do: "change the password of alice@example.com", Why: "somebody else has it", Command: "doveadm pw"}, {Do: "turn on a second factor"}},
		Runs:   7, RunsBefore: 7, LastRun: &run,
	}
	for i, n := range []int{0, 0, 0, 0, 40, 120, 150, 300, 250, 200, 184, 150, 100, 50} {
		day := weekly.Day{Day: r.Before.From.AddDate(0, 0, i), Classes: map[classify.Class]int{}}
		if n > 0 {
			day.Classes["forged"] = n - 2
			day.Classes["genuine"] = 2
		}
		if i == 8 || i == 9 {
			day.Classes["compromised"] = 6
		}
		r.Days = append(r.Days, day)
	}
	return r
}

// hostileWeek bears what strangers write wherever it can come to stand.
func hostileWeek() *weekly.Report {
	r := aWeek()
	for i, s := range hostileTexts {
		class := classify.Class(s)
		r.Now.Classes[class] = i
		r.Days[i%len(r.Days)].Classes[class] = i
		r.NewNetworks = append(r.NewNetworks, weekly.Network{Network: s, Messages: i})
		r.GoneNetworks = append(r.GoneNetworks, weekly.Network{Network: s, Messages: i})
		r.AtRisk = append(r.AtRisk, classify.Account{Login: s, Host: s, Entry: s, Class: class, ClientIPs: []string{s}, QueueIDs: []string{s}, Evidence: []string{s}})
		r.Senders = append(r.Senders, classify.OriginRow{IP: s, Network: s, RDNS: s, SPF: s, Class: class, Misconfiguration: classify.SourceKind(s), Remedy: s, SPFTerm: s, Evidence: []string{s}})
		r.Policies = append(r.Policies, weekly.Policy{Domain: s, SPF: s, DMARC: s, SPFWas: &s, DMARCWas: &s, Issues: []string{s}})
		r.Sites = append(r.Sites, weekly.Site{Witness: s, Software: s})
		r.Unread = append(r.Unread, classify.LeftOut{Source: s, ID: s, Count: i, Why: s})
		r.ToDo = append(r.ToDo, classify.Action{Do: s, Why: s, Command: s})
		r.Sentence += " " + s
	}
	r.Tool = hostileTexts[8]
	return r
}

func weeklyText(t *testing.T, f Format, r *weekly.Report, s Style) string {
	t.Helper()
	var b strings.Builder
	if err := WriteWeekly(&b, f, r, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

var someone = WeeklyMail{From: "ndrscan@example.com", To: []string{"boss@example.com", "ann@example.net"}}

func weeklyMailOf(t *testing.T, r *weekly.Report) string {
	t.Helper()
	raw, err := MailWeekly(r, someone)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func TestWeeklyGolden(t *testing.T) {
	golden(t, "weekly.txt", weeklyText(t, Table, aWeek(), Style{}))
	golden(t, "weekly.md", weeklyText(t, Markdown, aWeek(), Style{}))
	golden(t, "weekly.eml", strings.ReplaceAll(weeklyMailOf(t, aWeek()), "\r\n", "\n"))
	quiet := weekly.Week(2026, 47)
	nothing := &weekly.Report{Tool: "ndrscan test", Span: quiet, Before: quiet.Before(), Verdict: classify.NoBounces, Was: classify.NoBounces,
		Sentence: "Nothing was read in this period: no run is in the store. See that ndrscan scan runs, else nobody looks."}
	golden(t, "weekly-nothing.txt", weeklyText(t, Table, nothing, Style{}))
	for line := range strings.Lines(weeklyText(t, Table, aWeek(), Style{})) {
		if twwidth.Width(strings.TrimSuffix(line, "\n")) > MinWidth {
			t.Errorf("wider than %d: %s", MinWidth, line)
		}
	}
}

// TestWeeklyFirst holds that nothing is called new, gone or changed in the first week, for nothing is known of the one before.
func TestWeeklyFirst(t *testing.T) {
	r := aWeek()
	r.RunsBefore, r.Then, r.GoneNetworks = 0, weekly.Counts{}, nil
	r.Sentence, r.Policies, r.Sites[0].Before = "1,234 bounces.", nil, 0
	texts := map[string]string{"mail": weeklyMailOf(t, r)}
	for _, f := range append(slices.Clone(WeeklyFormats), Page) {
		if f != JSON {
			texts[string(f)] = weeklyText(t, f, r, Style{})
		}
	}
	for name, text := range texts {
		for _, word := range []string{"New: ", "against", " before)", ">before<", "0 before", "| before |", "change"} {
			for line := range strings.Lines(text) {
				if strings.Contains(line, word) && !strings.Contains(line, "change the password") && !strings.Contains(line, "Change the password") {
					t.Errorf("%s: %q in %.200q", name, word, line)
				}
			}
		}
		if !strings.Contains(text, "203.0.113.0/24") {
			t.Errorf("%s: the networks are missing", name)
		}
	}
}

func TestWeeklyHostile(t *testing.T) {
	r := hostileWeek()
	for _, f := range append(slices.Clone(WeeklyFormats), Page) {
		got := weeklyText(t, f, r, Style{Verbose: true})
		if bad := unsafeIn(got); bad != "" {
			t.Errorf("%s holds %s", f, bad)
		}
		if len(got) < 10_000 || f == Page && len(got) > maxHTML {
			t.Errorf("%s has %d bytes", f, len(got))
		}
	}
	text, page := mailPartsOf(t, weeklyMailOf(t, r))
	if bad := unsafeIn(text); bad != "" {
		t.Errorf("the mail's text holds %s", bad)
	}
	if len(page) > maxMailHTML+len(page)/20 { // CRLF
		t.Errorf("the mail's page has %d bytes", len(page))
	}
	checkTags(t, "the page", weeklyText(t, Page, r, Style{}), "style", "svg", "rect", "path")
	checkTags(t, "the mail", page)
}

// mailPartsOf reads a mail as a client does, and holds its form.
func mailPartsOf(t *testing.T, raw string) (text, page string) {
	t.Helper()
	for line := range strings.SplitSeq(raw, "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("a line of %d bytes", len(line))
		}
	}
	m, err := message.Read(strings.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for field, want := range map[string]string{"Date": "Mon, 23 Nov 2026 00:00:00 +0000", "To": "boss@example.com, ann@example.net", "From": `"ndrscan" <ndrscan@example.com>`,
		"Subject": "Bounces 2026-W47: JOE-JOB AND COMPROMISE, 1234 (310 before)", "Auto-Submitted": "auto-generated", "Bcc": ""} {
		if got := m.Header.Get(field); got != want {
			t.Errorf("%s: %q, want %q", field, got, want)
		}
	}
	var kinds []string
	parts := m.MultipartReader()
	for {
		p, err := parts.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, _ := p.Header.ContentType()
		body, err := io.ReadAll(p.Body)
		if err != nil || params["charset"] != "utf-8" {
			t.Fatalf("%s %v: %v", kind, params, err)
		}
		kinds = append(kinds, kind)
		if kind == "text/plain" {
			text = string(body)
		} else {
			page = string(body)
		}
	}
	if !slices.Equal(kinds, []string{"text/plain", "text/html"}) {
		t.Errorf("parts %q", kinds)
	}
	return text, page
}

// checkTags holds that a page has the tags of our templates and no other, and nothing in them that is fetched or run.
func checkTags(t *testing.T, what, page string, more ...string) {
	t.Helper()
	known := append(strings.Fields("html head meta link title body header main section footer p h1 h2 h3 span dl div dt dd ol ul li pre code figure figcaption desc g details summary table caption thead tbody tr th td b br"), more...)
	tokens := html.NewTokenizer(strings.NewReader(page))
	for {
		kind := tokens.Next()
		if kind == html.ErrorToken {
			break
		}
		if kind == html.CommentToken {
			t.Errorf("%s has a comment", what)
		}
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		tag := tokens.Token()
		if !slices.Contains(known, tag.Data) {
			t.Errorf("%s has <%s>", what, tag.Data)
		}
		for _, a := range tag.Attr {
			if strings.HasPrefix(a.Key, "on") || a.Key == "src" || a.Key == "href" && !strings.HasPrefix(a.Val, "#") && a.Val != "data:," || strings.Contains(a.Val, "url(") {
				t.Errorf("%s has <%s %s=%q>", what, tag.Data, a.Key, a.Val)
			}
		}
	}
}

// The same report is the same mail; another sender or recipient makes another message.
func TestWeeklyMailAgain(t *testing.T) {
	first, again := weeklyMailOf(t, aWeek()), weeklyMailOf(t, aWeek())
	if first != again {
		t.Error("made again, it is another")
	}
	other, err := MailWeekly(aWeek(), WeeklyMail{From: someone.From, To: []string{"ann@example.net"}})
	id := func(raw string) string {
		m, err := message.Read(strings.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		return m.Header.Get("Message-ID")
	}
	if err != nil || id(first) == id(string(other)) || !strings.HasSuffix(id(first), "@example.com>") {
		t.Errorf("%v: %s and %s", err, id(first), id(string(other)))
	}
	for _, e := range []WeeklyMail{{From: "x@example.com\r\nBcc: y@example.com", To: someone.To}, {From: someone.From, To: []string{"Boss <boss@example.com>"}}, {From: someone.From, To: []string{"a@example.com, b@example.com"}}, {To: someone.To}} {
		if raw, err := MailWeekly(aWeek(), e); err == nil {
			t.Errorf("%+v:\n%s", e, raw[:300])
		}
	}
}

// Days that make no bar are there; long periods are put into weeks, and their sums stay.
func TestWeeklyRows(t *testing.T) {
	rows := weeklyRows(aWeek())
	if len(rows) != 14 || !rows[0].First || !rows[7].First || rows[8].First || rows[0].Total != 0 || rows[8].Total != 256 || rows[7].Rest != 0 {
		t.Errorf("%+v", rows)
	}
	span := weekly.Span{From: time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	r := &weekly.Report{Span: span, Before: span.Before(), Now: weekly.Counts{Bounces: 92}}
	for day := r.Before.From; day.Before(span.To); day = day.AddDate(0, 0, 1) {
		n := 0
		if !day.Before(span.From) {
			n = 1
		}
		r.Days = append(r.Days, weekly.Day{Day: day, Classes: map[classify.Class]int{"forged": n}})
	}
	rows, sum := weeklyRows(r), 0
	for _, row := range rows {
		sum += row.Total
	}
	if len(rows) != 28 || sum != 92 || rows[14].Total != 7 || rows[0].Step != "7 days" {
		t.Errorf("%d rows, %d in all: %+v", len(rows), sum, rows)
	}
	if rows := weeklyRows(&weekly.Report{Span: span, Before: span.Before()}); rows != nil {
		t.Errorf("a quiet period: %v", rows)
	}
}
