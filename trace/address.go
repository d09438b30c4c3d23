package trace

import (
	"net/netip"
	"strconv"
	"strings"
)

// parseAddr reads an address as Received lines write it: bare or in brackets, with an IPv6: tag (RFC 5321 section
// 4.1.3), an IPv4-mapped form, a zone (RFC 4007, Exchange prints it).
func parseAddr(s string) (netip.Addr, bool) {
	for len(s) > 0 && (s[0] == '[' || s[0] == ']') {
		s = s[1:]
	}
	for len(s) > 0 && (s[len(s)-1] == '[' || s[len(s)-1] == ']') {
		s = s[:len(s)-1]
	}
	if len(s) > 5 && strings.EqualFold(s[:5], "IPv6:") {
		s = s[5:]
	}
	if len(s) < 2 || len(s) > 64 || strings.IndexByte("0123456789abcdefABCDEF:", s[0]) < 0 {
		return netip.Addr{}, false
	}
	if strings.IndexByte(s, ':') < 0 && !dottedQuad(s) {
		return netip.Addr{}, false // netip would say why at some length
	}
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}, false
	}
	return ip.WithZone("").Unmap(), true
}

// dottedQuad tells digits with three dots among them.
func dottedQuad(s string) bool {
	dots := 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '.':
			dots++
		case c < '0' || c > '9':
			return false
		}
	}
	return dots == 3
}

// cutBracketed takes "[address]", "[address]:port" or "[address:port]" (IPv4) from the start of s.
func cutBracketed(s string) (ip netip.Addr, port int, rest string, ok bool) {
	end := strings.IndexByte(s, ']')
	if end < 0 || s[0] != '[' {
		return ip, 0, s, false
	}
	rest = s[end+1:]
	if ip, ok = parseAddr(s[1:end]); !ok {
		both, err := netip.ParseAddrPort(s[1:end])
		if err != nil || !both.Addr().Is4() {
			return ip, 0, s, false
		}
		return both.Addr(), int(both.Port()), rest, true
	}
	if strings.HasPrefix(rest, ":") {
		digits := rest[1:]
		if blank := strings.IndexAny(digits, " \t"); blank >= 0 {
			digits = digits[:blank]
		}
		port = parsePort(digits)
		rest = rest[1+len(digits):]
	}
	return ip, port, rest, true
}

// parsePort gives 0 for anything that is no port.
func parsePort(s string) int {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return int(n)
}

var (
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598: carriers and overlay networks
	sixToFour   = netip.MustParsePrefix("2002::/16")     // RFC 3056: an IPv4 address inside; Google stamps 10.x so
)

// inner tells an address that cannot come from the open network: loopback, private, link-local, unspecified.
// Documentation networks count as ordinary public addresses.
func inner(ip netip.Addr) bool { return Inner(ip) }

// Inner tells an address that only a site's own network knows: loopback, private, link-local, shared (RFC 6598).
func Inner(ip netip.Addr) bool {
	if !ip.IsValid() {
		return false
	}
	if ip.Is6() && sixToFour.Contains(ip) {
		b := ip.As16()
		ip = netip.AddrFrom4([4]byte(b[2:6]))
	}
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.Is4() && sharedSpace.Contains(ip)
}
