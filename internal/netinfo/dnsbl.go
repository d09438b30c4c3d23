// Package netinfo asks DNS what third parties know about an address. So far that is whether block lists have it.
//
// Each question tells whoever runs the list which addresses are looked at, so nothing here happens unless it is asked
// for (--enrich).
package netinfo

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Resolver is the DNS that block lists need. No records and a nil error mean that the name doesn't exist.
type Resolver interface {
	LookupA(ctx context.Context, name string) ([]netip.Addr, error)
}

// Listing is what one block list says about one address (RFC 5782).
type Listing struct {
	List   string
	Listed bool
	Codes  []string // words for the answers
	Err    string   // the list gave no answer; a refusal is no listing
}

// lists are the block lists that are asked, and what their answers mean. Spamhaus: its page "Data Sources and return
// codes"; SpamCop: its page on the blocking list.
var lists = []struct {
	zone  string
	codes map[string]string
}{
	{"zen.spamhaus.org", map[string]string{
		"127.0.0.2": "SBL, a source of spam", "127.0.0.3": "CSS, a source of spam", "127.0.0.4": "XBL, an infected machine",
		"127.0.0.9": "DROP, a network in criminal hands", "127.0.0.10": "PBL, an end user's line (its provider says so)",
		"127.0.0.11": "PBL, an end user's line", "127.0.0.30": "BCL, a control server of bots",
	}},
	{"bl.spamcop.net", map[string]string{"127.0.0.2": "reported for spam lately"}},
}

// refusals are answers of Spamhaus that mean "no answer for you"; taken for a listing they would block all mail.
var refusals = map[string]string{
	"127.255.255.252": "the zone's name is mistyped",
	"127.255.255.254": "it doesn't answer public resolvers: ask through a resolver of your own (--dns)",
	"127.255.255.255": "too many questions from your resolver",
}

// BlockLists asks each list about an address.
func BlockLists(ctx context.Context, dns Resolver, ip netip.Addr) (all []Listing) {
	for _, l := range lists {
		all = append(all, ask(ctx, dns, l.zone, l.codes, ip.Unmap()))
	}
	return all
}

func ask(ctx context.Context, dns Resolver, zone string, codes map[string]string, ip netip.Addr) Listing {
	l := Listing{List: zone}
	addrs, err := dns.LookupA(ctx, reversed(ip)+"."+zone)
	if err != nil {
		l.Err = err.Error()
		return l
	}
	for _, a := range addrs {
		code := a.String()
		switch words := codes[code]; {
		case strings.HasPrefix(code, "127.255.255."):
			l.Err = refusals[code]
			if l.Err == "" {
				l.Err = "it answers with an error, " + code
			}
		case !a.Is4() || a.As4()[0] != 127: // RFC 5782 section 2.1: an answer outside 127/8 is a broken or captured zone
			l.Err = "its answer " + code + " is none that a block list gives"
		case words != "":
			l.Codes = append(l.Codes, words)
		default:
			l.Codes = append(l.Codes, code)
		}
	}
	l.Listed = len(l.Codes) > 0
	return l
}

// reversed writes an address as block lists want it: the octets, or the nibbles, backwards.
func reversed(ip netip.Addr) string {
	var parts []string
	if ip.Is4() {
		for _, b := range ip.As4() {
			parts = append(parts, strconv.Itoa(int(b)))
		}
	} else {
		for _, b := range ip.As16() {
			parts = append(parts, strconv.FormatInt(int64(b>>4), 16), strconv.FormatInt(int64(b&15), 16))
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}
