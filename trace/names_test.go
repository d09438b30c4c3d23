package trace

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
)

var errDNS = errors.New("no answer")

// zone is a resolver of a few records. Names in broken can't be answered.
type zone struct {
	ptr    map[string][]string
	hosts  map[string][]string
	mx     map[string][]string
	broken map[string]bool
}

func (z zone) LookupPTR(_ context.Context, ip netip.Addr) ([]string, error) {
	if z.broken[ip.String()] {
		return nil, errDNS
	}
	return z.ptr[ip.String()], nil
}

func (z zone) lookup(name string, v6 bool) ([]netip.Addr, error) {
	if z.broken[name] {
		return nil, errDNS
	}
	var list []netip.Addr
	for _, s := range z.hosts[name] {
		if ip := netip.MustParseAddr(s); ip.Is6() == v6 {
			list = append(list, ip)
		}
	}
	return list, nil
}

func (z zone) LookupA(_ context.Context, name string) ([]netip.Addr, error) {
	return z.lookup(name, false)
}
func (z zone) LookupAAAA(_ context.Context, name string) ([]netip.Addr, error) {
	return z.lookup(name, true)
}

func (z zone) LookupMX(_ context.Context, name string) ([]string, error) {
	if z.broken[name] {
		return nil, errDNS
	}
	return z.mx[name], nil
}

// testZone: our servers, a site with a gateway and an inner host, an access provider, a liar.
func testZone() zone {
	return zone{
		ptr: map[string][]string{
			"192.0.2.1": {"mx.example.com."}, "192.0.2.2": {"submit.example.com."}, "192.0.2.3": {"www.example.com."},
			"198.51.100.10": {"mx.site.example."}, "198.51.100.11": {"inner.site.example."}, "198.51.100.20": {"gw.filter.example."},
			"198.51.100.30": {"relay.other.example."}, "203.0.113.9": {"dyn-203-0-113-9.pool.isp.example."},
			"203.0.113.66": {"submit.example.com."}, "203.0.113.12": {"dyn-203-0-113-12.site.example."},
		},
		hosts: map[string][]string{
			"mx.example.com": {"192.0.2.1", "2001:db8::1"}, "submit.example.com": {"192.0.2.2"}, "www.example.com": {"192.0.2.3"},
			"mx.site.example": {"198.51.100.10"}, "inner.site.example": {"198.51.100.11"}, "gw.filter.example": {"198.51.100.20"},
			"relay.other.example": {"198.51.100.30"}, "dyn-203-0-113-9.pool.isp.example": {"203.0.113.9"},
			"dyn-203-0-113-12.site.example": {"203.0.113.12"}, "lone.host.example": {"192.0.2.77"},
			"b.site.example": {"2001:db8:7::2"},
		},
		mx: map[string][]string{"example.com": {"mx.example.com"}, "site.example": {"mx.site.example"}, "cust.example": {"gw.filter.example"}},
	}
}

func TestOrgDomain(t *testing.T) {
	for name, want := range map[string]string{
		"mx1.mail.example.co.uk": "example.co.uk", "Example.COM.": "example.com", "a.b.example": "b.example",
		"co.uk": "", "localhost": "", "192.0.2.1": "", "[192.0.2.1]": "", "": "", "a..b": "", "x y.example.com": "",
	} {
		if got := OrgDomain(name); got != want {
			t.Errorf("OrgDomain(%q) = %q, want %q", name, got, want)
		}
	}
}

func TestAccessLine(t *testing.T) {
	tests := []struct {
		name, ip string
		want     bool
	}{
		{"dyn-203-0-113-9.pool.isp.example", "203.0.113.9", true},
		{"203-0-113-9.isp.example", "203.0.113.9", true},
		{"9.113.0.203.isp.example", "203.0.113.9", true},
		{"host203000113009.isp.example", "203.0.113.9", true},
		{"cb007109.isp.example", "203.0.113.9", true},
		{"adsl-7.isp.example", "203.0.113.9", true},
		{"customer7.isp.example", "203.0.113.9", true},
		{"dhcp.campus.example.edu", "203.0.113.9", true},
		{"v6-cafe0025.isp.example", "2001:db8::cafe:25", true},
		{"mx.example.com", "203.0.113.9", false},
		{"mail9.example.com", "203.0.113.9", false},
		{"mail-203-0-113-9.example.com", "203.0.113.9", false},
		{"smtp.dyn.com", "203.0.113.9", false}, // the word is the organisation's
		{"submit.example.com", "2001:db8:1::2", false},
		{"a27-8.smtp-out.us-west-2.amazonses.com", "54.240.27.8", false},
		{"", "203.0.113.9", false},
	}
	for _, tt := range tests {
		if got := AccessLine(tt.name, addr(tt.ip)); got != tt.want {
			t.Errorf("AccessLine(%q, %s) = %v", tt.name, tt.ip, got)
		}
	}
}

func TestConfirmedNames(t *testing.T) {
	z := testZone()
	z.ptr["192.0.2.9"] = []string{"not a name", "elsewhere.example.com.", "mx.example.com."}
	z.hosts["mx.example.com"] = append(z.hosts["mx.example.com"], "192.0.2.9")
	z.broken = map[string]bool{"203.0.113.200": true, "dyn-203-0-113-9.pool.isp.example": true}
	tests := []struct {
		ip, name  string
		confirmed bool
		fails     bool
	}{
		{"192.0.2.1", "mx.example.com", true, false},
		{"192.0.2.9", "mx.example.com", true, false},
		{"203.0.113.66", "submit.example.com", false, false},
		{"203.0.113.99", "", false, false},
		{"203.0.113.200", "", false, true},
		{"203.0.113.9", "dyn-203-0-113-9.pool.isp.example", false, true},
	}
	for _, tt := range tests {
		var h host
		h.names, h.first, h.err = confirmedNames(context.Background(), z, addr(tt.ip))
		name, confirmed := h.name()
		err := h.err
		if name != tt.name || confirmed != tt.confirmed || (err != nil) != tt.fails {
			t.Errorf("%s: %q %v %v", tt.ip, name, confirmed, err)
		}
	}
}

func TestNewOwnRefuses(t *testing.T) {
	for _, value := range []string{
		"gmail.com", "mail.yahoo.co.uk", "gmx.de", "outlook.com", "contoso.onmicrosoft.com", "co.uk", "com", "localhost", "0.0.0.0/0",
		"10.0.0.0/7", "2000::/3", "300.1.2.3", "1.2.3.4/40", "a b.example.com", "bob@example.com", "https://example.com", "tenant:", "", "-",
	} {
		if _, err := NewOwn([]string{value}, nil, nil); err == nil {
			t.Errorf("--own %q is taken", value)
		}
	}
	for _, value := range []string{"example.com", "0.0.0.0/0", "", "x"} {
		if _, err := NewOwn(nil, []string{value}, nil); err == nil {
			t.Errorf("--own-net %q is taken", value)
		}
	}
	own, err := NewOwn(nil, nil, []string{"gmail.com", "example.com", "EXAMPLE.com", "", "com"})
	if err != nil || !slices.Equal(own.Domains(), []string{"example.com"}) {
		t.Errorf("account domains %v, %v", own.Domains(), err)
	}
}

func TestOwn(t *testing.T) {
	ctx, z := context.Background(), testZone()
	for _, ip := range []string{"203.0.113.14", "203.0.113.15"} {
		name := "dsl-" + ip[8:] + ".pool.example.com"
		z.ptr[ip], z.hosts[name] = []string{name + "."}, []string{ip}
	}
	own, err := NewOwn([]string{"example.com", "lone.host.example", "203.0.113.15", "192.0.2.128/25", "2001:db8:5::1", "tenant:abc"}, []string{"198.51.100.128/25", "10.1.2.3"}, []string{"example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Resolve(ctx, z); err != nil {
		t.Fatal(err)
	}
	for ip, want := range map[string]string{
		"192.0.2.1": RuleConfirmedName, "192.0.2.77": RuleFlag, "192.0.2.200": RuleFlag, "2001:db8:5::1": RuleFlag, "::ffff:192.0.2.1": RuleConfirmedName,
		"203.0.113.66": "", "198.51.100.10": "", "198.51.100.200": "", "10.1.2.3": "",
		"203.0.113.14": "", "203.0.113.15": RuleFlag, // access lines under a domain of ours
	} {
		rule, ok, err := own.Server(ctx, z, addr(ip))
		if rule != want || ok != (want != "") || err != nil {
			t.Errorf("Server(%s) = %q %v %v, want %q", ip, rule, ok, err, want)
		}
	}
	for name, want := range map[string]bool{
		"example.com": true, "A.Example.com.": true, "example.org": true, "notexample.com": false, "lone.host.example": false, "com": false, "": false,
	} {
		if own.Domain(name) != want {
			t.Errorf("Domain(%q) = %v", name, !want)
		}
	}
	if !own.Client(addr("198.51.100.200")) || !own.Client(addr("10.1.2.3")) || own.Client(addr("192.0.2.1")) || own.Client(netip.Addr{}) {
		t.Error("client networks")
	}
	if rule, ok, err := own.Server(ctx, nil, addr("192.0.2.1")); ok || err != nil {
		t.Errorf("without a resolver: %q %v", rule, err)
	}
	own.Candidate("relay.other.example", addr("198.51.100.30"))
	own.Candidate("mx.example.com", addr("192.0.2.1")) // known better already
	want := []OwnHost{
		{"192.0.2.200", addr("192.0.2.200"), RuleFlag, ""}, {"2001:db8:5::1", addr("2001:db8:5::1"), RuleFlag, ""}, {"203.0.113.15", addr("203.0.113.15"), RuleFlag, ""}, {"lone.host.example", addr("192.0.2.77"), RuleFlag, ""},
		{"mx.example.com", addr("192.0.2.1"), RuleConfirmedName, ""}, {"relay.other.example", addr("198.51.100.30"), RuleCandidate, "an SPF pass"},
	}
	if got := own.Seen(); !slices.Equal(got, want) {
		t.Errorf("seen %v", got)
	}
}

func TestOwnDNSFails(t *testing.T) {
	ctx, z := context.Background(), testZone()
	z.broken = map[string]bool{"example.com": true, "192.0.2.1": true}
	own, err := NewOwn([]string{"example.com"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := own.Resolve(ctx, z); !errors.Is(err, errDNS) {
		t.Errorf("Resolve: %v", err)
	}
	if _, ok, err := own.Server(ctx, z, addr("192.0.2.1")); ok || !errors.Is(err, errDNS) {
		t.Errorf("Server: %v %v", ok, err)
	}
	if _, ok, err := own.Server(ctx, z, addr("192.0.2.2")); !ok || err != nil {
		t.Errorf("an answered name must count: %v %v", ok, err)
	}
}

// A client network has names under our domain as often as not: its machines are no servers, and no line of theirs is
// believed. The same address named by --own is one.
func TestClientNetworkIsNoServer(t *testing.T) {
	dns := zone{ptr: map[string][]string{"203.0.113.130": {"office.example.com"}},
		hosts: map[string][]string{"office.example.com": {"203.0.113.130"}}}
	for _, own := range []string{"example.com", "203.0.113.130"} {
		o, err := NewOwn([]string{"example.com", own}, []string{"203.0.113.128/25"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, ok, err := o.Server(context.Background(), dns, addr("203.0.113.130"))
		if want := own != "example.com"; ok != want || err != nil {
			t.Errorf("--own %s: server %v, %v, want %v", own, ok, err, want)
		}
	}
}
