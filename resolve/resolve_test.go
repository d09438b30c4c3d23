package resolve_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ndrscan/internal/dnstest"
	"ndrscan/resolve"
)

const zone = `
$ORIGIN example.com.
@        3600 IN SOA ns hostmaster 1 3600 600 86400 300
@        IN TXT "v=spf1 " "-all"
@        IN TXT "caf\233 \"quoted\" back\\slash"
@        IN MX  20 b
@        IN MX  10 z
@        IN MX  10 a
mail     IN A   192.0.2.25
mail     IN A   192.0.2.3
mail     IN AAAA 2001:db8::25
null     IN MX  0 .
www      IN CNAME web
web      IN CNAME mail
loop     IN CNAME loop2
loop2    IN CNAME loop
dangling IN CNAME absent
foo:bar/baz       IN A 192.0.2.7
two\032words\037  IN A 192.0.2.8
\222\130\092.        IN A 192.0.2.9
big      IN TXT "` + long + `" "` + long + `" "` + long + `" "` + long + `" "` + long + `" "` + long + `" "` + long + `"
25.2.0.192.in-addr.arpa. IN PTR mail
25.2.0.192.in-addr.arpa. IN PTR Alias.Example.ORG.
25.2.0.192.in-addr.arpa. IN PTR one\.label.example.org.
5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR mail
_temperror.invalid. IN TXT "TXT" "SERVFAIL" "broken.example.com."
`

const long = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" +
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

// looked is one look-up and what it must give, whatever the backend. err: DNS must fail.
type looked struct {
	kind, name string
	want       []string
	err        bool
}

var lookups = []looked{
	{kind: "TXT", name: "example.com", want: []string{"caf\xe9 \"quoted\" back\\slash", "v=spf1 -all"}},
	{kind: "TXT", name: "EXAMPLE.com.", want: []string{"caf\xe9 \"quoted\" back\\slash", "v=spf1 -all"}},
	{kind: "TXT", name: "mail.example.com"},
	{kind: "TXT", name: "absent.example.com"},
	{kind: "TXT", name: "big.example.com", want: []string{strings.Repeat(long, 7)}},
	{kind: "TXT", name: "broken.example.com", err: true},
	{kind: "A", name: "broken.example.com"},
	{kind: "A", name: "mail.example.com", want: []string{"192.0.2.3", "192.0.2.25"}},
	{kind: "A", name: "www.example.com", want: []string{"192.0.2.3", "192.0.2.25"}},
	{kind: "AAAA", name: "www.example.com", want: []string{"2001:db8::25"}},
	{kind: "MX", name: "www.example.com"},
	{kind: "A", name: "dangling.example.com"},
	{kind: "A", name: "loop.example.com", err: true},
	{kind: "A", name: "foo:bar/baz.example.com", want: []string{"192.0.2.7"}},
	{kind: "A", name: "two words%.example.com", want: []string{"192.0.2.8"}},
	{kind: "MX", name: "example.com", want: []string{"a.example.com", "z.example.com", "b.example.com"}},
	{kind: "MX", name: "null.example.com", want: []string{""}},
	{kind: "PTR", name: "192.0.2.25", want: []string{"mail.example.com", "Alias.Example.ORG", `one\.label.example.org`}},
	{kind: "PTR", name: "::ffff:192.0.2.25", want: []string{"mail.example.com", "Alias.Example.ORG", `one\.label.example.org`}},
	{kind: "PTR", name: "2001:db8::25", want: []string{"mail.example.com"}},
	{kind: "PTR", name: "192.0.2.26"},
	{kind: "A", name: ""},
	{kind: "A", name: "."},
	{kind: "A", name: "two..dots.example.com"},
	{kind: "A", name: strings.Repeat("x", 64) + ".example.com"},
	{kind: "A", name: strings.Repeat("long.", 50) + "example.com"},
	{kind: "A", name: `one\.label.example.org`},
	{kind: "A", name: "\u0782\\", want: []string{"192.0.2.9"}},
}

func TestLookups(t *testing.T) {
	srv := dnstest.Serve(t, zone)
	file := filepath.Join(t.TempDir(), "zone")
	if err := os.WriteFile(file, []byte(zone), 0o600); err != nil {
		t.Fatal(err)
	}
	first := open(t, srv.Addr, resolve.Options{Record: true})
	t.Run("server", func(t *testing.T) { check(t, first) })
	t.Run("zone", func(t *testing.T) { check(t, open(t, "zone:"+file, resolve.Options{})) })

	// What one run recorded replays in the next, and that run's record is the same to the byte.
	seen := record(t, first)
	again := replay(t, seen)
	t.Run("replay", func(t *testing.T) { check(t, again) })
	if second := record(t, again); !bytes.Equal(seen, second) {
		t.Errorf("the record of the replay differs:\n%s\nthen\n%s", seen, second)
	}
}

func check(t *testing.T, c *resolve.Client) {
	t.Helper()
	for _, tt := range lookups {
		got, err := look(c, tt.kind, tt.name)
		if tt.err {
			var e *resolve.Error
			if !errors.As(err, &e) || e.Name != tt.name || e.Type != tt.kind || got != nil {
				t.Errorf("%s %q: got %q, %v, want an *Error that names them", tt.kind, tt.name, got, err)
			}
			continue
		}
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s %q: got %q, %v, want %q", tt.kind, tt.name, got, err, tt.want)
		}
	}
}

// look calls the method for a type and turns addresses into text.
func look(c *resolve.Client, kind, name string) ([]string, error) {
	ctx := context.Background()
	var addrs []netip.Addr
	var texts []string
	var err error
	switch kind {
	case "TXT":
		texts, err = c.LookupTXT(ctx, name)
	case "MX":
		texts, err = c.LookupMX(ctx, name)
	case "PTR":
		texts, err = c.LookupPTR(ctx, netip.MustParseAddr(name))
	case "A":
		addrs, err = c.LookupA(ctx, name)
	case "AAAA":
		addrs, err = c.LookupAAAA(ctx, name)
	}
	for _, a := range addrs {
		texts = append(texts, a.String())
	}
	return texts, err
}

func open(t *testing.T, spec string, opts resolve.Options) *resolve.Client {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = 2 * time.Second
	}
	c, err := resolve.Open(spec, opts)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func record(t *testing.T, c *resolve.Client) []byte {
	t.Helper()
	var seen bytes.Buffer
	if err := c.WriteZone(&seen); err != nil {
		t.Fatal(err)
	}
	return seen.Bytes()
}

func replay(t *testing.T, seen []byte) *resolve.Client {
	t.Helper()
	z, err := resolve.ParseZone(bytes.NewReader(seen), "seen")
	if err != nil {
		t.Fatalf("%v in\n%s", err, seen)
	}
	return resolve.FromZone(z, resolve.Options{Record: true})
}

// A name that looks like a wildcard is only a name: recorded under hostile text it must not answer for others.
func TestReplayOddNames(t *testing.T) {
	for _, name := range []string{"*.example.com", "a;b(c)\"d$.example.com", "\x00\xff.example.com", `back\slash.example.com`, "@.example.com"} {
		t.Run(name, func(t *testing.T) {
			c := resolve.FromZone(parse(t, ownerLine(name)+` IN A 192.0.2.9`), resolve.Options{Record: true})
			want, err := look(c, "A", name)
			if err != nil || len(want) != 1 {
				t.Fatalf("got %q, %v", want, err)
			}
			again := replay(t, record(t, c))
			if got, err := look(again, "A", name); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("replayed: got %q, %v in\n%s", got, err, record(t, c))
			}
			if got, err := look(again, "A", "other.example.com"); err != nil || got != nil {
				t.Errorf("another name: got %q, %v", got, err)
			}
		})
	}
}

func ownerLine(name string) string {
	var out strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '.' {
			out.WriteByte('.')
		} else {
			fmt.Fprintf(&out, `\%03d`, name[i])
		}
	}
	return out.String() + "."
}

func parse(t *testing.T, text string) *resolve.Zone {
	t.Helper()
	z, err := resolve.ParseZone(strings.NewReader(text), "test")
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestZoneErrors(t *testing.T) {
	tests := []struct{ zone, want string }{
		{"example.com. IN A 192.0.2.1\nexample.com. IN A nonsense\n", "lab.zone: dns: bad A A: \"nonsense\" at line: 2:26"},
		{`_temperror.invalid. IN TXT "TXT" "no name"`, `want TXT "TYPE"`},
		{`_temperror.invalid. IN TXT "TEXT" "SERVFAIL" "example.com"`, "no such record type: TEXT"},
	}
	for _, tt := range tests {
		_, err := resolve.ParseZone(strings.NewReader(tt.zone), "lab.zone")
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "lab.zone") {
			t.Errorf("%q: got %v, want %q", tt.zone, err, tt.want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	for spec, want := range map[string]string{
		"zone:":               "names no file",
		"zone:/no/such/file":  "no such file",
		"127.0.0.1:dns:53":    "want system, HOST[:PORT] or zone:FILE",
		"127.0.0.1:99999":     "is no port",
		"127.0.0.1:":          "is no port",
		"":                    "there is no host",
		"no host":             "there is no host",
		"/etc/resolv.conf":    "there is no host",
		"[2001:db8::1]:never": "is no port",
	} {
		if _, err := resolve.Open(spec, resolve.Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): got %v, want %q", spec, err, want)
		}
	}
	for _, spec := range []string{"192.0.2.53", "192.0.2.53:5353", "2001:db8::53", "[2001:db8::53]", "[2001:db8::53]:5353"} {
		if _, err := resolve.Open(spec, resolve.Options{}); err != nil {
			t.Errorf("Open(%q): %v", spec, err)
		}
	}
}

func TestTruncatedAnswerIsAskedOverTCP(t *testing.T) {
	srv := dnstest.Serve(t, zone)
	srv.Fault("mail.example.com", dnstest.Truncate)
	got, err := look(open(t, srv.Addr, resolve.Options{}), "A", "mail.example.com")
	if err != nil || len(got) != 2 || srv.Queries() != 2 {
		t.Errorf("got %q, %v after %d queries, want two addresses after two", got, err, srv.Queries())
	}
}

func TestFailures(t *testing.T) {
	srv := dnstest.Serve(t, zone)
	srv.Fault("mail.example.com", dnstest.ServFail)
	srv.Fault("web.example.com", dnstest.Timeout)
	c := open(t, srv.Addr, resolve.Options{Timeout: 200 * time.Millisecond, Record: true})
	for name, want := range map[string]string{
		"mail.example.com": `looking up A of "mail.example.com": ` + srv.Addr + " answered SERVFAIL",
		"web.example.com":  `looking up A of "web.example.com": ` + srv.Addr + " did not answer in time",
	} {
		for range 2 { // the second from the cache
			if _, err := look(c, "A", name); err == nil || err.Error() != want {
				t.Errorf("got %v, want %s", err, want)
			}
		}
		if n := srv.Asked(name, "A"); n != 2 {
			t.Errorf("%s was asked %d times, want two attempts in all", name, n)
		}
		if _, err := look(replay(t, record(t, c)), "A", name); err == nil || err.Error() != want {
			t.Errorf("replayed: got %v, want %s", err, want)
		}
	}
}

func TestCacheKeepsToTTL(t *testing.T) {
	srv := dnstest.Serve(t, `
example.com. 300 IN SOA ns.example.com. hostmaster.example.com. 1 3600 600 86400 120
long.example.com.  300 IN A 192.0.2.1
short.example.com.   0 IN A 192.0.2.1`)
	now := time.Unix(1_800_000_000, 0)
	c := open(t, srv.Addr, resolve.Options{Now: func() time.Time { return now }})
	asked := func() (n [3]int) {
		for i, name := range []string{"long.example.com", "short.example.com", "absent.example.com"} {
			if _, err := look(c, "A", name); err != nil {
				t.Fatal(err)
			}
			n[i] = srv.Asked(name, "A")
		}
		return n
	}
	for _, step := range []struct {
		pass time.Duration
		want [3]int
	}{
		{0, [3]int{1, 1, 1}},
		{59 * time.Second, [3]int{1, 1, 1}},
		{2 * time.Second, [3]int{1, 2, 1}},  // 61 s: a TTL of 0 counts as a minute
		{58 * time.Second, [3]int{1, 2, 1}}, // 119 s
		{2 * time.Second, [3]int{1, 3, 2}},  // 121 s: negative answers last as long as the SOA says
		{180 * time.Second, [3]int{2, 4, 3}},
	} {
		now = now.Add(step.pass)
		if got := asked(); got != step.want {
			t.Errorf("%s later: asked %v, want %v", step.pass, got, step.want)
		}
	}
}

func TestCacheIsBounded(t *testing.T) {
	var text strings.Builder
	for i := range 100 {
		fmt.Fprintf(&text, "n%d.example.com. IN A 192.0.2.%d\n", i, i)
	}
	srv := dnstest.Serve(t, text.String())
	c := open(t, srv.Addr, resolve.Options{CacheSize: 10})
	for range 2 {
		for i := range 100 {
			if got, err := look(c, "A", fmt.Sprintf("n%d.example.com", i)); err != nil || len(got) != 1 {
				t.Fatalf("n%d: %q, %v", i, got, err)
			}
		}
	}
	if n := srv.Queries(); n < 190 {
		t.Errorf("%d queries for 200 look-ups: more than 10 answers were kept", n)
	}
}

func TestOneFlightForOneQuestion(t *testing.T) {
	srv := dnstest.Serve(t, zone)
	c := open(t, srv.Addr, resolve.Options{})
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got, err := look(c, "A", "mail.example.com"); err != nil || len(got) != 2 {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	wg.Wait()
	if n := srv.Queries(); n != 1 {
		t.Errorf("%d queries, want 1", n)
	}
}

func TestCallerGivesUp(t *testing.T) {
	srv := dnstest.Serve(t, zone)
	srv.Fault("mail.example.com", dnstest.Timeout)
	c := open(t, srv.Addr, resolve.Options{Timeout: 300 * time.Millisecond})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.LookupA(ctx, "mail.example.com"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 200*time.Millisecond {
		t.Errorf("took %s", took)
	}
}

// A server that answers nothing costs its timeouts a few times, not once a name.
func TestDeadServerFailsFast(t *testing.T) {
	var packets atomic.Int64
	dead := silence(t, &packets)
	now := time.Unix(1_800_000_000, 0)
	c := open(t, dead, resolve.Options{Timeout: 5 * time.Millisecond, Now: func() time.Time { return now }})
	for i := range 200 {
		if _, err := look(c, "A", fmt.Sprintf("n%d.example.com", i)); err == nil {
			t.Fatal("an answer out of nowhere")
		}
	}
	if n := packets.Load(); n > 15 {
		t.Errorf("%d packets to a dead server", n)
	}
	_, err := look(c, "A", "last.example.com")
	if err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
	before := packets.Load()
	now = now.Add(time.Minute)
	look(c, "A", "later.example.com")
	if packets.Load() == before {
		t.Error("the server was never tried again")
	}
}

// silence is a port that takes packets and says nothing.
func silence(t *testing.T, packets *atomic.Int64) string {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 512)
		for {
			if _, _, err := conn.ReadFrom(buf); err != nil {
				return
			}
			packets.Add(1)
		}
	}()
	return conn.LocalAddr().String()
}

// Names whose own servers are dead prove nothing against ours.
func TestDeadNamesDoNotCondemnTheServer(t *testing.T) {
	srv := dnstest.Serve(t, zone)
	c := open(t, srv.Addr, resolve.Options{Timeout: 50 * time.Millisecond})
	for i := range 8 { // two attempts each: 16 timeouts in a row
		name := fmt.Sprintf("n%d.example.com", i)
		srv.Fault(name, dnstest.Timeout)
		if _, err := look(c, "A", name); err == nil || !strings.Contains(err.Error(), "did not answer in time") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if got, err := look(c, "A", "mail.example.com"); err != nil || len(got) != 2 {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestWriteZoneNeedsRecord(t *testing.T) {
	c := resolve.FromZone(parse(t, zone), resolve.Options{})
	if err := c.WriteZone(&bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "Options.Record") {
		t.Errorf("got %v", err)
	}
}
