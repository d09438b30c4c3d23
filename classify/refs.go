package classify

import "slices"

// maxEvidence is how many message ids are shown for a row.
const maxEvidence = 3

// ref names a message: its place in the order of reading, its source and its id.
type ref struct {
	place      int
	source, id string
}

// refs are the first few messages of something, in the order of reading: whatever the order they are added in, the same.
type refs []ref

// with adds messages and keeps the first few.
func (r refs) with(more ...ref) refs {
	for _, m := range more {
		at, known := slices.BinarySearchFunc(r, m, func(a, b ref) int { return a.place - b.place })
		if known || at == maxEvidence {
			continue
		}
		r = slices.Insert(r, at, m)
		r = r[:min(len(r), maxEvidence)]
	}
	return r
}

// before tells whether the first of these messages was read before the first of others.
func (r refs) before(others refs) bool {
	return len(r) > 0 && (len(others) == 0 || r[0].place < others[0].place)
}

// names writes messages as explain takes them: the id; with several sources the source before it.
func (f *Flood) names(list refs) []string {
	names := make([]string, 0, len(list))
	for _, r := range list {
		if f.several {
			r.id = r.source + " " + r.id
		}
		names = append(names, r.id)
	}
	return names
}

// first gives the first few of a list, each once.
func first(list ...string) []string {
	var kept []string
	for _, s := range list {
		if len(kept) == maxEvidence {
			break
		}
		if !slices.Contains(kept, s) {
			kept = append(kept, s)
		}
	}
	return kept
}
