package dsn

import (
	"bytes"
	"encoding/base64"
	"io"
	"strings"

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
	contentType string // the whole Content-Type field
	header      header.Section
	body        []byte // as transferred
	raw         []byte // header and body
	depth       int
}

// walker collects the leaves of one message.
type walker struct {
	parts   []part
	visited int
}

// walk adds the leaves of one entity.
func (w *walker) walk(h header.Section, body, raw []byte, depth int) {
	if w.visited++; w.visited > maxParts {
		return
	}
	contentType := h.Get("Content-Type")
	if len(contentType) > maxContentType {
		contentType = contentType[:maxContentType]
	}
	typ := mediaType(contentType)
	if strings.HasPrefix(typ, "multipart/") && depth < maxDepth {
		if w.walkParts(contentType, body, depth) {
			return
		}
		typ = "text/plain"
	}
	// QUIRK: mail saved by hand can have lost its Content-Type.
	if typ == "" && depth == 0 && bytes.HasPrefix(trimBlankLines(body), []byte("This is a MIME-")) && w.walkParts("", body, depth) {
		return
	}
	w.parts = append(w.parts, part{typ: typ, contentType: contentType, header: h, body: body, raw: raw, depth: depth})
}

// walkParts cuts a multipart body at its delimiters; it tells whether there was any.
func (w *walker) walkParts(contentType string, body []byte, depth int) bool {
	delimiter := "--" + param(contentType, "boundary")
	at := findDelimiter(body, delimiter)
	if at < 0 {
		// QUIRK: the boundary parameter is missing, or does not fit the delimiters (reports edited by hand or by
		// gateways): what looks like a delimiter in front of part headers is taken for one.
		if delimiter = guessDelimiter(body); delimiter == "" {
			return false
		}
		at = findDelimiter(body, delimiter)
	}
	for at >= 0 && w.visited <= maxParts {
		line, rest := cutLine(body[at:])
		if isClosing(line, delimiter) {
			break
		}
		next := findDelimiter(rest, delimiter)
		content := rest
		if next >= 0 {
			content = rest[:next]
		}
		content = trimLineEnd(content)
		h, partBody := splitPart(content)
		w.walk(h, partBody, content, depth+1)
		body, at = rest, next
	}
	return true
}

// splitPart cuts a part into its header and body. A part without header starts with an empty line (RFC 2046 section
// 5.1); one that starts with text has lost that line.
func splitPart(content []byte) (header.Section, []byte) {
	if line, rest := cutLine(content); len(line) == 0 {
		return nil, rest
	}
	return header.Split(content)
}

// findDelimiter gives the place of the first line that is the delimiter (RFC 2046 section 5.1.1): at the start of a
// line, followed by nothing but "--" and white space, so that a boundary which is the prefix of another is not mixed
// up with it.
func findDelimiter(body []byte, delimiter string) int {
	if len(delimiter) <= 2 {
		return -1
	}
	for at := 0; ; {
		if isDelimiter(body[at:], delimiter) {
			return at
		}
		next := bytes.Index(body[at:], []byte("\n--"))
		if next < 0 {
			return -1
		}
		at += next + 1
	}
}

func isDelimiter(in []byte, delimiter string) bool {
	if len(in) < len(delimiter) || string(in[:len(delimiter)]) != delimiter {
		return false
	}
	tail := in[len(delimiter):]
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
func isClosing(line []byte, delimiter string) bool {
	return bytes.HasPrefix(line[len(delimiter):], []byte("--"))
}

// guessDelimiter finds a line that starts with "--" and has a Content- field under it.
func guessDelimiter(body []byte) string {
	for at := 0; ; {
		line, rest := cutLine(body[at:])
		if len(line) > 4 && len(line) < 200 && string(line[:2]) == "--" && hasPrefixFold(rest, "content-") {
			return string(bytes.TrimRight(line, " \t"))
		}
		next := bytes.Index(body[at:], []byte("\n--"))
		if next < 0 {
			return ""
		}
		at += next + 1
	}
}

// mediaType gives type/subtype in lower case.
func mediaType(contentType string) string {
	if i := strings.IndexAny(contentType, "; \t("); i >= 0 {
		contentType = contentType[:i]
	}
	return strings.ToLower(contentType)
}

// param gives a parameter of a Content-Type field, unquoted; "" if it is missing.
func param(contentType, name string) string {
	rest := contentType
	for {
		semi := strings.IndexByte(rest, ';')
		if semi < 0 {
			return ""
		}
		rest = strings.TrimLeft(rest[semi+1:], " \t")
		key, value, ok := strings.Cut(rest, "=")
		if !ok {
			return ""
		}
		value = strings.TrimLeft(value, " \t")
		quoted, after, isQuoted := header.CutQuoted(value)
		if strings.EqualFold(strings.TrimSpace(key), name) {
			if isQuoted {
				return quoted
			}
			if i := strings.IndexAny(value, "; \t\""); i > 0 {
				value = value[:i]
			}
			return strings.Trim(value, `"`)
		}
		if isQuoted {
			rest = after
		}
	}
}

// content gives the body of a part with its transfer encoding undone: a slice of the message where there is nothing to
// undo.
func (p *part) content() []byte {
	switch encoding := strings.ToLower(p.header.Get("Content-Transfer-Encoding")); {
	case strings.HasPrefix(encoding, "base64"):
		return decodeBase64(p.body)
	case strings.HasPrefix(encoding, "quoted-printable"):
		return decodeQuotedPrintable(p.body)
	}
	return p.body
}

// text gives a text part as UTF-8 for reading, at most maxText of it, HTML without its tags.
func (p *part) text() []byte {
	text := p.content()
	if len(text) > maxText {
		text = text[:maxText]
	}
	if name := param(p.contentType, "charset"); needsCharset(name) {
		if r, err := charset.Reader(name, bytes.NewReader(text)); err == nil {
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

// needsCharset tells the charsets whose text is not readable as it is; marks are ASCII, so the ISO 8859 family is.
func needsCharset(name string) bool {
	name = strings.ToLower(name)
	for _, plain := range []string{"us-ascii", "utf-8", "iso-8859", "windows-125", "ascii", "unknown"} {
		if strings.HasPrefix(name, plain) {
			return false
		}
	}
	return name != ""
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
