package resolve_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"ndrscan/internal/dnstest"
	"ndrscan/resolve"
)

const overlay = `
$ORIGIN example.com.
@        IN TXT "v=spf1 mx ~all"
mail     IN A   192.0.2.99
_spf     IN TXT "new"
deep.new IN TXT "below a new name"
www      IN CNAME mail
away     IN CNAME www.live
ahead    IN CNAME web
_temperror.invalid. IN TXT "MX" "SERVFAIL" "mail.example.com."
`

func TestOverlay(t *testing.T) {
	srv := dnstest.Serve(t, zone+"www.live IN CNAME mail\nnew IN TXT \"old\"\n")
	base := open(t, srv.Addr, resolve.Options{Record: true})
	c := resolve.Overlay(parse(t, overlay), base)
	for _, tt := range []looked{
		{kind: "TXT", name: "Example.COM.", want: []string{"v=spf1 mx ~all"}},
		{kind: "MX", name: "example.com", want: []string{"a.example.com", "z.example.com", "b.example.com"}},
		{kind: "A", name: "mail.example.com", want: []string{"192.0.2.99"}},
		{kind: "AAAA", name: "mail.example.com", want: []string{"2001:db8::25"}},
		{kind: "MX", name: "mail.example.com", err: true},
		{kind: "TXT", name: "_spf.example.com", want: []string{"new"}},
		{kind: "TXT", name: "new.example.com", want: []string{"old"}},
		{kind: "A", name: "www.example.com", want: []string{"192.0.2.99"}},
		{kind: "AAAA", name: "www.example.com", want: []string{"2001:db8::25"}},
		{kind: "A", name: "away.example.com", want: []string{"192.0.2.3", "192.0.2.25"}},
		{kind: "A", name: "ahead.example.com", want: []string{"192.0.2.3", "192.0.2.25"}},
		{kind: "A", name: "loop.example.com", err: true},
		{kind: "A", name: "absent.example.com"},
		{kind: "TXT", name: "broken.example.com", err: true},
		{kind: "PTR", name: "192.0.2.25", want: []string{"mail.example.com", "Alias.Example.ORG", `one\.label.example.org`}},
		{kind: "A", name: "two..dots.example.com"},
	} {
		got, err := look(c, tt.kind, tt.name)
		if (err != nil) != tt.err || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %s: got %q, %v, want %q", tt.kind, tt.name, got, err, tt.want)
		}
	}
	if n := srv.Asked("example.com", "TXT"); n != 0 {
		t.Errorf("base was asked %d times for what the overlay has", n)
	}
	if _, err := look(c, "MX", "mail.example.com"); !errors.As(err, new(*resolve.Error)) {
		t.Errorf("got %v, want an *Error", err)
	}
	if seen := record(t, c); !bytes.Equal(seen, record(t, base)) || !bytes.Contains(seen, []byte("live")) {
		t.Errorf("the record is not that of base:\n%s", seen)
	}
}

// Lookup says how long an answer will be given: by the TTL, by the SOA, by our own rule for failures.
func TestLookupTTL(t *testing.T) {
	srv := dnstest.Serve(t, `
example.com.       300 IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 120
www.example.com.   200 IN CNAME web.example.com.
web.example.com.   900 IN A 192.0.2.1
mail.example.com.   10 IN MX 10 web.example.com.
_temperror.invalid. IN TXT "A" "SERVFAIL" "broken.example.com."`)
	now := time.Unix(1_800_000_000, 0)
	c := open(t, srv.Addr, resolve.Options{Now: func() time.Time { return now }})
	for _, tt := range []struct {
		kind, name string
		after      time.Duration
		want       time.Duration
	}{
		{"A", "web.example.com", 0, 900 * time.Second},
		{"A", "web.example.com", 100 * time.Second, 800 * time.Second},
		{"A", "www.example.com", 0, 200 * time.Second},
		{"MX", "mail.example.com", 0, time.Minute},
		{"A", "absent.example.com", 0, 120 * time.Second},
		{"A", "broken.example.com", 0, 5 * time.Minute},
		{"A", "broken.example.com", time.Minute, 4 * time.Minute},
		{"A", "no..name", 0, 24 * time.Hour},
	} {
		now = now.Add(tt.after)
		_, _, ttl, err := c.Lookup(context.Background(), tt.kind, tt.name)
		if ttl != tt.want || (err != nil) != strings.HasPrefix(tt.name, "broken") {
			t.Errorf("%s %s: holds %s, %v, want %s", tt.kind, tt.name, ttl, err, tt.want)
		}
	}
}
