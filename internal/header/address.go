package header

import (
	"bytes"
	"strings"
)

// maxAddresses and maxAddressList (bytes) bound what is taken from one field.
const (
	maxAddresses   = 1000
	maxAddressList = 128 << 10
)

// Address is a mailbox of an address field (RFC 5322 section 3.4): Name is its display name as written and not decoded,
// Addr its addr-spec without angle brackets, source route and comments; "" for the null address <>.
type Address struct {
	Name, Addr string
}

// Addresses reads an address list as mail really has it: unquoted names, groups, missing commas, bare words. What holds
// no address at all gives none.
func Addresses(value string) []Address {
	if len(value) > maxAddressList {
		value = value[:maxAddressList]
	}
	var list []Address
	for _, part := range splitList(value) {
		if len(list) == maxAddresses {
			break
		}
		if a, ok := parseMailbox(part); ok {
			list = append(list, a)
		}
	}
	return list
}

// FirstAddress gives the first addr-spec of an address field in lower case, "" if there is none.
func FirstAddress(value string) string {
	if list := Addresses(value); len(list) > 0 {
		return strings.ToLower(list[0].Addr)
	}
	return ""
}

// Address gives the first addr-spec of an address field in lower case, as FirstAddress does with its value; it is the
// fast form for the commonest fields.
func (f Field) Address() string {
	if addr, ok := plainAddress(f.Body()); ok {
		return LowerASCII(addr)
	}
	return FirstAddress(f.Value())
}

// plainAddress reads the commonest forms of an address field where they lie: one address, bare or in angle brackets, its
// name a quoted string or words without marks. ok == false means that Addresses has to look.
func plainAddress(body []byte) (addr []byte, ok bool) {
	body = trimSpace(body)
	open := bytes.IndexByte(body, '<')
	if open < 0 {
		return body, isPlainAddress(body)
	}
	addr = body[open+1:]
	if n := len(addr); n == 0 || addr[n-1] != '>' || !isPlainName(trimSpace(body[:open])) {
		return nil, false
	}
	addr = addr[:len(addr)-1]
	return addr, isPlainAddress(addr)
}

// isPlainName tells a display name that is one quoted string without quoted pairs, or words without marks.
func isPlainName(name []byte) bool {
	if n := len(name); n > 1 && name[0] == '"' && name[n-1] == '"' {
		name = name[1 : n-1]
		return bytes.IndexByte(name, '"') < 0 && bytes.IndexByte(name, '\\') < 0
	}
	for _, c := range name {
		if specials[c] || c == '@' {
			return false
		}
	}
	return true
}

// specials are the marks that have a meaning in an address list (RFC 5322 section 3.2.3), but "@" and ".".
var specials = [256]bool{'"': true, '(': true, ')': true, ',': true, ':': true, ';': true, '<': true, '>': true, '[': true, '\\': true}

func trimSpace(in []byte) []byte {
	for len(in) > 0 && isSpace(in[0]) {
		in = in[1:]
	}
	for n := len(in); n > 0 && isSpace(in[n-1]); n = len(in) {
		in = in[:n-1]
	}
	return in
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// isPlainAddress tells local@domain in ASCII without quotes, comments, routes or blanks.
func isPlainAddress(addr []byte) bool {
	at := bytes.IndexByte(addr, '@')
	if at < 1 || at == len(addr)-1 {
		return false
	}
	for i, c := range addr {
		if c <= ' ' || c >= 0x7f || specials[c] || c == '@' && i != at {
			return false
		}
	}
	return true
}

// LowerASCII gives text in lower case. Text that is not ASCII is lowered by Unicode's rules, what is not UTF-8 in it
// replaced.
func LowerASCII(text []byte) string {
	for i, c := range text {
		if 'A' <= c && c <= 'Z' || c >= 0x80 {
			return lowerFrom(text, i)
		}
	}
	return string(text) // as it mostly is
}

// lowerFrom is LowerASCII for text that is in lower case before a place.
func lowerFrom(text []byte, at int) string {
	var buf [128]byte
	if len(text) > len(buf) {
		return strings.ToLower(strings.ToValidUTF8(string(text), "\ufffd"))
	}
	copy(buf[:], text[:at])
	for ; at < len(text); at++ {
		if text[at] >= 0x80 {
			return strings.ToLower(strings.ToValidUTF8(string(text), "\ufffd"))
		}
		buf[at] = lower(text[at])
	}
	return string(buf[:len(text)])
}

// Domain gives the part of an address after its last @ in lower case, "" if there is none.
func Domain(addr string) string {
	i := strings.LastIndexByte(addr, '@')
	if i < 0 {
		return ""
	}
	return strings.ToLower(strings.TrimSuffix(addr[i+1:], "."))
}

// splitList cuts a list at commas, semicolons and the colon of a group name that stand outside quotes, comments and
// angle brackets.
func splitList(value string) []string {
	var parts []string
	start := 0
	cut := func(end int) {
		if part := strings.TrimSpace(value[start:end]); part != "" && len(parts) < maxAddresses {
			parts = append(parts, part)
		}
	}
	var unclosed [256]bool // opening marks that never close: looking again for their end would be quadratic
	for at := 0; at < len(value); {
		c, n := value[at], 1
		if !unclosed[c] {
			n = skipAtom(value[at:])
			unclosed[c] = n == 1 && opens(c)
		}
		switch c {
		case ',', ';':
			cut(at)
			start = at + 1
		case ':':
			start = at + 1
		}
		at += n
	}
	cut(len(value))
	return parts
}

func opens(c byte) bool { return c == '"' || c == '(' || c == '<' || c == '[' }

// skipAtom gives the length of what stands at the start of a list: a quoted string, a comment, a bracketed address, or
// one byte.
func skipAtom(in string) int {
	switch in[0] {
	case '"':
		if _, rest, ok := CutQuoted(in); ok {
			return len(in) - len(rest)
		}
	case '(':
		if _, rest, ok := CutComment(in); ok {
			return len(in) - len(rest)
		}
	case '<':
		if end := strings.IndexByte(in, '>'); end >= 0 {
			return end + 1
		}
	case '[':
		if end := strings.IndexByte(in, ']'); end >= 0 {
			return end + 1
		}
	}
	return 1
}

// parseMailbox reads one list element: NAME <ADDR>, <ADDR>, ADDR (NAME) or ADDR.
func parseMailbox(part string) (Address, bool) {
	if open := indexOutsideQuotes(part, '<'); open >= 0 {
		inner := part[open+1:]
		if end := strings.IndexByte(inner, '>'); end >= 0 {
			inner = inner[:end]
		}
		return Address{Name: unquote(strings.TrimSpace(part[:open])), Addr: dropRoute(strings.TrimSpace(inner))}, true
	}
	addr := strings.TrimSpace(StripComments(part))
	if strings.IndexByte(addr, '@') < 0 || strings.ContainsAny(addr, " \t") && addr[0] != '"' {
		return addressAmongWords(addr)
	}
	name := ""
	if open := strings.IndexByte(part, '('); open >= 0 {
		name, _, _ = CutComment(part[open:])
	}
	return Address{Name: name, Addr: addr}, true
}

// addressAmongWords finds the word that is an address where a name stands before it without brackets.
func addressAmongWords(text string) (Address, bool) {
	for _, word := range strings.Fields(text) {
		if i := strings.IndexByte(word, '@'); i > 0 && i < len(word)-1 {
			return Address{Addr: word}, true
		}
	}
	return Address{}, false
}

// indexOutsideQuotes finds a byte that stands neither in a quoted string nor in a comment.
func indexOutsideQuotes(s string, c byte) int {
	for i := 0; i < len(s); {
		if s[i] == c {
			return i
		}
		if s[i] == '"' || s[i] == '(' {
			n := skipAtom(s[i:])
			if n == 1 {
				return strings.IndexByte(s, c) // unclosed: the mark is text
			}
			i += n
			continue
		}
		i++
	}
	return -1
}

func unquote(s string) string {
	if text, rest, ok := CutQuoted(s); ok && strings.TrimSpace(rest) == "" {
		return text
	}
	return s
}

// dropRoute removes a source route (RFC 5321 appendix C): <@a,@b:user@c> is user@c.
func dropRoute(addr string) string {
	if !strings.HasPrefix(addr, "@") {
		return addr
	}
	if colon := strings.IndexByte(addr, ':'); colon >= 0 {
		return addr[colon+1:]
	}
	return addr
}
