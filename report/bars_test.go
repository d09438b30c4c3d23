package report

import (
	"strings"
	"testing"
	"time"

	"ndrscan/classify"
)

func bucket(hours int, classes map[classify.Class]int) classify.Bucket {
	return classify.Bucket{Hour: time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC).Add(time.Duration(hours) * time.Hour), Classes: classes}
}

func forgedBucket(hours, n int) classify.Bucket {
	return bucket(hours, map[classify.Class]int{classify.Forged: n})
}

// The column stands for an hour, and for more where the flood lasts longer; a chart of one column says nothing.
func TestBarSteps(t *testing.T) {
	for _, tc := range []struct {
		name  string
		hours []int
		step  string // "": no chart
		n     int
	}{
		{"nothing", nil, "", 0},
		{"one hour", []int{5}, "", 0},
		{"two hours", []int{5, 6}, "hour", 2},
		{"a gap", []int{0, 30}, "hour", 31},
		{"out of order", []int{30, 0}, "hour", 31},
		{"three days", []int{0, 71}, "hour", 72},
		{"more", []int{0, 72}, "day", 4},
		{"72 days", []int{0, 72*24 - 1}, "day", 72},
		{"a year", []int{0, 365 * 24}, "week", 53},
		{"four years", []int{0, 4 * 365 * 24}, "4 weeks", 53},
		{"a century", []int{0, 100 * 365 * 24}, "", 0},
		{"a clock gone mad", []int{0, 400 * 365 * 24}, "", 0},
	} {
		var timeline []classify.Bucket
		for _, h := range tc.hours {
			timeline = append(timeline, forgedBucket(h, 3))
		}
		b, name, ok := newBars(timeline)
		if ok != (tc.step != "") || name != tc.step || ok && (len(b.list) < tc.n || len(b.list) > tc.n+1) {
			t.Errorf("%s: %d columns by %q, want %d by %q", tc.name, len(b.list), name, tc.n, tc.step)
		}
	}
}

// No bounce is lost between the timeline and the columns, and none is made of a negative count.
func TestBarsHoldAll(t *testing.T) {
	b, _, ok := newBars([]classify.Bucket{forgedBucket(0, 3), forgedBucket(80, 4), bucket(81, map[classify.Class]int{classify.Genuine: 5, classify.Forged: -7, "unheard-of": 9}), {Classes: map[classify.Class]int{classify.Forged: 1000}}})
	sum := 0
	for _, column := range b.list {
		sum += total(column)
	}
	if !ok || sum != 12 || b.most != 9 {
		t.Errorf("%d bounces, the highest column has %d", sum, b.most)
	}
	if _, _, ok := newBars([]classify.Bucket{forgedBucket(0, 0), forgedBucket(9, 0)}); ok {
		t.Error("a chart without a bounce")
	}
}

// A compromise shows, however many forgeries came in the same hour, and no column is higher than the chart.
func TestBarsShowCompromise(t *testing.T) {
	b := bars{most: 1000}
	for _, tc := range []struct {
		column map[classify.Class]int
		want   string
	}{
		{map[classify.Class]int{classify.Compromised: 1, classify.Forged: 999}, "!#####"},
		{map[classify.Class]int{classify.Compromised: 1}, "!"},
		{map[classify.Class]int{classify.Forged: 1}, "#"},
		{map[classify.Class]int{classify.Forged: 500, classify.Genuine: 500}, "###..."},
		{map[classify.Class]int{classify.Forged: 1000}, "######"},
		{nil, ""},
	} {
		var got strings.Builder
		for _, class := range b.stack(tc.column) {
			got.WriteByte(classSign[class])
		}
		if got.String() != tc.want {
			t.Errorf("%v: %q, want %q", tc.column, got.String(), tc.want)
		}
	}
}

func TestBarsWidth(t *testing.T) {
	r := joeJob()
	r.Timeline = nil
	for h := range 72 {
		r.Timeline = append(r.Timeline, forgedBucket(h, 1000+h*100000))
	}
	for line := range strings.Lines(terminal(t, r, Style{})) {
		if len(strings.TrimRight(line, "\n")) > MinWidth && strings.Contains(line, "##") {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestBrief(t *testing.T) {
	for n, want := range map[int]string{0: "0", 9999: "9999", 10_000: "10k", 999_999: "999k", 1_000_000: "1M", 7_101_000: "7M", 1_000_000_000: "1G"} {
		if got := brief(n); got != want {
			t.Errorf("brief(%d) = %s, want %s", n, got, want)
		}
	}
}
