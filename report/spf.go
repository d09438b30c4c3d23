package report

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"ndrscan/spf"
)

// SPFCheck is the answer to one question of SPF, in the names of its JSON form.
type SPFCheck struct {
	Result      string     `json:"result"`
	IP          string     `json:"ip"`
	Sender      string     `json:"sender"`
	HELO        string     `json:"helo"`
	Domain      string     `json:"domain"`
	Mechanism   string     `json:"mechanism"`
	Path        []string   `json:"path"`
	Explanation string     `json:"explanation"`
	Problem     string     `json:"problem"`
	Lookups     int        `json:"lookups"`
	VoidLookups int        `json:"void_lookups"`
	Steps       []spf.Step `json:"steps"`
}

// WriteValue writes what a bench or the doctor found as JSON, indented, every string of it cleaned.
func WriteValue[T any](w io.Writer, v T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(tidy(v)); err != nil {
		return fmt.Errorf("writing JSON: %w", err)
	}
	return nil
}

// bench prints what the SPF bench found.
type bench struct{ printer }

func newBench(s Style) *bench { return &bench{printer{Style: s}} }

// maxName is the longest term that names what DNS can hold (RFC 1035 section 2.3.4, a mechanism before it). It is shown
// whole, for copying; longer words are cut to a line: a stranger's record may hold one of 64 KB.
const maxName = 255 + len("redirect=")

// para is that of printer, for texts with such words in them.
func (b *bench) para(first, text string, t tone) {
	b.printer.para(first, shortWords(text, min(b.width(), maxProse)-len([]rune(first))), t)
}

func shortWords(text string, room int) string {
	words := strings.Fields(text)
	for i, w := range words {
		words[i] = shortWord(w, room)
	}
	return strings.Join(words, " ")
}

func shortWord(word string, room int) string {
	if len(word) <= maxName {
		return word
	}
	return cut(word, max(room, 1))
}

func (b *bench) flush(w io.Writer) error {
	_, err := io.WriteString(w, b.b.String())
	return err
}

// resultWords say what a result means to the receiver, RFC 7208 section 8.
var resultWords = map[string]string{
	"pass":      "may send for",
	"fail":      "may NOT send for",
	"softfail":  "probably may not send for",
	"neutral":   "is neither allowed nor forbidden by",
	"none":      "can't be judged: there is no policy for",
	"temperror": "can't be judged now: DNS could not answer for",
	"permerror": "can't be judged: something is broken in the policy of",
}

var spfTones = map[string]tone{"pass": fine, "fail": alarm, "softfail": warn, "permerror": alarm, "temperror": warn}

// WriteSPFCheck writes a check for people; with explain each step of it.
func WriteSPFCheck(w io.Writer, c SPFCheck, explain bool, s Style) error {
	b := newBench(s)
	c = tidy(c)
	asked := c.Domain
	if len(c.Path) > 0 {
		asked = c.Path[0]
	}
	if asked == "" {
		asked = "such a sender"
	}
	b.line("%s: %s %s %s", b.paint(spfTones[c.Result], c.Result), c.IP, resultWords[c.Result], cutName(asked, b.width()))
	b.line("")
	if c.Mechanism != "" {
		b.para("  Decided by: ", fmt.Sprintf("%s, in the record of %s", c.Mechanism, c.Domain), "")
	} else if c.Result == "neutral" {
		b.para("  Decided by: ", "nothing: no term of "+c.Domain+" matched, and the record has no all", "")
	}
	if len(c.Path) > 1 {
		b.para("  Path:       ", strings.Join(c.Path, " > "), "")
	}
	b.line("  Look-ups:   %d of 10, %d of 2 void", c.Lookups, c.VoidLookups)
	if c.Problem != "" {
		b.para("  Problem:    ", c.Problem, warn)
	}
	if c.Explanation != "" {
		b.para("  They say:   ", c.Explanation, "")
	}
	if explain {
		b.steps(asked, c.Steps)
	} else if len(c.Steps) > 0 {
		b.line("%s", b.paint(quiet, "  (--explain shows each step)"))
	}
	return b.flush(w)
}

func (b *bench) steps(domain string, steps []spf.Step) {
	if len(steps) == 0 {
		return
	}
	b.heading("How")
	texts := spf.ExplainSteps(domain, steps)
	for i, step := range steps {
		b.line("%3d. %s: %s", i+1, step.Domain, b.paint(outcomeTone[step.Outcome], shortWord(step.Term, b.width()-8)))
		b.para("     ", texts[i], "")
	}
}

var outcomeTone = map[string]tone{"match": strong, "no-match": quiet, "temperror": warn, "permerror": alarm}

// WriteSPFTree writes a policy as the tree it is.
func WriteSPFTree(w io.Writer, x *spf.Explanation, cut string, s Style) error {
	b := newBench(s)
	clean := tidy(*x)
	b.tree(&clean, "")
	if cut != "" {
		b.line("")
		b.para("Not all of it: ", Clean(cut), warn)
	}
	return b.flush(w)
}

func (b *bench) tree(x *spf.Explanation, pad string) {
	head := x.Domain
	if x.Record != "" {
		head += ": " + x.Record
	}
	room := max(b.width()-len(pad)-2, 30)
	for i, l := range wrap(cut(shortWords(head, room), maxRecordLines*b.width()), room) {
		if i > 0 {
			l = "  " + l
		}
		b.line("%s%s", pad, b.paint(strong, l))
	}
	if x.Problem != "" {
		b.para(pad, "Broken: "+x.Problem, alarm)
	}
	if x.Passes != "" {
		b.para(pad, fmt.Sprintf("%d of 10 look-ups; a pass for %s.", x.Lookups, x.Passes), quiet)
	}
	for _, t := range x.Terms {
		b.term(t, pad+"  ")
	}
}

// maxPad bounds the indentation of a deep tree, so that room is left for the text.
const maxPad = 24

func (b *bench) term(t spf.ExplainedTerm, pad string) {
	if len(pad) > maxPad {
		pad = pad[:maxPad]
	}
	t.Term = shortWord(t.Term, b.width()-len(pad)-len("  100 look-ups"))
	head := b.paint(strong, t.Term)
	if t.Ignored != "" {
		head = b.paint(quiet, t.Term+"  IGNORED")
	} else if t.Lookups > 0 {
		head += b.paint(quiet, "  "+count(t.Lookups, "look-up"))
	}
	b.line("%s%s", pad, head)
	pad += "  "
	if t.Ignored != "" {
		b.para(pad, "Never reached: "+t.Ignored+".", quiet)
		return
	}
	b.para(pad, t.Text, "")
	if t.Shared != "" {
		b.para(pad, "SHARED: "+t.Shared+".", warn)
	}
	if t.Problem != "" {
		b.para(pad, "Problem: "+t.Problem+".", alarm)
	}
	if t.Below != nil {
		b.tree(t.Below, pad)
	}
}

var severityTone = map[spf.Severity]tone{spf.SeverityError: alarm, spf.SeverityWarning: warn, spf.SeverityInfo: quiet}

// WriteSPFLint writes what lint found: each issue with its term, a caret under it, what it does and how to mend it.
func WriteSPFLint(w io.Writer, r *spf.Report, s Style) error {
	b := newBench(s)
	clean := tidy(*r)
	b.lintHead(&clean)
	for i, issue := range clean.Issues {
		b.issue(issue, r.Issues[i], clean.Domain)
	}
	if len(clean.Unchecked) > 0 {
		b.line("")
		b.para("Not checked: ", strings.Join(clean.Unchecked, ", ")+" (this DNS can't tell)", quiet)
	}
	return b.flush(w)
}

// maxRecordLines bounds a record as it is shown whole.
const maxRecordLines = 8

func (b *bench) lintHead(r *spf.Report) {
	n := map[spf.Severity]int{}
	for _, i := range r.Issues {
		n[i.Severity]++
	}
	verdict, t := "nothing to complain about", fine
	if len(r.Issues) > 0 {
		verdict = fmt.Sprintf("%s, %s, %s", count(n[spf.SeverityError], "error"), count(n[spf.SeverityWarning], "warning"), count(n[spf.SeverityInfo], "remark"))
		t = severityTone[r.Issues[0].Severity]
	}
	b.line("%s: %s", r.Domain, b.paint(t, verdict))
	if r.Record != "" {
		b.para(indent, cut(r.Record, maxRecordLines*b.width()), "")
		b.line("  %s", b.paint(quiet, fmt.Sprintf("%d of 10 look-ups", r.Lookups)))
	}
}

func (b *bench) issue(i, raw spf.Issue, domain string) {
	b.line("")
	t := severityTone[i.Severity]
	label := fmt.Sprintf("%s %s: ", strings.ToUpper(string(i.Severity)), i.ID)
	for n, l := range wrap(shortWords(label+i.Problem+".", min(b.width(), maxProse)), min(b.width(), maxProse)) {
		if rest, ok := strings.CutPrefix(l, strings.TrimSuffix(label, " ")); ok && n == 0 {
			l = b.paint(t, label[:len(label)-1]) + rest
		}
		b.line("%s", l)
	}
	if i.Domain != domain {
		b.para(indent, "In the record of "+i.Domain+":", "")
	}
	b.caret(raw, t)
	b.para("  Hurts: ", i.Effect, "")
	b.para("  Mend:  ", i.Fix, "")
}

// caret shows the record around a term, and marks the term. Cleaning changes lengths, so the parts are cleaned apart.
func (b *bench) caret(i spf.Issue, t tone) {
	if i.Term == "" {
		return
	}
	before, term, behind := "", i.Term, ""
	if end := i.Offset + len(i.Term); i.Offset >= 0 && end <= len(i.Record) && i.Record[i.Offset:end] == i.Term {
		before, behind = i.Record[:i.Offset], i.Record[end:]
	}
	room := b.width() - len(indent)
	for _, side := range []string{before, behind} {
		if side != "" {
			room-- // for the … in its place, if need be
		}
	}
	term = cut(Clean(term), room)
	room = b.width() - len(indent) - twwidth.Width(term)
	behind = Clean(behind)
	before = cutName(Clean(before), max(room-min(twwidth.Width(behind), max(room/3, 1)), 1))
	behind = cut(behind, max(room-twwidth.Width(before), 1))
	b.line("%s%s%s%s", indent, before, b.paint(t, term), behind)
	b.line("%s%s%s", indent, strings.Repeat(" ", twwidth.Width(before)), b.paint(t, strings.Repeat("^", max(twwidth.Width(term), 1))))
}
