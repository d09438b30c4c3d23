package dsn

import (
	"bytes"
	"strconv"
	"strings"

	"ndrscan/internal/header"
)

// The fields of a delivery status (RFC 3464 section 2; RFC 6533 for international addresses). A report is groups of
// fields with an empty line between them: the first is about the message, the others about one recipient each. A strict
// reader understands few of the reports that are written, so this one asks only for names and colons: groups may be cut
// in two or run together, their fields may stand in any order, and what is no field is passed over.

// maxRecipients bounds the recipients kept of one report; maxFieldValue (bytes) what is kept of one field.
const (
	maxRecipients = 20000
	maxFieldValue = 64 << 10
)

// seen says which fields of a recipient's group have been read; one that comes again starts the next group.
type seen uint8

const (
	seenFinal seen = 1 << iota
	seenOriginal
	seenAction
	seenStatus
	seenRemote
	seenDiagnostic
)

// statusReader carries one report part through readReport.
type statusReader struct {
	b    *Bounce
	list []Recipient
	cur  Recipient // its addresses are made of final and original when the group ends
	seen seen

	final, original []byte // the values of the address fields, unfolded
}

// readReport reads one delivery-status part: what is about the message goes into b, the recipients, whatever their
// action, are added to list.
func readReport(body []byte, b *Bounce, list []Recipient) []Recipient {
	r := statusReader{b: b, list: list}
	var buf [maxFieldName]byte
	for len(body) > 0 {
		name, colon := lowerName(buf[:], body)
		if colon <= 0 {
			line, rest := cutLine(body)
			if isBlank(line) {
				r.endGroup()
			}
			body = rest
			continue
		}
		raw, rest := cutFolded(body)
		r.field(name, raw[colon+1:])
		body = rest
	}
	r.endGroup()
	return r.list
}

// maxFieldName is the length of a field name that is of interest.
const maxFieldName = 40

// lowerName gives the field name at the start of a line in lower case, "" if it is a long one, and the place of its colon;
// 0 if the line is no field.
func lowerName(buf, in []byte) (name []byte, colon int) {
	if len(in) == 0 || in[0] == ' ' || in[0] == '\t' {
		return nil, 0
	}
	for i, c := range in {
		switch {
		case c == ':':
			return trimSpaceRight(buf[:min(i, len(buf))]), i
		case c == '\n':
			return nil, 0
		case i < len(buf):
			buf[i] = lower(c)
		}
	}
	return nil, 0
}

// isBlank tells a line of nothing but white space.
func isBlank(line []byte) bool {
	return len(line) == 0 || len(bytes.TrimSpace(line)) == 0
}

// field puts one field where it belongs.
func (r *statusReader) field(name, raw []byte) {
	if len(raw) > maxFieldValue {
		raw = raw[:maxFieldValue]
	}
	switch string(name) {
	case "final-recipient":
		r.start(seenFinal)
		r.final = unfolded(raw)
	case "original-recipient":
		r.start(seenOriginal)
		r.original = unfolded(raw)
	case "action":
		r.start(seenAction)
		r.cur.Action = reportAction(raw)
	case "status":
		r.start(seenStatus)
		r.cur.Status = findStatus(raw)
	case "remote-mta":
		r.start(seenRemote)
		r.cur.RemoteMTA = string(untyped(unfolded(raw)))
	case "diagnostic-code":
		r.start(seenDiagnostic)
		r.cur.Diagnostic = strings.Join(strings.Fields(header.Unfold(untyped(bytes.TrimSpace(raw)))), " ")
	default:
		r.messageField(name, raw)
	}
}

// messageField reads the fields about the message (RFC 3464 section 2.2) and what MTAs add to them.
func (r *statusReader) messageField(name, raw []byte) {
	b := r.b
	switch string(name) {
	case "reporting-mta":
		setOnce(&b.ReportingMTA, untyped(unfolded(raw)))
	case "received-from-mta":
		setOnce(&b.ReceivedFromMTA, untyped(unfolded(raw)))
		// QUIRK: Gmail writes the sender's address where RFC 3464 section 2.2.3 wants a host.
		if isAddress([]byte(b.ReceivedFromMTA)) && b.EnvelopeSender == "" {
			b.EnvelopeSender = strings.ToLower(b.ReceivedFromMTA)
		}
	case "original-envelope-id":
		setOnce(&b.EnvelopeID, undoEnvelopeID(unfolded(raw)))
	case "arrival-date":
		if b.Arrival.IsZero() {
			b.Arrival, _ = header.Date(raw)
		}
	case "x-original-message-id", "original-message-id":
		b.RefersTo = firstID(raw)
	case "x-postfix-queue-id", "x-maddy-msgid", "x-symantec-messaging-gateway-queue-id":
		setOnce(&b.QueueID, unfolded(raw))
	case "x-postfix-sender", "x-maddy-sender", "x-symantec-messaging-gateway-sender":
		if b.EnvelopeSender == "" {
			b.EnvelopeSender = senderAddress(untyped(unfolded(raw)))
		}
	}
}

// unfolded gives a value without its line ends, where it lies if it has none.
func unfolded(raw []byte) []byte {
	raw = bytes.TrimSpace(raw)
	if bytes.IndexByte(raw, '\n') < 0 && bytes.IndexByte(raw, '\r') < 0 && bytes.IndexByte(raw, 0) < 0 {
		return raw
	}
	return []byte(header.Unfold(raw))
}

// start opens the recipient's group, or the next one where this field was there already.
func (r *statusReader) start(field seen) {
	if r.seen&field != 0 {
		r.endGroup()
	}
	r.seen |= field
}

// endGroup keeps the recipient read so far. A group without an address goes on with the recipient before it, if that
// one has no action yet.
func (r *statusReader) endGroup() {
	cur, final, original, seen := r.cur, r.final, r.original, r.seen
	r.cur, r.seen, r.final, r.original = Recipient{}, 0, nil, nil
	if seen == 0 {
		return
	}
	cur.Address = reportAddress(final)
	if !sameAddress(final, original) {
		cur.Original = undoXtext(reportAddress(original))
	}
	if cur.Address == "" {
		cur.Address = cur.Original
	}
	if cur.Address != "" {
		if cur.Original == cur.Address {
			cur.Original = ""
		}
		if len(r.list) < maxRecipients {
			r.list = append(r.list, cur)
		}
		return
	}
	if n := len(r.list); n > 0 && r.list[n-1].Action == "" {
		last := &r.list[n-1]
		last.Action, last.Status = cur.Action, cur.Status
		setOnce(&last.RemoteMTA, cur.RemoteMTA)
		setOnce(&last.Diagnostic, cur.Diagnostic)
	}
}

// sameAddress tells whether both values name one address, as they mostly do.
func sameAddress(a, b []byte) bool {
	return bytes.Equal(untyped(a), untyped(b))
}

// setOnce sets a field that has no value yet.
func setOnce[text string | []byte](field *string, value text) {
	if *field == "" {
		*field = string(value)
	}
}

// cutFolded takes a field with its folded lines, without the last line end.
func cutFolded(in []byte) (raw, rest []byte) {
	for end := 0; ; {
		i := bytes.IndexByte(in[end:], '\n')
		if i < 0 {
			return trimLineEnd(in), nil
		}
		end += i + 1
		if end == len(in) || in[end] != ' ' && in[end] != '\t' || isBlank(firstLine(in[end:])) {
			return trimLineEnd(in[:end]), in[end:]
		}
	}
}

// reportAction reads the first word of Action.
func reportAction(raw []byte) Action {
	word := skipSpace(raw)
	for i, c := range word {
		if isSpace(c) || c == '(' || c == ';' {
			word = word[:i]
			break
		}
	}
	for _, a := range [...]Action{ActionFailed, ActionDelayed, ActionDelivered, ActionRelayed, ActionExpanded} {
		if len(word) == len(a) && hasPrefixFold(word, string(a)) {
			return a
		}
	}
	// QUIRK: RFC 3464 knows five words; "failure", "error" and "deferred" are written, too.
	switch {
	case hasPrefixFold(word, "fail"), hasPrefixFold(word, "error"), hasPrefixFold(word, "expired"):
		return ActionFailed
	case hasPrefixFold(word, "delay"), hasPrefixFold(word, "defer"):
		return ActionDelayed
	}
	return ""
}

// untyped drops the type in front of a value ("dns; host", "smtp; 550 no").
func untyped(value []byte) []byte {
	semi := bytes.IndexByte(value, ';')
	if semi < 0 || semi > 30 {
		return value
	}
	for _, c := range trimSpaceRight(skipSpace(value[:semi])) {
		if isSpace(c) || c == '<' || c == '@' || c == '[' {
			return value
		}
	}
	return bytes.TrimSpace(value[semi+1:])
}

// maxReportAddress bounds an address in a report's field, in bytes: some are no mail addresses but X.400 names, which are long.
const maxReportAddress = 3 * maxAddress

// reportAddress gives the address of a "type; address" value in lower case.
func reportAddress(value []byte) string {
	addr := untyped(value)
	if bytes.IndexByte(addr, '<') >= 0 || bytes.IndexByte(addr, '(') >= 0 {
		if list := header.Addresses(string(addr)); len(list) > 0 {
			addr = []byte(list[0].Addr)
		}
	}
	addr = trimAngles(addr)
	if n := len(addr); n > 2 && (addr[0] == '"' || addr[0] == '\'') && addr[n-1] == addr[0] {
		addr = addr[1 : n-1]
	}
	addr = addr[:min(len(addr), maxReportAddress)]
	text := header.LowerASCII(addr)
	if bytes.Contains(addr, []byte(`\x{`)) {
		text = header.LowerASCII([]byte(undoUnitext(string(addr))))
	}
	if len(text) <= maxReportAddress {
		return text
	}
	return strings.ToValidUTF8(text[:maxReportAddress], "") // bytes that are no UTF-8 have become three each
}

// senderAddress gives a MAIL FROM in lower case, "<>" for the null reverse-path.
func senderAddress(value []byte) string {
	addr := trimAngles(value)
	if len(addr) == 0 {
		return "<>"
	}
	return header.LowerASCII(addr)
}

// trimAngles drops angle brackets and white space at both ends.
func trimAngles(in []byte) []byte {
	for len(in) > 0 && (isSpace(in[0]) || in[0] == '<' || in[0] == '>') {
		in = in[1:]
	}
	for n := len(in); n > 0 && (isSpace(in[n-1]) || in[n-1] == '<' || in[n-1] == '>'); n = len(in) {
		in = in[:n-1]
	}
	return in
}

// undoXtext undoes the xtext of ORCPT (RFC 3461 section 4) where an MTA copied it as it came: only if the @ itself or a
// plus sign is written so, for a plus sign in an address is common.
func undoXtext(addr string) string {
	if !strings.Contains(addr, "+40") && !strings.Contains(addr, "+2b") && !strings.Contains(addr, "+3d") {
		return addr
	}
	if strings.Contains(addr, "+40") && strings.IndexByte(addr, '@') >= 0 {
		return addr
	}
	var out strings.Builder
	for i := 0; i < len(addr); i++ {
		if addr[i] == '+' && i+2 < len(addr) {
			if high, low := unhex(addr[i+1]), unhex(addr[i+2]); high >= 2 && low >= 0 {
				out.WriteByte(byte(high<<4 | low))
				i += 2
				continue
			}
		}
		out.WriteByte(addr[i])
	}
	return header.LowerASCII([]byte(out.String()))
}

// undoEnvelopeID undoes the xtext of ENVID (RFC 3461 section 4.4) where a reporter copied it as it came: only if all of it is
// xtext (section 4: no "=", and behind each "+" two hexadecimal digits in upper case) and stands for printable text.
func undoEnvelopeID(value []byte) []byte {
	if bytes.IndexByte(value, '+') < 0 {
		return value
	}
	out := make([]byte, 0, len(value))
	for i := 0; i < len(value); i++ {
		c := value[i]
		if c == '+' {
			if i+2 >= len(value) || !isXtextDigit(value[i+1]) || !isXtextDigit(value[i+2]) {
				return value
			}
			c = byte(unhex(value[i+1])<<4 | unhex(value[i+2]))
			i += 2
		} else if c == '=' || c <= ' ' {
			return value
		}
		if c < ' ' || c >= 0x7f {
			return value
		}
		out = append(out, c)
	}
	return out
}

func isXtextDigit(c byte) bool { return isDigit(c) || 'A' <= c && c <= 'F' }

// undoUnitext undoes utf-8-addr-unitext (RFC 6533 section 3): \x{HEX} stands for a code point.
func undoUnitext(addr string) string {
	var out strings.Builder
	for {
		before, rest, ok := strings.Cut(addr, `\x{`)
		out.WriteString(before)
		if !ok {
			return out.String()
		}
		digits, after, closed := strings.Cut(rest, "}")
		code, err := strconv.ParseUint(digits, 16, 21)
		if !closed || err != nil {
			out.WriteString(`\x{`)
			addr = rest
			continue
		}
		out.WriteRune(rune(code))
		addr = after
	}
}

// findStatus finds the first enhanced status code (RFC 3463): class 2, 4 or 5, subject and detail of up to three digits,
// standing alone.
func findStatus(text []byte) string {
	for i := 0; i+4 < len(text); i++ {
		dot := bytes.IndexByte(text[i+1:], '.')
		if dot < 0 {
			return ""
		}
		at := i + dot // the digit before the dot
		if n := statusLength(text, at); n > 0 {
			return statusText(text[at : at+n])
		}
		i = at
	}
	return ""
}

// statusText makes a string of a status code, without a copy for the common ones.
func statusText(code []byte) string {
	if common, ok := commonStatus[string(code)]; ok {
		return common
	}
	return string(code)
}

// statusLength gives the length of the status code that begins at a place, 0 if there is none.
func statusLength(text []byte, at int) int {
	if c := text[at]; c != '2' && c != '4' && c != '5' {
		return 0
	}
	if at > 0 && isWordByte(text[at-1]) && !followsReply(text[:at]) {
		return 0
	}
	n := 1
	for range 2 {
		if at+n >= len(text) || text[at+n] != '.' {
			return 0
		}
		digits := 0
		for n++; at+n < len(text) && isDigit(text[at+n]); n++ {
			digits++
		}
		if digits == 0 || digits > 3 {
			return 0
		}
	}
	if end := at + n; end < len(text) {
		if isWordByte(text[end]) && text[end] != '-' && (text[end] != '.' || end+1 < len(text) && isWordByte(text[end+1])) {
			return 0
		}
	}
	return n
}

// followsReply tells whether text ends with a reply code and a hyphen, as in "550-5.7.26" (RFC 5321 section 4.2.1).
func followsReply(text []byte) bool {
	n := len(text)
	return n >= 4 && text[n-1] == '-' && isDigit(text[n-2]) && isDigit(text[n-3]) && isDigit(text[n-4]) && (n == 4 || !isWordByte(text[n-5]))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isWordByte tells bytes that make a number part of something longer: an address, a version, a host name.
func isWordByte(c byte) bool {
	return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '.' || c == '-' || c == '@' || c == '_'
}
