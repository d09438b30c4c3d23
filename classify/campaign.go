package classify

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"unicode"
)

// campaignOf names what a wave of mail has in common: its subject without what changes from copy to copy (prefixes, words
// with digits, punctuation, case). All mail without such words is one campaign; so is, apart, what did not come back.
func campaignOf(e *Evidence) (id, subject string) {
	subject = normalSubject(e.Bounce.Original.Subject)
	if e.Bounce.Original.Returned == "none" || e.Bounce.Original.Returned == "" {
		return "", ""
	}
	return shortHash("campaign", subject), subject
}

// maxSubjectWords bounds what of a subject makes a campaign: spam pads its subjects.
const maxSubjectWords = 12

func normalSubject(subject string) string {
	var words []string
	for _, word := range strings.Fields(strings.ToLower(subject)) {
		if strings.ContainsFunc(word, unicode.IsDigit) || strings.HasSuffix(word, ":") && len(word) <= 4 {
			continue
		}
		word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
		if word == "" {
			continue
		}
		if words = append(words, word); len(words) == maxSubjectWords {
			break
		}
	}
	return strings.Join(words, " ")
}

// networkOf is the network that stands for an address: /24 for IPv4, /48 for IPv6 (METHOD 6); "" for none.
func networkOf(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	bits := 48
	if ip.Unmap().Is4() {
		bits = 24
	}
	prefix, err := ip.Unmap().WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// witnessOf names who reported: an organisation, ourselves, or nobody that can be named.
func witnessOf(e *Evidence) string {
	switch {
	case e.ownReport():
		return "own"
	case e.Reporter.Organisation != "":
		return e.Reporter.Organisation
	case e.Reporter.IP.IsValid():
		return networkOf(e.Reporter.IP)
	}
	return ""
}

// shortHash makes a stable id of 12 hex digits from parts.
func shortHash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:6])
}
