package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"ndrscan/classify"
)

// Run is a finished run.
type Run struct {
	At      time.Time
	Report  *classify.Report // its tables and samples are not kept: Findings have them
	Sources []Source         // those that were read
	Keep    time.Duration    // what arrived longer ago than this is deleted, and of this run not kept; 0: keep all
}

// Source is a source of a run, as its findings name it.
type Source struct {
	Name     string            // classify.Finding.Source
	Key      string            // the name under which it is kept, the same however it is called; "": Name
	Validity map[string]uint32 // UIDVALIDITY by mailbox (RFC 9051 section 2.3.1.1); nil for files
}

// Saved says what became of a run.
type Saved struct {
	Run     int64 // its number
	New     int   // messages not known before
	Again   int   // messages whose finding was replaced
	Pruned  int   // older messages that were deleted
	Outside int   // messages of this run that were too old to be kept
}

// Save keeps a run: all of it, or after an error nothing. Findings are read once, one at a time; the first error among them
// ends it.
func (s *Store) Save(ctx context.Context, run Run, findings iter.Seq2[classify.Finding, error]) (Saved, error) {
	w := &writer{ctx: ctx, run: run, sources: map[string]*sourceState{}, boxes: map[boxKey]*Position{}, copies: map[messageKey]int{}}
	if run.Keep > 0 {
		w.oldest = run.At.Add(-run.Keep).Unix()
	}
	err := s.write(ctx, "saving the run", func(conn *sql.Conn) error {
		if err := w.begin(conn); err != nil {
			return err
		}
		defer w.close()
		for f, err := range findings {
			if err != nil {
				return fmt.Errorf("reading the findings: %w", err)
			}
			if err := w.add(&f); err != nil {
				return err
			}
		}
		return w.end()
	})
	if err != nil {
		return Saved{}, err
	}
	if w.saved.Pruned > 0 {
		s.shrink(ctx)
	}
	return w.saved, nil
}

// shrink gives the space of deleted rows back to the file system. That it can't is no failure: the run is saved, the rows are
// overwritten, and later runs use their space.
func (s *Store) shrink(ctx context.Context) {
	rows, err := s.db.QueryContext(ctx, "PRAGMA incremental_vacuum")
	if err != nil {
		return
	}
	for rows.Next() { // one step a page
	}
	rows.Close()
}

// writer is one Save under way.
type writer struct {
	ctx    context.Context
	conn   *sql.Conn
	run    Run
	id     int64
	oldest int64 // Unix seconds; what arrived before is not kept
	saved  Saved

	insert, insertWhole, update, updateWhole, drop *sql.Stmt

	sources map[string]*sourceState // by name
	boxes   map[boxKey]*Position
	copies  map[messageKey]int // of messages that this run has seen twice: the next copy's number
}

// sourceState is a source, and the keys of its messages that could not be read in earlier runs.
type sourceState struct {
	id       int64
	validity map[string]uint32
	unread   map[string]bool
}

type boxKey struct {
	source  *sourceState
	mailbox string
}

type messageKey struct {
	source int64
	digest string
}

func (w *writer) begin(conn *sql.Conn) error {
	w.conn = conn
	report, err := encodeJSON(contextOf(w.run.Report))
	if err != nil {
		return err
	}
	row := conn.QueryRowContext(w.ctx, "INSERT INTO run (at, report) VALUES (?, ?) RETURNING id", w.run.At.Unix(), report)
	if err := row.Scan(&w.id); err != nil {
		return err
	}
	w.saved.Run = w.id
	for stmt, text := range map[**sql.Stmt]string{
		&w.insert: `INSERT INTO finding (source, digest, copy, run, arrived, account, brief)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING`,
		&w.update: `UPDATE finding SET run = ?4, arrived = iif(?8, arrived, ?5), account = ?6, brief = ?7
			WHERE source = ?1 AND digest = ?2 AND copy = ?3 AND run <> ?4`,
		&w.insertWhole: `INSERT INTO whole (id, finding) VALUES (?1, ?2)`,
		&w.updateWhole: `UPDATE whole SET finding = ?4 WHERE id = (SELECT id FROM finding WHERE source = ?1 AND digest = ?2 AND copy = ?3)`,
		&w.drop:        `DELETE FROM finding WHERE source = ?1 AND digest = ?2`,
	} {
		if *stmt, err = conn.PrepareContext(w.ctx, text); err != nil {
			return err
		}
	}
	for _, source := range w.run.Sources { // one without a message has been read, too
		if _, err := w.source(source.Name); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) close() {
	for _, stmt := range []*sql.Stmt{w.insert, w.insertWhole, w.update, w.updateWhole, w.drop} {
		stmt.Close()
	}
}

// contextOf is a report without what can be counted again from its findings.
func contextOf(r *classify.Report) classify.Report {
	c := *r
	c.Accounts, c.Impersonated, c.Origins, c.Witnesses, c.Campaigns = nil, nil, nil, nil, nil
	c.Timeline, c.Episodes, c.Actions, c.Samples = nil, nil, nil, nil
	return c
}

// add keeps one finding.
func (w *writer) add(f *classify.Finding) error {
	if err := w.ctx.Err(); err != nil {
		return err
	}
	source, err := w.source(f.Source)
	if err != nil {
		return err
	}
	arrived, guessed := w.arrival(f)
	w.note(source, f, arrived, guessed)
	if arrived < w.oldest {
		w.saved.Outside++
		return nil
	}
	whole, err := encodeWhole(*f)
	if err != nil {
		return fmt.Errorf("message %s: %w", f.ID, err)
	}
	digest := digestOf(f)
	if err := w.wasUnread(source, f, digest); err != nil {
		return err
	}
	return w.put(messageKey{source.id, string(digest)}, arrived, guessed, f, whole)
}

// put writes the rows of a message: new ones, or in the place of those of an earlier run.
func (w *writer) put(key messageKey, arrived int64, guessed bool, f *classify.Finding, whole string) error {
	brief := encodeBrief(f)
	for copy := w.copies[key]; ; copy++ {
		args := []any{key.source, []byte(key.digest), copy, w.id, arrived, f.Account, brief}
		id, n, err := w.exec(w.insert, args...)
		if err != nil {
			return err
		}
		if n > 0 {
			w.saved.New++
			_, _, err = w.exec(w.insertWhole, id, whole)
			return err
		}
		if _, n, err = w.exec(w.update, append(args, guessed)...); err != nil {
			return err
		}
		if n > 0 {
			w.saved.Again++
			_, _, err = w.exec(w.updateWhole, args[0], args[1], copy, whole)
			return err
		}
		w.copies[key] = copy + 1 // this run has written that one: here is another
	}
}

// exec runs a statement and gives the number of the row it made and how many it changed. A context that can be done would cost
// a goroutine for each; add asks it instead.
func (w *writer) exec(stmt *sql.Stmt, args ...any) (id int64, changed int64, err error) {
	result, err := stmt.ExecContext(context.WithoutCancel(w.ctx), args...)
	if err != nil {
		return 0, 0, err
	}
	if id, err = result.LastInsertId(); err == nil {
		changed, err = result.RowsAffected()
	}
	return id, changed, err
}

// source gives the row of a source, which is made if need be.
func (w *writer) source(name string) (*sourceState, error) {
	if known := w.sources[name]; known != nil {
		return known, nil
	}
	given := Source{Name: name}
	for _, source := range w.run.Sources {
		if source.Name == name {
			given = source
		}
	}
	if given.Key == "" {
		given.Key = given.Name
	}
	state := &sourceState{validity: given.Validity, unread: map[string]bool{}}
	row := w.conn.QueryRowContext(w.ctx, "INSERT INTO source (name) VALUES (?1) ON CONFLICT (name) DO UPDATE SET name = ?1 RETURNING id", given.Key)
	if err := row.Scan(&state.id); err != nil {
		return nil, err
	}
	for _, other := range w.sources {
		if other.id == state.id { // one source under two names, in one run
			w.sources[name] = other
			return other, nil
		}
	}
	rows, err := w.conn.QueryContext(w.ctx, "SELECT digest FROM finding WHERE source = ? AND length(digest) = 17", state.id)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var digest []byte
		if err := rows.Scan(&digest); err != nil {
			return nil, err
		}
		state.unread[string(digest)] = true
	}
	w.sources[name] = state
	return state, rows.Err()
}

// arrival is when the message reached the mailbox. Where that is unknown, or after the run, the run's own time counts; of a
// message that is known already, what was noted at first (guessed).
func (w *writer) arrival(f *classify.Finding) (unix int64, guessed bool) {
	if f.Received == nil || f.Received.After(w.run.At) {
		return w.run.At.Unix(), true
	}
	return f.Received.Unix(), false
}

// digestSize is how many bytes of a digest are kept. One more marks a message that could not be read: all that is known of it
// is where it lies.
const digestSize = 16

func digestOf(f *classify.Finding) []byte {
	if digest, err := hex.DecodeString(f.Digest); err == nil && len(digest) == digestSize {
		return digest
	}
	return placeOf(f)
}

func placeOf(f *classify.Finding) []byte {
	sum := sha256.Sum256([]byte(f.Mailbox + "\x00" + f.ID))
	return append([]byte{'?'}, sum[:digestSize]...)
}

// wasUnread deletes what an earlier run noted of a message that it could not read, and this one could.
func (w *writer) wasUnread(source *sourceState, f *classify.Finding, digest []byte) error {
	if len(source.unread) == 0 || len(digest) != digestSize {
		return nil
	}
	place := placeOf(f)
	if !source.unread[string(place)] {
		return nil
	}
	delete(source.unread, string(place))
	_, _, err := w.exec(w.drop, source.id, place)
	return err
}

// note counts a message for the position of its mailbox.
func (w *writer) note(source *sourceState, f *classify.Finding, arrived int64, guessed bool) {
	key := boxKey{source, f.Mailbox}
	p := w.boxes[key]
	if p == nil {
		p = &Position{Mailbox: f.Mailbox, UIDValidity: source.validity[f.Mailbox]}
		w.boxes[key] = p
	}
	p.Messages++
	if at := time.Unix(arrived, 0).UTC(); !guessed && at.After(p.Arrived) {
		p.Arrived = at
	}
	if p.UIDValidity != 0 {
		uid, _ := strconv.ParseUint(f.ID[strings.LastIndexByte(f.ID, '/')+1:], 10, 32)
		p.HighestUID = max(p.HighestUID, uint32(uid))
	}
}

// end writes the positions and deletes what is too old.
func (w *writer) end() error {
	for _, source := range w.sources {
		for mailbox, validity := range source.validity {
			if key := (boxKey{source, mailbox}); w.boxes[key] == nil { // nothing lay in it
				w.boxes[key] = &Position{Mailbox: mailbox, UIDValidity: validity}
			}
		}
	}
	for key, p := range w.boxes {
		// Numbers of another UIDVALIDITY mean nothing; a run over an earlier period doesn't take the position back.
		_, err := w.conn.ExecContext(w.ctx, `INSERT INTO position (source, mailbox, uidvalidity, highest_uid, arrived, messages, at)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO UPDATE SET
			highest_uid = iif(uidvalidity = ?3, max(highest_uid, ?4), ?4), uidvalidity = ?3,
			arrived = max(coalesce(arrived, ?5), coalesce(?5, arrived)), messages = ?6, at = ?7`,
			key.source.id, key.mailbox, p.UIDValidity, p.HighestUID, unixOrNull(p.Arrived), p.Messages, w.run.At.Unix())
		if err != nil {
			return err
		}
	}
	return w.prune()
}

func unixOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.Unix()
}

func (w *writer) prune() error {
	if w.run.Keep <= 0 {
		return nil
	}
	for _, table := range []string{"run", "letter"} {
		if _, err := w.conn.ExecContext(w.ctx, "DELETE FROM "+table+" WHERE at < ?", w.oldest); err != nil {
			return err
		}
	}
	result, err := w.conn.ExecContext(w.ctx, "DELETE FROM finding WHERE arrived < ?", w.oldest)
	if err != nil {
		return err
	}
	n, err := result.RowsAffected()
	w.saved.Pruned = int(n)
	return err
}
