package dsn

import "bytes"

// dialect is one form of report that some software writes. It claims a message if all its marks stand in the text above
// the original, all its fields in the header and its status mark in the delivery-status part; an empty kind of mark
// asks for nothing. Samples and near misses of every row are in testdata/dialects.txt.
type dialect struct {
	id       string // software, and a slash and the form where it writes several
	marks    []string
	fields   []fieldMark
	status   string   // stands in the delivery-status part
	original []string // beginnings of the line under which the original stands
	read     reader   // recipients; nil: the generic reader
	kind     Kind     // what it reports; "": a failure, or a delay where the text says so
	source   string
}

// fieldMark is a header field and what its value contains.
type fieldMark struct{ name, contains string }

// software is the id without the form.
func (d *dialect) software() string {
	for i := range d.id {
		if d.id[i] == '/' {
			return d.id[:i]
		}
	}
	return d.id
}

func (d *dialect) claims(p *parser) bool {
	if d.status != "" && !bytes.Contains(p.status, []byte(d.status)) {
		return false
	}
	for _, mark := range d.marks {
		if !bytes.Contains(p.text, []byte(mark)) {
			return false
		}
	}
	for _, f := range d.fields {
		if !containsFold([]byte(p.b.Header.Get(f.name)), f.contains) {
			return false
		}
	}
	return true
}

var genericReader = firstOf(angled, listed("following recipient", "following address", "to the following", "following reason", "failed addresses"), statusFields,
	phrases("recipient: ", "intended recipient:", "error-for:", "deliver message to", "delivered to", "your message to", "message to"))

// findRow gives the first row that claims the message.
func (p *parser) findRow() *dialect {
	for i := range dialects {
		if dialects[i].claims(p) {
			return &dialects[i]
		}
	}
	return nil
}

var dialects = []dialect{
	{id: "qmail", marks: []string{"Hi. This is the qmail-send program at "}, original: []string{"--- Below this line is a copy of the message."}, read: angled, source: "qmail-send.c"},
}
