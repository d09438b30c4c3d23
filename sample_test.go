package ndrscan_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"ndrscan"
	"ndrscan/classify"
)

// sampleAfter is how many wrong signatures are verified in one place.
const sampleAfter = 500

// claimant gives bounces by one site for mail from one network with a signature in our name that is wrong; good says which of
// them have one that fits.
func claimant(t *testing.T, n int, from func(n int) string, good ...int) []string {
	t.Helper()
	letter := sign(t, spam(0))
	return flood(n, func(n int) bounce {
		b := site(n, 1)
		ip := from(n)
		orig := strings.Replace(letter, "Cheap pills", fmt.Sprintf("Cheap pills %d", n), 1)
		for _, g := range good {
			if n == g {
				orig = letter
			}
		}
		b.orig = taken(b, "pc", "unknown", ip) + orig
		return b
	})
}

func unchecked(f classify.Finding) bool {
	for _, s := range f.DKIM {
		if s.Result == "unchecked" {
			return true
		}
	}
	return false
}

func countUnchecked(list []classify.Finding) (n int) {
	for _, f := range list {
		if unchecked(f) {
			n++
		}
	}
	return n
}

// An adversary hides a signature that fits behind ten thousand that don't. It is not found, and it is not called a forgery.
func TestGoodSignatureHidden(t *testing.T) {
	const n, hidden = 10_000, 7_000
	report, findings := attack{mails: claimant(t, n, bot, hidden)}.scan(t)
	for i, f := range findings {
		switch {
		case i < sampleAfter && (f.Class != classify.Forged || unchecked(f)):
			t.Fatalf("message %d: %s, %+v", i, f.Class, f.DKIM)
		case i >= sampleAfter && (f.Class != classify.Undetermined || !unchecked(f) || f.Settle == ""):
			t.Fatalf("message %d: %s, settle %q, %+v", i, f.Class, f.Settle, f.DKIM)
		}
	}
	if len(findings) != n {
		t.Errorf("%d findings", len(findings))
	}
	want := fmt.Sprintf("%d DKIM signatures in your name were not verified", n-sampleAfter)
	if limits := strings.Join(report.Run.Limits, "\n"); !strings.Contains(limits, want) {
		t.Errorf("limits %q", limits)
	}
}

// Where one fits, all are verified; and nothing else is left out than what is alike.
func TestSignaturesVerified(t *testing.T) {
	const n = sampleAfter + 200
	elsewhere := func(n int) string {
		if n == sampleAfter+50 {
			return "203.0.114.9"
		}
		return bot(n)
	}
	tests := []struct {
		name      string
		mails     []string
		unchecked int
		good      int // message with a signature that fits, -1: none
	}{
		{"one fits in time", claimant(t, n, bot, sampleAfter-1), 0, sampleAfter - 1},
		{"one fits from another network", claimant(t, n, elsewhere, sampleAfter+50), n - sampleAfter - 1, sampleAfter + 50},
		{"no more than are verified", claimant(t, sampleAfter, bot), 0, -1},
		{"under our own border", flood(n, func(n int) bounce {
			b := site(n, 1)
			b.orig = fromOurs(b, "bob", thief) + strings.Replace(sign(t, spam(0)), "Cheap", fmt.Sprintf("Cheap %d", n), 1)
			return b
		}), 0, -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, findings := attack{mails: tt.mails}.scan(t)
			if got := countUnchecked(findings); got != tt.unchecked || (got > 0) != (len(report.Run.Limits) > 0) {
				t.Errorf("%d unchecked, want %d; limits %q", got, tt.unchecked, report.Run.Limits)
			}
			if tt.good >= 0 && (findings[tt.good].DKIM[0].Result != "pass" || findings[tt.good].Class == classify.Forged) {
				t.Errorf("%s, %+v", findings[tt.good].Class, findings[tt.good].DKIM)
			}
		})
	}
}

// What follows from a signature that a worker verified too much is laid aside with it: that it names the very recipient, that
// it is our tenant's at Google.
func TestSamplingLaysAsideWhatFollows(t *testing.T) {
	tenant := "ours-example.20230601.gappssmtp.com"
	written := func(n int, message string) string {
		return strings.Replace(message, "someone@s1.example", fmt.Sprintf("rcpt%d@s1.example", n), 1)
	}
	late := sampleAfter + 20
	tests := []struct {
		name string
		one  func(n int) bounce
	}{
		{"written to the recipient", func(n int) bounce {
			b := site(n, 1)
			letter := strings.Replace(sign(t, written(late, spam(late))), "Cheap pills", fmt.Sprintf("Cheap pills %d", n), 1)
			if n == late {
				letter = sign(t, written(late, spam(late)))
			}
			b.orig = taken(b, "pc", "unknown", bot(n)) + letter
			return b
		}},
		{"of our tenant", func(n int) bounce {
			b := site(n, 1)
			letter := signAs(t, tenant, spam(n))
			if n != late {
				letter = strings.Replace(letter, "Cheap pills", "Dear pills", 1)
			}
			b.orig = taken(b, "mail-y.google.com", "mail-y.google.com", "198.18.201.5") + letter
			return b
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			mails := flood(sampleAfter+40, tt.one)
			var first string
			for _, jobs := range []int{1, 64} {
				_, findings := attack{mails: mails, noSent: true, opts: ndrscan.Options{Jobs: jobs}}.scan(t)
				f := findings[late]
				got := fmt.Sprint(f.Class, f.Origin.Own, f.Reasons, f.DKIM)
				if first == "" {
					first = got
				}
				if got != first {
					t.Errorf("%d jobs:\n%s\nnot\n%s", jobs, got, first)
				}
			}
		})
	}
}

// However many workers there are, the same ones are left out.
func TestSamplingRepeats(t *testing.T) {
	mails := claimant(t, sampleAfter+300, bot, sampleAfter+20)
	var first string
	for _, jobs := range []int{1, 3, 32} {
		report, findings := attack{mails: mails, opts: ndrscan.Options{Jobs: jobs}}.scan(t)
		for i := range findings {
			findings[i].Source = "" // a file of its own each time
		}
		report.Sources = nil
		got, err := json.Marshal([]any{findings, report.Classes, report.Run.Limits, report.Verdict})
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(got)
		}
		if string(got) != first {
			at := 0
			for at < min(len(got), len(first)) && got[at] == first[at] {
				at++
			}
			t.Errorf("%d jobs give another report: ...%.300s, not ...%.300s", jobs, got[max(at-200, 0):], first[max(at-200, 0):])
		}
	}
}
