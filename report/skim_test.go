package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ndrscan/classify"
)

// counted are the members that a skimmer reads, as JSON.
func counted(t testing.TB, f *classify.Finding) string {
	c := classify.Finding{Schema: f.Schema, Source: f.Source, ID: f.ID, Digest: f.Digest, Kind: f.Kind, Received: f.Received, Date: f.Date,
		Handed: f.Handed, Campaign: f.Campaign, Class: f.Class, Misconfiguration: f.Misconfiguration}
	if r := f.Reporter; r != nil {
		c.Reporter = &classify.Reporter{Software: r.Software, IP: r.IP, Witness: r.Witness, Verified: r.Verified, Own: r.Own}
	}
	for _, r := range f.Recipients {
		c.Recipients = append(c.Recipients, classify.Recipient{Address: r.Address})
	}
	if o := f.Original; o != nil {
		c.Original = &classify.Original{MailFrom: o.MailFrom, Subject: o.Subject, MessageID: o.MessageID}
	}
	if o := f.Origin; o != nil {
		c.Origin = &classify.Origin{IP: o.IP, RDNS: o.RDNS, RDNSConfirmed: o.RDNSConfirmed, Own: o.Own, AuthUser: o.AuthUser, ClientIP: o.ClientIP,
			Entry: o.Entry, EntryHost: o.EntryHost, QueueID: o.QueueID}
	}
	if f.SPF != nil {
		c.SPF = &classify.SPF{Result: f.SPF.Result}
	}
	for _, d := range f.DKIM {
		c.DKIM = append(c.DKIM, classify.DKIM{Result: d.Result, Own: d.Own, FromSigned: d.FromSigned, Hash: d.Hash})
	}
	for _, r := range f.Reasons {
		c.Reasons = append(c.Reasons, classify.Reason{Code: r.Code})
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// checkSkimmed holds a skimmer to the library: what that reads as a finding is one, and its members are the same.
func checkSkimmed(t testing.TB, s *skimmer, line []byte, f *skimmed) {
	t.Helper()
	var whole classify.Finding
	wrong := jsonv2.Unmarshal(line, &whole, lenient)
	if wrong == nil {
		wrong = known(whole.Schema, classify.FindingSchema)
	}
	if err := s.finding(line, f); err != nil || wrong != nil {
		if wrong == nil {
			t.Fatalf("%q: %v", line, err)
		}
		return // members that are not read may be of any kind
	}
	if got, want := counted(t, &f.Finding), counted(t, &whole); got != want {
		t.Fatalf("%q is read as\n%s\nwant\n%s", line, got, want)
	}
}

// finding puts members into a finding.
func finding(members string) string { return `{"schema":"ndrscan.finding/1",` + members + `}` }

var skimmedLines = []string{
	finding(`"id":"1"`),
	"\t{ \"schema\" : \"ndrscan.finding/1\" ,\r \"dkim\" : [ { } , { \"own\" : true } ] , \"received\" : null } ",
	finding(`"origin":{"steps":[{"line":1,"why":"]}\""},[[],{}]],"port":-1.5e+9,"ip":"192.0.2.1"},"id":"after"`),
	finding(`"\u0069d":"a name with an escape","kind":"\ud83d\ude00 \ud83d \\\"","source":"\\"`),
	finding("\"id\":\"odd \xff bytes\",\"source\":\"größer\""),
	finding(`"id":"first","id":"last","origin":{"ip":"192.0.2.1"},"origin":{"rdns":"joined"},"reasons":[{"code":"a"},{"code":"b"}],"reasons":[{}]`),
	finding(`"origin":null,"reporter":{"own":null,"ip":null},"recipients":null,"dkim":[null],"class":null`),
	finding(`"received":"2026-11-23T10:00:00.123456789+02:00","handed":"0000-01-01T00:00:00Z"`),
	finding(`"id":7`), finding(`"origin":[]`), finding(`"origin":{"own":"true"}`), finding(`"reasons":{}`), finding(`"reasons":["a"]`),
	finding(`"received":"yesterday"`), finding(`"received":1`),
	`null`, `7`, `"ndrscan.finding/1"`, `[]`, ``, `{`, `{"schema":"ndrscan.finding/1"}}`, `{"schema":"ndrscan.finding/1"} {}`,
	finding(`"unread":tru`), finding("\"unread\":\"a\nb\""), finding(`"unread":[}`), finding(`"unread":01`),
}

// A skimmer, which is fast, reads what the library reads.
func TestSkimmedAsWhole(t *testing.T) {
	s, room := newSkimmer(), new(skimmed)
	for _, line := range skimmedLines {
		checkSkimmed(t, s, []byte(line), room)
	}
	for _, f := range []classify.Finding{forged(), own(), misconfigured(), undetermined()} {
		var line bytes.Buffer
		if err := WriteJSONL(&line, seq(f)); err != nil {
			t.Fatal(err)
		}
		checkSkimmed(t, s, line.Bytes(), room)
	}
}

// What is wrong is named with its place.
func TestSkimmedErrors(t *testing.T) {
	for line, want := range map[string]string{
		finding(`"id":7`):                     "id: no text",
		finding(`"origin":{"own":"true"}`):    "origin: own: no truth value",
		finding(`"origin":[]`):                "origin: no object",
		finding(`"reasons":{}`):               "reasons: no list",
		finding(`"reasons":["a"]`):            "reasons: no object",
		finding(`"received":7`):               "received: no time",
		finding(`"received":"yesterday"`):     "received: parsing time",
		finding(`"\u0069d":{"a":"\u0062"}`):   "id: no text",
		`[]`:                                  "no object",
		`null`:                                "no object",
		finding(`"unread":tru`):               "invalid character",
		finding(`"unread":1`) + "{}":          "after top-level value",
		`{"schema":"ndrscan.finding/2"}`:      "later ndrscan",
		`{"schema":"ndrscan.finding/1","id":`: "unexpected EOF",
	} {
		if err := newSkimmer().finding([]byte(line), new(skimmed)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
}

// A list with more items than any honest finding has leaves no room behind.
func TestSkimmedRoom(t *testing.T) {
	s, room := newSkimmer(), new(skimmed)
	for _, n := range []int{maxRoom, 100 * maxRoom, 0} {
		if err := s.finding([]byte(finding(`"dkim":[`+strings.Repeat(`{},`, n)+`{}]`)), room); err != nil || len(room.DKIM) != n+1 {
			t.Fatalf("%d items: %d, %v", n+1, len(room.DKIM), err)
		}
	}
	if n := cap(room.DKIM); n > maxRoom {
		t.Errorf("room for %d is kept", n)
	}
}

func FuzzSkim(f *testing.F) {
	for _, line := range skimmedLines {
		f.Add([]byte(line))
	}
	s, room := newSkimmer(), new(skimmed)
	f.Fuzz(func(t *testing.T, line []byte) { checkSkimmed(t, s, line, room) })
}

// BenchmarkSkim reads findings for counting. The floors, for the ratios, are the library reading the same findings whole, and
// making sure only that they are JSON.
func BenchmarkSkim(b *testing.B) {
	var text bytes.Buffer
	if err := WriteJSONL(&text, seq(forged(), own(), misconfigured(), undetermined())); err != nil {
		b.Fatal(err)
	}
	lines := bytes.Split(bytes.TrimSpace(text.Bytes()), []byte("\n"))
	s, room, value := newSkimmer(), new(skimmed), new(jsontext.Value)
	for _, way := range []struct {
		name string
		read func(line []byte) error
	}{
		{"ndrscan", func(line []byte) error { return s.finding(line, room) }},
		{"whole", func(line []byte) error { return jsonv2.Unmarshal(line, new(classify.Finding), lenient) }},
		{"floor", func(line []byte) error { return jsonv2.Unmarshal(line, value, lenient) }},
	} {
		b.Run(way.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(text.Len() / len(lines)))
			for i := 0; b.Loop(); i++ {
				if err := way.read(lines[i%len(lines)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
