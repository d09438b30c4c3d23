package netinfo

import (
	"context"
	"net/netip"
	"strings"
)

// Listing is what one block list says about one address (RFC 5782).
type Listing struct {
	List   string
	Listed bool
	Codes  []string // words for the answers
	Err    string   // the list gave no answer that can be believed; a refusal is no listing
}

// list is a block list. ipv6 says that it takes questions about IPv6 addresses.
type list struct {
	zone  string
	ipv6  bool
	codes map[string]string // what its answers mean
}

// lists are the block lists that are asked, and what their answers mean. Spamhaus: its page "Data Sources and return
// codes"; SpamCop: its page on the blocking list; PSBL: psbl.org, "How to use PSBL" (one code).
//
// Left out: SORBS, closed on 5 June 2024 (Proofpoint's notice at sorbs.net) with its zones emptied, and NiX Spam
// (ix.dnsbl.manitu.net), closed in January 2025; both would call everybody clean. Barracuda answers only resolvers that
// were registered, Abusix only holders of a key. UCEPROTECT levels 2 and 3 list whole providers for single customers.
var lists = []list{
	{"zen.spamhaus.org", true, map[string]string{
		"127.0.0.2": "SBL, a source of spam", "127.0.0.3": "CSS, a source of spam", "127.0.0.4": "XBL, an infected machine",
		"127.0.0.9": "DROP, a network in criminal hands", "127.0.0.10": "PBL, an end user's line (its provider says so)",
		"127.0.0.11": "PBL, an end user's line", "127.0.0.30": "BCL, a control server of bots",
	}},
	{"bl.spamcop.net", false, map[string]string{"127.0.0.2": "reported for spam lately"}},
	{"psbl.surriel.com", false, map[string]string{"127.0.0.2": "wrote to a spam trap lately"}},
}

// refusals are answers that mean "no answer for you"; taken for a listing they would block all mail. The three of
// 127.255.255.0/24 are Spamhaus's; others say the same with 127.0.0.1, which RFC 5782 section 5 keeps from being a listing.
var refusals = map[string]string{
	"127.0.0.1":       "it answers 127.0.0.1, which is no listing: it probably refuses your resolver",
	"127.255.255.252": "the zone's name is mistyped",
	"127.255.255.254": "it doesn't answer public resolvers: ask through a resolver of your own (--dns)",
	"127.255.255.255": "too many questions from your resolver",
}

// listingCodes is where answers of address lists lie: Spamhaus keeps 127.0.0.0/24 for them, the other two use 127.0.0.2.
// What else lies in 127/8 is an error, or another kind of list under the same name.
var listingCodes = netip.MustParsePrefix("127.0.0.0/24")

// BlockLists asks each list about an address. A list is believed only while its test entries are right (RFC 5782 section
// 5): else a zone that is gone would call everybody clean, and one that somebody took over with a wildcard, nobody.
func BlockLists(ctx context.Context, dns Resolver, ip netip.Addr) (all []Listing) {
	ip = ip.Unmap()
	for _, l := range lists {
		if ip.Is6() && !l.ipv6 {
			continue
		}
		if why := l.distrust(ctx, dns); why != "" {
			all = append(all, Listing{List: l.zone, Err: why})
			continue
		}
		all = append(all, l.ask(ctx, dns, ip))
	}
	return all
}

// The test entries of RFC 5782 section 5: the one is always listed, the other never.
var (
	alwaysListed = netip.MustParseAddr("127.0.0.2")
	neverListed  = netip.MustParseAddr("127.0.0.1")
)

// distrust says what is wrong with a list; "" if nothing is.
func (l *list) distrust(ctx context.Context, dns Resolver) string {
	switch test := l.ask(ctx, dns, alwaysListed); {
	case test.Err != "":
		return test.Err
	case !test.Listed:
		return "its test entry 127.0.0.2 is not listed: the list is closed, or hidden from your resolver"
	}
	switch test := l.ask(ctx, dns, neverListed); {
	case test.Listed:
		return "it lists even 127.0.0.1: the list is closed, or its name is in other hands"
	case test.Err != "":
		return test.Err
	}
	return ""
}

func (l *list) ask(ctx context.Context, dns Resolver, ip netip.Addr) Listing {
	said := Listing{List: l.zone}
	addrs, err := dns.LookupA(ctx, reversed(ip)+"."+l.zone)
	if err != nil {
		said.Err = err.Error()
		return said
	}
	for _, a := range addrs {
		code := a.String()
		switch words := l.codes[code]; {
		case refusals[code] != "":
			said.Err = refusals[code]
		case strings.HasPrefix(code, "127.255.255."):
			said.Err = "it answers with an error, " + code
		case !listingCodes.Contains(a):
			said.Err = "its answer " + code + " is none that this list gives"
		case words != "":
			said.Codes = append(said.Codes, words)
		default:
			said.Codes = append(said.Codes, code)
		}
	}
	said.Listed = len(said.Codes) > 0
	return said
}
