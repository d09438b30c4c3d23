package demo

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/netip"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/miekg/dns"
)

var testNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func generate(t testing.TB, kind string, seed uint64) *Flood {
	t.Helper()
	f, err := Generate(kind, seed, testNow)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestGenerateRepeats(t *testing.T) {
	for _, kind := range Kinds {
		a, b, c := generate(t, kind, 1), generate(t, kind, 1), generate(t, kind, 2)
		if !same(a.Inbox, b.Inbox) || !same(a.Sent, b.Sent) || a.Zone != b.Zone || !maps.Equal(a.Truth, b.Truth) {
			t.Errorf("%s: equal seeds give different floods", kind)
		}
		if same(a.Inbox, c.Inbox) || same(a.Sent, c.Sent) {
			t.Errorf("%s: different seeds give equal floods", kind)
		}
		if !maps.Equal(a.Truth, c.Truth) {
			t.Errorf("%s: truth %v with one seed, %v with another", kind, a.Truth, c.Truth)
		}
	}
	if _, err := Generate("tsunami", 1, testNow); err == nil {
		t.Error("an unknown kind is made")
	}
}

func same(a, b []Message) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !bytes.Equal(a[i].Raw, b[i].Raw) || !a[i].Date.Equal(b[i].Date) {
			return false
		}
	}
	return true
}

// TestMessages holds what every message must be: readable, CRLF, in order, within the time, whole MIME.
func TestMessages(t *testing.T) {
	for _, kind := range Kinds {
		f := generate(t, kind, 3)
		if n := len(f.Inbox); n < 280 || n > 420 {
			t.Errorf("%s: %d messages", kind, n)
		}
		ids := make(map[string]bool)
		var last time.Time
		for i, m := range append(f.Inbox, f.Sent...) {
			if i == len(f.Inbox) {
				last = time.Time{}
			}
			if m.Date.Before(last) || m.Date.After(testNow) {
				t.Errorf("%s %d: dated %s, after one of %s", kind, i, m.Date, last)
			}
			last = m.Date
			if lf, crlf := bytes.Count(m.Raw, []byte("\n")), bytes.Count(m.Raw, []byte("\r\n")); lf != crlf || lf != bytes.Count(m.Raw, []byte("\r")) {
				t.Errorf("%s %d: %d LF, %d CRLF", kind, i, lf, crlf)
			}
			if bytes.Contains(m.Raw, []byte("<no value>")) || bytes.Contains(m.Raw, []byte("%!")) || bytes.Contains(m.Raw, []byte("{{")) {
				t.Errorf("%s %d: a template shows through:\n%s", kind, i, m.Raw)
			}
			msg, err := mail.ReadMessage(bytes.NewReader(m.Raw))
			if err != nil {
				t.Fatalf("%s %d: %v\n%s", kind, i, err, m.Raw)
			}
			if date, err := msg.Header.Date(); err != nil || date.After(m.Date.Add(time.Minute)) || date.Before(m.Date.Add(-time.Minute)) {
				t.Errorf("%s %d: Date %v (%v), delivered %v", kind, i, date, err, m.Date)
			}
			walkMIME(t, msg.Header.Get("Content-Type"), msg.Body)
			if id := msg.Header.Get("Message-Id"); id != "" && i < len(f.Inbox) {
				if ids[id] {
					t.Errorf("%s %d: Message-ID %s stands twice", kind, i, id)
				}
				ids[id] = true
			}
		}
	}
}

// walkMIME reads every part to its end, those inside returned messages too.
func walkMIME(t *testing.T, contentType string, body io.Reader) {
	t.Helper()
	kind, params, err := mime.ParseMediaType(contentType)
	switch {
	case contentType == "":
		return
	case err != nil:
		t.Errorf("Content-Type %q: %v", contentType, err)
	case kind == "message/rfc822":
		msg, err := mail.ReadMessage(body)
		if err != nil {
			t.Errorf("returned message: %v", err)
			return
		}
		walkMIME(t, msg.Header.Get("Content-Type"), msg.Body)
	case strings.HasPrefix(kind, "multipart/"):
		parts := multipart.NewReader(body, params["boundary"])
		n := 0
		for ; ; n++ {
			part, err := parts.NextRawPart()
			if err == io.EOF {
				break
			}
			if err != nil {
				t.Errorf("%s: part %d: %v", kind, n+1, err)
				return
			}
			walkMIME(t, part.Header.Get("Content-Type"), part)
		}
		if n < 2 {
			t.Errorf("%s with %d parts", kind, n)
		}
	}
}

// TestTruth compares what was meant with what the messages show.
func TestTruth(t *testing.T) {
	for _, kind := range Kinds {
		f := generate(t, kind, 4)
		seen := make(map[string]int)
		for _, m := range f.Inbox {
			seen[kindOf(m.Raw)]++
			if kindOf(m.Raw) == "bounce" {
				seen[classOf(m.Raw)]++
			}
		}
		if !maps.Equal(seen, f.Truth) {
			t.Errorf("%s: messages show %v, truth is %v", kind, seen, f.Truth)
		}
		if p := plans[kind]; f.Truth["forged"] != p.forged || f.Truth["compromised"] != p.stolen || f.Truth["genuine"] != p.genuine {
			t.Errorf("%s: truth %v, plan %+v", kind, f.Truth, p)
		}
	}
}

func kindOf(raw []byte) string {
	for _, mark := range []struct{ text, kind string }{
		{"\r\nAction: delayed\r\n", "delay"}, {"\r\nAction: failed\r\n", "bounce"}, {"qmail-send program", "bounce"},
		{"\r\nSubject: Auto: ", "autoreply"}, {"\r\nSubject: Automatic reply: ", "autoreply"},
	} {
		if bytes.Contains(raw, []byte(mark.text)) {
			return mark.kind
		}
	}
	return "other"
}

// classOf judges by who handed the mail in, which only the thief and the owner did with a login; a framing line names
// the owner's home as well but stands with a bot's address above it.
func classOf(raw []byte) string {
	switch text := strings.NewReplacer("=\r\n", "", "\r\n", "").Replace(string(raw)); {
	case strings.Contains(text, thief.ip.String()):
		return "compromised"
	case strings.Contains(text, "203.0.113.") || strings.Contains(text, "2001:db8:d0"):
		return "forged"
	}
	return "genuine"
}

var anyIP = regexp.MustCompile(`\b\d+(?:\.\d+){3,}\b|\b[0-9a-f]{1,4}:[0-9a-f:]*:[0-9a-f]{1,4}\b`)

// documentation are the networks of RFC 5737 and RFC 3849; private ones stand in HELO, and Google writes inner hosts so.
var documentation = []netip.Prefix{
	netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.0/24"), netip.MustParsePrefix("203.0.113.0/24"),
	netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("2002:a05::/32"),
}

// versions look like addresses and are none.
var versions = map[string]bool{"15.20.8228.21": true}

func TestOnlyDocumentationAddresses(t *testing.T) {
	for _, kind := range Kinds {
		f := generate(t, kind, 5)
		zone := regexp.MustCompile(`\S+\.arpa\.`).ReplaceAllString(f.Zone, "")
		for _, m := range append(f.Inbox, Message{Raw: []byte(zone)}) {
			for _, text := range anyIP.FindAllString(string(m.Raw), -1) {
				ip, err := netip.ParseAddr(strings.Trim(text, "."))
				if err != nil || strings.Count(text, ".") > 3 || versions[text] {
					continue // an id with a date in it
				}
				inside := false
				for _, p := range documentation {
					inside = inside || p.Contains(ip)
				}
				if !inside {
					t.Errorf("%s: %s in\n%.2000s", kind, ip, m.Raw)
				}
			}
		}
	}
}

// TestZone holds that the zone is readable and that names and addresses agree, but for the bots that lie.
func TestZone(t *testing.T) {
	forward, reverse := map[string][]string{}, map[string]string{}
	parser := dns.NewZoneParser(strings.NewReader(generate(t, JoeJob, 1).Zone), ".", "zone")
	n := 0
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		n++
		switch rr := rr.(type) {
		case *dns.A:
			forward[rr.Hdr.Name] = append(forward[rr.Hdr.Name], rr.A.String())
		case *dns.AAAA:
			forward[rr.Hdr.Name] = append(forward[rr.Hdr.Name], rr.AAAA.String())
		case *dns.PTR:
			if other, twice := reverse[rr.Hdr.Name]; twice {
				t.Errorf("%s is %s and %s", rr.Hdr.Name, other, rr.Ptr)
			}
			reverse[rr.Hdr.Name] = rr.Ptr
		case *dns.MX:
			if !strings.HasSuffix(rr.Mx, ".") || rr.Mx == "." {
				t.Errorf("MX %q", rr.Mx)
			}
		}
	}
	if err := parser.Err(); err != nil || n < 80 {
		t.Fatalf("%d records: %v", n, err)
	}
	for name, ips := range forward {
		for _, ip := range ips {
			arpa, _ := dns.ReverseAddr(ip)
			if reverse[arpa] != name && !strings.HasSuffix(name, ".outbound.protection.outlook.com.") {
				t.Errorf("%s is %s, which is %q", name, ip, reverse[arpa])
			}
		}
	}
	lying := 0
	for _, name := range reverse {
		if forward[name] == nil {
			lying++
		}
	}
	if lying == 0 || lying > 5 {
		t.Errorf("%d names lead nowhere", lying)
	}
}

func TestFold(t *testing.T) {
	got := fold(6, strings.Repeat("word ", 40))
	for i, line := range strings.Split(got, "\n") {
		if len(line) > 79 || i > 0 && !strings.HasPrefix(line, "    word") {
			t.Errorf("line %d: %q", i, line)
		}
	}
	if strings.Count(got, "word") != 40 {
		t.Errorf("words lost: %q", got)
	}
}

// TestStart looks at the servers as a client does.
func TestStart(t *testing.T) {
	f := generate(t, Mixed, 1)
	s, err := Start(context.Background(), f)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()

	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(s.CAPEM)
	client, err := imapclient.DialTLS(s.IMAPAddr, &imapclient.Options{TLSConfig: &tls.Config{RootCAs: pool}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Login(s.User, s.Password).Wait(); err != nil {
		t.Fatal(err)
	}
	for box, want := range map[string]int{"INBOX": len(f.Inbox), "Sent": len(f.Sent)} {
		data, err := client.Select(box, &imap.SelectOptions{ReadOnly: true}).Wait()
		if err != nil || int(data.NumMessages) != want {
			t.Errorf("%s: %+v, %v; want %d messages", box, data, err, want)
		}
	}
	query := new(dns.Msg).SetQuestion(f.Domain+".", dns.TypeTXT)
	reply, err := dns.Exchange(query, s.DNSAddr)
	if err != nil || len(reply.Answer) != 1 || !strings.Contains(reply.Answer[0].String(), "v=spf1") {
		t.Errorf("SPF of %s: %v, %v", f.Domain, reply, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(s.CAFile); !os.IsNotExist(err) {
		t.Errorf("certificate file after Close: %v", err)
	}
}

func TestStartEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s, err := Start(ctx, &Flood{User: "x@y.example", Zone: "y.example. IN TXT \"x\"\n"})
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, err := Start(ctx, &Flood{}); err == nil {
		t.Error("servers start after the context ended")
	}
}
