package spf

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
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
		for range 600 {
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

// scripted is a TimedResolver with answers that a test changes. It counts questions.
type scripted struct {
	noDNS
	mu    sync.Mutex
	texts map[string]string
	addrs func(qtype, name string) []netip.Addr // nil: none
	ttl   time.Duration
	asked int
}

func (s *scripted) Lookup(_ context.Context, qtype, name string) (texts []string, addrs []netip.Addr, ttl time.Duration, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	if text, ok := s.texts[name]; ok && qtype == "TXT" {
		texts = []string{text}
	}
	if s.addrs != nil && (qtype == "A" || qtype == "AAAA") {
		addrs = s.addrs(qtype, name)
	}
	return texts, addrs, s.ttl, nil
}

func (s *scripted) publish(name, record string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.texts[name] = record
}

// A table is made when a domain has been checked a few times, lasts as long as its answers hold, and is made anew when
// it has been checked as often again.
func TestTableLastsAsLongAsItsAnswers(t *testing.T) {
	dns := &scripted{texts: map[string]string{"example.com": "v=spf1 ip4:192.0.2.0/24 -all"}, ttl: time.Minute}
	now := time.Unix(1_800_000_000, 0)
	c := &Checker{Resolver: dns, SkipSteps: true, Now: func() time.Time { return now }}
	req := Request{IP: netip.MustParseAddr("192.0.2.1"), Sender: "a@example.com"}
	for i, step := range []struct {
		pass    time.Duration
		publish string
		checks  int
		want    Result
		table   bool
	}{
		{checks: compileAt - 1, want: Pass},
		{checks: 1, want: Pass, table: true},
		{checks: 1, want: Pass, table: true},
		{checks: 1, publish: "v=spf1 ip4:192.0.2.1 ~all", want: Pass, table: true},
		{checks: 1, pass: 59 * time.Second, publish: "v=spf1 ~all", want: Pass, table: true},
		{checks: compileAt - 1, pass: time.Second, want: SoftFail},
		{checks: 1, want: SoftFail, table: true},
		{checks: 2 * compileAt, pass: time.Minute, publish: "none", want: None},
	} {
		now = now.Add(step.pass)
		if step.publish != "" {
			dns.publish("example.com", step.publish)
		}
		for range step.checks {
			if got := c.Check(context.Background(), req); got.Result != step.want {
				t.Errorf("step %d: got %+v, want %s", i, got, step.want)
			}
		}
		table := c.tables.family(identity{ip: req.IP, domain: "example.com"}).table.Load()
		if has := table != nil && now.Before(table.expires); has != step.table {
			t.Errorf("step %d: has a table: %t", i, has)
		}
	}
}

// What can't be tabulated or would cost too much leaves an empty table, and results stay what they were.
func TestCompilationGivesUp(t *testing.T) {
	many := func(n int, format string) string {
		var out strings.Builder
		for i := range n {
			fmt.Fprintf(&out, format, i>>8, i&255)
		}
		return out.String()
	}
	tests := []struct {
		name   string
		texts  map[string]string
		addrs  func(qtype, name string) []netip.Addr
		rows   int
		result Result
	}{
		{name: "small", texts: map[string]string{"example.com": "v=spf1 ip4:192.0.2.0/24 -ip4:192.0.2.0/28 -all"}, rows: 3, result: Fail},
		{name: "networks", texts: map[string]string{"example.com": "v=spf1" + many(2*maxNetworks, " ip4:198.18.%d.%d") + " -all"}, result: Fail},
		{name: "terms", texts: map[string]string{"example.com": "v=spf1" + strings.Repeat(" x=", 20_000) + many(maxNetworks/2, " ip4:198.18.%d.%d") + " -all"}, result: Fail},
		{name: "addresses", texts: map[string]string{"example.com": "v=spf1 a:h.example.net -all"}, result: Fail,
			addrs: func(qtype, name string) (addrs []netip.Addr) {
				for i := range 2 * maxNetworks {
					addrs = append(addrs, netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}))
				}
				return addrs
			}},
		{name: "questions", texts: fork(), result: PermError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dns := &scripted{texts: tt.texts, addrs: tt.addrs, ttl: time.Hour}
			c := &Checker{Resolver: dns, SkipSteps: true}
			req := Request{IP: netip.MustParseAddr("203.0.113.7"), Sender: "a@example.com"}
			start := time.Now()
			for range 2 * compileAt {
				if got := c.Check(context.Background(), req); got.Result != tt.result {
					t.Errorf("got %+v", got)
				}
			}
			table := c.tables.family(identity{ip: req.IP, domain: "example.com"}).table.Load()
			if table.rows.Size() != tt.rows {
				t.Errorf("%d rows, want %d", table.rows.Size(), tt.rows)
			}
			if took := time.Since(start); took > 2*time.Second || dns.asked > maxQuestions+20 {
				t.Errorf("took %s and %d questions", took, dns.asked)
			}
		})
	}
}

// fork is a tree of policies in which each network takes another way, so that a compilation has to ask for all of it.
// The bits of the client's address decide: a policy includes its left and its right one, and the left is not for
// clients whose next bit is 1.
func fork() map[string]string {
	texts := map[string]string{}
	var grow func(name string, bits uint32, depth int, skip string)
	grow = func(name string, bits uint32, depth int, skip string) {
		texts[name] = "v=spf1" + skip + " include:l." + name + " include:r." + name + " ~all"
		if depth == 10 { // as many includes as SPF allows
			return
		}
		right := bits | 1<<(31-depth)
		var a [4]byte
		binary.BigEndian.PutUint32(a[:], right)
		grow("l."+name, bits, depth+1, fmt.Sprintf(" ?ip4:%s/%d", netip.AddrFrom4(a), depth+1))
		grow("r."+name, right, depth+1, "")
	}
	grow("example.com", 0, 0, "")
	return texts
}

// The memory that strangers' domains take is bounded.
func TestTablesAreBounded(t *testing.T) {
	var record strings.Builder
	for i := range 500 {
		fmt.Fprintf(&record, " ip4:198.18.%d.%d", i>>8, i&255)
	}
	dns := &scripted{texts: map[string]string{}, ttl: time.Hour}
	c := &Checker{Resolver: dns, SkipSteps: true}
	for i := range maxDomains + 200 {
		name := fmt.Sprintf("d%d.example", i)
		dns.publish(name, "v=spf1 ip4:192.0.2.0/24 -all")
		if i%6 == 0 { // more rows than all tables may have
			dns.publish(name, "v=spf1"+record.String()+" -all")
		}
		for range compileAt {
			out := c.Check(context.Background(), Request{IP: netip.MustParseAddr("203.0.113.7"), Sender: "a@" + name})
			if out.Result != Fail || out.Domain != name {
				t.Fatalf("%s: %+v", name, out)
			}
		}
		rows := 0
		if i%100 == 0 {
			for _, f := range c.tables.domains {
				if t := f[0].table.Load(); t != nil {
					rows += t.rows.Size()
				}
			}
		}
		if rows > maxRows || len(c.tables.domains) > maxDomains || len(c.records.m) > maxRecords || c.records.terms > maxRememberTerms {
			t.Fatalf("%d rows in %d tables, %d records of %d terms", rows, len(c.tables.domains), len(c.records.m), c.records.terms)
		}
	}
}

// Many workers check, compile and let tables expire at once; the race detector watches.
func TestTablesUnderLoad(t *testing.T) {
	client := zoneClient(t, tree())
	var clock atomic.Int64
	c := &Checker{Resolver: client, SkipSteps: true, Now: func() time.Time { return time.Unix(clock.Add(60), 0) }}
	slow := &Checker{Resolver: client}
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for n := range 2000 {
				ip := netip.AddrFrom4([4]byte{198, 18, byte(n), byte(i)})
				if n%2 == 0 {
					ip = netip.AddrFrom16([16]byte{0x20, 1, 0, 2, 5: byte(n), 15: byte(i)})
				}
				req := Request{IP: ip, Sender: "a@example.com"}
				got, want := c.Check(context.Background(), req), slow.Check(context.Background(), req)
				want.Steps = nil
				if !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

// FuzzCompile: whatever records say, a table says what the evaluator says at the edges of every network it knows, and
// compiling asks no more than it may.
func FuzzCompile(f *testing.F) {
	f.Add("v=spf1 -ip4:192.0.2.0/28 include:b.example.com a/24 -all\nv=spf1 ?ip4:192.0.2.8/29 mx:c.example.com redirect=d.example.com", uint32(1), false)
	f.Add("v=spf1 a:%{d}.b.example.com//64 exists:%{v}.example.com ?include:%{d1}.example.com +all exp=%{i}.example.com", uint32(2), true)
	f.Add("v=spf1 ip4:0.0.0.0/0 -all\nv=spf1 ?ip4:128.0.0.0/1 ~ip4:192.0.2.1 include:%{i}.example.com\nv=spf1 ptr", uint32(3), false)
	f.Add("v=spf1 ip6:::/1 ip6:2001:db8::1 -ip6:2001:db8::/64 mx/0//0", uint32(4), true)
	f.Fuzz(func(t *testing.T, records string, seed uint32, v6 bool) {
		dns := &invented{records: strings.Split(records, "\n"), seed: seed}
		c := &Checker{Resolver: dns, SkipSteps: true}
		id := identity{ip: netip.MustParseAddr("192.0.2.1"), domain: "a.example.com", local: "x", senderDomain: "a.example.com"}
		if v6 {
			id.ip = netip.MustParseAddr("2001:db8::1")
		}
		table := c.compile(context.Background(), id)
		if dns.queries > maxQuestions {
			t.Errorf("%d questions", dns.queries)
		}
		for network := range table.rows.All() {
			last := lastAddr(network)
			for _, ip := range []netip.Addr{network.Addr(), network.Addr().Prev(), last, last.Next(), id.ip} {
				if id.ip = ip; !ip.IsValid() || ip.Is4() == v6 {
					continue
				}
				row, ok := table.rows.Lookup(ip)
				if !ok {
					t.Fatalf("%s is in no network", ip)
				}
				if want := c.evaluate(context.Background(), id); row != nil {
					row.Explanation = want.Explanation
					if !reflect.DeepEqual(row.Outcome, want) {
						t.Errorf("%s: got %+v, want %+v", ip, row.Outcome, want)
					}
				}
			}
		}
	})
}

// lastAddr is the last address of a network.
func lastAddr(network netip.Prefix) netip.Addr {
	b := network.Addr().AsSlice()
	for i := network.Bits(); i < len(b)*8; i++ {
		b[i/8] |= 1 << (7 - i%8)
	}
	ip, _ := netip.AddrFromSlice(b)
	return ip
}

// invented makes up an answer from the question, always the same for the same one.
type invented struct {
	noDNS
	records []string
	seed    uint32
	queries int
}

func (r *invented) Lookup(_ context.Context, qtype, name string) (texts []string, addrs []netip.Addr, ttl time.Duration, err error) {
	r.queries++
	h := fnv.New32a()
	fmt.Fprint(h, r.seed, qtype, name)
	sum := h.Sum32() >> 8
	n := int(sum) % 5
	switch {
	case sum%31 == 0:
		return nil, nil, time.Minute, errors.New("SERVFAIL")
	case qtype == "TXT" && n > 0:
		texts = []string{r.records[n%len(r.records)]}
	case qtype == "MX":
		for i := range n {
			texts = append(texts, fmt.Sprintf("h%d.example.com", i))
		}
	case qtype == "A":
		for i := range n {
			addrs = append(addrs, netip.AddrFrom4([4]byte{192, 0, 2, byte(sum) + byte(i)}))
		}
	case qtype == "AAAA":
		for i := range n {
			addrs = append(addrs, netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(sum) + byte(i)}))
		}
	}
	return texts, addrs, time.Minute, nil
}
