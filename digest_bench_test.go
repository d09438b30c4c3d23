package ndrscan

import (
	"bytes"
	"crypto/sha256"
	"testing"
)

// BenchmarkDigest names a message of 5.5 KB; the floor is the hash alone.
func BenchmarkDigest(b *testing.B) {
	raw := append(bytes.Repeat([]byte("X-Field: some value of usual length, with words\r\n"), 20), "\r\n"...)
	raw = append(raw, bytes.Repeat([]byte("a line of text as it stands in bounces, sixty bytes or so..\r\n"), 72)...)
	for _, bench := range []struct {
		name string
		do   func([]byte)
	}{{"ndrscan", func(raw []byte) { digest(raw) }}, {"floor", func(raw []byte) { sha256.Sum256(raw) }}} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				bench.do(raw)
			}
		})
	}
}
