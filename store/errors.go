package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// Error says what is wrong with a store, and what to do about it. The file is always as it was before.
type Error struct {
	Path string
	What string
	Do   string // the way out; "" where there is none to tell
	Err  error  // nil: What is all
}

func (e *Error) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("store %s: %s", e.Path, e.What)
	}
	return fmt.Sprintf("store %s: %s: %v", e.Path, e.What, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// resultCode is the primary result code of SQLite (sqlite.org/rescode.html), 0 for other errors.
func resultCode(err error) int {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return 0
	}
	if e.Code() == lib.SQLITE_IOERR_SHORT_READ {
		return lib.SQLITE_CORRUPT // the file ends early
	}
	return e.Code() & 0xff
}

// explain puts an error of SQLite into words.
func (s *Store) explain(doing string, err error) error {
	var known *Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e := &Error{Path: s.path, What: doing, Err: err}
	aside := "nothing in it was changed; to begin a new one, move it aside: mv " + word(s.path) + " " + word(s.path+".damaged")
	switch resultCode(err) {
	case lib.SQLITE_NOTADB:
		e.What, e.Do = "it is no store of ndrscan, or its beginning is damaged", aside+"; or name another file for --store"
	case lib.SQLITE_CORRUPT:
		e.What, e.Do = "it is damaged", aside+"; what can be saved: sqlite3 "+word(s.path+".damaged")+" .recover"
	case lib.SQLITE_FULL:
		e.What, e.Do = doing+": no room left on its disk", "the store is as it was before; make room, or give --keep or another place for --store, and run again"
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED:
		e.What, e.Do = fmt.Sprintf("%s: another process has kept it locked for %s", doing, busyTimeout), "wait for it to end, and run again"
	case lib.SQLITE_READONLY, lib.SQLITE_CANTOPEN, lib.SQLITE_PERM, lib.SQLITE_AUTH:
		e.What, e.Do = doing+": you may not write there", "the file and its folder must be writable: check their rights, or name another place for --store"
	case lib.SQLITE_IOERR:
		e.What, e.Do = doing+": its disk reports an error", "the store is as it was before; check the disk and its room, and run again"
	}
	return e
}

// word makes one word of a shell out of a path.
func word(path string) string {
	if strings.ContainsAny(path, " \t'\"\\$`&|;<>()*?[]~#!{}") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}
