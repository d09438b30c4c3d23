package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"ndrscan/spf"
)

// WriteSPFDraft writes a composed record: the line to publish first, then why it is as it is, and what to think of.
func WriteSPFDraft(w io.Writer, d *spf.Draft, candidates []string, s Style) error {
	b := newBench(s)
	clean := tidy(*d)
	b.line("%s", b.paint(strong, "Publish this at "+clean.Domain+":"))
	b.line("")
	b.command(indent, clean.Line)
	b.replaces(&clean)
	b.choices(&clean)
	b.lintOfDraft(&clean, d)
	if len(candidates) > 0 {
		b.heading("Left out, since nothing proves that they are yours")
		for _, c := range candidates {
			b.para("  - ", Clean(c), "")
		}
	}
	if len(clean.Also) > 0 {
		b.heading("Hosts below it that have no record yet")
		for _, line := range clean.Also {
			b.command(indent, line)
		}
	}
	b.heading("Before you publish, think of")
	for _, text := range spf.WatchOuts {
		b.para("  - ", text, "")
	}
	b.para(indent, spf.WaysOut, "")
	b.para(indent, "Test it before and after: ndrscan spf test replays a scan against it, ndrscan spf check asks about one address.", "")
	return b.flush(w)
}

func (b *bench) replaces(d *spf.Draft) {
	if len(d.Strings) > 1 {
		b.para(indent, fmt.Sprintf("One record of %d strings: a string holds 255 octets, and they are joined without a space.", len(d.Strings)), quiet)
	}
	switch {
	case d.Published == "":
	case d.Published == d.Record:
		b.para(indent, "That is what is published now.", fine)
	default:
		b.line("")
		b.para("  It replaces: ", d.Published, "")
		if len(d.Dropped) > 0 {
			b.para("  Not in the new one: ", strings.Join(d.Dropped, ", ")+". Does nothing send from there any more?", warn)
		}
	}
}

func (b *bench) choices(d *spf.Draft) {
	b.heading("Why")
	for _, c := range d.Choices {
		head := "  " + b.paint(strong, c.Term)
		if c.Lookups > 0 {
			head += b.paint(quiet, "  "+count(c.Lookups, "look-up"))
		}
		b.line("%s", head)
		b.para("    ", c.Why+".", "")
		if c.Proof != "" {
			b.para("    ", "Proof: "+c.Proof+".", quiet)
		}
	}
	for _, text := range d.Spared {
		b.para("  Not needed: ", text+".", quiet)
	}
	t := quiet
	if d.Lookups > 10 {
		t = alarm
	}
	b.para(indent, fmt.Sprintf("Together: %d of 10 look-ups.", d.Lookups), t)
	if d.Lookups > 10 {
		b.para(indent, "Over ten receivers give up (permerror). What costs most:", alarm)
		dear := slices.Clone(d.Choices)
		slices.SortStableFunc(dear, func(x, y spf.Choice) int { return y.Lookups - x.Lookups })
		for _, c := range dear {
			if c.Lookups > 0 {
				b.line("  %4d  %s", c.Lookups, c.Term)
			}
		}
	}
}

// lintOfDraft shows what lint has against the draft itself; remarks are for spf lint.
func (b *bench) lintOfDraft(d, raw *spf.Draft) {
	shown := false
	for i, issue := range d.Issues {
		if issue.Severity == spf.SeverityInfo {
			continue
		}
		if !shown {
			b.heading("What lint has against it")
			shown = true
		}
		b.issue(issue, raw.Issues[i], d.Domain)
	}
	if !shown {
		b.line("")
		b.para(indent, "It passes lint.", fine)
	}
}

// WriteSPFReplay writes what a proposed record would have done to the messages of a scan.
func WriteSPFReplay(w io.Writer, r *spf.Replay, s Style) error {
	b := newBench(s)
	clean := tidy(*r)
	b.replayHead(&clean)
	if err := b.replayRows(&clean); err != nil {
		return err
	}
	b.casualties(&clean)
	for _, o := range clean.LeftOut {
		b.para("  Left out: ", fmt.Sprintf("%s: %s", count(o.Count, "message"), o.Why), quiet)
	}
	return b.flush(w)
}

func (b *bench) replayHead(r *spf.Replay) {
	f, o := r.Forged, r.Own
	text := fmt.Sprintf("It would have failed %d of %s", f.RefusedAfter, forgeries(f.Messages))
	if f.SuspectedAfter > 0 {
		text += fmt.Sprintf(" and marked %d", f.SuspectedAfter)
	}
	b.para("", text+fmt.Sprintf("; the record published now failed %d and marked %d.", f.RefusedBefore, f.SuspectedBefore), strong)
	t := fine
	if o.RefusedAfter+o.SuspectedAfter > 0 {
		t = alarm
	}
	b.para("", fmt.Sprintf("It would have broken %d of %s of your own; the record published now broke %d.",
		o.RefusedAfter+o.SuspectedAfter, count(o.Messages, "message"), o.RefusedBefore+o.SuspectedBefore), t)
	b.line("")
	b.para("  Proposed:  ", r.Proposed, "")
	published := r.Published
	if published == "" {
		published = "no record, or more than one"
	}
	b.para("  Published: ", published, "")
}

func forgeries(n int) string {
	if n == 1 {
		return "1 forgery"
	}
	return fmt.Sprintf("%d forgeries", n)
}

func (b *bench) replayRows(r *spf.Replay) error {
	if len(r.Classes) == 0 {
		return nil
	}
	g := &grid{columns: []column{{head: "class"}, {head: "messages", right: true}, {head: "published"}, {head: "proposed"}}}
	for _, row := range r.Classes {
		g.add(nil, cell{text: row.Class}, cell{text: fmt.Sprint(row.Messages)}, cell{text: tally(row.Published)}, cell{text: tally(row.Proposed)})
	}
	b.line("")
	fitted, _ := g.layout(b.width() - len(indent))
	return fitted.draw(&b.b, b.Style)
}

func tally(counts map[string]int) string {
	var parts []string
	for _, result := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", result, counts[result]))
	}
	return strings.Join(parts, ", ")
}

func (b *bench) casualties(r *spf.Replay) {
	if len(r.Broken) == 0 {
		if r.Own.Messages == 0 {
			b.line("")
			b.para(indent, "The findings hold no mail of your own, so whether the record breaks any can't be told: scan with --sent and --own.", warn)
		}
		return
	}
	b.heading("Your own mail that it would have broken")
	shown := r.Broken
	if !b.Verbose && len(shown) > 2*maxRows {
		shown = shown[:2*maxRows]
	}
	for _, c := range shown {
		b.para("  - ", fmt.Sprintf("%s (%s) from %s, sender %s: %s, was %s (%s)", c.ID, c.Class, c.IP, orNull(c.Sender), c.Is, c.Was, c.Because)+times(c.Messages), "")
	}
	if rest := len(r.Broken) - len(shown); rest > 0 {
		b.para(indent, fmt.Sprintf("and %d more", rest), quiet)
	}
	b.para(indent, "Add these sources to the record, or let them send through your own server (port 587 or 465 with a login).", "")
}

func orNull(sender string) string {
	if sender == "" {
		return "<>"
	}
	return sender
}

func times(n int) string {
	if n < 2 {
		return ""
	}
	return fmt.Sprintf(", %d times", n)
}

// Paragraph lays out a text for a dialogue on a terminal: clean, in lines of MinWidth, an empty line before it.
func Paragraph(text string) string {
	return "\n" + strings.Join(wrap(Clean(text), MinWidth-1), "\n")
}
