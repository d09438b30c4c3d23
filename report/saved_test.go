package report

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ndrscan/classify"
)

// save writes a file and opens it again.
func save(t *testing.T, text string) (*Saved, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "saved")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := OpenSaved(path)
	if err == nil {
		t.Cleanup(func() { s.Close() })
	}
	return s, err
}

// saved gives the content of a saved text, or why it is refused.
func saved(t *testing.T, text string) (Content, error) {
	t.Helper()
	s, err := save(t, text)
	if err != nil {
		return Content{}, err
	}
	return s.Content(generated)
}

func write(t *testing.T, format Format, c Content) string {
	t.Helper()
	var b strings.Builder
	if err := Write(&b, format, c, Style{}); err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b.String()
}

// textFormats are those of a whole report that people and programs read as text.
func reportFormats() []Format {
	var list []Format
	for _, f := range Formats() {
		if !f.HoldsFindings() {
			list = append(list, f)
		}
	}
	return list
}

// A saved report shows as the run showed it, in every format.
func TestSavedReportShowsTheSame(t *testing.T) {
	for _, r := range []*classify.Report{joeJob(), compromise(), nothing(), hostileReport()} {
		run := Content{Report: r}
		c, err := saved(t, write(t, JSON, run))
		if err != nil {
			t.Fatal(err)
		}
		for _, format := range reportFormats() {
			if got, want := write(t, format, c), write(t, format, run); got != want {
				t.Errorf("%s differs:\n%s\nwant\n%s", format, got, want)
			}
		}
		if c.Findings != nil {
			t.Error("a report has no findings")
		}
	}
}

// So do findings: those that were read twice, first to count them.
func TestSavedFindings(t *testing.T) {
	run := Content{Findings: func() iter.Seq2[classify.Finding, error] { return seq(forged(), own(), undetermined()) }}
	text := write(t, JSONL, run)
	for name, open := range map[string]func() (*Saved, error){
		"file":   func() (*Saved, error) { return save(t, text) },
		"stream": func() (*Saved, error) { return ReadSaved(strings.NewReader(text)) },
	} {
		s, err := open()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		c, err := s.Content(generated)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, format := range []Format{JSONL, FindingsCSV} {
			if got, want := write(t, format, c), write(t, format, run); got != want {
				t.Errorf("%s, %s differs:\n%s\nwant\n%s", name, format, got, want)
			}
		}
		if c.Report.Read != 3 || c.Report.Classes[classify.Forged] != 1 || len(c.Report.Run.Limits) == 0 {
			t.Errorf("%s: recounted %+v", name, c.Report)
		}
		file := s.file.Name()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(file); name == "stream" && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("the private copy is still there: %v", err)
		}
	}
}

func bundle(t *testing.T, entries ...string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(entries); i += 2 {
		w, err := z.Create(entries[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, entries[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// A bundle gives the report of its run and its findings.
func TestSavedBundle(t *testing.T) {
	run := Content{Report: joeJob(), Findings: func() iter.Seq2[classify.Finding, error] { return seq(forged(), own()) }}
	text := bundle(t, "MANIFEST", "x", BundleReport, write(t, JSON, run), BundleFindings, write(t, JSONL, run), "../evil", "y")
	c, err := saved(t, text)
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range Formats() {
		if got, want := write(t, format, c), write(t, format, run); got != want {
			t.Errorf("%s differs:\n%s\nwant\n%s", format, got, want)
		}
	}
	c, err = saved(t, bundle(t, BundleReport, write(t, JSON, run)))
	if err != nil || c.Findings != nil {
		t.Errorf("a bundle without findings: %v", err)
	}
	if err := Write(io.Discard, JSONL, c, Style{}); !errors.Is(err, ErrNoFindings) {
		t.Errorf("jsonl of it: %v", err)
	}
}

func TestSavedRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"empty", "", "empty"},
		{"text", "hello", "not a report"},
		{"list", "[1]", "no object"},
		{"number", "17", "no object"},
		{"no schema", `{"a":1}`, "names no schema"},
		{"schema is no text", `{"schema":1}`, "no text"},
		{"cut", `{"schema":"ndrscan.report/1","read":`, "reading the report"},
		{"later report", `{"schema":"ndrscan.report/9"}`, "later ndrscan"},
		{"later finding", `{"schema":"ndrscan.finding/2"}`, "later ndrscan"},
		{"other", `{"schema":"\u001b[2J"}`, `\\x1b`},
		{"wrong type", `{"schema":"ndrscan.report/1","read":"x"}`, "reading the report"},
		{"broken line", `{"schema":"ndrscan.finding/1","id":"1"}` + "\n\n{broken\n", "line 3"},
		{"report among findings", `{"schema":"ndrscan.finding/1"}` + "\n" + `{"schema":"ndrscan.report/1"}`, "line 2"},
		{"endless line", `{"schema":"ndrscan.finding/1"}` + "\n" + `{"id":"` + strings.Repeat("x", maxLine), "line 2: bufio.Scanner: token too long"},
		{"many items", `{"schema":"ndrscan.finding/1","recipients":[` + strings.Repeat("{},", maxParts) + `{}]}`, "line 1 is no finding: it has more than 300000 parts"},
		{"too many objects", `{"schema":"ndrscan.report/1","origins":[` + strings.Repeat("{},", maxObjects) + `{}]}`, "objects"},
		{"broken zip", "PK\x03\x04 and no more", "not a bundle"},
		{"other zip", bundle(t, "a.txt", "b"), "no report.json"},
		{"twice", bundle(t, BundleReport, "{}", BundleReport, "{}"), "twice"},
		{"bomb", bundle(t, BundleReport, strings.Repeat(" ", 50<<20)), "refused"},
		{"bomb of findings", bundle(t, BundleReport, `{"schema":"ndrscan.report/1"}`, BundleFindings, strings.Repeat("\n", 50<<20)), "refused"},
		{"findings as report", bundle(t, BundleReport, `{"schema":"ndrscan.finding/1"}`), "ndrscan.finding/1"},
	} {
		if _, err := saved(t, tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
	}
	if _, err := OpenSaved(t.TempDir()); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a folder: %v", err)
	}
	if _, err := OpenSaved(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
}

// An unknown field is passed over, wherever it stands: later versions add some.
func TestSavedUnknownFields(t *testing.T) {
	c, err := saved(t, `{"new":{"schema":"x","{[":1},"schema":"ndrscan.report/1","origins":[{"ip":"192.0.2.1","color":"red"}],"read":7}`)
	if err != nil || c.Report.Read != 7 || c.Report.Origins[0].IP != "192.0.2.1" {
		t.Errorf("%+v, %v", c.Report, err)
	}
}

func FuzzSaved(f *testing.F) {
	for _, r := range []*classify.Report{compromise(), nothing()} {
		var b bytes.Buffer
		if err := WriteJSON(&b, r); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	var b bytes.Buffer
	if err := WriteJSONL(&b, seq(forged(), misconfigured())); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema":"ndrscan.report/1","timeline":[{"hour":"0001-01-01T00:00:00Z","classes":{"forged":-3}},{"hour":"9999-01-01T00:00:00Z"}],"verdict":{"share":1e300,"witnesses":{"cells":-1}}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := ReadSaved(bytes.NewReader(text))
		if err != nil {
			return
		}
		defer s.Close()
		c, err := s.Content(generated)
		if err != nil {
			return
		}
		for _, format := range Formats() {
			var b strings.Builder
			if err := Write(&b, format, c, Style{}); err != nil && !errors.Is(err, ErrNoFindings) {
				t.Fatalf("%s: %v", format, err)
			}
			if bad := unsafeIn(b.String()); bad != "" {
				t.Fatalf("%s holds %q", format, bad)
			}
		}
	})
}

// unsafeIn finds a character that no output may hold: controls other than line ends, and what the cleaner stops.
func unsafeIn(s string) string {
	for _, r := range s {
		if r != '\n' && r != '\r' && r != ' ' && !Printable(r) {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

// TestSavedShare holds that no format takes a share of a saved report for more than all.
func TestSavedShare(t *testing.T) {
	r := joeJob()
	share := 1e308
	r.Verdict.Share, r.Verdict.Interval = &share, []float64{-1e308, 1e308}
	again, err := saved(t, write(t, JSON, Content{Report: r}))
	if err != nil {
		t.Fatal(err)
	}
	for _, format := range append(reportFormats(), Page) {
		text := write(t, format, again)
		if strings.Contains(text, "Inf %") || format != JSON && strings.Contains(text, "00000 %") {
			t.Errorf("%s: %s", format, text)
		}
		if format == Table && !strings.Contains(text, "100 %") {
			t.Errorf("no share in the table: %s", text)
		}
	}
}
