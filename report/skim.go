package report

import (
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"time"
	"unicode/utf8"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ndrscan/classify"
)

// lenient reads JSON as encoding/json does: a name given twice and odd bytes are no errors.
var lenient = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// skimmer reads of a finding what counting needs (classify.Flood.Recount) and passes over the rest. The library makes sure that
// a line is JSON; after that its parts are found without looking names up and without making every part anew. What is read is
// what the library reads (TestSkimmedAsWhole).
type skimmer struct {
	line  jsontext.Value // known to be JSON
	at    int            // in line
	plain []byte         // room for a text without its escapes
	seed  maphash.Seed
	known [1024]string // texts read lately: most repeat from finding to finding
}

func newSkimmer() *skimmer { return &skimmer{seed: maphash.MakeSeed()} }

// skimmed is a finding with room for its parts, to be filled again and again.
type skimmed struct {
	classify.Finding
	reporter               classify.Reporter
	original               classify.Original
	origin                 classify.Origin
	spf                    classify.SPF
	received, date, handed time.Time
}

// finding reads one line.
func (s *skimmer) finding(line []byte, f *skimmed) error {
	if err := tooManyParts(line); err != nil {
		return err
	}
	if err := jsonv2.Unmarshal(line, &s.line, lenient); err != nil {
		return err
	}
	s.at = 0
	f.Finding = classify.Finding{Recipients: emptied(f.Recipients), DKIM: emptied(f.DKIM), Reasons: emptied(f.Reasons)}
	if s.next() != '{' {
		return errors.New("no object")
	}
	if _, err := members(s, f, s.member); err != nil {
		return err
	}
	return known(f.Schema, classify.FindingSchema)
}

func (s *skimmer) member(name []byte, f *skimmed) error {
	switch string(name) {
	case "schema":
		return text(s, &f.Schema)
	case "source":
		return text(s, &f.Source)
	case "id":
		return text(s, &f.ID)
	case "digest":
		return text(s, &f.Digest)
	case "kind":
		return text(s, &f.Kind)
	case "received":
		return s.moment(&f.Received, &f.received)
	case "date":
		return s.moment(&f.Date, &f.date)
	case "handed":
		return s.moment(&f.Handed, &f.handed)
	case "campaign":
		return text(s, &f.Campaign)
	case "reporter":
		return object(s, &f.Reporter, &f.reporter, s.reporter)
	case "recipients":
		return list(s, &f.Recipients, s.recipient)
	case "original":
		return object(s, &f.Original, &f.original, s.original)
	case "origin":
		return object(s, &f.Origin, &f.origin, s.origin)
	case "spf":
		return object(s, &f.SPF, &f.spf, s.spf)
	case "dkim":
		return list(s, &f.DKIM, s.dkim)
	case "class":
		return text(s, &f.Class)
	case "reasons":
		return list(s, &f.Reasons, s.reason)
	case "misconfiguration":
		return text(s, &f.Misconfiguration)
	}
	return s.skip()
}

func (s *skimmer) reporter(name []byte, r *classify.Reporter) error {
	switch string(name) {
	case "software":
		return text(s, &r.Software)
	case "ip":
		return text(s, &r.IP)
	case "witness":
		return text(s, &r.Witness)
	case "verified":
		return s.truth(&r.Verified)
	case "own":
		return s.truth(&r.Own)
	}
	return s.skip()
}

func (s *skimmer) recipient(name []byte, r *classify.Recipient) error {
	if string(name) == "address" {
		return text(s, &r.Address)
	}
	return s.skip()
}

func (s *skimmer) original(name []byte, o *classify.Original) error {
	switch string(name) {
	case "mail_from":
		return text(s, &o.MailFrom)
	case "subject":
		return text(s, &o.Subject)
	case "message_id":
		return text(s, &o.MessageID)
	}
	return s.skip()
}

func (s *skimmer) origin(name []byte, o *classify.Origin) error {
	switch string(name) {
	case "ip":
		return text(s, &o.IP)
	case "rdns":
		return text(s, &o.RDNS)
	case "rdns_confirmed":
		return s.truth(&o.RDNSConfirmed)
	case "own":
		return s.truth(&o.Own)
	case "auth_user":
		return text(s, &o.AuthUser)
	case "client_ip":
		return text(s, &o.ClientIP)
	case "entry":
		return text(s, &o.Entry)
	case "entry_host":
		return text(s, &o.EntryHost)
	case "queue_id":
		return text(s, &o.QueueID)
	}
	return s.skip()
}

func (s *skimmer) spf(name []byte, r *classify.SPF) error {
	if string(name) == "result" {
		return text(s, &r.Result)
	}
	return s.skip()
}

func (s *skimmer) dkim(name []byte, d *classify.DKIM) error {
	switch string(name) {
	case "result":
		return text(s, &d.Result)
	case "own":
		return s.truth(&d.Own)
	case "from_signed":
		return s.truth(&d.FromSigned)
	case "hash":
		return text(s, &d.Hash)
	}
	return s.skip()
}

func (s *skimmer) reason(name []byte, r *classify.Reason) error {
	if string(name) == "code" {
		return text(s, &r.Code)
	}
	return s.skip()
}

// maxRoom is how many items of a list find room that is kept for the next finding.
const maxRoom = 64

func emptied[T any](room []T) []T {
	if cap(room) > maxRoom {
		return nil
	}
	return room[:0]
}

// object reads an object into room; null is none. Of one that is given twice the members are joined.
func object[T any](s *skimmer, to **T, room *T, member func(name []byte, room *T) error) error {
	if *to == nil {
		*room = *new(T)
	}
	present, err := members(s, room, member)
	if *to = nil; present {
		*to = room
	}
	return err
}

// members reads an object member by member; null is none.
func members[T any](s *skimmer, room *T, member func(name []byte, room *T) error) (present bool, err error) {
	if !s.opens('{') {
		return false, s.null("object")
	}
	for s.next() != '}' {
		start := s.at
		if err := member(s.plainText(), room); err != nil {
			s.at = start
			return false, fmt.Errorf("%s: %w", s.plainText(), err)
		}
	}
	s.at++
	return true, nil
}

// list reads a list of objects; null is an empty one.
func list[T any](s *skimmer, to *[]T, member func(name []byte, room *T) error) error {
	*to = (*to)[:0]
	if !s.opens('[') {
		return s.null("list")
	}
	for s.next() != ']' {
		*to = append(*to, *new(T))
		if _, err := members(s, &(*to)[len(*to)-1], member); err != nil {
			return err
		}
	}
	s.at++
	return nil
}

// text reads a text; null is an empty one.
func text[S ~string](s *skimmer, to *S) error {
	*to = ""
	if s.next() != '"' {
		return s.null("text")
	}
	*to = S(s.kept(s.plainText()))
	return nil
}

// moment reads a time; null is none.
func (s *skimmer) moment(to **time.Time, room *time.Time) error {
	*to = nil
	if s.next() != '"' {
		return s.null("time")
	}
	*to = room
	return room.UnmarshalText(s.plainText())
}

// truth reads true or false; null is false.
func (s *skimmer) truth(to *bool) error {
	first := s.next()
	*to = first == 't'
	if first != 't' && first != 'f' {
		return s.null("truth value")
	}
	return s.skip()
}

// null takes what stands for nothing, where there is not what was looked for.
func (s *skimmer) null(lookedFor string) error {
	if s.next() != 'n' {
		return errors.New("no " + lookedFor)
	}
	return s.skip()
}

// next gives the first byte of what comes next: all that lies between is of no matter in what is known to be JSON.
func (s *skimmer) next() byte {
	for {
		switch c := s.line[s.at]; c {
		case ' ', '\t', '\r', '\n', ',', ':':
			s.at++
		default:
			return c
		}
	}
}

// opens goes into an object or list, if it is one.
func (s *skimmer) opens(bracket byte) bool {
	if s.next() != bracket {
		return false
	}
	s.at++
	return true
}

// skip passes over a value.
func (s *skimmer) skip() error {
	for depth := 0; ; {
		switch s.next() {
		case '"':
			s.quoted()
		case '{', '[':
			depth++
			s.at++
		case '}', ']':
			depth--
			s.at++
		default:
			s.scalar()
		}
		if depth == 0 {
			return nil
		}
	}
}

// scalar passes over a number or a word. It ends somewhere, for it is within an object.
func (s *skimmer) scalar() {
	for {
		switch s.line[s.at] {
		case ' ', '\t', '\r', '\n', ',', ']', '}':
			return
		}
		s.at++
	}
}

// quoted takes a text with its quotes.
func (s *skimmer) quoted() []byte {
	start := s.at
	for escaped := true; escaped; {
		s.at += 1 + bytes.IndexByte(s.line[s.at+1:], '"')
		escaped = false
		for i := s.at - 1; s.line[i] == '\\'; i-- {
			escaped = !escaped
		}
	}
	s.at++
	return s.line[start:s.at]
}

// plainText takes a text without quotes and escapes, its odd bytes replaced. It is good until the next one is taken.
func (s *skimmer) plainText() []byte {
	start := s.at + 1
	for i := start; ; i++ {
		switch c := s.line[i]; {
		case c == '"':
			s.at = i + 1
			return s.line[start:i]
		case c == '\\', c >= utf8.RuneSelf:
			s.plain, _ = jsontext.AppendUnquote(s.plain[:0], s.quoted()) // known to be a text: only odd bytes are an error
			return s.plain
		}
	}
}

// maxKnown is the longest text that is worth remembering.
const maxKnown = 64

// kept makes a text that stays, the same as before where it was read lately.
func (s *skimmer) kept(text []byte) string {
	if len(text) > maxKnown {
		return string(text)
	}
	known := &s.known[maphash.Bytes(s.seed, text)%uint64(len(s.known))]
	if *known != string(text) {
		*known = string(text)
	}
	return *known
}
