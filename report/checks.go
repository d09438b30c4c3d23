package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// State ranks what a check came to.
type State string

// The states, in the order in which they are shown.
const (
	Problem State = "problem"
	Warning State = "warning"
	Unknown State = "unknown" // it could not be found out
	Fine    State = "fine"
)

var states = []State{Problem, Warning, Unknown, Fine}

// Check is one thing the doctor looked at.
type Check struct {
	State State  `json:"state"`
	Topic string `json:"topic"` // SPF, DKIM, DMARC, MX, hosts, block lists, submission
	Text  string `json:"text"`
	Fix   string `json:"fix"`
}

// Checkup is all of them for one domain.
type Checkup struct {
	Domain string  `json:"domain"`
	Checks []Check `json:"checks"`
	NotRun []Check `json:"not_run"` // what wasn't asked for, and the flag that would
}

// Sort puts problems first; topics keep their order.
func (c *Checkup) Sort() {
	slices.SortStableFunc(c.Checks, func(a, b Check) int { return slices.Index(states, a.State) - slices.Index(states, b.State) })
}

var stateLook = map[State]struct {
	label string
	tone  tone
}{Problem: {"PROBLEM", alarm}, Warning: {"WARNING", warn}, Unknown: {"unknown", warn}, Fine: {"ok", fine}}

// WriteCheckup writes a checkup on one screen, problems first.
func WriteCheckup(w io.Writer, c *Checkup, s Style) error {
	b := newBench(s)
	clean := tidy(*c)
	n := map[State]int{}
	for _, check := range clean.Checks {
		n[check.State]++
	}
	b.line("%s: %s, %s, %d ok%s", b.paint(strong, clean.Domain), count(n[Problem], "problem"), count(n[Warning], "warning"), n[Fine], undecided(n[Unknown]))
	b.line("")
	for _, check := range clean.Checks {
		look := stateLook[check.State]
		first := fmt.Sprintf("%-8s", look.label)
		for i, l := range wrap(check.Topic+": "+check.Text, min(b.width(), maxProse)-len(first)) {
			if i > 0 {
				first = strings.Repeat(" ", len(first))
			}
			b.line("%s%s", b.paint(look.tone, first), l)
		}
		if check.Fix != "" {
			b.para("        -> ", check.Fix, quiet)
		}
	}
	for _, check := range clean.NotRun {
		b.para("not run ", check.Topic+": "+check.Text, quiet)
	}
	return b.flush(w)
}

func undecided(n int) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(", %d unknown", n)
}
