package report

import (
	"encoding/csv"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"testing"

	"ndrscan/classify"
)

// hostileTexts are what strangers write where a name is expected.
var hostileTexts = []string{
	"\x1b[31mred\x1b[0m", "\x1b]0;owned\x07", "a\x00b\x08c\x7f", "\u202eevil\u202c", "\u2066hidden\u2069\u200b", "\x9b2J", "line\r\nBcc: x\u2028y",
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `<!-- x`, `&lt;b&gt;`, `</code></pre>`, "<http://evil.example>",
	`=HYPERLINK("http://evil.example","x")`, "+1+1", "-2+3", "@SUM(1)", "\t=1+1", "\r=1", ` =1+1`, `x;=cmd|' /C calc'!A0`, "＝1+1",
	"a|b", `a\|b`, `a\\|b`, `a\`, "`tick`", "``two``", "```\nrm -rf /\n```", "`", "[x](http://evil.example)", "![x](http://evil.example/p.png)",
	"http://evil.example/x www.evil.example", "@everyone please", "#1 GH-2 !3", "**bold** _it_ ~~no~~", "# head", "1. one", "- item", "---",
	"Счёт на оплату", "请查收", "مرحبا", "josé@exämple.example", "用户@例子.广告",
	strings.Repeat("very long subject ", 600), strings.Repeat("x", 10_000), strings.Repeat("|", 300), strings.Repeat("`", 300), strings.Repeat("a\u0301\u0301\u0301\u0301\u0301\u0301", 50), "",
}

// hostileReport bears each of them in each place of a report that a stranger can write to.
func hostileReport() *classify.Report {
	r := joeJob()
	r.Verdict.Evidence = hostileTexts
	for i, s := range hostileTexts {
		r.Sources = append(r.Sources, s)
		r.OwnSeen = append(r.OwnSeen, classify.OwnHost{Host: s, Rule: "flag", Why: s, Listed: []string{s}})
		r.LeftOut = append(r.LeftOut, classify.LeftOut{Source: s, ID: s, Count: i, Why: s})
		r.Verdict.Reasons = append(r.Verdict.Reasons, classify.Reason{Code: s, Text: s})
		r.Verdict.Missing = append(r.Verdict.Missing, classify.Missing{What: s, Command: s})
		r.Accounts = append(r.Accounts, classify.Account{Login: s, Host: s, Entry: s, Class: classify.Class(s), ClientIPs: []string{s}, QueueIDs: []string{s}, Evidence: []string{s}})
		r.Impersonated = append(r.Impersonated, classify.Impersonated{Address: s, Messages: i, Evidence: []string{s, "1"}})
		r.Origins = append(r.Origins, classify.OriginRow{IP: s, Network: s, RDNS: s, SPF: s, Class: classify.Class(s), Misconfiguration: classify.SourceKind(s), Remedy: s, SPFTerm: s,
			Enriched: &classify.Enrichment{ASN: 64500, ASName: s, Country: s, Listed: []string{s}, Abuse: []string{s}}, Evidence: []string{s}})
		r.Witnesses = append(r.Witnesses, classify.WitnessRow{Witness: s, Software: s, Evidence: []string{s}})
		r.Campaigns = append(r.Campaigns, classify.CampaignRow{Campaign: s, Subject: s, Class: classify.Class(s), Evidence: []string{s}})
		r.Domains = append(r.Domains, classify.Domain{Domain: s, Record: s, DMARC: s, Issues: []string{s}, Policy: []classify.PolicyTerm{{Depth: i * 1000, Domain: s, Term: s, Says: s, Problems: []string{s}}}})
		r.Actions = append(r.Actions, classify.Action{Do: s, Why: s, Command: s})
		r.Run.Limits = append(r.Run.Limits, s)
		r.Run.Assumed = append(r.Run.Assumed, s)
	}
	r.Run.Sent, r.Run.DNS, r.Run.Rerun = hostileTexts[0], hostileTexts[1], hostileTexts[2]
	return r
}

func hostileFindings() []classify.Finding {
	var list []classify.Finding
	for _, s := range hostileTexts {
		f := forged()
		f.Source, f.ID, f.Account, f.Campaign, f.Problem, f.Settle, f.Remedy, f.Misconfiguration = s, s, s, s, s, s, s, classify.SourceKind(s)
		f.Recipients = []classify.Recipient{{Address: s, Action: s, Status: s, Diagnostic: s, RemoteMTA: s, Reason: s}}
		f.Original = &classify.Original{Returned: "full", MailFrom: s, From: s, To: []string{s}, Subject: s, MessageID: s, UserAgent: s}
		f.Origin.HELO, f.Origin.RDNS, f.Origin.AuthUser, f.Origin.QueueID = s, s, s, s
		f.DKIM = []classify.DKIM{{Domain: s, Selector: s, Result: s}}
		f.Reasons = []classify.Reason{{Code: s, Text: s}}
		f.CouldBe = []classify.Class{classify.Class(s)}
		list = append(list, f)
	}
	return list
}

// No format lets a control, an escape, a bidi control or an invisible character through, whatever a stranger wrote.
func TestHostileTexts(t *testing.T) {
	c := Content{Report: hostileReport(), Findings: func() iter.Seq2[classify.Finding, error] { return seq(hostileFindings()...) }}
	for _, format := range Formats() {
		got := write(t, format, c)
		if bad := unsafeIn(got); bad != "" {
			t.Errorf("%s holds %s", format, bad)
		}
		if len(got) < 10_000 {
			t.Errorf("%s has only %d bytes: does it show anything?", format, len(got))
		}
	}
	for _, f := range hostileFindings() {
		var b strings.Builder
		if err := Explain(&b, f, Style{Verbose: true}); err != nil {
			t.Fatal(err)
		}
		if bad := unsafeIn(b.String()); bad != "" {
			t.Errorf("explain holds %s", bad)
		}
	}
}

// Addresses in other scripts stay readable.
func TestOtherScriptsStay(t *testing.T) {
	c := Content{Report: hostileReport(), Findings: func() iter.Seq2[classify.Finding, error] { return seq(hostileFindings()...) }}
	for _, format := range Formats() {
		var b strings.Builder
		if err := Write(&b, format, c, Style{Verbose: true}); err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{"josé@exämple.example", "用户@例子.广告", "مرحبا"} {
			if format != Markdown && !strings.Contains(b.String(), text) { // Markdown shows the first rows only
				t.Errorf("%s lacks %s", format, text)
			}
		}
	}
}

// No cell of a CSV file starts a formula, not even where semicolons part cells, and every row has its columns.
func TestCSVFormulas(t *testing.T) {
	c := Content{Report: hostileReport(), Findings: func() iter.Seq2[classify.Finding, error] { return seq(hostileFindings()...) }}
	for _, format := range []Format{CSV, FindingsCSV} {
		text := write(t, format, c)
		if !strings.Contains(text, `'=HYPERLINK`) || strings.Count(text, "\n") != strings.Count(text, "\r\n") {
			t.Errorf("%s:\n%s", format, text[:2000])
		}
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll() // holds that all rows are as long as the first
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			for _, cell := range row {
				for part := range strings.SplitSeq(cell, ";") {
					if bare := strings.TrimLeft(part, ` "`); bare != "" && strings.ContainsAny(firstRune(bare), formulaStarts) {
						t.Errorf("%s: cell %q", format, cell)
					}
				}
			}
		}
	}
}

// What Markdown may make of a text is what it has outside of code: there is nothing but our own markup.
func TestMarkdownIsText(t *testing.T) {
	got := write(t, Markdown, Content{Report: hostileReport()})
	fence := regexp.MustCompile("(?m)^ *(`{3,})text\n.*\n *(`{3,})$\n?")
	for _, m := range fence.FindAllStringSubmatch(got, -1) {
		if m[1] != m[2] {
			t.Errorf("fence %q", m[0])
		}
	}
	for n, line := range strings.Split(fence.ReplaceAllString(got, ""), "\n") {
		if strings.HasPrefix(line, "| ") {
			checkRow(t, line)
			line = strings.ReplaceAll(line, `\|`, "/")
		}
		bare, err := outsideCode(line)
		if err != nil {
			t.Errorf("line %d: %v: %s", n+1, err, line)
		}
		bare = strings.TrimPrefix(strings.TrimLeft(bare, " "), "## ")
		bare = strings.TrimPrefix(bare, "# ")
		bare = strings.ReplaceAll(bare, "**", "")
		if i := strings.IndexAny(bare, "<>[]`*_~@#\\&!"); i >= 0 {
			t.Errorf("line %d: %q stands outside of code: %s", n+1, bare[i], line)
		}
		if strings.Contains(bare, "://") || strings.Contains(bare, "www.") {
			t.Errorf("line %d: a link outside of code: %s", n+1, line)
		}
	}
}

// outsideCode takes the code spans out of a line: a run of backticks ends at the next run of the same length (CommonMark 6.1).
func outsideCode(line string) (string, error) {
	var out strings.Builder
	for {
		start := strings.IndexByte(line, '`')
		if start < 0 {
			out.WriteString(line)
			return out.String(), nil
		}
		out.WriteString(line[:start])
		rest := strings.TrimLeft(line[start:], "`")
		n := len(line[start:]) - len(rest)
		end := 0
		for {
			i := strings.IndexByte(rest[end:], '`')
			if i < 0 {
				return "", fmt.Errorf("%d backticks are never closed", n)
			}
			end += i
			run := len(rest[end:]) - len(strings.TrimLeft(rest[end:], "`"))
			if end += run; run == n {
				break
			}
		}
		line = rest[end:]
	}
}

// checkRow holds that a row of a table has the same cells for both ways to read a backslash before a pipe: as one that escapes
// whatever follows it (cmark-gfm), and as one that only looks at the pipe (markdown-it).
func checkRow(t *testing.T, line string) {
	t.Helper()
	strict, loose := 0, 0
	escaped := false
	for i := range len(line) {
		if line[i] == '|' {
			if !escaped {
				strict++
			}
			if i == 0 || line[i-1] != '\\' {
				loose++
			}
		}
		escaped = line[i] == '\\' && !escaped
	}
	if strict != loose || strict < 2 {
		t.Errorf("%d or %d pipes: %s", strict, loose, line)
	}
}
