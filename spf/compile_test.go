package spf

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"testing"
)

var pairs = flag.Int("pairs", 50_000, "how many answers out of tables are compared with the evaluator's")

// TestCompiled: a checker that may use tables says what the evaluator says, in everything but steps.
func TestCompiled(t *testing.T) {
	var tabled, handedBack, explained int
	results := map[Result]int{}
	for seed := uint64(1); tabled < *pairs; seed++ {
		w := &world{Rand: rand.New(rand.NewPCG(seed, 0)), dynamic: seed%2 == 0, failing: seed%4 == 3}
		zone := w.zone()
		client := zoneClient(t, zone)
		fast, slow := &Checker{Resolver: client, SkipSteps: true}, &Checker{Resolver: client}
		for range 200 {
			req := Request{IP: w.addr(), Sender: fmt.Sprintf("%d@d%d.example", w.IntN(3), w.IntN(worldDomains)), HELO: "h1.example"}
			if w.IntN(4) == 0 && req.IP.Is4() {
				req.IP = netip.AddrFrom16(req.IP.As16())
			}
			got, want := fast.Check(context.Background(), req), slow.Check(context.Background(), req)
			want.Steps = nil
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("seed %d, %+v:\n got %+v\nwant %+v in\n%s", seed, req, got, want, zone)
			}
			results[want.Result]++
			if fast.hasRow(req) {
				tabled++
			} else {
				handedBack++
			}
			if want.Explanation != "" {
				explained++
			}
		}
	}
	t.Logf("%d from tables, %d evaluated, %d explained: %v", tabled, handedBack, explained, results)
	for _, r := range []Result{Pass, Fail, SoftFail, Neutral, PermError, TempError} {
		if results[r] < *pairs/500 {
			t.Errorf("only %d %s: the zones are too tame", results[r], r)
		}
	}
	if explained < *pairs/100 {
		t.Errorf("only %d explained", explained)
	}
}

// hasRow says whether a question is answered from a table by now.
func (c *Checker) hasRow(req Request) bool {
	id, problem := identify(req)
	if problem != "" {
		return false
	}
	t := c.tables.family(id).table.Load()
	if t == nil {
		return false
	}
	r, _ := t.rows.Lookup(id.ip)
	return r != nil
}
