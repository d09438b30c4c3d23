package imapfetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ndrscan/internal/imaptest"
	"ndrscan/mailbox"
)

const (
	user     = "alice@example.com"
	password = "hunter2 \"quoted\\"
)

var (
	today = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	now   = func() time.Time { return today }
)

// mails makes n messages; every seventh is larger than a read buffer.
func mails(n int) (raws [][]byte) {
	for i := range n {
		body := "text\r\n"
		if i%7 == 0 {
			body = strings.Repeat("a longer line of text that fills the buffer\r\n", 300)
		}
		raws = append(raws, fmt.Appendf(nil, "From: a%d@example.com\r\nTo: b@example.net\r\nMessage-ID: <%d@example.com>\r\nX-Other: no\r\nSubject: number %d\r\n\r\n%s", i, i, i, body))
	}
	return raws
}

func config(t *testing.T, server *imaptest.Server, path string) Config {
	t.Helper()
	cfg, err := ParseURL("imaps://alice@example.com@" + server.Addr + path)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Password, cfg.CAFile, cfg.Now = imaptest.Password(password), server.CAFile, now
	cfg.Timeout, cfg.backoff = 5*time.Second, time.Millisecond
	return cfg
}

func open(t *testing.T, cfg Config) *Source {
	t.Helper()
	src, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

func read(t *testing.T, src mailbox.Source) (msgs []mailbox.Message, errs []error) {
	t.Helper()
	for msg, err := range src.Messages(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		msgs = append(msgs, msg)
	}
	return msgs, errs
}

func serve(t *testing.T, boxes map[string][]imaptest.Message, opts imaptest.Options) *imaptest.Server {
	return imaptest.Serve(t, user, password, boxes, opts)
}

// same asserts that the messages are those raws, all of them, in order, with UIDs from 1.
func same(t *testing.T, msgs []mailbox.Message, errs []error, raws [][]byte) {
	t.Helper()
	for _, err := range errs {
		t.Error(err)
	}
	if len(msgs) != len(raws) {
		t.Fatalf("%d messages, want %d", len(msgs), len(raws))
	}
	for i, m := range msgs {
		if m.ID != fmt.Sprint(i+1) || !bytes.Equal(m.Raw, raws[i]) || m.Size != int64(len(raws[i])) || m.Truncated {
			t.Fatalf("message %d: id %s, size %d, truncated %v, %d bytes, want %d", i, m.ID, m.Size, m.Truncated, len(m.Raw), len(raws[i]))
		}
	}
}

func TestEveryMessageOnce(t *testing.T) {
	raws := mails(1234)
	server := serve(t, map[string][]imaptest.Message{"Bounces": imaptest.Messages(today, raws...)}, imaptest.Options{})
	src := open(t, config(t, server, "/Bounces"))
	if n, ok := src.Count(t.Context()); n != len(raws) || !ok {
		t.Errorf("Count is %d, %v", n, ok)
	}
	msgs, errs := read(t, src)
	same(t, msgs, errs, raws)
	if m := msgs[0]; m.Mailbox != "Bounces" || !m.Received.Equal(today) || m.Source != src.Name() {
		t.Errorf("mailbox %q, received %v, source %q", m.Mailbox, m.Received, m.Source)
	}
	if got, want := server.Fetches.Load(), int64(1+3); got != want {
		t.Errorf("%d FETCH commands for %d messages, want %d", got, len(raws), want)
	}
}

func TestWindow(t *testing.T) {
	at := func(days, hours int) imaptest.Message {
		date := today.Add(time.Duration(days*24+hours) * time.Hour)
		return imaptest.Message{Raw: []byte("Subject: " + date.Format(time.RFC3339) + "\r\n\r\n"), Date: date}
	}
	box := []imaptest.Message{at(-400, 0), at(-31, 0), at(-30, 1), at(-7, -1), at(-7, 1), at(-1, 0), at(0, -1), at(0, 0)}
	server := serve(t, map[string][]imaptest.Message{"INBOX": box}, imaptest.Options{})
	for _, test := range []struct {
		name  string
		set   func(*Config)
		first int // index in box of the first and of the one behind the last
		last  int
	}{
		{"thirty days", func(c *Config) {}, 2, 8},
		{"all", func(c *Config) { c.All = true }, 0, 8},
		{"since", func(c *Config) { c.Since = today.AddDate(0, 0, -7) }, 4, 8},
		{"until, exclusive", func(c *Config) { c.Until = today }, 2, 7},
		{"all until", func(c *Config) { c.All, c.Until = true, today.AddDate(0, 0, -7) }, 0, 4},
		{"since wins over all", func(c *Config) { c.All, c.Since = true, today.Add(-time.Hour) }, 6, 8},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := config(t, server, "/INBOX")
			test.set(&cfg)
			msgs, errs := read(t, open(t, cfg))
			if len(errs) > 0 || len(msgs) != test.last-test.first {
				t.Fatalf("%d messages, want %d; errors %v", len(msgs), test.last-test.first, errs)
			}
			for i, m := range msgs {
				if !bytes.Equal(m.Raw, box[test.first+i].Raw) {
					t.Errorf("message %d is %q", i, m.Raw)
				}
			}
		})
	}
}

func TestWhichMailboxes(t *testing.T) {
	one := imaptest.Messages(today, mails(1)...)
	server := serve(t, map[string][]imaptest.Message{
		"INBOX": one, "Junk": one, "Sent": one, "Archive/Bounces": one, "Archive/Other": one, "Entwürfe & mehr": one,
	}, imaptest.Options{})
	for _, test := range []struct {
		path  string
		globs []string
		ids   string
		fails string
	}{
		{path: "", ids: "INBOX/1 Junk/1"},
		{path: "/inbox", ids: "1"},
		{path: "/Archive/Bounces", ids: "1"},
		{path: "/Entw%C3%BCrfe%20&%20mehr", ids: "1"},
		{path: "/Entwürfe & mehr", ids: "1"},
		{globs: []string{"Archive*"}, ids: "Archive/Bounces/1 Archive/Other/1"},
		{globs: []string{"Sent", "?NBOX", "S*"}, ids: "Sent/1 INBOX/1"},
		{path: "/Bounces", fails: `there is no mailbox "Bounces": there are "Archive/Bounces", "Archive/Other", "Entwürfe & mehr", "INBOX", "Junk", "Sent"`},
		{globs: []string{"INBOX", "Spam*"}, fails: `no mailbox matches "Spam*": there are "Archive/Bounces"`},
	} {
		t.Run(test.path+fmt.Sprint(test.globs), func(t *testing.T) {
			cfg := config(t, server, test.path)
			cfg.Mailboxes = test.globs
			src, err := Open(t.Context(), cfg)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Fatalf("error %v\nwant %s", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			msgs, errs := read(t, src)
			var ids []string
			for _, m := range msgs {
				ids = append(ids, m.ID)
			}
			if got := strings.Join(ids, " "); got != test.ids || len(errs) > 0 {
				t.Errorf("ids %q, errors %v; want %q", got, errs, test.ids)
			}
		})
	}
}

func TestSentHeaders(t *testing.T) {
	raws := mails(3)
	old := imaptest.Messages(today.AddDate(-1, 0, 0), raws...)
	server := serve(t, map[string][]imaptest.Message{"Sent": old}, imaptest.Options{})
	src := open(t, config(t, server, ""))
	sent, found, err := src.SentMailbox(t.Context())
	if sent != "Sent" || !found || err != nil {
		t.Fatalf("sent mailbox %q, %v, %v", sent, found, err)
	}
	n := 0
	for msg, err := range src.Headers(t.Context(), sent) {
		if err != nil {
			t.Fatal(err)
		}
		if text := string(msg.Raw); !strings.Contains(text, fmt.Sprintf("Message-ID: <%d@example.com>\r\n", n)) || strings.Contains(text, "X-Other") || strings.Contains(text, "text") {
			t.Errorf("header %q", msg.Raw)
		}
		n++
	}
	if n != len(raws) {
		t.Errorf("%d of %d", n, len(raws))
	}
}

func TestTruncated(t *testing.T) {
	raw := []byte("Subject: long\r\n\r\n" + strings.Repeat("x", 5000))
	exact := []byte("Subject: exact\r\n\r\n" + strings.Repeat("x", 1000-18))
	server := serve(t, map[string][]imaptest.Message{"INBOX": imaptest.Messages(today, raw, exact)}, imaptest.Options{})
	cfg := config(t, server, "/INBOX")
	cfg.MaxBytes = 1000
	msgs, errs := read(t, open(t, cfg))
	if len(errs) > 0 || len(msgs) != 2 {
		t.Fatal(msgs, errs)
	}
	if m := msgs[0]; !m.Truncated || m.Size != int64(len(raw)) || !bytes.Equal(m.Raw, raw[:1000]) {
		t.Errorf("truncated %v, size %d, %d bytes", m.Truncated, m.Size, len(m.Raw))
	}
	if m := msgs[1]; m.Truncated || m.Size != 1000 || len(m.Raw) != 1000 {
		t.Errorf("exact: truncated %v, size %d, %d bytes", m.Truncated, m.Size, len(m.Raw))
	}
}

// A connection that is cut anywhere, also inside a literal, is made anew and nothing is lost or doubled.
func TestResume(t *testing.T) {
	raws := mails(300)
	server := serve(t, map[string][]imaptest.Message{"INBOX": imaptest.Messages(today, raws...)}, imaptest.Options{})
	for _, after := range []int64{6000, 9000, 30_000, 100_000, 200_001} {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			proxy := imaptest.NewProxy(t, server.Addr, imaptest.Fault{After: after}, imaptest.Fault{After: after + 20_000}, imaptest.Fault{After: 70_000})
			cfg := config(t, server, "/INBOX")
			cfg.Addr = proxy.Addr
			msgs, errs := read(t, open(t, cfg))
			same(t, msgs, errs, raws)
			if n := proxy.Conns.Load(); n < 2 {
				t.Errorf("%d connections: the fault never came", n)
			}
		})
	}
}

// A server that falls silent ends the command, not the scan.
func TestStall(t *testing.T) {
	raws := mails(100)
	server := serve(t, map[string][]imaptest.Message{"INBOX": imaptest.Messages(today, raws...)}, imaptest.Options{})
	proxy := imaptest.NewProxy(t, server.Addr, imaptest.Fault{After: 40_000, Stall: true})
	cfg := config(t, server, "/INBOX")
	cfg.Addr, cfg.Timeout = proxy.Addr, 200*time.Millisecond
	msgs, errs := read(t, open(t, cfg))
	same(t, msgs, errs, raws)
	if n := proxy.Conns.Load(); n != 2 {
		t.Errorf("%d connections, want 2", n)
	}
}

// A server that is gone for good ends the source with an error that counts what is left.
func TestLost(t *testing.T) {
	raws := mails(300)
	server := serve(t, map[string][]imaptest.Message{"INBOX": imaptest.Messages(today, raws...)}, imaptest.Options{})
	var faults []imaptest.Fault
	for range 30 {
		faults = append(faults, imaptest.Fault{After: 1})
	}
	faults[0].After = 100_000
	proxy := imaptest.NewProxy(t, server.Addr, faults...)
	cfg := config(t, server, "/INBOX")
	cfg.Addr = proxy.Addr
	msgs, errs := read(t, open(t, cfg))
	if len(msgs) == 0 || len(errs) != 1 {
		t.Fatalf("%d messages, errors %v", len(msgs), errs)
	}
	var failed *mailbox.ReadError
	if !errors.As(errs[0], &failed) || failed.ID != "" || failed.Missed != len(raws)-len(msgs) {
		t.Errorf("%d messages, error %+v", len(msgs), failed)
	}
	want := fmt.Sprintf("%d of 300 messages of \"INBOX\" were not delivered (UIDs %d to 300)", 300-len(msgs), len(msgs)+1)
	if !strings.Contains(errs[0].Error(), want) || strings.Contains(errs[0].Error(), "\n") {
		t.Errorf("error %q\nwant %q", errs[0], want)
	}
	if n := proxy.Conns.Load(); n != 1+1+DefaultRetries {
		t.Errorf("%d connections", n)
	}
}

func TestStopAndCancel(t *testing.T) {
	server := serve(t, map[string][]imaptest.Message{"INBOX": imaptest.Messages(today, mails(50)...)}, imaptest.Options{})
	cfg := config(t, server, "/INBOX")
	cfg.Batch = 3
	src := open(t, cfg)
	for range src.Messages(t.Context()) {
		break
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n, last := 0, error(nil)
	for _, err := range src.Messages(ctx) {
		if last = err; n == 4 {
			cancel()
		}
		n++
	}
	if !errors.Is(last, context.Canceled) || n > 12 {
		t.Errorf("after %d: %v", n, last)
	}
	msgs, errs := read(t, src)
	same(t, msgs, errs, mails(50))
}

// Two walks at once get a connection each.
func TestWalkInWalk(t *testing.T) {
	box := imaptest.Messages(today, mails(5)...)
	server := serve(t, map[string][]imaptest.Message{"INBOX": box, "Sent": box}, imaptest.Options{})
	src := open(t, config(t, server, "/INBOX"))
	n := 0
	for _, err := range src.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		for _, err := range src.Headers(t.Context(), "Sent") {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
	}
	if n != 25 {
		t.Errorf("%d headers, want 25", n)
	}
}

func TestStartTLS(t *testing.T) {
	raws := mails(2)
	boxes := map[string][]imaptest.Message{"INBOX": imaptest.Messages(today, raws...)}
	secure := serve(t, boxes, imaptest.Options{StartTLS: true})
	cfg := config(t, secure, "/INBOX")
	cfg.TLS = StartTLS
	msgs, errs := read(t, open(t, cfg))
	same(t, msgs, errs, raws)

	plain := serve(t, boxes, imaptest.Options{PlainText: true})
	cfg.Addr = plain.Addr
	if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "offers no STARTTLS: use imaps://, or --insecure") {
		t.Errorf("without TLS: %v", err)
	}
	cfg.Insecure = true
	msgs, errs = read(t, open(t, cfg))
	same(t, msgs, errs, raws)
}

// What a user gets wrong is one line that says what to do and holds no password.
func TestOpenErrors(t *testing.T) {
	server := serve(t, nil, imaptest.Options{})
	plain := serve(t, nil, imaptest.Options{PlainText: true})
	stranger := serve(t, nil, imaptest.Options{})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for name, test := range map[string]struct {
		set  func(*Config)
		want string
	}{
		"wrong password": {func(c *Config) { c.Password = imaptest.Password("s3cret-typo") }, "login as alice@example.com refused by 127.0.0.1: check user name and password"},
		"no password":    {func(c *Config) { c.Password = nil }, "no password given: set NDRSCAN_PASSWORD or use --password-command"},
		"command fails": {func(c *Config) {
			c.Password = func(context.Context) (string, error) { return "", errors.New("exit status 1") }
		}, "getting the password: exit status 1"},
		"refused port":    {func(c *Config) { c.Addr = closed.Addr().String() }, "check the port, 993 for imaps://, 143 for imap://"},
		"unknown host":    {func(c *Config) { c.Addr = "nowhere.invalid:993"; c.Host = "nowhere.invalid" }, "nowhere.invalid"},
		"wrong name":      {func(c *Config) { c.Host = "mail.example.com" }, "the certificate is for localhost, 127.0.0.1, ::1, not for mail.example.com: use the name it was made for, or --insecure"},
		"unknown issuer":  {func(c *Config) { c.CAFile = stranger.CAFile }, "signed by an unknown authority: give that authority with --ca FILE, or --insecure"},
		"system issuers":  {func(c *Config) { c.CAFile = "" }, "signed by an unknown authority: give that authority with --ca FILE, or --insecure"},
		"no TLS there":    {func(c *Config) { c.Addr = plain.Addr }, "no TLS is spoken at"},
		"ca not found":    {func(c *Config) { c.CAFile = "no-such.pem" }, "reading the --ca file"},
		"ca without PEM":  {func(c *Config) { c.CAFile = "imapfetch_test.go" }, "holds no certificate in PEM form"},
		"mailbox missing": {func(c *Config) { c.Mailbox = "Bounces" }, `there is no mailbox "Bounces": there are "INBOX"`},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t, server, "/INBOX")
			test.set(&cfg)
			_, err := Open(t.Context(), cfg)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Fatalf("error %v\nwant %s", err, test.want)
			}
			if text := err.Error(); strings.ContainsAny(text, "\r\n") || strings.Contains(text, "s3cret") || strings.Contains(text, password) {
				t.Errorf("error %q", text)
			}
		})
	}
	cfg := config(t, server, "/INBOX")
	cfg.CAFile, cfg.Host, cfg.Insecure = "", "mail.example.com", true
	open(t, cfg)
}

func TestParseURL(t *testing.T) {
	for raw, want := range map[string]Config{
		"imaps://bob@imap.example.com":                        {Addr: "imap.example.com:993", Host: "imap.example.com", User: "bob"},
		"imaps://bob@imap.example.com/":                       {Addr: "imap.example.com:993", Host: "imap.example.com", User: "bob"},
		"imap://bob@imap.example.com:1143/INBOX":              {Addr: "imap.example.com:1143", Host: "imap.example.com", User: "bob", Mailbox: "INBOX", TLS: StartTLS},
		"imap://bob%40example.com@[::1]/A/B%20c":              {Addr: "[::1]:143", Host: "::1", User: "bob@example.com", Mailbox: "A/B c", TLS: StartTLS},
		"IMAPS://bob@example.com@imap.example.com/Entw%C3%BC": {Addr: "imap.example.com:993", Host: "imap.example.com", User: "bob@example.com", Mailbox: "Entwü"},
	} {
		got, err := ParseURL(raw)
		want.URL = raw
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %+v, %v", raw, got, err)
		}
	}
	for _, raw := range []string{
		"imaps://bob:s3cret@imap.example.com/INBOX", "imaps://bob:s3/cret@imap.example.com/INBOX", "imaps://bob:s3%ret@imap.example.com",
		"imaps://bob:s3cret@", "imaps:bob:s3cret@h", "imap://:s3cret@h/", "imaps://imap.example.com/INBOX", "imaps://bob@/INBOX",
		"pop3://bob@h/", "imaps://bob@h/IN?s3cret", "imaps://bob@h/IN#s3cret", "bob:s3cret@h", "imaps://bob:@h",
	} {
		if _, err := ParseURL(raw); err == nil || strings.Contains(err.Error(), "s3") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: error %v", raw, err)
		}
	}
}

// FuzzParseURL: an address that is accepted names host and user and holds no password; an error is one line.
func FuzzParseURL(f *testing.F) {
	f.Add("imaps://bob@example.com@imap.example.com:993/INBOX")
	f.Add("imap://bob:pass@[::1]/A%2FB")
	f.Fuzz(func(t *testing.T, raw string) {
		cfg, err := ParseURL(raw)
		if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
			t.Errorf("error %q", err)
		}
		if err == nil && (cfg.Host == "" || cfg.User == "" || !strings.Contains(cfg.Addr, ":") || strings.Contains(cfg.Addr, "@")) {
			t.Errorf("%q: %+v", raw, cfg)
		}
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("A*c?", "Abbbcd")
	f.Add("**a*", "aaa")
	f.Fuzz(func(t *testing.T, glob, name string) {
		if !globMatch("*", name) || !globMatch(strings.Repeat("?", len([]rune(name))), name) || !globMatch("*"+string([]rune(name)), name) {
			t.Errorf("%q is not matched by a star, by as many question marks, or by itself behind a star", name)
		}
		globMatch(glob, name)
	})
}

// lab returns the messages of a flood, with the line ends of the Internet.
func lab(t *testing.T, flood string) (raws [][]byte) {
	t.Helper()
	dir := filepath.Join("..", "..", "shared", "corpus", "lab", flood, "eml")
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed under CI: %v", dir, err)
		}
		t.Skipf("%s is not there: put the shared data beside the repository", dir)
	}
	src, err := mailbox.Open(dir, mailbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for msg, err := range src.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, msg.Raw)
	}
	return raws
}
