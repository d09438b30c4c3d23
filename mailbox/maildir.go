package mailbox

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"iter"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Maildir (cr.yp.to/proto/maildir.html): one file a message, in new/ until a mail program has seen it, then in cur/
// with its flags behind ":2,". Nothing is moved or renamed here. The name up to ":2," is the message's ID: it stays the
// same while flags change, which is also how a file that was renamed during the walk is found again.

// maxRescans bounds how often the folder is listed anew for files that went away.
const maxRescans = 50

type maildir struct {
	path  string
	limit int64
	all   bool
}

// isMaildir: cur and new are enough, since copies and backups often lose the empty tmp.
func isMaildir(dir string) bool {
	for _, sub := range []string{"cur", "new"} {
		if info, err := os.Stat(filepath.Join(dir, sub)); err != nil || !info.IsDir() {
			return false
		}
	}
	return true
}

func (m *maildir) Name() string { return m.path }

func (m *maildir) Count(ctx context.Context) (int, bool) {
	entries, err := m.list()
	return len(entries), err == nil
}

// maildirEntry is one message: dir is its folder ("" or ".Sub"), base its unique name.
type maildirEntry struct{ dir, base, path string }

func (e maildirEntry) id() string { return path.Join(e.dir, e.base) }

func (m *maildir) Messages(ctx context.Context) iter.Seq2[Message, error] {
	return func(yield func(Message, error) bool) {
		entries, err := m.list()
		if err != nil {
			yield(Message{}, &ReadError{Source: m.path, Err: explain(err)})
			return
		}
		w := maildirWalk{maildir: m}
		for _, e := range entries {
			if ctx.Err() != nil {
				yield(Message{}, &ReadError{Source: m.path, Err: ctx.Err()})
				return
			}
			msg, err := w.read(ctx, e)
			if err != nil {
				err = &ReadError{Source: m.path, ID: e.id(), Err: err}
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

// list returns the messages in order of folder and unique name, which begins with the time of delivery.
func (m *maildir) list() ([]maildirEntry, error) {
	dirs := []string{""}
	if m.all {
		subs, err := filepath.Glob(filepath.Join(m.path, ".?*"))
		if err != nil {
			return nil, err
		}
		for _, sub := range subs {
			if isMaildir(sub) {
				dirs = append(dirs, filepath.Base(sub))
			}
		}
	}
	var entries []maildirEntry
	for _, dir := range dirs {
		for _, sub := range []string{"new", "cur"} {
			files, err := os.ReadDir(filepath.Join(m.path, dir, sub))
			if err != nil {
				return nil, err
			}
			for _, f := range files {
				if !f.Type().IsRegular() || hidden(f.Name()) {
					continue
				}
				base, _, _ := strings.Cut(f.Name(), ":2,")
				entries = append(entries, maildirEntry{dir, base, filepath.Join(m.path, dir, sub, f.Name())})
			}
		}
	}
	slices.SortStableFunc(entries, func(a, b maildirEntry) int {
		return cmp.Or(cmp.Compare(a.dir, b.dir), cmp.Compare(a.base, b.base))
	})
	// A message moved from new to cur between the two listings shows in both.
	return slices.CompactFunc(entries, func(a, b maildirEntry) bool { return a.id() == b.id() }), nil
}

// maildirWalk remembers where files that were renamed went.
type maildirWalk struct {
	*maildir
	moved   map[string]string
	rescans int
}

var errVanished = errors.New("went away during the scan (moved or deleted by another program): run the scan again to have it counted")

// read opens a message where the listing saw it, then where it may have gone.
func (w *maildirWalk) read(ctx context.Context, e maildirEntry) (Message, error) {
	in, err := os.Open(e.path)
	if errors.Is(err, fs.ErrNotExist) {
		in, err = w.find(e)
	}
	if err != nil {
		return Message{}, explain(err)
	}
	defer in.Close()
	r, err := newReader(in)
	if err != nil {
		return Message{}, err
	}
	if _, err := r.Peek(1); err != nil {
		return Message{}, ErrEmpty
	}
	msg, err := readSingle(ctx, r, w.limit)
	if err != nil {
		return Message{}, err
	}
	msg.Source, msg.ID = w.path, e.id()
	if received := deliveryTime(e.base); !received.IsZero() {
		msg.Received = received
	}
	return msg, nil
}

// find looks a vanished file up in the latest listing, and lists anew if that doesn't know it either.
func (w *maildirWalk) find(e maildirEntry) (*os.File, error) {
	if in, err := os.Open(w.moved[e.id()]); err == nil {
		return in, nil
	}
	if w.rescans == maxRescans {
		return nil, errVanished
	}
	w.rescans++
	entries, err := w.list()
	if err != nil {
		return nil, err
	}
	w.moved = make(map[string]string, len(entries))
	for _, entry := range entries {
		w.moved[entry.id()] = entry.path
	}
	in, err := os.Open(w.moved[e.id()])
	if errors.Is(err, fs.ErrNotExist) {
		return nil, errVanished
	}
	return in, err
}

// deliveryTime reads the seconds at the start of a Maildir name; zero if there are none that can be a time of mail.
func deliveryTime(base string) time.Time {
	digits, _, _ := strings.Cut(base, ".")
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || seconds < 1e8 || seconds > 1e11 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}
