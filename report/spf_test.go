package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"ndrscan/spf"
)

// The carets stand under the term, whatever stands around it and however long it is.
func TestCaret(t *testing.T) {
	long := strings.Repeat(" ip4:198.18.0.1", 30)
	for _, tc := range []struct{ before, term, behind string }{
		{"v=spf1 mx ", "include:", " spf.example.net -all"},
		{"", "v=spf1mx", " -all"},
		{"v=spf1" + long + " ", "ptr", " -all"},
		{"v=spf1 ", "ptr", long},
		{"v=spf1" + long + " ", "ptr", long},
		{"v=spf1 ", "a:" + strings.Repeat("x", 120), " -all"},
		{"v=spf1 \x1b[2J ", "–all\u00a0", " \x07"},
		{"v=spf1 ", "日本語.example", " -all"},
		{"v=spf1 ", "?all", ""},
	} {
		r := &spf.Report{Domain: "example.com", Record: tc.before + tc.term + tc.behind, Issues: []spf.Issue{{
			ID: "S01", Severity: spf.SeverityError, Domain: "example.com", Term: tc.term, Offset: len(tc.before), Problem: "p", Effect: "e", Fix: "f",
			Record: tc.before + tc.term + tc.behind,
		}}}
		var out strings.Builder
		if err := WriteSPFLint(&out, r, Style{}); err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(out.String(), "\n")
		for i, line := range lines {
			if !strings.Contains(line, "^") {
				continue
			}
			start := strings.IndexByte(line, '^')
			want := strings.TrimSuffix(cut(Clean(tc.term), 60), more)
			if got := columns(lines[i-1], start, len(line)-start); !strings.HasPrefix(got, want) || len(got) > len(Clean(tc.term)) {
				t.Errorf("%q stands over the carets, want %q:\n%s\n%s", got, want, lines[i-1], line)
			}
		}
		if n := strings.Count(out.String(), "^"); n == 0 {
			t.Errorf("no caret under %q", tc.term)
		}
		for _, line := range lines {
			name := len(strings.Fields(line)) == 1 && !strings.Contains(line, "^") && len(line) < maxName // never cut
			if twwidth.Width(line) > MinWidth && !name || strings.ContainsAny(line, "\x1b\x07") {
				t.Errorf("%d columns: %q", twwidth.Width(line), line)
			}
		}
	}
}

// columns cuts a line by columns of a terminal.
func columns(line string, start, n int) string {
	var out strings.Builder
	at := 0
	for _, r := range line {
		if at >= start && at < start+n {
			out.WriteRune(r)
		}
		at += twwidth.Width(string(r))
	}
	return out.String()
}

func TestCheckupOrder(t *testing.T) {
	c := &Checkup{Domain: "example.com", Checks: []Check{{State: Fine, Topic: "a"}, {State: Unknown, Topic: "b"}, {State: Problem, Topic: "c"}, {State: Warning, Topic: "d"}, {State: Problem, Topic: "e"}}}
	c.Sort()
	got := ""
	for _, check := range c.Checks {
		got += check.Topic
	}
	if got != "cedba" {
		t.Errorf("order %s", got)
	}
	var out strings.Builder
	if err := WriteCheckup(&out, c, Style{}); err != nil || !strings.HasPrefix(out.String(), "example.com: 2 problems, 1 warning, 1 ok, 1 unknown\n") {
		t.Errorf("%v\n%s", err, out.String())
	}
}

// A deep tree keeps room for its text, and names that no DNS could hold are cut.
func TestTreeDepth(t *testing.T) {
	long := strings.Repeat("x", 3000) + ".example"
	x := &spf.Explanation{Domain: long, Record: "v=spf1 include:" + long, Problem: long + " is broken", Terms: []spf.ExplainedTerm{
		{Term: "include:" + long, Text: "what " + long + " says", Problem: long}, {Term: "a:" + long, Ignored: long}}}
	for i := 1; i < 20; i++ {
		x = &spf.Explanation{Domain: fmt.Sprintf("d%d.example", i), Record: "v=spf1 include:x -all", Terms: []spf.ExplainedTerm{
			{Term: "include:x", Text: strings.Repeat("words and ", 20), Below: x}}}
	}
	var out strings.Builder
	if err := WriteSPFTree(&out, x, "", Style{}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if twwidth.Width(strings.TrimRight(line, "\n")) > MinWidth {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}
