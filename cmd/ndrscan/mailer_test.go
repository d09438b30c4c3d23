package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// submissionServer takes mail on loopback from joe, whose password is s3cret, whose token t0ken.
type submissionServer struct {
	addr, ca   string
	mechanisms []string
	repeat     bool // a refusal repeats the password

	logins   []string // mechanisms that were tried
	from     string
	to       []string
	received []byte
}

func serveSubmission(t *testing.T, implicit, noTLS bool, mechanisms ...string) *submissionServer {
	t.Helper()
	web := httptest.NewTLSServer(nil) // for its certificate
	t.Cleanup(web.Close)
	s := &submissionServer{mechanisms: mechanisms, ca: filepath.Join(t.TempDir(), "ca.pem")}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw})
	if err := os.WriteFile(s.ca, cert, 0o600); err != nil {
		t.Fatal(err)
	}
	config := &tls.Config{Certificates: web.TLS.Certificates}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &submitted{s}, nil }))
	srv.Domain, srv.AllowInsecureAuth, srv.ErrorLog = "localhost", true, quietLog{}
	if !implicit && !noTLS {
		srv.TLSConfig = config
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	if implicit {
		l = tls.NewListener(l, config)
	}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	return s
}

type quietLog struct{}

func (quietLog) Printf(string, ...any) {}
func (quietLog) Println(...any)        {}

type submitted struct{ *submissionServer }

func (s *submitted) Reset()                   {}
func (s *submitted) Logout() error            { return nil }
func (s *submitted) AuthMechanisms() []string { return s.mechanisms }

func (s *submitted) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

func (s *submitted) Rcpt(to string, _ *smtp.RcptOptions) error {
	if strings.HasPrefix(to, "nobody@") {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	}
	s.to = append(s.to, to)
	return nil
}

func (s *submitted) Data(r io.Reader) (err error) {
	s.received, err = io.ReadAll(r)
	return err
}

func (s *submitted) Auth(mechanism string) (sasl.Server, error) {
	s.logins = append(s.logins, mechanism)
	if mechanism == "XOAUTH2" {
		return &tokenServer{}, nil
	}
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user == "joe@example.com" && password == "s3cret" {
			return nil
		}
		if s.repeat {
			return &smtp.SMTPError{Code: 535, Message: "wrong password " + password}
		}
		return smtp.ErrAuthFailed
	}), nil
}

// tokenServer is the server's side of XOAUTH2: a refusal is a challenge, an empty answer to it, and 535.
type tokenServer struct{ challenged bool }

func (t *tokenServer) Next(response []byte) ([]byte, bool, error) {
	switch {
	case t.challenged && len(response) == 0:
		return nil, false, smtp.ErrAuthFailed
	case string(response) == "user=joe@example.com\x01auth=Bearer t0ken\x01\x01":
		return nil, true, nil
	}
	t.challenged = true
	return []byte(`{"status":"401"}`), false, nil
}

const letter = "From: joe@example.com\r\nTo: ann@example.org, bob@example.net\r\nSubject: x\r\n\r\none\r\n.\r\n..two\r\n"

// Nothing is sent but over TLS, to a server that is who it says, and no secret shows in an error.
func TestSubmission(t *testing.T) {
	for _, tc := range []struct {
		name            string
		implicit, noTLS bool
		mechanisms      []string
		user, auth      string
		secret          string
		mail            string
		anyCA           bool // the certificate's authority is not named
		repeat          bool
		err             string // "": it arrives
		hint            string
		logins          []string
	}{
		{name: "STARTTLS, password", mechanisms: []string{"PLAIN"}, user: "joe%40example.com", auth: authPlain, secret: "s3cret", logins: []string{"PLAIN"}},
		{name: "user with a bare @", mechanisms: []string{"PLAIN"}, user: "joe@example.com", auth: authPlain, secret: "s3cret", logins: []string{"PLAIN"}},
		{name: "TLS, password", implicit: true, mechanisms: []string{"PLAIN", "XOAUTH2"}, user: "joe@example.com", auth: authPlain, secret: "s3cret", logins: []string{"PLAIN"}},
		{name: "token", mechanisms: []string{"XOAUTH2"}, user: "joe@example.com", auth: authXOAUTH2, secret: "t0ken", logins: []string{"XOAUTH2"}},
		{name: "TLS, token", implicit: true, mechanisms: []string{"PLAIN", "XOAUTH2"}, user: "joe@example.com", auth: authXOAUTH2, secret: "t0ken", logins: []string{"XOAUTH2"}},
		{name: "no login asked for", mechanisms: []string{"PLAIN"}},
		{name: "wrong password", mechanisms: []string{"PLAIN"}, user: "joe@example.com", auth: authPlain, secret: "gu3ss", err: "login as joe@example.com refused: 535", logins: []string{"PLAIN"}},
		{name: "refusal repeats it", mechanisms: []string{"PLAIN"}, user: "joe@example.com", auth: authPlain, secret: "gu3ss", repeat: true, err: "wrong password ***", logins: []string{"PLAIN"}},
		{name: "old token", mechanisms: []string{"XOAUTH2"}, user: "joe@example.com", auth: authXOAUTH2, secret: "gu3ss", err: "login as joe@example.com refused: 535", logins: []string{"XOAUTH2"}},
		{name: "no password login", mechanisms: []string{"XOAUTH2"}, user: "joe@example.com", auth: authPlain, secret: "s3cret", err: "offers no login by PLAIN", hint: "xoauth2"},
		{name: "no TLS", noTLS: true, mechanisms: []string{"PLAIN"}, user: "joe@example.com", auth: authPlain, secret: "s3cret", err: "offers no STARTTLS", hint: "smtps://"},
		{name: "unknown certificate", mechanisms: []string{"PLAIN"}, user: "joe@example.com", auth: authPlain, secret: "s3cret", anyCA: true, err: "certificate"},
		{name: "unknown certificate, TLS", implicit: true, mechanisms: []string{"PLAIN"}, user: "joe@example.com", auth: authPlain, secret: "s3cret", anyCA: true, err: "certificate"},
		{name: "recipient refused", mechanisms: []string{"PLAIN"}, user: "joe@example.com", auth: authPlain, secret: "s3cret",
			mail: "To: nobody@example.org\r\n\r\nx\r\n", err: "does not take the mail: 550 no such user", logins: []string{"PLAIN"}},
		{name: "nobody to send to", mail: "Subject: x\r\n\r\nx\r\n", err: "not in message"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			srv := serveSubmission(t, tc.implicit, tc.noTLS, tc.mechanisms...)
			srv.repeat = tc.repeat
			t.Setenv("NDRSCAN_PASSWORD", tc.secret)
			flags := submitting{smtp: "smtp://" + srv.addr, auth: tc.auth}
			if tc.user != "" {
				flags.smtp = "smtp://" + tc.user + "@" + srv.addr
			}
			if tc.implicit {
				flags.smtp = "smtps" + strings.TrimPrefix(flags.smtp, "smtp")
			}
			ca := srv.ca
			if tc.anyCA {
				ca = ""
			}
			m, err := flags.newSubmission("joe@example.com", ca, false, &passwords{app: &app{stdin: strings.NewReader(""), stderr: io.Discard}})
			if err != nil {
				t.Fatal(err)
			}
			mail := letter
			if tc.mail != "" {
				mail = tc.mail
			}
			err = m.Send(context.Background(), []byte(mail))
			if (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Fatalf("error %v, want %q", err, tc.err)
			}
			var h *hinted
			if tc.hint != "" && (!errors.As(err, &h) || !strings.Contains(h.hint, tc.hint)) {
				t.Errorf("hint %v, want %q", h, tc.hint)
			}
			if err != nil && tc.secret != "" && strings.Contains(err.Error(), tc.secret) {
				t.Errorf("the secret shows: %v", err)
			}
			if !slices.Equal(srv.logins, tc.logins) {
				t.Errorf("logins %q, want %q", srv.logins, tc.logins)
			}
			if tc.err != "" && srv.received != nil {
				t.Error("mail was sent all the same")
			}
			if tc.err == "" && (string(srv.received) != mail || srv.from != "joe@example.com" || !slices.Equal(srv.to, []string{"ann@example.org", "bob@example.net"})) {
				t.Errorf("from %q to %q:\n%q", srv.from, srv.to, srv.received)
			}
		})
	}
}

// A server that says nothing holds nobody up who wants to go.
func TestSubmissionInterrupted(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, scheme := range []string{"smtp://", "smtps://"} {
		m, err := (&submitting{smtp: scheme + l.Addr().String(), auth: authPlain}).newSubmission("joe@example.com", "", false, nil)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
		begin := time.Now()
		err = m.Send(ctx, []byte(letter))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
			t.Errorf("%s: %v after %s", scheme, err, time.Since(begin))
		}
	}
}

func TestParseSMTP(t *testing.T) {
	for text, want := range map[string]server{
		"mail.example.com":                      {host: "mail.example.com", port: "587"},
		"mail.example.com:465":                  {host: "mail.example.com", port: "465", implicit: true},
		"smtp://mail.example.com:465":           {host: "mail.example.com", port: "465"},
		"SMTPS://joe@mail.example.com":          {user: "joe", host: "mail.example.com", port: "465", implicit: true},
		"smtp://joe@example.com@mail.test:2525": {user: "joe@example.com", host: "mail.test", port: "2525"},
		"joe%40example.com@mail.test":           {user: "joe@example.com", host: "mail.test", port: "587"},
		"smtp://joe@[2001:db8::1]:587/":         {user: "joe", host: "2001:db8::1", port: "587"},
		"smtp://joe@[2001:db8::1]":              {user: "joe", host: "2001:db8::1", port: "587"},
	} {
		if got, err := parseSMTP(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"imaps://mail.example.com", "smtp://", "joe:s3cret@mail.example.com", "smtp://joe:s3cret@example.com@mail.test", "@mail.test",
		"smtp://joe%0d%0a@mail.test", "smtp://mail.test/path", "mail.test:"} {
		if got, err := parseSMTP(text); err == nil || exitCode(err) != exitUsage || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
}

// The weekly mail arrives as it was made.
func TestWeeklyBySMTP(t *testing.T) {
	srv := serveSubmission(t, false, false, "PLAIN")
	t.Setenv("NDRSCAN_PASSWORD", "s3cret")
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	file := filepath.Join(t.TempDir(), "week.eml")
	args := []string{"weekly", "--week", "2026-W39", "--mail-to", "boss@example.com"}
	var stdout, stderr bytes.Buffer
	send := append(slices.Clone(args), "--mail-from", "joe@example.com")
	if code := run(append(send, "--mail-file", file), nil, &stdout, &stderr); code != exitLeftOut {
		t.Fatalf("code %d: %s", code, stderr.String())
	}
	if code := run(append(args, "--smtp", "smtp://joe@example.com@"+srv.addr, "--ca", srv.ca), nil, &stdout, &stderr); code != exitLeftOut {
		t.Fatalf("code %d: %s", code, stderr.String())
	}
	want, err := os.ReadFile(file)
	if err != nil || stdout.Len() > 0 || !bytes.Equal(srv.received, want) || srv.from != "joe@example.com" || !slices.Equal(srv.to, []string{"boss@example.com"}) {
		t.Errorf("from %q to %q: %v, prints %q\n%s", srv.from, srv.to, err, stdout.String(), srv.received)
	}
}

// Letters of abuse go the same way; their recipients are those that the drafts name. The weekly report counts them.
func TestAbuseBySMTP(t *testing.T) {
	srv := serveSubmission(t, true, false, "PLAIN")
	t.Setenv("NDRSCAN_PASSWORD", "s3cret")
	t.Setenv("XDG_STATE_HOME", t.TempDir())
	findings, out := filepath.Join(t.TempDir(), "findings.jsonl"), filepath.Join(t.TempDir(), "letters")
	var stdout, stderr bytes.Buffer
	if code := run([]string{"demo", "--format", "jsonl"}, nil, &stdout, &stderr); code != exitDone {
		t.Fatal(stderr.String())
	}
	if err := os.WriteFile(findings, stdout.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	db := filepath.Join(t.TempDir(), "store.db")
	code := run([]string{"abuse", findings, "--store", db, "--out", out, "--from", "joe@example.com", "--send", "--smtp", "smtps://joe@example.com@" + srv.addr, "--ca", srv.ca},
		nil, &stdout, &stderr)
	if code != exitDone || !strings.Contains(stderr.String(), "8 letters were handed to the mail server") || len(srv.to) != 8 || srv.from != "joe@example.com" {
		t.Errorf("code %d, %d recipients: %s", code, len(srv.to), stderr.String())
	}
	for _, to := range srv.to {
		if !strings.HasPrefix(to, "postmaster@") {
			t.Errorf("sent to %s", to)
		}
	}
	year, week := time.Now().UTC().ISOWeek()
	stdout.Reset()
	run([]string{"weekly", "--store", db, "--week", fmt.Sprintf("%d-W%02d", year, week)}, nil, &stdout, &stderr)
	for _, row := range []string{"letters to networks +7\n", "letters to sites +8\n", "sent by ndrscan +8\n"} {
		if !regexp.MustCompile(row).MatchString(stdout.String()) {
			t.Errorf("the weekly report lacks %q:\n%s", row, stdout.String())
		}
	}
}
