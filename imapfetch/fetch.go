package imapfetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"ndrscan/mailbox"
)

// The commands on an opened mailbox: search, the survey of sizes and dates, and FETCH.

const (
	maxBatchBytes = 16 << 20   // planned size of one FETCH's answer
	maxRanges     = 300        // in a UID set: with 14 characters each well below the 8,000 octets of RFC 7162 section 4
	maxMessages   = 20_000_000 // in one mailbox: a range such as 1:4294967295 is a mistake, not a list
	headerBatch   = 2000       // messages a FETCH when only header fields are wanted
	maxHeader     = 64 << 10   // bytes of these fields in one message
	headerSize    = 500        // and what they have usually, for planning
)

// job is one mailbox and what is wanted of its messages.
type job struct {
	box          string
	since, until time.Time
	batch        int
	limit        int64 // bytes kept of each message
	sizes        bool  // survey before fetching
	section      imap.FetchItemBodySection
}

// plan is the messages asked for and what the survey said about them.
type plan struct {
	uids []imap.UID // ascending
	seen map[imap.UID]surveyed
}

type surveyed struct {
	size int64
	date time.Time
}

// errRenumbered ends a walk: UIDs no longer mean the same messages (RFC 9051 section 2.3.1.1).
var errRenumbered = errors.New("the server renumbered its messages during the scan (UIDVALIDITY changed): run the scan again")

// examine opens the mailbox read-only and checks that its UIDs are still those of the first time.
func (s *Source) examine(ctx context.Context, sess *session, box string) error {
	if sess.box == box {
		return nil
	}
	var data *imap.SelectData
	err := sess.during(ctx, func() (err error) {
		data, err = sess.client.Select(box, &imap.SelectOptions{ReadOnly: true}).Wait()
		return err
	})
	if err != nil {
		return fmt.Errorf("opening mailbox %q: %w", box, s.oneLine(err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first, known := s.validity[box]
	if known && first != data.UIDValidity {
		return fmt.Errorf("mailbox %q: %w", box, errRenumbered)
	}
	s.validity[box] = data.UIDValidity
	sess.box = box
	return nil
}

// search asks for the UIDs of the window. SEARCH compares days without a zone (RFC 9051 section 6.4.4), so a day is
// added at both ends; the survey narrows it down. QUIRK: iCloud answers SEARCH ALL with numbers that can't be fetched, so
// the key is always UID 1:*, which says the same.
func (s *Source) search(ctx context.Context, sess *session, j job) ([]imap.UID, error) {
	if err := s.examine(ctx, sess, j.box); err != nil {
		return nil, err
	}
	criteria := &imap.SearchCriteria{UID: []imap.UIDSet{{imap.UIDRange{Start: 1, Stop: 0}}}}
	if !j.since.IsZero() {
		criteria.Since = j.since.AddDate(0, 0, -1)
	}
	if !j.until.IsZero() {
		criteria.Before = j.until.AddDate(0, 0, 2)
	}
	var data *imap.SearchData
	err := sess.during(ctx, func() (err error) {
		data, err = sess.client.UIDSearch(criteria, nil).Wait()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("searching mailbox %q: %w", j.box, s.oneLine(err))
	}
	set, _ := data.All.(imap.UIDSet)
	return expand(set)
}

// expand lists the UIDs of a set.
func expand(set imap.UIDSet) ([]imap.UID, error) {
	total := uint64(0)
	for _, r := range set {
		if r.Start == 0 || r.Stop < r.Start {
			return nil, errors.New("the server's search names no definite messages")
		}
		total += uint64(r.Stop-r.Start) + 1
	}
	if total > maxMessages {
		return nil, fmt.Errorf("the server's search names %d messages, more than a mailbox holds: narrow it with --since", total)
	}
	uids := make([]imap.UID, 0, total)
	for _, r := range set {
		for n := uint64(r.Start); n <= uint64(r.Stop); n++ {
			uids = append(uids, imap.UID(n))
		}
	}
	return uids, nil
}

// survey makes the plan: the search's UIDs, less those that a date outside the window rules out. Where the server
// refuses to search, the survey of all messages takes its place.
func (s *Source) survey(ctx context.Context, sess *session, j job) (*plan, error) {
	p := &plan{seen: make(map[imap.UID]surveyed)}
	uids, err := s.search(ctx, sess, j)
	var refused *imap.Error
	searched := !errors.As(err, &refused)
	switch {
	case err != nil && (searched || sess.box != j.box): // the connection, or EXAMINE
		return nil, err
	case !searched:
		s.cfg.Log("%v: looking at every message instead", err)
		uids = []imap.UID{1, 0}
	case !j.sizes || len(uids) == 0:
		p.uids = uids
		return p, nil
	}
	set := imap.UIDSet{{Start: uids[0], Stop: uids[len(uids)-1]}}
	err = sess.fetch(ctx, set, &imap.FetchOptions{UID: true, InternalDate: true, RFC822Size: true}, 0, func(f fetched) {
		p.seen[f.uid] = surveyed{size: f.size, date: f.date}
	})
	if err != nil {
		return nil, fmt.Errorf("listing mailbox %q: %w", j.box, s.oneLine(err))
	}
	if !searched {
		uids = slices.Sorted(maps.Keys(p.seen))
	}
	p.uids = slices.DeleteFunc(uids, func(uid imap.UID) bool { return j.outside(p.seen[uid].date) })
	return p, nil
}

// outside reports whether a known date is not in the window.
func (j job) outside(date time.Time) bool {
	return !date.IsZero() && (!j.since.IsZero() && date.Before(j.since) || !j.until.IsZero() && !date.Before(j.until))
}

// fits says how many of the first uids one FETCH may ask for: at most n, and of bounded size on both ways.
func (p *plan) fits(j job, uids []imap.UID, n int) int {
	bytes, ranges := int64(0), 0
	for i, uid := range uids[:min(n, len(uids))] {
		size := min(p.seen[uid].size, j.limit)
		switch {
		case !j.sizes:
			size = headerSize
		case size == 0:
			size = j.limit
		}
		bytes += size
		if i == 0 || uid != uids[i-1]+1 {
			ranges++
		}
		if i > 0 && (bytes > maxBatchBytes || ranges > maxRanges) {
			return i
		}
	}
	return min(n, len(uids))
}

// fetched is what one answer to FETCH held.
type fetched struct {
	uid  imap.UID
	date time.Time
	size int64  // RFC822.SIZE
	raw  []byte // as long as announced, or limit
	body bool   // raw is there
}

// errCut is a literal shorter than announced.
var errCut = errors.New("the connection was cut in the middle of a message")

// readAnswer takes the items of an answer in whatever order they come. QUIRK: go-imap lets its decoder go on when a
// literal ends early; nothing more may be read from that answer then, since both would read the connection.
func readAnswer(data *imapclient.FetchMessageData, limit int64) (f fetched, err error) {
	for item := data.Next(); item != nil; item = data.Next() {
		switch item := item.(type) {
		case imapclient.FetchItemDataUID:
			f.uid = item.UID
		case imapclient.FetchItemDataInternalDate:
			f.date = item.Time.UTC()
		case imapclient.FetchItemDataRFC822Size:
			f.size = item.Size
		case imapclient.FetchItemDataBodySection:
			if item.Literal == nil { // NIL: the server has no such text
				continue
			}
			f.raw = make([]byte, min(item.Literal.Size(), limit))
			if _, err := io.ReadFull(item.Literal, f.raw); err != nil {
				return fetched{}, errCut
			}
			f.body = true
		}
	}
	return f, nil
}

// fetch runs one FETCH and hands every answer to keep, one at a time: those go-imap matched to the command and those it
// didn't, because the UID came after the literal, or another answer about that UID came first.
func (s *session) fetch(ctx context.Context, set imap.UIDSet, options *imap.FetchOptions, limit int64, keep func(fetched)) error {
	var mu sync.Mutex
	var strays sync.WaitGroup
	take := func(data *imapclient.FetchMessageData) error {
		f, err := readAnswer(data, limit)
		if err == nil {
			mu.Lock()
			keep(f)
			mu.Unlock()
		}
		return err
	}
	s.setStray(func(data *imapclient.FetchMessageData) { strays.Go(func() { take(data) }) })
	err := s.during(ctx, func() error {
		cmd := s.client.Fetch(set, options)
		for data := cmd.Next(); data != nil; data = cmd.Next() {
			if err := take(data); err != nil {
				return err // and let cmd be: see readAnswer
			}
		}
		return cmd.Close()
	})
	// A stray with a literal is under way before its literal is read, hence before the command completes. One that
	// begins later brings nothing and is turned away.
	s.setStray(nil)
	strays.Wait()
	return err
}

func (s *session) setStray(f func(*imapclient.FetchMessageData)) {
	s.mu.Lock()
	s.stray = f
	s.mu.Unlock()
}

// takeStray is go-imap's handler for answers it can't place; go-imap calls it in a goroutine of its own.
func (s *session) takeStray(data *imapclient.FetchMessageData) {
	s.mu.Lock()
	if s.stray != nil {
		s.stray(data)
		s.mu.Unlock()
		return
	}
	s.mu.Unlock()
	for data.Next() != nil {
	}
}

// result is what a walk yields.
type result struct {
	msg mailbox.Message
	err error
}

// walk fetches ahead in a goroutine, one batch at most, and yields.
func (s *Source) walk(parent context.Context, jobs []job) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		ctx, cancel := context.WithCancel(parent)
		out := make(chan []result)
		w := &walker{Source: s, ctx: ctx, out: out, several: s.several()}
		go func() {
			defer close(out)
			w.run(jobs)
		}()
		defer func() {
			cancel()
			for range out { // until the goroutine is gone
			}
		}()
		for batch := range out {
			for i, r := range batch {
				batch[i] = result{} // the receiver's now
				if !yield(r.msg, r.err) {
					return
				}
			}
		}
		if err := parent.Err(); err != nil {
			yield(mailbox.Message{}, s.fail("", err))
		}
	}
}

// several reports whether an ID needs its mailbox in front to be unique.
func (s *Source) several() bool { return len(s.cfg.Mailboxes) > 0 || s.cfg.Mailbox == "" }

// message makes the Message of an answer.
func (w *walker) message(j job, p *plan, f fetched) mailbox.Message {
	size := max(cmp.Or(f.size, p.seen[f.uid].size), int64(len(f.raw)))
	cut := int64(len(f.raw)) >= j.limit && size > int64(len(f.raw))
	if !cut {
		size = int64(len(f.raw)) // RFC822.SIZE is an estimate on Exchange
	}
	if f.date.IsZero() {
		f.date = p.seen[f.uid].date
	}
	return mailbox.Message{
		Source: w.cfg.URL, Mailbox: j.box, ID: w.id(j, f.uid), Received: f.date, Size: size, Truncated: cut, Raw: f.raw,
	}
}

func (w *walker) id(j job, uid imap.UID) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if w.several {
		id = j.box + "/" + id
	}
	return id
}
