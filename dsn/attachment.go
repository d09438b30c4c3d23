package dsn

import (
	"bytes"
	"unicode/utf16"
)

// Parts that are not what their type says, and those that nobody but their receiver can open.

// sealedTypes are parts that can't be read here, with what they are and what to do.
var sealedTypes = []struct{ typ, name, words string }{
	{"application/ms-tnef", "winmail.dat", "what came back is packed in winmail.dat (TNEF): unpack it with ytnef or a like tool and scan the message in it"},
	{"application/pkcs7-mime", "smime.p7m", "what came back is encrypted (S/MIME): open the report where its key is, save the returned message as .eml and scan that file"},
	{"application/x-pkcs7-mime", "", "what came back is encrypted (S/MIME): open the report where its key is, save the returned message as .eml and scan that file"},
	{"application/pgp-encrypted", "", "what came back is encrypted (PGP): open the report where its key is, save the returned message as .eml and scan that file"},
}

// sortOther looks at a part whose type promises nothing: report fields or an original can be in it, above all where a mail
// program saved the report.
func (p *parser) sortOther(part *part) {
	name := part.fileName()
	for _, sealed := range sealedTypes {
		if part.typ == sealed.typ || sealed.name != "" && len(name) == len(sealed.name) && hasPrefixFold(name, sealed.name) {
			p.sealed = sealed.words
			return
		}
	}
	switch {
	case part.typ == "text/html" || part.depth == 0:
	case looksLikeStatus(part.body) || part.encoding != plain && looksLikeStatus(part.content()):
		p.addStatus(part.content())
	case len(name) > 4 && hasPrefixFold(name[len(name)-4:], ".eml") && p.b.Original.Returned == ReturnedNone:
		p.setOriginal(part.content())
	}
}

// fileName gives the name a part has as an attachment.
func (p *part) fileName() []byte {
	if name := param(p.contentType, "name"); len(name) > 0 {
		return name
	}
	for i := range p.header {
		if f := &p.header[i]; f.Is("Content-Disposition") {
			return param(f.Body()[:min(len(f.Body()), maxContentType)], "filename")
		}
	}
	return nil
}

// statusStarts are the fields with which a delivery status begins (RFC 3464 section 2.2).
var statusStarts = []string{"reporting-mta:", "original-envelope-id:", "dsn-gateway:", "received-from-mta:", "arrival-date:", "final-recipient:", "original-recipient:", "x-postfix-queue-id:", "x-maddy-msgid:"}

// looksLikeStatus tells report fields in a part of another type.
func looksLikeStatus(body []byte) bool {
	line := firstLine(trimBlankLines(body[:min(len(body), maxHead)]))
	for _, name := range statusStarts {
		if hasPrefixFold(line, name) {
			return containsFold(body[:min(len(body), maxHead)], "final-recipient:")
		}
	}
	return false
}

// noteSealed says so where what came back of a bounce could not be read.
func (p *parser) noteSealed() {
	b := p.b
	if p.sealed == "" || b.Original.Returned != ReturnedNone || b.Kind != KindBounce && (b.Kind != KindOther || !p.machine()) {
		return
	}
	b.Lost, b.Problem = true, p.sealed
}

// fromUTF16 gives a message that was saved as UTF-16 in UTF-8; any other as it is.
func fromUTF16(msg []byte) []byte {
	little := bytes.HasPrefix(msg, []byte("\xff\xfe"))
	if !little && !bytes.HasPrefix(msg, []byte("\xfe\xff")) {
		return msg
	}
	units := make([]uint16, 0, len(msg)/2)
	for i := 2; i+1 < len(msg); i += 2 {
		low, high := msg[i], msg[i+1]
		if !little {
			low, high = high, low
		}
		units = append(units, uint16(high)<<8|uint16(low))
	}
	return []byte(string(utf16.Decode(units)))
}
