package ndrscan_test

import (
	"bytes"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/emersion/go-message"

	"ndrscan/classify"
	"ndrscan/internal/browsertest"
	"ndrscan/report"
	"ndrscan/weekly"
)

// weekOf is the report of the week of one of the lab's floods; the week before was quiet.
func weekOf(t *testing.T, flood int) (*weekly.Report, *classify.Report) {
	t.Helper()
	r, findings := scanLab(t, open(t, labFloods[flood].mbox()), open(t, labFloods[flood].sent()))
	span := weekly.Week(2026, 48)
	week, err := weekly.Build(weekly.Input{Tool: "ndrscan test", Span: span, Runs: []weekly.Run{{At: span.From.Add(-time.Hour), Report: r}, {At: span.To.Add(-time.Hour), Report: r}},
		Findings: func(part weekly.Span) iter.Seq2[weekly.Finding, error] {
			return func(yield func(weekly.Finding, error) bool) {
				for _, f := range findings {
					if part == span && !yield(weekly.Finding{Finding: f, Arrived: *f.Received}, nil) {
						return
					}
				}
			}
		}})
	if err != nil {
		t.Fatal(err)
	}
	return week, r
}

// What a week says of a flood is what the scan said.
func TestWeekAgreesWithScan(t *testing.T) {
	for i, flood := range labFloods {
		week, r := weekOf(t, i)
		if week.Verdict != r.Verdict.Verdict || week.Now.Read != r.Read || week.Now.Bounces != r.Kinds["bounce"] {
			t.Errorf("%s: %s, %d bounces in %d messages; the scan says %s, %d in %d", flood.name, week.Verdict, week.Now.Bounces, week.Now.Read,
				r.Verdict.Verdict, r.Kinds["bounce"], r.Read)
		}
		for class, n := range r.Classes {
			if week.Now.Classes[class] != n {
				t.Errorf("%s: %d %s, the scan says %d", flood.name, week.Now.Classes[class], class, n)
			}
		}
	}
}

// TestWeeklyInBrowser opens the weekly report of a flood, as a page and as the HTML part of its mail.
func TestWeeklyInBrowser(t *testing.T) {
	browser := browsertest.Start(t)
	week, _ := weekOf(t, 2)
	var page bytes.Buffer
	if err := report.WriteWeekly(&page, report.Page, week, report.Style{}); err != nil {
		t.Fatal(err)
	}
	raw, err := report.MailWeekly(week, report.WeeklyMail{From: "ndrscan@example.com", To: []string{"boss@example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string][]byte{"weekly": page.Bytes(), "weekly-mail": htmlPart(t, raw)} {
		file := filepath.Join(t.TempDir(), name+".html")
		if err := os.WriteFile(file, body, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, view := range []browsertest.View{{Width: 400}, {Width: 400, Dark: true}, {Width: 1280}, {Width: 1280, Dark: true}} {
			t.Run(fmt.Sprintf("%s-%d-%t", name, view.Width, view.Dark), func(t *testing.T) {
				shown := browser.Open(t, file, view)
				if name == "weekly" {
					checkStyled(t, shown)
				} else {
					checkQuiet(t, shown)
					checkAll(t, shown, map[string]string{
						"bars":             `[...document.querySelectorAll("td[title]")].filter(b => b.getBoundingClientRect().height >= 10 && b.getBoundingClientRect().width > 0).length >= 3`,
						"nothing to fetch": `document.querySelectorAll("img, script, link, style, svg").length === 0`,
					})
				}
				keepShot(t, fmt.Sprintf("%s-%d-%t.png", name, view.Width, view.Dark), shown.Screenshot)
			})
		}
	}
}

func htmlPart(t *testing.T, raw []byte) []byte {
	t.Helper()
	m, err := message.Read(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	for parts := m.MultipartReader(); ; {
		p, err := parts.NextPart()
		if err != nil {
			t.Fatalf("no HTML part: %v", err)
		}
		if kind, _, _ := p.Header.ContentType(); kind == "text/html" {
			body, err := io.ReadAll(p.Body)
			if err != nil {
				t.Fatal(err)
			}
			return body
		}
	}
}
