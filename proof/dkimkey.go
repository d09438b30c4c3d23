package proof

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds on keys: below minRSABits nothing may be called valid (RFC 8301 section 3.2), above maxRSABits a stranger could
// make us compute for long. maxKeys is how many key records of one selector are tried.
const (
	minRSABits = 1024
	maxRSABits = 8192
	maxKeys    = 4
)

// errRevoked: the record stands, its key was taken out (RFC 6376 section 3.6.1: an empty p=).
var errRevoked = errors.New("the key was revoked (empty p=)")

// dkimKey is a key record (RFC 6376 section 3.6.1) that may be used for the signature at hand.
type dkimKey struct {
	public    crypto.PublicKey // *rsa.PublicKey or ed25519.PublicKey
	exactUser bool             // t=s: the domain of i= must be d= itself
}

// lookupKeys asks DNS for the keys of a signature. No key at all gives none and no error. Several records are undefined
// by section 3.6.2.2, while section 6.1.2 lets a verifier try them in turn: those that are no key records (a wildcard's
// SPF record, say) are passed over.
func (v *Verifier) lookupKeys(ctx context.Context, sig *dkimSignature) (keys []dkimKey, err error) {
	name := sig.selector + "._domainkey." + sig.domain
	records, err := v.Resolver.LookupTXT(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("looking up the key %s: %w", name, err)
	}
	var problem error
	for _, record := range records {
		tags, err := parseTags(record)
		if err != nil {
			continue
		}
		if _, ok := tags.get("p"); !ok {
			continue
		}
		key, err := parseKey(tags, sig.algorithm)
		if err != nil {
			problem = fmt.Errorf("key %s: %w", name, err)
			continue
		}
		if keys = append(keys, key); len(keys) == maxKeys {
			break
		}
	}
	if len(keys) > 0 {
		return keys, nil
	}
	return nil, problem
}

// parseKey reads a key record for a signature of that algorithm ("rsa" or "ed25519").
func parseKey(tags tagList, algorithm string) (dkimKey, error) {
	if version, ok := tags.get("v"); ok && version.value != "DKIM1" {
		return dkimKey{}, fmt.Errorf("version %.20q is not DKIM1", version.value)
	}
	p := tags.value("p")
	if p == "" {
		return dkimKey{}, errRevoked
	}
	kind := tags.value("k")
	if kind == "" {
		kind = "rsa"
	}
	if !strings.EqualFold(kind, algorithm) {
		return dkimKey{}, fmt.Errorf("is of kind %.20q, the signature of kind %s", kind, algorithm)
	}
	if hashes := tags.list("h"); hashes != nil && !slices.Contains(hashes, "sha256") {
		return dkimKey{}, errors.New("does not allow sha256")
	}
	if services := tags.list("s"); services != nil && !slices.Contains(services, "*") && !slices.Contains(services, "email") {
		return dkimKey{}, errors.New("is not for email")
	}
	der, err := base64.StdEncoding.DecodeString(p)
	if err != nil {
		return dkimKey{}, errors.New("p= is not base64")
	}
	public, err := parsePublic(der, algorithm)
	if err != nil {
		return dkimKey{}, err
	}
	return dkimKey{public, slices.Contains(tags.list("t"), "s")}, nil
}

// parsePublic reads p=: for RSA a SubjectPublicKeyInfo, or the bare RSAPublicKey that erratum 3017 of RFC 6376 allows;
// for Ed25519 the 32 bytes of the key (RFC 8463 section 4).
func parsePublic(der []byte, algorithm string) (crypto.PublicKey, error) {
	if algorithm == "ed25519" {
		if len(der) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("an Ed25519 key has %d bytes, this one %d", ed25519.PublicKeySize, len(der))
		}
		return ed25519.PublicKey(der), nil
	}
	public, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		public, err = x509.ParsePKCS1PublicKey(der)
	}
	key, ok := public.(*rsa.PublicKey)
	if err != nil || !ok {
		return nil, errors.New("p= is no RSA key")
	}
	if bits := key.N.BitLen(); bits < minRSABits || bits > maxRSABits {
		return nil, fmt.Errorf("RSA of %d bits; %d to %d are accepted", bits, minRSABits, maxRSABits)
	}
	return key, nil
}

// verifies tells whether the signature over this SHA-256 digest is the key's.
func (k dkimKey) verifies(digest, signature []byte) bool {
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, digest, signature) // of the digest: RFC 8463 section 3
	}
	return false
}
