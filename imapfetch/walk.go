package imapfetch

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/emersion/go-imap/v2"

	"ndrscan/mailbox"
)

// Going on after failures: what was asked for is delivered, asked for again, or named.

// maxPassed is how many messages in a row are passed over, because each kills the connection, before the server is
// given up.
const maxPassed = 3

// walker runs the jobs of one walk and sends batches of results to out.
type walker struct {
	*Source
	ctx     context.Context
	out     chan<- []result
	sess    *session // nil: to be made
	several bool
}

// unreachable marks the failure to connect, as opposed to one on a connection.
type unreachable struct{ error }

func (u unreachable) Unwrap() error { return u.error }

func (w *walker) run(jobs []job) {
	for _, j := range jobs {
		if err := w.mailbox(j); err != nil {
			w.emit(result{err: err})
			if err.ID == "" {
				break
			}
		}
	}
	if w.sess != nil && w.sess.alive() && w.ctx.Err() == nil {
		w.put(w.sess)
	} else if w.sess != nil {
		w.sess.close()
	}
}

func (w *walker) emit(results ...result) {
	if len(results) == 0 {
		return
	}
	select {
	case w.out <- results:
	case <-w.ctx.Done():
	}
}

// mailbox does one job. The error with an ID is about this mailbox only.
func (w *walker) mailbox(j job) *mailbox.ReadError {
	var p *plan
	for try := 1; ; try++ {
		err := w.on(j, func() (err error) {
			p, err = w.survey(w.ctx, w.sess, j)
			return err
		})
		if err == nil {
			break
		}
		var refused *imap.Error
		if errors.As(err, &refused) && w.several && w.sess != nil { // such as a Junk one may not read
			return w.fail(j.box, err)
		}
		if errors.Is(err, errRenumbered) || errors.As(err, &refused) || try > w.cfg.Retries || !w.pause(try, err) {
			return w.fail("", err)
		}
	}
	missing, err := w.round(j, p, p.uids)
	if err == nil && len(missing) > 0 {
		missing, err = w.round(j, p, missing)
	}
	if err != nil {
		return err
	}
	for _, uid := range missing {
		w.emit(result{err: w.fail(w.id(j, uid), errors.New("the server lists this message but did not deliver it, asked twice: deleted meanwhile, or damaged on the server"))})
	}
	return nil
}

// on runs a command on the job's mailbox, connecting and opening it if need be, and forgets a connection that died.
func (w *walker) on(j job, command func() error) error {
	if w.sess == nil {
		sess, err := w.take(w.ctx)
		if err != nil {
			return unreachable{err}
		}
		w.sess = sess
	}
	err := w.examine(w.ctx, w.sess, j.box)
	if err == nil {
		err = command()
	}
	var refused *imap.Error
	if err != nil && (!errors.As(err, &refused) || !w.sess.alive()) {
		w.sess.close()
		w.sess = nil
	}
	return err
}

// round asks for uids batch by batch and returns those left out of answers that were otherwise in order.
//
// A batch that fails is asked for again from where it stopped. One that fails without bringing anything is asked for
// message by message, since a single message can be the cause; one that fails alone Config.Retries times is reported
// and passed over. The size doubles with each success until it is back to the usual.
func (w *walker) round(j job, p *plan, uids []imap.UID) (missing []imap.UID, failed *mailbox.ReadError) {
	size, fails, passed := j.batch, 0, 0
	for len(uids) > 0 {
		ask := uids[:p.fits(j, uids, size)]
		got, err := w.ask(j, ask)
		w.deliver(j, p, got)
		left := slices.DeleteFunc(slices.Clone(ask), func(uid imap.UID) bool { _, ok := got[uid]; return ok })
		uids = uids[len(ask):]
		switch {
		case w.ctx.Err() != nil:
			return nil, w.fail("", w.ctx.Err())
		case err == nil:
			missing = append(missing, left...)
			size, fails, passed = min(2*size, j.batch), 0, 0
			continue
		case errors.Is(err, errRenumbered):
			return nil, w.fail("", err)
		}
		uids = append(left, uids...)
		if len(got) > 0 {
			fails, passed = 0, 0
		} else {
			fails, size = fails+1, 1
		}
		if fails <= w.cfg.Retries {
			w.pause(max(fails, 1), err)
			continue
		}
		var dead unreachable
		if errors.As(err, &dead) || passed == maxPassed {
			return nil, w.lost(j, p, uids, err)
		}
		w.emit(result{err: w.fail(w.id(j, uids[0]), fmt.Errorf("the server does not deliver this message, tried %d times: %w", fails, w.oneLine(err)))})
		uids, fails, passed = uids[1:], 0, passed+1
	}
	return missing, nil
}

// ask is one FETCH. What came before an error is returned with it.
func (w *walker) ask(j job, uids []imap.UID) (map[imap.UID]fetched, error) {
	got := make(map[imap.UID]fetched, len(uids))
	section := j.section
	options := &imap.FetchOptions{UID: true, InternalDate: true, RFC822Size: j.sizes, BodySection: []*imap.FetchItemBodySection{&section}}
	err := w.on(j, func() error {
		return w.sess.fetch(w.ctx, imap.UIDSetNum(uids...), options, j.limit, func(f fetched) {
			if _, asked := slices.BinarySearch(uids, f.uid); asked && f.body {
				got[f.uid] = f
			}
		})
	})
	return got, err
}

// deliver sends what came, by ascending UID.
func (w *walker) deliver(j job, p *plan, got map[imap.UID]fetched) {
	results := make([]result, 0, len(got))
	for _, f := range got {
		results = append(results, result{msg: w.message(j, p, f)})
	}
	slices.SortFunc(results, func(a, b result) int {
		return cmp.Or(cmp.Compare(len(a.msg.ID), len(b.msg.ID)), cmp.Compare(a.msg.ID, b.msg.ID))
	})
	w.emit(results...)
}

// lost is the end of the source: it counts what was not delivered.
func (w *walker) lost(j job, p *plan, left []imap.UID, err error) *mailbox.ReadError {
	failed := w.fail("", fmt.Errorf("gave up after %d tries that brought nothing (%w): %d of %d messages of %q were not delivered (UIDs %d to %d): run the scan again later",
		w.cfg.Retries, w.oneLine(err), len(left), len(p.uids), j.box, left[0], left[len(left)-1]))
	failed.Missed = len(left)
	return failed
}

// pause waits before the next try and reports whether there is to be one.
func (w *walker) pause(try int, err error) bool {
	wait := w.pauseBefore(try, err)
	w.cfg.Log("%s: %v: trying again in %v", w.cfg.Host, w.oneLine(err), wait)
	select {
	case <-time.After(wait):
		return true
	case <-w.ctx.Done():
		return false
	}
}
