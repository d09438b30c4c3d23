package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"time"

	"ndrscan/classify"
)

// Query selects findings. The zero value selects all.
type Query struct {
	From, To time.Time // arrived at or after From, before To; zero: no bound
	Account  string    // an address, or "@example.com" for all accounts of a domain; "": every account
	Source   string    // key of a source (Sources); "": every source
	Brief    bool      // only what counting needs (brief.go), ten times as fast: no sentences of reasons, steps, diagnostics, ...
}

// Finding is a finding that was kept.
type Finding struct {
	classify.Finding
	Arrived time.Time // Received; where that is unknown, the time of the run that first saw the message
	Key     string    // of its source
	Run     int64     // the run that judged it, which may be forgotten already
}

// Findings yields the findings of a period by arrival, those of one second by content: an order that is the same whoever wrote
// them first. They are as of one moment: a run that is saved meanwhile is not among them. An error ends the walk.
func (s *Store) Findings(ctx context.Context, q Query) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		for f, err := range inParallel(ctx, s.rows(ctx, q)) {
			if err != nil {
				err = s.explain("reading the findings", err)
			}
			if !yield(f, err) || err != nil {
				return
			}
		}
	}
}

// row is a finding as it is kept.
type row struct {
	arrived, run int64
	key          string
	brief        bool
	text         []byte // brief or whole
}

func (r *row) finding() (Finding, error) {
	f := Finding{Arrived: time.Unix(r.arrived, 0).UTC(), Key: r.key, Run: r.run}
	decode := decodeWhole
	if r.brief {
		decode = decodeBrief
	}
	var err error
	if f.Finding, err = decode(r.key, r.text); err != nil {
		err = fmt.Errorf("a finding of %s from %s can't be read: the file is damaged: %w", r.key, f.Arrived.Format(time.RFC3339), err)
	}
	return f, err
}

func (q Query) text() (string, []any) {
	text := "SELECT arrived, run, source, whole.finding FROM finding JOIN whole USING (id)"
	if q.Brief {
		text = "SELECT arrived, run, source, brief FROM finding"
	}
	var where []string
	var args []any
	and := func(condition string, arg any) {
		where = append(where, condition)
		args = append(args, arg)
	}
	if !q.From.IsZero() {
		and("arrived >= ?", q.From.Unix())
	}
	if !q.To.IsZero() {
		and("arrived < ?", q.To.Unix())
	}
	if domain, ok := strings.CutPrefix(strings.ToLower(q.Account), "@"); ok {
		and("substr(account, instr(account, '@') + 1) = ?", domain)
	} else if q.Account != "" {
		and("account = ?", strings.ToLower(q.Account))
	}
	if q.Source != "" {
		and("source = (SELECT id FROM source WHERE name = ?)", q.Source)
	}
	if len(where) > 0 {
		text += " WHERE " + strings.Join(where, " AND ")
	}
	return text + " ORDER BY arrived, digest, copy, (SELECT name FROM source s WHERE s.id = source)", args
}

func (s *Store) rows(ctx context.Context, q Query) iter.Seq2[row, error] {
	return func(yield func(row, error) bool) {
		names, err := s.names(ctx)
		if err != nil {
			yield(row{}, err)
			return
		}
		text, args := q.text()
		rows, err := s.db.QueryContext(ctx, text, args...)
		if err != nil {
			yield(row{}, err)
			return
		}
		defer rows.Close()
		for rows.Next() {
			r := row{brief: q.Brief}
			var source int64
			err := rows.Scan(&r.arrived, &r.run, &source, &r.text)
			r.key = names[source]
			if !yield(r, err) || err != nil {
				return
			}
		}
		if err := rows.Err(); err != nil {
			yield(row{}, err)
		}
	}
}

func (s *Store) names(ctx context.Context) (map[int64]string, error) {
	rows, err := s.db.QueryContext(ctx, "SELECT id, name FROM source")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	names := map[int64]string{}
	for rows.Next() {
		var id int64
		var name string
		if err := rows.Scan(&id, &name); err != nil {
			return nil, err
		}
		names[id] = name
	}
	return names, rows.Err()
}

// batchSize is how many rows go to a decoder at a time.
const batchSize = 256

// batch is rows on their way to be findings.
type batch struct {
	rows     []row
	findings []Finding
	err      error // of what comes after the findings
	done     chan struct{}
}

// inParallel decodes rows on all CPUs and keeps their order. At most two batches for each CPU are under way.
func inParallel(ctx context.Context, rows iter.Seq2[row, error]) iter.Seq2[Finding, error] {
	return func(yield func(Finding, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		queue := make(chan *batch, 2*runtime.GOMAXPROCS(0))
		go readBatches(ctx, rows, queue)
		for b := range queue {
			<-b.done
			for i := range b.findings {
				if !yield(b.findings[i], nil) {
					return
				}
			}
			if b.err != nil {
				yield(Finding{}, b.err)
				return
			}
		}
	}
}

// readBatches fills the queue until the rows or the context end.
func readBatches(ctx context.Context, rows iter.Seq2[row, error], queue chan<- *batch) {
	defer close(queue)
	b := &batch{done: make(chan struct{})}
	send := func() bool {
		full := b
		go full.decode()
		b = &batch{done: make(chan struct{})}
		select {
		case queue <- full:
			return true
		case <-ctx.Done():
			return false
		}
	}
	for r, err := range rows {
		if err != nil {
			b.err = err
			break
		}
		if b.rows = append(b.rows, r); len(b.rows) == batchSize && !send() {
			return
		}
	}
	send()
}

func (b *batch) decode() {
	defer close(b.done)
	b.findings = make([]Finding, 0, len(b.rows))
	for i := range b.rows {
		f, err := b.rows[i].finding()
		if err != nil {
			b.err = err
			return
		}
		b.findings = append(b.findings, f)
	}
}

// Past is a run that was saved.
type Past struct {
	ID     int64
	At     time.Time
	Report classify.Report // without tables (accounts, origins, ..., timeline, actions) and samples
}

// Runs gives the runs made at or after from and before to, oldest first; zero: no bound.
func (s *Store) Runs(ctx context.Context, from, to time.Time) ([]Past, error) {
	list, err := s.runs(ctx, from, to)
	if err != nil {
		return nil, s.explain("reading the runs", err)
	}
	return list, nil
}

func (s *Store) runs(ctx context.Context, from, to time.Time) ([]Past, error) {
	text, args := "SELECT id, at, report FROM run WHERE true", []any{}
	if !from.IsZero() {
		text, args = text+" AND at >= ?", append(args, from.Unix())
	}
	if !to.IsZero() {
		text, args = text+" AND at < ?", append(args, to.Unix())
	}
	rows, err := s.db.QueryContext(ctx, text+" ORDER BY at, id", args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Past
	for rows.Next() {
		var p Past
		var at int64
		var report []byte
		if err := rows.Scan(&p.ID, &at, &report); err != nil {
			return nil, err
		}
		p.At = time.Unix(at, 0).UTC()
		if err := json.Unmarshal(report, &p.Report); err != nil {
			return nil, fmt.Errorf("run %d: the file is damaged: %w", p.ID, err)
		}
		list = append(list, p)
	}
	return list, rows.Err()
}

// Known is a source in the store.
type Known struct {
	Key       string
	Positions []Position // by mailbox
}

// Position is how far a mailbox was read.
type Position struct {
	Mailbox     string    // "" for files
	UIDValidity uint32    // 0 for files
	HighestUID  uint32    // under that UIDVALIDITY
	Arrived     time.Time // the latest arrival; zero if unknown
	Messages    int       // in the latest run
	At          time.Time // of the latest run
}

// Sources gives the sources and their positions, by key.
func (s *Store) Sources(ctx context.Context) ([]Known, error) {
	list, err := s.sources(ctx)
	if err != nil {
		return nil, s.explain("reading the sources", err)
	}
	return list, nil
}

func (s *Store) sources(ctx context.Context) ([]Known, error) {
	rows, err := s.db.QueryContext(ctx, `SELECT name, mailbox, uidvalidity, highest_uid, arrived, messages, at
		FROM source LEFT JOIN position ON source = source.id ORDER BY name, mailbox`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []Known
	for rows.Next() {
		var name string
		var mailbox sql.NullString
		var validity, uid, arrived, messages, at sql.NullInt64
		if err := rows.Scan(&name, &mailbox, &validity, &uid, &arrived, &messages, &at); err != nil {
			return nil, err
		}
		if len(list) == 0 || list[len(list)-1].Key != name {
			list = append(list, Known{Key: name})
		}
		if !mailbox.Valid {
			continue
		}
		p := Position{Mailbox: mailbox.String, UIDValidity: uint32(validity.Int64), HighestUID: uint32(uid.Int64),
			Messages: int(messages.Int64), At: time.Unix(at.Int64, 0).UTC()}
		if arrived.Valid {
			p.Arrived = time.Unix(arrived.Int64, 0).UTC()
		}
		last := &list[len(list)-1]
		last.Positions = append(last.Positions, p)
	}
	return list, rows.Err()
}

// Check reads the whole file and gives the first damage it finds.
func (s *Store) Check(ctx context.Context) error {
	var first string
	if err := s.db.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&first); err != nil {
		return s.explain("checking it", err)
	}
	if first != "ok" {
		return &Error{Path: s.path, What: "it is damaged: " + first}
	}
	return nil
}
