package dsn

import (
	"bytes"
	"strings"

	"ndrscan/internal/header"
)

// Readers of recipients and diagnostics in the text of a report. A row of the dialect table names the one that fits what
// the software writes. They get the text above the returned original and give recipients without kind or reason.

// reader finds the recipients in a report's text.
type reader func(text []byte) []Recipient

const (
	maxTextRecipients = maxRecipients
	maxDiagnostic     = 2 << 10 // bytes of text kept as one diagnostic
	maxAddress        = 320     // bytes of an address: 64 + 1 + 255 (RFC 5321 section 4.5.3.1)
	maxSearched       = 20      // recipients for whom the whole text is searched
	maxLeadLines      = 6       // lines of prose between the mark and the first recipient
)

// listed reads addresses that stand one a line under a mark; what follows an address up to the next one is its
// diagnostic. The list ends at an empty line that is followed by something else.
func listed(marks ...string) reader {
	marks = lowered(marks)
	return func(text []byte) []Recipient {
		for _, mark := range marks {
			if at := indexFold(text, mark); at >= 0 {
				rest := text[at+len(mark):]
				line := firstLine(rest)
				if colon := bytes.IndexByte(line, ':'); colon >= 0 {
					if _, _, ok := leadingAddress(line[colon+1:]); ok {
						rest = rest[colon+1:] // the list begins in the mark's line
					}
				}
				if list := readList(rest, leadingAddress); len(list) > 0 {
					return list
				}
			}
		}
		return nil
	}
}

// angled reads the form of qmail: "<address>:" at the start of a line, then the diagnostic up to an empty line. It
// stands for itself anywhere in the text.
func angled(text []byte) []Recipient {
	var list []Recipient
	for rest := text; len(rest) > 0 && len(list) < maxTextRecipients; {
		line, next := cutLine(rest)
		if addr, tail, ok := angledAddress(line); ok {
			said, after := cutParagraph(next, angledAddress)
			list = append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(tail, said)})
			next = after
		}
		rest = next
	}
	return list
}

// phrases reads the address that follows one of the phrases; the diagnostic is the reply or, where none is quoted, the
// text that follows.
func phrases(list ...string) reader {
	list = lowered(list)
	return func(text []byte) []Recipient {
		var found []Recipient
		for _, phrase := range list {
			for rest := text; len(found) < maxTextRecipients; {
				at := indexFold(rest, phrase)
				if at < 0 {
					break
				}
				rest = rest[at+len(phrase):]
				if addr, tail, ok := leadingAddress(firstLines(rest)); ok {
					found = append(found, Recipient{Address: addr, Diagnostic: diagnosis(tail, elsewhere(text, len(found)))})
				}
			}
		}
		return found
	}
}

// lowered gives the marks in lower case, as indexFold wants them.
func lowered(marks []string) []string {
	out := make([]string, len(marks))
	for i, mark := range marks {
		out[i] = strings.ToLower(mark)
	}
	return out
}

// elsewhere gives the text in which the diagnostic of the nth recipient may be looked for: all of it for the first ones,
// for searching it for thousands would be quadratic.
func elsewhere(text []byte, n int) []byte {
	if n >= maxSearched {
		return nil
	}
	return text
}

// firstOf gives what the first reader that finds anything finds.
func firstOf(readers ...reader) reader {
	return func(text []byte) []Recipient {
		for _, read := range readers {
			if list := read(text); len(list) > 0 {
				return list
			}
		}
		return nil
	}
}

// noRecipients is for reports whose text names none.
func noRecipients([]byte) []Recipient { return nil }

// firstAddress reads the first line that begins with an address.
func firstAddress(text []byte) []Recipient {
	for rest := text; len(rest) > 0; {
		line, next := cutLine(rest)
		if addr, tail, ok := leadingAddress(line); ok {
			return []Recipient{{Address: addr, Diagnostic: diagnosis(tail, text)}}
		}
		rest = next
	}
	return nil
}

// afterColon reads IMail's "what is wrong: address" lines.
func afterColon(text []byte) []Recipient {
	var list []Recipient
	for rest := text; len(rest) > 0 && len(list) < maxTextRecipients; {
		line, next := cutLine(rest)
		if colon := bytes.IndexByte(line, ':'); colon >= 0 {
			if addr, _, ok := leadingAddress(line[colon+1:]); ok {
				list = append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(line[:colon])})
			}
		}
		rest = next
	}
	return list
}

// angledSpaced reads PowerMTA's "  <address>  what happened" lines.
func angledSpaced(text []byte) []Recipient {
	var list []Recipient
	for rest := text; len(rest) > 0 && len(list) < maxTextRecipients; {
		line, next := cutLine(rest)
		if bytes.HasPrefix(bytes.TrimLeft(line, " "), []byte("<")) {
			if addr, tail, ok := leadingAddress(line); ok {
				list = append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(tail)})
			}
		}
		rest = next
	}
	return list
}

// v8List reads Sendmail's list: an address or a pipe command at the start of a line, its reason and what it was expanded
// from indented under it. For a command the address it was expanded from counts.
func v8List(text []byte) []Recipient {
	for _, head := range v8Lists {
		at := bytes.Index(text, []byte(head))
		if at < 0 {
			continue
		}
		_, rest := cutLine(text[at:])
		if list := readV8(trimBlankLines(rest)); len(list) > 0 {
			return fillFromTranscript(list, text)
		}
	}
	return nil
}

func readV8(text []byte) []Recipient {
	var list []Recipient
	command := false
	for len(text) > 0 && len(list) < maxTextRecipients {
		line, next := cutLine(text)
		text = next
		trimmed := bytes.TrimSpace(line)
		if len(trimmed) == 0 {
			break
		}
		indented := line[0] == ' ' || line[0] == '\t'
		addr, tail, ok := leadingAddress(line)
		switch from, isFrom := bytes.CutPrefix(trimmed, []byte("(expanded from: ")); {
		case !indented && ok && line[0] != '"':
			list = append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(tail)})
			command = false
		case !indented:
			command = true
		case isFrom && command:
			if addr, _, ok := leadingAddress(from); ok {
				list = append(list, Recipient{Address: addr})
			}
		case bytes.HasPrefix(trimmed, []byte("(reason: ")) && len(list) > 0:
			list[len(list)-1].Diagnostic = joinDiagnostic(bytes.TrimSuffix(trimmed[len("(reason: "):], []byte(")")))
		}
	}
	return list
}

// fillFromTranscript takes the reply from the transcript for recipients whose reason is not in the list.
func fillFromTranscript(list []Recipient, text []byte) []Recipient {
	said := make(map[string]string)
	for _, r := range transcript(text) {
		said[r.Address] = r.Diagnostic
	}
	for i := range list {
		if list[i].Diagnostic == "" {
			list[i].Diagnostic = said[list[i].Address]
		}
	}
	return list
}

// transcript reads Sendmail's own lines of a session: "550 <address>... User unknown".
func transcript(text []byte) []Recipient {
	var list []Recipient
	for rest := text; len(rest) > 0 && len(list) < maxTextRecipients; {
		line, next := cutLine(rest)
		rest = next
		if len(line) < 5 || line[0] != '5' || !isDigit(line[1]) || !isDigit(line[2]) || line[3] != ' ' {
			continue
		}
		said := line[4:]
		if n := statusLength(said, 0); n > 0 {
			said = bytes.TrimLeft(said[n:], " ")
		}
		addr, tail, ok := leadingAddress(said)
		if i := bytes.Index(said, []byte("... ")); ok && i >= 0 && len(tail) > 0 {
			list = append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(line)})
		}
	}
	return list
}

// eximHeads stand above Exim's lists.
var eximHeads = []string{"address(es) failed:", "addresses failed:", "has not yet been delivered is:", "have not yet been delivered are:", "has not yet been delivered are:", "not yet been delivered to the following addresses:"}

// eximList reads Exim's list: addresses indented by two, their errors by four. A pipe or file is named by the address it
// was generated by.
func eximList(text []byte) []Recipient {
	list := listed(eximHeads...)(text)
	if len(list) == 0 {
		list = phrases("generated by ")(text)
	}
	return list
}

// exchangeList reads the lists of Exchange: an address, or a display name with the address behind it, or an X.400 or X.500
// address with SMTP= in it, then the error.
func exchangeList(heads ...string) reader {
	heads = lowered(heads)
	otherwise := firstOf(besideReply, phrases("recipient address:", "your message to "))
	return func(text []byte) []Recipient {
		for _, head := range heads {
			at := indexFold(text, head)
			if at < 0 {
				continue
			}
			_, rest := cutLine(text[at:])
			if list := readList(rest, exchangeAddress); len(list) > 0 {
				for i := range list[:min(len(list), maxSearched)] {
					list[i].Diagnostic = exchangeDiagnosis(text, list[i])
				}
				return list
			}
		}
		return otherwise(text)
	}
}

// besideReply reads addresses that stand alone in a line with a reply under them, in any language; a host's name can
// stand between.
func besideReply(text []byte) []Recipient {
	var list []Recipient
	for rest := text; len(rest) > 0 && len(list) < maxTextRecipients; {
		line, next := cutLine(rest)
		rest = next
		addr, tail, ok := leadingAddress(line)
		if !ok || len(bytes.Trim(tail, " \t>.;:,")) > 0 {
			continue
		}
		for range maxBetween {
			if line, next = cutLine(next); isReplyLine(line) {
				para, _ := cutParagraph(next, leadingAddress)
				list = append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(line[replyAt(line):], para)})
				break
			}
		}
	}
	return list
}

// maxBetween is the number of lines under an address among which its reply can be.
const maxBetween = 3

// googlePhrases stand before the address in Gmail's reports; the fields of the report say it, too.
var googlePhrases = phrases("your message wasn't delivered to ", "there was a problem delivering your message to ", "delivering your message to ", "your message to ", "message to ")

func exchangeAddress(line []byte) (addr string, tail []byte, ok bool) {
	if addr, tail, ok = leadingAddress(line); ok {
		return addr, tail, ok
	}
	for _, mark := range []string{"smtp=", "<mailto:", "("} {
		if i := indexFold(line, mark); i >= 0 {
			if addr, tail, ok = leadingAddress(line[i+len(mark):]); ok {
				return addr, tail, ok
			}
		}
	}
	return "", line, false
}

// exchangeDiagnosis gives the line under the address in the part for administrators.
func exchangeDiagnosis(text []byte, r Recipient) string {
	at := indexFold(text, "diagnostic information for administrators")
	if at < 0 {
		return r.Diagnostic
	}
	text = text[at:]
	if i := indexFold(text, "\n"+r.Address); i >= 0 {
		_, under := cutLine(text[i+1:])
		if reply := findReply(under); reply != "" {
			return reply
		}
	}
	return diagnosis(nil, text)
}

// notesList reads the Lotus SMTP MTA's list: the reason, then the addresses.
func notesList(text []byte) []Recipient {
	_, rest := cutLine(text[max(0, bytes.Index(text, []byte("Failure Reasons"))):])
	var list []Recipient
	reason := ""
	for len(rest) > 0 && len(list) < maxTextRecipients {
		line, next := cutLine(rest)
		rest = next
		if addr, _, ok := leadingAddress(line); ok {
			list = append(list, Recipient{Address: addr, Diagnostic: reason})
		} else if said := joinDiagnostic(line); said != "" {
			reason = said
		}
	}
	return list
}

// screenNames reads AOL's lists: names without a domain, indented under the heading.
func screenNames(text []byte) []Recipient {
	at := bytes.Index(text, []byte("following recipients could not be delivered"))
	if at < 0 {
		return nil
	}
	para, rest := cutParagraph(text[at:], noAddress)
	_, names, _ := bytes.Cut(append(para[:len(para):len(para)], rest...), []byte(":\n"))
	var list []Recipient
	for len(names) > 0 && len(list) < maxTextRecipients {
		line, next := cutLine(names)
		names = next
		if word := bytes.TrimSpace(line); len(word) > 0 && len(word) <= maxAddress && bytes.IndexByte(word, ' ') < 0 {
			list = append(list, Recipient{Address: header.LowerASCII(word), Diagnostic: joinDiagnostic(para)})
		}
	}
	return list
}

// statusFields reads RFC 3464 fields that stand in the text instead of a part of their own.
func statusFields(text []byte) []Recipient {
	var ignored Bounce
	return readReport(text, &ignored, nil)
}

// lineReader takes the address a line begins with and what follows it on the line.
type lineReader func(line []byte) (addr string, tail []byte, ok bool)

func readList(text []byte, read lineReader) []Recipient {
	var list []Recipient
	lead, blank, depth := 0, false, 0
	for rest := text; len(rest) > 0 && len(list) < maxTextRecipients; {
		line, next := cutLine(rest)
		rest = next
		if len(bytes.TrimSpace(line)) == 0 {
			blank = len(list) > 0
			continue
		}
		addr, tail, ok := read(line)
		if ok && len(list) == 0 {
			depth = indent(line)
		}
		switch {
		case ok && indent(line) <= depth:
			list = appendInLine(list, addr, line, tail)
		case len(list) == 0:
			if lead++; lead > maxLeadLines {
				return nil
			}
		case blank && !isReplyLine(line):
			return list
		default:
			last := &list[len(list)-1]
			if len(last.Diagnostic) < maxDiagnostic {
				last.Diagnostic = strings.TrimSpace(last.Diagnostic + " " + string(bytes.TrimSpace(line)))
			}
		}
		blank = false
	}
	return list
}

// appendInLine adds an address and those that follow it in its line; what stands behind the last is its diagnostic.
func appendInLine(list []Recipient, addr string, line, tail []byte) []Recipient {
	for len(list) < maxTextRecipients {
		next, after, more := nextInLine(line, tail)
		if !more {
			break
		}
		list = append(list, Recipient{Address: addr})
		addr, line, tail = next, tail, after
	}
	return append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(tail)})
}

// nextInLine takes the address that follows another in its line, behind a comma or a semicolon.
func nextInLine(line, tail []byte) (addr string, after []byte, ok bool) {
	before := trimSpaceRight(line[:len(line)-len(tail)])
	if n := len(before); n == 0 || before[n-1] != ',' && before[n-1] != ';' {
		return "", nil, false
	}
	addr, after, ok = leadingAddress(tail)
	return addr, after, ok
}

func indent(line []byte) int {
	n := 0
	for n < len(line) && (line[n] == ' ' || line[n] == '\t') {
		n++
	}
	return n
}

// leadingAddress takes the address at the start of a line, behind white space, bullets, quotes and brackets.
func leadingAddress(line []byte) (addr string, tail []byte, ok bool) {
	in := line
	for len(in) > 0 && isLead(in[0]) {
		in = in[1:]
	}
	if hasPrefixFold(in, "mailto:") {
		in = in[len("mailto:"):]
	}
	end := 0
	for end < len(in) && !isAddressEnd(in[end]) {
		end++
	}
	word := in[:end]
	for n := len(word); n > 0 && (word[n-1] == '.' || word[n-1] == ',' || word[n-1] == '!' || word[n-1] == '?'); n = len(word) {
		word = word[:n-1]
	}
	if !isAddress(word) {
		return "", line, false
	}
	tail = in[end:]
	for len(tail) > 0 && closes[tail[0]] {
		tail = tail[1:]
	}
	if bytes.HasPrefix(tail, []byte("<mailto:")) {
		if i := bytes.IndexByte(tail, '>'); i >= 0 {
			tail = tail[i+1:]
		}
	}
	for len(tail) > 0 && parts[tail[0]] {
		tail = tail[1:]
	}
	return header.LowerASCII(word), tail, true
}

// closes and parts are what can stand behind an address: first marks that close, then marks that part it from what follows.
var (
	closes = [256]bool{'>': true, '"': true, '\'': true, ']': true, ')': true}
	parts  = [256]bool{':': true, ';': true, ',': true, ' ': true, '\t': true}
)

// isLead tells what can stand before an address: white space, bullets (the last ones the bytes of a no-break space and a
// round bullet in UTF-8), quotes, brackets.
func isLead(c byte) bool { return leads[c] }

var leads = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, '*': true, '-': true, '"': true, '\'': true, '<': true, ':': true, '[': true,
	0xa0: true, 0xc2: true, 0xe2: true, 0x80: true, 0xa2: true}

// angledAddress takes "<address>:" at the very start of a line.
func angledAddress(line []byte) (addr string, tail []byte, ok bool) {
	if len(line) == 0 || line[0] != '<' {
		return "", line, false
	}
	end := bytes.Index(line, []byte(">:"))
	if expanded := bytes.Index(line, []byte(">): ")); end < 0 && expanded > 0 {
		end = expanded
	}
	if end < 2 {
		return "", line, false
	}
	word := line[1:end]
	if open := bytes.Index(word, []byte("> (expanded from <")); open > 0 {
		word = word[:open] // Postfix: "<address> (expanded from <alias>): ..."
	}
	if !isAddress(word) {
		return "", line, false
	}
	return header.LowerASCII(word), bytes.TrimLeft(line[end+2:], " :"), true
}

func isAddressEnd(c byte) bool { return addressEnds[c] }

var addressEnds = [256]bool{' ': true, '\t': true, '\r': true, '\n': true, '<': true, '>': true, '(': true, ')': true, '[': true, ']': true,
	',': true, ';': true, ':': true, '"': true, '\'': true, 0: true}

// isAddress tells local@domain: one @ and a domain that could be one.
func isAddress(word []byte) bool {
	at := bytes.LastIndexByte(word, '@')
	if at <= 0 || at == len(word)-1 || len(word) > maxAddress {
		return false
	}
	local, domain := word[:at], word[at+1:]
	if local[0] != '"' {
		for _, c := range local {
			if c == '@' || isAddressEnd(c) {
				return false
			}
		}
	}
	for _, c := range domain {
		if isAddressEnd(c) && c != '[' && c != ']' && c != ':' {
			return false
		}
	}
	return domain[0] == '[' || isDomainByte(domain[0]) && isDomainByte(domain[len(domain)-1])
}

func isDomainByte(c byte) bool {
	return isDigit(c) || 'a' <= lower(c) && lower(c) <= 'z' || c >= 0x80 || c == '-' || c == '_'
}

// cutParagraph takes the lines up to an empty one, or up to one that begins the next recipient.
func cutParagraph(in []byte, begins lineReader) (para, rest []byte) {
	rest = in
	for len(rest) > 0 {
		line, next := cutLine(rest)
		if len(bytes.TrimSpace(line)) == 0 {
			break
		}
		if _, _, ok := begins(line); ok {
			break
		}
		rest = next
	}
	return in[:len(in)-len(rest)], rest
}

// firstLines is as much of a text as an address after a phrase can be away.
func firstLines(text []byte) []byte {
	return text[:min(len(text), 400)]
}

// joinDiagnostic puts a diagnostic on one line.
func joinDiagnostic(parts ...[]byte) string {
	var out []byte
	for _, part := range parts {
		for _, word := range bytes.Fields(part[:min(len(part), maxDiagnostic)]) {
			if len(out) > 0 {
				out = append(out, ' ')
			}
			out = append(out, word...)
		}
	}
	return string(out)
}

// diagnosis gives the reply of an SMTP server quoted in tail or elsewhere in the text, else the paragraph in tail.
func diagnosis(tail, text []byte) string {
	tail = tail[:min(len(tail), maxDiagnostic)]
	if reply := findReply(tail); reply != "" {
		return reply
	}
	if reply := findReply(text); reply != "" {
		return reply
	}
	for len(tail) > 0 {
		para, rest := cutParagraph(trimBlankLines(tail), noAddress)
		if said := joinDiagnostic(para); len(said) > minDiagnostic {
			return said
		}
		tail = rest
	}
	return ""
}

// minDiagnostic is what the end of a sentence can leave over behind an address.
const minDiagnostic = 3

func noAddress([]byte) (string, []byte, bool) { return "", nil, false }

// findReply finds the first SMTP reply of class 4 or 5 in a text and gives it with the lines that go on with it.
func findReply(text []byte) string {
	for rest := text; len(rest) > 0; {
		line, next := cutLine(rest)
		if at := replyAt(line); at >= 0 {
			para, _ := cutParagraph(next, leadingAddress)
			return joinDiagnostic(line[at:], para)
		}
		rest = next
	}
	return ""
}

func isReplyLine(line []byte) bool { return replyAt(line) >= 0 }

// replyAt finds "550 ", "550-" or "550:" standing alone in a line, or an enhanced status code.
func replyAt(line []byte) int {
	for i := 0; i+3 <= len(line); i++ {
		if line[i] != '4' && line[i] != '5' || i > 0 && isWordByte(line[i-1]) {
			continue
		}
		if isDigit(line[i+1]) && line[i+1] <= '7' && isDigit(line[i+2]) && (i+3 == len(line) || bytes.IndexByte([]byte(" -:,;"), line[i+3]) >= 0) {
			return i
		}
		if statusLength(line, i) > 0 {
			return i
		}
	}
	return -1
}
