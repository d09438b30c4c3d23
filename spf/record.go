package spf

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Policy is a parsed record: its terms in the order written.
type Policy struct {
	Terms []Term
}

// Kind tells the terms apart: the mechanisms of RFC 7208 section 5 and the modifiers of section 6.
type Kind int

// The mechanisms, then the modifiers.
const (
	All Kind = iota
	Include
	A
	MX
	PTR
	IP4
	IP6
	Exists
	Redirect
	Exp
	Unknown // a modifier that RFC 7208 doesn't know; it changes nothing
)

// Term is one mechanism or modifier.
type Term struct {
	Kind      Kind
	Qualifier Result       // what a match of a mechanism means; "" in a modifier
	Domain    Macro        // target; empty: the domain the record belongs to. Value of an unknown modifier
	Network   netip.Prefix // ip4, ip6; host bits as written
	Bits4     int          // prefix lengths of a and mx; -1: not given, the whole address
	Bits6     int
	Name      string // of an unknown modifier, as written

	Text   string // the term as written
	Offset int    // of Text in the record, in octets
}

// names of the mechanisms; they are compared without case.
var names = [...]string{All: "all", Include: "include", A: "a", MX: "mx", PTR: "ptr", IP4: "ip4", IP6: "ip6", Exists: "exists"}

// readers read what stands after the name of a mechanism. given: there was a colon, and arg is what follows it.
var readers = [...]func(t *Term, arg string, given bool) error{
	All: readNothing, Include: readTarget, A: readHosts, MX: readHosts,
	PTR: readOptionalTarget, IP4: readNetwork, IP6: readNetwork, Exists: readTarget,
}

var qualifiers = map[byte]Result{'+': Pass, '-': Fail, '~': SoftFail, '?': Neutral}

const version = "v=spf1"

// isRecord tells a TXT record of SPF from others, RFC 7208 section 4.5.
func isRecord(txt string) bool {
	return len(txt) >= len(version) && strings.EqualFold(txt[:len(version)], version) &&
		(len(txt) == len(version) || txt[len(version)] == ' ')
}

// Parse reads a whole record, RFC 7208 section 12. Any syntax error in it, wherever it stands, makes all of it worthless
// (section 4.6): the error is a *SyntaxError for the first.
func Parse(record string) (*Policy, error) {
	if !isRecord(record) {
		return nil, &SyntaxError{Term: record, Problem: `doesn't begin with "v=spf1" and a space`, Section: "4.5"}
	}
	p := &Policy{}
	seen := map[Kind]bool{}
	for offset := len(version); offset < len(record); {
		if record[offset] == ' ' {
			offset++
			continue
		}
		text, _, _ := strings.Cut(record[offset:], " ")
		t := Term{Bits4: -1, Bits6: -1, Text: text, Offset: offset}
		err := t.read()
		if (t.Kind == Redirect || t.Kind == Exp) && seen[t.Kind] && err == nil {
			err = problem("6", "may stand in a record only once")
		}
		if err != nil {
			return nil, inTerm(err, text, offset)
		}
		seen[t.Kind] = true
		p.Terms = append(p.Terms, t)
		offset += len(text)
	}
	return p, nil
}

// read parses Text. A name with "=" right after it is a modifier, anything else has to be a mechanism (section 4.6.1).
func (t *Term) read() error {
	if name := modifierName(t.Text); name != "" {
		return t.readModifier(name, t.Text[len(name)+1:])
	}
	rest := t.Text
	t.Qualifier = Pass
	if q, ok := qualifiers[rest[0]]; ok {
		t.Qualifier, rest = q, rest[1:]
	}
	end := strings.IndexAny(rest, ":/")
	if end < 0 {
		end = len(rest)
	}
	for kind, name := range names {
		if strings.EqualFold(rest[:end], name) {
			t.Kind = Kind(kind)
			arg, given := strings.CutPrefix(rest[end:], ":")
			return readers[kind](t, arg, given)
		}
	}
	return problem("4.6.1", "%q is no mechanism", rest[:end])
}

// modifierName takes the name off NAME=VALUE: ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ).
func modifierName(s string) string {
	name, _, ok := strings.Cut(s, "=")
	if !ok || name == "" || !isAlpha(name[0]) {
		return ""
	}
	for i := range len(name) {
		if c := name[i]; !isAlpha(c) && !isDigit(c) && c != '-' && c != '_' && c != '.' {
			return ""
		}
	}
	return name
}

func (t *Term) readModifier(name, value string) (err error) {
	switch {
	case strings.EqualFold(name, "redirect"):
		t.Kind = Redirect
	case strings.EqualFold(name, "exp"):
		t.Kind = Exp
	default:
		t.Kind, t.Name = Unknown, name
		t.Domain, err = parseMacro(value, anyLetter)
		return err
	}
	t.Domain, err = parseDomain(value)
	return err
}

func readNothing(_ *Term, arg string, given bool) error {
	if given || arg != "" {
		return problem("5.1", "all stands alone")
	}
	return nil
}

func readTarget(t *Term, arg string, given bool) (err error) {
	if !given {
		return problem("5.2, 5.7", "a domain is missing: want %s:DOMAIN", names[t.Kind])
	}
	t.Domain, err = parseDomain(arg)
	return err
}

func readOptionalTarget(t *Term, arg string, given bool) error {
	if !given && arg == "" {
		return nil
	}
	if !given {
		return problem("5.5", "ptr takes no prefix length")
	}
	return readTarget(t, arg, given)
}

// readHosts reads [ ":" domain-spec ] [ dual-cidr-length ], section 5.6. The lengths come off the right-hand end, for a
// domain-spec may hold slashes.
func readHosts(t *Term, arg string, given bool) (err error) {
	rest := arg
	if before, digits, ok := cutLength(rest); ok && strings.HasSuffix(before, "/") {
		rest = before[:len(before)-1]
		if t.Bits6, err = prefixLength(digits, 128); err != nil {
			return err
		}
	}
	if before, digits, ok := cutLength(rest); ok {
		rest = before
		if t.Bits4, err = prefixLength(digits, 32); err != nil {
			return err
		}
	}
	if given {
		t.Domain, err = parseDomain(rest)
		return err
	}
	if rest != "" {
		return problem("5.6", "%q is no prefix length", arg)
	}
	return nil
}

// readNetwork reads an address and its optional prefix length, section 5.6.
func readNetwork(t *Term, arg string, given bool) error {
	what, length := "IPv4", 32
	if t.Kind == IP6 {
		what, length = "IPv6", 128
	}
	if !given || arg == "" {
		return problem("5.6", "an %s address is missing", what)
	}
	bits := length
	text, digits, ok := strings.Cut(arg, "/")
	if ok {
		var err error
		if bits, err = prefixLength(digits, length); err != nil {
			return err
		}
	}
	ip, err := netip.ParseAddr(text)
	if err != nil || ip.Zone() != "" || ip.BitLen() != length {
		return problem("5.6", "%q is no %s address", text, what)
	}
	t.Network = netip.PrefixFrom(ip, bits)
	return nil
}

// cutLength takes "/" 1*DIGIT off the end.
func cutLength(s string) (before, digits string, ok bool) {
	i := len(s)
	for i > 0 && isDigit(s[i-1]) {
		i--
	}
	if i == 0 || i == len(s) || s[i-1] != '/' {
		return s, "", false
	}
	return s[:i-1], s[i:], true
}

// prefixLength wants a number without leading zeros, section 12.
func prefixLength(digits string, most int) (int, error) {
	n, err := strconv.ParseUint(digits, 10, 8)
	if err != nil || n > uint64(most) || strconv.FormatUint(n, 10) != digits {
		return 0, problem("5.6", "%q is no prefix length from 0 to %d", "/"+digits, most)
	}
	return int(n), nil
}

// String prints the record in its plainest form: one space between terms, names in lower case, no "+".
func (p *Policy) String() string {
	var out strings.Builder
	out.WriteString(version)
	for _, t := range p.Terms {
		out.WriteByte(' ')
		out.WriteString(t.String())
	}
	return out.String()
}

// String prints the term in its plainest form; Text has it as written.
func (t Term) String() string {
	switch t.Kind {
	case Redirect:
		return "redirect=" + t.Domain.String()
	case Exp:
		return "exp=" + t.Domain.String()
	case Unknown:
		return t.Name + "=" + t.Domain.String()
	}
	var out strings.Builder
	for c, q := range qualifiers {
		if q == t.Qualifier && q != Pass {
			out.WriteByte(c)
		}
	}
	out.WriteString(names[t.Kind])
	switch {
	case t.Kind == IP4 || t.Kind == IP6:
		out.WriteString(":" + t.Network.Addr().String())
		if !t.Network.IsSingleIP() {
			fmt.Fprintf(&out, "/%d", t.Network.Bits())
		}
	case len(t.Domain) > 0:
		out.WriteString(":" + t.Domain.String())
	}
	if t.Bits4 >= 0 {
		fmt.Fprintf(&out, "/%d", t.Bits4)
	}
	if t.Bits6 >= 0 {
		fmt.Fprintf(&out, "//%d", t.Bits6)
	}
	return out.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
