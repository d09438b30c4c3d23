package netinfo

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"ndrscan/internal/dnstest"
)

// The answers are in the form that Team Cymru's page shows.
func TestOrigin(t *testing.T) {
	const named = "AS64500.asn.cymru.com. TXT \"64500 | NL | ripencc | 2002-01-04 | EXAMPLE-NET - Example | Co, NL\"\n"
	for _, tc := range []struct {
		name, ip, zone string
		want           AS
	}{
		{"plain", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "64500 | 192.0.2.0/24 | NL | ripencc | 1998-09-25"` + "\n" + named,
			AS{64500, "EXAMPLE-NET - Example | Co, NL", "NL", netip.MustParsePrefix("192.0.2.0/24")}},
		{"several announce it", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "64500 64501 | 192.0.2.0/24 | NL | ripencc | 1998-09-25"`,
			AS{64500, "", "NL", netip.MustParsePrefix("192.0.2.0/24")}},
		{"the narrowest of several", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "64501 | 192.0.0.0/16 | US | arin | "` + "\n" +
			v4 + `origin.asn.cymru.com. TXT "64500 | 192.0.2.0/24 | NL | ripencc | 1998-09-25"`, AS{64500, "", "NL", netip.MustParsePrefix("192.0.2.0/24")}},
		{"IPv6", "2001:db8::1", v6 + `origin6.asn.cymru.com. TXT "64500 | 2001:db8::/32 | NL | ripencc | 1999-08-26"`,
			AS{64500, "", "NL", netip.MustParsePrefix("2001:db8::/32")}},
		{"no spaces, no country", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "AS64500|192.0.2.0/24||ripencc"`, AS{64500, "", "", netip.MustParsePrefix("192.0.2.0/24")}},
		{"nobody announces it", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "NA | NA | NL | ripencc | "`, AS{}},
		{"another's network", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "64500 | 198.51.100.0/24 | NL | ripencc | "`, AS{}},
		{"a name for another", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "64500 | 192.0.2.0/24 | NLD | x | "` + "\n" +
			`AS64500.asn.cymru.com. TXT "64501 | NL | ripencc | 2002-01-04 | OTHER"`, AS{64500, "", "", netip.MustParsePrefix("192.0.2.0/24")}},
		{"words", "192.0.2.7", v4 + `origin.asn.cymru.com. TXT "please register at https://example.com/"`, AS{}},
		{"nothing", "192.0.2.7", named, AS{}},
	} {
		dns, _ := client(t, tc.zone)
		got, err := Origin(context.Background(), dns, netip.MustParseAddr(tc.ip))
		if got != tc.want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", tc.name, got, err, tc.want)
		}
	}
}

func TestContacts(t *testing.T) {
	at := v4 + "abuse-contacts.abusix.zone. TXT "
	for _, tc := range []struct{ name, zone, want string }{
		{"one", at + `"abuse@isp.example"`, "abuse@isp.example"},
		{"several, twice", at + `"noc@isp.example, ABUSE@isp.example"` + "\n" + at + `"abuse@isp.example"`, "abuse@isp.example noc@isp.example"},
		{"none", "other.example. A 192.0.2.1", ""},
		{"words", at + `"Abusix ContactDB Test point"`, ""},
		{"no host", at + `"root@localhost"`, ""},
		{"a field more", at + `"abuse@isp.example\013\010Bcc: all@isp.example"`, "all@isp.example"},
		{"an option of a command", at + `"-oQ/tmp@isp.example"`, ""},
		{"another address behind it", at + `"<abuse@isp.example>"`, ""},
	} {
		dns, _ := client(t, tc.zone)
		got, err := Contacts(context.Background(), dns, netip.MustParseAddr("192.0.2.7"))
		if strings.Join(got, " ") != tc.want || err != nil {
			t.Errorf("%s: %q, %v; want %q", tc.name, got, err, tc.want)
		}
	}
}

func TestMailAddress(t *testing.T) {
	for text, want := range map[string]bool{
		"abuse@isp.example": true, "net.abuse+x@sub.isp.example": true, "abuse@xn--bcher-kva.example": true,
		"abuse": false, "abuse@isp": false, "@isp.example": false, "a b@isp.example": false, "a@b@isp.example": false, "a..b@isp.example": false,
		"a@-isp.example": false, "a@isp.example\r\nBcc: x@y.example": false, "a@isp.example\n": false, "ä@isp.example": false, `"a"@isp.example`: false, "a@192.0.2.1": false,
		strings.Repeat("a", 65) + "@isp.example": false, "a@" + strings.Repeat("b.", 130) + "example": false,
	} {
		if IsMailAddress(text) != want {
			t.Errorf("%q: want %t", text, want)
		}
	}
}

// Everything about many addresses, over the network: each question once, nothing that wasn't asked for.
func TestAll(t *testing.T) {
	zone := alive(zen, "bl.spamcop.net")
	var ips []netip.Addr
	for i := range 40 {
		ips = append(ips, netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}))
		zone += fmt.Sprintf("%d.2.0.192.origin.asn.cymru.com. TXT \"64500 | 192.0.2.0/24 | NL | ripencc | \"\n", i)
	}
	zone += "AS64500.asn.cymru.com. TXT \"64500 | NL | ripencc | | EXAMPLE-NET\"\n7.2.0.192." + zen + ". A 127.0.0.4\n"
	dns, srv := client(t, zone)
	all := Questions{AS: true, Lists: true}.All(context.Background(), dns, ips)
	if len(all) != len(ips) {
		t.Fatalf("%d answers for %d addresses", len(all), len(ips))
	}
	got := all[netip.MustParseAddr("192.0.2.7")]
	if got.AS.Name != "EXAMPLE-NET" || !slices.Equal(got.Listed, []string{zen}) || got.Contacts != nil {
		t.Errorf("%+v", got)
	}
	if !slices.ContainsFunc(got.Problems, func(p string) bool { return strings.Contains(p, "psbl.surriel.com gave no answer") }) {
		t.Errorf("the dead list is not named: %q", got.Problems)
	}
	for _, name := range []string{"AS64500.asn.cymru.com", "2.0.0.127." + zen} {
		if n := srv.Asked(name, "A") + srv.Asked(name, "TXT"); n != 1 {
			t.Errorf("%s was asked %d times", name, n)
		}
	}
	if n := srv.Asked("7.2.0.192.abuse-contacts.abusix.zone", "TXT"); n != 0 {
		t.Errorf("contacts were asked for %d times, nobody wanted them", n)
	}
}

func TestAllEndsWithItsContext(t *testing.T) {
	ctx, stop := context.WithCancel(context.Background())
	stop()
	dns, srv := client(t, alive(zen))
	if all := (Questions{AS: true}).All(ctx, dns, []netip.Addr{netip.MustParseAddr("192.0.2.7")}); len(all) != 0 || srv.Queries() != 0 {
		t.Errorf("%v after %d queries", all, srv.Queries())
	}
}

// Nobody is told about the inside of a network.
func TestNobodyIsAskedAboutPrivateAddresses(t *testing.T) {
	dns, srv := client(t, alive(zen))
	for _, ip := range []string{"10.0.0.1", "192.168.1.1", "172.16.0.1", "100.64.0.1", "127.0.0.1", "169.254.0.1", "0.0.0.0", "224.0.0.1", "::1", "fe80::1", "fc00::1", "::ffff:10.0.0.1"} {
		got := Questions{AS: true, Lists: true, Contacts: true}.Ask(context.Background(), dns, netip.MustParseAddr(ip))
		if got.AS.Number != 0 || got.Problems != nil {
			t.Errorf("%s: %+v", ip, got)
		}
	}
	if n := srv.Queries(); n != 0 {
		t.Errorf("%d questions left the machine", n)
	}
}

func TestNoAnswerIsNamed(t *testing.T) {
	dns, srv := client(t, alive(zen))
	srv.Fault(v4+"origin.asn.cymru.com", dnstest.ServFail)
	srv.Fault(v4+"abuse-contacts.abusix.zone", dnstest.ServFail)
	got := Questions{AS: true, Contacts: true}.Ask(context.Background(), dns, netip.MustParseAddr("192.0.2.7"))
	if len(got.Problems) != 2 || got.AS.Number != 0 || got.Contacts != nil {
		t.Errorf("%+v", got)
	}
}

func FuzzOrigin(f *testing.F) {
	f.Add("64500 64501 | 192.0.2.0/24 | NL | ripencc | 1998-09-25", "64500 | NL | ripencc | 2002-01-04 | EXAMPLE, NL")
	f.Add("NA | NA | | |", "|||||")
	f.Fuzz(func(t *testing.T, origin, name string) {
		as, ok := parseOrigin(origin)
		if ok != (as.Number != 0) || ok && (!as.Prefix.IsValid() || len(as.Country) != 0 && len(as.Country) != 2) {
			t.Errorf("%q: %+v, %t", origin, as, ok)
		}
		if got := parseName(name, as.Number); len(got) > maxName {
			t.Errorf("a name of %d bytes", len(got))
		}
	})
}
