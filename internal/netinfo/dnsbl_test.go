package netinfo

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// answers is a DNS of addresses by name; "error" is a failure.
type answers map[string]string

func (a answers) LookupA(_ context.Context, name string) (list []netip.Addr, err error) {
	for _, text := range strings.Fields(a[name]) {
		if text == "error" {
			return nil, errors.New("no answer in time")
		}
		list = append(list, netip.MustParseAddr(text))
	}
	return list, nil
}

func TestBlockLists(t *testing.T) {
	const v4, v6 = "7.2.0.192.", "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2."
	for _, tc := range []struct {
		name   string
		ip     string
		dns    answers
		listed bool
		word   string // in the codes or the error
	}{
		{"not listed", "192.0.2.7", nil, false, ""},
		{"listed", "192.0.2.7", answers{v4 + "zen.spamhaus.org": "127.0.0.4"}, true, "XBL"},
		{"mapped", "::ffff:192.0.2.7", answers{v4 + "zen.spamhaus.org": "127.0.0.10"}, true, "PBL"},
		{"IPv6", "2001:db8::1", answers{v6 + "zen.spamhaus.org": "127.0.0.3"}, true, "CSS"},
		{"a code nobody told us", "192.0.2.7", answers{v4 + "zen.spamhaus.org": "127.0.0.77"}, true, "127.0.0.77"},
		{"refused, open resolver", "192.0.2.7", answers{v4 + "zen.spamhaus.org": "127.255.255.254"}, false, "public resolvers"},
		{"refused, volume", "192.0.2.7", answers{v4 + "zen.spamhaus.org": "127.255.255.255"}, false, "too many"},
		{"refused, new code", "192.0.2.7", answers{v4 + "zen.spamhaus.org": "127.255.255.99"}, false, "127.255.255.99"},
		{"a captured zone", "192.0.2.7", answers{v4 + "zen.spamhaus.org": "198.51.100.1"}, false, "none that a block list gives"},
		{"no DNS", "192.0.2.7", answers{v4 + "zen.spamhaus.org": "error"}, false, "in time"},
	} {
		got := BlockLists(context.Background(), tc.dns, netip.MustParseAddr(tc.ip))[0]
		if said := strings.Join(got.Codes, " ") + got.Err; got.Listed != tc.listed || !strings.Contains(said, tc.word) || tc.word == "" && said != "" {
			t.Errorf("%s: %+v", tc.name, got)
		}
	}
}
