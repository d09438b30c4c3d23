package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"ndrscan/classify"
)

// refused wants Open to refuse a file with these words, a way out, and not a byte of it changed.
func refused(t *testing.T, path string, words string) {
	t.Helper()
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(t.Context(), path, Options{Create: true})
	if err == nil {
		s.Close()
		t.Fatalf("it was opened; want an error with %q", words)
	}
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), words) || !strings.Contains(err.Error(), path) || e.Do == "" {
		t.Errorf("%v, %+v; want %q, its path and what to do", err, e, words)
	}
	after, err := os.ReadFile(path)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
	onlyFile(t, path)
}

// onlyFile wants nothing beside the file: no journal, no log.
func onlyFile(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the store lie %v (%v)", entries, err)
	}
}

// closed is the path of a store with n findings that nobody uses.
func closed(t *testing.T, n int) string {
	t.Helper()
	s := begin(t)
	save(t, s, runAt(day), some(0, n))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return s.Path()
}

// change writes to a file behind the store's back.
func change(t *testing.T, path string, at int64, with []byte) {
	t.Helper()
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt(with, at); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func execute(t *testing.T, path string, statements string) {
	t.Helper()
	db, err := sql.Open("sqlite", dsn(path))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statements); err != nil {
		t.Fatal(err)
	}
}

func TestRefused(t *testing.T) {
	t.Run("newer", func(t *testing.T) {
		path := closed(t, 10)
		execute(t, path, "PRAGMA user_version = 99")
		refused(t, path, "newer ndrscan")
	})
	t.Run("foreign database", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "bookmarks.db")
		execute(t, path, "CREATE TABLE bookmark (url TEXT); INSERT INTO bookmark VALUES ('http://example.com')")
		refused(t, path, "database of another program")
	})
	t.Run("foreign database in WAL mode", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "bookmarks.db")
		execute(t, path, "PRAGMA journal_mode = WAL; CREATE TABLE bookmark (url TEXT)")
		refused(t, path, "database of another program")
	})
	t.Run("text", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "flood.mbox")
		if err := os.WriteFile(path, []byte(strings.Repeat("From MAILER-DAEMON\n", 100)), 0o600); err != nil {
			t.Fatal(err)
		}
		refused(t, path, "no store of ndrscan")
	})
	t.Run("damaged header", func(t *testing.T) {
		path := closed(t, 10)
		change(t, path, 0, make([]byte, 16))
		refused(t, path, "damaged")
	})
	t.Run("folder", func(t *testing.T) {
		if _, err := Open(t.Context(), t.TempDir(), Options{Create: true}); err == nil || !strings.Contains(err.Error(), "no regular file") {
			t.Error(err)
		}
	})
	t.Run("not there", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "store.db")
		if _, err := Open(t.Context(), path, Options{}); !errors.Is(err, fs.ErrNotExist) {
			t.Error(err)
		}
		if _, err := os.Stat(path); err == nil {
			t.Error("it was made")
		}
	})
	t.Run("folder that can't be made", func(t *testing.T) {
		path := closed(t, 1)
		var e *Error
		if _, err := Open(t.Context(), filepath.Join(path, "store.db"), Options{Create: true}); !errors.As(err, &e) || e.Do == "" {
			t.Error(err)
		}
	})
}

// Damage in the middle is noticed by whoever comes upon it, who is told what to do; nothing is written.
func TestDamagedPage(t *testing.T) {
	path := closed(t, 3000)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	const page = 4096
	for at := int64(8 * page); at+page <= info.Size(); at += 2 * page {
		change(t, path, at, bytes.Repeat([]byte{0xa5}, page))
	}
	before, _ := os.ReadFile(path)
	s := reopen(t, path) // the first pages are whole
	told := func(doing string, err error) {
		t.Helper()
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), "damaged") || !strings.Contains(e.Do, "mv "+path) {
			t.Errorf("%s: %v", doing, err)
		}
	}
	for _, brief := range []bool{true, false} {
		var failed error
		for _, err := range s.Findings(t.Context(), Query{Brief: brief}) {
			failed = err
		}
		told("reading", failed)
	}
	_, err = s.Save(t.Context(), runAt(2*day), some(0, 3000))
	told("saving", err)
	_, err = s.Forget(t.Context(), "karen1@maplewood.example", false)
	told("forgetting", err)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(before, after) {
		t.Errorf("the file was changed (%v)", err)
	}
}

// A text that is no finding any more is damage, too: SQLite can't see it.
func TestDamagedFinding(t *testing.T) {
	path := closed(t, 600)
	execute(t, path, "UPDATE whole SET finding = 'x' WHERE id = 400; UPDATE finding SET brief = x'01ff' WHERE id = 400")
	s := reopen(t, path)
	for _, brief := range []bool{true, false} {
		n, last := 0, error(nil)
		for _, err := range s.Findings(t.Context(), Query{Brief: brief}) {
			if last = err; err == nil {
				n++
			}
		}
		if n != 399 || last == nil || !strings.Contains(last.Error(), "damaged") {
			t.Errorf("%d findings, then %v", n, last)
		}
	}
}

// A full disk fails the run, not what was there before.
func TestFull(t *testing.T) {
	s := begin(t)
	save(t, s, runAt(day), some(0, 100))
	want := asJSON(t, all(t, s, Query{}))
	s.db.SetMaxOpenConns(1) // the limit is of a connection
	if _, err := s.db.Exec("PRAGMA max_page_count = 100"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Save(t.Context(), runAt(2*day), some(0, 5000))
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), "no room left") || !strings.Contains(err.Error(), s.Path()) || e.Do == "" {
		t.Errorf("%v", err)
	}
	s.db.SetMaxOpenConns(0)
	if got := asJSON(t, all(t, s, Query{})); got != want {
		t.Error("the store was changed")
	}
	if runs, err := s.Runs(t.Context(), time.Time{}, time.Time{}); err != nil || len(runs) != 1 {
		t.Errorf("%d runs, %v", len(runs), err)
	}
}

// What fails or is interrupted half-way leaves nothing behind.
func TestAllOrNothing(t *testing.T) {
	s := begin(t)
	save(t, s, runAt(day), some(0, 100))
	want := asJSON(t, all(t, s, Query{}))
	broken := errors.New("the spool is gone")
	ctx, cancel := context.WithCancel(t.Context())
	for name, findings := range map[string]iter.Seq2[classify.Finding, error]{
		"findings fail": func(yield func(classify.Finding, error) bool) {
			for i := 50; i < 500 && yield(made(i), nil); i++ {
			}
			yield(classify.Finding{}, broken)
		},
		"interrupted": func(yield func(classify.Finding, error) bool) {
			for i := 50; i < 500 && yield(made(i), nil); i++ {
				if i == 400 {
					cancel()
				}
			}
		},
	} {
		run := ctx
		if name != "interrupted" {
			run = t.Context()
		}
		if _, err := s.Save(run, runAt(2*day), findings); !errors.Is(err, broken) && !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if got := asJSON(t, all(t, s, Query{})); got != want {
			t.Errorf("%s: the store was changed", name)
		}
	}
	save(t, s, runAt(2*day), some(0, 200)) // and it can be written again
}

func TestOnlyTheOwnerMayRead(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no such modes")
	}
	mode := func(path string) fs.FileMode {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	s := begin(t)
	journal := fs.FileMode(0)
	save(t, s, runAt(day), func(yield func(classify.Finding, error) bool) {
		for i := 0; i < 10 && yield(made(i), nil); i++ {
		}
		journal = mode(s.Path() + "-journal")
	})
	if got, folder := mode(s.Path()), mode(filepath.Dir(s.Path())); got != 0o600 || folder != 0o700 || journal != 0o600 {
		t.Errorf("file %v, journal %v, folder %v", got, journal, folder)
	}
	s.Close()
	onlyFile(t, s.Path())
	if err := os.Chmod(s.Path(), 0o644); err != nil {
		t.Fatal(err)
	}
	reopen(t, s.Path())
	if got := mode(s.Path()); got != 0o600 {
		t.Errorf("after another Open: %v", got)
	}
}

// A file whose making was cut off at any step is a new one.
func TestHalfMade(t *testing.T) {
	for _, done := range []string{"", "PRAGMA auto_vacuum = INCREMENTAL"} {
		path := filepath.Join(t.TempDir(), "store.db")
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if done != "" {
			execute(t, path, done)
		}
		save(t, reopen(t, path), runAt(day), some(0, 10))
	}
}

// Version 1, as it was released: testdata/v1.db is a file of that version and is never made again.
func TestVersion1(t *testing.T) {
	old, err := os.ReadFile("testdata/v1.db")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store.db")
	if err := os.WriteFile(path, old, 0o600); err != nil {
		t.Fatal(err)
	}
	s := reopen(t, path)
	var version int
	if err := s.db.QueryRow("PRAGMA user_version").Scan(&version); err != nil || version != len(migrations()) {
		t.Errorf("version %d, %v", version, err)
	}
	found := all(t, s, Query{})
	if len(found) != 20 {
		t.Fatalf("%d findings", len(found))
	}
	for i, f := range found {
		if want := made(i); asJSON(t, f.Finding) != asJSON(t, want) {
			t.Errorf("finding %d: %s\nwant %s", i, asJSON(t, f.Finding), asJSON(t, want))
		}
	}
	if brief := all(t, s, Query{Brief: true}); len(brief) != 20 || brief[3].Origin.IP != "203.0.113.3" {
		t.Errorf("%d brief ones", len(brief))
	}
	if got := save(t, s, runAt(2*day), some(0, 25)); got.New != 5 || got.Again != 20 {
		t.Errorf("%+v", got)
	}
}

// A later version's script is run once, in one transaction: if it fails, the file is of the version before.
func TestMigrate(t *testing.T) {
	path := closed(t, 10)
	s := reopen(t, path)
	later := append(migrations(), "ALTER TABLE run ADD COLUMN note TEXT NOT NULL DEFAULT ''")
	broken := append(later[:len(later):len(later)], "CREATE TABLE new (x); INSERT INTO nowhere VALUES (1)")
	if err := s.migrate(t.Context(), broken); err == nil {
		t.Fatal("a broken script ran")
	}
	if n := len(all(t, s, Query{})); n != 10 {
		t.Errorf("%d findings", n)
	}
	var count int
	if err := s.db.QueryRow("SELECT count(*) FROM pragma_table_info('run') WHERE name = 'note'").Scan(&count); err != nil || count != 0 {
		t.Errorf("half a migration stays: %d, %v", count, err)
	}
	for range 2 {
		if err := s.migrate(t.Context(), later); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.migrate(t.Context(), migrations()); err == nil || !strings.Contains(err.Error(), "newer") {
		t.Errorf("the older version opens it: %v", err)
	}
}

// Many open a new store at once, and all write.
func TestTogether(t *testing.T) {
	path := filepath.Join(t.TempDir(), "store.db")
	var group sync.WaitGroup
	for i := range 6 {
		group.Go(func() {
			s, err := Open(t.Context(), path, Options{Create: true})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			from := i / 2 * 100 // two of each
			if saved, err := s.Save(t.Context(), runAt(day), some(from, from+150)); err != nil || saved.New+saved.Again != 150 {
				t.Errorf("%+v, %v", saved, err)
			}
		})
	}
	group.Wait()
	s := reopen(t, path)
	found := all(t, s, Query{})
	if len(found) != 350 {
		t.Fatalf("%d findings", len(found))
	}
	for i, f := range found {
		if f.ID != fmt.Sprint(i*5000) {
			t.Fatalf("finding %d is %s", i, f.ID)
		}
	}
	var ok string
	if err := s.db.QueryRow("PRAGMA integrity_check").Scan(&ok); err != nil || ok != "ok" {
		t.Error(ok, err)
	}
}

// Whoever waits for another writer is told so, and can be interrupted.
func TestWaiting(t *testing.T) {
	path := closed(t, 1)
	first := reopen(t, path)
	told := make(chan struct{})
	second, err := Open(t.Context(), path, Options{Waiting: func() { close(told) }})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	save(t, first, runAt(day), func(yield func(classify.Finding, error) bool) {
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			<-told
			cancel()
		}()
		if _, err := second.Save(ctx, runAt(day), some(0, 1)); !errors.Is(err, context.Canceled) {
			t.Errorf("the second writer: %v", err)
		}
		yield(made(1), nil)
	})
}
