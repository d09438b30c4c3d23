package classify

import (
	"math/rand/v2"
	"testing"
	"time"
)

// The set holds what a map holds.
func TestHashes(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var set hashes
	twin := map[uint64]struct{}{}
	for range 200_000 {
		sum := random.Uint64N(100_000) << random.IntN(48) // many twice, many with the same low bits
		if _, known := twin[max(sum, 1)]; set.has(sum) != known {
			t.Fatalf("%x is in the set: %v, want %v", sum, !known, known)
		}
		set.add(sum)
		twin[max(sum, 1)] = struct{}{}
		if set.len() != len(twin) || !set.has(sum) {
			t.Fatalf("%d after %x, want %d", set.len(), sum, len(twin))
		}
	}
	var joined hashes
	joined.add(random.Uint64() | 1<<63)
	joined.join(&set)
	if joined.len() != set.len()+1 {
		t.Errorf("%d joined, want one more than %d", joined.len(), set.len())
	}
	for sum := range twin {
		if !joined.has(sum) {
			t.Fatalf("%x got lost", sum)
		}
	}
	if joined.has(1 << 60) {
		t.Error("holds what was not added")
	}
}

// Sums come out of a set in the order of their places. Where that crowds a set that grows with them, a million take minutes.
func TestHashesJoinedInTime(t *testing.T) {
	var set, joined hashes
	for i := range uint64(1_000_000) {
		set.add(i * 0x9e3779b97f4a7c15)
	}
	start := time.Now()
	joined.join(&set)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%d sums took %v", joined.len(), took)
	}
}

func BenchmarkHashes(b *testing.B) {
	const n = 1 << 20
	b.Run("ndrscan", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var set hashes
			for i := range uint64(n) {
				set.add(i * 0x9e3779b97f4a7c15)
			}
		}
	})
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			set := map[uint64]struct{}{}
			for i := range uint64(n) {
				set[i*0x9e3779b97f4a7c15] = struct{}{}
			}
		}
	})
}
