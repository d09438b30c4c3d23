package imapfetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// One connection: dial, TLS, login, and the watch over its silence.

// dialTimeout bounds the TCP connection and the TLS handshake, each.
const dialTimeout = 30 * time.Second

// session is one logged-in connection.
type session struct {
	client *imapclient.Client
	conn   *watchedConn
	box    string // the mailbox opened with EXAMINE

	// Answers that go-imap can't assign to a FETCH (see fetch.go).
	mu    sync.Mutex
	stray func(*imapclient.FetchMessageData)
}

// watchedConn closes itself when, within a command, no byte has come for the timeout: go-imap has no such limit, and a
// server that says BYE and doesn't close would block for ever.
type watchedConn struct {
	net.Conn
	timeout time.Duration
	stuck   atomic.Bool

	mu    sync.Mutex
	timer *time.Timer
}

func (w *watchedConn) arm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.timer = time.AfterFunc(w.timeout, func() {
		w.stuck.Store(true)
		w.Conn.Close()
	})
}

func (w *watchedConn) disarm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}

func (w *watchedConn) Read(p []byte) (int, error) {
	n, err := w.Conn.Read(p)
	if n > 0 {
		w.mu.Lock()
		if w.timer != nil {
			w.timer.Reset(w.timeout)
		}
		w.mu.Unlock()
	}
	return n, err
}

// during runs one command under the watch; the context's end and silence close the connection, which ends the command.
func (s *session) during(ctx context.Context, command func() error) error {
	stop := context.AfterFunc(ctx, func() { s.conn.Conn.Close() })
	defer stop()
	s.conn.arm()
	defer s.conn.disarm()
	err := command()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil && s.conn.stuck.Load():
		return fmt.Errorf("the server has sent nothing for %v: try again later", s.conn.timeout)
	}
	return err
}

func (s *session) alive() bool {
	select {
	case <-s.client.Closed():
		return false
	default:
		return !s.conn.stuck.Load()
	}
}

// close drops the connection. No LOGOUT: nothing is pending, and a server that hangs must not hang us.
func (s *session) close() {
	s.conn.disarm()
	s.conn.Conn.Close()
}

// connect makes a connection and logs in.
func (s *Source) connect(ctx context.Context) (*session, error) {
	sess, err := s.dial(ctx)
	if err != nil {
		return nil, s.explainDial(err)
	}
	if err := s.login(ctx, sess); err != nil {
		sess.close()
		return nil, err
	}
	return sess, nil
}

// errNoTLS is the answer of a server without STARTTLS.
var errNoTLS = errors.New("the server offers no STARTTLS: use imaps://, or --insecure to send the password in clear")

// dial connects and protects the connection as the mode wants.
func (s *Source) dial(ctx context.Context) (*session, error) {
	config, err := s.tlsConfig()
	if err != nil {
		return nil, err
	}
	sess, err := s.dialMode(ctx, config, s.cfg.TLS == StartTLS)
	if errors.Is(err, errNoTLS) && s.cfg.Insecure {
		s.cfg.Log("%s offers no STARTTLS: going on without TLS", s.cfg.Host)
		return s.dialMode(ctx, nil, false)
	}
	return sess, err
}

// dialMode connects with STARTTLS, with implicit TLS, or (config nil) without.
func (s *Source) dialMode(ctx context.Context, config *tls.Config, starttls bool) (*session, error) {
	dialer := net.Dialer{Timeout: dialTimeout}
	plain, err := dialer.DialContext(ctx, "tcp", s.cfg.Addr)
	if err != nil {
		return nil, err
	}
	sess := &session{conn: &watchedConn{Conn: plain, timeout: s.cfg.Timeout}}
	options := &imapclient.Options{
		TLSConfig:             config,
		DebugWriter:           s.cfg.wire,
		UnilateralDataHandler: &imapclient.UnilateralDataHandler{Fetch: sess.takeStray},
	}
	err = sess.during(ctx, func() error {
		var err error
		switch {
		case starttls:
			sess.client, err = imapclient.NewStartTLS(sess.conn, options)
			var refused *imap.Error
			if errors.As(err, &refused) {
				return errNoTLS
			}
			return err
		case config != nil:
			secure := tls.Client(sess.conn, config)
			handshake, cancel := context.WithTimeout(ctx, dialTimeout)
			defer cancel()
			if err := secure.HandshakeContext(handshake); err != nil {
				return err
			}
			sess.client = imapclient.New(secure, options)
		default:
			sess.client = imapclient.New(sess.conn, options)
		}
		return sess.client.WaitGreeting()
	})
	if err != nil {
		sess.close()
		return nil, err
	}
	return sess, nil
}

func (s *Source) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{ServerName: s.cfg.Host, InsecureSkipVerify: s.cfg.Insecure, MinVersion: tls.VersionTLS12}
	if s.cfg.CAFile == "" {
		return config, nil
	}
	pem, err := os.ReadFile(s.cfg.CAFile)
	if err != nil {
		return nil, fmt.Errorf("reading the --ca file: %w", err)
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the --ca file %s holds no certificate in PEM form", s.cfg.CAFile)
	}
	return config, nil
}

// login uses LOGIN, or AUTHENTICATE PLAIN (RFC 4616) where LOGIN is disabled.
func (s *Source) login(ctx context.Context, sess *session) error {
	err := sess.during(ctx, func() error {
		if sess.client.State() != imap.ConnStateNotAuthenticated {
			return nil // PREAUTH
		}
		caps := sess.client.Caps()
		switch {
		case !caps.Has(imap.CapLoginDisabled):
			return sess.client.Login(s.cfg.User, s.password).Wait()
		case caps.Has(imap.AuthCap(sasl.Plain)):
			return sess.client.Authenticate(sasl.NewPlainClient("", s.cfg.User, s.password))
		}
		return errNoPassword
	})
	if err != nil {
		return s.explainLogin(err)
	}
	return nil
}
