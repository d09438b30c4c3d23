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

// hostile is a zone made to cost its checker dear, and what it may cost.
type hostile struct {
	name    string
	zone    string
	silent  []string // names the server never answers for
	result  spf.Result
	problem string
	queries int // at most, for all checks
}

var hostiles = []hostile{
	{name: "fan-out", zone: fanOut(), result: spf.PermError, problem: "more than 10 terms ask DNS", queries: 11},
	{name: "loop", zone: `example.com. IN TXT "v=spf1 include:example.com include:example.com -all"`,
		result: spf.PermError, problem: "more than 10 terms ask DNS", queries: 1},
	{name: "alias loop", zone: "example.com. IN TXT \"v=spf1 a:l1.example.com -all\"\nl1.example.com. IN CNAME l2.example.com.\nl2.example.com. IN CNAME l1.example.com.",
		result: spf.TempError, problem: "CNAME chain", queries: 2},
	{name: "mx hosts", zone: mxHosts(10), result: spf.Fail, queries: 1 + 10 + 10*10},
	{name: "too many mx hosts", zone: mxHosts(11), result: spf.PermError, problem: "has 11 MX hosts", queries: 2},
	{name: "reverse names", zone: reverseNames(300), result: spf.Fail, queries: 2*2 + 10},
	{name: "missing names", zone: `example.com. IN TXT "v=spf1 a:n1.example.com a:n2.example.com a:n3.example.com a:n4.example.com -all"`,
		result: spf.PermError, problem: "more than 2 terms ask for what doesn't exist", queries: 4},
	{name: "largest record", zone: "example.com. IN A 192.0.2.1\nexample.com. IN TXT \"v=spf1 \"" + strings.Repeat(` "`+strings.Repeat("a ", 127)+`"`, 250),
		result: spf.PermError, problem: "more than 10 terms ask DNS", queries: 3},
	{name: "largest policy", zone: "example.com. IN TXT \"v=spf1 \"" + strings.Repeat(` "`+strings.Repeat("?ip4:198.18.0.1 ", 15)+`"`, 260) + ` "-all"`,
		result: spf.Fail, queries: 2},
	{name: "silent include", zone: `example.com. IN TXT "v=spf1 include:s1.example.com include:s2.example.com -all"`,
		silent: []string{"s1.example.com", "s2.example.com"}, result: spf.TempError, problem: "did not answer in time", queries: 1 + 2},
	// Trouble with a client's own names is no temperror, so that each of them takes its time. After ten timeouts in a row
	// the server is asked whether it is alive.
	{name: "silent names", zone: reverseNames(10), silent: names(10), result: spf.Fail, queries: 2 + 2*10 + 2},
	{name: "macro bomb", zone: `example.com. IN TXT "v=spf1 ` + strings.Repeat("exists:"+strings.Repeat("%{s}", 30)+".example.com ", 11) + `-all"`,
		result: spf.PermError, problem: "ask for what doesn't exist", queries: 3},
}

// fanOut is a tree of ten includes in each of ten includes, and so on.
func fanOut() string {
	var out strings.Builder
	name := "example.com."
	for depth := range 12 {
		fmt.Fprintf(&out, "%s IN TXT", name)
		next := fmt.Sprintf("d%d.example.com.", depth)
		out.WriteString(` "v=spf1 "` + strings.Repeat(` "include:`+next+` "`, 10) + "\n")
		name = next
	}
	return out.String()
}

// mxHosts has ten mx terms of many hosts each.
func mxHosts(hosts int) string {
	var out strings.Builder
	out.WriteString(`example.com. IN TXT "v=spf1 "`)
	for term := range 10 {
		fmt.Fprintf(&out, ` "mx:m%d.example.com "`, term)
	}
	out.WriteString(" \"-all\"\n")
	for term := range 10 {
		for host := range hosts {
			fmt.Fprintf(&out, "m%d.example.com. IN MX 1 h%d.m%d.example.com.\n", term, host, term)
		}
	}
	return out.String()
}

// reverseNames gives the client many names below the domain, none of which is his.
func reverseNames(n int) string {
	out := "example.com. IN TXT \"v=spf1 ptr ptr -all\"\n"
	for _, name := range names(n) {
		out += "7.113.0.203.in-addr.arpa. IN PTR " + name + ".\n"
	}
	return out
}

func names(n int) (list []string) {
	for i := range n {
		list = append(list, fmt.Sprintf("n%d.example.com", i))
	}
	return list
}

// TestHostileZones: each costs bounded queries and time through real packets, by the evaluator, with the steps that a
// command shows, and by tables, as a scan asks.
func TestHostileZones(t *testing.T) {
	for _, tt := range hostiles {
		for _, tables := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, tables %t", tt.name, tables), func(t *testing.T) {
				t.Parallel()
				tt.check(t, tables)
			})
		}
	}
}

func (tt hostile) check(t *testing.T, tables bool) {
	const timeout = 40 * time.Millisecond
	srv := dnstest.Serve(t, tt.zone)
	for _, name := range tt.silent {
		srv.Fault(name, dnstest.Timeout)
	}
	client, err := resolve.Open(srv.Addr, resolve.Options{Timeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	checker := &spf.Checker{Resolver: client, SkipSteps: tables, SkipExp: true}
	start := time.Now()
	for range 20 { // enough for a table
		out := checker.Check(context.Background(), spf.Request{
			IP: netip.MustParseAddr("203.0.113.7"), Sender: strings.Repeat("x", 60) + "@example.com", HELO: "x.example",
		})
		if out.Result != tt.result || !strings.Contains(out.Problem, tt.problem) || len(out.Steps) > 1000 {
			out.Steps = nil
			t.Fatalf("got %+v", out)
		}
	}
	took, queries := time.Since(start), srv.Queries()
	if queries > tt.queries {
		t.Errorf("%d queries, want at most %d", queries, tt.queries)
	}
	if most := time.Duration(len(tt.silent))*2*timeout + 2*time.Second; took > most {
		t.Errorf("took %s, want at most %s", took, most)
	}
	t.Logf("%d queries, %s", queries, took)
}

// A zone that answers nothing but slowly can't hold a check longer than its timeout.
func TestSlowZoneEndsWithTheCheck(t *testing.T) {
	srv := dnstest.Serve(t, reverseNames(10))
	for _, name := range names(10) {
		srv.Fault(name, dnstest.Timeout)
	}
	client, err := resolve.Open(srv.Addr, resolve.Options{Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, skipSteps := range []bool{false, true} {
		checker := &spf.Checker{Resolver: client, Timeout: 100 * time.Millisecond, SkipSteps: skipSteps}
		for range 3 {
			start := time.Now()
			checker.Check(context.Background(), spf.Request{IP: netip.MustParseAddr("203.0.113.7"), Sender: "a@example.com"})
			if took := time.Since(start); took > time.Second {
				t.Errorf("a check of 100 ms took %s", took)
			}
		}
	}
}
