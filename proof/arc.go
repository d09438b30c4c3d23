package proof

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/internal/header"
)

// maxARCSets bounds the sets of a message: RFC 8617 section 4.2.1 allows 50.
const maxARCSets = 50

// ARC is the newest ARC set (RFC 8617) of a sealer that was asked for, and what became of it.
type ARC struct {
	Instance         int    // i= of the set; 0: there is none of such a sealer
	Domain, Selector string // of its seal
	CV               string // what the sealer found of the sets before his: none, pass, fail
	Result           DKIMResult
	Problem          string
	results          string // his ARC-Authentication-Results
}

// arcSet is the places of one set's fields in the header section, -1 where one is missing.
type arcSet struct{ results, message, seal int }

// arcFields are the fields of a set.
var arcFields = []struct {
	name  string
	place func(*arcSet) *int
}{
	{"ARC-Authentication-Results", func(s *arcSet) *int { return &s.results }},
	{"ARC-Message-Signature", func(s *arcSet) *int { return &s.message }},
	{"ARC-Seal", func(s *arcSet) *int { return &s.seal }},
}

// VerifyARC judges the newest set whose seal's domain want accepts (lower case): its seal over all sets up to its own and
// its signature of the message. That is what says that this sealer had this message (METHOD 3.6). The seals before it are
// not asked for: cv= is what the sealer himself found of them, and RFC 8617 section 5.2 makes of a chain what is not wanted
// here, a judgement of all the strangers in it. Body, at and the results are as in Verify; nothing is asked of DNS unless a
// wanted set is there.
func (v *Verifier) VerifyARC(ctx context.Context, section header.Section, body []byte, bodyComplete bool, at time.Time, want func(domain string) bool) ARC {
	sets, err := arcSets(section)
	if err != nil || len(sets) == 0 {
		return ARC{}
	}
	for i := len(sets); i > 0; i-- {
		seal, err := parseSeal(section[sets[i-1].seal])
		if !want(seal.domain) {
			continue
		}
		out := ARC{Instance: i, Domain: seal.domain, Selector: seal.selector, CV: seal.cv, results: section[sets[i-1].results].Value()}
		if err != nil {
			out.Result, out.Problem = DKIMError, err.Error()
			return out
		}
		msg := message{section: section, body: body, complete: bodyComplete, at: at}
		out.Result, out.Problem = v.judgeARC(ctx, &msg, sets[:i], &seal)
		return out
	}
	return ARC{}
}

func (v *Verifier) judgeARC(ctx context.Context, msg *message, sets []arcSet, seal *arcSeal) (DKIMResult, string) {
	n := len(sets)
	switch {
	case seal.cv == "fail":
		return DKIMFail, "the sealer found the sets before his wrong (cv=fail)"
	case n == 1 && seal.cv != "none", n > 1 && seal.cv != "pass":
		return DKIMFail, fmt.Sprintf("cv=%.10s does not fit the number of sets", seal.cv)
	}
	if result, problem := v.judgeSeal(ctx, msg, sets, seal); result != DKIMPass {
		return result, "seal: " + problem
	}
	place := sets[n-1].message
	sig, err := parseARCMessage(msg.section[place])
	if err != nil {
		return DKIMError, err.Error()
	}
	if sig.domain != seal.domain {
		return DKIMError, "seal and message signature name different domains"
	}
	return v.judge(ctx, msg, place, &sig)
}

// judgeSeal checks a seal: it signs the fields of all sets up to its own, oldest first, relaxed, itself last and without
// the value of b= (RFC 8617 section 5.1.1).
func (v *Verifier) judgeSeal(ctx context.Context, msg *message, sets []arcSet, seal *arcSeal) (DKIMResult, string) {
	keys, err := v.lookupKeys(ctx, &seal.dkimSignature)
	switch {
	case errors.Is(err, errRevoked):
		return DKIMNoKey, err.Error()
	case err != nil:
		return DKIMError, err.Error()
	case len(keys) == 0:
		return DKIMNoKey, fmt.Sprintf("no key %s._domainkey.%s", seal.selector, seal.domain)
	}
	hash := sha256.New()
	for i, set := range sets {
		for _, place := range []int{set.results, set.message} {
			hash.Write(relaxedHeader(msg.section[place].Raw))
			hash.Write(crlf)
		}
		if i < len(sets)-1 {
			hash.Write(relaxedHeader(msg.section[set.seal].Raw))
			hash.Write(crlf)
			continue
		}
		hash.Write(relaxedHeader(seal.withoutSignature(msg.section[set.seal])))
	}
	digest := hash.Sum(nil)
	if !slices.ContainsFunc(keys, func(k dkimKey) bool { return k.verifies(digest, seal.signature) }) {
		return DKIMFail, "it does not fit the ARC fields"
	}
	return DKIMPass, ""
}

// arcSets finds the sets, instance 1 first. Sets must be complete, each field once, instances without a gap (RFC 8617
// section 5.2 step 3): a header section that isn't so says nothing.
func arcSets(section header.Section) ([]arcSet, error) {
	var sets []arcSet
	for place, field := range section {
		for _, kind := range arcFields {
			if !field.Is(kind.name) {
				continue
			}
			i, err := arcInstance(field)
			if err != nil {
				return nil, err
			}
			for len(sets) < i {
				sets = append(sets, arcSet{-1, -1, -1})
			}
			at := kind.place(&sets[i-1])
			if *at >= 0 {
				return nil, fmt.Errorf("%s i=%d stands twice", kind.name, i)
			}
			*at = place
		}
	}
	for i, set := range sets {
		if set.results < 0 || set.message < 0 || set.seal < 0 {
			return nil, fmt.Errorf("ARC set %d is not complete", i+1)
		}
	}
	return sets, nil
}

// arcInstance reads i=, which stands first in ARC-Authentication-Results and anywhere in the others.
func arcInstance(field header.Field) (int, error) {
	if len(field.Body()) > maxSignatureField {
		return 0, fmt.Errorf("an ARC field is longer than %d bytes", maxSignatureField)
	}
	var value string
	if field.Is("ARC-Authentication-Results") {
		first, _, _ := strings.Cut(string(field.Body()), ";")
		name, number, _ := strings.Cut(first, "=")
		if trimFWS(name) == "i" {
			value = trimFWS(number)
		}
	} else {
		tags, err := parseTags(string(field.Body()))
		if err != nil {
			return 0, fmt.Errorf("ARC: %w", err)
		}
		value = tags.value("i")
	}
	i, err := strconv.Atoi(value)
	if err != nil || i < 1 || i > maxARCSets {
		return 0, fmt.Errorf("i=%.10q is no instance of an ARC set", value)
	}
	return i, nil
}

// arcSeal is an ARC-Seal field, read (RFC 8617 section 4.1.3).
type arcSeal struct {
	dkimSignature
	cv string
}

func parseSeal(field header.Field) (seal arcSeal, err error) {
	tags, err := parseTags(string(field.Body()))
	if err != nil {
		return seal, fmt.Errorf("ARC-Seal: %w", err)
	}
	seal.cv = strings.ToLower(tags.value("cv"))
	if err := seal.readARCNames(tags); err != nil {
		return seal, fmt.Errorf("ARC-Seal: %w", err)
	}
	if _, signs := tags.get("h"); signs {
		return seal, errors.New("ARC-Seal: it has an h=, which RFC 8617 section 4.1.3 forbids")
	}
	if seal.signature, err = base64.StdEncoding.DecodeString(tags.value("b")); err != nil || len(seal.signature) == 0 {
		return seal, errors.New("ARC-Seal: b= is not base64")
	}
	return seal, nil
}

// parseARCMessage reads an ARC-Message-Signature: a DKIM-Signature without v=, where i= is the instance (RFC 8617 section
// 4.1.2).
func parseARCMessage(field header.Field) (sig dkimSignature, err error) {
	tags, err := parseTags(string(field.Body()))
	if err != nil {
		return sig, fmt.Errorf("ARC-Message-Signature: %w", err)
	}
	for _, read := range []func(tagList) error{sig.readARCNames, sig.readSigned, sig.readLimits, sig.readHashes} {
		if err := read(tags); err != nil {
			return sig, fmt.Errorf("ARC-Message-Signature: %w", err)
		}
	}
	if slices.Contains(sig.signed, "arc-seal") {
		return sig, errors.New("ARC-Message-Signature: it signs ARC-Seal, which RFC 8617 section 4.1.2 forbids")
	}
	return sig, nil
}

// readARCNames reads what seal and message signature have in common.
func (sig *dkimSignature) readARCNames(tags tagList) error {
	sig.domain, sig.selector = strings.ToLower(tags.value("d")), strings.ToLower(tags.value("s"))
	sig.identityDomain = sig.domain
	sig.rawSignature, _ = tags.get("b")
	if !isDomain(sig.selector + "._domainkey." + sig.domain) {
		return errors.New("s= or d= is no domain name")
	}
	return sig.readAlgorithm(tags)
}

// Proved tells whether the sealer had this message, its header fields at least.
func (a ARC) Proved() bool { return a.Result == DKIMPass || a.Result == DKIMHeadersPass }

// Passed tells whether the sealer found by DMARC, or by a signature of the domain itself, that the author's domain was that
// one (relaxed alignment). It is his word, and worth what he is: only of a set that is Proved.
func (a ARC) Passed(domain string) bool {
	_, text, _ := strings.Cut(a.results, ";") // the instance
	for _, part := range splitParts(tokenize(text)) {
		if part[0].kind != word {
			continue
		}
		_, pairs := commentsAndPairs(part[1:])
		switch strings.ToLower(part[0].text) {
		case "dmarc=pass":
			if Aligned(pairs["header.from"], domain) {
				return a.Proved()
			}
		case "dkim=pass":
			if signer := pairs["header.d"]; signer != "" && Aligned(signer, domain) {
				return a.Proved()
			}
		}
	}
	return false
}
