package trace_test

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"ndrscan/dsn"
	"ndrscan/resolve"
	"ndrscan/trace"
)

// shared gives a folder of the shared corpora, which are read where they stand.
func shared(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "corpus", name)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("the corpus is missing: %v", err)
		}
		t.Skipf("no shared corpus here: %v", err)
	}
	return dir
}

// truthRows reads a truth.tsv: one map of column to value a line.
func truthRows(t testing.TB, file string) []map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	columns := strings.Split(lines[0], "\t")
	var rows []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, value := range strings.Split(line, "\t") {
			row[columns[i]] = value
		}
		rows = append(rows, row)
	}
	return rows
}

// labTracer knows what the lab's README calls ours.
func labTracer(t testing.TB, dir string) *trace.Tracer {
	t.Helper()
	client, err := resolve.Open("zone:"+filepath.Join(dir, "zone.db"), resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := trace.NewOwn([]string{"example.com", "example.org"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Resolve(context.Background(), client); err != nil {
		t.Fatal(err)
	}
	return &trace.Tracer{Own: own, Resolver: client}
}

func traceFile(t testing.TB, tr *trace.Tracer, file string) (trace.Reporter, trace.Origin, *dsn.Bounce) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b := dsn.Parse(raw)
	r := tr.Reporter(context.Background(), b.Header)
	return r, tr.Origin(context.Background(), inputOf(b, r)), b
}

func inputOf(b *dsn.Bounce, r trace.Reporter) trace.Input {
	in := trace.Input{Original: b.Original.Header, Reporter: r, ReportingMTA: b.ReportingMTA,
		ReceivedFromMTA: b.ReceivedFromMTA, Software: b.Software}
	for _, recipient := range b.Recipients {
		if at := strings.LastIndexByte(recipient.Address, '@'); at >= 0 {
			in.RecipientDomains = append(in.RecipientDomains, recipient.Address[at+1:])
		}
	}
	return in
}

// rightOrigins are the addresses that METHOD accepts for a row: what can be proved, and in a loop the partner's.
func rightOrigins(row map[string]string) []netip.Addr {
	var right []netip.Addr
	if ip, err := netip.ParseAddr(row["observable_source_ip"]); err == nil {
		right = append(right, ip)
	}
	if row["cause"] == "loop" {
		for _, partner := range []string{"198.51.100.101", "2001:db8:100:101::25", "198.51.100.102", "2001:db8:100:102::25"} {
			right = append(right, netip.MustParseAddr(partner))
		}
	}
	return right
}

// TestLab holds the walk against bounces that real mail servers made: the address that can be proved must be found in
// 99 of 100 bounces with Received lines, for each server and each flood, and the reporter in all.
func TestLab(t *testing.T) {
	dir := shared(t, "lab")
	tr := labTracer(t, dir)
	type tally struct{ right, all int }
	cells := map[string]tally{}
	var total tally
	for _, flood := range []string{"A", "B", "C", "D", "E"} {
		for _, row := range truthRows(t, filepath.Join(dir, flood, "truth.tsv")) {
			reporter, origin, b := traceFile(t, tr, filepath.Join(dir, flood, row["file"]))
			if want := row["reporter_ip"]; want != "-" && reporter.IP.String() != want || reporter.Unstamped {
				t.Errorf("%s: reporter %v unstamped %v, want %s", row["file"], reporter.IP, reporter.Unstamped, want)
			}
			if !b.Original.Header.Has("Received") {
				continue
			}
			checkOwner(t, row, origin)
			if row["true_source_ip"] == "-" {
				continue
			}
			got := origin.IP
			if origin.ClientIP.IsValid() {
				got = origin.ClientIP
			}
			key := flood + "\t" + firstWord(row["bounce_mta"])
			c := cells[key]
			c.all, total.all = c.all+1, total.all+1
			if slices.Contains(rightOrigins(row), got) {
				c.right, total.right = c.right+1, total.right+1
			} else {
				t.Logf("%s %s: origin %v (ip %v, via %s), want %s; steps %v", row["file"], row["bounce_mta"], got, origin.IP,
					origin.Via, row["observable_source_ip"], origin.Steps)
			}
			cells[key] = c
		}
	}
	var table strings.Builder
	out := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	for _, key := range sortedKeys(cells) {
		fmt.Fprintf(out, "%s\t%d/%d\n", key, cells[key].right, cells[key].all)
	}
	out.Flush()
	t.Logf("origins right: %d of %d\n%s", total.right, total.all, table.String())
	if total.all == 0 || total.right*100 < total.all*99 {
		t.Errorf("origins right: %d of %d, want 99 of 100", total.right, total.all)
	}
}

// throughUs are the truth's origins that really went out through our servers; the rest did not.
var throughUs = map[string]trace.Entry{"compromise": trace.EntryAccount, "genuine": trace.EntryAccount, "webform": trace.EntryScript}

// checkOwner holds who is blamed: us only for what went through us, and then by the right door and login.
func checkOwner(t *testing.T, row map[string]string, o trace.Origin) {
	t.Helper()
	entry, ours := throughUs[row["origin"]]
	if o.Own != ours || o.Entry != entry || o.Unstamped || o.DNSFailed {
		t.Errorf("%s (%s): own %v, entry %q, unstamped %v, DNS failed %v", row["file"], row["origin"], o.Own, o.Entry, o.Unstamped, o.DNSFailed)
	}
	if o.AuthUser != "" && o.AuthUser != row["auth_user"] {
		t.Errorf("%s: login %q, want %q", row["file"], o.AuthUser, row["auth_user"])
	}
	if strings.HasPrefix(row["technique"], "frame-") && !o.Framing {
		t.Errorf("%s: %s is not marked", row["file"], row["technique"])
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func firstWord(s string) string { word, _, _ := strings.Cut(s, " "); return word }
