// Package imapfetch hands out the raw messages of a mailbox on an IMAP server, as package mailbox does for files.
//
// The server's mailbox is left as it was: it is opened with EXAMINE and read with BODY.PEEK, so no flag changes. The
// way of a message:
//
//  1. Search (RFC 9051 section 6.4.4) for the messages of the window, then one FETCH of their sizes and dates. Both are
//     hints: a UID that the search names is asked for even if the second answer leaves it out.
//  2. FETCH in batches of up to 500 UIDs and 16 MiB, streamed. Messages are taken by what stands in an answer, not by
//     the order of its items: go-imap drops an answer whose UID comes after the literal, or after an unasked-for flag
//     update of the same message; here it is caught.
//  3. A whole batch is in memory before the first of its messages is handed out, and the next is fetched meanwhile. So a
//     consumer that waits for DNS never stalls the server in the middle of a literal, and memory holds two
//     batches: some 32 MiB.
//  4. What was asked for is compared with what came. A UID that is missing is asked for once more, then reported as a
//     *mailbox.ReadError. A literal shorter than announced is no message.
//  5. A cut or silent connection is made anew and the walk resumes behind the last message received. If several tries
//     bring nothing, one message is passed over and named, since a single odd one can kill a connection; if that
//     doesn't help either the source ends with an error that counts the UIDs not delivered.
//
// BODYSTRUCTURE and ENVELOPE are never asked for: one odd answer kills the connection without naming a message.
//
// The ID of a message is its UID if one mailbox was named, else "Mailbox/UID".
package imapfetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"

	"ndrscan/mailbox"
)

// Mode is how the connection is protected.
type Mode int

// The modes of a connection.
const (
	ImplicitTLS Mode = iota // imaps://, RFC 8314
	StartTLS                // imap://: STARTTLS, required unless Config.Insecure
)

// Defaults of a Config's zero fields.
const (
	DefaultWindow   = 30 * 24 * time.Hour // how far back is looked without Since and All
	DefaultBatch    = 500                 // messages a FETCH
	DefaultMaxBytes = 1 << 20             // bytes of one message
	DefaultTimeout  = 2 * time.Minute     // silence of the server within a command
	DefaultRetries  = 3                   // tries to go on after the connection was lost
)

// Config says what to read and how. ParseURL fills the first fields from an address; the rest may stay zero.
type Config struct {
	URL     string // the source as the user named it; "" composes one
	Addr    string // host:port
	Host    string // the name the certificate must hold
	User    string
	Mailbox string // the one named in the URL; "" for INBOX and Junk
	TLS     Mode

	Password func(ctx context.Context) (string, error) // asked once, by Open
	CAFile   string                                    // PEM file of certificates to trust instead of the system's
	Insecure bool                                      // accept any certificate, and with imap:// a connection without TLS

	Mailboxes    []string  // globs (* and ?) of mailboxes, instead of Mailbox and of INBOX and Junk
	Since, Until time.Time // window over INTERNALDATE: from Since, before Until; zero Since: DefaultWindow before Now
	All          bool      // no lower bound when Since is zero

	// MaxBytes is how much of one message is fetched. DKIM of a returned original needs the whole of it, and bounces
	// that return a large original are rare: hence 1 MiB. A longer message comes with Truncated set.
	MaxBytes int64
	Batch    int
	Timeout  time.Duration
	Retries  int // negative: none

	Now func() time.Time                 // nil: time.Now
	Log func(format string, args ...any) // what was retried and why; nil: nowhere

	wire    io.Writer     // tests: what goes over the connection, in clear
	backoff time.Duration // tests: first pause before a retry
}

func (c Config) withDefaults() Config {
	set(&c.Batch, DefaultBatch)
	set(&c.MaxBytes, DefaultMaxBytes)
	set(&c.Timeout, DefaultTimeout)
	set(&c.Retries, DefaultRetries)
	set(&c.backoff, time.Second)
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = func(string, ...any) {}
	}
	if c.Since.IsZero() && !c.All {
		c.Since = c.Now().Add(-DefaultWindow)
	}
	if c.Host == "" {
		c.Host, _, _ = net.SplitHostPort(c.Addr)
	}
	if c.URL == "" {
		u := url.URL{Scheme: "imaps", User: url.User(c.User), Host: c.Addr, Path: "/" + c.Mailbox}
		if c.TLS == StartTLS {
			u.Scheme = "imap"
		}
		c.URL = u.String()
	}
	return c
}

// set gives a field its default.
func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Source is an account on an IMAP server, logged in. It is safe for concurrent use: a walk that begins while another
// holds the connection makes one of its own.
type Source struct {
	cfg      Config
	password string
	boxes    []string // resolved by Open

	mu       sync.Mutex
	idle     *session
	validity map[string]uint32 // UIDVALIDITY of each mailbox when first opened
}

var (
	_ mailbox.Source  = (*Source)(nil)
	_ mailbox.Counter = (*Source)(nil)
)

// Open connects, logs in and finds the mailboxes to read, so that an unknown host, a certificate that doesn't match, a
// wrong password and a mailbox that isn't there are reported at once.
func Open(ctx context.Context, cfg Config) (*Source, error) {
	cfg = cfg.withDefaults()
	s := &Source{cfg: cfg, validity: make(map[string]uint32)}
	if cfg.Password == nil {
		return nil, s.fail("", errors.New("no password given: set NDRSCAN_PASSWORD or use --password-command"))
	}
	var err error
	if s.password, err = cfg.Password(ctx); err != nil {
		return nil, s.fail("", fmt.Errorf("getting the password: %w", err))
	}
	sess, err := s.take(ctx)
	if err != nil {
		return nil, s.fail("", err)
	}
	if s.boxes, err = s.resolve(ctx, sess); err != nil {
		sess.close()
		return nil, s.fail("", err)
	}
	s.put(sess)
	return s, nil
}

// Name is the address as the user wrote it.
func (s *Source) Name() string { return s.cfg.URL }

// Scanned lists the mailboxes that Messages reads.
func (s *Source) Scanned() []string { return slices.Clone(s.boxes) }

// Window is the stretch of INTERNALDATE that Messages reads; zero means no bound.
func (s *Source) Window() (since, until time.Time) { return s.cfg.Since, s.cfg.Until }

// Validity gives the UIDVALIDITY of each mailbox that was opened: a UID means the same message only while it stays as it is
// (RFC 9051 section 2.3.1.1).
func (s *Source) Validity() map[string]uint32 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.validity)
}

// Close ends the idle connection.
func (s *Source) Close() error {
	s.mu.Lock()
	sess := s.idle
	s.idle = nil
	s.mu.Unlock()
	if sess != nil {
		sess.close()
	}
	return nil
}

// Messages yields the messages of the window, mailbox by mailbox, by ascending UID (those asked for twice last).
func (s *Source) Messages(ctx context.Context) iter.Seq2[mailbox.Message, error] {
	jobs := make([]job, len(s.boxes))
	for i, box := range s.boxes {
		jobs[i] = job{
			box: box, since: s.cfg.Since, until: s.cfg.Until, batch: s.cfg.Batch, limit: s.cfg.MaxBytes,
			sizes: true, section: imap.FetchItemBodySection{Peek: true, Partial: &imap.SectionPartial{Size: s.cfg.MaxBytes}},
		}
	}
	return s.walk(ctx, jobs)
}

// headerFields are what the index of sent mail is made from.
var headerFields = []string{"Message-ID", "Date", "From", "To", "Cc", "Bcc", "Subject", "User-Agent", "X-Mailer"}

// Headers yields the messages of one mailbox, whatever their age, with header fields only: those an index of sent mail
// needs. Size is the length of these fields.
func (s *Source) Headers(ctx context.Context, box string) iter.Seq2[mailbox.Message, error] {
	return s.walk(ctx, []job{{
		box: box, batch: headerBatch, limit: maxHeader,
		section: imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader, HeaderFields: headerFields},
	}})
}

// Count asks the server's search how many messages lie in the window. It rounds to days, so it may be a few too many.
func (s *Source) Count(ctx context.Context) (n int, ok bool) {
	sess, err := s.take(ctx)
	if err != nil {
		return 0, false
	}
	for _, box := range s.boxes {
		uids, err := s.search(ctx, sess, job{box: box, since: s.cfg.Since, until: s.cfg.Until})
		if err != nil {
			sess.close()
			return 0, false
		}
		n += len(uids)
	}
	s.put(sess)
	return n, true
}

// take hands out the idle connection or makes one.
func (s *Source) take(ctx context.Context) (*session, error) {
	s.mu.Lock()
	sess := s.idle
	s.idle = nil
	s.mu.Unlock()
	if sess != nil && sess.alive() {
		return sess, nil
	}
	return s.connect(ctx)
}

// put keeps one connection for the next walk.
func (s *Source) put(sess *session) {
	s.mu.Lock()
	old := s.idle
	s.idle = sess
	s.mu.Unlock()
	if old != nil {
		old.close()
	}
}

func (s *Source) fail(id string, err error) *mailbox.ReadError {
	return &mailbox.ReadError{Source: s.cfg.URL, ID: id, Err: err}
}
