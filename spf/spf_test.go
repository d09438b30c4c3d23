package spf_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"ndrscan/resolve"
	"ndrscan/spf"
)

const zone = `
$ORIGIN example.com.
@          IN TXT "v=spf1 ip4:192.0.2.0/28 include:_spf.provider.example ?include:_spf.example.com a:web.example.net mx -all exp=why.example.com"
@          IN MX 10 mx
mx         IN A 192.0.2.40
_spf       IN TXT "v=spf1 ip4:192.0.2.64/28 -all"
why        IN TXT "%{i} is not %{d}'s; %{r} at %{t}, %{p}"
web.example.net.         IN A 192.0.2.50
_spf.provider.example.   IN TXT "v=spf1 include:_a.provider.example redirect=_b.provider.example"
_a.provider.example.     IN TXT "v=spf1 ip4:198.51.100.0/24 ~all"
_b.provider.example.     IN TXT "v=spf1 ip6:2001:db8:b::/48 ~all"

shop       IN TXT "v=spf1 redirect=example.com"
hosted     IN TXT "v=spf1 mx:customer.example.net redirect=_none.example.com"
customer.example.net.    IN MX 10 in.provider.example.
in.provider.example.     IN A 192.0.2.80
any        IN TXT "v=spf1 +all"
wide       IN TXT "v=spf1 ip4:0.0.0.0/0"
rev        IN TXT "v=spf1 ptr -all"
90.2.0.192.in-addr.arpa. IN PTR host.rev
host.rev   IN A 192.0.2.90
91.2.0.192.in-addr.arpa. IN PTR liar.rev
list       IN TXT "v=spf1 exists:%{i}.ok.example.com -all"
192.0.2.90.ok IN A 127.0.0.2

twice      IN TXT "v=spf1 -all"
twice      IN TXT "v=spf1 +all"
typo       IN TXT "v=spf1 ip4:192.0.2.0/28 ipv4:192.0.2.0/24 -all"
inctypo    IN TXT "v=spf1 include:typo.example.com -all"
incnone    IN TXT "v=spf1 include:absent.example.com -all"
loop       IN TXT "v=spf1 include:loop.example.com"
reloop     IN TXT "v=spf1 redirect=reloop.example.com"
void2      IN TXT "v=spf1 a:n1.example.com mx:n2.example.com ip4:192.0.2.1 -all"
void3      IN TXT "v=spf1 a:n1.example.com mx:n2.example.com exists:n3.example.com ip4:192.0.2.1 -all"
voidmx     IN TXT "v=spf1 mx -all"
voidmx     IN MX 1 n1
voidmx     IN MX 2 n2
voidmx     IN MX 3 n3
voidmx     IN MX 4 mx
nullmx     IN TXT "v=spf1 mx ?all"
nullmx     IN MX 0 .
broken     IN TXT "v=spf1 a:down.example.com -all"
_temperror.invalid. IN TXT "A" "SERVFAIL" "down.example.com."
_temperror.invalid. IN TXT "TXT" "SERVFAIL" "down.example.com."
wide.example.net.        IN TXT "v=spf1 exists:%{l}.ok.example.com -include:%{l}.absent.example.net a:%{s} ~all"
j\195\182rg.ok           IN A 127.0.0.2
xn--mller-kva.example.   IN TXT "v=spf1 exists:%{o}.ok.example.com -all"
xn--mller-kva.example.ok IN A 127.0.0.2
big        IN TXT "v=spf1 exists:%{s}%{s}%{s}%{s}%{s}%{s}.example.com -all"
helo.example.com.        IN TXT "v=spf1 exists:%{l}.ok.example.com -all"
postmaster.ok IN A 127.0.0.2
`

// outcome is what a check must come to; Steps are tested on their own.
func TestCheck(t *testing.T) {
	const example, provider = "example.com", "_spf.provider.example"
	tests := []struct {
		name, ip, sender, helo string
		want                   spf.Outcome
	}{
		{name: "own network", ip: "192.0.2.7", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: example, Mechanism: "ip4:192.0.2.0/28", Path: []string{example}}},
		{name: "mapped address", ip: "::ffff:192.0.2.7", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: example, Mechanism: "ip4:192.0.2.0/28", Path: []string{example}}},
		{name: "include of an include", ip: "198.51.100.9", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "_a.provider.example", Mechanism: "ip4:198.51.100.0/24", Shared: true,
				Path: []string{example, provider, "_a.provider.example"}, Lookups: 2}},
		{name: "redirect of an include", ip: "2001:db8:b::1", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "_b.provider.example", Mechanism: "ip6:2001:db8:b::/48", Shared: true,
				Path: []string{example, provider, "_b.provider.example"}, Lookups: 3}},
		{name: "include that means neutral", ip: "192.0.2.65", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Neutral, Domain: example, Mechanism: "?include:_spf.example.com", Path: []string{example}, Lookups: 4}},
		{name: "foreign host", ip: "192.0.2.50", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: example, Mechanism: "a:web.example.net", Shared: true, Path: []string{example}, Lookups: 5}},
		{name: "own MX", ip: "192.0.2.40", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: example, Mechanism: "mx", Path: []string{example}, Lookups: 6}},
		{name: "fail", ip: "203.0.113.7", sender: "a@example.com",
			want: spf.Outcome{Result: spf.Fail, Domain: example, Mechanism: "-all", Path: []string{example}, Lookups: 6,
				Explanation: "203.0.113.7 is not example.com's; mx.test at 1800000000, unknown"}},
		{name: "redirect within the organisation", ip: "192.0.2.7", sender: "a@shop.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: example, Mechanism: "ip4:192.0.2.0/28", Path: []string{"shop.example.com", example}, Lookups: 1}},
		{name: "own MX name, foreign MX host", ip: "192.0.2.80", sender: "a@hosted.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "hosted.example.com", Mechanism: "mx:customer.example.net", Shared: true,
				Path: []string{"hosted.example.com"}, Lookups: 1}},
		{name: "redirect to nothing", ip: "192.0.2.81", sender: "a@hosted.example.com",
			want: spf.Outcome{Result: spf.PermError, Domain: "_none.example.com", Path: []string{"hosted.example.com", "_none.example.com"}, Lookups: 2,
				Problem: "hosted.example.com redirects to _none.example.com: _none.example.com has no SPF record"}},
		{name: "anyone may", ip: "203.0.113.7", sender: "a@any.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "any.example.com", Mechanism: "+all", Shared: true, Path: []string{"any.example.com"}}},
		{name: "any address", ip: "203.0.113.7", sender: "a@wide.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "wide.example.com", Mechanism: "ip4:0.0.0.0/0", Shared: true, Path: []string{"wide.example.com"}}},
		{name: "confirmed reverse name", ip: "192.0.2.90", sender: "a@rev.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "rev.example.com", Mechanism: "ptr", Shared: true, Path: []string{"rev.example.com"}, Lookups: 1}},
		{name: "lying reverse name", ip: "192.0.2.91", sender: "a@rev.example.com",
			want: spf.Outcome{Result: spf.Fail, Domain: "rev.example.com", Mechanism: "-all", Path: []string{"rev.example.com"}, Lookups: 1}},
		{name: "exists", ip: "192.0.2.90", sender: "a@list.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "list.example.com", Mechanism: "exists:%{i}.ok.example.com", Shared: true, Path: []string{"list.example.com"}, Lookups: 1}},
		{name: "no record", ip: "192.0.2.1", sender: "a@absent.example.com",
			want: spf.Outcome{Result: spf.None, Domain: "absent.example.com", Path: []string{"absent.example.com"}, Problem: "absent.example.com has no SPF record"}},
		{name: "two records", ip: "192.0.2.1", sender: "a@twice.example.com",
			want: spf.Outcome{Result: spf.PermError, Domain: "twice.example.com", Path: []string{"twice.example.com"},
				Problem: "twice.example.com has 2 SPF records; there may be only one"}},
		{name: "error after a match", ip: "192.0.2.1", sender: "a@typo.example.com",
			want: spf.Outcome{Result: spf.PermError, Domain: "typo.example.com", Path: []string{"typo.example.com"},
				Problem: `the SPF record of typo.example.com has a syntax error: "ipv4:192.0.2.0/24": "ipv4" is no mechanism (RFC 7208 section 4.6.1)`}},
		{name: "error in an include", ip: "192.0.2.1", sender: "a@inctypo.example.com",
			want: spf.Outcome{Result: spf.PermError, Domain: "typo.example.com", Path: []string{"inctypo.example.com", "typo.example.com"}, Lookups: 1,
				Problem: `the SPF record of typo.example.com has a syntax error: "ipv4:192.0.2.0/24": "ipv4" is no mechanism (RFC 7208 section 4.6.1)`}},
		{name: "include of nothing", ip: "192.0.2.1", sender: "a@incnone.example.com",
			want: spf.Outcome{Result: spf.PermError, Domain: "incnone.example.com", Path: []string{"incnone.example.com"}, Lookups: 1,
				Problem: "incnone.example.com includes absent.example.com: absent.example.com has no SPF record"}},
		{name: "two void terms are allowed", ip: "192.0.2.1", sender: "a@void2.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "void2.example.com", Mechanism: "ip4:192.0.2.1", Path: []string{"void2.example.com"}, Lookups: 2, VoidLookups: 2}},
		{name: "three are not", ip: "192.0.2.1", sender: "a@void3.example.com",
			want: spf.Outcome{Result: spf.PermError, Domain: "void3.example.com", Path: []string{"void3.example.com"}, Lookups: 3, VoidLookups: 3,
				Problem: "more than 2 terms ask for what doesn't exist (RFC 7208 section 4.6.4)"}},
		{name: "MX hosts are not terms", ip: "192.0.2.40", sender: "a@voidmx.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "voidmx.example.com", Mechanism: "mx", Path: []string{"voidmx.example.com"}, Lookups: 1}},
		{name: "null MX", ip: "192.0.2.40", sender: "a@nullmx.example.com",
			want: spf.Outcome{Result: spf.Neutral, Domain: "nullmx.example.com", Mechanism: "?all", Path: []string{"nullmx.example.com"}, Lookups: 1}},
		{name: "DNS fails for a term", ip: "192.0.2.1", sender: "a@broken.example.com",
			want: spf.Outcome{Result: spf.TempError, Domain: "broken.example.com", Path: []string{"broken.example.com"}, Lookups: 1,
				Problem: `looking up A of "down.example.com": SERVFAIL`}},
		{name: "DNS fails for the record", ip: "192.0.2.1", sender: "a@down.example.com",
			want: spf.Outcome{Result: spf.TempError, Domain: "down.example.com", Path: []string{"down.example.com"},
				Problem: `looking up TXT of "down.example.com": SERVFAIL`}},
		{name: "null sender", ip: "192.0.2.1", helo: "helo.example.com",
			want: spf.Outcome{Result: spf.Pass, Domain: "helo.example.com", Mechanism: "exists:%{l}.ok.example.com", Shared: true, Path: []string{"helo.example.com"}, Lookups: 1}},
		{name: "null sender, HELO with an at sign", ip: "192.0.2.1", helo: "x@helo.example.com",
			want: spf.Outcome{Result: spf.None, Domain: "x@helo.example.com", Path: []string{"x@helo.example.com"}, Problem: "x@helo.example.com has no SPF record"}},
		{name: "null sender, address literal", ip: "192.0.2.1", helo: "[192.0.2.1]",
			want: spf.Outcome{Result: spf.None, Domain: "[192.0.2.1]", Problem: `"[192.0.2.1]" is no domain name that could have a policy`}},
		{name: "internationalised domain", ip: "192.0.2.1", sender: "a@müller.example",
			want: spf.Outcome{Result: spf.Pass, Domain: "xn--mller-kva.example", Mechanism: "exists:%{o}.ok.example.com", Shared: true,
				Path: []string{"xn--mller-kva.example"}, Lookups: 1}},
		{name: "macro that grows", ip: "192.0.2.1", sender: strings.Repeat("x", 900) + "@big.example.com",
			want: spf.Outcome{Result: spf.PermError, Domain: "big.example.com", Path: []string{"big.example.com"}, Lookups: 1,
				Problem: `"exists:%{s}%{s}%{s}%{s}%{s}%{s}.example.com" becomes longer than 4096 characters`}},
		{name: "local part that can't stand in a name", ip: "192.0.2.1", sender: "j\u00f6rg@wide.example.net",
			want: spf.Outcome{Result: spf.SoftFail, Domain: "wide.example.net", Mechanism: "~all", Path: []string{"wide.example.net"}, Lookups: 3}},
		{name: "endless sender", ip: "192.0.2.1", sender: strings.Repeat("x", 1<<20) + "@big.example.com",
			want: spf.Outcome{Result: spf.None, Problem: "the sender is longer than any mail address"}},
		{name: "no address", sender: "a@example.com", want: spf.Outcome{Result: spf.None, Problem: "there is no client address to check"}},
	}
	checker := newChecker(t)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			ip, _ := netip.ParseAddr(tt.ip)
			got := checker.Check(context.Background(), spf.Request{IP: ip, Sender: tt.sender, HELO: tt.helo})
			got.Steps = nil
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("\n got %+v\nwant %+v", got, tt.want)
			}
		})
	}
}

func newChecker(t testing.TB) *spf.Checker {
	z, err := resolve.ParseZone(strings.NewReader(zone), "zone")
	if err != nil {
		t.Fatal(err)
	}
	return &spf.Checker{
		Resolver: resolve.FromZone(z, resolve.Options{}),
		Receiver: "mx.test",
		Now:      func() time.Time { return time.Unix(1_800_000_000, 0) },
	}
}

func TestSteps(t *testing.T) {
	got := newChecker(t).Check(context.Background(), spf.Request{IP: netip.MustParseAddr("203.0.113.7"), Sender: "a@shop.example.com"}).Steps
	const example, provider = "example.com", "_spf.provider.example"
	want := []spf.Step{
		{"shop.example.com", "redirect=example.com", "followed", ""},
		{example, "ip4:192.0.2.0/28", "no-match", ""},
		{"_a.provider.example", "ip4:198.51.100.0/24", "no-match", ""},
		{"_a.provider.example", "~all", "match", ""},
		{provider, "include:_a.provider.example", "no-match", "the policy of _a.provider.example says softfail"},
		{provider, "redirect=_b.provider.example", "followed", ""},
		{"_b.provider.example", "ip6:2001:db8:b::/48", "no-match", ""},
		{"_b.provider.example", "~all", "match", ""},
		{example, "include:_spf.provider.example", "no-match", "the policy of _spf.provider.example says softfail"},
		{"_spf.example.com", "ip4:192.0.2.64/28", "no-match", ""},
		{"_spf.example.com", "-all", "match", ""},
		{example, "?include:_spf.example.com", "no-match", "the policy of _spf.example.com says fail"},
		{example, "a:web.example.net", "no-match", "web.example.net has 192.0.2.50"},
		{example, "mx", "no-match", "example.com has MX mx.example.com"},
		{example, "-all", "match", ""},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// One Checker serves many workers; the race detector watches.
func TestConcurrentChecks(t *testing.T) {
	checker := newChecker(t)
	req := spf.Request{IP: netip.MustParseAddr("203.0.113.7"), Sender: "a@shop.example.com"}
	want := newChecker(t).Check(context.Background(), req)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 20 {
				if got := checker.Check(context.Background(), req); !reflect.DeepEqual(got, want) {
					t.Errorf("got %+v, want %+v", got, want)
				}
			}
		})
	}
	wg.Wait()
}

func TestLoopsEnd(t *testing.T) {
	for _, domain := range []string{"loop.example.com", "reloop.example.com"} {
		out := newChecker(t).Check(context.Background(), spf.Request{IP: netip.MustParseAddr("192.0.2.1"), Sender: "a@" + domain})
		if out.Result != spf.PermError || !strings.Contains(out.Problem, "more than 10 terms ask DNS") || len(out.Path) != 11 {
			t.Errorf("%s: got %+v", domain, out)
		}
	}
}

func TestSkipExp(t *testing.T) {
	checker := newChecker(t)
	checker.SkipExp = true
	out := checker.Check(context.Background(), spf.Request{IP: netip.MustParseAddr("203.0.113.7"), Sender: "a@example.com"})
	if out.Result != spf.Fail || out.Explanation != "" {
		t.Errorf("got %+v", out)
	}
}

func TestWithoutDNS(t *testing.T) {
	out := new(spf.Checker).Check(context.Background(), spf.Request{IP: netip.MustParseAddr("192.0.2.1"), Sender: "a@example.com"})
	if out.Result != spf.TempError || out.Problem != "there is no DNS" {
		t.Errorf("got %+v", out)
	}
}

func TestTimeout(t *testing.T) {
	checker := &spf.Checker{Resolver: &invented{hang: true}, Timeout: 10 * time.Millisecond}
	out := checker.Check(context.Background(), spf.Request{IP: netip.MustParseAddr("192.0.2.1"), Sender: "a@example.com"})
	if out.Result != spf.TempError || out.Problem != "DNS took longer than a check may last" {
		t.Errorf("got %+v", out)
	}
}

// maxQueries: a record and ten of others, ten mx or ptr with ten hosts each, the macro p for each domain, an exp.
const maxQueries = 11 + 10*11 + 12*11 + 1

func FuzzCheck(f *testing.F) {
	f.Add("v=spf1 include:a.example.com mx ptr -all\nv=spf1 redirect=b.example.com exp=%{p}.example.com", "a@example.com", "mx.example.com", true)
	f.Add("v=spf1 mx:%{i}.example.com mx:a.b mx:%{l}.example.com ptr:%{p}.example.com ptr exists:%{p} ~all", "x.y@sub.example.com", "", false)
	f.Add("v=spf1 include:%{d}.a.example.com include:%{d1r}.b.example.com ?all\nv=spf1 a:%{h} a/0 a//0 -all", "", "[192.0.2.1]", true)
	f.Fuzz(func(t *testing.T, records, sender, helo string, v6 bool) {
		dns := &invented{records: strings.Split(records, "\n")}
		req := spf.Request{IP: netip.MustParseAddr("192.0.2.1"), Sender: sender, HELO: helo}
		if v6 {
			req.IP = netip.MustParseAddr("2001:db8::1")
		}
		out := (&spf.Checker{Resolver: dns}).Check(context.Background(), req)
		if dns.queries > maxQueries || out.Lookups > 11 || out.VoidLookups > 3 {
			t.Errorf("%d queries, %d look-ups, %d void", dns.queries, out.Lookups, out.VoidLookups)
		}
		bad := out.Result == spf.TempError || out.Result == spf.PermError || out.Result == spf.None
		if bad != (out.Problem != "") || bad && out.Mechanism != "" {
			t.Errorf("a problem without a word, or the reverse: %+v", out)
		}
		if n := len(out.Path); n > 0 && out.Path[n-1] != out.Domain || n > 11 {
			t.Errorf("path %q does not lead to %q", out.Path, out.Domain)
		}
	})
}

// invented is a Resolver that makes up an answer from the name: always the same for the same name.
type invented struct {
	records []string
	hang    bool
	queries int
}

// draw gives a number below n, or the error that a few names have.
func (r *invented) draw(ctx context.Context, name, kind string, n int) (int, error) {
	r.queries++
	if r.hang {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	h := fnv.New32a()
	fmt.Fprint(h, kind, strings.ToLower(name))
	sum := h.Sum32() >> 8
	if sum%31 == 0 {
		return 0, errors.New("SERVFAIL")
	}
	return int(sum) % n, nil
}

func (r *invented) LookupTXT(ctx context.Context, name string) ([]string, error) {
	n, err := r.draw(ctx, name, "TXT", len(r.records)+1)
	if err != nil || n == len(r.records) {
		return nil, err
	}
	return r.records[n : n+1], nil
}

func (r *invented) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	n, err := r.draw(ctx, name, "A", 8)
	return []netip.Addr{netip.AddrFrom4([4]byte{192, 0, 2, byte(n)})}[:min(n, 1)], err
}

func (r *invented) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	n, err := r.draw(ctx, name, "AAAA", 8)
	return []netip.Addr{netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(n)})}[:min(n, 1)], err
}

func (r *invented) LookupMX(ctx context.Context, name string) ([]string, error) {
	return r.hosts(ctx, name, "MX")
}

func (r *invented) LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error) {
	return r.hosts(ctx, ip.String(), "PTR")
}

func (r *invented) hosts(ctx context.Context, name, kind string) (hosts []string, err error) {
	n, err := r.draw(ctx, name, kind, 13)
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("h%d.example.com", i))
	}
	return hosts, err
}
