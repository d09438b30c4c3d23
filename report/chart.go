package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

// The charts of the page are rectangles in an SVG element, written by its template; here their places are reckoned. No
// chart library draws them, though there are good ones: go-analyze/charts writes fixed colours as style attributes, which
// neither follow a dark page nor pass its content security policy, and text that shrinks with the picture on a narrow
// screen. Here the words stand beside the picture, and every number also in a table.

const maxColumns = 96 // of the timeline: on the narrowest screen, three points each

// timeline is the number of bounces over time, stacked by class.
type timeline struct {
	Step    string // what one column spans, in words
	Columns []timeColumn
	Width   int // number of columns
	Max     int // top of the scale, an even number
	Half    int
	Ticks   []string
	Classes []classify.Class // those that occur
	Split   float64          // the column that a second period begins with; 0: there is one period
}

// column is one span of time that has bounces. Places are in hundredths of the height, from the top.
type timeColumn struct {
	At    int
	When  string
	Total int
	Bars  []timeBar
}

type timeBar struct {
	Class classify.Class
	Count int
	Y, H  float64
}

const (
	hourSeconds = 60 * 60
	daySeconds  = 24 * hourSeconds
)

// newTimeline gathers hours into as many columns as fit. The scale begins and ends with a whole day.
func newTimeline(buckets []classify.Bucket) timeline { return newTimelineOf(buckets, 1) }

// newTimelineOf makes columns of that many hours or more.
func newTimelineOf(buckets []classify.Bucket, hours int64) timeline {
	if len(buckets) == 0 {
		return timeline{}
	}
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, b := range buckets {
		first, last = min(first, b.Hour.Unix()), max(last, b.Hour.Unix())
	}
	start, step, n := scale(first, last, hours)
	counts := make([]map[classify.Class]int, n)
	for _, b := range buckets {
		i := (b.Hour.Unix() - start) / step
		if counts[i] == nil {
			counts[i] = map[classify.Class]int{}
		}
		for c, k := range b.Classes {
			counts[i][drawn(c)] += max(k, 0)
		}
	}
	t := timeline{Step: stepWords(step), Width: n}
	t.fill(counts, start, step)
	for i := range 3 {
		t.Ticks = append(t.Ticks, columnTime(start+step*int64(n*i/2), step))
	}
	return t
}

// scale finds the span of a column, in hours least or more: the shortest that needs no more columns than fit.
func scale(first, last, least int64) (start, step int64, n int) {
	for _, hours := range []int64{1, 2, 3, 6, 12, 24} {
		if hours < least {
			continue
		}
		step = hours * hourSeconds
		start = floor(first, daySeconds)
		if n := (floor(last, daySeconds) + daySeconds - start) / step; n <= maxColumns {
			return start, step, int(n)
		}
	}
	for {
		step *= 2
		start = floor(first, daySeconds)
		if n := (last-start)/step + 1; n <= maxColumns {
			return start, step, int(n)
		}
	}
}

func floor(t, unit int64) int64 { return t - ((t%unit)+unit)%unit }

// drawn puts a class that is not ours, from a file perhaps, under the undetermined ones.
func drawn(c classify.Class) classify.Class {
	if !slices.Contains(classOrder, c) {
		return classify.Undetermined
	}
	return c
}

func (t *timeline) fill(counts []map[classify.Class]int, start, step int64) {
	most := 0
	for i, classes := range counts {
		c := timeColumn{At: i, When: columnTime(start+step*int64(i), step)}
		for _, class := range classOrder {
			if n := classes[class]; n > 0 {
				c.Bars = append(c.Bars, timeBar{Class: class, Count: n})
				c.Total += n
			}
		}
		if c.Total > 0 {
			t.Columns = append(t.Columns, c)
			most = max(most, c.Total)
		}
	}
	t.Max = top(most)
	t.Half = t.Max / 2
	for _, class := range classOrder {
		if slices.ContainsFunc(t.Columns, func(c timeColumn) bool { return c.count(class) > 0 }) {
			t.Classes = append(t.Classes, class)
		}
	}
	for i := range t.Columns {
		t.Columns[i].stack(t.Max)
	}
}

// stack puts the bars on each other, the first class at the bottom: what is urgent stands on the ground line.
func (c *timeColumn) stack(scale int) {
	y := 100.0
	for i := range c.Bars {
		b := &c.Bars[i]
		b.H = round(100 * float64(b.Count) / float64(scale))
		y = round(y - b.H)
		b.Y = y
	}
}

func (c timeColumn) count(class classify.Class) int {
	for _, b := range c.Bars {
		if b.Class == class {
			return b.Count
		}
	}
	return 0
}

// Cells are the counts of a column in the order of the timeline's classes.
func (t timeline) Cells(c timeColumn) []int {
	list := make([]int, len(t.Classes))
	for i, class := range t.Classes {
		list[i] = c.count(class)
	}
	return list
}

// Says is a column in words.
func (c timeColumn) Says() string {
	var parts []string
	for _, b := range c.Bars {
		parts = append(parts, fmt.Sprintf("%d %s", b.Count, b.Class))
	}
	return c.When + ": " + strings.Join(parts, ", ")
}

// top is the end of a scale that holds n: a round, even number.
func top(n int) int {
	for unit := 1; ; unit *= 10 {
		for _, m := range []int{2, 4, 6, 8, 10} {
			if m*unit >= n || unit > math.MaxInt/100 {
				return m * unit
			}
		}
	}
}

func stepWords(step int64) string {
	switch hours := int(step / hourSeconds); {
	case hours == 1:
		return "hour"
	case hours < 24:
		return count(hours, "hour")
	case hours == 24:
		return "day"
	default:
		return count(hours/24, "day")
	}
}

func columnTime(unix, step int64) string {
	layout := "2 Jan 2006"
	if step < daySeconds {
		layout = "2 Jan 15:04"
	}
	return time.Unix(unix, 0).UTC().Format(layout)
}

// share is the part of one class in all bounces; places are in thousandths of the width.
type classShare struct {
	Class   classify.Class
	Count   int
	Percent string
	X, W    float64
}

func newShares(classes map[classify.Class]int) []classShare {
	counts, total := map[classify.Class]int{}, 0
	for c, n := range classes {
		counts[drawn(c)] += max(n, 0)
		total += max(n, 0)
	}
	var list []classShare
	x := 0.0
	for _, c := range classOrder {
		if counts[c] == 0 {
			continue
		}
		part := float64(counts[c]) / float64(total)
		s := classShare{Class: c, Count: counts[c], Percent: percent(part), X: round(x), W: round(1000 * part)}
		x += 1000 * part
		list = append(list, s)
	}
	return list
}

// percent never rounds something to nothing, nor nearly all to all.
func percent(part float64) string {
	switch p := part * 100; {
	case p > 0 && p < 1:
		return "< 1 %"
	case p < 100 && p > 99:
		return "> 99 %"
	default:
		return fmt.Sprintf("%.0f %%", p)
	}
}

// network is what came from one network; W is its bar, in hundredths of the longest.
type networkBar struct {
	Network, AS string
	Addresses   int
	Messages    int
	Class       classify.Class // of most of its messages
	W           float64
}

// networks gathers the origins by network, the largest first.
func networks(origins []classify.OriginRow) []networkBar {
	type sum struct {
		networkBar
		classes map[classify.Class]int
	}
	sums := map[string]*sum{}
	for i := range origins {
		o := &origins[i]
		name := cmp.Or(o.Network, o.IP)
		s := sums[name]
		if s == nil {
			s = &sum{networkBar: networkBar{Network: name, AS: asOf(o.Enriched)}, classes: map[classify.Class]int{}}
			sums[name] = s
		}
		s.Addresses++
		s.Messages += o.Messages
		s.classes[o.Class] += o.Messages
	}
	list := make([]networkBar, 0, len(sums))
	for _, s := range sums {
		for _, c := range classOrder {
			if s.Class == "" || s.classes[c] > s.classes[s.Class] {
				s.Class = c
			}
		}
		list = append(list, s.networkBar)
	}
	slices.SortFunc(list, func(a, b networkBar) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Network, b.Network))
	})
	for i := range list {
		list[i].W = round(100 * float64(list[i].Messages) / float64(max(list[0].Messages, 1)))
	}
	return list
}

func round(v float64) float64 { return math.Round(v*100) / 100 }
