package mailbox

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"strings"
)

// What a file is, from its first bytes, and reading one single message.

type format int

const (
	formatMessage format = iota // one message, no From_ line before it
	formatMbox
)

// windowSize is how far a file is looked into to tell what it is; also the longest line an mbox reader sees at once.
const windowSize = 64 << 10

// reader is a buffered source with gzip undone and a leading byte order mark taken off.
type reader struct {
	*bufio.Reader
	skipped int64 // length of the byte order mark, which offsets count
	gzipped bool
}

// newReader looks for gzip (RFC 1952 section 2.3.1) and for a UTF-8 byte order mark.
func newReader(in io.Reader) (*reader, error) {
	r := &reader{Reader: bufio.NewReaderSize(in, windowSize)}
	if magic, _ := r.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
		unzipped, err := gzip.NewReader(r.Reader)
		if err != nil {
			return nil, readFailure(err)
		}
		r.Reader, r.gzipped = bufio.NewReaderSize(unzipped, windowSize), true
	}
	if mark, _ := r.Peek(3); bytes.Equal(mark, []byte("\xef\xbb\xbf")) {
		n, _ := r.Discard(3)
		r.skipped = int64(n)
	}
	return r, nil
}

// head returns what the window shows without consuming it.
func (r *reader) head() (window []byte, err error) {
	window, err = r.Peek(windowSize)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return window, err
}

// readFailure words an error met while reading.
func readFailure(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("the gzip data ends early (%w): copy the file again", err)
	case errors.Is(err, gzip.ErrHeader), errors.Is(err, gzip.ErrChecksum):
		return fmt.Errorf("the gzip data is damaged (%w): copy the file again", err)
	}
	return explain(err)
}

// foreign is a table of what people take for a mailbox and is none: first bytes, what it is, the way to convert it.
var foreign = []struct{ magic, is, do string }{
	{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Outlook .msg file", "convert it first: msgconvert FILE.msg (Debian: libemail-outlook-message-perl)"},
	{"!BDN", "an Outlook data file (.pst)", "convert it first: readpst -r FILE.pst (Debian: pst-utils)"},
	{"PK\x03\x04", "a zip archive", "unpack it first and name the folder"},
	{"PK\x05\x06", "an empty zip archive", "there is nothing in it"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive", "unpack it first and name the folder"},
	{"Rar!\x1a\x07", "a rar archive", "unpack it first and name the folder"},
	{"BZh", "bzip2 data", "pipe it in: bzcat FILE | ndrscan scan -"},
	{"\xfd7zXZ\x00", "xz data", "pipe it in: xzcat FILE | ndrscan scan -"},
	{"\x28\xb5\x2f\xfd", "zstd data", "pipe it in: zstdcat FILE | ndrscan scan -"},
	{"SQLite format 3\x00", "an SQLite database", "name the mailbox it belongs to"},
	{"// <!-- <mdb:mork", "Thunderbird's index (.msf)", "name the file of the same name without .msf"},
	{"\xcf\xad\x12\xfe", "an Outlook Express mailbox (.dbx)", "convert it first: readdbx, or import it into Thunderbird"},
	{"%PDF-", "a PDF file", "save the message itself (\"show original\") instead"},
}

// sniff is the function of that name on what the window shows.
func (r *reader) sniff(name string) (format, error) {
	head, err := r.head()
	if err != nil {
		return 0, readFailure(err)
	}
	return sniff(head, name)
}

// sniff tells from the head of a file what it holds. The error says why it can't be read and what to do; name is asked
// only for its extension.
func sniff(head []byte, name string) (format, error) {
	if len(head) == 0 {
		return 0, ErrEmpty
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) {
			return 0, fmt.Errorf("is %s, not mail: %s", f.is, f.do)
		}
	}
	if order := utf16Order(head); order != "" {
		return 0, fmt.Errorf("is UTF-16 text, not mail: convert it first: iconv -f %s -t UTF-8 FILE > NEW", order)
	}
	text := bytes.TrimLeft(head, "\r\n")
	line, rest := cutLine(text)
	named := namedMessage(name)
	switch {
	case isFromLine(line), bytes.HasPrefix(line, []byte("From ")) && isFieldLine(firstLine(rest)):
		if named && bareCR(head) {
			return formatMessage, nil
		}
		if bareCR(head) {
			return 0, errors.New("is an mbox with bare CR line ends (classic Mac): convert it first: tr '\\r' '\\n' < FILE > NEW")
		}
		return formatMbox, nil
	case isFieldLine(line), bytes.HasPrefix(line, []byte(">From ")):
		return formatMessage, nil
	case named && len(text) > 0 && bytes.IndexByte(head, 0) < 0:
		return formatMessage, nil // called .eml and text: a message that lost its first lines
	case bytes.IndexByte(head, 0) >= 0:
		return 0, errors.New("is binary data, not mail: give an mbox, a Maildir, an .eml file or a folder of them")
	}
	return 0, errors.New(`is no mail: it begins neither with a "From " line (mbox) nor with a header field (one message)`)
}

// namedMessage reports whether the file is called a message: .eml, or .msg (which may be text), perhaps gzipped.
func namedMessage(name string) bool {
	ext := path.Ext(strings.TrimSuffix(strings.ToLower(filepath.ToSlash(name)), ".gz"))
	return ext == ".eml" || ext == ".msg"
}

// utf16Order names the byte order of UTF-16 text: by its mark, or by a zero in every other of the first bytes.
func utf16Order(head []byte) string {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return "UTF-16LE"
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return "UTF-16BE"
	case len(head) < 8:
		return ""
	}
	zero := func(first int) bool {
		for i := first; i < 8; i += 2 {
			if head[i] != 0 || head[i^1] == 0 {
				return false
			}
		}
		return true
	}
	switch {
	case zero(1):
		return "UTF-16LE"
	case zero(0):
		return "UTF-16BE"
	}
	return ""
}

// bareCR reports whether lines in the window end in CR and none in LF.
func bareCR(head []byte) bool {
	return bytes.IndexByte(head, '\r') >= 0 && bytes.IndexByte(head, '\n') < 0
}

// cutLine takes the first line, ended by CRLF, LF or CR, without its end.
func cutLine(in []byte) (line, rest []byte) {
	i := bytes.IndexAny(in, "\r\n")
	if i < 0 {
		return in, nil
	}
	line, rest = in[:i], in[i+1:]
	if in[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest
}

func firstLine(in []byte) []byte {
	line, _ := cutLine(in)
	return line
}

// maxFieldName bounds a header field's name: a longer one is text with a colon in it.
const maxFieldName = 76

// isFieldLine reports whether line is the start of a header field (RFC 5322 section 2.2): printable characters without
// blanks, then a colon. QUIRK: RFC 5322 section 4.5 lets old mail have blanks before the colon.
func isFieldLine(line []byte) bool {
	name, _, found := bytes.Cut(line, []byte(":"))
	name = bytes.TrimRight(name, " \t")
	if !found || len(name) == 0 || len(name) > maxFieldName {
		return false
	}
	for _, c := range name {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// mailFields are fields of which at least one stands in any mail (RFC 5322 section 3.6, and what delivery adds).
var mailFields = []string{"received", "return-path", "from", "date", "to", "subject", "message-id", "delivered-to", "mime-version", "content-type"}

// looksLikeMail is the stricter test for files in a folder whose names say nothing: a header in which a field of mail
// stands. A YAML file or a makefile begins with a header line, too.
func (r *reader) looksLikeMail() bool {
	head, _ := r.head()
	text := bytes.TrimLeft(head, "\r\n")
	line, rest := cutLine(text)
	if bytes.HasPrefix(line, []byte("From ")) || bytes.HasPrefix(line, []byte(">From ")) {
		line, rest = cutLine(rest)
	}
	known := 0
	for ; len(line) > 0; line, rest = cutLine(rest) {
		if line[0] == ' ' || line[0] == '\t' {
			continue
		}
		if !isFieldLine(line) {
			break
		}
		name, _, _ := bytes.Cut(line, []byte(":"))
		for _, f := range mailFields {
			if strings.EqualFold(string(bytes.TrimSpace(name)), f) {
				known++
			}
		}
	}
	return known >= 2
}

// readSingle reads one message. Past the limit a plain file is read on to learn its size; gzipped data isn't, since a
// few bytes of it can stand for terabytes.
func readSingle(ctx context.Context, r *reader, limit int64) (Message, error) {
	var msg Message
	text, _ := r.head()
	if line, _ := cutLine(text); isFromLine(line) { // a message saved with the line of the mbox it came from
		msg.Received = fromLineDate(line)
		skipLine(r)
	}
	var raw bytes.Buffer
	n, err := io.Copy(&raw, io.LimitReader(&ctxReader{ctx, r}, limit))
	msg.Raw, msg.Size = raw.Bytes(), n
	if err != nil {
		return Message{}, readFailure(err)
	}
	if _, err := r.Peek(1); err != nil {
		return msg, nil
	}
	msg.Truncated = true
	if r.gzipped {
		return msg, nil
	}
	rest, err := io.Copy(io.Discard, &ctxReader{ctx, r})
	msg.Size += rest
	if err != nil {
		return Message{}, readFailure(err)
	}
	return msg, nil
}

// skipLine discards the first line and its end, CRLF, LF or CR.
func skipLine(r *reader) {
	head, _ := r.head()
	_, rest := cutLine(head)
	r.Discard(len(head) - len(rest))
}

// ctxReader makes a long read end with its context.
type ctxReader struct {
	ctx context.Context
	in  io.Reader
}

func (c *ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.in.Read(p)
}
