package report

import (
	"fmt"
	"io"
	"strconv"

	"ndrscan/classify"
	"ndrscan/weekly"
)

// The report of a period in HTML, from one view: a page for a browser (html/weekly.html, in the style of the report's page), and
// the body of a mail (html/weekly_mail.html), where style sheets, variables and SVG are taken out, so that all style stands in
// attributes and the charts are table cells.

// Bounds of the mail: some providers cut a body that is longer than 100 KB.
const (
	maxMailHTML = 96 << 10
	mailRows    = 15
)

// weeklyView is what both templates show.
type weeklyView struct {
	Tool                  string
	Name, Title           string
	Label, Sentence, Tone string
	Figures               []figureView
	Numbers               tableView
	Timeline              timeline
	Shares                []sharesView
	Rows                  []dayRow
	Actions               excerpt[classify.Action]
	Tables                []tableView
	Policies              excerpt[policyView]
	Unread                excerpt[string]
	Runs                  string
}

type sharesView struct {
	Name   string
	Shares []classShare
}

type policyView struct {
	weekly.Policy
	Lines  []policyLine
	Issues excerpt[string]
}

// tableView is a grid for a template.
type tableView struct {
	ID    string
	Title string
	Heads []headView
	Rows  [][]cellView
	More  int
	Below []string
}

type headView struct {
	Text  string
	Right bool
}

type cellView struct {
	Text, Tone  string
	Right, Code bool
}

// mailColumns is the width of the mail's tables, in characters: columns that don't fit are left out, as on a terminal.
const mailColumns = 78

// newTableView takes all columns where columns is 0.
func newTableView(id string, s section, most, columns int) tableView {
	shown := s.grid.withIDs(idColumns)
	if columns > 0 {
		shown, _ = s.grid.layout(columns)
	}
	v := tableView{ID: id, Title: s.title, More: max(0, len(shown.rows)-most), Below: s.below}
	for _, c := range shown.columns {
		v.Heads = append(v.Heads, headView{c.head, c.right})
	}
	for _, row := range shown.rows[:min(len(shown.rows), most)] {
		var cells []cellView
		for i, c := range row {
			col := shown.columns[i]
			view := cellView{Text: c.text, Right: col.right, Code: col.data && !c.ours}
			if c.tone != "" {
				view.Tone = toneName(c.tone)
			}
			cells = append(cells, view)
		}
		v.Rows = append(v.Rows, cells)
	}
	return v
}

func newWeeklyView(r *weekly.Report, rows, columns int) *weeklyView {
	label, t := weeklyLabel(r)
	v := &weeklyView{Tool: r.Tool, Name: r.Span.Name(), Title: weeklyTitle(r), Label: label, Sentence: capital(weeklySentence(r)), Tone: toneName(t),
		Figures: weeklyFigures(r), Numbers: newTableView("numbers", section{"In numbers", weeklyNumbers(r), nil}, rows, columns),
		Rows: weeklyRows(r), Actions: firstRows(r.ToDo, rows, same), Runs: weeklyRuns(r), Unread: firstRows(r.Unread, rows, leftOut),
		Policies: firstRows(r.Policies, rows/2, func(p weekly.Policy) policyView {
			return policyView{p, policyLines(p), firstRows(p.Issues, max(rows/5, 3), same)}
		})}
	if len(v.Rows) > 0 {
		v.Timeline = newTimelineOf(weeklyDays(r), 24)
		v.Timeline.Split = round(float64(v.Timeline.Width) / 2)
	}
	for _, part := range []struct {
		name   string
		counts weekly.Counts
	}{{"This period", r.Now}, {"The period before", r.Then}} {
		if part.counts.Bounces > 0 {
			v.Shares = append(v.Shares, sharesView{part.name, newShares(part.counts.Classes)})
		}
	}
	for i, s := range weeklySections(r, max(rows/5, 3)) {
		v.Tables = append(v.Tables, newTableView("table-"+strconv.Itoa(i), s, rows, columns))
	}
	return tidy(v)
}

// weeklyFigures are the numbers to be seen first, each with that of the period before.
func weeklyFigures(r *weekly.Report) []figureView {
	list := []figureView{
		{Value: thousands(r.Now.Bounces), What: noun(r.Now.Bounces, "bounce"), Note: thousands(r.Then.Bounces) + " before"},
		{Value: thousands(r.Now.Networks), What: "networks of forgeries", Note: fmt.Sprintf("%d before", r.Then.Networks)},
		{Value: thousands(len(r.AtRisk)), What: "accounts at risk"},
		{Value: thousands(len(r.Senders)), What: "senders missing from SPF"},
		{Value: thousands(len(r.Unread)), What: "not read"},
	}
	if !r.Compared() {
		list[0].Note, list[1].Note = "", ""
	}
	for i, t := range []tone{2: alarm, 3: warn, 4: warn} {
		if t != "" && list[i].Value != "0" {
			list[i].Tone = toneName(t)
		}
	}
	return list
}

func weeklyHTML(w io.Writer, r *weekly.Report) error {
	r = tidy(r)
	return writePage(w, "weekly.html", maxHTML, func(rows int) any { return newWeeklyView(r, rows, 0) })
}

func weeklyMailHTML(w io.Writer, r *weekly.Report) error {
	r = tidy(r)
	return writePage(w, "weekly_mail.html", maxMailHTML, func(rows int) any { return newWeeklyView(r, min(rows, mailRows), mailColumns) })
}
