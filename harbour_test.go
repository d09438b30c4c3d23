package ndrscan_test

import (
	"slices"
	"strings"
	"testing"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/mailbox"
)

// harbourFloods are those of the second network (testdata/mbox/harbour/README.md): the verdicts that are right, with Sent.
var harbourFloods = []struct {
	name     string
	verdicts []classify.Judgement
}{
	{"mixed", []classify.Judgement{classify.Both}},
	{"misconfigured", []classify.Judgement{classify.MisconfiguredSender}},
	{"own-backscatter", []classify.Judgement{classify.OwnBackscatterFlood}},
	{"gateway", []classify.Judgement{classify.JoeJob}},
	{"fabricated", []classify.Judgement{classify.CompromiseSuspected, classify.Inconclusive, classify.OrdinaryBounces}},
	{"forwarder", []classify.Judgement{classify.OrdinaryBounces}},
	{"vendors", nil}, // a few of each kind: no verdict is wrong
	{"replay", []classify.Judgement{classify.JoeJob}},
	{"copied-ids", []classify.Judgement{classify.JoeJob}},
	{"infected-office", []classify.Judgement{classify.Inconclusive, classify.CompromiseSuspected}},
}

func TestSecondNetwork(t *testing.T) {
	for _, flood := range harbourFloods {
		t.Run(flood.name, func(t *testing.T) {
			base := "testdata/mbox/harbour/" + flood.name
			report, findings := scanHarbour(t, open(t, base+".mbox.gz"), open(t, base+".sent.mbox.gz"))
			rows := readTable(t, base+".expect.tsv")
			if report.Read != len(rows) || len(findings) != len(rows) || len(report.LeftOut) > 0 {
				t.Fatalf("read %d, %d findings, left out %v; the flood has %d messages", report.Read, len(findings), report.LeftOut, len(rows))
			}
			if flood.verdicts != nil && !slices.Contains(flood.verdicts, report.Verdict.Verdict) {
				t.Errorf("verdict %s, want one of %v", report.Verdict.Verdict, flood.verdicts)
			}
			for i, row := range rows {
				checkRow(t, row, findings[i])
			}
		})
	}
}

// unread is a message that the table has right and ndrscan has not: a challenge that opens with Exim's words.
const unread = "challenge|autoreply"

func checkRow(t *testing.T, row map[string]string, f classify.Finding) {
	t.Helper()
	where := "message " + row["n"] + " (" + row["server"] + ", " + row["cause"] + ")"
	if !slices.Contains(strings.Split(row["kind"], "|"), f.Kind) {
		if row["kind"] != unread {
			t.Errorf("%s: kind %s, want %s", where, f.Kind, row["kind"])
		}
		return
	}
	if f.Kind != "bounce" {
		return
	}
	if want := strings.Split(row["class"], "|"); row["class"] != "*" && !slices.Contains(want, string(f.Class)) {
		t.Errorf("%s: class %s, want %v: %v", where, f.Class, want, codes(f))
	}
	want := strings.Split(row["origin"], "|")
	if got := originOf(f); row["origin"] != "*" && !slices.Contains(want, got) && !(got == "" && slices.Contains(want, "-")) {
		t.Errorf("%s: origin %s, want %v", where, got, want)
	}
}

func scanHarbour(t *testing.T, source, sent mailbox.Source) (*classify.Report, []classify.Finding) {
	t.Helper()
	return scanAll(t, source, ndrscan.Options{
		Own:    []string{"mx1.harbour-lights.example", "203.0.113.8/29", "2001:db8:77::/64", "harbour-lights.example", "lanternpost.example"},
		OwnNet: []string{"203.0.113.130/32"}, Sent: []mailbox.Source{sent}, Resolver: zoneFile(t, "testdata/mbox/harbour/harbour.zone")})
}
