package filter

import "bytes"

// finder finds which of many marks stand in a text, in one pass: a mark is compared only where its first four bytes are.
type finder struct {
	marks  [][]byte
	begins [1 << 16]bool     // the first two bytes of any mark
	starts map[[4]byte][]int // the first four bytes -> marks
	words  int               // of a set
}

func newFinder(marks []string) *finder {
	f := &finder{starts: map[[4]byte][]int{}, words: (len(marks) + 63) / 64}
	for i, mark := range marks {
		f.marks = append(f.marks, []byte(mark))
		key := [4]byte([]byte(mark)[:4])
		f.begins[int(mark[0])<<8|int(mark[1])] = true
		f.starts[key] = append(f.starts[key], i)
	}
	return f
}

// find gives a set of bits, one a mark; nil if none is there.
func (f *finder) find(text []byte) []uint64 {
	var set []uint64
	for at := 0; at+4 <= len(text); at++ {
		if !f.begins[int(text[at])<<8|int(text[at+1])] {
			continue
		}
		for _, i := range f.starts[[4]byte(text[at:])] {
			if bytes.HasPrefix(text[at:], f.marks[i]) {
				if set == nil {
					set = make([]uint64, f.words)
				}
				set[i/64] |= 1 << (i % 64)
			}
		}
	}
	return set
}
