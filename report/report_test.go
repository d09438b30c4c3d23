package report

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"ndrscan/classify"
)

var update = flag.Bool("update", false, "rewrite the goldens; read the diff")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", name, got)
	}
}

func terminal(t *testing.T, r *classify.Report, s Style) string {
	t.Helper()
	var b strings.Builder
	if err := Terminal(&b, r, s); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTerminalGolden(t *testing.T) {
	for _, tc := range []struct {
		name string
		r    *classify.Report
		s    Style
	}{
		{"joe-job.txt", joeJob(), Style{}},
		{"joe-job-120.txt", joeJob(), Style{Width: 120}},
		{"joe-job-color.txt", joeJob(), Style{Color: true}},
		{"joe-job-verbose.txt", joeJob(), Style{Verbose: true}},
		{"compromise.txt", compromise(), Style{}},
		{"none.txt", nothing(), Style{}},
	} {
		t.Run(tc.name, func(t *testing.T) { golden(t, tc.name, terminal(t, tc.r, tc.s)) })
	}
}

func TestExplainGolden(t *testing.T) {
	for name, f := range map[string]classify.Finding{"explain-forged.txt": forged(), "explain-undetermined.txt": undetermined(),
		"explain-own.txt": own(), "explain-misconfigured.txt": misconfigured(), "explain-other.txt": {Source: "in", ID: "9", Kind: "other"}} {
		t.Run(name, func(t *testing.T) {
			var b strings.Builder
			if err := Explain(&b, f, Style{}); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.String())
		})
	}
}

// The verdict is the first line, unless nothing was named as ours: then the assumption and the rerun line come first.
func TestVerdictComesFirst(t *testing.T) {
	r := joeJob()
	if first, _, _ := strings.Cut(terminal(t, r, Style{}), "\n"); !strings.HasPrefix(first, "JOE-JOB: forged return addresses; your systems are not the source.") {
		t.Errorf("first line: %q", first)
	}
	r.Run.Rerun = "ndrscan scan --own mx.example.com flood.mbox"
	got := terminal(t, r, Style{})
	rerun, verdict := strings.Index(got, r.Run.Rerun), strings.Index(got, "JOE-JOB")
	if !strings.HasPrefix(got, "Assumed ours: ") || rerun < 0 || verdict < rerun {
		t.Errorf("got:\n%s", got[:400])
	}
}

// A mailbox with nothing but copies for the postmaster is no all-clear: the flood lies elsewhere.
func TestPostmasterCopiesAreNoAllClear(t *testing.T) {
	r := nothing()
	r.Run.Assumed, r.Run.Rerun = nil, ""
	r.Kinds = map[string]int{"postmaster-copy": 12, "other": 800}
	r.Verdict.Sentence = "no bounces, but 12 copies that a server of yours sends its postmaster: read the mailbox the bounces themselves went to"
	for _, format := range []Format{Table, Markdown} {
		got := write(t, format, Content{Report: r})
		if strings.Contains(got, "NO BOUNCES") || !strings.Contains(got, "POSTMASTER COPIES ONLY") || !strings.Contains(got, "12 copies") || !strings.Contains(got, "looked in") {
			t.Errorf("%s:\n%s", format, got)
		}
	}
}

// A sentence that brings its own label does not get it twice.
func TestVerdictLabelOnce(t *testing.T) {
	r := joeJob()
	r.Verdict.Sentence = "Joe-Job: forged."
	if got := terminal(t, r, Style{}); !strings.HasPrefix(got, "JOE-JOB: forged.\n") {
		t.Errorf("got %q", got[:40])
	}
}

// What must be copied stands whole, and everything else keeps to the width.
func TestTerminalWidth(t *testing.T) {
	for _, r := range []*classify.Report{joeJob(), compromise(), nothing()} {
		whole := []string{r.Run.Rerun}
		for _, o := range r.Origins[:min(len(r.Origins), maxRows)] {
			whole = append(whole, o.IP, o.Evidence[0])
		}
		for _, a := range r.Actions {
			whole = append(whole, a.Command)
		}
		for _, a := range r.Accounts {
			whole = append(whole, a.Evidence[0])
			whole = append(whole, a.ClientIPs...)
		}
		for _, width := range []int{80, 100, 120, 200} {
			got := terminal(t, r, Style{Width: width})
			for _, w := range whole {
				if !strings.Contains(got, w) {
					t.Errorf("width %d: %q is not whole", width, w)
				}
			}
			for line := range strings.Lines(got) {
				line = strings.TrimRight(line, "\n")
				copied := slices.ContainsFunc(whole, func(w string) bool { return w != "" && strings.Contains(line, w) })
				if n := twwidth.Width(line); n > width && !copied {
					t.Errorf("width %d: %d columns: %s", width, n, line)
				}
			}
		}
	}
}

// Colours are added to the same text, and only our own ones.
func TestColorChangesNoText(t *testing.T) {
	r := joeJob()
	plain, colored := terminal(t, r, Style{}), terminal(t, r, Style{Color: true})
	stripped := colored
	for _, tn := range []tone{quiet, strong, alarm, warn, fine} {
		stripped = strings.ReplaceAll(stripped, "\x1b["+string(tn)+"m", "")
	}
	if stripped = strings.ReplaceAll(stripped, "\x1b[0m", ""); stripped != plain {
		t.Errorf("without colours:\n%s", stripped)
	}
	if strings.Contains(plain, "\x1b") {
		t.Error("escape in plain text")
	}
}

func TestRowsAreBounded(t *testing.T) {
	r := joeJob()
	if got := terminal(t, r, Style{}); !strings.Contains(got, "and 2 more") || strings.Contains(got, "203.0.113.21") {
		t.Error("12 origins: want 10 rows and \"and 2 more\"")
	}
	if got := terminal(t, r, Style{Verbose: true}); !strings.Contains(got, "203.0.113.21") {
		t.Error("-v does not show all")
	}
}

func TestLeftOutIsBounded(t *testing.T) {
	r := compromise()
	for i := range 30 {
		r.LeftOut = append(r.LeftOut, classify.LeftOut{Source: "Maildir", ID: fmt.Sprint("cur/", i), Why: "vanished"})
	}
	if got := terminal(t, r, Style{}); strings.Count(got, "Left out: ") != maxRows+1 || !strings.Contains(got, "Left out: 22 more") {
		t.Errorf("got:\n%s", got)
	}
	if got := terminal(t, r, Style{Verbose: true}); strings.Count(got, "Left out: ") != 32 {
		t.Error("-v does not show all")
	}
}

// errWriter fails after n bytes.
type errWriter struct{ n int }

var errFull = errors.New("disk full")

func (w *errWriter) Write(p []byte) (int, error) {
	if w.n -= len(p); w.n < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestWriteErrors(t *testing.T) {
	for name, write := range map[string]func() error{
		"terminal": func() error { return Terminal(&errWriter{}, joeJob(), Style{}) },
		"json":     func() error { return WriteJSON(&errWriter{}, joeJob()) },
		"jsonl":    func() error { return WriteJSONL(&errWriter{}, seq(forged())) },
		"explain":  func() error { return Explain(&errWriter{}, forged(), Style{}) },
	} {
		if err := write(); !errors.Is(err, errFull) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestFormats(t *testing.T) {
	for _, tc := range []struct {
		path, err string
		want      Format
	}{
		{"out.json", "", JSON},
		{"OUT.JSONL", "", JSONL},
		{"a.csv", "", CSV},
		{"origins.CSV", "", CSV},
		{"findings.csv", "", FindingsCSV},
		{"week/a.findings.csv", "", FindingsCSV},
		{"findings.csv/a.csv", "", CSV},
		{"a.md", "", Markdown},
		{"a.html", "", Page},
		{"report", "end of the name decides", ""},
	} {
		got, err := FormatOf(tc.path)
		if got != tc.want || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("FormatOf(%q) = %q, %v", tc.path, got, err)
		}
	}
	for name, want := range map[string]string{"html": "-o report.html", "xml": "unknown", "": "unknown"} {
		if _, err := ParseFormat(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseFormat(%q): %v", name, err)
		}
	}
	for _, f := range Formats() {
		if got, err := ParseFormat(string(f)); got != f || err != nil {
			t.Errorf("ParseFormat(%q) = %q, %v", f, got, err)
		}
	}
}

func seq(list ...classify.Finding) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		for _, f := range list {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func TestJSONGolden(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, compromise()); err != nil {
		t.Fatal(err)
	}
	golden(t, "compromise.json", b.String())
	b.Reset()
	if err := WriteJSONL(&b, seq(forged(), undetermined(), own())); err != nil {
		t.Fatal(err)
	}
	golden(t, "findings.jsonl", b.String())
}

// The contract writes lists that are empty as [], and the interval that is unknown as null.
func TestJSONEmpty(t *testing.T) {
	var b bytes.Buffer
	if err := WriteJSON(&b, &classify.Report{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"origins": []`, `"kinds": {}`, `"interval": null`, `"share": null`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
}
