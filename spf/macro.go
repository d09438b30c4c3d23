package spf

import (
	"slices"
	"strconv"
	"strings"
)

// Macro is a parsed macro-string, RFC 7208 section 7: literal text and things to fill in.
type Macro []part

// part is a literal (letter == 0; "%%", "%_" and "%-" are literals, too) or a macro-expand.
type part struct {
	literal string
	letter  byte   // in lower case
	url     bool   // the letter was upper case: escape the value for a URL
	keep    int    // right-hand parts to keep; 0: all
	reverse bool   // turn the parts round
	delims  string // where to split; "": at dots
}

// letters are the macro letters of section 7.2 that a certain place allows.
type letters string

const (
	inDomain  letters = "slodiphv"
	anyLetter letters = "slodiphvcrt" // c, r and t make sense in explanations only
)

const (
	delimiters = ".-+,/_="
	maxKeep    = 9999 // section 7.3 wants at least 128

	maxDomain    = 253 // octets of a name, section 7.3
	maxExpansion = 4096
)

// parseDomain reads a domain-spec: a macro-string that ends in a macro or in a dot and a top label.
func parseDomain(s string) (Macro, error) {
	if s == "" {
		return nil, problem("7.1", "the domain is empty")
	}
	m, err := parseMacro(s, inDomain)
	if err != nil {
		return nil, err
	}
	if end := literalEnd(s); end != "" && !endsInTopLabel(end) {
		return nil, problem("7.1", "%q is no domain name: it doesn't end in a dot and a top-level label", s)
	}
	return m, nil
}

// literalEnd is what follows the last macro; "" where the macro-string ends in one.
func literalEnd(s string) string {
	end := 0
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			continue
		}
		i++
		if s[i] == '{' {
			i += strings.IndexByte(s[i:], '}')
		}
		end = i + 1
	}
	return s[end:]
}

// endsInTopLabel checks domain-end: a toplabel has a letter or an inner hyphen, so that no IP address is one.
func endsInTopLabel(s string) bool {
	s = strings.TrimSuffix(s, ".")
	dot := strings.LastIndexByte(s, '.')
	label := s[dot+1:]
	if dot < 0 || label == "" || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	digits := true
	for i := range len(label) {
		c := label[i]
		if !isAlpha(c) && !isDigit(c) && c != '-' {
			return false
		}
		digits = digits && isDigit(c)
	}
	return !digits
}

// parseMacro reads a macro-string. It takes spaces, too, for an explain-string (section 6.2) has them; in a record they
// have parted the terms before.
func parseMacro(s string, allowed letters) (Macro, error) {
	var m Macro
	var literal strings.Builder
	flush := func() {
		if literal.Len() > 0 {
			m = append(m, part{literal: literal.String()})
			literal.Reset()
		}
	}
	for s != "" {
		if s[0] == '%' {
			p, rest, err := parseExpand(s, allowed)
			if err != nil {
				return nil, err
			}
			if literal.WriteString(p.literal); p.letter != 0 {
				flush()
				m = append(m, p)
			}
			s = rest
			continue
		}
		if s[0] < ' ' || s[0] > '~' {
			return nil, problem("7.1", "the octet %q may not stand in a record", s[:1])
		}
		literal.WriteByte(s[0])
		s = s[1:]
	}
	flush()
	return m, nil
}

// literals are the macros that stand for themselves; unliteral writes them back.
var (
	literals  = map[byte]string{'%': "%", '_': " ", '-': "%20"}
	unliteral = strings.NewReplacer("%20", "%-", "%", "%%", " ", "%_")
)

// parseExpand reads what begins with "%".
func parseExpand(s string, allowed letters) (p part, rest string, err error) {
	if len(s) < 2 {
		return p, "", problem("7.1", `a single "%%": write "%%%%" for a percent sign`)
	}
	if text, ok := literals[s[1]]; ok {
		return part{literal: text}, s[2:], nil
	}
	body, rest, closed := strings.Cut(s[2:], "}")
	if s[1] != '{' || !closed || body == "" {
		return p, "", problem("7.1", `%q is no macro: "%%" has to be followed by {LETTER}, %%, _ or -`, s[:min(len(s), 8)])
	}
	p.letter = body[0] | 0x20
	p.url = body[0] != p.letter
	if !isAlpha(body[0]) || strings.IndexByte(string(anyLetter), p.letter) < 0 {
		return p, "", problem("7.2", "there is no macro letter %q", body[:1])
	}
	if strings.IndexByte(string(allowed), p.letter) < 0 {
		return p, "", problem("7.2", "the macro %q is for explanations only", body[:1])
	}
	return p, rest, p.readTransformers(body[1:])
}

// hasLiteral: one of the characters stands outside the macros.
func (m Macro) hasLiteral(chars string) bool {
	return slices.ContainsFunc(m, func(p part) bool { return strings.ContainsAny(p.literal, chars) })
}

// speaksOf says whether one of the letters stands in the macro-string.
func (m Macro) speaksOf(letters letters) bool {
	for _, p := range m {
		if p.letter != 0 && strings.IndexByte(string(letters), p.letter) >= 0 {
			return true
		}
	}
	return false
}

// readTransformers reads *DIGIT [ "r" ] *delimiter.
func (p *part) readTransformers(s string) error {
	digits := 0
	for digits < len(s) && isDigit(s[digits]) {
		p.keep = min(p.keep*10+int(s[digits]-'0'), maxKeep)
		digits++
	}
	if digits > 0 && p.keep == 0 {
		return problem("7.1", "a macro can't keep 0 parts")
	}
	s = s[digits:]
	if s != "" && s[0]|0x20 == 'r' {
		p.reverse, s = true, s[1:]
	}
	if strings.Trim(s, delimiters) != "" {
		return problem("7.1", "%q is no macro transformer", s)
	}
	p.delims = s
	return nil
}

// String writes the macro-string as a record has it.
func (m Macro) String() string {
	var out strings.Builder
	for _, p := range m {
		if p.letter == 0 {
			out.WriteString(unliteral.Replace(p.literal))
			continue
		}
		letter := p.letter
		if p.url {
			letter -= 0x20
		}
		out.WriteString("%{" + string(letter))
		if p.keep > 0 {
			out.WriteString(strconv.Itoa(p.keep))
		}
		if p.reverse {
			out.WriteByte('r')
		}
		out.WriteString(p.delims + "}")
	}
	return out.String()
}

// expand fills in a macro-string; ok == false: it became longer than maxExpansion, which no name or text needs.
func (e *evaluation) expand(m Macro, domain string) (text string, ok bool) {
	if len(m) == 1 && m[0].letter == 0 {
		return m[0].literal, len(m[0].literal) <= maxExpansion
	}
	var out strings.Builder
	for _, p := range m {
		if p.letter == 0 {
			out.WriteString(p.literal)
		} else {
			out.WriteString(p.transform(e.value(p.letter, domain)))
		}
		if out.Len() > maxExpansion {
			return "", false
		}
	}
	return out.String(), true
}

// transform splits, turns, cuts, joins and escapes, in this order (section 7.3).
func (p part) transform(value string) string {
	if p.keep > 0 || p.reverse || p.delims != "" {
		parts := splitAny(value, p.delims)
		if p.reverse {
			slices.Reverse(parts)
		}
		if p.keep > 0 && p.keep < len(parts) {
			parts = parts[len(parts)-p.keep:]
		}
		value = strings.Join(parts, ".")
	}
	if p.url {
		value = escapeURL(value)
	}
	return value
}

// splitAny splits at each of the delimiters; at dots if none are given.
func splitAny(s, delims string) (parts []string) {
	if delims == "" {
		delims = "."
	}
	for {
		i := strings.IndexAny(s, delims)
		if i < 0 {
			return append(parts, s)
		}
		parts, s = append(parts, s[:i]), s[i+1:]
	}
}

// escapeURL escapes all that RFC 3986 section 2.3 doesn't call unreserved.
func escapeURL(s string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(s) {
		if c := s[i]; isAlpha(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			out.WriteByte(c)
		} else {
			out.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return out.String()
}

// value is what a macro letter stands for, section 7.2.
func (e *evaluation) value(letter byte, domain string) string {
	switch letter {
	case 's':
		return e.local + "@" + e.senderDomain
	case 'l':
		return e.local
	case 'o':
		return e.senderDomain
	case 'd':
		return domain
	case 'i':
		return dotted(e.ip)
	case 'c':
		return e.ip.String()
	case 'p':
		return e.validatedName(domain)
	case 'v':
		if e.ip.Is4() {
			return "in-addr"
		}
		return "ip6"
	case 'h':
		return e.helo
	case 'r':
		if e.checker.Receiver == "" {
			return "unknown"
		}
		return e.checker.Receiver
	default: // 't'; parseMacro lets no other pass
		return strconv.FormatInt(e.checker.now().Unix(), 10)
	}
}

// targetName makes a name of an expanded domain-spec: no dot at the end, and whole labels go from the left until it
// fits (section 7.3).
func targetName(s string) string {
	s = strings.TrimSuffix(s, ".")
	for len(s) > maxDomain {
		_, rest, ok := strings.Cut(s, ".")
		if !ok {
			return s
		}
		s = rest
	}
	return s
}
