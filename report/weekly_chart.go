package report

import (
	"time"

	"ndrscan/classify"
	"ndrscan/weekly"
)

// The days of a period as rows with bars of coloured table cells: a mail shows them in every client, where pictures are blocked
// and SVG is taken out.

// maxDayRows bounds the rows of one period.
const maxDayRows = 16

// dayRow is a day, or the days of one step of a long period.
type dayRow struct {
	Day   time.Time
	Step  string // what it spans, in words
	First bool   // of its period
	Bars  []dayBar
	Rest  int // percent of the row that is empty
	Total int
}

type dayBar struct {
	Class   classify.Class
	Count   int
	Percent int // of the longest row
}

// weeklyRows lists the days of both periods, those without a bounce too; nil where neither has one.
func weeklyRows(r *weekly.Report) []dayRow {
	if r.Now.Bounces+r.Then.Bounces == 0 {
		return nil
	}
	rows := append(rowsOf(r.Days, r.Before), rowsOf(r.Days, r.Span)...)
	most := 1
	for _, row := range rows {
		most = max(most, row.Total)
	}
	for i := range rows {
		row := &rows[i]
		row.Rest = 100
		for j := range row.Bars {
			b := &row.Bars[j]
			b.Percent = min(max(100*b.Count/most, 1), row.Rest) // what there is shows, however little
			row.Rest -= b.Percent
		}
	}
	return rows
}

// rowsOf puts the days of one span into at most maxDayRows rows.
func rowsOf(days []weekly.Day, span weekly.Span) []dayRow {
	step := 1
	for n := int(span.To.Sub(span.From).Hours()/24) + 1; n > step*maxDayRows; {
		step *= 7
	}
	var rows []dayRow
	counts := map[classify.Class]int{}
	flush := func() {
		if len(rows) == 0 {
			return
		}
		row := &rows[len(rows)-1]
		for _, c := range classOrder {
			if n := counts[c]; n > 0 {
				row.Bars = append(row.Bars, dayBar{Class: c, Count: n})
				row.Total += n
			}
		}
		clear(counts)
	}
	i := 0
	for _, d := range days {
		if d.Day.Before(span.From.Truncate(24*time.Hour)) || !d.Day.Before(span.To) {
			continue
		}
		if i%step == 0 {
			flush()
			rows = append(rows, dayRow{Day: d.Day.UTC(), Step: stepWords(int64(step) * daySeconds), First: i == 0})
		}
		for c, n := range d.Classes {
			counts[drawn(c)] += max(n, 0)
		}
		i++
	}
	flush()
	return rows
}

// classColor is the colour of a class where there is no style sheet: those of page.css on a light page.
func classColor(c classify.Class) string {
	if color := classColors[c]; color != "" {
		return color
	}
	return classColors[classify.Undetermined]
}

var classColors = map[classify.Class]string{
	classify.Compromised: "#bf2f27", classify.Forged: "#dd9a2b", classify.Misconfigured: "#7d6bb8", classify.OwnBackscatter: "#b0608f",
	classify.Forwarded: "#3c8f9c", classify.Genuine: "#4c9a63", classify.Undetermined: "#9aa1a9",
}
