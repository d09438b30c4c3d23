package ndrscan

import (
	"slices"
	"time"

	"ndrscan/classify"
	"ndrscan/proof"
	"ndrscan/trace"
)

// What our own records say of a message (METHOD 2, kind 4): the mail log, and the tags that only our servers can make.

// askLog looks the original up in our mail log: by the queue id that our own host gave it, else by Message-ID, recipient and
// time. What the log says of client and login stands above what the lines say.
func (r *run) askLog(e *classify.Evidence) {
	if r.opts.MailLog == nil {
		return
	}
	b := e.Bounce
	q := proof.LogQuery{MessageID: b.Original.MessageID, At: takenAt(e)}
	for _, rcpt := range b.Recipients {
		q.Recipients = append(q.Recipients, rcpt.Address)
		if rcpt.Original != "" {
			q.Recipients = append(q.Recipients, rcpt.Original)
		}
	}
	byQueue := q
	byQueue.QueueID = ourQueueID(e)
	found, ok := proof.LogEntry{}, false
	if byQueue.QueueID != "" {
		found, ok = r.opts.MailLog.Confirm(byQueue)
		e.LogCovers = r.opts.MailLog.Covers(q.At, entryHost(e))
	}
	if !ok && q.MessageID != "" {
		found, ok = r.opts.MailLog.Confirm(q)
	}
	if ok {
		takeLog(e, found)
	}
}

// ourQueueID is the queue id that a host of ours gave the original, "" if no line of ours shows one.
func ourQueueID(e *classify.Evidence) string {
	switch {
	case e.Origin.Own && e.Origin.Entry != "" && e.Origin.Entry != trace.EntryUnknown:
		return e.Origin.QueueID
	case e.Reporter.Own && !e.Reporter.Unstamped:
		return e.Bounce.QueueID
	}
	return ""
}

// entryHost is the name that our host which took the message gives itself.
func entryHost(e *classify.Evidence) string {
	for _, s := range slices.Backward(e.Origin.Steps) {
		if s.Believed && s.Why != trace.WhyBorder && s.By != "" {
			return s.By
		}
	}
	return e.Bounce.ReportingMTA
}

// takenAt is when our server had the message, as far as is known.
func takenAt(e *classify.Evidence) time.Time {
	for _, t := range []time.Time{e.Origin.Time, e.Bounce.Arrival, e.Bounce.Original.Date, e.Received} {
		if !t.IsZero() {
			return t
		}
	}
	return time.Time{}
}

// takeLog lets the log say who handed the message in. Mail that it shows coming from outside without a login was passed on
// by us, and is nobody's of ours.
func takeLog(e *classify.Evidence, entry proof.LogEntry) {
	e.Log = &classify.LogEntry{QueueID: entry.QueueID, Login: entry.Login, LocalUser: entry.LocalUser, Client: entry.Client}
	o := &e.Origin
	if entry.Login != "" {
		o.AuthUser = entry.Login
	}
	if entry.Client.IsValid() {
		o.ClientIP = entry.Client
	}
	if !o.Own {
		o.QueueID = entry.QueueID // of the reporter's line until now
	}
	switch {
	case entry.Auth, entry.Login != "":
		o.Entry, o.AuthShown = trace.EntryAccount, true
	case entry.LocalUser != "":
		o.Entry = trace.EntryScript
	case entry.Outbound:
		o.Entry, o.AuthShown = trace.EntryAccount, true
	case entry.Client.IsValid() && (o.Entry == "" || o.Entry == trace.EntryUnknown):
		o.Entry = trace.EntryRelay
	}
}

// checkTag verifies the tag of the original's reverse-path, or of the address the bounce came to, with our keys, at the time
// of the original.
func (r *run) checkTag(e *classify.Evidence) {
	for _, address := range []string{e.MailFrom.Raw, e.Bounce.Account} {
		if p := r.opts.Keys.Verify(address, takenAt(e)); p.Valid {
			e.ValidTag = p.Tag
			return
		}
	}
}
