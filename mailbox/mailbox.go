// Package mailbox hands out the raw messages of a source, one at a time: an mbox file, a Maildir, an .eml file, a
// folder of them, or standard input. mbox and .eml may be gzipped. Package imapfetch does the same for IMAP.
//
// In goes a path, out comes a walk over messages. The package knows nothing of bounces and changes no byte of a message
// but two: the '>' that an mbox writer put before a "From " line, and a byte order mark before the first line. What a
// file is, is decided by its content; names only decide whether a file that holds no mail is an error (it was called
// .eml) or just something else lying in the folder. Refused, each with the way out: UTF-16, bare-CR mboxes, Outlook's
// .msg and .pst, archives, and anything that doesn't begin like mail.
//
// Memory holds one message of at most Options.Limit bytes, whatever the size of the source.
package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"time"
)

// DefaultLimit is how many bytes of one message are kept when Options.Limit is zero.
const DefaultLimit = 32 << 20

// Message is one raw message of a source. Raw belongs to the receiver and is never reused.
type Message struct {
	Source    string    // the source as the user named it, never with a password
	Mailbox   string    // IMAP mailbox; "" for files
	ID        string    // UID; byte offset of the From_ line in an mbox; path below the source, slash separated
	Received  time.Time // IMAP INTERNALDATE, date of the From_ line (read as UTC), time in a Maildir name; else zero
	Size      int64     // full size in bytes as announced or read; of a cut gzipped .eml, at least this
	Truncated bool      // Raw holds only the first part (Options.Limit, or a source that ended early)
	Raw       []byte
}

// Source yields each message once. A message that can't be read comes as a *ReadError with its ID, and the walk goes
// on; an error with an empty ID, which also may be a context's, ends the source.
type Source interface {
	Name() string
	Messages(ctx context.Context) iter.Seq2[Message, error]
}

// Counter is a Source that knows cheaply how many messages to expect. The number is for a progress bar: it may be off.
type Counter interface {
	Count(ctx context.Context) (n int, ok bool)
}

// Skipper is a Source that passed over files which are not mail (a README, an index, a symbolic link). It answers for
// the latest walk: how many, and the path of the first.
type Skipper interface {
	Skipped() (n int, first string)
}

// ErrEmpty is the error of a file without a byte in it; an mbox from which all mail was taken looks like that.
var ErrEmpty = errors.New("the file is empty: nothing to read")

// ReadError says which message of which source can't be read, what is wrong, and what to do.
type ReadError struct {
	Source string
	ID     string // "" when the whole source ends here
	Missed int    // with an empty ID: how many messages are known to be left unread; 0: unknown
	Err    error
}

func (e *ReadError) Error() string {
	if e.ID == "" {
		return e.Source + ": " + e.Err.Error()
	}
	return fmt.Sprintf("%s: message %s: %v", e.Source, e.ID, e.Err)
}

func (e *ReadError) Unwrap() error { return e.Err }

// Options change how Open reads. The zero value works.
type Options struct {
	Stdin io.Reader // what "-" reads; nil: os.Stdin
	Limit int64     // bytes kept of one message, the rest is skipped and Truncated set; 0: DefaultLimit
	All   bool      // of a Maildir, its Maildir++ subfolders too
}

func (o Options) limit() int64 {
	if o.Limit <= 0 {
		return DefaultLimit
	}
	return o.Limit
}

// Open looks at what stands at path and returns its Source: a Maildir, a folder of messages, an mbox or a single
// message; "-" is standard input. What can be seen to be wrong beforehand is an error here: no such file, no right to
// read it, not mail. Pipes are looked at only when read, and can be read once.
func Open(path string, opts Options) (Source, error) {
	if path == "-" {
		in := opts.Stdin
		if in == nil {
			in = os.Stdin
		}
		return &stream{name: "-", in: in, limit: opts.limit()}, nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, &ReadError{Source: path, Err: explain(err)}
	}
	switch {
	case info.IsDir() && isMaildir(path):
		return &maildir{path: path, limit: opts.limit(), all: opts.All}, nil
	case info.IsDir():
		return &folder{path: path, limit: opts.limit()}, nil
	}
	src := &file{path: path, limit: opts.limit()}
	if !info.Mode().IsRegular() {
		return src, nil
	}
	if err := src.check(); err != nil && !errors.Is(err, ErrEmpty) {
		return nil, err
	}
	return src, nil
}

// explain turns the system's errors about a path into what to do about them.
func explain(err error) error {
	var pathErr *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: check the path", fs.ErrNotExist)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: run as a user who may read it", fs.ErrPermission)
	case errors.As(err, &pathErr):
		return fmt.Errorf("%s: %w", pathErr.Op, pathErr.Err)
	}
	return err
}

// file is a single file: an mbox or one message.
type file struct {
	path  string
	limit int64
}

func (f *file) Name() string { return f.path }

// check opens the file, looks at its head and closes it again.
func (f *file) check() error {
	in, err := os.Open(f.path)
	if err != nil {
		return &ReadError{Source: f.path, Err: explain(err)}
	}
	defer in.Close()
	r, err := newReader(in)
	if err == nil {
		_, err = r.sniff(f.path)
	}
	if err != nil {
		return &ReadError{Source: f.path, Err: err}
	}
	return nil
}

// Messages opens the file anew for each walk.
func (f *file) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		in, err := os.Open(f.path)
		if err != nil {
			yield(Message{}, &ReadError{Source: f.path, Err: explain(err)})
			return
		}
		defer in.Close()
		s := stream{name: f.path, id: filepath.Base(f.path), in: in, limit: f.limit}
		s.Messages(ctx)(yield)
	}
}

// stream is an mbox or one message read from anywhere, once.
type stream struct {
	name  string
	id    string // of a single message; "" means its offset, 0
	in    io.Reader
	limit int64
}

func (s *stream) Name() string { return s.name }

func (s *stream) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		r, err := newReader(s.in)
		var kind format
		if err == nil {
			kind, err = r.sniff(s.name)
		}
		switch {
		case err != nil:
			yield(Message{}, &ReadError{Source: s.name, Err: err})
		case kind == formatMbox:
			readMbox(ctx, r, s.name, s.limit)(yield)
		default:
			id := s.id
			if id == "" {
				id = "0"
			}
			msg, err := readSingle(ctx, r, s.limit)
			msg.Source, msg.ID = s.name, id
			if err != nil {
				err = &ReadError{Source: s.name, ID: id, Err: err}
			}
			yield(msg, err)
		}
	}
}
