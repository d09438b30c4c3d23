package ndrscan_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"

	"ndrscan/classify"
	"ndrscan/report"
)

// TestRecount holds that the findings of a scan give its report again, with every member and with only those that a report is
// counted from: what is saved is enough to judge a flood.
func TestRecount(t *testing.T) {
	for _, flood := range labFloods {
		for _, sent := range []bool{true, false} {
			t.Run(flood.name, func(t *testing.T) {
				report, findings := scanLab(t, open(t, flood.mbox()))
				if sent {
					report, findings = scanLab(t, open(t, flood.mbox()), open(t, flood.sent()))
				}
				checkRecount(t, report, findings)
			})
		}
	}
	for _, flood := range harbourFloods {
		base := "testdata/mbox/harbour/" + flood.name
		t.Run(flood.name, func(t *testing.T) {
			report, findings := scanHarbour(t, open(t, base+".mbox.gz"), open(t, base+".sent.mbox.gz"))
			checkRecount(t, report, findings)
		})
	}
}

func checkRecount(t *testing.T, want *classify.Report, findings []classify.Finding) {
	t.Helper()
	flood := classify.NewFlood(classify.FloodOptions{})
	for _, f := range findings {
		var read classify.Finding
		if err := json.Unmarshal(asJSON(t, f), &read); err != nil {
			t.Fatal(err)
		}
		flood.Recount(&read)
	}
	sameReport(t, "whole", flood.Report(classify.ContextOf(want)), want)
	sameReport(t, "skimmed", recounted(t, want, findings), want)
}

// recounted gives the report that a bundle's findings give again.
func recounted(t *testing.T, r *classify.Report, findings []classify.Finding) *classify.Report {
	t.Helper()
	var bundle bytes.Buffer
	z := zip.NewWriter(&bundle)
	for name, write := range map[string]func(io.Writer) error{
		report.BundleReport: func(w io.Writer) error { return report.WriteJSON(w, r) },
		report.BundleFindings: func(w io.Writer) error {
			return report.WriteJSONL(w, func(yield func(classify.Finding, error) bool) {
				for _, f := range findings {
					if !yield(f, nil) {
						return
					}
				}
			})
		},
	} {
		w, err := z.Create(name)
		if err == nil {
			err = write(w)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	saved, err := report.ReadSaved(&bundle)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	content, err := saved.Recounted()
	if err != nil {
		t.Fatal(err)
	}
	return content.Report
}

func sameReport(t *testing.T, name string, got, want *classify.Report) {
	t.Helper()
	is, should := strings.Split(string(asJSON(t, got)), "\n"), strings.Split(string(asJSON(t, want)), "\n")
	for i := range should {
		if i >= len(is) || is[i] != should[i] {
			t.Fatalf("%s: line %d of the report:\n%s\nwant\n%s", name, i, strings.Join(is[max(i-8, 0):min(i+8, len(is))], "\n"),
				strings.Join(should[max(i-8, 0):min(i+8, len(should))], "\n"))
		}
	}
}

func asJSON(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return text
}
