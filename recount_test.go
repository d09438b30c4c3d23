package ndrscan_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
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

// A report of as many recipients as are kept of one, each of whose fields is as long as it may be and full of what JSON escapes,
// makes a finding that can be read back.
func TestManyRecipients(t *testing.T) {
	var mail strings.Builder
	mail.WriteString("From MAILER-DAEMON Mon Nov 23 10:00:00 2026\nReceived: from mx.remote.example (mx.remote.example [203.0.113.7])\n" +
		"\tby mx.example.com (Postfix) with ESMTPS id Q1 for <u@example.com>; Mon, 23 Nov 2026 10:00:00 +0000\n" +
		"From: MAILER-DAEMON@remote.example\nTo: u@example.com\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nfailed\n" +
		"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.remote.example\n\n")
	for i := range 20_000 {
		fmt.Fprintf(&mail, "Final-Recipient: rfc822; \"%d%s\"@remote.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 %s\n\n",
			i, strings.Repeat("\\\"", 120), strings.Repeat("\x01\xff", 500))
	}
	mail.WriteString("--b\nContent-Type: text/rfc822-headers\n\nFrom: u@example.com\nSubject: hi\n\n--b--\n")
	path := filepath.Join(t.TempDir(), "many.mbox")
	if err := os.WriteFile(path, []byte(mail.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r, findings := scanLab(t, open(t, path))
	if n := len(findings[0].Recipients); n < 1000 || findings[0].Recipients[0].Diagnostic == "" {
		t.Errorf("%d recipients", n)
	}
	if again := recounted(t, r, findings); again.Read != 1 || again.Verdict.Verdict != r.Verdict.Verdict {
		t.Errorf("read back: %d messages, %s", again.Read, again.Verdict.Verdict)
	}
}
