package proof

import (
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"sync"
)

// SignatureMemo remembers which signatures fit, so that one that comes back on a thousand bounces is verified once: what is
// signed, by which key and with what outcome. Bodies are hashed each time. Safe for concurrent use; the zero value is ready.
type SignatureMemo struct {
	mu      sync.Mutex
	fits    map[[sha256.Size]byte]bool
	checked int
}

// maxSignatureMemo bounds what is remembered, some 50 bytes each.
const maxSignatureMemo = 500_000

// Checked gives the number of signatures that were verified, each once.
func (m *SignatureMemo) Checked() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.checked
}

// verifies asks the memo, then the key.
func (v *Verifier) verifies(k dkimKey, digest, signature []byte) bool {
	m := v.Memo
	if m == nil {
		return k.verifies(digest, signature)
	}
	name := k.nameOf(digest, signature)
	m.mu.Lock()
	fits, known := m.fits[name]
	m.mu.Unlock()
	if known {
		return fits
	}
	fits = k.verifies(digest, signature)
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fits == nil {
		m.fits = map[[sha256.Size]byte]bool{}
	}
	m.checked++
	if len(m.fits) < maxSignatureMemo {
		m.fits[name] = fits
	}
	return fits
}

// nameOf names a key with what it is asked about.
func (k dkimKey) nameOf(digest, signature []byte) (name [sha256.Size]byte) {
	hash := sha256.New()
	switch key := k.public.(type) {
	case *rsa.PublicKey:
		hash.Write(key.N.Bytes())
		hash.Write([]byte{byte(key.E >> 24), byte(key.E >> 16), byte(key.E >> 8), byte(key.E), 'r'})
	case ed25519.PublicKey:
		hash.Write(key)
		hash.Write([]byte{'e'})
	}
	hash.Write(digest) // of one size, so that nothing can be shifted between the parts
	hash.Write(signature)
	hash.Sum(name[:0])
	return name
}
