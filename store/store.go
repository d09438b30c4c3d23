// Package store remembers from one run to the next: one SQLite file with the findings of every message read, what each run
// knew beside them, and how far each mailbox was read. It is for comparing weeks and for going on where a run stopped; a scan
// never judges by it.
//
// In goes a finished run, by Save: all of it or nothing, in one transaction at its end. A process that is killed at any moment
// leaves the file as it was before the run. A second writer waits for the first. Out come, each in a stable order that does
// not depend on who wrote first:
//
//   - Findings: those of a period, by arrival, of all accounts or of one account or domain; Brief is enough to count them
//     (classify.Flood.Recount) and several times as fast.
//   - Runs: when, by which tool, which sources, what was left out, own hosts and domains with their policies, the verdict.
//   - Sources: which there are, and how far each mailbox was read.
//   - Letters: those that were written to networks and sites; they are noted by AddLetters.
//
// What counts as the same message: equal content (classify.Finding.Digest) in the same source. Reading it again, under
// another file name or UID, replaces its finding: the newest run wins. Equal messages that lie in one source twice count twice.
//
// The file is kept in SQLite's rollback journal mode: the single file is all there is between runs, and it works on network
// file systems, where write-ahead logging does not (sqlite.org/wal.html). Its mode is 0600. What is deleted is overwritten.
// A file that is not ours, damaged, or written by a later version is refused and left as it is.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Options change how Open works. The zero value opens a store that exists.
type Options struct {
	Create  bool   // make the file, and its folder, where there is none
	Waiting func() // told once when another process keeps us waiting for some seconds; nil: nobody
}

// Store is an open store. It is safe for concurrent use, but Save and Forget wait for every walk over Findings to end:
// don't call them from within one.
type Store struct {
	path    string
	created bool
	waiting func()
	db      *sql.DB
}

// busyTimeout is how long one process waits for another; noticeAfter, when the user is told.
const (
	busyTimeout = 5 * time.Minute
	noticeAfter = 2 * time.Second
)

// Open opens the store at path. Errors are of type *Error.
func Open(ctx context.Context, path string, opts Options) (*Store, error) {
	s := &Store{path: path, waiting: opts.Waiting}
	if s.waiting == nil {
		s.waiting = func() {}
	}
	if err := s.prepare(opts.Create); err != nil {
		return nil, err
	}
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		return nil, s.explain("opening it", err)
	}
	s.db = db
	if err := s.migrate(ctx, migrations()); err != nil {
		db.Close()
		return nil, err
	}
	return s, nil
}

// Path is the file's.
func (s *Store) Path() string { return s.path }

// Created tells whether Open made the file.
func (s *Store) Created() bool { return s.created }

// Close ends its use.
func (s *Store) Close() error { return s.db.Close() }

// making keeps others of this process from the file until create has closed it.
var making sync.Mutex

// prepare looks at the file without opening it: closing a file drops all locks that this process has on it (fcntl(2)). A new
// one is made here, for SQLite would give it the mode of the umask.
func (s *Store) prepare(create bool) error {
	making.Lock()
	defer making.Unlock()
	info, err := os.Stat(s.path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && create:
		return s.create()
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Path: s.path, What: "nothing has been kept there yet", Do: "scan --store " + word(s.path) + " begins one", Err: fs.ErrNotExist}
	case err != nil:
		return &Error{Path: s.path, What: "it can't be opened", Do: "check the path and its rights", Err: err}
	case !info.Mode().IsRegular():
		return &Error{Path: s.path, What: "it is no regular file", Do: "name a file for --store"}
	}
	return nil
}

func (s *Store) create() error {
	fail := func(err error) error {
		return &Error{Path: s.path, What: "it can't be made", Do: "name a place for --store that you may write to", Err: err}
	}
	if err := os.MkdirAll(filepath.Dir(s.path), 0o700); err != nil {
		return fail(err)
	}
	f, err := os.OpenFile(s.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil // another process was faster
	}
	if err != nil {
		return fail(err)
	}
	s.created = true
	return f.Close()
}

// dsn is how the driver wants to be told. Nothing in it writes to the file, which may not be ours.
func dsn(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive
	}
	query := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busyTimeout.Milliseconds()),
		"foreign_keys(1)", "secure_delete(1)", "trusted_schema(0)",
		"cache_size(-32768)", // KiB: a run of usual size is written without spilling, so readers are locked out shortly
	}}
	return (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String()
}

// write runs a change in one transaction that waits for other writers. If change fails, nothing has happened.
func (s *Store) write(ctx context.Context, doing string, change func(conn *sql.Conn) error) error {
	conn, err := s.db.Conn(ctx)
	if err != nil {
		return s.explain(doing, err)
	}
	defer conn.Close()
	notice := time.AfterFunc(noticeAfter, s.waiting)
	_, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	notice.Stop()
	if err != nil {
		return s.explain(doing, err)
	}
	if err = change(conn); err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		// The context may be done; SQLite has rolled back by itself after some errors, which makes this one fail.
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return s.explain(doing, err)
	}
	return nil
}
