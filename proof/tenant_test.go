package proof

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ndrscan/internal/header"
)

const (
	guid      = "0f8fad5b-d9cb-469f-a165-70867728950e"
	otherGUID = "1f8fad5b-d9cb-469f-a165-70867728950e"
)

func stamped(lines ...string) header.Section {
	section, _ := header.Split([]byte(strings.Join(lines, "\r\n") + "\r\n\r\n"))
	return section
}

func TestTenantStamp(t *testing.T) {
	const id, as, org = "X-MS-Exchange-CrossTenant-Id: ", "X-MS-Exchange-CrossTenant-AuthAs: ", "X-OriginatorOrg: "
	byGUID, refused := NewTenants([]string{strings.ToUpper(guid), ConsumerTenant}, nil)
	if !slices.Equal(refused, []string{ConsumerTenant}) {
		t.Errorf("refused: %v", refused)
	}
	byName, _ := NewTenants([]string{"Acme.onmicrosoft.com"}, nil)
	tests := []struct {
		name    string
		section header.Section
		tenants Tenants
		ok      bool
		want    TenantEntry
	}{
		{"inside", stamped(id+guid, as+"Internal"), byGUID, true, TenantInside},
		{"outside", stamped(id+guid, as+"Anonymous"), byGUID, true, TenantOutside},
		{"not told", stamped(id + guid), byGUID, true, NotOurTenant},
		{"another's", stamped(id+otherGUID, as+"Internal"), byGUID, true, NotOurTenant},
		{"consumer", stamped(id+ConsumerTenant, as+"Internal"), byGUID, true, NotOurTenant},
		{"consumer under our name", stamped(id+ConsumerTenant, as+"Internal", org+"acme.onmicrosoft.com"), byName, true, NotOurTenant},
		{"by name", stamped(id+guid, as+"Internal", org+"acme.onmicrosoft.com"), byName, true, TenantInside},
		{"ours and another's", stamped(id+guid, id+otherGUID, as+"Internal"), byGUID, true, NotOurTenant},
		{"inside and outside", stamped(id+guid, as+"Anonymous", as+"Internal"), byGUID, true, NotOurTenant},
		{"the same twice", stamped(id+guid, id+guid, as+"Internal"), byGUID, true, TenantInside},
		{"no tenant", stamped(as + "Internal"), byGUID, false, NotOurTenant},
		{"no GUID", stamped(id+"ours", as+"Internal"), byGUID, false, NotOurTenant},
		{"nothing", nil, byGUID, false, NotOurTenant},
		{"nobody is ours", stamped(id+guid, as+"Internal"), Tenants{}, true, NotOurTenant},
	}
	for _, tt := range tests {
		s, ok := TenantStamp(tt.section)
		if ok != tt.ok || tt.tenants.Entry(s) != tt.want {
			t.Errorf("%s: %v %+v, %q", tt.name, ok, s, tt.tenants.Entry(s))
		}
	}
	s, _ := TenantStamp(stamped(id+guid, "X-MS-Exchange-CrossTenant-FromEntityHeader: HybridOnPrem", "X-MS-Exchange-CrossTenant-Network-Message-Id: "+otherGUID,
		"X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp: TenantId="+guid+";Ip=[203.0.113.7];Helo=[mail.example.com]"))
	if s.FromEntity != "hybridonprem" || s.NetworkID != otherGUID || s.ConnectingTenant != guid || s.ConnectingIP.String() != "203.0.113.7" || s.ConnectingHELO != "mail.example.com" {
		t.Errorf("%+v", s)
	}
}

func TestTenantSignsFor(t *testing.T) {
	tenants, _ := NewTenants([]string{"acme.onmicrosoft.com", "old-example-org.20150623.gappssmtp.com", guid}, []string{"Example.com"})
	for domain, want := range map[string]bool{
		"acme.onmicrosoft.com":                    true,
		"ACME.onmicrosoft.com.":                   true,
		"evil.onmicrosoft.com":                    false,
		"x.acme.onmicrosoft.com":                  false,
		"onmicrosoft.com":                         false,
		"example-com.20230601.gappssmtp.com":      true,
		"example-com.20150623.gappssmtp.com":      true,
		"old-example-org.20230601.gappssmtp.com":  true,
		"example-com.gappssmtp.com":               false,
		"evil.example-com.20230601.gappssmtp.com": false,
		"evil-com.20230601.gappssmtp.com":         false,
		"example.com":                             false, // ours, but no tenant's name
		"":                                        false,
	} {
		if got := tenants.SignsFor(domain); got != want {
			t.Errorf("%q: %v", domain, got)
		}
	}
}

func TestProviderOf(t *testing.T) {
	ranges := map[string]netip.Prefix{
		"spf.protection.outlook.com": netip.MustParsePrefix("203.0.113.0/24"),
		"_spf.google.com":            netip.MustParsePrefix("198.51.100.0/24"),
	}
	permits := func(domain string, ip netip.Addr) bool { return ranges[domain].Contains(ip) }
	for ip, want := range map[string]string{"203.0.113.7": "Microsoft 365", "198.51.100.7": "Google", "192.0.2.7": ""} {
		if p, ok := ProviderOf(netip.MustParseAddr(ip), permits); p.Name != want || ok != (want != "") {
			t.Errorf("%s: %+v", ip, p)
		}
	}
	if _, ok := ProviderOf(netip.Addr{}, func(string, netip.Addr) bool { return true }); ok {
		t.Error("no address has a provider")
	}
	if !Providers[0].SealedBy("microsoft.com") || Providers[0].SealedBy("google.com") {
		t.Error("who seals")
	}
}

func TestReplays(t *testing.T) {
	var r Replays
	if r.Replayed("a") {
		t.Error("nothing was seen")
	}
	for _, border := range []string{"203.0.113.1", "203.0.113.200", "198.51.100.1"} {
		r.Add("a", netip.MustParseAddr(border))
	}
	r.Add("b", netip.Addr{})
	r.Add("", netip.MustParseAddr("203.0.113.1"))
	if bounces, networks := r.Of("a"); bounces != 3 || networks != 2 || r.Replayed("a") {
		t.Errorf("%d, %d", bounces, networks)
	}
	r.Add("a", netip.MustParseAddr("2001:db8::1"))
	if !r.Replayed("a") || r.Replayed("b") || r.Distinct() != 2 || r.LeftOut() != 0 {
		t.Errorf("%d distinct", r.Distinct())
	}
}

// FuzzTenantStamp holds that no header section is taken for ours without our GUID or name in it.
func FuzzTenantStamp(f *testing.F) {
	f.Add("X-MS-Exchange-CrossTenant-Id: " + guid + "\r\nX-MS-Exchange-CrossTenant-AuthAs: Internal\r\n\r\n")
	f.Add("X-MS-Exchange-CrossTenant-OriginalAttributedTenantConnectingIp: TenantId=x;Ip=[1.2.3.4];Helo=[x]\r\n\r\n")
	tenants, _ := NewTenants([]string{guid}, nil)
	f.Fuzz(func(t *testing.T, text string) {
		section, _ := header.Split([]byte(text))
		s, _ := TenantStamp(section)
		if tenants.Entry(s) != NotOurTenant && !strings.Contains(strings.ToLower(text), guid) {
			t.Fatalf("%+v", s)
		}
	})
}
