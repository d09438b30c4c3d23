package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/classify"
	"ndrscan/weekly"
)

// The report of a period, for people who did not watch the flood: the sentence first, then the numbers of both periods beside
// each other, what to do, and what is new and gone. What every format says stands here; weekly_page.go makes HTML of it and
// weekly_mail.go a mail. All of it takes a report that is tidy already.

// WeeklyFormats are the formats of standard output that a report of a period has. Files may be of format Page, too.
var WeeklyFormats = []Format{Table, JSON, Markdown}

// HasWeekly says that a report of a period can be written in a format.
func HasWeekly(f Format) bool { return f == Page || slices.Contains(WeeklyFormats, f) }

// WriteWeekly writes the report of a period. The same report gives the same bytes. Only the table has a style.
func WriteWeekly(w io.Writer, format Format, r *weekly.Report, s Style) error {
	switch format {
	case Table:
		return weeklyTerminal(w, r, s)
	case JSON:
		return writeJSON(w, r)
	case Markdown:
		return weeklyMarkdown(w, r)
	case Page:
		return weeklyHTML(w, r)
	}
	return fmt.Errorf("a report of a period is not written as %s", Clean(string(format)))
}

// weeklyLabel is the verdict on the period.
func weeklyLabel(r *weekly.Report) (label string, t tone) {
	if nothingRead(r) {
		return "NOTHING WAS READ", alarm
	}
	known := verdicts[r.Verdict]
	if known.label == "" {
		return strings.ToUpper(string(r.Verdict)), warn
	}
	return known.label, known.tone
}

// weeklySentence is the sentence as it goes behind its label.
func weeklySentence(r *weekly.Report) string {
	if nothingRead(r) {
		if _, rest, ok := strings.Cut(r.Sentence, ": "); ok {
			return rest
		}
	}
	return r.Sentence
}

func nothingRead(r *weekly.Report) bool { return r.Runs == 0 && r.Now.Read == 0 }

// weeklyTitle says which period it is, and against which.
func weeklyTitle(r *weekly.Report) string {
	title := "Week " + r.Span.Name() + ", " + r.Span.Days()
	if !strings.Contains(r.Span.Name(), "W") {
		title = r.Span.Name()
	}
	if !r.Compared() {
		return title + " (UTC)"
	}
	return title + " (UTC), against " + r.Before.Days()
}

// weeklySections are the tables, those left out that would be empty.
func weeklySections(r *weekly.Report, most int) []section {
	senders := &classify.Report{Origins: r.Senders, Actions: r.ToDo}
	fresh := "New"
	if !r.Compared() {
		fresh = "Where forged mail came from"
	}
	list := []section{
		{"Accounts at risk", accountGrid(r.AtRisk), accountDetails(r.AtRisk, most)},
		{"Senders that SPF does not name", senderGrid(r.Senders), remedies(senders)},
		{fresh + ": " + count(len(r.NewNetworks), "origin network"), networkGrid(r.NewNetworks), nil},
		{"Gone: " + count(len(r.GoneNetworks), "origin network"), networkGrid(r.GoneNetworks), nil},
		{"Who bounces forged mail to you: " + count(len(r.Sites), "site"), siteGrid(r), nil},
	}
	return slices.DeleteFunc(list, func(s section) bool { return len(s.grid.rows) == 0 })
}

// weeklyNumbers puts the sums of both periods beside each other.
func weeklyNumbers(r *weekly.Report) *grid {
	g := &grid{columns: []column{{head: "counted"}, {head: "this period", right: true}, {head: "before", right: true}, {head: "change", right: true}}}
	if !r.Compared() {
		g.columns = g.columns[:2]
	}
	row := func(what cell, now, then int) {
		if !r.Compared() {
			g.add(nil, what, number(now))
			return
		}
		change := "="
		if now != then {
			change = fmt.Sprintf("%+d", now-then)
		}
		g.add(nil, what, number(now), number(then), cell{text: change})
	}
	row(cell{text: "messages read"}, r.Now.Read, r.Then.Read)
	row(cell{text: "bounces"}, r.Now.Bounces, r.Then.Bounces)
	for _, c := range classOrder {
		if now, then := r.Now.Classes[c], r.Then.Classes[c]; now+then > 0 {
			row(cell{text: indent + string(c), tone: classTone[c]}, now, then)
		}
	}
	row(cell{text: "networks of forgeries"}, r.Now.Networks, r.Then.Networks)
	now, then := r.Now.Letters, r.Then.Letters
	if now != then || now != (weekly.Letters{}) {
		row(cell{text: "letters to networks"}, now.Networks, then.Networks)
		row(cell{text: "letters to sites"}, now.Sites, then.Sites)
		row(cell{text: indent + "sent by ndrscan"}, now.Sent, then.Sent)
	}
	return g
}

func networkGrid(list []weekly.Network) *grid {
	g := &grid{columns: []column{{head: "network", data: true}, {head: "messages", right: true}}}
	for _, n := range list {
		g.add(nil, cell{text: n.Network}, number(n.Messages))
	}
	return g
}

func senderGrid(list []classify.OriginRow) *grid {
	g := &grid{columns: []column{{head: "address", data: true}, {head: "reverse name", min: 18, name: true, drop: 1, data: true}, {head: "what it is"},
		{head: "messages", right: true}, {head: "SPF"}, {head: "SPF term", data: true}}}
	for _, o := range list {
		g.add(o.Evidence, cell{text: o.IP}, reverseName(o), cell{text: string(o.Misconfiguration), tone: warn}, number(o.Messages),
			cell{text: o.SPF, tone: spfTone[o.SPF]}, cell{text: o.SPFTerm})
	}
	return g
}

func siteGrid(r *weekly.Report) *grid {
	g := &grid{columns: []column{{head: "site", data: true}, {head: "standing"}, {head: "software", min: 15, drop: 1, data: true},
		{head: "bounces", right: true}, {head: "before", right: true}}}
	if !r.Compared() {
		g.columns = g.columns[:4]
	}
	for _, s := range r.Sites {
		standing := cell{text: "unverified", tone: quiet}
		if s.Verified {
			standing = cell{text: "verified", tone: fine}
		}
		cells := []cell{{text: s.Witness}, standing, {text: s.Software}, number(s.Messages), number(s.Before)}
		g.add(nil, cells[:len(g.columns)]...)
	}
	return g
}

// policyLine is what a domain publishes, or published before.
type policyLine struct {
	Name, Value string
	Changed     bool
}

// policyLines are the records of a domain, each with the one that it replaced.
func policyLines(p weekly.Policy) []policyLine {
	var list []policyLine
	for _, record := range []struct {
		name, is string
		was      *string
	}{{"SPF", p.SPF, p.SPFWas}, {"DMARC", p.DMARC, p.DMARCWas}} {
		list = append(list, policyLine{record.name, orNone(record.is), record.was != nil})
		if record.was != nil {
			list = append(list, policyLine{"before", orNone(*record.was), true})
		}
	}
	return list
}

func orNone(record string) string {
	if record == "" {
		return "none"
	}
	return record
}

// weeklyRuns says what the report rests on.
func weeklyRuns(r *weekly.Report) string {
	if r.LastRun == nil {
		return "No run of this period is in the store."
	}
	return count(r.Runs, "run") + " read mail of this period, the last at " + stamp(*r.LastRun) + " UTC."
}

// weeklyDays are the days of both periods as a timeline.
func weeklyDays(r *weekly.Report) []classify.Bucket {
	var list []classify.Bucket
	for _, d := range r.Days {
		list = append(list, classify.Bucket{Hour: d.Day, Classes: d.Classes})
	}
	return list
}

func weeklyTerminal(w io.Writer, r *weekly.Report, s Style) error {
	r = tidy(r)
	p := &printer{Style: s, r: &classify.Report{Actions: r.ToDo}}
	label, t := weeklyLabel(r)
	p.para("", weeklyTitle(r), quiet)
	p.line("")
	for i, l := range wrap(label+": "+weeklySentence(r), min(p.width(), maxProse)) {
		if rest, ok := strings.CutPrefix(l, label+":"); ok && i == 0 {
			l = p.paint(t, label) + ":" + rest
		}
		p.line("%s", l)
	}
	p.table(section{"In numbers", weeklyNumbers(r), nil})
	p.timeline(weeklyDays(r))
	if r.Now.Bounces+r.Then.Bounces > 0 {
		p.para(indent, "This period begins at "+r.Span.From.UTC().Format("01-02")+"; what stands before it is the period before.", quiet)
	}
	p.actions()
	for _, s := range weeklySections(r, p.most(len(r.AtRisk))) {
		p.table(s)
	}
	p.policies(r.Policies)
	p.heading("Account")
	p.para(indent, weeklyRuns(r), "")
	p.r.LeftOut = r.Unread
	p.leftOut()
	if p.err != nil {
		return p.err
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

func (p *printer) policies(list []weekly.Policy) {
	if len(list) == 0 {
		return
	}
	p.heading("Your domains")
	for _, d := range list {
		p.line("  %s", p.paint(strong, d.Domain))
		for _, l := range policyLines(d) {
			t := tone("")
			if l.Changed {
				t = warn
			}
			p.line("    %-6s %s", l.Name, p.paint(t, l.Value))
		}
		if d.FirstSeen {
			p.line("    %s", p.paint(quiet, "nothing is known of the period before"))
		}
		for _, issue := range d.Issues {
			p.para("    - ", issue, warn)
		}
	}
}

func weeklyMarkdown(w io.Writer, r *weekly.Report) error {
	r = tidy(r)
	m := &markdown{r: &classify.Report{Actions: r.ToDo}}
	label, _ := weeklyLabel(r)
	m.line("# %s\n", mdText(label))
	m.line("**%s:** %s\n", mdText(label), mdText(weeklySentence(r)))
	m.line("%s", mdText(weeklyTitle(r)))
	m.section(section{"In numbers", weeklyNumbers(r), nil})
	m.actions()
	for _, s := range weeklySections(r, mdRows) {
		m.section(s)
	}
	m.days(r)
	m.policies(r.Policies)
	m.heading("Account")
	m.item(weeklyRuns(r))
	for _, l := range r.Unread[:min(len(r.Unread), mdRows)] {
		m.item("Left out: " + leftOut(l))
	}
	if rest := len(r.Unread) - mdRows; rest > 0 {
		m.item(fmt.Sprintf("Left out: %d more", rest))
	}
	m.line("- Written by %s", mdCode(r.Tool))
	if _, err := io.WriteString(w, m.b.String()); err != nil {
		return fmt.Errorf("writing the report as Markdown: %w", err)
	}
	return nil
}

func (m *markdown) days(r *weekly.Report) {
	rows := weeklyRows(r)
	if len(rows) == 0 {
		return
	}
	g := &grid{columns: []column{{head: "from (UTC)"}, {head: "bounces", right: true}, {head: "of them"}}}
	for _, row := range rows {
		var parts []string
		for _, b := range row.Bars {
			parts = append(parts, strconv.Itoa(b.Count)+" "+string(b.Class))
		}
		g.add(nil, cell{text: row.Day.Format(time.DateOnly)}, number(row.Total), cell{text: strings.Join(parts, ", ")})
	}
	m.section(section{"When: bounces by " + rows[0].Step, g, nil})
}

func (m *markdown) policies(list []weekly.Policy) {
	if len(list) == 0 {
		return
	}
	m.heading("Your domains")
	for i, d := range list {
		if i > 0 {
			m.line("")
		}
		m.line("%s\n", mdCode(d.Domain))
		for _, l := range policyLines(d) {
			m.line("- %s: %s", l.Name, mdCode(l.Value))
		}
		if d.FirstSeen {
			m.item("nothing is known of the period before")
		}
		for _, issue := range d.Issues {
			m.item(issue)
		}
	}
}
