package proof

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
)

// DescribeKey says in words what a DKIM key record holds; the error says why no signature can be verified with it.
func DescribeKey(record string) (string, error) {
	tags, err := parseTags(record)
	if err != nil {
		return "", fmt.Errorf("no key record: %w", err)
	}
	if _, ok := tags.get("p"); !ok {
		return "", errors.New("no key record: p= is missing")
	}
	algorithm := strings.ToLower(tags.value("k"))
	if algorithm == "" {
		algorithm = "rsa"
	}
	if algorithm != "rsa" && algorithm != "ed25519" {
		return "", fmt.Errorf("keys of kind %.20q are not known", algorithm)
	}
	key, err := parseKey(tags, algorithm)
	if err != nil {
		return "", err
	}
	words := "Ed25519"
	if public, ok := key.public.(*rsa.PublicKey); ok {
		words = fmt.Sprintf("RSA, %d bits", public.N.BitLen())
	}
	for _, flag := range tags.list("t") {
		if flag == "y" {
			words += ", in test mode (t=y)"
		}
	}
	return words, nil
}
