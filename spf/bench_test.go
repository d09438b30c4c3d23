package spf

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	peer "blitiri.com.ar/go/spf"

	"ndrscan/resolve"
)

// tree is a policy as large providers publish it, in the shape of Google's: a record that includes one that includes
// three, two of them IPv4 networks and one IPv6. The networks are reserved for benchmarks (RFC 2544, RFC 5180).
func tree() string {
	var out strings.Builder
	out.WriteString("example.com. IN TXT \"v=spf1 include:_spf.provider.example ~all\"\n" +
		"_spf.provider.example. IN TXT \"v=spf1 include:_n1.provider.example include:_n2.provider.example include:_n3.provider.example ~all\"\n")
	for block, format := range []string{"ip4:198.18.%d.0/20", "ip6:2001:2:%d::/48", "ip4:198.19.%d.0/22"} {
		fmt.Fprintf(&out, "_n%d.provider.example. IN TXT \"v=spf1", block+1)
		for i := range 12 {
			fmt.Fprintf(&out, " "+format, i*16)
		}
		out.WriteString(" ~all\"\n")
	}
	return out.String()
}

func zoneClient(t testing.TB, text string) *resolve.Client {
	t.Helper()
	zone, err := resolve.ParseZone(strings.NewReader(text), "zone")
	if err != nil {
		t.Fatal(err)
	}
	return resolve.FromZone(zone, resolve.Options{})
}

// BenchmarkTree asks the tree about an address that no network of it has, each way.
func BenchmarkTree(b *testing.B) {
	client := zoneClient(b, tree())
	ctx := context.Background()
	req := Request{IP: netip.MustParseAddr("203.0.113.7"), Sender: "a@example.com", HELO: "mx.example.com"}
	softfail := func(b *testing.B, got Result) {
		if got != SoftFail {
			b.Fatal(got)
		}
	}
	b.Run("evaluated", func(b *testing.B) {
		c := &Checker{Resolver: client, SkipSteps: true}
		b.ReportAllocs()
		for b.Loop() {
			id, _ := identify(req)
			softfail(b, c.evaluate(ctx, id).Result)
		}
	})
	b.Run("table", func(b *testing.B) {
		c := &Checker{Resolver: client}
		id, _ := identify(req)
		t := c.compile(ctx, id)
		b.ReportAllocs()
		for b.Loop() {
			r, _ := t.rows.Lookup(id.ip)
			softfail(b, r.Result)
		}
	})
	b.Run("checker", func(b *testing.B) {
		c := &Checker{Resolver: client, SkipSteps: true}
		for range compileAt {
			c.Check(ctx, req)
		}
		b.ReportAllocs()
		for b.Loop() {
			softfail(b, c.Check(ctx, req).Result)
		}
	})
	b.Run("compile", func(b *testing.B) {
		c := &Checker{Resolver: client}
		id, _ := identify(req)
		b.ReportAllocs()
		for b.Loop() {
			c.compile(ctx, id)
		}
	})
	b.Run("steps", func(b *testing.B) {
		c := &Checker{Resolver: client}
		b.ReportAllocs()
		for b.Loop() {
			softfail(b, c.Check(ctx, req).Result)
		}
	})
	b.Run("blitiri", func(b *testing.B) {
		dns := remembered{}
		for name := range strings.Lines(tree()) {
			name, rest, _ := strings.Cut(name, ". IN TXT ")
			dns[name] = []string{strings.Trim(rest, "\"\n")}
		}
		ip := net.IP(req.IP.AsSlice())
		b.ReportAllocs()
		for b.Loop() {
			got, _ := peer.CheckHostWithSender(ip, req.HELO, req.Sender, peer.WithResolver(dns))
			softfail(b, Result(got))
		}
	})
}

// remembered is a peer's DNS that costs nothing: ready TXT answers.
type remembered map[string][]string

func (r remembered) LookupTXT(_ context.Context, name string) ([]string, error) { return r[name], nil }
func (r remembered) LookupMX(context.Context, string) ([]*net.MX, error)        { return nil, nil }
func (r remembered) LookupIPAddr(context.Context, string) ([]net.IPAddr, error) { return nil, nil }
func (r remembered) LookupAddr(context.Context, string) ([]string, error)       { return nil, nil }
