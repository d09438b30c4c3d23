package report

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"ndrscan/classify"
)

// Redactor hides who somebody is, and keeps apart who is not the same.
type Redactor interface {
	// Address gives a mail address with a token for its local part: the same for the same address, another for another.
	Address(address string) string
}

// KeyedRedactor makes tokens by a keyed hash, as RFC 6590 section 3 recommends for abuse reports: without the key nobody
// can try names out.
func KeyedRedactor(key []byte) Redactor { return keyed(key) }

type keyed []byte

var tokenLetters = base32.HexEncoding.WithPadding(base32.NoPadding)

func (k keyed) Address(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return "[address]"
	}
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(strings.ToLower(address)))
	return "r-" + strings.ToLower(tokenLetters.EncodeToString(mac.Sum(nil)[:8])) + "@" + asciiDomain(address[at+1:])
}

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

// redaction is a Redactor together with the names that must not appear.
type redaction struct {
	Redactor
	names map[string]bool
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

var addressInText = regexp.MustCompile(`[^\s<>()\[\]"',;:@]+@[\pL\pN.-]+`)

// text takes addresses and names out of a text that mail brought.
func (r redaction) text(s string) string {
	return r.words(addressInText.ReplaceAllStringFunc(s, r.Address))
}

// words takes the names of our people out, wherever they stand alone.
func (r redaction) words(s string) string {
	var out strings.Builder
	for len(s) > 0 {
		n := strings.IndexFunc(s, notWord)
		if n < 0 {
			n = len(s)
		}
		if word := s[:n]; r.names[strings.ToLower(word)] {
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
