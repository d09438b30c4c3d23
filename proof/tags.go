package proof

import "strings"

// maxLayers bounds tags inside tags: a forwarder's SRS around a sender's BATV is what is seen.
const maxLayers = 3

// batvForms are the writings of BATV (draft-levine-smtp-batv and the products that came before or beside it). The tag
// stands before the user, or after it in the oldest draft.
var batvForms = []struct {
	prefix, separator string
	eitherSide        bool
}{
	{"prvs=", "=", true},
	{"btv1==", "==", false},
	{"msprvs1=", "=", false},
}

// Unwrap undoes BATV and SRS in a reverse-path: the address that was tagged, and the outermost tag. An address without
// a tag comes back unchanged; VERP is left alone, since its address is the list's own. The tag is not verified, so it
// proves nothing: anybody can write one (METHOD 4). Keys.Verify verifies.
func Unwrap(addr string) (plain string, tag Tag) {
	plain = addr
	for range maxLayers {
		inner, kind := unwrapOnce(plain)
		if kind == TagNone {
			break
		}
		if tag == TagNone {
			tag = kind
		}
		plain = inner
	}
	return plain, tag
}

func unwrapOnce(addr string) (string, Tag) {
	at := strings.LastIndexByte(addr, '@')
	if at < 1 {
		return addr, TagNone
	}
	local, domain := addr[:at], addr[at:]
	_, _, user, batv := cutBATV(local)
	srs0, isSRS0 := cutSRS0(local)
	srs1, isSRS1 := cutSRS1(local)
	plain, tag := addr, TagNone
	switch {
	case batv:
		plain, tag = user+domain, TagBATV
	case isSRS0:
		plain, tag = srs0, TagSRS0
	case isSRS1:
		plain, tag = srs1, TagSRS1
	}
	if strings.HasPrefix(plain, "@") {
		return addr, TagNone // no mailbox: nobody's tag
	}
	return plain, tag
}

// cutBATV gives the form that a tag is written in (its prefix), the tag and the user.
func cutBATV(local string) (prefix, tag, user string, ok bool) {
	for _, form := range batvForms {
		rest, found := cutPrefixFold(local, form.prefix)
		if !found {
			continue
		}
		tag, user, found := strings.Cut(rest, form.separator)
		if form.eitherSide && !isBATVTag(tag) {
			if last := strings.LastIndex(rest, form.separator); last >= 0 && isBATVTag(rest[last+1:]) {
				user, tag = rest[:last], rest[last+1:]
			}
		}
		if found && tag != "" && user != "" {
			return form.prefix, tag, user, true
		}
	}
	return "", "", "", false
}

// isBATVTag tells a tag of prvs= from a user name: KDDDSSSSSS, a digit for the key, three for the day, six of hash. Some
// products write one digit more or less.
func isBATVTag(s string) bool {
	if len(s) < 8 || len(s) > 12 || s[0] < '0' || s[0] > '9' {
		return false
	}
	return strings.Trim(s, "0123456789abcdefABCDEF") == ""
}

// cutSRS0 reads SRS0=HHH=TT=DOMAIN=LOCAL; the sign after SRS0 may be + or - (Mail::SRS).
func cutSRS0(local string) (addr string, ok bool) {
	rest, ok := cutSRSPrefix(local, "SRS0")
	if !ok {
		return "", false
	}
	return srsOriginal(rest)
}

// cutSRS1 reads SRS1=HHH=FORWARDER==HHH=TT=DOMAIN=LOCAL, where one = or + or - stands for the sign after SRS0.
func cutSRS1(local string) (addr string, ok bool) {
	rest, ok := cutSRSPrefix(local, "SRS1")
	if !ok {
		return "", false
	}
	parts := strings.SplitN(rest, "=", 3)
	if len(parts) < 3 || parts[2] == "" || !strings.Contains("=+-", parts[2][:1]) {
		return "", false
	}
	return srsOriginal(parts[2][1:])
}

// srsOriginal reads HHH=TT=DOMAIN=LOCAL.
func srsOriginal(rest string) (addr string, ok bool) {
	parts := strings.SplitN(rest, "=", 4)
	if len(parts) < 4 || parts[0] == "" || parts[1] == "" || parts[3] == "" || !isDomain(parts[2]) {
		return "", false
	}
	return parts[3] + "@" + parts[2], true
}

func cutSRSPrefix(local, prefix string) (rest string, ok bool) {
	rest, ok = cutPrefixFold(local, prefix)
	if !ok || rest == "" || !strings.Contains("=+-", rest[:1]) {
		return "", false
	}
	return rest[1:], true
}

// cutPrefixFold cuts a prefix whatever its case: relays lower-case local parts although RFC 5321 section 2.4 forbids it.
func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) < len(prefix) || !strings.EqualFold(s[:len(prefix)], prefix) {
		return "", false
	}
	return s[len(prefix):], true
}
