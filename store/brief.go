package store

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"ndrscan/classify"
)

// A finding is kept twice: whole, as the JSON of the contract, which holds whatever a later version adds to it; and brief, as
// what it takes to count it (classify.Flood.Recount) and to tell weeks apart. Decoding is what a walk over many findings
// spends its time on, and brief is read ten times as fast. It is made from the whole and holds nothing else.

// briefFormat is the first byte. A change of the list below needs another, and a migration.
const briefFormat = 1

// briefFields are the parts that a brief finding has, in the order in which they are kept.
func briefFields(c *coder, f *classify.Finding) {
	text(c, &f.Mailbox)
	text(c, &f.ID)
	text(c, &f.Digest)
	text(c, &f.Kind)
	c.time(&f.Received)
	c.time(&f.Date)
	text(c, &f.Account)
	text(c, &f.Cell)
	text(c, &f.Campaign)
	c.time(&f.Handed)
	if r := part(c, &f.Reporter); r != nil {
		text(c, &r.Software)
		text(c, &r.IP)
		text(c, &r.Witness)
		c.flag(&r.Verified)
		c.flag(&r.Own)
	}
	many(c, &f.Recipients, func(r *classify.Recipient) {
		text(c, &r.Address)
		text(c, &r.Action)
		text(c, &r.Status)
		text(c, &r.Reason)
	})
	if o := part(c, &f.Original); o != nil {
		text(c, &o.Returned)
		text(c, &o.MailFrom)
		text(c, &o.MailFromSource)
		text(c, &o.From)
		text(c, &o.Subject)
	}
	if o := part(c, &f.Origin); o != nil {
		text(c, &o.IP)
		text(c, &o.RDNS)
		c.flag(&o.RDNSConfirmed)
		text(c, &o.Via)
		text(c, &o.Trust)
		c.flag(&o.Own)
		text(c, &o.AuthUser)
		text(c, &o.ClientIP)
		text(c, &o.Entry)
		text(c, &o.EntryHost)
		text(c, &o.QueueID)
		c.time(&o.Time)
		c.flag(&o.Framing)
	}
	if s := part(c, &f.SPF); s != nil {
		text(c, &s.Result)
		text(c, &s.Domain)
		c.flag(&s.Exclusive)
	}
	many(c, &f.DKIM, func(d *classify.DKIM) {
		text(c, &d.Domain)
		text(c, &d.Selector)
		text(c, &d.Result)
		c.flag(&d.Own)
		c.flag(&d.FromSigned)
		text(c, &d.Hash)
	})
	text(c, &f.Class)
	many(c, &f.CouldBe, func(class *classify.Class) { text(c, class) })
	many(c, &f.Reasons, func(r *classify.Reason) { text(c, &r.Code) })
	text(c, &f.Misconfiguration)
}

func encodeBrief(f *classify.Finding) []byte {
	c := &coder{out: []byte{briefFormat}}
	briefFields(c, f)
	return c.out
}

func decodeBrief(source string, brief []byte) (f classify.Finding, err error) {
	if len(brief) == 0 || brief[0] != briefFormat {
		return f, errors.New("its brief form is of an unknown kind")
	}
	c := &coder{reading: true, in: string(brief[1:])}
	briefFields(c, &f)
	if c.bad || c.in != "" {
		return f, errors.New("its brief form is too short or too long")
	}
	f.Schema, f.Source = classify.FindingSchema, source
	return f, nil
}

// encodeWhole writes a finding as JSON, without what is the same for all of a source.
func encodeWhole(f classify.Finding) (string, error) {
	f.Schema, f.Source = "", ""
	return encodeJSON(f)
}

func decodeWhole(source string, whole []byte) (f classify.Finding, err error) {
	err = json.Unmarshal(whole, &f)
	f.Schema, f.Source = classify.FindingSchema, source
	return f, err
}

func encodeJSON(v any) (string, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return strings.TrimSuffix(out.String(), "\n"), err
}

// coder writes fields to out, or, reading, fills them from in. One list of fields serves both, so that they can't disagree.
// Texts are written as their length and bytes; those that are read share the memory of in.
type coder struct {
	reading bool
	out     []byte
	in      string
	bad     bool // in ended early
}

// number writes or reads one number.
func (c *coder) number(n int64) int64 {
	if !c.reading {
		c.out = binary.AppendVarint(c.out, n)
		return n
	}
	head := []byte(c.in[:min(len(c.in), binary.MaxVarintLen64)])
	n, size := binary.Varint(head)
	if size <= 0 {
		c.bad, c.in = true, ""
		return 0
	}
	c.in = c.in[size:]
	return n
}

func text[T ~string](c *coder, s *T) {
	n := c.number(int64(len(*s)))
	switch {
	case !c.reading:
		c.out = append(c.out, *s...)
	case n < 0 || n > int64(len(c.in)):
		c.bad, c.in = true, ""
	default:
		*s, c.in = T(c.in[:n]), c.in[n:]
	}
}

func (c *coder) flag(b *bool) {
	var n int64
	if *b {
		n = 1
	}
	*b = c.number(n) != 0
}

// time keeps seconds, which is all that mail has. 0 is no time, and the odd message of 1970.
func (c *coder) time(t **time.Time) {
	var n int64
	if *t != nil {
		n = (*t).Unix()
	}
	if n = c.number(n); c.reading && n != 0 {
		at := time.Unix(n, 0).UTC()
		*t = &at
	}
}

// part is a part that may be absent: nil then.
func part[T any](c *coder, p **T) *T {
	has := *p != nil
	if c.flag(&has); !has || c.bad {
		return nil
	}
	if c.reading {
		*p = new(T)
	}
	return *p
}

func many[T any](c *coder, list *[]T, each func(*T)) {
	n := c.number(int64(len(*list)))
	for i := int64(0); i < n && !c.bad; i++ {
		if c.reading {
			var empty T
			*list = append(*list, empty)
		}
		each(&(*list)[i])
	}
}
