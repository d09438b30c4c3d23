package trace

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"
)

// maxPTR bounds the names that are tried for one address (RFC 7208 section 4.6.4 has the same bound).
const maxPTR = 10

// OrgDomain gives the organisational domain of a host name, one label more than its public suffix (RFC 7489 section
// 3.2): "example.co.uk" for "mx1.mail.example.co.uk". It is "" for an address, a single label and a public suffix.
func OrgDomain(name string) string {
	if name == "" || len(name) > 256 {
		return ""
	}
	orgs.RLock()
	org, known := orgs.of[name]
	orgs.RUnlock()
	if known {
		return org
	}
	org = orgDomain(name)
	orgs.Lock()
	if orgs.of == nil || len(orgs.of) >= maxOrgs {
		orgs.of = map[string]string{}
	}
	orgs.of[strings.Clone(name)] = strings.Clone(org)
	orgs.Unlock()
	return org
}

// orgs remembers what OrgDomain found: a flood names the same few hosts, and the list of suffixes is long.
var orgs struct {
	sync.RWMutex
	of map[string]string
}

const maxOrgs = 20_000

func orgDomain(name string) string {
	name = cleanName(name)
	if !hostName(name) {
		return ""
	}
	org, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil {
		return ""
	}
	return org
}

func cleanName(name string) string {
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
}

// hostName tells a name of at least two labels that can be looked up (RFC 1123 section 2.1: the last one is not all
// digits; underscores are seen).
func hostName(name string) bool {
	if len(name) > 253 {
		return false
	}
	labels, length, digits := 1, 0, true // of the label that is read
	for i := range len(name) {
		switch c := name[i]; {
		case c == '.':
			if length == 0 {
				return false
			}
			labels, length, digits = labels+1, 0, true
			continue
		case '0' <= c && c <= '9':
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '-' || c == '_':
			digits = false
		default:
			return false
		}
		if length++; length > 63 {
			return false
		}
	}
	return labels > 1 && length > 0 && !digits
}

// confirmedNames asks for the reverse names of ip and confirms them forward: names are those that point back to ip, first is the
// first reverse name, confirmed or not. The error says that DNS could not answer; it comes only without names.
func confirmedNames(ctx context.Context, res Resolver, ip netip.Addr) (names []string, first string, err error) {
	all, err := res.LookupPTR(ctx, ip)
	if err != nil {
		return nil, "", err
	}
	for _, name := range all[:min(len(all), maxPTR)] {
		if name = cleanName(name); !hostName(name) {
			continue
		}
		if first == "" {
			first = name
		}
		holds, lookErr := pointsTo(ctx, res, name, ip)
		if holds {
			names = append(names, name)
		} else if lookErr != nil {
			err = lookErr
		}
	}
	if len(names) > 0 {
		err = nil
	}
	return names, first, err
}

// pointsTo tells whether the addresses of name hold ip.
func pointsTo(ctx context.Context, res Resolver, name string, ip netip.Addr) (bool, error) {
	lookup := res.LookupA
	if ip.Is6() {
		lookup = res.LookupAAAA
	}
	addrs, err := lookup(ctx, name)
	for _, a := range addrs {
		if a.Unmap() == ip {
			return true, nil
		}
	}
	return false, err
}

// addresses gives all addresses of a name. A failure of one family doesn't hide the other's answer.
func addresses(ctx context.Context, res Resolver, name string) ([]netip.Addr, error) {
	return appendAddresses(ctx, res, name, nil)
}

// appendAddresses adds them to a list; the answers themselves are shared with other walks.
func appendAddresses(ctx context.Context, res Resolver, name string, list []netip.Addr) ([]netip.Addr, error) {
	v4, err4 := res.LookupA(ctx, name)
	v6, err6 := res.LookupAAAA(ctx, name)
	for _, a := range v4 {
		list = append(list, a.Unmap())
	}
	for _, a := range v6 {
		list = append(list, a.Unmap())
	}
	if err4 != nil {
		return list, err4
	}
	return list, err6
}

// accessWords stand in the reverse names of access lines; a label part that begins or ends so counts.
var accessWords = []string{
	"dyn", "dsl", "dhcp", "pool", "ppp", "dial", "cust", "cable", "catv", "modem", "broadband", "residential",
	"wireless", "wifi", "mobile", "gprs", "umts", "hotspot", "nat", "cpe", "client", "subscriber",
}

// mailWords stand in the names of mail hosts, which carry digits of their address, too.
var mailWords = []string{"mail", "smtp", "mx", "mta", "out", "relay", "mxout", "mailer", "bounce"}

// AccessLine tells whether a reverse name looks like an access line of a provider: a word for it left of the
// organisational domain, or the digits of the address without a word for a mail host.
func AccessLine(name string, ip netip.Addr) bool {
	name = cleanName(name)
	host := strings.TrimSuffix(name, OrgDomain(name))
	mailHost := false
	for word := range strings.FieldsFuncSeq(host, notLetter) {
		for _, w := range accessWords {
			if word == w || len(w) > 3 && strings.HasPrefix(word, w) || strings.HasSuffix(word, "dsl") || strings.HasPrefix(word, "dyn") {
				return true
			}
		}
		for _, w := range mailWords {
			mailHost = mailHost || word == w || len(w) > 3 && (strings.HasPrefix(word, w) || strings.HasSuffix(word, w))
		}
	}
	return !mailHost && digitsOf(host, ip.Unmap())
}

func notLetter(c rune) bool { return c < 'a' || c > 'z' }

// digitsOf tells whether a host name is made from the address: three of the four octets as numbers, all octets run
// together in decimal or hexadecimal; for IPv6 the last 32 bits in hexadecimal, with or without separators.
func digitsOf(host string, ip netip.Addr) bool {
	if !ip.IsValid() || !strings.ContainsAny(host, "0123456789") && ip.Is4() {
		return false
	}
	if ip.Is6() {
		b := ip.As16()
		flat := unseparated.Replace(host)
		return strings.Contains(flat, hexOf(b[12:])) && hexOf(b[12:]) != "00000000"
	}
	b := ip.As4()
	if found, whole := octetsIn(host, b); whole || found >= 3 {
		return found >= 3
	}
	var plain, padded strings.Builder
	for _, octet := range b {
		plain.WriteString(strconv.Itoa(int(octet)))
		padded.WriteString(pad3(octet))
	}
	return strings.Contains(host, padded.String()) || strings.Contains(host, hexOf(b[:])) || strings.Contains(host, plain.String())
}

var unseparated = strings.NewReplacer("-", "", ".", "")

// octetsIn counts the octets of an address that stand in a name as numbers of their own; whole tells that no run of digits is
// long enough to be several octets, so that nothing else need be looked for. Hexadecimal takes letters.
func octetsIn(host string, octets [4]byte) (found int, whole bool) {
	var used [4]bool
	whole = true
	for i := 0; i < len(host); {
		if host[i] < '0' || host[i] > '9' {
			i++
			continue
		}
		n, start := 0, i
		for ; i < len(host) && host[i] >= '0' && host[i] <= '9'; i++ {
			n = min(n*10+int(host[i]-'0'), 1000)
		}
		whole = whole && i-start <= 3
		for k, octet := range octets {
			if !used[k] && n == int(octet) {
				used[k] = true
				found++
				break
			}
		}
	}
	return found, whole && !strings.ContainsAny(host, "abcdef")
}

func pad3(octet byte) string {
	s := strconv.Itoa(int(octet))
	return "000"[len(s):] + s
}

func hexOf(b []byte) string {
	const digits = "0123456789abcdef"
	var out strings.Builder
	for _, c := range b {
		out.WriteByte(digits[c>>4])
		out.WriteByte(digits[c&15])
	}
	return out.String()
}
