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

// ErrAddress is the error of what can't be forgotten because it is no address.
var ErrAddress = errors.New("this is no mail address: write one such as ann@example.com")

// CheckAddress gives ErrAddress for what Forget would refuse.
func CheckAddress(address string) error {
	_, err := newName(address)
	return err
}

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
	if e.found.Findings, err = e.table("whole", "finding", e.finding); err != nil {
		return err
	}
	e.found.Runs, err = e.table("run", "report", func(id int64, text string) error {
		return e.exec("UPDATE run SET report = ? WHERE id = ?", text, id)
	})
	if err != nil {
		return err
	}
	for _, column := range []struct{ table, name string }{{"source", "name"}, {"position", "mailbox"}} {
		n, err := e.column(column.table, column.name)
		if err != nil {
			return err
		}
		e.found.Sources += n
	}
	return nil
}

// eraseBatch is how many rows are in memory at a time.
const eraseBatch = 500

// table goes through the texts of a table and hands those that hold the address to change, without it.
func (e *eraser) table(table, column string, change func(id int64, text string) error) (changed int, err error) {
	query := "SELECT id, " + column + " FROM " + table + " WHERE id > ? ORDER BY id LIMIT " + strconv.Itoa(eraseBatch)
	for last := int64(-1); ; {
		rows, err := e.read(query, last)
		if err != nil || len(rows) == 0 {
			return changed, err
		}
		for _, r := range rows {
			last = r.id
			fresh, err := e.name.without(r.text)
			if err != nil {
				return changed, fmt.Errorf("%s %d: %w", table, r.id, err)
			}
			if fresh == r.text {
				continue
			}
			if err := change(r.id, fresh); err != nil {
				return changed, err
			}
			changed++
		}
	}
}

type textRow struct {
	id   int64
	text string
}

func (e *eraser) read(query string, after int64) ([]textRow, error) {
	rows, err := e.conn.QueryContext(e.ctx, query, after)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []textRow
	for rows.Next() {
		var r textRow
		if err := rows.Scan(&r.id, &r.text); err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, rows.Err()
}

// finding deletes a finding, or replaces it and what is made from it.
func (e *eraser) finding(id int64, text string) error {
	if e.whole {
		return e.exec("DELETE FROM finding WHERE id = ?", id)
	}
	f, err := decodeWhole("", []byte(text))
	if err != nil {
		return err
	}
	if err := e.exec("UPDATE whole SET finding = ? WHERE id = ?", text, id); err != nil {
		return err
	}
	return e.exec("UPDATE finding SET account = ?, brief = ? WHERE id = ?", f.Account, encodeBrief(&f), id)
}

func (e *eraser) exec(query string, args ...any) error {
	_, err := e.conn.ExecContext(e.ctx, query, args...)
	return err
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
		if err := e.exec("UPDATE "+table+" SET "+column+" = ? WHERE "+column+" = ?", fresh, value); err != nil {
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
		return nil, fmt.Errorf("%q: %w", address, ErrAddress)
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

// mayHold tells cheaply that a text is worth a look: no spelling is without the domain.
func (n *name) mayHold(text string) bool { return strings.Contains(lower(text), n.domain) }

// without erases it from a JSON text; if it occurs, then in logins and free texts the local part alone is erased as well.
func (n *name) without(text string) (string, error) {
	if !n.mayHold(text) {
		return text, nil
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var value any
	if err := dec.Decode(&value); err != nil {
		return "", fmt.Errorf("the file is damaged: %w", err)
	}
	changed := false
	value = eachText(value, "", func(_, s string) string {
		fresh := n.replace(s)
		changed = changed || fresh != s
		return fresh
	})
	if !changed {
		return text, nil
	}
	return encodeJSON(eachText(value, "", n.replaceBare))
}

// eachText changes the strings in a JSON value, the names of members too; change is told the member's name.
func eachText(value any, key string, change func(key, text string) string) any {
	switch v := value.(type) {
	case string:
		return change(key, v)
	case []any:
		for i := range v {
			v[i] = eachText(v[i], key, change)
		}
	case map[string]any:
		fresh := make(map[string]any, len(v))
		for k, member := range v {
			fresh[change("", k)] = eachText(member, k, change)
		}
		return fresh
	}
	return value
}

// replaceBare puts the mark in the place of the bare local part where a field holds a login or free text.
func (n *name) replaceBare(key, text string) string {
	switch key {
	case "auth_user", "diagnostic", "text", "subject", "problem":
		return n.swap(text, n.local, 0, len(n.local), "._-+")
	}
	return text
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
