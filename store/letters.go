package store

import (
	"context"
	"database/sql"
	"time"
)

// Letter is a letter that was written about a network or to a site (ndrscan abuse).
type Letter struct {
	At       time.Time
	Site     bool   // to a site that bounced; else to a network that forged mail came from
	About    string // the site or network
	Messages int    // that it is about
	Sent     bool   // it was handed to a mail server
}

// AddLetters notes letters: all of them or, after an error, none.
func (s *Store) AddLetters(ctx context.Context, letters []Letter) error {
	return s.write(ctx, "noting the letters", func(conn *sql.Conn) error {
		for _, l := range letters {
			_, err := conn.ExecContext(ctx, "INSERT INTO letter (at, site, about, messages, sent) VALUES (?, ?, ?, ?, ?)",
				l.At.Unix(), l.Site, l.About, l.Messages, l.Sent)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Letters gives the letters written at or after from and before to, oldest first.
func (s *Store) Letters(ctx context.Context, from, to time.Time) ([]Letter, error) {
	list, err := s.letters(ctx, from, to)
	if err != nil {
		return nil, s.explain("reading the letters", err)
	}
	return list, nil
}

func (s *Store) letters(ctx context.Context, from, to time.Time) ([]Letter, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT at, site, about, messages, sent FROM letter WHERE at >= ? AND at < ? ORDER BY at, id", from.Unix(), to.Unix())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Letter
	for rows.Next() {
		var l Letter
		var at int64
		if err := rows.Scan(&at, &l.Site, &l.About, &l.Messages, &l.Sent); err != nil {
			return nil, err
		}
		l.At = time.Unix(at, 0).UTC()
		list = append(list, l)
	}
	return list, rows.Err()
}
