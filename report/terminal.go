package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"ndrscan/classify"
)

const (
	indent  = "  "
	maxRows = 10 // rows of a table without -v
)

// Terminal writes the report for people: the verdict in the first line (after what was assumed ours, if nothing was
// named), the five numbers that carry it, the evidence, what is missing, the next steps, and the account of every message
// read.
func Terminal(w io.Writer, r *classify.Report, s Style) error {
	p := &printer{Style: s, r: tidy(r)}
	p.assumed()
	p.verdict()
	p.figures()
	p.reasons()
	p.timeline(p.r.Timeline)
	p.evidence()
	p.domains()
	p.missing()
	p.actions()
	p.account()
	if p.err != nil {
		return p.err
	}
	_, err := io.WriteString(w, p.b.String())
	return err
}

// printer gathers the text; it is written in one piece, so that a failing writer fails once.
type printer struct {
	Style
	r   *classify.Report
	b   strings.Builder
	err error // of a table
}

func (p *printer) line(format string, args ...any) { fmt.Fprintf(&p.b, format+"\n", args...) }

// para writes wrapped text; first stands before its first line, the others are indented to match.
func (p *printer) para(first, text string, t tone) {
	p.hang(first, strings.Repeat(" ", twwidth.Width(first)), text, t)
}

// hang writes wrapped text; first stands before its first line, pad before the others.
func (p *printer) hang(first, pad, text string, t tone) {
	for i, l := range wrap(text, min(p.width(), maxProse)-max(twwidth.Width(first), twwidth.Width(pad))) {
		if i > 0 {
			first = pad
		}
		p.line("%s%s", first, p.paint(t, l))
	}
}

func (p *printer) heading(text string) { p.line("\n%s", p.paint(strong, text)) }

// command writes a line to be copied: whole, whatever the width.
func (p *printer) command(pad, text string) {
	if text != "" {
		p.line("%s%s", pad, text)
	}
}

// most is how many rows or names a list shows.
func (p *printer) most(n int) int {
	if p.Verbose {
		return max(n, maxRows)
	}
	return maxRows
}

// assumed stands before the verdict when nobody said what is ours: a verdict on wrong assumptions is worthless.
func (p *printer) assumed() {
	if len(p.r.Run.Assumed) == 0 && p.r.Run.Rerun == "" {
		return
	}
	what := strings.Join(p.r.Run.Assumed, ", ")
	if what == "" {
		what = "nothing (no host of ours was recognised)"
	}
	p.para("Assumed ours: ", what, warn)
	if p.r.Run.Rerun != "" {
		p.line("Not right? Run: %s", p.r.Run.Rerun)
	}
	p.line("")
}

func (p *printer) verdict() {
	label, sentence, tone := headline(p.r)
	for i, l := range wrap(label+": "+sentence, min(p.width(), maxProse)) {
		if rest, ok := strings.CutPrefix(l, label+":"); ok && i == 0 {
			l = p.paint(tone, label) + ":" + rest
		}
		p.line("%s", l)
	}
	if also := p.r.Verdict.Also; len(also) > 0 {
		p.para("Also: ", join(also, ", "), tone)
	}
}

// figures writes the numbers in a column, each with what it counts.
func (p *printer) figures() {
	list := figures(p.r)
	if len(list) == 0 {
		return
	}
	p.line("")
	wide := 0
	for _, f := range list {
		wide = max(wide, len(f.value))
	}
	for _, f := range list {
		first := indent + strings.Repeat(" ", wide-len(f.value)) + f.value + indent
		pad := strings.Repeat(" ", len(first))
		for i, l := range wrap(f.text, min(p.width(), maxProse)-len(first)) {
			if i == 0 {
				p.line("%s%s%s", first[:len(first)-len(f.value)-len(indent)], p.paint(strong, f.value), indent+l)
				continue
			}
			p.line("%s%s", pad, l)
		}
	}
}

func (p *printer) reasons() {
	v := p.r.Verdict
	if len(v.Reasons) == 0 {
		return
	}
	p.heading("Why")
	for _, reason := range v.Reasons {
		text := reason.Text
		if p.Verbose || text == "" {
			text += " [" + reason.Code + "]"
		}
		p.para("  - ", text, "")
	}
	if ids := v.Evidence; len(ids) > 0 {
		p.para("  See ", some(ids, idColumns)+"; "+howToOpen(p.r), quiet)
	}
}

// howToOpen says what the ids are good for.
func howToOpen(r *classify.Report) string {
	if len(r.Sources) > 1 {
		return "ndrscan explain SOURCE ID opens a message, with this scan's flags"
	}
	return "ndrscan explain opens an id, with this scan's source and flags"
}

func (p *printer) evidence() {
	most := p.most(max(len(p.r.Accounts), len(p.r.Origins)))
	for _, s := range sections(p.r, most) {
		p.table(s)
	}
}

// table writes a heading, the first rows and, if there are more, how many.
func (p *printer) table(s section) {
	g := s.grid
	total := len(g.rows)
	if most := p.most(total); total > most {
		g.rows, g.ids = g.rows[:most], g.ids[:most]
	}
	p.heading(s.title)
	fitted, under := g.layout(p.width() - len(indent))
	if err := fitted.draw(&p.b, p.Style); err != nil && p.err == nil {
		p.err = err
	}
	if rest := total - len(g.rows); rest > 0 {
		p.line("%s", p.paint(quiet, "  and "+strconv.Itoa(rest)+" more (-v shows all)"))
	}
	if under {
		p.idsUnder(g)
	}
	for _, c := range fitted.columns {
		p.hang(indent, indent+indent, c.note, quiet)
	}
	for _, text := range s.below {
		p.hang(indent, indent+indent, text, "")
	}
}

// idsUnder lists one message a row, for ids that are too long to stand in the table.
func (p *printer) idsUnder(g *grid) {
	p.line("%s", p.paint(quiet, "  one message of each:"))
	for i, row := range g.rows {
		if len(g.ids[i]) > 0 {
			p.line("    %s: %s", row[0].text, g.ids[i][0])
		}
	}
}

func (p *printer) domains() {
	if len(p.r.Domains) == 0 {
		return
	}
	p.heading("Your domains")
	for _, d := range p.r.Domains {
		p.line("  %s", p.paint(strong, d.Domain))
		record := d.Record
		if record == "" {
			record = "none"
		}
		p.command("    SPF    ", record)
		p.command("    DMARC  ", d.DMARC)
		for _, issue := range d.Issues {
			p.para("    - ", issue, warn)
		}
		if p.Verbose {
			p.policy(d.Policy)
		}
	}
}

// policy writes the terms of a record, those of included records below them.
func (p *printer) policy(terms []classify.PolicyTerm) {
	for _, t := range terms {
		pad := strings.Repeat(indent, 2+min(max(t.Depth, 0), maxDepth))
		p.hang(pad, pad+indent, t.Term+by(": ", t.Says), "")
		for _, problem := range t.Problems {
			p.para(pad+"  - ", problem, warn)
		}
	}
}

// maxDepth bounds how far the terms of included records are indented.
const maxDepth = 10

func (p *printer) missing() {
	if len(p.r.Verdict.Missing) == 0 {
		return
	}
	p.heading("What would make it firmer")
	for _, m := range p.r.Verdict.Missing {
		p.para("  - ", m.What, "")
		p.command("      ", m.Command)
	}
}

func (p *printer) actions() {
	if len(p.r.Actions) == 0 {
		return
	}
	p.heading("Next steps")
	for i, a := range p.r.Actions {
		p.para(fmt.Sprintf("%3d. ", i+1), a.Do, "")
		p.para("     ", a.Why, quiet)
		p.command("       ", a.Command)
	}
}

// account closes the report: every message read, everything left out, and what the run rested on.
func (p *printer) account() {
	p.heading("Account")
	p.para(indent, sum(p.r), "")
	p.leftOut()
	if !p.r.Complete && len(p.r.LeftOut) == 0 {
		p.para(indent, "Not complete: the run ended early; this is what was read until then.", warn)
	}
	for _, limit := range p.r.Run.Limits {
		p.para("  Limit: ", limit, warn)
	}
	p.own()
	if p.r.Run.Sent != "" {
		p.para("  Sent: ", p.r.Run.Sent, "")
	}
	if p.r.Run.DNS != "" {
		p.para("  DNS: ", p.r.Run.DNS, "")
	}
	if th := thresholds(p.r); th != "" && p.Verbose {
		p.para("  Thresholds: ", th, quiet)
	}
}

// own lists the hosts taken as ours, one a line.
func (p *printer) own() {
	for _, own := range ownSeen(p.r) {
		p.line("  Ours (%s):", own.words)
		most := p.most(len(own.hosts))
		for _, host := range own.hosts[:min(len(own.hosts), most)] {
			p.hang("    ", "      ", host, "")
		}
		if rest := len(own.hosts) - most; rest > 0 {
			p.line("%s", p.paint(quiet, "    and "+strconv.Itoa(rest)+" more (-v shows all)"))
		}
	}
}

// leftOut names what was not read; of many messages, as from a broken folder, the first ones.
func (p *printer) leftOut() {
	list := p.r.LeftOut
	list = list[:min(len(list), p.most(len(list)))]
	for _, l := range list {
		p.para("  Left out: ", leftOut(l), warn)
	}
	if rest := len(p.r.LeftOut) - len(list); rest > 0 {
		p.para("  Left out: ", fmt.Sprintf("%d more (-v shows all)", rest), warn)
	}
}
