package store

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"os"
	"runtime"
)

// applicationID marks the file as ours ("ndrs" in ASCII), in the header field that SQLite has for that
// (sqlite.org/fileformat2.html section 1.3). file(1) shows it.
const applicationID = 0x6e647273

// The layout's versions: 0001.sql makes version 1 of an empty file, 0002.sql version 2 of version 1, and so on. A file's
// version stands in its header (PRAGMA user_version). A script that has been released is never changed.
//
//go:embed migrations/*.sql
var scripts embed.FS

func migrations() []string {
	entries, err := scripts.ReadDir("migrations")
	if err != nil {
		panic(err) // embedded
	}
	list := make([]string, len(entries))
	for i, entry := range entries {
		if want := fmt.Sprintf("%04d.sql", i+1); entry.Name() != want {
			panic("migrations: " + entry.Name() + " should be " + want)
		}
		text, err := scripts.ReadFile("migrations/" + entry.Name())
		if err != nil {
			panic(err)
		}
		list[i] = string(text)
	}
	return list
}

// migrate finds out whether the file is ours and brings it to the newest version, in one transaction.
func (s *Store) migrate(ctx context.Context, scripts []string) error {
	version, err := s.version(ctx, len(scripts))
	if err != nil {
		return err
	}
	if err := s.tighten(); err != nil {
		return err
	}
	if version == len(scripts) {
		return nil
	}
	if version == 0 {
		// Counts only before the first table, and is written at once. Space of what is pruned goes back to the file system.
		if _, err := s.db.ExecContext(ctx, "PRAGMA auto_vacuum = INCREMENTAL"); err != nil {
			return s.explain("making it", err)
		}
	}
	return s.write(ctx, "bringing it to this version", func(conn *sql.Conn) error {
		if err := conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
			return err
		}
		for ; version < len(scripts); version++ { // unless another process was faster
			if _, err := conn.ExecContext(ctx, scripts[version]); err != nil {
				return fmt.Errorf("version %d: %w", version+1, err)
			}
		}
		_, err := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, version))
		return err
	})
}

// version reads the file's layout version, 0 for a file in which nothing is. It changes nothing.
func (s *Store) version(ctx context.Context, known int) (int, error) {
	h, err := s.head(ctx)
	switch {
	case err != nil:
		return 0, s.explain("opening it", err)
	case h == head{}:
		return 0, nil
	case h.id != applicationID:
		return 0, &Error{Path: s.path, What: "it is a database of another program, and was left as it is", Do: "name another file for --store"}
	case h.version > known:
		return 0, &Error{Path: s.path, What: fmt.Sprintf("it was written by a newer ndrscan (layout %d, this one knows up to %d), and was left as it is", h.version, known),
			Do: "use the newer ndrscan, or name another file for --store"}
	}
	return h.version, nil
}

// head is whose file it is, and how much of it there is.
type head struct{ id, version, tables int }

// head reads it as of one moment: another process may be making the file just now.
func (s *Store) head(ctx context.Context) (h head, err error) {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return h, err
	}
	defer tx.Rollback()
	// The first read takes the lock that holds the file as it is.
	if err := tx.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_schema").Scan(&h.tables); err != nil {
		return h, err
	}
	if err := tx.QueryRowContext(ctx, "PRAGMA application_id").Scan(&h.id); err != nil {
		return h, err
	}
	err = tx.QueryRowContext(ctx, "PRAGMA user_version").Scan(&h.version)
	return h, err
}

// tighten takes the rights of others away: the file holds other people's addresses. SQLite gives its journal the same mode.
func (s *Store) tighten() error {
	info, err := os.Stat(s.path)
	if err == nil && info.Mode().Perm()&0o077 != 0 && runtime.GOOS != "windows" {
		err = os.Chmod(s.path, info.Mode().Perm()&0o700)
	}
	if err != nil {
		return &Error{Path: s.path, What: "others may read it, and that can't be changed", Do: "chmod 600 " + word(s.path), Err: err}
	}
	return nil
}
