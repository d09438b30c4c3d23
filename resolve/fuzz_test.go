package resolve

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// FuzzReplay: whatever name a stranger makes us ask and whatever DNS answers, the record replays it.
func FuzzReplay(f *testing.F) {
	f.Add("example.com", "v=spf1 -all", "")
	f.Add("*.a;b\"(c).\xff\\.example", "caf\xe9 \"q\" \\ \x00", "")
	f.Add("broken.example", "", "192.0.2.53:53 answered \"SERVFAIL\"")
	f.Add("\u0782\\", "0", "0")
	f.Add(strings.Repeat("\x80.", 120)+"x", strings.Repeat("y", 600), strings.Repeat("\xfe", 300))
	f.Fuzz(func(t *testing.T, name, text, failure string) {
		first := newClient(fixed{text, failure}, Options{Record: true})
		want, wantErr := first.LookupTXT(context.Background(), name)
		var seen bytes.Buffer
		if err := first.WriteZone(&seen); err != nil {
			t.Fatal(err)
		}
		zone, err := ParseZone(bytes.NewReader(seen.Bytes()), "seen")
		if err != nil {
			t.Fatalf("%v\n%s", err, seen.Bytes())
		}
		got, gotErr := FromZone(zone, Options{}).LookupTXT(context.Background(), name)
		if !reflect.DeepEqual(got, want) || (gotErr == nil) != (wantErr == nil) {
			t.Errorf("%q: got %q, %v, want %q, %v\n%s", name, got, gotErr, want, wantErr, seen.Bytes())
		}
		if wantErr != nil && len(failure) <= maxString && gotErr.Error() != wantErr.Error() {
			t.Errorf("got %q, want %q", gotErr, wantErr)
		}
	})
}

// fixed is a backend with one answer to everything, through the wire format as a server's would be.
type fixed struct{ text, failure string }

func (b fixed) ask(_ context.Context, q question) ([]dns.RR, time.Duration, error) {
	if b.failure != "" {
		return nil, 0, errors.New(b.failure)
	}
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: q.name, Rrtype: dns.TypeTXT, Class: dns.ClassINET}}
	for i := 0; i < len(b.text) || i == 0; i += maxString {
		rr.Txt = append(rr.Txt, escape(b.text[i:min(len(b.text), i+maxString)]))
	}
	wire := make([]byte, dns.Len(rr)+1)
	n, err := dns.PackRR(rr, wire, 0, nil, false)
	if err != nil {
		return nil, 0, err
	}
	back, _, err := dns.UnpackRR(wire[:n], 0)
	return []dns.RR{back}, 0, err
}

// FuzzParseZone: a zone that parses answers without panic, and in bounded time even where its aliases loop.
func FuzzParseZone(f *testing.F) {
	f.Add("a.example. IN A 192.0.2.1\nb.example. IN CNAME a.example.", "b.example")
	f.Add("$ORIGIN x.\na IN CNAME b\nb IN CNAME a\n", "a.x")
	f.Add(`_temperror.invalid. IN TXT "A" "SERVFAIL" "a.example."`, "a.example")
	f.Fuzz(func(t *testing.T, text, name string) {
		if strings.Contains(strings.ToUpper(text), "$GENERATE") { // makes many records of few octets
			t.Skip()
		}
		zone, err := ParseZone(strings.NewReader(text), "fuzz")
		if err != nil {
			return
		}
		reply, err := zone.Lookup(name, dns.TypeA)
		if len(reply.Aliases) > maxAliases || err != nil && len(reply.Records) > 0 {
			t.Errorf("%v, %v", reply, err)
		}
	})
}
