package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

// A small bar chart of the timeline for the terminal: a column an hour, or a day where the flood lasts longer. Each class has
// a sign of its own, so that the chart says the same without colours.

const (
	maxBars   = 72 // columns of the chart: three days of hours
	barHeight = 6
	maxBar    = 3 // width of one column
)

var classSign = map[classify.Class]byte{
	classify.Compromised:    '!',
	classify.Forged:         '#',
	classify.Misconfigured:  '~',
	classify.OwnBackscatter: '<',
	classify.Forwarded:      '>',
	classify.Genuine:        '.',
	classify.Undetermined:   '?',
}

// bars are the columns of a chart, in time.
type bars struct {
	step  time.Duration
	first time.Time
	list  []map[classify.Class]int
	most  int // bounces of the highest
}

// barSteps are the spans that one column may stand for, with their names.
var barSteps = []struct {
	step time.Duration
	name string
}{{time.Hour, "hour"}, {24 * time.Hour, "day"}, {7 * 24 * time.Hour, "week"}, {28 * 24 * time.Hour, "4 weeks"}}

// newBars puts the buckets of a timeline into columns; ok is false where a chart has nothing to show: all of it lies in one
// hour, or over more years than it has columns for.
func newBars(timeline []classify.Bucket) (b bars, name string, ok bool) {
	buckets := slices.DeleteFunc(slices.Clone(timeline), func(t classify.Bucket) bool { return t.Hour.IsZero() })
	slices.SortFunc(buckets, func(x, y classify.Bucket) int { return x.Hour.Compare(y.Hour) })
	if len(buckets) == 0 {
		return b, "", false
	}
	from, to := buckets[0].Hour.UTC(), buckets[len(buckets)-1].Hour.UTC()
	for _, s := range barSteps {
		b = bars{step: s.step, first: from.Truncate(s.step)}
		if n := int64(to.Sub(b.first)/s.step) + 1; n > 1 && n <= maxBars {
			b.fill(buckets, int(n))
			return b, s.name, b.most > 0
		} else if n == 1 {
			break
		}
	}
	return b, "", false
}

func (b *bars) fill(buckets []classify.Bucket, n int) {
	b.list = make([]map[classify.Class]int, n)
	for i := range b.list {
		b.list[i] = map[classify.Class]int{}
	}
	for _, bucket := range buckets {
		column := b.list[int(bucket.Hour.Sub(b.first)/b.step)]
		for class, n := range bucket.Classes {
			if classSign[class] != 0 && n > 0 {
				column[class] += n
			}
		}
	}
	for _, column := range b.list {
		b.most = max(b.most, total(column))
	}
}

func total(column map[classify.Class]int) int {
	n := 0
	for _, v := range column {
		n += v
	}
	return n
}

// stack gives the signs of a column from the bottom up. Whatever there is of the class that comes first shows, however little:
// a compromise must not drown in a Joe-Job.
func (b *bars) stack(column map[classify.Class]int) []classify.Class {
	var signs []classify.Class
	sum := 0
	for i, class := range classOrder {
		if column[class] == 0 {
			continue
		}
		sum += column[class]
		top := (sum*barHeight + b.most/2) / b.most
		if top == len(signs) && (i == 0 || len(signs) == 0) {
			top++
		}
		for len(signs) < top {
			signs = append(signs, class)
		}
	}
	return signs
}

// timeline draws the chart of a timeline, and says what its signs mean.
func (p *printer) timeline(buckets []classify.Bucket) {
	b, name, ok := newBars(buckets)
	if !ok {
		return
	}
	p.heading("When: bounces by " + name + " (UTC)")
	label := brief(b.most)
	room := p.width() - len(indent) - len(label) - len(" |")
	wide := max(1, min(maxBar, room/len(b.list)))
	stacks := make([][]classify.Class, len(b.list))
	seen := map[classify.Class]int{}
	for i, column := range b.list {
		stacks[i] = b.stack(column)
		for class, n := range column {
			seen[class] += n
		}
	}
	for row := barHeight - 1; row >= 0; row-- {
		left := strings.Repeat(" ", len(label))
		if row == barHeight-1 {
			left = label
		}
		p.line("%s%s |%s", indent, left, p.barRow(stacks, row, wide))
	}
	p.line("%s%s +%s", indent, strings.Repeat(" ", len(label)), strings.Repeat("-", wide*len(b.list)))
	p.line("%s%s  %s", indent, strings.Repeat(" ", len(label)), b.axis(wide))
	p.para(indent, p.legend(seen), "")
}

// brief writes a number in at most four characters, so that the chart fits whatever it counts.
func brief(n int) string {
	unit := ""
	for _, larger := range []string{"k", "M", "G", "T"} {
		if n < 10_000 && (unit == "" || n < 1000) {
			break
		}
		n, unit = n/1000, larger
	}
	return fmt.Sprint(n) + unit
}

// barRow draws one line of the chart. Neighbours of one class are painted together.
func (p *printer) barRow(stacks [][]classify.Class, row, wide int) string {
	var out strings.Builder
	for i := 0; i < len(stacks); {
		class := signAt(stacks[i], row)
		n := 1
		for i+n < len(stacks) && signAt(stacks[i+n], row) == class {
			n++
		}
		sign := " "
		if class != "" {
			sign = string(classSign[class])
		}
		text := strings.Repeat(sign, n*wide)
		if class != "" {
			text = p.paint(classTone[class], text)
		}
		out.WriteString(text)
		i += n
	}
	return strings.TrimRight(out.String(), " ")
}

// signAt gives the class of one place of a stack, "" above it.
func signAt(stack []classify.Class, row int) classify.Class {
	if row < len(stack) {
		return stack[row]
	}
	return ""
}

// axis names the first and the last column; a narrow chart only the first.
func (b *bars) axis(wide int) string {
	layout := "01-02"
	switch {
	case b.step < 24*time.Hour:
		layout = "01-02 15:04"
	case b.step > 24*time.Hour:
		layout = "2006-01-02"
	}
	last := b.first.Add(time.Duration(len(b.list)-1) * b.step)
	from, to := b.first.Format(layout), last.Format(layout)
	gap := wide*len(b.list) - len(from) - len(to)
	if gap < 1 {
		return from + " to " + to
	}
	return from + strings.Repeat(" ", gap) + to
}

// legend says what the signs mean.
func (p *printer) legend(seen map[classify.Class]int) string {
	var parts []string
	for _, class := range classOrder {
		if seen[class] > 0 {
			parts = append(parts, string(classSign[class])+" "+string(class))
		}
	}
	return strings.Join(parts, ", ")
}
