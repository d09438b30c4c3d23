package dsn

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"
	"sync"

	"ndrscan/internal/header"

	"github.com/emersion/go-message/charset"
)

// The walk over MIME parts (RFC 2045, 2046). A part is a slice of the message; nothing is copied until a part has to be
// decoded. Reports have four or five parts at most two deep, so the limits are only for hostile mail; what lies beyond
// them is passed over.
const (
	maxDepth   = 20
	maxParts   = 1000
	maxDecoded = 64 << 20 // bytes made of one encoded part
	maxText    = 256 << 10

	maxContentType = 8 << 10 // bytes of a Content-Type field that are read
)

// part is one leaf of the MIME tree; a message/rfc822 part is a leaf too.
type part struct {
	typ         string // media type in lower case, without parameters
	contentType []byte // the whole Content-Type field, at most maxContentType of it
	encoding    encoding
	header      header.Section
	body        []byte // as transferred
	raw         []byte // header and body
	depth       int
}

// encoding is a Content-Transfer-Encoding that has to be undone.
type encoding uint8

const (
	plain encoding = iota
	base64Encoding
	quotedPrintable
)

// walker collects the leaves of one message. All header sections share one array.
type walker struct {
	parts   []part
	visited int
	root    string // media type of the message itself
	fields  header.Section
}

// Room that is made at first: usual reports have no more parts, and no more fields in all.
const (
	usualParts  = 4
	usualFields = 36
)

// rooms are for the parts of one message, which nobody asks for when it has been read.
var rooms = sync.Pool{New: func() any { return new([usualParts]part) }}

// split cuts an entity into its header section and its body.
func (w *walker) split(entity []byte) (header.Section, []byte) {
	before := len(w.fields)
	var body []byte
	w.fields, body = header.AppendFields(w.fields, entity)
	section := w.fields[before:len(w.fields):len(w.fields)]
	if len(section) == 0 {
		return nil, body
	}
	return section, body
}

// walk adds the leaves of one entity.
func (w *walker) walk(h header.Section, body, raw []byte, depth int) {
	if w.visited++; w.visited > maxParts {
		return
	}
	leaf := part{header: h, body: body, raw: raw, depth: depth}
	leaf.readFields()
	if depth == 0 {
		w.root = leaf.typ
	}
	if strings.HasPrefix(leaf.typ, "multipart/") && depth < maxDepth {
		if w.walkParts(leaf.contentType, body, depth) {
			return
		}
		leaf.typ = "text/plain"
	}
	// QUIRK: mail saved by hand can have lost its Content-Type.
	if leaf.typ == "" && depth == 0 && bytes.HasPrefix(trimBlankLines(body), []byte("This is a MIME-")) && w.walkParts(nil, body, depth) {
		return
	}
	w.parts = append(w.parts, leaf)
}

// readFields reads what MIME says about a part.
func (p *part) readFields() {
	for i := range p.header {
		f := &p.header[i]
		if name := f.Name(); len(name) < len("Content-Type") || lower(name[0]) != 'c' {
			continue
		}
		switch {
		case p.contentType == nil && f.Is("Content-Type"):
			p.contentType = f.Body()[:min(len(f.Body()), maxContentType)]
			p.typ = mediaType(p.contentType)
		case p.encoding == plain && f.Is("Content-Transfer-Encoding"):
			p.encoding = encodingOf(f.Body())
		}
	}
}

func encodingOf(value []byte) encoding {
	value = skipSpace(value)
	switch {
	case hasPrefixFold(value, "base64"):
		return base64Encoding
	case hasPrefixFold(value, "quoted-printable"):
		return quotedPrintable
	}
	return plain
}

// walkParts cuts a multipart body at its delimiters; it tells whether there was any.
func (w *walker) walkParts(contentType, body []byte, depth int) bool {
	boundary := param(contentType, "boundary")
	at := findDelimiter(body, boundary)
	if at < 0 {
		// QUIRK: the boundary parameter is missing, or does not fit the delimiters (reports edited by hand or by
		// gateways): what looks like a delimiter in front of part headers is taken for one.
		if boundary = guessBoundary(body); len(boundary) == 0 {
			return false
		}
		at = findDelimiter(body, boundary)
	}
	for at >= 0 && w.visited <= maxParts {
		line, rest := cutLine(body[at:])
		if isClosing(line, boundary) {
			break
		}
		next := findDelimiter(rest, boundary)
		content := rest
		if next >= 0 {
			content = rest[:next]
		}
		content = trimLineEnd(content)
		h, partBody := w.splitPart(content)
		w.walk(h, partBody, content, depth+1)
		body, at = rest, next
	}
	return true
}

// splitPart cuts a part into its header and body. A part without header starts with an empty line (RFC 2046 section
// 5.1); one that starts with text has lost that line.
func (w *walker) splitPart(content []byte) (header.Section, []byte) {
	if line, rest := cutLine(content); len(line) == 0 {
		return nil, rest
	}
	return w.split(content)
}

// findDelimiter gives the place of the first line that is the delimiter (RFC 2046 section 5.1.1): two hyphens and the
// boundary at the start of a line, followed by nothing but "--" and white space, so that a boundary which is the prefix of
// another is not mixed up with it.
func findDelimiter(body, boundary []byte) int {
	if len(boundary) == 0 || len(boundary) > maxBoundary {
		return -1
	}
	// The boundary itself is looked for, as it is rarer than line ends.
	for at := 0; ; at++ {
		i := bytes.Index(body[at:], boundary)
		if i < 0 {
			return -1
		}
		at += i
		start := at - 2
		if start >= 0 && (start == 0 || body[start-1] == '\n') && isDelimiter(body[start:], boundary) {
			return start
		}
	}
}

// maxBoundary is the length of a boundary that is looked for; RFC 2046 section 5.1.1 allows 70.
const maxBoundary = 200

func isDelimiter(in, boundary []byte) bool {
	if len(in) < 2+len(boundary) || in[0] != '-' || in[1] != '-' || !bytes.HasPrefix(in[2:], boundary) {
		return false
	}
	tail := in[2+len(boundary):]
	if bytes.HasPrefix(tail, []byte("--")) {
		tail = tail[2:]
	}
	for _, c := range tail {
		switch c {
		case '\n', '\r':
			return true
		case ' ', '\t':
		default:
			return false
		}
	}
	return true
}

// isClosing tells the delimiter that ends a multipart.
func isClosing(line, boundary []byte) bool {
	return bytes.HasPrefix(line[2+len(boundary):], []byte("--"))
}

// guessBoundary finds a line that starts with "--" and has a Content- field under it.
func guessBoundary(body []byte) []byte {
	for at := 0; ; {
		line, rest := cutLine(body[at:])
		if len(line) > 4 && len(line) < 200 && string(line[:2]) == "--" && hasPrefixFold(rest, "content-") {
			return bytes.TrimRight(line[2:], " \t")
		}
		next := bytes.Index(body[at:], []byte("\n--"))
		if next < 0 {
			return nil
		}
		at += next + 1
	}
}

// usualTypes are media types of reports, so that naming them costs nothing.
var usualTypes = []string{"text/plain", "message/delivery-status", "message/rfc822", "text/rfc822-headers", "multipart/report", "text/html",
	"multipart/mixed", "multipart/alternative", "multipart/related", "message/global", "message/global-delivery-status"}

// mediaType gives type/subtype in lower case.
func mediaType(contentType []byte) string {
	typ := skipSpace(contentType)
	for i, c := range typ {
		if c == ';' || c == '(' || isSpace(c) {
			typ = typ[:i]
			break
		}
	}
	for _, usual := range usualTypes {
		if len(typ) == len(usual) && (string(typ) == usual || hasPrefixFold(typ, usual)) {
			return usual
		}
	}
	return header.LowerASCII(typ)
}

// param gives a parameter of a Content-Type field, unquoted; nothing if it is missing.
func param(contentType []byte, name string) []byte {
	rest := contentType
	for {
		semi := bytes.IndexByte(rest, ';')
		if semi < 0 {
			return nil
		}
		rest = skipSpace(rest[semi+1:])
		key, value, ok := bytes.Cut(rest, []byte("="))
		if !ok {
			return nil
		}
		value = skipSpace(value)
		quoted, after, isQuoted := cutQuoted(value)
		key = bytes.TrimSuffix(trimSpaceRight(key), []byte("*"))
		if len(key) == len(name) && hasPrefixFold(key, name) {
			if isQuoted {
				return quoted
			}
			if i := bytes.IndexAny(value, "; \t\r\n\""); i > 0 {
				value = value[:i]
			}
			return bytes.Trim(value, `"`)
		}
		if isQuoted {
			rest = after
		}
	}
}

// cutQuoted takes a quoted string (RFC 2045 section 5.1) without its quotes, where it lies unless it has quoted pairs or
// line ends in it.
func cutQuoted(in []byte) (text, rest []byte, ok bool) {
	if len(in) == 0 || in[0] != '"' {
		return nil, in, false
	}
	simple := true
	for i := 1; i < len(in); i++ {
		switch in[i] {
		case '"':
			text = in[1:i]
			if !simple {
				text = unquotePairs(text)
			}
			return text, in[i+1:], true
		case '\\':
			simple = false
			i++
		case '\r', '\n':
			simple = false
		}
	}
	return nil, in, false
}

func unquotePairs(in []byte) []byte {
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] == '\\' && i+1 < len(in) {
			i++
		} else if in[i] == '\r' || in[i] == '\n' {
			continue
		}
		out = append(out, in[i])
	}
	return out
}

// content gives the body of a part with its transfer encoding undone: a slice of the message where there is nothing to
// undo.
func (p *part) content() []byte {
	switch p.encoding {
	case base64Encoding:
		return decodeBase64(p.body)
	case quotedPrintable:
		return decodeQuotedPrintable(p.body)
	}
	return p.body
}

// text gives a text part as UTF-8 for reading, at most limit bytes of it, HTML without its tags.
func (p *part) text(limit int) []byte {
	part := *p
	part.body = part.body[:min(len(part.body), 3*limit)] // an encoded byte is three at most
	text := part.content()
	if len(text) > limit {
		text = text[:limit]
	}
	if name := param(p.contentType, "charset"); needsCharset(name, text) {
		if r, err := charset.Reader(string(name), bytes.NewReader(text)); err == nil {
			if decoded, err := io.ReadAll(io.LimitReader(r, maxText)); err == nil {
				text = decoded
			}
		}
	}
	if p.typ == "text/html" || looksLikeHTML(text) {
		text = stripHTML(text)
	}
	return text
}

// asciiCharsets agree with ASCII in its lower half.
var asciiCharsets = []string{"iso-8859-", "windows-", "koi8-", "cp125", "cp866", "latin", "big5", "gb", "euc-"}

// needsCharset tells whether text of that charset is not readable as it is: marks are ASCII or UTF-8.
func needsCharset(name, text []byte) bool {
	for _, readable := range []string{"us-ascii", "utf-8", "ascii", "unknown"} {
		if hasPrefixFold(name, readable) {
			return false
		}
	}
	for _, half := range asciiCharsets {
		if hasPrefixFold(name, half) {
			return !isASCII(text)
		}
	}
	return len(name) > 0
}

func isASCII(text []byte) bool {
	for _, c := range text {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

func decodeBase64(in []byte) []byte {
	if len(in) > maxDecoded {
		in = in[:maxDecoded]
	}
	clean := make([]byte, 0, len(in))
	for _, c := range in {
		if isBase64(c) {
			clean = append(clean, c)
		}
	}
	clean = clean[:len(clean)-len(clean)%4+partialGroup(len(clean)%4)]
	n, _ := base64.RawStdEncoding.Decode(clean, clean)
	return clean[:n]
}

// partialGroup is how much of a last, incomplete group can be decoded.
func partialGroup(n int) int {
	if n == 1 {
		return 0
	}
	return n
}

func isBase64(c byte) bool {
	return 'A' <= c && c <= 'Z' || 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '+' || c == '/'
}

// decodeQuotedPrintable undoes RFC 2045 section 6.7; what is not a valid escape stays as it is.
func decodeQuotedPrintable(in []byte) []byte {
	if len(in) > maxDecoded {
		in = in[:maxDecoded]
	}
	out := make([]byte, 0, len(in))
	for i := 0; i < len(in); i++ {
		if in[i] != '=' {
			out = append(out, in[i])
			continue
		}
		if i+2 < len(in) {
			high, low := unhex(in[i+1]), unhex(in[i+2])
			if high >= 0 && low >= 0 {
				out = append(out, byte(high<<4|low))
				i += 2
				continue
			}
		}
		if n := softBreak(in[i+1:]); n > 0 {
			i += n
			continue
		}
		out = append(out, '=')
	}
	return out
}

// softBreak gives the length of white space and a line end, 0 if there is something else.
func softBreak(in []byte) int {
	for i, c := range in {
		switch c {
		case '\n':
			return i + 1
		case ' ', '\t', '\r':
		default:
			return 0
		}
	}
	return 0
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	}
	return -1
}
