package spf_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"ndrscan/internal/dnstest"
	"ndrscan/resolve"
	"ndrscan/spf"
)

func TestSurveyAndExplain(t *testing.T) {
	dns := lintZone(t, `R:v=spf1 mx a:shop.example.com/28 include:spf.example.net exists:%{i}._spf.%{d} ptr ~all ip4:198.18.99.1
shop A 198.18.0.80
shop AAAA 2001:2::80`)
	tree := spf.NewSurvey(context.Background(), dns, "example.com")
	if tree.Lookups != 5 || tree.Voids != 0 || tree.Cut != "" {
		t.Errorf("look-ups %d, void %d, cut %q", tree.Lookups, tree.Voids, tree.Cut)
	}
	x := tree.Explain()
	if x.Passes != "273 IPv4 addresses and 1 IPv6 network" { // mail, shop's /28, the /24 of the include; shop's IPv6 address
		t.Errorf("passes: %s", x.Passes)
	}
	for term, want := range map[string]string{
		"mx":                       "The hosts that take mail for example.com may send. Now: mail.example.com (198.18.0.25).",
		"a:shop.example.com/28":    "and all in the same /28, may send",
		"include:spf.example.net":  "Clients that pass the policy of spf.example.net may send",
		"exists:%{i}._spf.%{d}":    "If the name %{i}._spf.%{d} has an address",
		"ptr":                      "Clients whose reverse name lies below example.com",
		"~all":                     "Everybody else probably may not send",
		"ip4:198.18.99.1":          "198.18.99.1 may send.",
		"include:spf.example.net!": "example.net runs it: all who send through it share the pass, 256 IPv4 addresses",
		"ip4:198.18.99.1!":         "it stands behind ~all",
		"a:shop.example.com/28!!":  "the client's reverse name plays no part",
	} {
		name := strings.TrimRight(term, "!")
		found := false
		for _, e := range x.Terms {
			found = found || e.Term == name && strings.Contains(e.Text+"\n"+e.Shared+"\n"+e.Ignored, want)
		}
		if !found {
			t.Errorf("%s: not %q in %+v", term, want, x.Terms)
		}
	}
	inner := x.Terms[2].Below
	if inner == nil || !strings.Contains(inner.Terms[1].Text, "the record above goes on") {
		t.Errorf("the all of an include is explained as if it were final: %+v", inner)
	}
}

func TestExplainSteps(t *testing.T) {
	dns := lintZone(t, `R:v=spf1 mx include:spf.example.net redirect=other.example.net
other.example.net. TXT "v=spf1 ip4:198.18.5.5 -all"`)
	c := &spf.Checker{Resolver: dns}
	for ip, want := range map[string][]string{
		"198.18.0.25":  {"It matches: this decides"},
		"198.18.100.1": {"It doesn't match", "a pass, so the include above matches", "It matches: this decides"},
		"198.18.5.5":   {"It doesn't match", "It doesn't match", "no pass from here", "It doesn't match", "so it is followed", "It matches: this decides"},
		"198.18.6.6":   {"It doesn't match", "It doesn't match", "no pass from here", "It doesn't match", "so it is followed", "It doesn't match", "It matches: this decides"},
	} {
		out := c.Check(context.Background(), spf.Request{IP: netip.MustParseAddr(ip), Sender: "joe@example.com"})
		got := spf.ExplainSteps("example.com", out.Steps)
		if len(got) != len(want) {
			t.Errorf("%s: %q", ip, got)
			continue
		}
		for i := range got {
			if !strings.Contains(got[i], want[i]) {
				t.Errorf("%s, step %d: %q, want %q", ip, i+1, got[i], want[i])
			}
		}
	}
}

func TestCountAddresses(t *testing.T) {
	for _, tc := range []struct {
		networks string
		v4       uint64
		v6       int
	}{
		{"", 0, 0},
		{"192.0.2.1/32", 1, 0},
		{"192.0.2.0/24 192.0.2.1/32 192.0.2.128/25", 256, 0},
		{"192.0.2.1/32 192.0.2.1/32 192.0.3.0/24 2001:db8::/32 2001:db8:1::/48", 257, 1},
		{"0.0.0.0/0 10.0.0.0/8", 1 << 32, 0},
		{"2001:db8::/32 2001:db9::/32", 0, 2},
	} {
		var list []netip.Prefix
		for f := range strings.FieldsSeq(tc.networks) {
			list = append(list, netip.MustParsePrefix(f))
		}
		if v4, v6 := spf.CountAddresses(list); v4 != tc.v4 || v6 != tc.v6 {
			t.Errorf("%s: %d, %d", tc.networks, v4, v6)
		}
	}
}

// What a hostile zone can cost: queries and time, whatever it holds.
func TestSurveyBounds(t *testing.T) {
	var fan, deep, long strings.Builder
	for i := range 60 {
		fmt.Fprintf(&fan, "f%d.example.net. TXT \"v=spf1", i)
		for j := range 20 {
			fmt.Fprintf(&fan, " include:f%d.example.net", (i*20+j)%60)
		}
		fan.WriteString(" -all\"\n")
		fmt.Fprintf(&deep, "d%d.example.net. TXT \"v=spf1 include:d%d.example.net -all\"\n", i, i+1)
	}
	long.WriteString(`l.example.net. TXT "v=spf1 "`)
	for i := range 3000 {
		fmt.Fprintf(&long, ` "a:h%d.example.net "`, i)
	}
	zones := map[string]string{
		"f0": strings.ReplaceAll(fan.String(), "\" \"", ""),
		"d0": deep.String(),
		"l":  long.String() + ` "-all"`,
		"m":  "m.example.net. TXT \"v=spf1 mx -all\"" + strings.ReplaceAll(hosts("mail%d MX", 90), "@ MX", "m.example.net. MX"),
		"c":  "c.example.net. TXT \"v=spf1 include:c1.example.net a:c2.example.net -all\"\nc1.example.net. CNAME c2.example.net.\nc2.example.net. CNAME c1.example.net.",
		"s":  "s.example.net. TXT \"v=spf1 include:s.example.net redirect=s.example.net\"",
	}
	const maxQueries = 1500
	for name, zone := range zones {
		srv := dnstest.Serve(t, zone+"\n")
		dns, err := resolve.Open(srv.Addr, resolve.Options{Timeout: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		tree := spf.NewSurvey(context.Background(), dns, name+".example.net")
		tree.Explain()
		if _, err := spf.Lint(context.Background(), dns, name+".example.net", spf.LintOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if n := srv.Queries(); n > maxQueries || time.Since(start) > 10*time.Second {
			t.Errorf("%s: %d queries, %s", name, n, time.Since(start))
		}
		if (name == "f0" || name == "l" || name == "d0") && tree.Cut == "" {
			t.Errorf("%s: nothing says that the tree was cut", name)
		}
	}
}

// The survey counts what a client that nothing matches costs: the evaluator must count the same.
func TestSurveyCountsAsTheEvaluator(t *testing.T) {
	compared := 0
	for _, f := range lintFixtures {
		for _, zone := range []string{f.fires, f.miss} {
			dns := lintZone(t, zone)
			tree := spf.NewSurvey(context.Background(), dns, "example.com")
			out := (&spf.Checker{Resolver: dns}).Check(context.Background(), spf.Request{IP: netip.MustParseAddr("9.9.9.9"), Sender: "joe@example.com"})
			if out.Result == spf.PermError || out.Result == spf.TempError || out.Result == spf.None || out.Result == spf.Pass {
				continue
			}
			if strings.Contains(tree.Root.Record, "%{") || strings.Contains(tree.Root.Record, "ptr") {
				continue // what depends on the client may be void for it
			}
			compared++
			if out.Lookups != tree.Lookups || out.VoidLookups < tree.Voids { // a host of the other family is void for this client
				t.Errorf("%s: the survey counts %d and %d void, the evaluator %d and %d", tree.Root.Record, tree.Lookups, tree.Voids, out.Lookups, out.VoidLookups)
			}
		}
	}
	if compared < 50 {
		t.Errorf("only %d records were compared", compared)
	}
}

// FuzzLint: whatever stands in a record, lint ends, its issues point into the record, and a record that parses has no
// error of syntax.
func FuzzLint(f *testing.F) {
	for _, fixture := range lintFixtures {
		if record, ok := strings.CutPrefix(fixture.fires, "R:"); ok {
			record, _, _ = strings.Cut(record, "\n")
			f.Add(record)
		}
	}
	zone, err := resolve.ParseZone(strings.NewReader(lintBase), "zone")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, record string) {
		if len(record) > 4096 {
			return
		}
		dns := &spf.Proposed{Resolver: resolve.FromZone(zone, resolve.Options{}), Domain: "example.com", Strings: spf.SplitRecord(record)}
		if strings.Join(dns.Strings, "") != record {
			t.Fatalf("SplitRecord(%q) = %q", record, dns.Strings)
		}
		report, err := spf.Lint(context.Background(), dns, "example.com", spf.LintOptions{})
		if err != nil {
			t.Fatal(err)
		}
		x := spf.NewSurvey(context.Background(), dns, "example.com").Explain()
		out := (&spf.Checker{Resolver: dns}).Check(context.Background(), spf.Request{IP: netip.MustParseAddr("198.18.0.25"), Sender: "joe@example.com"})
		if texts := spf.ExplainSteps("example.com", out.Steps); len(texts) != len(out.Steps) || x.Domain != "example.com" {
			t.Errorf("%d sentences for %d steps", len(texts), len(out.Steps))
		}
		_, syntax := spf.Parse(record)
		for _, i := range report.Issues {
			if i.Domain == "example.com" && i.Record != "" && i.Term != "" && strings.Contains(i.Record, i.Term) &&
				!strings.HasPrefix(i.Record[min(i.Offset, len(i.Record)):], i.Term) {
				t.Errorf("%q: %+v", record, i)
			}
		}
		for _, part := range dns.Strings {
			if len(part) > 255 {
				t.Errorf("a string of %d octets", len(part))
			}
		}
		if syntax != nil && !report.Worst(spf.SeverityError) {
			t.Errorf("%q doesn't parse (%v), and lint has no error for it: %v", record, syntax, report.IDs())
		}
	})
}
