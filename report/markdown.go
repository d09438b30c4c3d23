package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"

	"ndrscan/classify"
)

// Markdown for a ticket (CommonMark with GitHub's tables). A text from mail must become neither markup nor HTML nor a link, and
// must call nobody (@name) and no ticket (#1). Backslashes do not stop links and mentions, which are looked for in the rendered
// text; code spans do. So a word that is anything but letters or digits becomes code, and so does every cell of data.

// mdRows bounds the rows of a table: a ticket is read by people, JSON and CSV hold the rest.
const mdRows = 20

// WriteMarkdown writes the report for a ticket: verdict, numbers, evidence, next steps, account.
func WriteMarkdown(w io.Writer, r *classify.Report) error {
	m := &markdown{r: tidy(r)}
	m.assumed()
	m.verdict()
	m.reasons()
	m.evidence()
	m.domains()
	m.missing()
	m.actions()
	m.account()
	if _, err := io.WriteString(w, m.b.String()); err != nil {
		return fmt.Errorf("writing the report as Markdown: %w", err)
	}
	return nil
}

type markdown struct {
	r *classify.Report
	b strings.Builder
}

func (m *markdown) line(format string, args ...any) { fmt.Fprintf(&m.b, format+"\n", args...) }

// heading begins a section; it is one of ours.
func (m *markdown) heading(text string) { m.line("\n## %s\n", text) }

// item writes a point of a list.
func (m *markdown) item(text string) { m.line("- %s", mdText(text)) }

// command writes a line to be copied as a block of code, indented to stand within a list.
func (m *markdown) command(pad, text string) {
	if text == "" {
		return
	}
	fence := strings.Repeat("`", max(3, longestRun(text, '`')+1))
	m.line("\n%s%s\n%s%s\n%s%s\n", pad, fence+"text", pad, text, pad, fence)
}

func (m *markdown) assumed() {
	run := m.r.Run
	if len(run.Assumed) == 0 && run.Rerun == "" {
		return
	}
	what := strings.Join(run.Assumed, ", ")
	if what == "" {
		what = "nothing (no host of ours was recognised)"
	}
	m.line("Assumed ours: %s", mdText(what))
	if run.Rerun != "" {
		m.line("\nNot right? Run:")
		m.command("", run.Rerun)
	}
	m.line("")
}

func (m *markdown) verdict() {
	label, sentence, _ := headline(m.r)
	m.line("# %s\n", mdText(label))
	m.line("**%s:** %s\n", mdText(label), mdText(sentence))
	if also := m.r.Verdict.Also; len(also) > 0 {
		m.line("Also: %s\n", mdText(join(also, ", ")))
	}
	for _, f := range figures(m.r) {
		m.line("- **%s** %s", mdText(f.value), mdText(f.text))
	}
}

func (m *markdown) reasons() {
	v := m.r.Verdict
	if len(v.Reasons) == 0 {
		return
	}
	m.heading("Why")
	for _, reason := range v.Reasons {
		m.line("- %s (%s)", mdText(reason.Text), mdCode(reason.Code))
	}
	if len(v.Evidence) > 0 {
		m.line("\nSee %s; %s.", mdCodes(v.Evidence), howToOpen(m.r))
	}
}

func (m *markdown) evidence() {
	for _, s := range sections(m.r, mdRows) {
		m.section(s)
	}
}

func (m *markdown) section(s section) {
	m.heading(s.title)
	m.table(s.grid)
	says := s.below
	for _, c := range s.grid.columns {
		if c.note != "" {
			says = append([]string{c.note}, says...)
		}
	}
	if len(says) > 0 {
		m.line("")
	}
	for _, text := range says {
		m.item(text)
	}
}

func (m *markdown) table(g *grid) {
	shown := g.withIDs(0)
	var heads, rules []string
	for _, c := range shown.columns {
		heads = append(heads, c.head)
		if c.right {
			rules = append(rules, "---:")
		} else {
			rules = append(rules, "---")
		}
	}
	ids := slices.ContainsFunc(g.ids, func(ids []string) bool { return len(ids) > 0 })
	if ids {
		heads, rules = append(heads, "ids"), append(rules, "---")
	}
	m.row(heads)
	m.row(rules)
	for n, row := range shown.rows[:min(len(shown.rows), mdRows)] {
		var cells []string
		for i, c := range row {
			cells = append(cells, mdCell(shown.columns[i], c))
		}
		if ids {
			cells = append(cells, mdPipes(mdCodes(g.ids[n][:min(len(g.ids[n]), idColumns)])))
		}
		m.row(cells)
	}
	if rest := len(shown.rows) - mdRows; rest > 0 {
		m.line("\nand %d more", rest)
	}
}

func (m *markdown) row(cells []string) { m.line("| %s |", strings.Join(cells, " | ")) }

func (m *markdown) domains() {
	if len(m.r.Domains) == 0 {
		return
	}
	m.heading("Your domains")
	for i, d := range m.r.Domains {
		record := d.Record
		if record == "" {
			record = "none"
		}
		if i > 0 {
			m.line("")
		}
		m.line("%s\n", mdCode(d.Domain))
		m.line("- SPF: %s", mdCode(record))
		if d.DMARC != "" {
			m.line("- DMARC: %s", mdCode(d.DMARC))
		}
		for _, issue := range d.Issues {
			m.item(issue)
		}
	}
}

func (m *markdown) missing() {
	if len(m.r.Verdict.Missing) == 0 {
		return
	}
	m.heading("What would make it firmer")
	for _, miss := range m.r.Verdict.Missing {
		m.item(miss.What)
		m.command("  ", miss.Command)
	}
}

func (m *markdown) actions() {
	if len(m.r.Actions) == 0 {
		return
	}
	m.heading("Next steps")
	for i, a := range m.r.Actions {
		first := fmt.Sprintf("%d. ", i+1)
		why := ""
		if a.Why != "" {
			why = " (" + mdText(a.Why) + ")"
		}
		m.line("%s%s%s", first, mdText(a.Do), why)
		m.command(strings.Repeat(" ", len(first)), a.Command)
	}
}

func (m *markdown) account() {
	m.heading("Account")
	m.item(sum(m.r))
	for _, l := range m.r.LeftOut[:min(len(m.r.LeftOut), mdRows)] {
		m.item("Left out: " + leftOut(l))
	}
	if rest := len(m.r.LeftOut) - mdRows; rest > 0 {
		m.item(fmt.Sprintf("Left out: %d more", rest))
	}
	if !m.r.Complete && len(m.r.LeftOut) == 0 {
		m.item("Not complete: the run ended early; this is what was read until then.")
	}
	for _, limit := range m.r.Run.Limits {
		m.item("Limit: " + limit)
	}
	for _, own := range ownSeen(m.r) {
		m.item("Ours (" + own.words + "): " + some(own.hosts, mdRows))
	}
	for _, s := range m.r.Sources[:min(len(m.r.Sources), mdRows)] {
		m.line("- Source: %s", mdCode(s))
	}
	if m.r.Run.Sent != "" {
		m.line("- Sent: %s", mdCode(m.r.Run.Sent))
	}
	if m.r.Run.DNS != "" {
		m.line("- DNS: %s", mdCode(m.r.Run.DNS))
	}
	m.line("- Written by %s at %s UTC", mdCode(m.r.Tool), stamp(m.r.Generated))
}

// mdText writes a sentence: words of letters or digits as they are, all others as code.
func mdText(s string) string {
	var words []string
	for word := range strings.FieldsSeq(s) {
		words = append(words, mdWord(word))
	}
	return strings.Join(words, " ")
}

// mdWord writes one word. The punctuation of a sentence around it stays outside of the code.
func mdWord(word string) string {
	const before, after = `("'`, `.,;:!?)"'`
	bare := strings.TrimLeft(word, before)
	head := word[:len(word)-len(bare)]
	core := strings.TrimRight(bare, after)
	tail := bare[len(core):]
	switch {
	case core == "":
		if plainMarks(word) {
			return word
		}
		return mdCode(word)
	case strings.HasPrefix(tail, ":") && len(tail) > 1, !mdPlain(core):
		return head + mdCode(core) + tail
	}
	return word
}

// plainMarks tells that a word of punctuation only can't begin markup.
func plainMarks(word string) bool { return strings.Trim(word, `(),;:.?%`) == "" }

// mdPlain tells a word that is markup in no place: letters alone, with - or ' between two of them, or a number, date or time.
// Digits among letters make it code: it may be a ticket's name or a commit's.
func mdPlain(word string) bool {
	if strings.Trim(word, "0123456789-:") == "" && strings.Trim(word[:1], "-:") != "" || word == "%" || word == "=" || word == "+" {
		return true
	}
	joint := true // the character before was no letter
	for i, r := range word {
		switch {
		case unicode.IsLetter(r), unicode.IsMark(r) && i > 0:
			joint = false
		case (r == '-' || r == '\'' || r == '’') && !joint:
			joint = true
		default:
			return false
		}
	}
	return !joint
}

// mdCode writes a text as a code span, whatever backticks it holds (CommonMark section 6.1).
func mdCode(s string) string {
	if strings.TrimSpace(s) == "" {
		return ""
	}
	fence := strings.Repeat("`", longestRun(s, '`')+1)
	pad := ""
	if s[0] == '`' || s[len(s)-1] == '`' || s[0] == ' ' && s[len(s)-1] == ' ' {
		pad = " "
	}
	return fence + pad + s + pad + fence
}

// mdCodes writes each text of a list as a code span.
func mdCodes(list []string) string {
	var spans []string
	for _, s := range list {
		spans = append(spans, mdCode(s))
	}
	return strings.Join(spans, ", ")
}

// mdCell writes a cell of a table: data as code, words of ours as text.
func mdCell(col column, c cell) string {
	text := mdText(c.text)
	if col.data && !c.ours {
		text = mdCode(c.text)
	}
	return mdPipes(text)
}

// mdPipes escapes pipes, which part cells even within code (GFM section 4.10). Parsers disagree on which backslash before a
// pipe is itself escaped, but not about an odd number of them.
func mdPipes(s string) string {
	if !strings.Contains(s, "|") {
		return s
	}
	var b strings.Builder
	slashes := 0
	for i := range len(s) {
		if s[i] == '|' {
			b.WriteByte('\\')
			if slashes%2 == 1 {
				b.WriteByte('\\')
			}
		}
		if s[i] == '\\' {
			slashes++
		} else {
			slashes = 0
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// longestRun is the length of the longest run of a byte.
func longestRun(s string, c byte) int {
	longest, n := 0, 0
	for i := range len(s) {
		if s[i] == c {
			n++
			longest = max(longest, n)
		} else {
			n = 0
		}
	}
	return longest
}
