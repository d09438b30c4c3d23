package dsn

import (
	"bytes"
	"slices"
	"strings"

	"ndrscan/internal/header"
)

// dialect is one form of report that some software writes. It claims a message if one of its marks and all of also stand
// in the text above the original, none of lacks does, one of its fields stands in the header and status in the
// delivery-status part; what is empty asks for nothing. A mark is within one line; a * in it stands for anything in
// that line. A sample and a near miss of every row are in testdata/dialects.txt.
type dialect struct {
	id       string // software, and a slash and the form where it writes several
	marks    []string
	also     []string
	lacks    []string
	fields   []fieldMark
	status   string
	original []string // beginnings of the line under which the original stands
	mta      []string // what stands in front of the host's name for itself
	sender   []string // what stands in front of the MAIL FROM of the original
	read     reader   // recipients; nil: the generic reader
	kind     Kind     // what it reports; "": a failure, or a delay where the text says so
	copy     bool     // it goes to the postmaster (METHOD 4)
	reason   Reason   // why, where neither code nor text says so
	source   string   // where the form is written down

	marksIDs, alsoIDs, lacksIDs []uint16 // the numbers of marks, also and lacks in the index
}

// fieldMark is a header field and what its value contains, in lower case; "": the field is enough.
type fieldMark struct{ name, contains string }

// software is the id without the form.
func (d *dialect) software() string {
	name, _, _ := strings.Cut(d.id, "/")
	return name
}

// dialects is the table, its marks entered in the index.
var dialects = indexed(dialectTable)

func indexed(table []dialect) []dialect {
	for i := range table {
		d := &table[i]
		d.mta, d.sender = loweredHeads(d.mta), loweredHeads(d.sender)
		d.marksIDs, d.alsoIDs, d.lacksIDs = index.enterAll(d.marks, false), index.enterAll(d.also, false), index.enterAll(d.lacks, false)
	}
	return table
}

// loweredHeads gives marks in the form in which wordAfter wants them.
func loweredHeads(marks []string) []string {
	var heads []string
	for _, mark := range lowered(marks) {
		heads = append(heads, strings.TrimRight(mark, " "))
	}
	return heads
}

// findRow gives the first row that claims the message. The first row of the table, the commonest, is tried by itself, for
// looking for its mark alone costs less than looking for all.
func (p *parser) findRow() *dialect {
	if !p.scanned && dialects[0].claimsAlone(p) {
		return &dialects[0]
	}
	p.scan()
	for i := range dialects {
		if dialects[i].claims(p) {
			return &dialects[i]
		}
	}
	return nil
}

// claims tells whether the message is this row's; its text has been scanned.
func (d *dialect) claims(p *parser) bool {
	switch {
	case len(d.marksIDs) > 0 && !p.found.hasAny(d.marksIDs):
	case !p.found.hasAll(d.alsoIDs), p.found.hasAny(d.lacksIDs):
	default:
		return d.claimsHeader(p)
	}
	return false
}

// claimsAlone is claims without the index, and its slow twin.
func (d *dialect) claimsAlone(p *parser) bool {
	in := func(mark string) bool { return containsMark(p.text, mark, false) }
	switch {
	case len(d.marks) > 0 && !slices.ContainsFunc(d.marks, in):
	case slices.ContainsFunc(d.also, func(mark string) bool { return !in(mark) }), slices.ContainsFunc(d.lacks, in):
	default:
		return d.claimsHeader(p)
	}
	return false
}

// claimsHeader asks for what has to stand outside the text.
func (d *dialect) claimsHeader(p *parser) bool {
	return (d.status == "" || bytes.Contains(p.status, []byte(d.status))) && (len(d.fields) == 0 || p.hasField(d.fields))
}

func (p *parser) hasField(marks []fieldMark) bool {
	for _, m := range marks {
		for i := range p.b.Header {
			if f := &p.b.Header[i]; f.Is(m.name) && containsFold(f.Body, m.contains) {
				return true
			}
		}
	}
	return false
}

// nameWriter fills in what only the text says: who wrote the report, and on which host.
func (p *parser) nameWriter() {
	b := p.b
	if p.row == nil || b.Kind == KindOther {
		return
	}
	setOnce(&b.Software, p.row.software())
	for i := 0; i < len(p.row.mta) && b.ReportingMTA == ""; i++ {
		b.ReportingMTA = string(wordAfter(p.text, p.row.mta[i]))
	}
	for i := 0; i < len(p.row.sender) && b.EnvelopeSender == ""; i++ {
		b.EnvelopeSender, _, _ = leadingAddress(wordAfter(p.text, p.row.sender[i]))
	}
	if b.ReportingMTA == "" && b.Kind == KindBounce && isDaemon(b.From) {
		b.ReportingMTA = header.Domain(b.From)
	}
}

// wordAfter gives the word that stands behind a mark in the text; the mark is in lower case.
func wordAfter(text []byte, mark string) []byte {
	at := indexFold(text, mark)
	if at < 0 {
		return nil
	}
	word := bytes.TrimLeft(text[at+len(mark):], " \t\r\n")
	if end := bytes.IndexAny(word, " \t\r\n"); end >= 0 {
		word = word[:end]
	}
	return bytes.Trim(word[:min(len(word), maxAddress)], ".,:;()<>\"'")
}
