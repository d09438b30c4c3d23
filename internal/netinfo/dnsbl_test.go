package netinfo

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"ndrscan/internal/dnstest"
	"ndrscan/resolve"
)

// client asks a name server on loopback that knows these records.
func client(t *testing.T, zone string) (*resolve.Client, *dnstest.Server) {
	t.Helper()
	srv := dnstest.Serve(t, zone)
	c, err := resolve.Open(srv.Addr, resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c, srv
}

// alive are the test entries of a list that works.
func alive(zones ...string) (records string) {
	for _, zone := range zones {
		records += "2.0.0.127." + zone + ". A 127.0.0.2\n"
	}
	return records
}

const (
	v4  = "7.2.0.192."
	v6  = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	zen = "zen.spamhaus.org"
)

func TestBlockLists(t *testing.T) {
	for _, tc := range []struct {
		name   string
		ip     string
		zone   string
		listed bool
		word   string // in the codes or the error
	}{
		{"not listed", "192.0.2.7", alive(zen), false, ""},
		{"listed", "192.0.2.7", alive(zen) + v4 + zen + ". A 127.0.0.4", true, "XBL"},
		{"mapped", "::ffff:192.0.2.7", alive(zen) + v4 + zen + ". A 127.0.0.10", true, "PBL"},
		{"IPv6", "2001:db8::1", alive(zen) + v6 + zen + ". A 127.0.0.3", true, "CSS"},
		{"a code nobody told us", "192.0.2.7", alive(zen) + v4 + zen + ". A 127.0.0.77", true, "127.0.0.77"},
		{"refused, open resolver", "192.0.2.7", alive(zen) + v4 + zen + ". A 127.255.255.254", false, "public resolvers"},
		{"refused, volume", "192.0.2.7", alive(zen) + v4 + zen + ". A 127.255.255.255", false, "too many"},
		{"refused, new code", "192.0.2.7", alive(zen) + v4 + zen + ". A 127.255.255.99", false, "127.255.255.99"},
		{"refused, the way of others", "192.0.2.7", alive(zen) + v4 + zen + ". A 127.0.0.1", false, "refuses your resolver"},
		{"an answer for domains", "192.0.2.7", alive(zen) + v4 + zen + ". A 127.0.1.2", false, "none that this list gives"},
		{"a captured zone", "192.0.2.7", alive(zen) + v4 + zen + ". A 198.51.100.1", false, "none that this list gives"},
		{"refused from the start", "192.0.2.7", "2.0.0.127." + zen + ". A 127.255.255.254", false, "public resolvers"},
		{"a zone that was emptied", "192.0.2.7", "other.example. A 192.0.2.1", false, "not listed: the list is closed"},
		{"a zone that lists the world", "192.0.2.7", alive(zen) + "1.0.0.127." + zen + ". A 127.0.0.2\n" + v4 + zen + ". A 127.0.0.2", false, "even 127.0.0.1"},
		{"a zone in other hands", "192.0.2.7", "2.0.0.127." + zen + ". A 198.51.100.1\n" + v4 + zen + ". A 198.51.100.1", false, "none that this list gives"},
	} {
		dns, _ := client(t, tc.zone)
		got := BlockLists(context.Background(), dns, netip.MustParseAddr(tc.ip))[0]
		if said := strings.Join(got.Codes, " ") + got.Err; got.Listed != tc.listed || !strings.Contains(said, tc.word) || tc.word == "" && said != "" {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}

func TestBlockListsWithoutDNS(t *testing.T) {
	dns, srv := client(t, alive(zen))
	srv.Fault(v4+zen, dnstest.ServFail)
	got := BlockLists(context.Background(), dns, netip.MustParseAddr("192.0.2.7"))[0]
	if got.Listed || got.Err == "" {
		t.Errorf("no answer: %+v", got)
	}
}

// A list without IPv6 data would call each such address clean.
func TestBlockListsThatKnowNoIPv6AreNotAsked(t *testing.T) {
	dns, _ := client(t, alive(zen, "bl.spamcop.net", "psbl.surriel.com"))
	var asked []string
	for _, l := range BlockLists(context.Background(), dns, netip.MustParseAddr("2001:db8::1")) {
		asked = append(asked, l.List)
	}
	if strings.Join(asked, " ") != zen {
		t.Errorf("asked %v", asked)
	}
	if got := BlockLists(context.Background(), dns, netip.MustParseAddr("192.0.2.7")); len(got) != len(lists) {
		t.Errorf("asked %v about IPv4", got)
	}
}
