package trace

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
)

// endless is a stranger's DNS: every address has ten names, each points back, every domain has ten MX hosts. Our own
// addresses are testZone's.
type endless struct {
	zone
	asked *int
}

func (e endless) LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error) {
	*e.asked++
	if names, _ := e.zone.LookupPTR(ctx, ip); names != nil {
		return names, nil
	}
	return many(ip.String(), "evil.example"), nil
}

func (e endless) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	*e.asked++
	return e.zone.LookupA(ctx, name)
}

func (e endless) LookupAAAA(_ context.Context, name string) ([]netip.Addr, error) {
	*e.asked++
	if OrgDomain(name) != "evil.example" {
		return nil, nil
	}
	var all []netip.Addr
	for k := range 200 {
		all = append(all, hostOf(k))
	}
	return all, nil
}

func (e endless) LookupMX(_ context.Context, name string) ([]string, error) {
	*e.asked++
	return many(name, "mxes.example"), nil
}

func many(of, domain string) []string {
	var names []string
	for i := range 10 {
		names = append(names, fmt.Sprintf("h%d.x%x.%s", i, of, domain))
	}
	return names
}

func hostOf(k int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("2001:db8::%x", k+1)) }

// TestLookupsAreBounded feeds a chain of 200 hosts that all are of the reporting site, by a DNS that says so.
func TestLookupsAreBounded(t *testing.T) {
	var lines []string
	for k := range 200 {
		lines = append(lines, fmt.Sprintf("from h9.q.evil.example (unknown [IPv6:%s]) by h%d.evil.example (Postfix) with ESMTPS id Q%d", hostOf(k), k, k))
	}
	asked := 0
	own, err := NewOwn([]string{"example.com"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &Tracer{Own: own, Resolver: endless{testZone(), &asked}}
	o := tr.Origin(context.Background(), Input{Original: section(lines...), Reporter: Reporter{IP: addr("203.0.113.50"), RDNS: "mail.evil.example", RDNSConfirmed: true},
		ReportingMTA: "mail.evil.example", RecipientDomains: []string{"a.vil.example", "b.vil.example", "c.vil.example", "d.vil.example", "e.vil.example"}})
	if asked > maxLookups {
		t.Errorf("%d look-ups for the origin", asked)
	}
	if !o.TooLong || o.IP.IsValid() || o.Own || o.Trust != "" || o.Via != ViaNone {
		t.Errorf("a walk that was given up: %+v", o)
	}
	asked = 0
	r := tr.Reporter(context.Background(), section(lines...))
	if asked > maxLookups || !r.Hidden || r.IP.IsValid() || r.Own {
		t.Errorf("%d look-ups for the reporter %+v", asked, r)
	}
}

// A long chain of few hosts is no burden: each question is asked once.
func TestBudget(t *testing.T) {
	asked := 0
	b := &budget{dns: endless{testZone(), &asked}, memo: new(Memo), left: 3, lines: 2}
	ctx := context.Background()
	for range 5 {
		if names, err := b.LookupPTR(ctx, addr("192.0.2.1")); err != nil || len(names) != 1 {
			t.Fatal(names, err)
		}
	}
	b.nextLine()
	b.nextLine() // nothing was asked for this one
	if _, err := b.LookupA(ctx, "MX.example.com"); err != nil || asked != 2 || b.lines != 1 {
		t.Fatalf("%v, %d asked, %d lines left", err, asked, b.lines)
	}
	b.nextLine()
	if _, err := b.LookupMX(ctx, "site.example"); !errors.Is(err, errTooLong) || !b.spent || asked != 2 {
		t.Errorf("past the last line: %v, %d asked", err, asked)
	}
	if _, err := b.LookupA(ctx, "mx.example.com"); err != nil {
		t.Errorf("what is known can be asked: %v", err)
	}
}

// What an answer costs, and what is asked after it, does not depend on whether an earlier walk remembered it: else the outcome
// would depend on which message was read first.
func TestPriceOfMemory(t *testing.T) {
	z := testZone()
	z.ptr["198.51.100.1"] = []string{"a.site.example", "b.site.example", "c.example.com"}
	z.hosts["b.site.example"] = []string{"198.51.100.1"}
	own, err := NewOwn([]string{"example.com"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	tr := &Tracer{Own: own, Resolver: z, Memo: new(Memo)}
	ctx, ip := context.Background(), addr("198.51.100.1")
	for walk := range 2 {
		var failed bool
		tr, b := tr.withBudget()
		for _, step := range []struct {
			what  string
			ask   func()
			price int
		}{
			{"whether it is ours: names, and the one of ours", func() { tr.isOurs(ctx, ip, &failed) }, 2},
			{"its names: the three", func() { tr.host(ctx, ip) }, 3},
			{"a name among them", func() { tr.pointsTo(ctx, "a.site.example", ip, &failed) }, 1},
			{"it again", func() { tr.pointsTo(ctx, "A.site.example", ip, &failed) }, 0},
			{"all again", func() { tr.isOurs(ctx, ip, &failed); tr.host(ctx, ip) }, 0},
		} {
			before := b.left
			if step.ask(); before-b.left != step.price || failed {
				t.Errorf("walk %d: %s costs %d, want %d (failed: %v)", walk+1, step.what, before-b.left, step.price, failed)
			}
		}
		b.done()
	}
}

// flaky answers a name only from the second time on.
type flaky struct {
	zone
	name  string
	asked *int
}

func (f flaky) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	if name == f.name {
		if *f.asked++; *f.asked == 1 {
			return nil, errDNS
		}
	}
	return f.zone.LookupA(ctx, name)
}

// An answer that DNS gave in part serves one walk: the next asks for the rest.
func TestPartIsNotRemembered(t *testing.T) {
	z := testZone()
	z.ptr["198.51.100.1"] = []string{"a.site.example", "b.other.example"}
	z.hosts["a.site.example"], z.hosts["b.other.example"] = []string{"198.51.100.1"}, []string{"198.51.100.1"}
	own, err := NewOwn(nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	asked := 0
	tr := &Tracer{Own: own, Resolver: flaky{z, "a.site.example", &asked}, Memo: new(Memo)}
	for walk, want := range []string{"b.other.example", "a.site.example", "a.site.example"} {
		tr, b := tr.withBudget()
		for range 2 { // and one walk asks once
			found := tr.host(context.Background(), addr("198.51.100.1"))
			if name, confirmed := found.name(); name != want || !confirmed || found.err != nil {
				t.Errorf("walk %d: %q, want %q", walk+1, name, want)
			}
		}
		b.done()
	}
	if asked != 2 {
		t.Errorf("asked %d times, want 2", asked)
	}
}
