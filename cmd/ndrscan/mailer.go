package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/spf13/pflag"
)

// mailer takes a finished mail on its way, to those that its To names: sendmail, or a submission server.
type mailer interface {
	Send(ctx context.Context, mail []byte) error
}

// sendmail is the program of that name, which takes recipients from the letter.
type sendmail struct{ program, from string }

func (s sendmail) Send(ctx context.Context, mail []byte) error {
	cmd := exec.CommandContext(ctx, s.program, "-t", "-i", "-f", s.from)
	cmd.Stdin = bytes.NewReader(bytes.ReplaceAll(mail, []byte("\r\n"), []byte("\n")))
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &said
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w: %s", s.program, err, strings.TrimSpace(said.String()))
	}
	return nil
}

// submitting are the flags of a submission server (RFC 6409).
type submitting struct {
	smtp, auth string
}

// The ways to log in.
const (
	authPlain   = "plain"
	authXOAUTH2 = "xoauth2"
)

func (s *submitting) addFlags(f *pflag.FlagSet) {
	f.StringVar(&s.smtp, "smtp", "", "hand the mail to this submission `SERVER`: smtp://USER@HOST[:587] (STARTTLS) or smtps://USER@HOST[:465]; USER may hold an @; the password comes as for IMAP")
	f.StringVar(&s.auth, "smtp-auth", authPlain, "`HOW` to log in there: plain (a password), or xoauth2 (an access token in the password's place)")
}

func (s *submitting) check() error {
	if s.auth != authPlain && s.auth != authXOAUTH2 {
		return misused("--smtp-auth %s: there are %s and %s", s.auth, authPlain, authXOAUTH2)
	}
	if s.smtp == "" {
		return nil
	}
	_, err := parseSMTP(s.smtp)
	return err
}

// server is a parsed --smtp.
type server struct {
	user, host, port string
	implicit         bool // TLS from the first byte (RFC 8314 section 3.3); else STARTTLS (RFC 3207), without which nothing is sent
}

// parseSMTP reads [smtp://|smtps://][USER@]HOST[:PORT]. Port 465 means smtps.
func parseSMTP(text string) (server, error) {
	bad := func(why string) (server, error) {
		return server{}, misused("--smtp: %s; write smtp://USER@HOST:587 or smtps://USER@HOST:465", why)
	}
	scheme, rest, ok := strings.Cut(text, "://")
	if !ok {
		scheme, rest = "", text
	}
	scheme = strings.ToLower(scheme)
	s := server{implicit: scheme == "smtps"}
	if scheme != "" && scheme != "smtp" && scheme != "smtps" {
		return bad("it is no server of mail")
	}
	rest = strings.TrimSuffix(rest, "/")
	if at := strings.LastIndexByte(rest, '@'); at >= 0 {
		user, err := url.PathUnescape(rest[:at])
		if err != nil || strings.ContainsAny(user, "\r\n\x00") || user == "" {
			return bad("the user can't be read")
		}
		if strings.Contains(user, ":") {
			return bad("a password is never given there: it comes from a prompt, --password-command, NDRSCAN_PASSWORD or the keyring")
		}
		s.user, rest = user, rest[at+1:]
	}
	var err error
	if s.host, s.port, err = net.SplitHostPort(rest); err != nil {
		s.host, s.port = strings.Trim(rest, "[]"), "587"
		if s.implicit {
			s.port = "465"
		}
	}
	if s.host == "" || s.port == "" || strings.ContainsAny(s.host, "/ ?#") {
		return bad("the host can't be read")
	}
	s.implicit = s.implicit || scheme == "" && s.port == "465"
	return s, nil
}

// submission is a server that takes mail from its users.
type submission struct {
	server
	auth      string
	tls       *tls.Config
	passwords *passwords
	from      string
}

// newSubmission makes a mailer of the flags; ca and insecure are those of IMAP.
func (s *submitting) newSubmission(from, ca string, insecure bool, p *passwords) (*submission, error) {
	srv, err := parseSMTP(s.smtp)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{ServerName: srv.host, InsecureSkipVerify: insecure, MinVersion: tls.VersionTLS12}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return nil, fmt.Errorf("--ca: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("--ca %s holds no certificate", ca)
		}
	}
	return &submission{srv, s.auth, config, p, from}, nil
}

const (
	dialPatience = 30 * time.Second
	sendPatience = 5 * time.Minute // for the whole mail
)

func (s *submission) Send(ctx context.Context, mail []byte) error {
	to, err := recipientsOf(mail)
	if err != nil {
		return err
	}
	secret := ""
	if s.user != "" { // asked for before the server waits
		if secret, err = s.passwords.get(ctx, s.user, s.host); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, sendPatience)
	defer cancel()
	if err := s.send(ctx, secret, to, mail); err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return fmt.Errorf("%s: %w", net.JoinHostPort(s.host, s.port), err)
	}
	return nil
}

func (s *submission) send(ctx context.Context, secret string, to []string, mail []byte) error {
	client, err := s.dial(ctx)
	if err != nil {
		return err
	}
	defer client.Close()
	defer context.AfterFunc(ctx, func() { client.Close() })()
	if s.user != "" {
		if err := s.login(client, secret); err != nil {
			return err
		}
	}
	if err := client.SendMail(s.from, to, bytes.NewReader(mail)); err != nil {
		return said(err, "it does not take the mail", secret)
	}
	_ = client.Quit() // the mail is taken: what comes now changes nothing
	return nil
}

func (s *submission) dial(ctx context.Context) (*smtp.Client, error) {
	dialer := &net.Dialer{Timeout: dialPatience}
	address := net.JoinHostPort(s.host, s.port)
	if s.implicit {
		conn, err := (&tls.Dialer{NetDialer: dialer, Config: s.tls}).DialContext(ctx, "tcp", address)
		if err != nil {
			return nil, err
		}
		return smtp.NewClient(conn), nil
	}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	_ = conn.SetDeadline(time.Now().Add(dialPatience)) // of a server that says nothing; each later command sets its own
	client, err := smtp.NewClientStartTLS(conn, s.tls)
	if err == nil {
		err = client.Noop() // the handshake happens with the first command after STARTTLS, and not all of them tell its error
	}
	if err == nil {
		return client, nil
	}
	conn.Close()
	if strings.Contains(err.Error(), "doesn't support STARTTLS") {
		return nil, hint(errors.New("it offers no STARTTLS, and nothing is sent in the clear"), "a server that speaks TLS from the first byte: --smtp smtps://...")
	}
	return nil, err
}

func (s *submission) login(client *smtp.Client, secret string) error {
	mechanism, way := "PLAIN", sasl.NewPlainClient("", s.user, secret)
	if s.auth == authXOAUTH2 {
		mechanism, way = "XOAUTH2", &xoauth2{user: s.user, token: secret}
	}
	if !client.SupportsAuth(mechanism) {
		err := fmt.Errorf("it offers no login by %s", mechanism)
		if s.auth == authPlain {
			return hint(err, "Exchange Online takes tokens only: --smtp-auth xoauth2")
		}
		return err
	}
	if err := client.Auth(way); err != nil {
		return said(err, "login as "+s.user+" refused", secret)
	}
	return nil
}

// said is what the server refused, in its own words: without the secret, should it repeat it.
func said(err error, what, secret string) error {
	text := err.Error()
	var refused *smtp.SMTPError
	if errors.As(err, &refused) {
		text = fmt.Sprintf("%d %s", refused.Code, refused.Message)
	}
	if secret != "" {
		text = strings.ReplaceAll(text, secret, "***")
	}
	return fmt.Errorf("%s: %s", what, text)
}

// xoauth2 is the login with an access token as Google and Microsoft want it: an initial response, and an empty line to a
// challenge, which tells the error (developers.google.com/workspace/gmail/imap/xoauth2-protocol).
type xoauth2 struct{ user, token string }

func (x *xoauth2) Start() (mechanism string, response []byte, err error) {
	return "XOAUTH2", []byte("user=" + x.user + "\x01auth=Bearer " + x.token + "\x01\x01"), nil
}

func (x *xoauth2) Next([]byte) ([]byte, error) { return []byte{}, nil }

// recipientsOf reads the addresses that a mail of ours goes to.
func recipientsOf(raw []byte) ([]string, error) {
	m, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	list, err := m.Header.AddressList("To")
	if err != nil {
		return nil, err
	}
	var to []string
	for _, a := range list {
		to = append(to, a.Address)
	}
	return to, nil
}
