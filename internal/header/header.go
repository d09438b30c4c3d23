// Package header reads the header section of a message (RFC 5322 section 2.2) where it lies.
//
// Bytes in, fields out: Split cuts a message into its fields and its body and copies nothing; every Field points into
// the message it came from, so that a signature can be checked over the exact bytes. What is asked for by name is
// unfolded, and only what is shown to people is decoded (Decode).
//
// Mail is rarely perfect. Line ends may be CRLF, LF or a mix of both; a message with bare CR only is for the caller to
// mend first (CRToLF). A line in the header section that is neither a field nor a continuation ends the section, except
// for an mbox "From " line or a ">From " line before or between the fields, which is stepped over. Nothing here fails:
// malformed input gives fewer fields.
package header

import (
	"bytes"
	"iter"
	"strings"
)

// maxFields bounds the fields that Split keeps: the longest header sections seen in the field have a few hundred. The
// rest of the section is passed over and belongs neither to the fields nor to the body.
const maxFields = 5000

// maxName is the length (bytes) of a field name: RFC 5322 section 2.1.1 gives a whole line no more.
const maxName = 998

// Field is one header field. Raw is the whole field with its folded lines and without the last line end; it points into the
// message. A field is kept small, for most of what reading a message allocates is fields.
type Field struct {
	Raw []byte

	name, colon uint16 // the length of the name, and the place of the colon behind it
}

// NewField makes a field that stands in no message.
func NewField(name, body string) Field {
	return Field{Raw: []byte(name + ":" + body), name: uint16(len(name)), colon: uint16(len(name))}
}

// Name is what stands before the colon, without the white space there. It points into the message.
func (f Field) Name() []byte { return f.Raw[:f.name] }

// Body is what stands behind the colon. It points into the message.
func (f Field) Body() []byte { return f.Raw[f.colon+1:] }

// Grown gives the field with more lines: raw begins where f.Raw does.
func (f Field) Grown(raw []byte) Field {
	f.Raw = raw
	return f
}

// Value is the field's body unfolded (RFC 5322 section 2.2.3): line ends removed, outer white space trimmed.
func (f Field) Value() string { return Unfold(f.Body()) }

// Is tells whether the field has this name; case does not count (RFC 5322 section 1.2.2).
func (f Field) Is(name string) bool {
	if int(f.name) != len(name) {
		return false
	}
	for i := range len(name) {
		if lower(f.Raw[i]) != lower(name[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// Section is a header section: its fields in the order they stand, the newest trace field first.
type Section []Field

// Get gives the unfolded value of the first field of that name, "" if there is none.
func (s Section) Get(name string) string {
	for _, f := range s {
		if f.Is(name) {
			return f.Value()
		}
	}
	return ""
}

// Has tells whether a field of that name stands in the section, be it empty.
func (s Section) Has(name string) bool {
	for _, f := range s {
		if f.Is(name) {
			return true
		}
	}
	return false
}

// All yields the fields of that name with their places in the section.
func (s Section) All(name string) iter.Seq2[int, Field] {
	return func(yield func(int, Field) bool) {
		for i, f := range s {
			if f.Is(name) && !yield(i, f) {
				return
			}
		}
	}
}

// Count gives the number of fields of that name.
func (s Section) Count(name string) int {
	n := 0
	for range s.All(name) {
		n++
	}
	return n
}

// Split cuts a message into its header section and its body. The empty line between them belongs to neither. A message
// that has no header section at all gives no fields and itself as the body.
func Split(msg []byte) (Section, []byte) {
	return AppendFields(nil, msg)
}

// AppendFields is Split for many sections: the fields are appended to dst, so that the sections of a message and its parts
// can share one array. What dst held before stays in front.
func AppendFields(dst Section, msg []byte) (Section, []byte) {
	before := len(dst)
	rest := msg
	for len(rest) > 0 {
		nameLen, colon := cutName(rest)
		if nameLen < 0 {
			line, next := cutLine(rest)
			if len(line) == 0 {
				return dst, next
			}
			if !isMboxLine(line) {
				return dst, rest
			}
			rest = next
			continue
		}
		raw, next := cutField(rest)
		if dst == nil {
			dst = make(Section, 0, usualFields)
		}
		if len(dst)-before < maxFields {
			dst = append(dst, Field{Raw: raw, name: uint16(nameLen), colon: uint16(colon)})
		}
		rest = next
	}
	return dst, nil
}

// usualFields is the room made for a section at first: most have fewer fields.
const usualFields = 24

// cutField takes a field with its folded lines. A line of nothing but white space inside a field is a continuation
// (RFC 5322 section 4.2, obsolete folding).
func cutField(in []byte) (raw, rest []byte) {
	for end := 0; ; {
		i := bytes.IndexByte(in[end:], '\n')
		if i < 0 {
			return trimLineEnd(in), nil
		}
		end += i + 1
		if end == len(in) || in[end] != ' ' && in[end] != '\t' {
			return trimLineEnd(in[:end]), in[end:]
		}
	}
}

// cutName gives the length of the field name at the start of a line and the place of its colon, -1 if the line is no
// field, for which a colon has to stand within maxName. White space between name and colon is allowed (RFC 5322 section 4.5).
func cutName(in []byte) (length, colon int) {
	in = in[:min(len(in), maxName+1)]
	n := 0
	for n < len(in) && isNameByte(in[n]) {
		n++
	}
	colon = n
	for colon < len(in) && (in[colon] == ' ' || in[colon] == '\t') {
		colon++
	}
	if n == 0 || colon == len(in) || in[colon] != ':' {
		return -1, -1
	}
	return n, colon
}

// isNameByte tells the bytes of a field name: printable ASCII but the colon (RFC 5322 section 2.2).
func isNameByte(c byte) bool { return c > ' ' && c < 0x7f && c != ':' }

// isMboxLine tells an mbox separator that was left on a stored message, quoted or not.
func isMboxLine(line []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(line, ">"), []byte("From "))
}

// cutLine takes one line without its line end.
func cutLine(in []byte) (line, rest []byte) {
	i := bytes.IndexByte(in, '\n')
	if i < 0 {
		return trimLineEnd(in), nil
	}
	return trimLineEnd(in[:i+1]), in[i+1:]
}

func trimLineEnd(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// Unfold joins folded lines: line ends go, the white space that follows them stays, NUL bytes are dropped.
func Unfold(body []byte) string {
	body = bytes.TrimSpace(body)
	if bytes.IndexByte(body, 0) >= 0 {
		return unfoldAll(body)
	}
	end := bytes.IndexByte(body, '\n')
	if end < 0 && bytes.IndexByte(body, '\r') < 0 {
		return string(body)
	}
	var out strings.Builder
	out.Grow(len(body))
	for rest := body; ; end = bytes.IndexByte(rest, '\n') {
		line := rest
		if end >= 0 {
			line, rest = trimLineEnd(rest[:end+1]), rest[end+1:]
		}
		if bytes.IndexByte(line, '\r') >= 0 {
			return unfoldAll(body)
		}
		out.Write(line)
		if end < 0 {
			return out.String()
		}
	}
}

// unfoldAll drops every CR, LF and NUL, wherever it stands: the slow twin of Unfold.
func unfoldAll(body []byte) string {
	var out strings.Builder
	out.Grow(len(body))
	for _, c := range body {
		if c != '\n' && c != '\r' && c != 0 {
			out.WriteByte(c)
		}
	}
	return out.String()
}

// CRToLF gives the message with LF line ends if it has bare CR line ends and not one LF (classic Mac files); any other
// message is returned as it is.
func CRToLF(msg []byte) []byte {
	if bytes.IndexByte(msg, '\n') >= 0 || bytes.IndexByte(msg, '\r') < 0 {
		return msg
	}
	return bytes.ReplaceAll(msg, []byte("\r"), []byte("\n"))
}
