package netinfo

import (
	"context"
	"net/netip"
	"regexp"
	"slices"
	"strings"
)

// contactZone maps addresses to who takes complaints about them, from the registries' own records (Abusix, "Abuse Contact
// DB": one TXT record an address, the contact in it; test entries 127.0.0.1 and 127.0.0.2).
const contactZone = "abuse-contacts.abusix.zone"

// maxContacts bounds how many addresses one letter goes to.
const maxContacts = 5

// Contacts asks who takes reports of abuse by an address. None and no error means that none is published.
func Contacts(ctx context.Context, dns Resolver, ip netip.Addr) ([]string, error) {
	texts, err := dns.LookupTXT(ctx, reversed(ip)+"."+contactZone)
	var list []string
	for _, text := range texts {
		for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || r == ' ' }) {
			address := strings.ToLower(strings.TrimPrefix(word, "mailto:"))
			if IsMailAddress(address) && !slices.Contains(list, address) && len(list) < maxContacts {
				list = append(list, address)
			}
		}
	}
	slices.Sort(list)
	return list, err
}

// mailAddress is the part of RFC 5321's Mailbox that role addresses use: a dot-atom at a host name with a dot in it.
// Nothing in it means anything to a header field or a shell.
var mailAddress = regexp.MustCompile(`^[A-Za-z0-9_+=-]+(\.[A-Za-z0-9_+=-]+)*@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*[A-Za-z0-9]$`)

// IsMailAddress tells an address that a letter can be sent to.
func IsMailAddress(text string) bool {
	at := strings.IndexByte(text, '@')
	return at > 0 && at <= 64 && len(text) <= 254 && text[0] != '-' && mailAddress.MatchString(text)
}
