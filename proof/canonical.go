package proof

import (
	"bytes"
	"io"

	"ndrscan/internal/header"
)

// Canonicalisation (RFC 6376 section 3.4). Mail that lies in a mailbox often has LF line ends where CRLF was signed, so
// both are read as one line end and CRLF is what is hashed. A CR elsewhere is an ordinary character.

var crlf = []byte("\r\n")

// simpleHeader gives a field unchanged but for its line ends (section 3.4.1), without the last one.
func simpleHeader(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+16)
	for line := range bytes.Lines(raw) {
		text, ended := cutLineEnd(line)
		out = append(out, text...)
		if ended {
			out = append(out, crlf...)
		}
	}
	return out
}

// relaxedHeader gives a field with its name in lower case, unfolded, and every run of white space as one space (section
// 3.4.2), without the last line end.
func relaxedHeader(raw []byte) []byte {
	name, body, _ := bytes.Cut(raw, []byte(":"))
	out := make([]byte, 0, len(raw))
	out = append(out, bytes.ToLower(bytes.TrimSpace(name))...)
	out = append(out, ':')
	started := len(out)
	blank := false
	for _, c := range body {
		if c == ' ' || c == '\t' || c == '\r' || c == '\n' {
			blank = true
			continue
		}
		if blank && len(out) > started {
			out = append(out, ' ')
		}
		blank = false
		out = append(out, c)
	}
	return out
}

// writeBody writes the canonical body (sections 3.4.3 and 3.4.4): empty lines at the end are dropped, and the last line
// gets a line end. An empty body is one CRLF when simple and nothing at all when relaxed.
func writeBody(w io.Writer, body []byte, relaxed bool) error {
	empty := 0 // empty lines met and not yet written
	wrote := false
	var buf []byte
	for line := range bytes.Lines(body) {
		text, _ := cutLineEnd(line)
		if relaxed {
			buf = relaxLine(buf[:0], text)
			text = buf
		}
		if len(text) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			if _, err := w.Write(crlf); err != nil {
				return err
			}
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
		if _, err := w.Write(crlf); err != nil {
			return err
		}
		wrote = true
	}
	if wrote || relaxed {
		return nil
	}
	_, err := w.Write(crlf)
	return err
}

// relaxLine appends a line with each run of white space as one space and none at its end.
func relaxLine(out, line []byte) []byte {
	blank := false
	for _, c := range line {
		if c == ' ' || c == '\t' {
			blank = true
			continue
		}
		if blank {
			out = append(out, ' ')
			blank = false
		}
		out = append(out, c)
	}
	return out
}

func cutLineEnd(line []byte) (text []byte, ended bool) {
	text, ended = bytes.CutSuffix(line, []byte("\n"))
	if ended {
		text = bytes.TrimSuffix(text, []byte("\r"))
	}
	return text, ended
}

// prefixWriter passes on the first n bytes and counts all.
type prefixWriter struct {
	w       io.Writer
	n, seen int64
}

func (p *prefixWriter) Write(b []byte) (int, error) {
	if left := p.n - p.seen; left > 0 {
		if _, err := p.w.Write(b[:min(left, int64(len(b)))]); err != nil {
			return 0, err
		}
	}
	p.seen += int64(len(b))
	return len(b), nil
}

// signedFields gives the fields that h= names in that order, each field once, the lowest first (section 5.4.2). Names
// that find no field (any more) stand for nothing: an oversigned name.
type signedFields struct {
	section header.Section
	places  map[string][]int // by lower-case name, top to bottom
}

func newSignedFields(section header.Section) *signedFields {
	places := make(map[string][]int)
	for i, f := range section {
		name := string(bytes.ToLower(f.Name()))
		places[name] = append(places[name], i)
	}
	return &signedFields{section, places}
}

// pick gives the places of the fields that these lower-case names sign.
func (s *signedFields) pick(names []string) []int {
	taken := make(map[string]int)
	var picked []int
	for _, name := range names {
		left := s.places[name]
		n := taken[name]
		if n < len(left) {
			picked = append(picked, left[len(left)-1-n])
			taken[name]++
		}
	}
	return picked
}
