package spf

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	peer "blitiri.com.ar/go/spf"
)

var update = flag.Bool("update", false, "write the golden files anew; read the difference by eye")

// cause explains why the peer comes to another result. cure changes DNS so that the peer's error can't show any more:
// if the two then agree, it was the cause. Of two that would do, the first is named.
type cause struct {
	name, section, says string
	cure                func(dns Resolver, client netip.Addr) Resolver
}

var causes = []cause{
	{"late-syntax", "4.6", "It reads a record term by term until one matches. RFC 7208 wants the syntax of all of it checked before\n" +
		"anything is evaluated: an error anywhere is permerror.",
		func(dns Resolver, _ netip.Addr) Resolver { return earlyError{dns} }},
	{"both-families", "5", "It asks for A and AAAA whatever the client is. RFC 7208 fetches the addresses of the client's family\n" +
		"only, so that a host without any is a void look-up, and a failure in the other family is nobody's business.",
		func(dns Resolver, client netip.Addr) Resolver { return oneFamily{dns, client} }},
	{"macro-p", "7.3", "It knows no validated name of the client. RFC 7208 advises against the macro p, but has it.",
		func(dns Resolver, _ netip.Addr) Resolver { return reverse{dns, nil} }},
	{"repeated-ptr", "4.6.4", "It asks for the client's names once a check. RFC 7208 counts terms: each ptr that finds none is a void\n" +
		"look-up.",
		func(dns Resolver, _ netip.Addr) Resolver { return reverse{dns, []string{"absent.x.example"}} }},
}

// oneFamily has no addresses of the other family than the client's. Names that world only asks by exists have A.
type oneFamily struct {
	Resolver
	client netip.Addr
}

func (r oneFamily) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	if r.client.Is6() && !strings.HasSuffix(name, ".x.example") && !strings.HasPrefix(name, "in-addr.") {
		return nil, nil
	}
	return r.Resolver.LookupA(ctx, name)
}

func (r oneFamily) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	if r.client.Is4() {
		return nil, nil
	}
	return r.Resolver.LookupAAAA(ctx, name)
}

// earlyError has broken records broken from their first term on.
type earlyError struct{ Resolver }

func (r earlyError) LookupTXT(ctx context.Context, name string) ([]string, error) {
	texts, err := r.Resolver.LookupTXT(ctx, name)
	for i, text := range texts {
		if _, err := Parse(text); err != nil && isRecord(text) {
			texts[i] = "v=spf1 broken"
		}
	}
	return texts, err
}

// reverse has the same names for every address.
type reverse struct {
	Resolver
	names []string
}

func (r reverse) LookupPTR(context.Context, netip.Addr) ([]string, error) {
	return slices.Clone(r.names), nil
}

// tally is what a comparison came to, by the names of the causes.
type tally struct {
	asked, different int
	by               map[string]*difference
}

// difference counts those of one explanation and keeps the shortest example.
type difference struct {
	count   int
	example string
}

// compare puts questions about one random world to both and reports what no cause explains.
func (ta *tally) compare(t *testing.T, seed uint64, questions int) {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), dynamic: seed%2 == 0, failing: seed%4 == 3}
	zone := w.zone()
	dns := zoneClient(t, zone)
	for range questions {
		req := Request{IP: w.addr(), Sender: fmt.Sprintf("%d@d%d.example", w.IntN(3), w.IntN(worldDomains)), HELO: "h1.example"}
		ta.asked++
		ours, theirs := askBoth(dns, req)
		if string(ours.Result) == theirs.result {
			continue
		}
		ta.different++
		why, ok := explained(dns, req)
		if !ok {
			t.Errorf("seed %d: nothing explains it\n%s\n%s", seed, example(req, ours, theirs), zone)
			continue
		}
		d := ta.by[why]
		if d == nil {
			d = &difference{}
			ta.by[why] = d
		}
		d.count++
		if text := example(req, ours, theirs); d.example == "" || len(text) < len(d.example) {
			d.example = text
		}
	}
}

// explained finds the smallest set of causes without which the two agree.
func explained(dns Resolver, req Request) (names string, ok bool) {
	sets := make([]int, 1<<len(causes)) // of bits
	for i := range sets {
		sets[i] = i
	}
	slices.SortStableFunc(sets, func(a, b int) int { return bitCount(a) - bitCount(b) })
	for _, set := range sets[1:] {
		cured := dns
		var names []string
		for i, c := range causes {
			if set&(1<<i) != 0 {
				cured = c.cure(cured, req.IP)
				names = append(names, c.name)
			}
		}
		if ours, theirs := askBoth(cured, req); string(ours.Result) == theirs.result {
			return strings.Join(names, " and "), true
		}
	}
	return "", false
}

func bitCount(n int) (count int) {
	for ; n != 0; n &= n - 1 {
		count++
	}
	return count
}

// peerAnswer is the peer's result and why.
type peerAnswer struct {
	result string
	err    error
}

func askBoth(dns Resolver, req Request) (Outcome, peerAnswer) {
	ours := (&Checker{Resolver: dns}).Check(context.Background(), req)
	got, err := peer.CheckHostWithSender(net.IP(req.IP.AsSlice()), req.HELO, req.Sender, peer.WithResolver(peerDNS{dns}))
	return ours, peerAnswer{string(got), err}
}

func example(req Request, ours Outcome, theirs peerAnswer) string {
	var out strings.Builder
	fmt.Fprintf(&out, "  %s from %s: ndrscan %s", req.Sender, req.IP, ours.Result)
	if ours.Problem != "" {
		fmt.Fprintf(&out, " (%s)", ours.Problem)
	}
	fmt.Fprintf(&out, ", blitiri %s (%v)\n", theirs.result, theirs.err)
	for _, s := range ours.Steps {
		fmt.Fprintf(&out, "    %s %s: %s", s.Domain, s.Term, s.Outcome)
		if s.Text != "" {
			fmt.Fprintf(&out, ", %s", s.Text)
		}
		out.WriteByte('\n')
	}
	return out.String()
}

// TestPeer puts random questions to blitiri.com.ar/go/spf, too. Every difference has a cause in RFC 7208, and the golden
// file lists them.
func TestPeer(t *testing.T) {
	const worlds, questions = 2000, 25
	ta := &tally{by: map[string]*difference{}}
	for seed := range uint64(worlds) {
		ta.compare(t, seed, questions)
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "Differences from blitiri.com.ar/go/spf v1.6.0: %d in %d random questions.\n", ta.different, ta.asked)
	for _, c := range causes {
		fmt.Fprintf(&out, "\n%s (RFC 7208 section %s)\n%s\n", c.name, c.section, c.says)
	}
	for _, why := range slices.Sorted(maps.Keys(ta.by)) {
		fmt.Fprintf(&out, "\n%d by %s, such as\n%s", ta.by[why].count, why, ta.by[why].example)
	}
	golden(t, "testdata/blitiri.golden", out.Bytes())
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is another now; look at the difference after go test ./spf -update. Got\n%s", file, got)
	}
}

// FuzzPeer looks for a difference that nothing explains.
func FuzzPeer(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		(&tally{by: map[string]*difference{}}).compare(t, seed, 10)
	})
}

// peerDNS is a Resolver as the peer wants it: in the ways of package net.
type peerDNS struct{ dns Resolver }

func (p peerDNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	texts, err := p.dns.LookupTXT(ctx, name)
	return texts, netError(name, len(texts), err)
}

func (p peerDNS) LookupMX(ctx context.Context, name string) (mxs []*net.MX, _ error) {
	hosts, err := p.dns.LookupMX(ctx, name)
	for i, host := range hosts {
		mxs = append(mxs, &net.MX{Host: host + ".", Pref: uint16(i)})
	}
	return mxs, netError(name, len(hosts), err)
}

func (p peerDNS) LookupIPAddr(ctx context.Context, host string) (ips []net.IPAddr, _ error) {
	v4, err4 := p.dns.LookupA(ctx, host)
	v6, err6 := p.dns.LookupAAAA(ctx, host)
	for _, a := range append(v4, v6...) {
		ips = append(ips, net.IPAddr{IP: a.AsSlice()})
	}
	return ips, netError(host, len(ips), errors.Join(err4, err6))
}

func (p peerDNS) LookupAddr(ctx context.Context, addr string) (names []string, _ error) {
	found, err := p.dns.LookupPTR(ctx, netip.MustParseAddr(addr))
	for _, name := range found {
		names = append(names, name+".")
	}
	return names, netError(addr, len(names), err)
}

// netError is the error that package net has for what doesn't exist and for what DNS didn't answer.
func netError(name string, records int, err error) error {
	switch {
	case err != nil:
		return &net.DNSError{Err: err.Error(), Name: name, IsTemporary: true}
	case records == 0:
		return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return nil
}
