package dsn

import (
	"bytes"
	"strings"

	"ndrscan/internal/header"
)

// isOriginalType tells the media types in which an original comes back.
func isOriginalType(typ string) bool {
	switch typ {
	case "message/rfc822", "message/global", "text/rfc822-headers", "message/rfc822-headers", "message/global-headers",
		"text/rfc822-header", "text/rfc822", "message/news":
		return true
	}
	return false
}

// truncationMarks end an original that was cut: Gmail, Exim, qmail forks, and the like.
var truncationMarks = []string{"----- Message truncated -----", "--- Message truncated ---", "<<No Message Collected>>", "[message truncated]"}

// setOriginal reads a returned message: header section and body where they lie. It tells whether this was one.
//
// QUIRK: the part's type tells little. A text/rfc822-headers part can hold the whole message (OpenSMTPD), and a
// message/rfc822 part nothing but the header (Dovecot Sieve): what is there decides.
func (b *Bounce) setOriginal(raw []byte) bool {
	raw = trimBlankLines(raw)
	section, body := header.Split(raw)
	if !isHeaderOfMail(section) {
		return false
	}
	o := Original{Returned: ReturnedHeaders, Raw: raw, Header: section}
	if len(bytes.TrimSpace(body)) > 0 {
		o.Returned, o.Body = ReturnedFull, body
	}
	tail := body[max(0, len(body)-200):]
	for _, mark := range truncationMarks {
		o.Truncated = o.Truncated || bytes.Contains(tail, []byte(mark))
	}
	o.readFields()
	b.Original = o
	return true
}

// readFields fills what is asked for by name, in one pass over the fields.
func (o *Original) readFields() {
	var buf [16]byte
	for i := range o.Header {
		f := &o.Header[i]
		switch string(lowerInto(buf[:], f.Name)) {
		case "return-path":
			if o.ReturnPath == "" {
				o.ReturnPath = returnPath(f.Value())
			}
		case "from":
			if o.From == "" {
				o.From = header.FirstAddress(f.Value())
			}
		case "to", "cc":
			for _, a := range header.Addresses(f.Value()) {
				if a.Addr != "" {
					o.To = append(o.To, strings.ToLower(a.Addr))
				}
			}
		case "subject":
			if o.Subject == "" {
				o.Subject = header.Decode(f.Value())
			}
		case "message-id":
			if o.MessageID == "" {
				o.MessageID = f.Value()
			}
		case "date":
			if o.Date.IsZero() {
				o.Date, _ = header.ParseDate(f.Value())
			}
		case "user-agent", "x-mailer":
			if o.UserAgent == "" {
				o.UserAgent = header.Decode(f.Value())
			}
		}
	}
}

// returnPath gives the address of a Return-Path field in lower case, "<>" for the null one.
func returnPath(value string) string {
	if open := strings.IndexByte(value, '<'); open >= 0 {
		value = value[open:]
		if end := strings.IndexByte(value, '>'); end >= 0 {
			value = value[:end]
		}
	}
	return senderAddress(value)
}

// isHeaderOfMail tells a header section from lines that happen to have colons: one of the fields that every message has.
func isHeaderOfMail(section header.Section) bool {
	var buf [16]byte
	for i := range section {
		switch string(lowerInto(buf[:], section[i].Name)) {
		case "received", "from", "subject", "date", "message-id", "return-path", "to", "delivered-to", "mime-version":
			return true
		}
	}
	return false
}

func trimBlankLines(in []byte) []byte {
	for len(in) > 0 {
		line, rest := cutLine(in)
		if len(bytes.TrimSpace(line)) > 0 {
			break
		}
		in = rest
	}
	return in
}

// readText finds the report's text, who wrote it, and the original quoted under it.
func (p *parser) readText() {
	part := p.textPart()
	if part == nil {
		return
	}
	text := part.text()
	above, quoted := splitQuoted(text)
	p.text = above
	p.row = p.findRow()
	if p.row != nil {
		for _, mark := range p.row.original {
			if i := indexLine(text, mark); i >= 0 {
				p.text = text[:i]
				_, quoted = cutLine(text[i:])
				break
			}
		}
	}
	if p.b.Original.Returned == ReturnedNone && len(quoted) > 0 {
		p.b.setOriginal(quoted)
	}
}

// textPart is the first part for people that is not empty; plain text is preferred.
func (p *parser) textPart() *part {
	var found *part
	for i := range p.walker.parts {
		part := &p.walker.parts[i]
		switch {
		case isOriginalType(part.typ):
			if found != nil {
				return found
			}
		case len(bytes.TrimSpace(part.body)) == 0:
		case part.typ == "text/plain" || part.typ == "":
			return part
		case strings.HasPrefix(part.typ, "text/") && found == nil:
			found = part
		}
	}
	return found
}

// originalStarts are the fields with which a quoted original begins.
var originalStarts = []string{"received", "return-path", "from", "to", "subject", "date", "message-id", "x-", "dkim-signature", "arc-", "mime-version", "delivered-to", "authentication-results", "sender", "reply-to", "domainkey-signature", "content-type", "errors-to", "precedence"}

// splitQuoted finds where a mail's header section begins inside a text: under an empty line or a line of dashes, several
// fields of which one is Received, Message-ID or Return-Path. What stands above is the report.
func splitQuoted(text []byte) (report, quoted []byte) {
	boundary := true
	for rest := text; len(rest) > 0; {
		line, next := cutLine(rest)
		if boundary && startsOriginal(line) {
			section, body := header.Split(rest)
			if len(section) >= 3 && (section.Has("Received") || section.Has("Message-ID") || section.Has("Return-Path")) {
				return text[:len(text)-len(rest)], rest
			}
			if len(section) > 1 {
				rest = body // looking at its lines one by one would be quadratic
				continue
			}
		}
		trimmed := bytes.TrimSpace(line)
		boundary = len(trimmed) == 0 || bytes.HasSuffix(trimmed, []byte("--")) || bytes.HasSuffix(trimmed, []byte("--|"))
		rest = next
	}
	return text, nil
}

func startsOriginal(line []byte) bool {
	if len(line) < 3 || bytes.IndexByte(line, ':') < 0 {
		return false
	}
	for _, name := range originalStarts {
		if hasPrefixFold(line, name) {
			return true
		}
	}
	return false
}

// maxIndent is the white space that can stand in front of a mark.
const maxIndent = 80

// indexLine finds the first line that begins with a mark, behind white space.
func indexLine(text []byte, mark string) int {
	for at := 0; ; {
		i := bytes.Index(text[at:], []byte(mark))
		if i < 0 {
			return -1
		}
		i += at
		near := max(0, i-maxIndent)
		start := near + bytes.LastIndexByte(text[near:i], '\n') + 1
		if len(bytes.TrimSpace(text[start:i])) == 0 {
			return start
		}
		at = i + len(mark)
	}
}
