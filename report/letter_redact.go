package report

import (
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"ndrscan/classify"
)

// asciiDomain writes a domain as DNS has it; "redacted.invalid" (RFC 6761) where that can't be done.
func asciiDomain(domain string) string {
	domain = strings.TrimSuffix(domain, ".")
	if a, err := idna.Lookup.ToASCII(domain); err == nil && isHostName(a) {
		return a
	}
	if isHostName(domain) {
		return strings.ToLower(domain)
	}
	return "redacted.invalid"
}

// hidden is a Redactor as letters use it (RFC 6590 section 3 recommends a keyed hash for abuse reports), with the names that
// must not appear.
type hidden struct {
	*Redactor
	names map[string]bool
}

// address gives a mail address with a pseudonym for its local part, in a form that fits a header field.
func (h hidden) address(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "[address]"
	}
	return h.pseudonym(address) + "@" + asciiDomain(address[at+1:])
}

// addNames learns the names of our people: the parts of the local parts of addresses that are ours.
func (c *Complaints) addNames(f *classify.Finding) {
	addresses := []string{f.Account}
	if f.Original != nil && (f.Class == classify.Forged || f.Origin.Own) {
		addresses = append(addresses, f.Original.MailFrom, f.Original.From)
	}
	for _, address := range addresses {
		local, _, ok := strings.Cut(strings.ToLower(address), "@")
		if !ok || len(c.names) >= maxComplaints {
			continue
		}
		for _, part := range strings.FieldsFunc(local, notWord) {
			if len(part) > 2 {
				c.names[part] = true
			}
		}
	}
}

// Names says whether an address holds a name that the letters hide.
func (c *Complaints) Names(address string) bool {
	local, _, _ := strings.Cut(strings.ToLower(address), "@")
	return slices.ContainsFunc(strings.FieldsFunc(local, notWord), func(part string) bool { return c.names[part] })
}

func notWord(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// text takes addresses and names out of a text that mail brought.
func (h hidden) text(s string) string {
	var out strings.Builder
	for {
		start, end := nextAddress(s)
		if start < 0 {
			return h.words(out.String() + s)
		}
		out.WriteString(s[:start] + h.address(s[start:end]))
		s = s[end:]
	}
}

// words takes the names of our people out, wherever they stand alone.
func (h hidden) words(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, notWord)
		if n < 0 {
			n = len(s)
		}
		if word := s[:n]; h.names[strings.ToLower(word)] {
			out.WriteString("[name]")
		} else {
			out.WriteString(word)
		}
		s = s[n:]
		rest := strings.TrimLeftFunc(s, notWord)
		out.WriteString(s[:len(s)-len(rest)])
		s = rest
	}
	return out.String()
}
