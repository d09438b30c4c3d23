package ndrscan_test

import (
	"encoding/json"
	"strings"
	"testing"

	"ndrscan/classify"
)

// TestRecount holds that the findings of a scan give its report again: what is saved is enough to judge a flood.
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

func checkRecount(t *testing.T, report *classify.Report, findings []classify.Finding) {
	t.Helper()
	flood := classify.NewFlood(classify.FloodOptions{})
	for _, f := range findings {
		var read classify.Finding
		if err := json.Unmarshal(asJSON(t, f), &read); err != nil {
			t.Fatal(err)
		}
		flood.Recount(&read)
	}
	want := strings.Split(string(asJSON(t, report)), "\n")
	got := strings.Split(string(asJSON(t, flood.Report(classify.ContextOf(report)))), "\n")
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("line %d of the report:\n%s\nwant\n%s", i, strings.Join(got[max(i-8, 0):min(i+8, len(got))], "\n"), strings.Join(want[max(i-8, 0):i+8], "\n"))
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
