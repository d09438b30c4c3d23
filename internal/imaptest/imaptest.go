// Package imaptest runs IMAP servers on loopback, for tests and for the demo: go-imap's in-memory server (this file), a
// proxy that cuts or stalls connections (proxy.go), and a real Dovecot where one is installed (dovecot.go).
//
// The in-memory server speaks TLS with a certificate made at the start, for 127.0.0.1 and localhost; clients trust it
// through CAFile or CAPEM. It marks mailboxes called Sent and Junk by their special use (RFC 6154).
package imaptest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"slices"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"
	"github.com/emersion/go-imap/v2/imapserver/imapmemserver"
)

// TB is what is used of testing.TB, so that the demo doesn't link package testing.
type TB interface {
	Helper()
	Cleanup(func())
	TempDir() string
	Logf(format string, args ...any)
	Skipf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Message is what a mailbox is filled with.
type Message struct {
	Raw   []byte
	Date  time.Time // INTERNALDATE; zero: now
	Flags []imap.Flag
}

// Messages makes messages of raw bytes with one date.
func Messages(date time.Time, raws ...[]byte) []Message {
	msgs := make([]Message, len(raws))
	for i, raw := range raws {
		msgs[i] = Message{Raw: raw, Date: date}
	}
	return msgs
}

// Options change the server. The zero value is TLS from the first byte, silent.
type Options struct {
	StartTLS  bool      // plain at first, STARTTLS offered; a login needs it
	PlainText bool      // no TLS at all
	Wire      io.Writer // gets all that goes over the connections, in clear, passwords too
}

// Server is a running in-memory server.
type Server struct {
	Addr    string // 127.0.0.1:port
	CAPEM   []byte // the certificate to trust
	CAFile  string // the same in a file
	Fetches atomic.Int64

	server *imapserver.Server
	user   *imapmemserver.User
	boxes  []string
}

// capabilities are IMAP4rev1 with what Dovecot, Gmail and Exchange have, too.
var capabilities = imap.CapSet{imap.CapIMAP4rev1: {}, imap.CapListExtended: {}, imap.CapSpecialUse: {}, imap.CapLiteralPlus: {}, imap.CapESearch: {}}

// specialUse marks mailboxes by name.
var specialUse = map[string]imap.MailboxAttr{"Sent": imap.MailboxAttrSent, "Junk": imap.MailboxAttrJunk, "Trash": imap.MailboxAttrTrash}

// Start runs a server with one user and these mailboxes; INBOX is made if it isn't among them. Close ends it.
func Start(user, password string, boxes map[string][]Message, opts Options) (*Server, error) {
	s := &Server{user: imapmemserver.NewUser(user, password)}
	if err := s.fill(boxes); err != nil {
		return nil, err
	}
	cert, err := s.certificate()
	if err != nil {
		return nil, err
	}
	memory := imapmemserver.New()
	memory.AddUser(s.user)
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	options := &imapserver.Options{
		NewSession: func(*imapserver.Conn) (imapserver.Session, *imapserver.GreetingData, error) {
			return &session{Session: memory.NewSession(), server: s}, nil, nil
		},
		Caps:         capabilities,
		Logger:       log.New(io.Discard, "", 0),
		InsecureAuth: opts.PlainText,
		DebugWriter:  opts.Wire,
	}
	if opts.StartTLS {
		options.TLSConfig = config
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		os.Remove(s.CAFile)
		return nil, err
	}
	s.Addr = listener.Addr().String()
	if !opts.StartTLS && !opts.PlainText {
		listener = tls.NewListener(listener, config)
	}
	s.server = imapserver.New(options)
	go s.server.Serve(listener)
	return s, nil
}

// Serve is Start for a test: it ends with it.
func Serve(t TB, user, password string, boxes map[string][]Message, opts Options) *Server {
	t.Helper()
	s, err := Start(user, password, boxes, opts)
	if err != nil {
		t.Fatalf("starting the IMAP server: %v", err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// Close ends the server and its connections.
func (s *Server) Close() error {
	return errors.Join(s.server.Close(), os.Remove(s.CAFile))
}

// Append adds a message while the server runs.
func (s *Server) Append(box string, msg Message) error {
	literal := literal{bytes.NewReader(msg.Raw)}
	_, err := s.user.Append(box, literal, &imap.AppendOptions{Time: msg.Date, Flags: msg.Flags})
	return err
}

// literal makes a reader what Append wants.
type literal struct{ *bytes.Reader }

func (l literal) Size() int64 { return l.Reader.Size() }

func (s *Server) fill(boxes map[string][]Message) error {
	s.boxes = []string{"INBOX"}
	for name := range boxes {
		if name != "INBOX" {
			s.boxes = append(s.boxes, name)
		}
	}
	slices.Sort(s.boxes)
	for _, name := range s.boxes {
		if err := s.user.Create(name, nil); err != nil {
			return fmt.Errorf("creating mailbox %s: %w", name, err)
		}
		for _, msg := range boxes[name] {
			if err := s.Append(name, msg); err != nil {
				return fmt.Errorf("filling mailbox %s: %w", name, err)
			}
		}
	}
	return nil
}

// certificate makes the server's certificate and the CA file.
func (s *Server) certificate() (tls.Certificate, error) {
	certPEM, keyPEM, err := selfSigned()
	if err != nil {
		return tls.Certificate{}, err
	}
	cert, err := tls.X509KeyPair(certPEM, keyPEM)
	if err != nil {
		return tls.Certificate{}, err
	}
	file, err := os.CreateTemp("", "imaptest-*.pem")
	if err != nil {
		return tls.Certificate{}, err
	}
	_, err = file.Write(certPEM)
	s.CAPEM, s.CAFile = certPEM, file.Name()
	return cert, errors.Join(err, file.Close())
}

// session is a session of the memory server that marks special-use mailboxes and counts FETCH commands.
type session struct {
	imapserver.Session
	server *Server
}

func (s *session) Fetch(w *imapserver.FetchWriter, set imap.NumSet, options *imap.FetchOptions) error {
	s.server.Fetches.Add(1)
	return s.Session.Fetch(w, set, options)
}

// List stands in for the memory server's, which can't mark mailboxes.
func (s *session) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	if len(patterns) == 0 { // RFC 9051 section 6.3.9: asks for the separator
		return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: '/'})
	}
	for _, name := range s.server.boxes {
		if !slices.ContainsFunc(patterns, func(p string) bool { return imapserver.MatchList(name, '/', ref, p) }) {
			continue
		}
		data := imap.ListData{Mailbox: name, Delim: '/'}
		if attr, special := specialUse[name]; special {
			data.Attrs = append(data.Attrs, attr)
		} else if options.SelectSpecialUse {
			continue
		}
		if err := w.WriteList(&data); err != nil {
			return err
		}
	}
	return nil
}

// Password makes a password callback of a constant.
func Password(password string) func(context.Context) (string, error) {
	return func(context.Context) (string, error) { return password, nil }
}
