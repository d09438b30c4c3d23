package store

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Forgotten says where an address occurred.
type Forgotten struct {
	Findings int    // messages
	Runs     int    // runs that named it: in their flags, say
	Sources  int    // sources and mailboxes called by it
	Mark     string // what stands there now instead of the local part; "" where whole messages were deleted
}

// Forget erases an address, wherever it occurs: as recipient, account, sender, login, in diagnostics, in names of sources and
// in what runs knew. With whole, messages in which it occurs are deleted whole; else its local part is replaced by a mark that
// says nothing about it, so that counts stay. Then the file is written anew, so that no unused part of it holds an old copy.
//
// Found are the spellings ann@example.com in any case, "ann"@example.com, and those of variable and rewritten return paths:
// ann=example.com, ann%example.com, ann%40example.com, example.com=ann. In a message where one occurs, the bare local part is
// replaced too in logins and free texts.
func (s *Store) Forget(ctx context.Context, address string, whole bool) (Forgotten, error) {
	n, err := newName(address)
	if err != nil {
		return Forgotten{}, err
	}
	e := &eraser{ctx: ctx, name: n, whole: whole}
	if err := s.write(ctx, "forgetting", e.erase); err != nil {
		return Forgotten{}, err
	}
	if !whole {
		e.found.Mark = n.mark
	}
	notice := time.AfterFunc(noticeAfter, s.waiting)
	defer notice.Stop()
	if _, err := s.db.ExecContext(ctx, "VACUUM"); err != nil {
		err = s.explain("writing it anew", err)
		var e *Error
		if errors.As(err, &e) {
			e.Do = "the address is gone from what can be read, but unused parts of the file may hold it still: " +
				"forget it again when no other process uses the store and its disk has room for a second copy"
		}
		return Forgotten{}, err
	}
	return e.found, nil
}

// eraser is one Forget under way.
type eraser struct {
	ctx   context.Context
	conn  *sql.Conn
	name  *name
	whole bool
	found Forgotten
}

func (e *eraser) erase(conn *sql.Conn) error {
	e.conn = conn
	var err error
	if e.found.Findings, err = e.table("finding", "id", []string{"account", "brief", "detail"}); err != nil {
		return err
	}
	named := *e
	named.whole = false // of these, only the name goes
	if e.found.Runs, err = named.table("run", "id", []string{"report"}); err != nil {
		return err
	}
	for _, column := range []struct{ table, name string }{{"source", "name"}, {"position", "mailbox"}} {
		n, err := named.column(column.table, column.name)
		if err != nil {
			return err
		}
		e.found.Sources += n
	}
	return nil
}

// eraseBatch is how many rows are in memory at a time.
const eraseBatch = 500

// table goes through a table by its id and changes the rows whose columns hold the address.
func (e *eraser) table(table, id string, columns []string) (changed int, err error) {
	query := "SELECT " + id + ", " + strings.Join(columns, ", ") + " FROM " + table +
		" WHERE " + id + " > ? ORDER BY " + id + " LIMIT " + strconv.Itoa(eraseBatch)
	for last := int64(-1); ; {
		rows, err := e.read(query, last, len(columns))
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, r := range rows {
			last = r.id
			hit, err := e.change(table, id, columns, r)
			if err != nil {
				return changed, err
			}
			if hit {
				changed++
			}
		}
	}
}

type textRow struct {
	id    int64
	texts []string
}

func (e *eraser) read(query string, after int64, columns int) ([]textRow, error) {
	rows, err := e.conn.QueryContext(e.ctx, query, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []textRow
	for rows.Next() {
		r := textRow{texts: make([]string, columns)}
		into := []any{&r.id}
		for i := range r.texts {
			into = append(into, &r.texts[i])
		}
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// change erases the address from one row.
func (e *eraser) change(table, id string, columns []string, r textRow) (bool, error) {
	holds := false
	for _, text := range r.texts {
		holds = holds || e.name.mayHold(text)
	}
	if !holds {
		return false, nil
	}
	fresh := make([]string, len(r.texts))
	hit := false
	for i, text := range r.texts {
		var err error
		if fresh[i], err = e.name.without(text, false); err != nil {
			return false, fmt.Errorf("%s %d: %w", table, r.id, err)
		}
		hit = hit || fresh[i] != text
	}
	if !hit {
		return false, nil
	}
	if e.whole {
		_, err := e.conn.ExecContext(e.ctx, "DELETE FROM "+table+" WHERE "+id+" = ?", r.id)
		return true, err
	}
	args := []any{}
	for _, text := range fresh {
		text, err := e.name.without(text, true)
		if err != nil {
			return false, err
		}
		args = append(args, text)
	}
	_, err := e.conn.ExecContext(e.ctx, "UPDATE "+table+" SET "+strings.Join(columns, " = ?, ")+" = ? WHERE "+id+" = ?", append(args, r.id)...)
	return true, err
}

// column replaces the address in the values of a small table's column.
func (e *eraser) column(table, column string) (changed int, err error) {
	rows, err := e.conn.QueryContext(e.ctx, "SELECT DISTINCT "+column+" FROM "+table)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	var values []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return 0, err
		}
		values = append(values, value)
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil {
		return 0, err
	}
	for _, value := range values {
		fresh := e.name.replace(value)
		if fresh == value {
			continue
		}
		if _, err := e.conn.ExecContext(e.ctx, "UPDATE "+table+" SET "+column+" = ? WHERE "+column+" = ?", fresh, value); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}

// name is an address to be forgotten.
type name struct {
	local, domain string // in lower case
	mark          string
	forms         []form
}

// form is one spelling of it: what stands before the local part, after it, and which letters before all that mean that it is
// the end of another, longer name.
type form struct {
	before, after string
	joins         string
}

func newName(address string) (*name, error) {
	at := strings.LastIndexByte(address, '@')
	n := &name{}
	if at > 0 {
		n.local, n.domain = lower(address[:at]), lower(address[at+1:])
	}
	if n.domain == "" || strings.ContainsAny(n.domain, " /\"\\@<>") || strings.ContainsFunc(address, unicode.IsControl) {
		return nil, fmt.Errorf("%q is no mail address: write one such as ann@example.com", address)
	}
	var random [4]byte
	rand.Read(random[:])
	n.mark = "forgotten-" + hex.EncodeToString(random[:])
	n.forms = []form{
		{"", "@" + n.domain, "._-+"},
		{"\"", "\"@" + n.domain, ""},
		{"", "=" + n.domain, "._"}, // VERP: list-return-12-ann=example.com@lists.example
		{"", "%" + n.domain, "._-+"},
		{"", "%40" + n.domain, "._-+"}, // in a URL
		{n.domain + "=", "", "._-"},    // SRS0: SRS0=HHH=TT=example.com=ann@forwarder.example
	}
	return n, nil
}

// lower changes ASCII letters only, so that a text keeps its length.
func lower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}

// mayHold tells cheaply that a row is worth a look: no spelling is without the domain.
func (n *name) mayHold(text string) bool { return strings.Contains(lower(text), n.domain) }

// without erases it from a text: JSON, or plain. With bare, the local part alone is erased too where a login or free text
// holds it.
func (n *name) without(text string, bare bool) (string, error) {
	if !strings.HasPrefix(text, "{") {
		return n.replace(text), nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return "", fmt.Errorf("the file is damaged: %w", err)
	}
	changed := false
	value = n.walk("", value, bare, &changed)
	if !changed {
		return text, nil
	}
	return encodeJSON(value)
}

// freeTexts are the fields in which the local part alone means the address, given that it occurs elsewhere in the message.
var freeTexts = map[string]bool{"auth_user": true, "diagnostic": true, "text": true, "subject": true, "problem": true}

func (n *name) walk(key string, value any, bare bool, changed *bool) any {
	switch v := value.(type) {
	case string:
		fresh := n.replace(v)
		if bare && freeTexts[key] {
			fresh = n.swap(fresh, n.local, 0, len(n.local), "._-+")
		}
		*changed = *changed || fresh != v
		return fresh
	case []any:
		for i := range v {
			v[i] = n.walk(key, v[i], bare, changed)
		}
	case map[string]any:
		fresh := make(map[string]any, len(v))
		for k, member := range v {
			name := n.replace(k)
			*changed = *changed || name != k
			fresh[name] = n.walk(k, member, bare, changed)
		}
		return fresh
	}
	return value
}

// replace puts the mark in the place of the local part, in every spelling.
func (n *name) replace(text string) string {
	if !n.mayHold(text) {
		return text
	}
	for _, f := range n.forms {
		text = n.swap(text, f.before+n.local+f.after, len(f.before), len(f.before)+len(n.local), f.joins)
	}
	return text
}

// swap replaces text[from:to] of every place where spelled stands as a word of its own.
func (n *name) swap(text, spelled string, from, to int, joins string) string {
	var out strings.Builder
	small := lower(text)
	done := 0
	for at := 0; ; {
		i := strings.Index(small[at:], spelled)
		if i < 0 {
			break
		}
		i += at
		at = i + 1
		if i < done || joined(text[:i], joins) || continued(text[i+len(spelled):]) {
			continue
		}
		out.WriteString(text[done : i+from])
		out.WriteString(n.mark)
		done = i + to
		at = done
	}
	return out.String() + text[done:]
}

// joined tells whether a name goes on to the left: joann@ is not ann@.
func joined(before, joins string) bool {
	r, _ := utf8.DecodeLastRuneInString(before)
	return before != "" && (letter(r) || strings.ContainsRune(joins, r))
}

// continued tells whether a name goes on to the right: @example.com.au is not @example.com, but "@example.com." ends a
// sentence.
func continued(after string) bool {
	if after == "" {
		return false
	}
	r, size := utf8.DecodeRuneInString(after)
	if r == '.' || r == '-' {
		next, _ := utf8.DecodeRuneInString(after[size:])
		return letter(next)
	}
	return letter(r) || r == '_'
}

func letter(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }
