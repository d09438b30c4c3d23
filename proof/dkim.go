package proof

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/internal/header"
)

// Bounds on what a stranger's header section can make us do: signatures judged, names in one h=, bytes of one
// DKIM-Signature field.
const (
	maxSignatures     = 8
	maxSignedNames    = 500
	maxSignatureField = 32 << 10
)

// Verifier checks DKIM signatures (RFC 6376, with RFC 8301 and 8463). It differs from a receiving server's check in three
// ways, as METHOD 2 wants: the header signature is checked though the body did not come back, expiry is judged at the
// message's date, and what can't be known is told from what is wrong.
//
// rsa-sha256 and ed25519-sha256 are checked; rsa-sha1 is too weak to say anything (RFC 8301 section 3.1). A Verifier may
// be used by several goroutines at once if its Resolver may; keys are cached there, not here.
type Verifier struct {
	Resolver Resolver

	// Want chooses signatures by their d= (lower case) before anything is asked from DNS; the others are left out of the
	// result. nil: all.
	Want func(domain string) bool

	// Skip names domains whose signatures are listed as DKIMUnchecked and cost nothing. nil: none.
	Skip func(domain string) bool

	Memo *SignatureMemo // what was verified before; nil: nothing is remembered
}

// Verify judges the signatures of a message, topmost first and at most 8. Without bodyComplete the body is not looked at
// and the best result is DKIMHeadersPass. at is the date of the message, for x=; if it is zero nothing is expired.
//
// DKIMFail is a signature that is wrong or had expired; DKIMError one that can't be judged (syntax, algorithm, an
// unusable key, From not signed, DNS); Problem says which. A key that was revoked is DKIMNoKey like one that is gone: it
// may have been good when the message was sent.
func (v *Verifier) Verify(ctx context.Context, section header.Section, body []byte, bodyComplete bool, at time.Time) []Signature {
	var out []Signature
	msg := message{section: section, body: body, complete: bodyComplete, at: at}
	for place, field := range section.All("DKIM-Signature") {
		sig, err := parseSignature(field)
		if v.Want != nil && !v.Want(sig.domain) {
			continue
		}
		if len(out) == maxSignatures {
			break
		}
		result := Signature{Domain: sig.domain, Selector: sig.selector, Hash: sig.hash()}
		if err != nil {
			result.Result, result.Problem = DKIMError, err.Error()
		} else {
			result.FromSigned = slices.Contains(sig.signed, "from") && section.Count("From") == 1
			result.ToSigned = slices.Contains(sig.signed, "to") && section.Count("To") == 1
			if v.Skip != nil && v.Skip(sig.domain) {
				result.Result = DKIMUnchecked
			} else {
				result.Result, result.Problem = v.judge(ctx, &msg, place, &sig)
			}
		}
		out = append(out, result)
	}
	return out
}

// Whole tells whether the signature is right for the whole message and its one author field: the only kind that proves
// anything about body and author (METHOD 2).
func (s Signature) Whole() bool { return s.Result == DKIMPass && s.FromSigned }

// message is what the signatures of one message share.
type message struct {
	section  header.Section
	fields   *signedFields // made when first needed
	body     []byte
	complete bool
	at       time.Time
}

func (v *Verifier) judge(ctx context.Context, msg *message, place int, sig *dkimSignature) (DKIMResult, string) {
	keys, err := v.lookupKeys(ctx, sig)
	switch {
	case errors.Is(err, errRevoked):
		return DKIMNoKey, err.Error()
	case err != nil:
		return DKIMError, err.Error()
	case len(keys) == 0:
		return DKIMNoKey, fmt.Sprintf("no key %s._domainkey.%s", sig.selector, sig.domain)
	}
	digest := msg.headerDigest(place, sig)
	fits := slices.IndexFunc(keys, func(k dkimKey) bool { return v.verifies(k, digest, sig.signature) })
	switch {
	case fits < 0:
		return DKIMFail, "the signature does not fit the header"
	case keys[fits].exactUser && sig.identityDomain != sig.domain:
		return DKIMError, "i= names a subdomain, which the key does not allow (t=s)"
	case !sig.expires.IsZero() && msg.at.After(sig.expires):
		return DKIMFail, "expired " + sig.expires.UTC().Format(time.RFC3339) + ", before the message was sent"
	case !msg.complete:
		return DKIMHeadersPass, "the body did not come back"
	}
	return msg.judgeBody(sig)
}

// judgeBody compares the body hash; l= leaves open what follows the signed part (RFC 6376 section 8.2), so it is never a
// full pass, even where nothing follows: with l= anybody could have cut what did.
func (m *message) judgeBody(sig *dkimSignature) (DKIMResult, string) {
	hash := sha256.New()
	limited := &prefixWriter{w: hash, n: sig.length}
	if !sig.limited {
		limited.n = 1<<63 - 1
	}
	buffered := bufio.NewWriter(limited)
	if err := writeBody(buffered, m.body, sig.relaxedBody); err != nil {
		return DKIMError, err.Error() // a hash does not fail
	}
	if err := buffered.Flush(); err != nil {
		return DKIMError, err.Error()
	}
	switch {
	case sig.limited && limited.seen < sig.length:
		return DKIMFail, fmt.Sprintf("l=%d is more than the %d bytes of the body", sig.length, limited.seen)
	case !bytes.Equal(hash.Sum(nil), sig.bodyHash):
		return DKIMFail, "the signature fits the header, the body was changed"
	case sig.limited:
		return DKIMHeadersPass, fmt.Sprintf("l=%d leaves the end of the body open", sig.length)
	}
	return DKIMPass, ""
}

// headerDigest hashes the signed fields and the signature itself without the value of its b= (RFC 6376 section 3.7).
func (m *message) headerDigest(place int, sig *dkimSignature) []byte {
	if m.fields == nil {
		m.fields = newSignedFields(m.section)
	}
	canonical := simpleHeader
	if sig.relaxedHeader {
		canonical = relaxedHeader
	}
	hash := sha256.New()
	for _, i := range m.fields.pick(sig.signed) {
		hash.Write(canonical(m.section[i].Raw))
		hash.Write(crlf)
	}
	hash.Write(canonical(sig.withoutSignature(m.section[place])))
	return hash.Sum(nil)
}

// dkimSignature is a DKIM-Signature field, read (RFC 6376 section 3.5).
type dkimSignature struct {
	domain, selector string // lower case
	identityDomain   string // of i=, lower case; domain if there is no i=
	algorithm        string // rsa or ed25519; the hash is always SHA-256
	relaxedHeader    bool
	relaxedBody      bool
	signed           []string // h=, lower case
	limited          bool     // there is an l=
	length           int64
	expires          time.Time
	bodyHash         []byte
	signature        []byte // b= decoded
	rawSignature     tag    // b= as written
}

// parseSignature reads a signature as far as it can be judged. On an error the domain, selector and b= that were found
// are still set.
func parseSignature(field header.Field) (dkimSignature, error) {
	var sig dkimSignature
	if len(field.Body()) > maxSignatureField {
		return sig, fmt.Errorf("the signature is longer than %d bytes", maxSignatureField)
	}
	tags, err := parseTags(string(field.Body()))
	if err != nil {
		return sig, fmt.Errorf("signature: %w", err)
	}
	sig.domain = strings.ToLower(tags.value("d"))
	sig.selector = strings.ToLower(tags.value("s"))
	sig.rawSignature, _ = tags.get("b")
	for _, read := range []func(tagList) error{
		checkRequired, sig.readNames, sig.readAlgorithm, sig.readSigned, sig.readLimits, sig.readHashes,
	} {
		if err := read(tags); err != nil {
			return sig, fmt.Errorf("signature: %w", err)
		}
	}
	return sig, nil
}

func checkRequired(tags tagList) error {
	for _, name := range []string{"v", "a", "b", "bh", "d", "h", "s"} {
		if _, ok := tags.get(name); !ok {
			return fmt.Errorf("tag %s= is missing", name)
		}
	}
	if v := tags.value("v"); v != "1" {
		return fmt.Errorf("version %.20q is not 1", v)
	}
	if q := tags.list("q"); q != nil && !slices.Contains(q, "dns/txt") {
		return errors.New("its key is not in DNS (q=)")
	}
	return nil
}

func (sig *dkimSignature) readNames(tags tagList) error {
	if !isDomain(sig.selector + "._domainkey." + sig.domain) {
		return errors.New("s= or d= is no domain name")
	}
	sig.identityDomain = sig.domain
	if _, ok := tags.get("i"); ok {
		sig.identityDomain = header.Domain(tags.value("i"))
		if !isUnder(sig.identityDomain, sig.domain) {
			return errors.New("the domain of i= does not lie under d=")
		}
	}
	return nil
}

func (sig *dkimSignature) readAlgorithm(tags tagList) error {
	switch a := tags.value("a"); a {
	case "rsa-sha256", "ed25519-sha256":
		sig.algorithm = strings.TrimSuffix(a, "-sha256")
	case "rsa-sha1":
		return errors.New("weak: rsa-sha1 must not be verified (RFC 8301 section 3.1)")
	default:
		return fmt.Errorf("unknown algorithm %.40q", a)
	}
	head, body, _ := strings.Cut(tags.value("c"), "/")
	for _, c := range []string{head, body} {
		if c != "" && c != "simple" && c != "relaxed" {
			return fmt.Errorf("unknown canonicalisation %.40q", tags.value("c"))
		}
	}
	sig.relaxedHeader, sig.relaxedBody = head == "relaxed", body == "relaxed"
	return nil
}

func (sig *dkimSignature) readSigned(tags tagList) error {
	sig.signed = tags.list("h")
	if len(sig.signed) > maxSignedNames {
		return fmt.Errorf("h= names more than %d fields", maxSignedNames)
	}
	for i, name := range sig.signed {
		sig.signed[i] = strings.ToLower(name)
	}
	if !slices.Contains(sig.signed, "from") {
		return errors.New("h= does not sign From (RFC 6376 section 6.1.1)")
	}
	return nil
}

// readLimits reads l= and x=; t= only counts where x= must be later than it.
func (sig *dkimSignature) readLimits(tags tagList) error {
	var err error
	if _, sig.limited = tags.get("l"); sig.limited {
		if sig.length, err = parseNumber(tags.value("l")); err != nil {
			return fmt.Errorf("l=: %w", err)
		}
	}
	if _, ok := tags.get("x"); !ok {
		return nil
	}
	expires, err := parseNumber(tags.value("x"))
	if err != nil {
		return fmt.Errorf("x=: %w", err)
	}
	sig.expires = time.Unix(expires, 0)
	if _, ok := tags.get("t"); !ok {
		return nil
	}
	if made, err := parseNumber(tags.value("t")); err != nil || made >= expires {
		return errors.New("x= is not later than t=")
	}
	return nil
}

func (sig *dkimSignature) readHashes(tags tagList) error {
	var err error
	if sig.bodyHash, err = base64.StdEncoding.DecodeString(tags.value("bh")); err != nil || len(sig.bodyHash) != sha256.Size {
		return errors.New("bh= is no SHA-256 hash in base64")
	}
	if sig.signature, err = base64.StdEncoding.DecodeString(tags.value("b")); err != nil || len(sig.signature) == 0 {
		return errors.New("b= is not base64")
	}
	return nil
}

// withoutSignature gives the field with the value of b= and the white space around it deleted.
func (sig *dkimSignature) withoutSignature(field header.Field) []byte {
	at := len(field.Raw) - len(field.Body())
	return slices.Concat(field.Raw[:at+sig.rawSignature.from], field.Raw[at+sig.rawSignature.to:])
}

// hash names the signature by its b=, however that was folded; "" if there is none.
func (sig *dkimSignature) hash() string {
	text := dropFWS(sig.rawSignature.value)
	if text == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:16])
}

// parseNumber reads an unsigned decimal of at most 12 digits (RFC 6376 section 3.5, t= and x=). A longer l= is as far
// beyond any body as the largest.
func parseNumber(s string) (int64, error) {
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, fmt.Errorf("%.20q is no number", s)
	}
	return int64(min(n, 999_999_999_999)), nil
}

// isDomain tells whether the name can be asked for in DNS: at most 253 bytes in labels of 1 to 63. Bytes that only
// trouble logs and resolvers (blanks, controls) are refused; U-labels pass (RFC 8616).
func isDomain(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune(`@/\"'`, r) }) {
			return false
		}
	}
	return true
}

// isUnder tells whether a name is the domain or lies below it.
func isUnder(name, domain string) bool {
	return name == domain || strings.HasSuffix(name, "."+domain)
}
