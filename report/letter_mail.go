package report

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
)

// Letters become mail here (RFC 2045, RFC 2047). Nothing that mail brought reaches a header field of the letter itself, except a domain that
// has the form of one. In the machine-readable parts every value is one printable ASCII line of bounded length, whatever
// it was; a boundary is random and stands in no part.

const (
	maxValue   = 300 // characters of a text from mail in a letter
	letterWide = 72  // columns of a letter's text, RFC 5322 section 2.1.1 recommends fewer than 78
)

// part is one piece of a message.
type part struct {
	kind, name  string // media type, and the file name of an attachment
	disposition string
	body        []byte
}

// envelope is the header of a letter.
type envelope struct {
	from, org, subject string
	to                 []string
	date               time.Time
	random             io.Reader
}

// compose writes a letter with CRLF line ends. One part makes a plain message; more a multipart/report of feedback
// (RFC 5965 section 2).
func compose(e envelope, parts ...part) ([]byte, error) {
	var h message.Header
	// Fields come out in the reverse order of their setting.
	if e.from != "" {
		id, err := randomHex(e.random, 16)
		if err != nil {
			return nil, err
		}
		h.Set("Message-ID", "<"+id+"@"+domainOf(e.from)+">")
	}
	h.Set("Date", e.date.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000"))
	h.SetText("Subject", e.subject)
	if len(e.to) > 0 {
		h.Set("To", strings.Join(e.to, ", "))
	}
	if e.from != "" {
		h.Set("From", e.mailbox())
	}
	if len(parts) == 1 {
		return single(h, parts[0])
	}
	boundary, err := e.boundary(parts)
	if err != nil {
		return nil, err
	}
	h.SetContentType("multipart/report", map[string]string{"report-type": "feedback-report", "boundary": boundary})
	var out bytes.Buffer
	w, err := message.CreateWriter(&out, h)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if err := p.write(w); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func single(h message.Header, p part) ([]byte, error) {
	h.SetContentType(p.kind, map[string]string{"charset": "utf-8"})
	h.Set("Content-Transfer-Encoding", p.encoding())
	var out bytes.Buffer
	w, err := message.CreateWriter(&out, h)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(crlf(p.body)); err != nil {
		return nil, err
	}
	err = w.Close()
	return out.Bytes(), err
}

func (p part) write(w *message.Writer) error {
	var h message.Header
	params := map[string]string{}
	if p.kind == "text/plain" || p.kind == "text/html" {
		params["charset"] = "utf-8"
	}
	if p.name != "" {
		params["name"] = p.name
	}
	h.Set("Content-Transfer-Encoding", p.encoding())
	if p.disposition != "" {
		disposition := map[string]string{}
		if p.name != "" {
			disposition["filename"] = p.name
		}
		h.SetContentDisposition(p.disposition, disposition)
	}
	h.SetContentType(p.kind, params)
	pw, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	body := p.body
	if p.encoding() != "base64" {
		body = crlf(body)
	}
	if _, err := pw.Write(body); err != nil {
		return err
	}
	return pw.Close()
}

// encoding: 7bit wherever it will do, for RFC 5965 wants it for the feedback report.
func (p part) encoding() string {
	if p.kind == "application/json" {
		return "base64"
	}
	for line := range bytes.Lines(p.body) {
		if len(line) > 998 || bytes.IndexFunc(line, func(r rune) bool { return r > '~' }) >= 0 {
			return "quoted-printable"
		}
	}
	return "7bit"
}

// boundary is a random one that stands in no part.
func (e envelope) boundary(parts []part) (string, error) {
	for {
		text, err := randomHex(e.random, 16)
		if err != nil {
			return "", err
		}
		boundary, clash := "ndrscan-"+text, false
		for _, p := range parts {
			clash = clash || bytes.Contains(p.body, []byte(boundary))
		}
		if !clash {
			return boundary, nil
		}
	}
}

// mailbox writes the sender, with the organisation as its name.
func (e envelope) mailbox() string {
	if e.org == "" {
		return e.from
	}
	var h message.Header
	h.SetText("X", Clean(e.org))
	name := h.Get("X")
	if !strings.HasPrefix(name, "=?") {
		name = strconv.Quote(name)
	}
	return name + " <" + e.from + ">"
}

func crlf(body []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(body, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

func randomHex(random io.Reader, n int) (string, error) {
	raw := make([]byte, n)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("making a random name: %w", err)
	}
	return hex.EncodeToString(raw), nil
}

// fields collects header fields of a machine-readable part.
type fields struct{ out strings.Builder }

// add writes a field, if it has a value. What is no printable ASCII is written as an escape, so that it stays one line.
func (f *fields) add(name, value string) {
	if value == "" {
		return
	}
	fmt.Fprintf(&f.out, "%s: %s\n", name, ascii(value))
}

// ascii makes one bounded line of printable ASCII of a text.
func ascii(s string) string {
	s = bounded(Clean(s))
	for i := range len(s) {
		if s[i] > '~' || s[i] < ' ' {
			quoted := strconv.QuoteToASCII(s)
			return quoted[1 : len(quoted)-1]
		}
	}
	return s
}

func bounded(s string) string {
	n := 0
	for i := range s {
		if n++; n > maxValue {
			return s[:i] + "..."
		}
	}
	return s
}

// reflow breaks the paragraphs of a letter into lines. Lines that begin with a blank stay as they are, for they are tables.
func reflow(text string) string {
	var out strings.Builder
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.TrimSpace(block) == "" {
			continue
		}
		if out.Len() > 0 {
			out.WriteString("\n\n")
		}
		if strings.HasPrefix(block, " ") || strings.HasPrefix(block, "\n ") {
			out.WriteString(strings.Trim(block, "\n"))
			continue
		}
		out.WriteString(broken(block, ""))
	}
	return out.String() + "\n"
}

// broken breaks a paragraph into lines; those behind the first begin with indent.
func broken(text, indent string) string {
	var out strings.Builder
	used := 0
	for word := range strings.FieldsSeq(text) {
		switch n := utf8.RuneCountInString(word); {
		case used == 0:
			used = n
		case used+1+n > letterWide:
			out.WriteString("\n" + indent)
			used = len(indent) + n
		default:
			out.WriteByte(' ')
			used += 1 + n
		}
		out.WriteString(word)
	}
	return out.String()
}

// bullet is an item of a list.
func bullet(text string) string { return "  - " + broken(text, "    ") }
