package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

const (
	indent  = "  "
	maxRows = 10 // rows of a table without -v
)

// Terminal writes the report for people: the verdict in the first line (after what was assumed ours, if nothing was
// named), the evidence, what is missing, the next steps, and the account of every message read.
func Terminal(w io.Writer, r *classify.Report, s Style) error {
	p := &printer{Style: s, r: tidy(r)}
	p.assumed()
	p.verdict()
	p.numbers()
	p.reasons()
	p.evidence()
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
	pad := strings.Repeat(" ", len([]rune(first)))
	for i, l := range wrap(text, min(p.width(), maxProse)-len([]rune(first))) {
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

// verdicts are the words of each verdict, for the case that the data brings no sentence of its own.
var verdicts = map[classify.Judgement]struct {
	label, sentence string
	tone            tone
}{
	classify.JoeJob:              {"JOE-JOB", "forged return addresses; your systems are not the source.", warn},
	classify.Compromise:          {"COMPROMISE", "the mail went out through your systems with a login or script of yours.", alarm},
	classify.Both:                {"JOE-JOB AND COMPROMISE", "most is forged, but some went out through your systems.", alarm},
	classify.CompromiseSuspected: {"COMPROMISE SUSPECTED", "some of it points to your systems; one log search settles it.", alarm},
	classify.MisconfiguredSender: {"MISCONFIGURED SENDER", "a source of your own is missing from your SPF record.", warn},
	classify.OwnBackscatterFlood: {"OWN BACKSCATTER", "your own server bounces forged mail that it accepted first.", warn},
	classify.OrdinaryBounces:     {"ORDINARY BOUNCES", "no flood: bounces of mail that you sent.", fine},
	classify.Inconclusive:        {"INCONCLUSIVE", "there are bounces, but nothing in them decides where the mail came from.", warn},
	classify.NoBounces:           {"NO BOUNCES", "", fine},
}

func (p *printer) verdict() {
	v := p.r.Verdict
	known := verdicts[v.Verdict]
	label, sentence := known.label, known.sentence
	if label == "" {
		label = string(v.Verdict)
	}
	if v.Sentence != "" {
		sentence = v.Sentence
	}
	if v.Verdict == classify.NoBounces {
		sentence = p.nothingFound()
	}
	if len(sentence) >= len(label) && strings.EqualFold(sentence[:len(label)], label) {
		sentence = strings.TrimLeft(sentence[len(label):], ":, ")
	}
	for i, l := range wrap(label+": "+sentence, min(p.width(), maxProse)) {
		if rest, ok := strings.CutPrefix(l, label+":"); ok && i == 0 {
			l = p.paint(known.tone, label) + ":" + rest
		}
		p.line("%s", l)
	}
	if len(v.Also) > 0 {
		p.para("Also: ", join(v.Also, ", "), known.tone)
	}
}

// nothingFound teaches: a run that finds no bounce says where it looked.
func (p *printer) nothingFound() string {
	text := fmt.Sprintf("0 bounces in %s; looked in %s", count(p.r.Read, "message"), p.several(p.r.Sources))
	if len(p.r.Sources) == 0 {
		text = fmt.Sprintf("0 bounces in %s", count(p.r.Read, "message"))
	}
	for _, name := range []string{"since", "until"} {
		if at := p.r.Run.Flags[name]; at != "" {
			text += fmt.Sprintf("; %s %s", name, at)
		}
	}
	return text + "."
}

// numbers says how many of what, when, and how widely it is borne out.
func (p *printer) numbers() {
	bounces := p.r.Kinds["bounce"]
	if bounces == 0 {
		return
	}
	p.line("")
	text := fmt.Sprintf("%s in %s", count(bounces, "bounce"), count(p.r.Read, "message"))
	if span := period(p.r.Period); span != "" {
		text += ", " + span
		if p.r.Verdict.Active {
			text += ", still coming"
		}
	}
	p.para("", text+":", "")
	p.para(indent, p.classes(), "")
	w := p.r.Verdict.Witnesses
	text = fmt.Sprintf("%s and %d unverified, %s, %s", count(w.Verified, "verified witness"), w.Unverified,
		count(w.Networks, "origin network"), count(w.Cells, "cell"))
	p.para(indent, text+p.share(), "")
}

func (p *printer) share() string {
	v := p.r.Verdict
	if v.Share == nil {
		return ""
	}
	text := fmt.Sprintf("; share of decisive cells %.0f %%", *v.Share*100)
	if len(v.Interval) == 2 {
		text += fmt.Sprintf(" (95 %% interval %.0f to %.0f %%)", v.Interval[0]*100, v.Interval[1]*100)
	}
	return text
}

// classOrder is the order of the classes in every list.
var classOrder = []classify.Class{classify.Compromised, classify.Forged, classify.Misconfigured, classify.OwnBackscatter,
	classify.Forwarded, classify.Genuine, classify.Undetermined}

func (p *printer) classes() string {
	var parts []string
	for _, c := range classOrder {
		if n := p.r.Classes[c]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, c))
		}
	}
	return strings.Join(parts, ", ")
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
		p.para("  See ", some(ids, idColumns), quiet)
	}
}

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
	p.para(indent, p.sum(), "")
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
	if th := p.r.Verdict.Thresholds; len(th) > 0 && p.Verbose {
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(th)) {
			parts = append(parts, fmt.Sprintf("%s %d", k, th[k]))
		}
		p.para("  Thresholds: ", strings.Join(parts, ", "), quiet)
	}
}

// kindOrder is the order of kinds in the sum; kinds that are not in it follow by name.
var kindOrder = []string{"bounce", "delay", "success", "autoreply", "challenge", "feedback", "dmarc-report", "receipt", "list",
	"postmaster-copy", "other", "unreadable"}

func (p *printer) sum() string {
	kinds := slices.Clone(kindOrder)
	for _, k := range slices.Sorted(maps.Keys(p.r.Kinds)) {
		if !slices.Contains(kinds, k) {
			kinds = append(kinds, k)
		}
	}
	var parts []string
	for _, k := range kinds {
		if n := p.r.Kinds[k]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, k))
		}
	}
	if len(parts) == 0 {
		return "Read 0 messages"
	}
	return fmt.Sprintf("Read %d = %s", p.r.Read, strings.Join(parts, " + "))
}

// rules put the contract's words for why a host counts as ours into plain ones.
var rules = []struct{ rule, words string }{
	{"flag", "as told"},
	{"confirmed-name", "by forward-confirmed name"},
	{"candidate", "candidate, not taken as ours; confirm with --own"},
}

// own lists every host taken as ours, and why (METHOD 2).
func (p *printer) own() {
	byRule := map[string][]string{}
	for _, o := range p.r.OwnSeen {
		byRule[o.Rule] = append(byRule[o.Rule], o.Host)
	}
	for _, rule := range rules {
		if hosts := byRule[rule.rule]; len(hosts) > 0 {
			p.para(fmt.Sprintf("  Ours (%s): ", rule.words), p.several(hosts), "")
		}
		delete(byRule, rule.rule)
	}
	for _, rule := range slices.Sorted(maps.Keys(byRule)) {
		p.para(fmt.Sprintf("  Ours (%s): ", rule), p.several(byRule[rule]), "")
	}
}

// several joins names, the first ten unless -v asks for all.
func (p *printer) several(names []string) string {
	if p.Verbose {
		return strings.Join(names, ", ")
	}
	return some(names, maxRows)
}

// leftOut names what was not read; of many messages, as from a broken folder, the first ones.
func (p *printer) leftOut() {
	list := p.r.LeftOut
	if !p.Verbose && len(list) > maxRows {
		list = list[:maxRows]
	}
	for _, l := range list {
		p.para("  Left out: ", leftOut(l), warn)
	}
	if rest := len(p.r.LeftOut) - len(list); rest > 0 {
		p.para("  Left out: ", fmt.Sprintf("%d more (-v shows all)", rest), warn)
	}
}

func leftOut(l classify.LeftOut) string {
	text := l.Source
	if l.ID != "" {
		text += ", message " + l.ID
	}
	if l.Count > 1 {
		text += fmt.Sprintf(" (%d messages)", l.Count)
	}
	return text + ": " + l.Why
}

// count puts a number and its noun together.
func count(n int, noun string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(noun, "s"):
		noun += "es"
	default:
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}

// some joins the first n and says how many more there are.
func some(list []string, n int) string {
	if len(list) <= n {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(list[:n], ", "), len(list)-n)
}

func join[T ~string](list []T, sep string) string {
	var parts []string
	for _, v := range list {
		parts = append(parts, string(v))
	}
	return strings.Join(parts, sep)
}

func period(per classify.Period) string {
	switch {
	case per.From == nil || per.To == nil:
		return ""
	case per.From.Equal(*per.To):
		return stamp(*per.From) + " UTC"
	}
	return stamp(*per.From) + " to " + stamp(*per.To) + " UTC"
}

// stamp writes a time to the minute, in UTC.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04") }
