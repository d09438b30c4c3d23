package classify

import (
	"math/bits"
	"math/rand/v2"
)

// hashes is a set of what hash64 gives. A flood has millions of them, and a map takes more than twice the room and four times as
// long. Each stands where its bits say, or in the next free place after.
type hashes struct {
	places []uint64 // a power of two of them; 0 is a free one
	n      int
}

// spread makes places that no stranger can foresee: else he could choose texts that all want the same one.
var spread = rand.Uint64() | 1

func (h *hashes) len() int { return h.n }

func (h *hashes) has(sum uint64) bool {
	return h.n > 0 && h.places[h.place(sum)] != 0
}

// add adds a sum that may be there already.
func (h *hashes) add(sum uint64) {
	h.reserve(h.n + 1)
	if at := h.place(sum); h.places[at] == 0 {
		h.places[at] = max(sum, 1) // 0 and 1 are the same to it
		h.n++
	}
}

// join adds all sums of another set. They come in the order of their places, so there must be room for all of them first: they
// would crowd into the first places of a smaller table.
func (h *hashes) join(other *hashes) {
	h.reserve(h.n + other.n)
	for _, sum := range other.places {
		if sum != 0 {
			h.add(sum)
		}
	}
}

// place gives where a sum stands, or would stand.
func (h *hashes) place(sum uint64) int {
	sum = max(sum, 1)
	last := len(h.places) - 1
	at := int(sum * spread >> (64 - bits.Len(uint(last))))
	for h.places[at] != 0 && h.places[at] != sum {
		at = (at + 1) & last
	}
	return at
}

// reserve makes room for n sums in all: a quarter of the places stays free.
func (h *hashes) reserve(n int) {
	size := max(len(h.places), 8)
	for 4*n > 3*size {
		size *= 2
	}
	if size == len(h.places) {
		return
	}
	old := *h
	*h = hashes{places: make([]uint64, size)}
	for _, sum := range old.places {
		if sum != 0 {
			h.add(sum)
		}
	}
}
