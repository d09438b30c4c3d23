package proof

import (
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unique"
)

// MailLog is an index of what our own mail servers logged: who handed in which message, when, for whom. A queue id that
// stands in it with an agreeing time and recipient or Message-ID is the strongest proof there is (METHOD 2, kind 4): a
// stranger can write a queue id of ours, or guess one, but not the line of our log.
//
// Logs are read before the bounces, line by line, and kept as one row a message: about 300 bytes and 40 a recipient. Beyond
// maxLogMails messages or maxLogRecipients recipients the half that was read first is dropped, since bounces come for the
// mail of the last days: give logs oldest first. LeftOut counts what was dropped; Covers tells of which time and host a
// missing queue id says something.
//
// Read adds to the index and must not run beside other methods; these may then be called concurrently.
type MailLog struct {
	rows       []logRow
	byQueue    map[string]int32   // newest row of a queue id; queue ids are used again
	byID       map[[16]byte]int32 // newest row of a Message-ID, by its hash
	recipients int                // in all rows
	left       int
	formats    map[string]int // lines that told something, by the name of their format
	now        time.Time      // what a date without a year is before
	logins     loginLines
	coverage   coverage
	maxMails   int // maxLogMails, but for tests
}

// Bounds of the index: messages, recipients of all and of one message, entries looked at for one Message-ID (which strangers
// choose), the longest text kept.
const (
	maxLogMails      = 500_000
	maxLogRecipients = 2_000_000
	maxRecipients    = 1000
	maxSameID        = 100
	maxLogText       = 320
)

// LogEntry is what a log says about one message.
type LogEntry struct {
	QueueID    string     // of the server whose line was asked for; the network message id of Microsoft's trace
	Format     string     // postfix, exim, sendmail, microsoft, google
	Client     netip.Addr // who handed the message in; invalid if local or not logged
	ClientName string     // the client's name as logged
	Auth       bool       // it logged in
	Login      string     // as whom; "" if there was no login, or the log does not name it
	LocalUser  string     // user or uid that handed it in on the server itself
	Outbound   bool       // the log itself says that it was sent from inside (Microsoft, Google)
	Sender     string     // MAIL FROM in lower case, "<>" for the null reverse-path, "" if not logged
	Recipients []LogRecipient
	First      time.Time // of its lines
	Last       time.Time
	NoYear     bool // the log's dates have no year: that of First and Last is a guess

	messageID [16]byte
}

// LogRecipient is one recipient and what became of the message for it: sent, deferred, failed, or "" if that is not logged.
type LogRecipient struct {
	Address string // lower case
	Status  string
}

// LogQuery is what a bounce knows of a message that our server may have handled.
type LogQuery struct {
	QueueID    string // of our border line, or of our own server's report; "" if there is none
	MessageID  string // of the original
	Recipients []string
	At         time.Time // when our server had it
}

// logRow is a LogEntry as it is kept.
type logRow struct {
	queue      string
	format     unique.Handle[string]
	client     netip.Addr
	name       unique.Handle[string]
	login      unique.Handle[string]
	local      unique.Handle[string]
	sender     unique.Handle[string]
	recipients []logRecipient
	first      int64 // Unix seconds
	last       int64
	id         [16]byte
	cameFrom   string // queue id it had before a filter or a local hand-over on the same server
	older      int32  // row with the same queue id, -1: none
	olderID    int32  // the same for the Message-ID
	auth       bool
	born       bool // the line that took it in was seen
	outbound   bool
	noYear     bool
}

type logRecipient struct {
	address, status unique.Handle[string]
}

// logFact is what one line of a log says about one message.
type logFact struct {
	at         time.Time
	noYear     bool
	queue      string
	born       bool // the message begins: a known queue id is used anew
	client     netip.Addr
	name       string
	auth       bool
	login      string
	local      string
	outbound   bool
	sender     string
	messageID  string
	recipients []string
	status     string
	became     string // queue id that the next process on this server gave it
	cameFrom   string // queue id that the process before gave it
}

// NewMailLog gives an empty index. now is the time that dates without a year lie before.
func NewMailLog(now time.Time) *MailLog {
	l := &MailLog{formats: map[string]int{}, now: now, maxMails: maxLogMails}
	l.forget()
	return l
}

func (l *MailLog) forget() {
	l.byQueue = map[string]int32{}
	l.byID = map[[16]byte]int32{}
}

// Len gives the number of messages that can be looked up.
func (l *MailLog) Len() int { return len(l.rows) }

// LeftOut gives the number of messages dropped at the bounds: with any, one that is not found says nothing.
func (l *MailLog) LeftOut() int { return l.left }

// Formats names the formats that were read, sorted.
func (l *MailLog) Formats() []string { return slices.Sorted(maps.Keys(l.formats)) }

// Period gives the times of the first and the last message that is held; zero if there is none.
func (l *MailLog) Period() (from, to time.Time) {
	for i := range l.rows {
		first, last := time.Unix(l.rows[i].first, 0).UTC(), time.Unix(l.rows[i].last, 0).UTC()
		if from.IsZero() || first.Before(from) {
			from = first
		}
		if last.After(to) {
			to = last
		}
	}
	return from, to
}

// Lookup gives the messages that had this queue id, the latest first. Short queue ids are used again within days: Confirm
// chooses by time.
func (l *MailLog) Lookup(queueID string) []LogEntry {
	var list []LogEntry
	for i := l.newest(queueID); i >= 0; i = l.rows[i].older {
		list = append(list, l.entry(i))
	}
	return list
}

// ByMessageID gives the messages with this Message-ID, with or without angle brackets, the latest first and at most 100.
// Anybody can send us mail with a Message-ID of his choice: see who handed each of them in.
func (l *MailLog) ByMessageID(messageID string) []LogEntry {
	id := normalID(messageID)
	at, ok := l.byID[idKey(id)]
	if id == "" || !ok {
		return nil
	}
	var list []LogEntry
	for i := at; i >= 0 && len(list) < maxSameID; i = l.rows[i].olderID {
		list = append(list, l.entry(i))
	}
	return list
}

// Confirm finds the message that a bounce speaks of: its queue id stands in the log with a time that agrees within a day
// and with the Message-ID or one of the recipients; or, where no queue id is known, Message-ID, recipient and time agree.
func (l *MailLog) Confirm(q LogQuery) (LogEntry, bool) {
	entries := l.Lookup(q.QueueID)
	enough := LogEntry.isMessage
	if q.QueueID == "" {
		entries = l.ByMessageID(q.MessageID)
		enough = func(e LogEntry, q LogQuery) bool { return e.hasRecipient(q.Recipients) }
	}
	for _, e := range entries {
		if e.Agrees(q.At) && enough(e, q) {
			return e, true
		}
	}
	return LogEntry{}, false
}

// Agrees tells whether the message was in our hands at that time, within a day. An unknown time does not agree.
func (e LogEntry) Agrees(at time.Time) bool {
	if at.IsZero() {
		return false
	}
	if e.NoYear {
		at = sameYear(at, e.First)
	}
	return !at.Before(e.First.Add(-maxDateDrift)) && !at.After(e.Last.Add(maxDateDrift))
}

// sameYear moves a time by whole years to where it is nearest to another.
func sameYear(at, near time.Time) time.Time {
	best := at
	for _, year := range []int{near.Year() - 1, near.Year(), near.Year() + 1} {
		moved := at.AddDate(year-at.Year(), 0, 0)
		if moved.Sub(near).Abs() < best.Sub(near).Abs() {
			best = moved
		}
	}
	return best
}

// HasMessageID tells whether the message has this Message-ID.
func (e LogEntry) HasMessageID(messageID string) bool {
	id := normalID(messageID)
	return id != "" && e.messageID == idKey(id)
}

func (e LogEntry) isMessage(q LogQuery) bool {
	return e.HasMessageID(q.MessageID) || e.hasRecipient(q.Recipients)
}

func (e LogEntry) hasRecipient(addresses []string) bool {
	return slices.ContainsFunc(addresses, func(a string) bool {
		a = strings.ToLower(a)
		return slices.ContainsFunc(e.Recipients, func(r LogRecipient) bool { return r.Address == a })
	})
}

// newest gives the row that a queue id was last used for, -1 if there is none.
func (l *MailLog) newest(queueID string) int32 {
	if i, ok := l.byQueue[queueID]; ok {
		return i
	}
	return -1
}

// maxHandOvers bounds the processes of one server that a message is followed through: filters before and after its queue.
const maxHandOvers = 4

// entry makes the entry of a row; who handed it in is told by the first process that had it.
func (l *MailLog) entry(i int32) LogEntry {
	row := &l.rows[i]
	e := LogEntry{
		QueueID: row.queue, Format: row.format.Value(), Sender: row.sender.Value(), Outbound: row.outbound,
		First: time.Unix(row.first, 0).UTC(), Last: time.Unix(row.last, 0).UTC(), NoYear: row.noYear, messageID: row.id,
	}
	for _, r := range row.recipients {
		e.Recipients = append(e.Recipients, LogRecipient{r.address.Value(), r.status.Value()})
	}
	for range maxHandOvers {
		before := l.newestBefore(row.cameFrom, row.first)
		if before < 0 {
			break
		}
		row = &l.rows[before]
	}
	e.Client, e.ClientName = row.client, row.name.Value()
	e.Auth, e.Login, e.LocalUser = row.auth, row.login.Value(), row.local.Value()
	return e
}

// newestBefore gives the row of a queue id that began before a time (with a few seconds for lines out of order), -1 if
// there is none.
func (l *MailLog) newestBefore(queueID string, at int64) int32 {
	const slack = 5
	if queueID == "" {
		return -1
	}
	i := l.newest(queueID)
	for i >= 0 && l.rows[i].first > at+slack {
		i = l.rows[i].older
	}
	return i
}

// add takes what a line says.
func (l *MailLog) add(format string, f *logFact) {
	l.formats[format]++
	i := l.known(format, f)
	if i < 0 || f.born && l.rows[i].born {
		i = l.begin(format, f)
	}
	row := &l.rows[i]
	row.first, row.last = min(row.first, f.at.Unix()), max(row.last, f.at.Unix())
	row.born = row.born || f.born
	row.auth, row.outbound = row.auth || f.auth, row.outbound || f.outbound
	if f.client.IsValid() {
		row.client = f.client
	}
	keep(&row.name, f.name)
	keep(&row.login, f.login)
	keep(&row.local, f.local)
	keep(&row.sender, strings.ToLower(f.sender))
	if f.cameFrom != "" {
		row.cameFrom = strings.Clone(f.cameFrom)
	}
	l.setID(i, f.messageID)
	l.addRecipients(row, f)
	if next := l.newest(f.became); f.became != "" && next >= 0 && next != i {
		l.rows[next].cameFrom = row.queue
	}
}

// known gives the row of a message that lines spoke of before, -1 if there is none. Google's rows have no queue id: rows of
// one Message-ID and sender within a day are one message.
func (l *MailLog) known(format string, f *logFact) int32 {
	if f.queue != "" {
		return l.newest(f.queue)
	}
	i, ok := l.byID[idKey(normalID(f.messageID))]
	if !ok {
		return -1
	}
	row := &l.rows[i]
	same := row.queue == "" && row.format.Value() == format && row.sender.Value() == strings.ToLower(f.sender)
	if !same || f.at.Sub(time.Unix(row.first, 0)).Abs() > maxDateDrift {
		return -1
	}
	return i
}

// keep notes a text that a line gives; the last one that does counts.
func keep(to *unique.Handle[string], text string) {
	if text != "" && len(text) <= maxLogText {
		*to = unique.Make(text)
	}
}

// begin makes the row of a message.
func (l *MailLog) begin(format string, f *logFact) int32 {
	if len(l.rows) >= l.maxMails || l.recipients >= maxLogRecipients {
		l.dropHalf()
	}
	none := unique.Make("")
	l.rows = append(l.rows, logRow{
		queue: strings.Clone(f.queue), format: unique.Make(format), name: none, login: none, local: none, sender: none,
		first: f.at.Unix(), last: f.at.Unix(), noYear: f.noYear, olderID: -1,
	})
	i := int32(len(l.rows) - 1)
	l.link(i)
	return i
}

func (l *MailLog) link(i int32) {
	row := &l.rows[i]
	row.older, row.olderID = -1, -1
	if row.queue != "" {
		row.older = l.newest(row.queue)
		l.byQueue[row.queue] = i
	}
	if row.id != ([16]byte{}) {
		l.linkID(i)
	}
}

func (l *MailLog) linkID(i int32) {
	row := &l.rows[i]
	row.olderID = -1
	if older, ok := l.byID[row.id]; ok {
		row.olderID = older
	}
	l.byID[row.id] = i
}

// setID notes the Message-ID of a row. The first counts: a second line would be a mistake of ours or of the log's.
func (l *MailLog) setID(i int32, messageID string) {
	id := normalID(messageID)
	if row := &l.rows[i]; id != "" && row.id == ([16]byte{}) {
		row.id = idKey(id)
		l.linkID(i)
	}
}

func (l *MailLog) addRecipients(row *logRow, f *logFact) {
	for _, address := range f.recipients {
		address = strings.ToLower(address)
		if address == "" || len(address) > maxLogText {
			continue
		}
		handle := unique.Make(address)
		at := slices.IndexFunc(row.recipients, func(r logRecipient) bool { return r.address == handle })
		if at < 0 {
			if len(row.recipients) >= maxRecipients {
				return
			}
			row.recipients = append(row.recipients, logRecipient{handle, unique.Make("")})
			at = len(row.recipients) - 1
			l.recipients++
		}
		keep(&row.recipients[at].status, f.status)
	}
}

// dropHalf forgets the messages that were read first.
func (l *MailLog) dropHalf() {
	half := len(l.rows) / 2
	l.left += half
	l.rows = slices.Clone(l.rows[half:])
	l.forget()
	l.recipients = 0
	for i := range l.rows {
		l.link(int32(i))
		l.recipients += len(l.rows[i].recipients)
	}
}
