package dsn

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// An index over many marks: one pass over a text tells which of them stand in it (the idea is gitleaks': look for all
// keywords before any rule runs). Every mark is entered under a hash of four of its bytes, its anchor; at each place of
// the text the bytes there are hashed, and only marks entered under that hash are compared.

const (
	anchorSize = 4
	hashBits   = 12
	sieveBits  = 15
	maxMarks   = 16 * 64
	minMark    = anchorSize // bytes; shorter marks can't be entered
	maxMark    = 200
)

// index holds the marks of all dialects and the words that tell kinds.
var index markIndex

// marked are the numbers of the words of which one is enough.
var marked = struct{ failure, delay, success, challenge, truncated []uint16 }{
	failure:   index.enterAll(failures, true),
	delay:     index.enterAll(delays, true),
	success:   index.enterAll(successes, true),
	challenge: index.enterAll(challenges, true),
	truncated: index.enterAll(truncationLeads, true),
}

// mark is a text that is looked for. A * in it stands for anything in the same line.
type mark struct {
	text   string // as looked for, up to the *
	after  string // what stands behind the *, compared without case
	fold   bool   // compare without case; text is in lower case
	lines  bool   // text goes over line ends, which may be CRLF
	anchor int    // place of the anchor in text
	next   uint16 // the next mark with the same hash: its number and one
}

// markSet says which marks stand in a text, by their numbers.
type markSet [maxMarks / 64]uint64

func (s *markSet) has(id uint16) bool { return s[id/64]&(1<<(id%64)) != 0 }
func (s *markSet) add(id uint16)      { s[id/64] |= 1 << (id % 64) }

func (s *markSet) hasAny(ids []uint16) bool {
	for _, id := range ids {
		if s.has(id) {
			return true
		}
	}
	return false
}

func (s *markSet) hasAll(ids []uint16) bool {
	for _, id := range ids {
		if !s.has(id) {
			return false
		}
	}
	return true
}

// markIndex is the index. Its zero value is empty.
type markIndex struct {
	sieve [1 << sieveBits / 64]uint64 // by a longer hash: whether there is a mark at all
	heads [1 << hashBits]uint16       // by hash: number and one of the first mark
	marks []mark
	ids   map[mark]uint16
}

// enter adds a mark, if it is new, and gives its number.
func (x *markIndex) enter(text string, fold bool) uint16 {
	before, after, _ := strings.Cut(text, "*")
	m := mark{text: before, after: strings.ToLower(after), fold: fold, lines: strings.Contains(before, "\n")}
	if fold {
		m.text = strings.ToLower(before)
	}
	m.anchor = anchorOf(m.text)
	if id, ok := x.ids[m]; ok {
		return id
	}
	if len(m.text) < minMark || len(text) > maxMark || len(x.marks) == maxMarks {
		panic("dsn: mark too short or too long, or too many: " + text) // the table is ours; a test builds it
	}
	if x.ids == nil {
		x.ids = make(map[mark]uint16)
	}
	id := uint16(len(x.marks))
	x.ids[m] = id
	long, hash := anchorHash(binary.LittleEndian.Uint32([]byte(m.text[m.anchor:])))
	x.sieve[long/64] |= 1 << (long % 64)
	m.next, x.heads[hash] = x.heads[hash], id+1
	x.marks = append(x.marks, m)
	return id
}

func (x *markIndex) enterAll(list []string, fold bool) []uint16 {
	var ids []uint16
	for _, text := range list {
		ids = append(ids, x.enter(text, fold))
	}
	return ids
}

// anchorOf gives the place of the anchor: the first word of some length, for many marks begin with dashes.
func anchorOf(text string) int {
	for i := 0; i+anchorSize <= len(text); i++ {
		if !strings.ContainsAny(text[i:i+anchorSize], "- \n<>|*=.") {
			return i
		}
	}
	return 0
}

// anchorHash does not mind the case of letters. The longer hash is for the sieve, the shorter one for the heads.
func anchorHash(bytes uint32) (long, short uint32) {
	hash := (bytes | 0x20202020) * 0x9E3779B1
	return hash >> (32 - sieveBits), hash >> (32 - hashBits)
}

// scan adds the marks that stand in text to found.
func (x *markIndex) scan(text []byte, found *markSet) {
	for i := 0; i+anchorSize <= len(text); i++ {
		long, hash := anchorHash(binary.LittleEndian.Uint32(text[i:]))
		if x.sieve[long/64]&(1<<(long%64)) != 0 {
			x.compare(text, i, x.heads[hash], found)
		}
	}
}

// compare looks at the marks of one hash whose anchor may stand at a place.
func (x *markIndex) compare(text []byte, i int, next uint16, found *markSet) {
	for next != 0 {
		id := next - 1
		m := &x.marks[id]
		next = m.next
		if at := i - m.anchor; at >= 0 && !found.has(id) && m.begins(text[at:]) && m.goesOn(text[at+len(m.text):]) {
			found.add(id)
		}
	}
}

// maxStarred is as far as the second half of a mark with a * can be away from the first.
const maxStarred = 300

// goesOn tells whether what stands behind the * follows in the same line.
func (m *mark) goesOn(rest []byte) bool {
	return m.after == "" || containsFold(firstLine(rest[:min(len(rest), maxStarred)]), m.after)
}

func (m *mark) begins(text []byte) bool {
	if m.lines {
		return hasPrefixLines(text, m.text, m.fold)
	}
	if m.fold {
		return hasPrefixFold(text, m.text)
	}
	return len(text) >= len(m.text) && string(text[:len(m.text)]) == m.text
}

// hasPrefixLines tells whether text begins with prefix, whatever its line ends are.
func hasPrefixLines(text []byte, prefix string, fold bool) bool {
	for i := 0; i < len(prefix); i++ {
		if prefix[i] == '\n' && len(text) > 0 && text[0] == '\r' {
			text = text[1:]
		}
		if len(text) == 0 || text[0] != prefix[i] && (!fold || lower(text[0]) != prefix[i]) {
			return false
		}
		text = text[1:]
	}
	return true
}

// in looks for this mark alone, which is one that minds the case.
func (m *mark) in(text []byte) bool {
	for {
		at := bytes.IndexByte(text, m.text[0])
		if at < 0 {
			return false
		}
		if text = text[at:]; m.begins(text) && m.goesOn(text[len(m.text):]) {
			return true
		}
		text = text[1:]
	}
}
