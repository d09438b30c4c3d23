package store

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"fmt"

	"iter"
	"math/rand/v2"

	"path/filepath"
	"reflect"

	"testing"
	"time"

	"ndrscan/classify"
)

var start = time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)

// made is the i-th of made-up findings, one a minute.
func made(i int) classify.Finding {
	at := start.Add(time.Duration(i) * time.Minute)
	account := fmt.Sprintf("user%d@example.com", i%3)
	if i%10 == 9 {
		account = "sales@example.net"
	}
	sum := sha256.Sum256(fmt.Append(nil, i))
	return classify.Finding{
		Schema: classify.FindingSchema, Source: "flood.mbox", ID: fmt.Sprint(i * 5000), Digest: hex.EncodeToString(sum[:16]),
		Kind: "bounce", Received: &at, Account: account, Cell: "19cf8b48754b", Campaign: "0cfd87e5fe3b",
		Reporter:   &classify.Reporter{MTA: "mx.maplewood.example", Software: "qmail", IP: "198.51.100.106", Witness: "maplewood.example", Verified: true},
		Recipients: []classify.Recipient{{Address: fmt.Sprintf("karen%d@maplewood.example", i), Action: "failed", Status: "5.1.1", Diagnostic: "550 5.1.1 <karen@maplewood.example> unknown"}},
		Original:   &classify.Original{Returned: "full", MailFrom: account, MailFromSource: "return-path", From: account, Subject: "Your invoice", Received: 4, Size: 1948},
		Origin: &classify.Origin{IP: fmt.Sprintf("203.0.113.%d", i%250), Via: "received", Trust: "direct", HELO: "pc",
			Steps: []classify.Step{{Line: 1, Client: "203.0.113.7", Believed: true, Why: "border"}}},
		SPF:     &classify.SPF{Result: "fail", Domain: "example.com", Mechanism: "-all", Path: []string{"example.com"}},
		Class:   classify.Forged,
		Reasons: []classify.Reason{{Code: "spf-fail", Text: "203.0.113.7 is not allowed by example.com (matched -all)"}},
	}
}

func some(from, to int) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		for i := from; i < to; i++ {
			if !yield(made(i), nil) {
				return
			}
		}
	}
}

func list(findings ...classify.Finding) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		for _, f := range findings {
			if !yield(f, nil) {
				return
			}
		}
	}
}

// runAt is a run that long after the first finding.
func runAt(after time.Duration) Run {
	return Run{At: start.Add(after), Report: &classify.Report{Tool: "ndrscan test", Read: 7, Accounts: []classify.Account{{Login: "x"}},
		Domains: []classify.Domain{{Domain: "example.com", Record: "v=spf1 -all"}}}}
}

const day = 24 * time.Hour

func begin(t testing.TB) *Store {
	t.Helper()
	return reopen(t, filepath.Join(t.TempDir(), "deep", "store.db"))
}

func reopen(t testing.TB, path string) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, Options{Create: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func save(t testing.TB, s *Store, run Run, findings iter.Seq2[classify.Finding, error]) Saved {
	t.Helper()
	saved, err := s.Save(t.Context(), run, findings)
	if err != nil {
		t.Fatal(err)
	}
	return saved
}

func all(t testing.TB, s *Store, q Query) []Finding {
	t.Helper()
	var found []Finding
	for f, err := range s.Findings(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		found = append(found, f)
	}
	return found
}

func asJSON(t testing.TB, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What is kept comes back whole, in the order of arrival.
func TestSaveAndRead(t *testing.T) {
	s := begin(t)
	if !s.Created() {
		t.Error("not created?")
	}
	backwards := func(yield func(classify.Finding, error) bool) {
		for i := 999; i >= 0 && yield(made(i), nil); i-- {
		}
	}
	if got := save(t, s, runAt(day), backwards); got != (Saved{Run: 1, New: 1000}) {
		t.Errorf("saved %+v", got)
	}
	s.Close()
	s = reopen(t, s.Path())
	if s.Created() {
		t.Error("created again?")
	}
	found := all(t, s, Query{})
	if len(found) != 1000 {
		t.Fatalf("%d findings", len(found))
	}
	for i, f := range found {
		if want := made(i); asJSON(t, f.Finding) != asJSON(t, want) || !f.Arrived.Equal(*want.Received) || f.Run != 1 || f.Key != "flood.mbox" {
			t.Fatalf("finding %d:\n%s\nwant\n%s", i, asJSON(t, f), asJSON(t, want))
		}
	}
	hour := Query{From: start.Add(time.Hour), To: start.Add(2 * time.Hour)}
	for _, tc := range []struct {
		account, source string
		want            int
	}{{"", "", 60}, {"user0@example.com", "", 18}, {"USER0@example.com", "", 18}, {"@example.com", "", 54}, {"@EXAMPLE.net", "", 6},
		{"@net", "", 0}, {"example.com", "", 0}, {"", "flood.mbox", 60}, {"", "other", 0}} {
		hour.Account, hour.Source = tc.account, tc.source
		if got := all(t, s, hour); len(got) != tc.want {
			t.Errorf("%+v: %d findings, want %d", tc, len(got), tc.want)
		}
	}
}

// A finding comes back whole from its JSON. Of its brief form comes back what counting needs: what is there is right, and
// another turn leaves nothing out.
func TestEncode(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var f classify.Finding
		fill(r, reflect.ValueOf(&f).Elem())
		f.Schema = classify.FindingSchema
		text, err := encodeWhole(f)
		if err != nil {
			t.Fatal(err)
		}
		whole, err := decodeWhole(f.Source, []byte(text))
		if err != nil || asJSON(t, whole) != asJSON(t, f) {
			t.Fatalf("%v %s\nwant\n%s", err, asJSON(t, whole), asJSON(t, f))
		}
		text2 := encodeBrief(&f)
		brief, err := decodeBrief(f.Source, text2)
		if err != nil || string(encodeBrief(&brief)) != string(text2) {
			t.Fatalf("%v %s\n%s", err, asJSON(t, brief), asJSON(t, f))
		}
		if err := within(reflect.ValueOf(brief), reflect.ValueOf(f)); err != "" {
			t.Fatal(err)
		}
		for i := range text2 {
			if _, err := decodeBrief("", text2[:i]); err == nil {
				t.Fatalf("a brief form of %d bytes, cut at %d, is read", len(text2), i)
			}
		}
	}
}

// within tells what part is not in the whole.
func within(part, whole reflect.Value) string {
	switch {
	case part.IsZero():
		return ""
	case part.Type() == reflect.TypeFor[time.Time]():
		if !part.Interface().(time.Time).Equal(whole.Interface().(time.Time)) {
			return fmt.Sprint(part, " is not ", whole)
		}
	case part.Kind() == reflect.Pointer:
		return within(part.Elem(), whole.Elem())
	case part.Kind() == reflect.Struct:
		for i := range part.NumField() {
			if err := within(part.Field(i), whole.Field(i)); err != "" {
				return part.Type().Field(i).Name + ": " + err
			}
		}
	case part.Kind() == reflect.Slice:
		if part.Len() != whole.Len() {
			return fmt.Sprint(part, " is not ", whole)
		}
		for i := range part.Len() {
			if err := within(part.Index(i), whole.Index(i)); err != "" {
				return err
			}
		}
	case !part.Equal(whole):
		return fmt.Sprint(part, " is not ", whole)
	}
	return ""
}

// fill puts something into every field, and nothing into some of those that may be absent.
func fill(r *rand.Rand, v reflect.Value) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(start.Add(time.Duration(r.IntN(1e9)) * time.Second)))
	case v.Kind() == reflect.Pointer && r.IntN(4) > 0:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			fill(r, v.Field(i))
		}
	case v.Kind() == reflect.Slice:
		for range r.IntN(3) {
			element := reflect.New(v.Type().Elem()).Elem()
			fill(r, element)
			v.Set(reflect.Append(v, element))
		}
	case v.Kind() == reflect.String:
		v.SetString([]string{"", "a", "b<&>\x1b\u202e", "\"c\"\n"}[r.IntN(4)])
	case v.CanInt():
		v.SetInt(int64(r.IntN(3)))
	case v.Kind() == reflect.Bool:
		v.SetBool(r.IntN(2) > 0)
	}
}
