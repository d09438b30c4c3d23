package dsn

import (
	"bytes"
	"strings"
)

// Readers of recipients and diagnostics in the text of a report. A row of the dialect table names the one that fits what
// the software writes. They get the text above the returned original and give recipients without kind or reason.

// reader finds the recipients in a report's text.
type reader func(text []byte) []Recipient

const (
	maxTextRecipients = maxRecipients
	maxDiagnostic     = 2 << 10 // bytes of text kept as one diagnostic
	maxLeadLines      = 6       // lines of prose between the mark and the first recipient
)

// listed reads addresses that stand one a line under a mark; what follows an address up to the next one is its
// diagnostic. The list ends at an empty line that is followed by something else.
func listed(marks ...string) reader {
	return func(text []byte) []Recipient {
		for _, mark := range marks {
			if at := indexFold(text, mark); at >= 0 {
				if list := readList(text[at+len(mark):], leadingAddress); len(list) > 0 {
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
					found = append(found, Recipient{Address: addr, Diagnostic: diagnosis(tail, text)})
				}
			}
		}
		return found
	}
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

// statusFields reads RFC 3464 fields that stand in the text instead of a part of their own.
func statusFields(text []byte) []Recipient {
	var ignored Bounce
	return readReport(text, &ignored, nil)
}

// lineReader takes the address a line begins with and what follows it on the line.
type lineReader func(line []byte) (addr string, tail []byte, ok bool)

func readList(text []byte, read lineReader) []Recipient {
	var list []Recipient
	lead, blank := 0, false
	for rest := text; len(rest) > 0 && len(list) < maxTextRecipients; {
		line, next := cutLine(rest)
		rest = next
		if len(bytes.TrimSpace(line)) == 0 {
			blank = len(list) > 0
			continue
		}
		addr, tail, ok := read(line)
		switch {
		case ok:
			list = append(list, Recipient{Address: addr, Diagnostic: joinDiagnostic(tail, nil)})
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

// leadingAddress takes the address at the start of a line, behind white space, bullets, quotes and brackets.
func leadingAddress(line []byte) (addr string, tail []byte, ok bool) {
	in := bytes.TrimLeft(line, " \t\r\n*-\"'<:[\xa0\xc2\xe2\x80\xa2")
	if hasPrefixFold(in, "mailto:") {
		in = in[len("mailto:"):]
	}
	end := 0
	for end < len(in) && !isAddressEnd(in[end]) {
		end++
	}
	word := bytes.TrimRight(in[:end], ".,!?")
	if !isAddress(word) {
		return "", line, false
	}
	tail = bytes.TrimLeft(in[end:], ">\"'])")
	if bytes.HasPrefix(tail, []byte("<mailto:")) {
		if i := bytes.IndexByte(tail, '>'); i >= 0 {
			tail = tail[i+1:]
		}
	}
	return strings.ToLower(string(word)), bytes.TrimLeft(tail, ":;, \t"), true
}

// angledAddress takes "<address>:" at the very start of a line.
func angledAddress(line []byte) (addr string, tail []byte, ok bool) {
	if len(line) == 0 || line[0] != '<' {
		return "", line, false
	}
	end := bytes.Index(line, []byte(">:"))
	if end < 2 {
		return "", line, false
	}
	word := line[1:end]
	if bytes.IndexByte(word, '@') <= 0 {
		return "", line, false
	}
	return strings.ToLower(string(word)), bytes.TrimSpace(line[end+2:]), true
}

func isAddressEnd(c byte) bool {
	switch c {
	case ' ', '\t', '\r', '\n', '<', '>', '(', ')', '[', ']', ',', ';', ':', '"', '\'', 0:
		return true
	}
	return false
}

// isAddress tells local@domain: one @ and a domain that could be one.
func isAddress(word []byte) bool {
	at := bytes.IndexByte(word, '@')
	if at <= 0 || at == len(word)-1 || len(word) > 320 {
		return false
	}
	domain := word[at+1:]
	return bytes.IndexByte(domain, '@') < 0 && isDomainByte(domain[0]) && isDomainByte(domain[len(domain)-1])
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
	if reply := findReply(tail); reply != "" {
		return reply
	}
	if reply := findReply(text); reply != "" {
		return reply
	}
	para, _ := cutParagraph(trimBlankLines(tail), noAddress)
	return joinDiagnostic(para)
}

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
