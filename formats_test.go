package ndrscan_test

import (
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ndrscan/classify"
	"ndrscan/report"
)

// TestFormats holds what the lab's five floods look like in every format, as people and programs get it. The goldens are to be
// read: go test -run TestFormats -update, then the diff.
func TestFormats(t *testing.T) {
	for _, flood := range labFloods {
		t.Run(flood.name, func(t *testing.T) {
			r, findings := scanLab(t, open(t, flood.mbox()), open(t, flood.sent()))
			c := report.Content{Report: r, Findings: func() iter.Seq2[classify.Finding, error] { return each(oneOfEach(findings)) }}
			for _, g := range []struct {
				ending string
				format report.Format
				style  report.Style
			}{
				{".txt", report.Table, report.Style{}},
				{".140.txt", report.Table, report.Style{Width: 140, Verbose: true}},
				{".md", report.Markdown, report.Style{}},
				{".csv", report.CSV, report.Style{}},
				{".findings.csv", report.FindingsCSV, report.Style{}},
				{".html", report.Page, report.Style{}},
				{".json", report.JSON, report.Style{}},
				{".jsonl", report.JSONL, report.Style{}},
			} {
				var b strings.Builder
				if err := report.Write(&b, g.format, c, g.style); err != nil {
					t.Fatal(err)
				}
				golden(t, filepath.Join("testdata/formats", flood.name+g.ending), withoutStyle(b.String()))
			}
			checkSaved(t, c)
		})
	}
}

// oneOfEach is what the goldens show of a format that has a line for every message: the first of each sort, in the order of
// reading. Two are of one sort if they were judged alike: by kind, class, the way to the origin, how the mail entered, SPF's
// answer, and how much came back.
func oneOfEach(findings []classify.Finding) []classify.Finding {
	seen := map[string]bool{}
	return slices.DeleteFunc(slices.Clone(findings), func(f classify.Finding) bool {
		sort := []string{f.Kind, string(f.Class)}
		if o := f.Origin; o != nil {
			sort = append(sort, o.Via, o.Trust, o.Entry, fmt.Sprint(o.Framing, o.AuthUser != ""))
		}
		if f.SPF != nil {
			sort = append(sort, f.SPF.Result)
		}
		if f.Original != nil {
			sort = append(sort, f.Original.Returned)
		}
		key := strings.Join(sort, " ")
		defer func() { seen[key] = true }()
		return seen[key]
	})
}

// withoutStyle is a page without its style sheet and the hash of it: report/html/page.css is to be read where it stands.
func withoutStyle(text string) string {
	if _, body, ok := strings.Cut(text, "</style>"); ok {
		return body
	}
	return text
}

// checkSaved holds that a report that was saved shows, in every format, the very bytes that the run wrote.
func checkSaved(t *testing.T, c report.Content) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "report.json")
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := report.Write(f, report.JSON, c, report.Style{}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	saved, err := report.OpenSaved(file)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	again, err := saved.Content(c.Report.Generated)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range report.Formats() {
		if format.HoldsFindings() {
			continue
		}
		for _, style := range []report.Style{{}, {Width: 140, Color: true, Verbose: true}} {
			var was, is strings.Builder
			if err := report.Write(&was, format, c, style); err != nil {
				t.Fatal(err)
			}
			if err := report.Write(&is, format, again, style); err != nil {
				t.Fatal(err)
			}
			if was.String() != is.String() {
				t.Errorf("%s of the saved report differs: %s", format, firstDifference(was.String(), is.String()))
			}
		}
	}
	if err := report.Write(io.Discard, report.JSONL, again, report.Style{}); err == nil {
		t.Error("a report has no findings, and yet they were written")
	}
}

func each(list []classify.Finding) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		for _, f := range list {
			if !yield(f, nil) {
				return
			}
		}
	}
}

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *updateDocs {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (run with -update)", err)
	}
	if got != string(want) {
		t.Errorf("%s: %s\nrun go test -run TestFormats -update . and read the diff", path, firstDifference(string(want), got))
	}
}
