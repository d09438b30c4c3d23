package netinfo

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
)

// AS is the network that announces an address, as Team Cymru's "IP to ASN Mapping" has it from BGP feeds and the registries.
type AS struct {
	Number  uint32
	Name    string
	Country string // of the registration, not of the machine's place
	Prefix  netip.Prefix
}

// The zones of the mapping service (Team Cymru, "IP to ASN Mapping", section DNS).
const (
	originZone  = "origin.asn.cymru.com"
	originZone6 = "origin6.asn.cymru.com"
	nameZone    = "asn.cymru.com"
)

// Origin asks for the network that announces an address. An address that nobody announces gives a zero AS and no error.
func Origin(ctx context.Context, dns Resolver, ip netip.Addr) (AS, error) {
	zone := originZone
	if ip.Is6() {
		zone = originZone6
	}
	texts, err := dns.LookupTXT(ctx, reversed(ip)+"."+zone)
	if err != nil {
		return AS{}, err
	}
	var best AS
	for _, text := range texts {
		if as, ok := parseOrigin(text); ok && as.Prefix.Contains(ip) && (best.Number == 0 || as.Prefix.Bits() > best.Prefix.Bits()) {
			best = as
		}
	}
	if best.Number == 0 {
		return AS{}, nil
	}
	texts, err = dns.LookupTXT(ctx, "AS"+strconv.FormatUint(uint64(best.Number), 10)+"."+nameZone)
	for _, text := range texts {
		if name := parseName(text, best.Number); name != "" {
			best.Name = name
			break
		}
	}
	return best, err
}

// parseOrigin reads "23028 | 216.90.108.0/24 | US | arin | 1998-09-25". Where several networks announce a prefix, they
// stand in the first field one after the other; the first is taken. "NA" stands for none.
func parseOrigin(text string) (AS, bool) {
	fields := bars(text)
	if len(fields) < 2 {
		return AS{}, false
	}
	first, _, _ := strings.Cut(fields[0], " ")
	number, ok := parseNumber(first)
	prefix, err := netip.ParsePrefix(fields[1])
	if !ok || err != nil {
		return AS{}, false
	}
	as := AS{Number: number, Prefix: prefix.Masked()}
	if len(fields) > 2 && isCountry(fields[2]) {
		as.Country = strings.ToUpper(fields[2])
	}
	return as, true
}

// maxName bounds the name of a network, in bytes.
const maxName = 200

// parseName reads "23028 | US | arin | 2002-01-04 | TEAMCYMRU - SAUNET, US". A name may hold bars of its own.
func parseName(text string, number uint32) string {
	fields := bars(text)
	if len(fields) < 5 {
		return ""
	}
	if n, ok := parseNumber(fields[0]); !ok || n != number {
		return ""
	}
	name := strings.Join(fields[4:], " | ")
	return strings.ToValidUTF8(name[:min(len(name), maxName)], "")
}

func bars(text string) []string {
	fields := strings.Split(text, "|")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

func parseNumber(text string) (uint32, bool) {
	n, err := strconv.ParseUint(strings.TrimPrefix(strings.ToUpper(text), "AS"), 10, 32)
	return uint32(n), err == nil && n > 0
}

func isCountry(text string) bool {
	return len(text) == 2 && strings.Trim(strings.ToUpper(text), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
