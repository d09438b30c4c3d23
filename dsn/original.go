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

// truncationMarks end an original that was cut: Gmail, Sendmail, Yahoo, Exim ("... is truncated" stands in its lead, and is
// looked for there), qmail forks.
var truncationMarks = []string{"message truncated", "message body truncated", "no message collected", "truncated by ", "message was truncated", "[truncated]", "... (truncated)"}

// truncationLeads stand in the text above an original that was cut: Exim, Yahoo, MDaemon.
var truncationLeads = []string{"the body of the message is", "message truncated", "has been truncated", "was truncated", "first * lines of", "original message is over", "truncated at"}

// isTruncated tells a body that was cut, by what is written at its end.
func isTruncated(body []byte) bool {
	tail := body[max(0, len(body)-maxTruncationMark):]
	if !bytes.Contains(tail, []byte("uncated")) && !bytes.Contains(tail, []byte("llected")) {
		return false // as nearly always
	}
	for _, word := range truncationMarks {
		if containsFold(tail, word) {
			return true
		}
	}
	return false
}

// maxTruncationMark is as much of the end as such a line can be away from it.
const maxTruncationMark = 200

// setOriginal reads a returned message: header section and body where they lie. It tells whether this was one.
//
// QUIRK: the part's type tells little. A text/rfc822-headers part can hold the whole message (OpenSMTPD), and a
// message/rfc822 part nothing but the header (Dovecot Sieve): what is there decides.
func (p *parser) setOriginal(raw []byte) bool {
	raw = trimBlankLines(raw)
	section, body := p.splitLoose(raw)
	if !isHeaderOfMail(section) {
		return false
	}
	o := Original{Returned: ReturnedHeaders, Raw: raw, Header: section}
	if len(bytes.TrimSpace(body)) > 0 {
		o.Returned, o.Body = ReturnedFull, body
	}
	o.Truncated = isTruncated(body)
	o.readFields()
	p.b.Original = o
	return true
}

// readFields fills what is asked for by name, in one pass over the fields.
func (o *Original) readFields() {
	var buf [16]byte
	for i := range o.Header {
		f := &o.Header[i]
		switch string(lowerInto(buf[:], f.Name())) {
		case "return-path":
			if o.ReturnPath == "" {
				o.ReturnPath = returnPath(f.Body())
			}
		case "from":
			if o.From == "" {
				o.From = f.Address()
			}
		case "to", "cc":
			o.To = appendAddresses(o.To, f)
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
				o.Date, _ = f.Date()
			}
		case "user-agent", "x-mailer":
			if o.UserAgent == "" {
				o.UserAgent = header.Decode(f.Value())
			}
		}
	}
}

// appendAddresses adds the addresses of a field in lower case.
func appendAddresses(list []string, f *header.Field) []string {
	if bytes.IndexByte(f.Body(), ',') < 0 && bytes.IndexByte(f.Body(), ';') < 0 {
		if addr := f.Address(); addr != "" {
			list = append(list, addr)
		}
		return list
	}
	for _, a := range header.Addresses(f.Value()) {
		if a.Addr != "" {
			list = append(list, strings.ToLower(a.Addr))
		}
	}
	return list
}

// returnPath gives the address of a Return-Path field in lower case, "<>" for the null one.
func returnPath(value []byte) string {
	if open := bytes.IndexByte(value, '<'); open >= 0 {
		value = value[open:]
		if end := bytes.IndexByte(value, '>'); end >= 0 {
			value = value[:end]
		}
	}
	return senderAddress(unfolded(value))
}

// isHeaderOfMail tells a header section from lines that happen to have colons: one of the fields that every message has.
func isHeaderOfMail(section header.Section) bool {
	var buf [16]byte
	for i := range section {
		switch string(lowerInto(buf[:], section[i].Name())) {
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

// readText finds the report's text, who wrote it, and the original where it is in no part of its own type.
func (p *parser) readText() {
	var quoted []byte
	part := p.textPart()
	if part != nil {
		limit := maxLetter
		if p.machine() {
			limit = maxText
		}
		text := part.text(limit)
		var above []byte
		above, quoted = splitQuoted(text)
		p.setText(above)
		if p.row = p.findRow(); p.row != nil {
			if i, after := findSeparator(text, p.row.original); i >= 0 {
				p.setText(text[:i])
				quoted = after
			}
		}
	} else {
		p.row = p.findRow()
	}
	if len(p.reported) == 0 && bytes.Contains(p.text, []byte("\nFinal-Recipient:")) {
		p.reported = readReport(p.text, p.b, nil)
	}
	if p.b.Original.Returned == ReturnedNone && !p.originalInParts() && (len(quoted) == 0 || !p.setQuoted(quoted)) {
		p.originalInHTML(part)
	}
	if p.scanned && p.b.Original.Returned == ReturnedFull && p.says(marked.truncated) {
		p.b.Original.Truncated = true
	}
}

// setText keeps the report's text.
func (p *parser) setText(text []byte) {
	p.text, p.scanned = text, false
}

// maxLetter is as much as is read of a person's letter, which says what it is at its head.
const maxLetter = 4 << 10

// scan looks for all marks in the text, once.
func (p *parser) scan() {
	if p.scanned {
		return
	}
	p.scanned, p.found = true, markSet{}
	head := min(len(p.text), maxHead)
	index.scan(p.text[:head], &p.found)
	p.head = p.found
	if head < len(p.text) {
		index.scan(p.text[head-maxMark:], &p.found)
	}
}

// says tells whether the head of the text has one of the words.
func (p *parser) says(words []uint16) bool {
	p.scan()
	return p.head.hasAny(words)
}

// originalInHTML looks for an original in the HTML form of a text that has none: a mail program that saves a report can
// lose the plain one.
func (p *parser) originalInHTML(text *part) {
	for i := range p.walker.parts {
		part := &p.walker.parts[i]
		if part == text || part.typ != "text/html" {
			continue
		}
		if _, quoted := splitQuoted(part.text(maxText)); len(quoted) > 0 && p.setQuoted(quoted) {
			return
		}
	}
}

// originalInParts looks for an original in a part of another type, or of none: some systems send it as message/partial
// or text/plain, and one leaves out the part's header, so that the original's own stands in its place. It may also run
// on under the report's fields where a delimiter is missing.
func (p *parser) originalInParts() bool {
	text := p.textPart()
	for i := range p.walker.parts {
		part := &p.walker.parts[i]
		if part == text || part.depth == 0 {
			continue
		}
		if part.header.Has("Received") && part.header.Has("From") {
			return p.setOriginal(part.raw)
		}
		if part.typ == "message/partial" || part.typ == "text/plain" || part.typ == "" {
			if section, _ := header.Split(trimBlankLines(part.body)); len(section) >= 3 && section.Has("From") && isTraced(section) {
				return p.setOriginal(part.content())
			}
		}
	}
	_, quoted := splitQuoted(p.status)
	return len(quoted) > 0 && p.setOriginal(quoted)
}

// findSeparator finds the first of the marks that begins a line, and what stands under it: what is left of that line, if it
// is more than dashes, dots and the rest of the mark's sentence, is passed over.
func findSeparator(text []byte, marks []string) (at int, after []byte) {
	for _, mark := range marks {
		i := indexLine(text, mark)
		if i < 0 {
			continue
		}
		line, after := cutLine(text[i:])
		if quote := bytes.IndexByte(line, '>'); quote > 0 && bytes.HasPrefix(line[quote:], []byte("> ")) {
			return i, text[i+quote:]
		}
		for {
			line, rest := cutLine(after)
			if len(rest) == 0 || len(bytes.Trim(line, "- \t=*")) > 0 {
				return i, after
			}
			after = rest
		}
	}
	return -1, nil
}

// setQuoted takes an original out of the text; one in which every line is quoted with ">" is unquoted first. It tells
// whether there was one.
func (p *parser) setQuoted(quoted []byte) bool {
	quoted = trimBlankLines(quoted)
	if at := bytes.IndexByte(firstLine(quoted), '>'); at == 0 || at > 0 && !isFieldLine(firstLine(quoted)) {
		quoted = unquoteLines(quoted[at:])
	} else if line := firstLine(quoted); indent(line) > 0 && isFieldLine(line[indent(line):]) {
		quoted, _ = unindentLines(quoted)
	}
	if p.setOriginal(quoted) {
		return true
	}
	// A sentence about the original can stand between the mark and the original.
	_, quoted = splitQuoted(quoted)
	return len(quoted) > 0 && p.setOriginal(quoted)
}

// isFieldLine tells a line that is a header field.
func isFieldLine(line []byte) bool {
	name := 0
	for name < len(line) && line[name] > ' ' && line[name] < 0x7f && line[name] != ':' {
		name++
	}
	colon := name
	for colon < len(line) && (line[colon] == ' ' || line[colon] == '\t') {
		colon++
	}
	return name > 0 && colon < len(line) && line[colon] == ':'
}

// unquoteLines takes the ">" away from the lines that begin with one, up to the first that doesn't.
func unquoteLines(in []byte) []byte {
	in = in[:len(in)-len(skipQuoted(in))]
	out := make([]byte, 0, len(in)+1)
	for len(in) > 0 {
		line, rest := cutLine(in)
		out = append(append(out, bytes.TrimPrefix(line[1:], []byte(" "))...), '\n')
		in = rest
	}
	return out
}

// toLF gives text with LF line ends, for the readers of text.
func toLF(text []byte) []byte {
	if bytes.IndexByte(text, '\r') < 0 {
		return text
	}
	return bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
}

// isTraced tells a header section by what only a message that was sent has.
func isTraced(section header.Section) bool {
	return section.Has("Received") || section.Has("Message-ID") || section.Has("Return-Path")
}

// isShown tells a header section by all that a mail program shows of one.
func isShown(section header.Section) bool {
	return section.Has("From") && section.Has("To") && section.Has("Subject") && section.Has("Date")
}

// maxLostIndent bounds the lines that are taken for folded ones without their white space.
const maxLostIndent = 20

// splitLoose cuts like header.Split, but goes on where folded lines have lost their white space, as they do in headers that
// were quoted in text or edited: a line that is no field belongs to the field above if another field follows before an
// empty line.
func (p *parser) splitLoose(raw []byte) (header.Section, []byte) {
	section, body := p.walker.split(raw)
	for range maxLoose {
		if len(section) == 0 || len(body) == 0 || endsWithBlank(raw, body) {
			break
		}
		at := nextField(body)
		if at < 0 {
			break
		}
		last := &section[len(section)-1]
		grown := growField(raw, last, len(raw)-len(body)+at)
		section[len(section)-1] = grown
		more, rest := header.Split(body[at:])
		section = append(section, more...)
		body = rest
	}
	return section, body
}

// maxLoose bounds the repairs of one header section.
const maxLoose = 200

// endsWithBlank tells whether an empty line stands between the header section and the body.
func endsWithBlank(raw, body []byte) bool {
	head := raw[:len(raw)-len(body)]
	return bytes.HasSuffix(head, []byte("\n\n")) || bytes.HasSuffix(head, []byte("\n\r\n")) || len(head) > 0 && head[0] == '\n'
}

// nextField gives the place of the next line that is a field, before an empty line.
func nextField(body []byte) int {
	rest := body
	for range maxLostIndent {
		line, next := cutLine(rest)
		if len(bytes.TrimSpace(line)) == 0 || len(next) == 0 {
			return -1
		}
		rest = next
		if isFieldLine(firstLine(rest)) {
			return len(body) - len(rest)
		}
	}
	return -1
}

func firstLine(in []byte) []byte {
	line, _ := cutLine(in)
	return line
}

// growField makes a field reach to a place further on. Both slices run to the end of one array, so that their capacities
// give the field's place.
func growField(raw []byte, f *header.Field, end int) header.Field {
	start := cap(raw) - cap(f.Raw)
	whole := trimLineEnd(raw[start:end])
	return f.Grown(whole)
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
var originalStarts = []string{
	"received", "return-path", "from", "to", "subject", "date", "message-id", "x-", "dkim-signature", "arc-",
	"mime-version", "delivered-to", "authentication-results", "sender", "reply-to", "domainkey-signature",
	"content-type", "errors-to", "precedence", "thread-", "in-reply-to", "references", "list-", "accept-language",
	"content-language",
}

// splitQuoted finds where a mail's header section begins inside a text: under a line that is no field, several fields of
// which one is Received, Message-ID or Return-Path, or all that a person sees of a message. All of it may be quoted with
// ">", or indented. What stands above is the report.
func splitQuoted(text []byte) (report, quoted []byte) {
	boundary := true
	var section header.Section // one array for all that is tried
	var body []byte
	for rest := text; len(rest) > 0; {
		line, next := cutLine(rest)
		isField := isFieldLine(line)
		switch {
		case boundary && isField && startsOriginal(line):
			section, body = header.AppendFields(section[:0], rest)
			if len(section) >= 3 && (isTraced(section) || isShown(section)) {
				return text[:len(text)-len(rest)], rest
			}
			if len(section) > 1 {
				rest, boundary = body, true // looking at its lines one by one would be quadratic
				continue
			}
		case len(line) > 0 && line[0] == '>' && startsOriginal(bytes.TrimLeft(line, "> ")):
			if lines := unquoteLines(rest); isQuotedMail(lines) {
				return text[:len(text)-len(rest)], rest
			}
			rest, boundary = skipQuoted(rest), true
			continue
		case boundary && indent(line) > 0 && startsOriginal(line[indent(line):]):
			// Indented fields are mostly those that a report tells of a message; with a trace they are the message.
			lines, next := unindentLines(rest)
			if section, _ := header.Split(lines); len(section) >= 3 && section.Has("Received") {
				return text[:len(text)-len(rest)], rest
			}
			rest, boundary = next, true
			continue
		}
		boundary = !isField && (len(line) == 0 || line[0] != ' ' && line[0] != '\t')
		rest = next
	}
	return text, nil
}

func isQuotedMail(lines []byte) bool {
	section, _ := header.Split(lines)
	return len(section) >= 3 && (isTraced(section) || isShown(section))
}

// unindentLines takes away the first line's indent from it and from the lines that have it, too, and gives what follows
// them. Empty lines may have lost theirs.
func unindentLines(in []byte) (out, rest []byte) {
	first := firstLine(in)
	mark := first[:indent(first)]
	for rest = in; len(rest) > 0; {
		line, next := cutLine(rest)
		if !bytes.HasPrefix(line, mark) && len(line) > 0 {
			break
		}
		out = append(append(out, bytes.TrimPrefix(line, mark)...), '\n')
		rest = next
	}
	return out, rest
}

// skipQuoted passes over lines quoted with ">".
func skipQuoted(text []byte) []byte {
	for len(text) > 0 && text[0] == '>' {
		_, text = cutLine(text)
	}
	return text
}

func startsOriginal(line []byte) bool {
	if !isFieldLine(line) {
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
