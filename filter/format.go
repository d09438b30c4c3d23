package filter

import (
	"fmt"
	"io"
	"strings"
)

// Action is what becomes of the messages that a filter takes.
type Action string

// Junk puts them where a person can look; Discard deletes them unseen.
const (
	Junk    Action = "junk"
	Discard Action = "discard"
)

// Actions are those there are.
var Actions = []Action{Junk, Discard}

// Engine is what a filter is written for.
type Engine string

// The engines.
const (
	Sieve    Engine = "sieve"
	Postfix  Engine = "postfix"
	Exim     Engine = "exim"
	Exchange Engine = "exchange"
)

// Engines are those there are.
var Engines = []Engine{Sieve, Postfix, Exim, Exchange}

// Text writes a filter for one engine.
func (f *Filter) Text(w io.Writer, e Engine, a Action) error {
	var text string
	switch e {
	case Sieve:
		text = f.sieve(a)
	case Exim:
		text = f.exim(a)
	case Postfix, Exchange:
		if len(f.Line) == 0 {
			return fmt.Errorf("%s tests one thing at a time, and nothing in this flood tells it from other mail by itself; use sieve or exim", e)
		}
		text = map[Engine]func(Action) string{Postfix: f.postfix, Exchange: f.exchange}[e](a)
	default:
		return fmt.Errorf("no filter can be written for %q", e)
	}
	_, err := io.WriteString(w, text)
	return err
}

// summary is what the replay showed, in lines.
func (f *Filter) summary() []string {
	r := f.Replay
	lines := []string{fmt.Sprintf("Replayed over the mail it was made from: %s caught, %d of %d other messages lost.",
		share(r), r.Lost, r.Kept)}
	if r.Open > 0 {
		lines = append(lines, fmt.Sprintf("It also takes %d bounces that are not proved forged: of the flood's addresses or campaigns, or forged or compromised.", r.Open))
	}
	if f.Forward != nil {
		line := fmt.Sprintf("One made from the older half and replayed over the newer: %s caught, %d of %d lost", share(*f.Forward), f.Forward.Lost, f.Forward.Kept)
		if f.Forward.Doubtful > 0 {
			line += fmt.Sprintf(" (%d of them could be forged)", f.Forward.Doubtful)
		}
		lines = append(lines, line+".")
	}
	return lines
}

// Summary is what the replay showed, one sentence a line.
func (f *Filter) Summary() []string { return f.summary() }

func share(r Replay) string {
	return fmt.Sprintf("%d of %d backscatter bounces (%d %%)", r.Caught, r.Forged, r.Share())
}

// comments puts a sign before each line.
func comments(sign string, lines []string) string {
	var b strings.Builder
	for _, line := range lines {
		b.WriteString(strings.TrimRight(sign+" "+line, " ") + "\n")
	}
	return b.String()
}
