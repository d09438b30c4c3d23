package spf_test

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"strings"
	"testing"

	"ndrscan/resolve"
	"ndrscan/spf"
)

// lab holds floods made by real mail servers; the spf column of its truth was computed by another evaluator (pyspf).
const lab = "../../shared/corpus/lab/"

// TestLab checks each returned message against the lab's zone: by our own outgoing server where the mail came from us,
// else by the address its reporting site saw.
func TestLab(t *testing.T) {
	if _, err := os.Stat(lab); errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skip("the lab corpus is not at " + lab)
	}
	client, err := resolve.Open("zone:"+lab+"zone.db", resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checker := &spf.Checker{Resolver: client}
	checked := 0
	for _, flood := range []string{"A", "B", "C", "D", "E"} {
		for _, row := range readTable(t, lab+flood+"/truth.tsv") {
			ip, err := netip.ParseAddr(row["observable_source_ip"])
			switch row["origin"] {
			case "ordinary": // mail to us, no answer to a message
				continue
			case "compromise", "genuine":
				ip, err = netip.ParseAddr("192.0.2.2")
			}
			if err != nil {
				continue
			}
			out := checker.Check(context.Background(), spf.Request{IP: ip, Sender: strings.Trim(row["mail_from"], "-<>"), HELO: row["helo"]})
			if checked++; string(out.Result) != row["spf"] {
				t.Errorf("%s: got %s, want %s: %+v", row["file"], out.Result, row["spf"], out)
			}
		}
	}
	t.Logf("%d messages checked", checked)
	if checked < 500 {
		t.Errorf("only %d messages checked", checked)
	}
}

// readTable reads a tab separated table with a header line.
func readTable(t *testing.T, file string) (rows []map[string]string) {
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var header []string
	for line := range strings.Lines(string(data)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if header == nil {
			header = fields
			continue
		}
		row := make(map[string]string)
		for i, f := range fields {
			row[header[i]] = f
		}
		rows = append(rows, row)
	}
	return rows
}
