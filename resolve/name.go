package resolve

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// miekg/dns keeps names and TXT strings in the presentation format of RFC 1035 section 5.1: \DDD for an octet, \X for a
// character that means something to a zone file. Everything in this file turns that into plain text or back.

const (
	maxLabel = 63  // octets in a label, RFC 1035 section 2.3.4
	maxName  = 253 // octets in a name as text, without the last dot (255 on the wire)
)

// askable turns plain text into the name of a question; ok == false: no such name can exist in DNS.
func askable(name string) (fqdn string, ok bool) {
	name = strings.TrimSuffix(name, ".")
	if name == "" || len(name) > maxName {
		return "", false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > maxLabel {
			return "", false
		}
	}
	return lowerASCII(strings.ReplaceAll(name, `\`, backslash)) + ".", true
}

// backslash is how one is written in a question, so that none stands before the last dot: miekg/dns 1.1.73 (IsFqdn)
// then takes some names in other scripts for unfinished.
const backslash = `\092`

// key brings a name from a zone file or a packet into the form askable makes.
func key(presentation string) string {
	return lowerASCII(strings.ReplaceAll(plainName(presentation), `\\`, backslash)) + "."
}

// plainName undoes the escapes of a name and drops the last dot. A dot or a backslash inside a label keeps its
// backslash, so that one label can't pass for two.
func plainName(presentation string) string {
	return unescape(strings.TrimSuffix(presentation, "."), `.\`)
}

// unescape undoes \DDD and \X, except before the characters in keep.
func unescape(s, keep string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '\\' && i+1 < len(s) {
			c, i = escaped(s, i)
			if strings.IndexByte(keep, c) >= 0 {
				out = append(out, '\\')
			}
		}
		out = append(out, c)
	}
	return string(out)
}

// escaped reads the escape whose backslash stands at i, and returns the octet and the place of the escape's last
// character.
func escaped(s string, i int) (byte, int) {
	if i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]) {
		return (s[i+1]-'0')*100 + (s[i+2]-'0')*10 + s[i+3] - '0', i + 3
	}
	return s[i+1], i + 1
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// lowerASCII lowers what DNS compares without case (RFC 4343); strings.ToLower would touch other octets, too.
func lowerASCII(s string) string {
	first := strings.IndexFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' })
	if first < 0 {
		return s
	}
	b := []byte(s)
	for i, c := range b[first:] {
		if 'A' <= c && c <= 'Z' {
			b[first+i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// answer is what a question came to, decoded once.
type answer struct {
	texts []string     // TXT, MX, PTR
	addrs []netip.Addr // A, AAAA
	err   error
}

// newAnswer decodes records of one type. Servers rotate records; a fixed order makes runs repeatable. Reverse names alone
// stay as they came: only the first ten of them count (RFC 7208 section 4.6.4), so their order is part of the answer.
func newAnswer(rrs []dns.RR, err error) answer {
	a := answer{err: err}
	slices.SortStableFunc(rrs, func(x, y dns.RR) int { return preference(x) - preference(y) })
	sorted := 0 // texts before this index have a better preference than those after it
	for i, rr := range rrs {
		if i > 0 && preference(rr) != preference(rrs[i-1]) {
			slices.Sort(a.texts[sorted:])
			sorted = len(a.texts)
		}
		a.add(rr)
	}
	if len(rrs) > 0 && rrs[0].Header().Rrtype != dns.TypePTR {
		slices.Sort(a.texts[sorted:])
	}
	slices.SortFunc(a.addrs, netip.Addr.Compare)
	return a
}

func preference(rr dns.RR) int {
	if mx, ok := rr.(*dns.MX); ok {
		return int(mx.Preference)
	}
	return 0
}

func (a *answer) add(rr dns.RR) {
	switch rr := rr.(type) {
	case *dns.TXT:
		var text strings.Builder
		for _, s := range rr.Txt {
			text.WriteString(unescape(s, ""))
		}
		a.texts = append(a.texts, text.String())
	case *dns.MX:
		a.texts = append(a.texts, plainName(rr.Mx))
	case *dns.PTR:
		a.texts = append(a.texts, plainName(rr.Ptr))
	case *dns.A:
		if ip, ok := netip.AddrFromSlice(rr.A); ok {
			a.addrs = append(a.addrs, ip.Unmap())
		}
	case *dns.AAAA:
		if ip, ok := netip.AddrFromSlice(rr.AAAA); ok {
			a.addrs = append(a.addrs, ip)
		}
	}
}
