package proof

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// CSV from Microsoft's message trace (the console's reports, Get-MessageTrace piped to Export-Csv) and from Google's email
// log search and Gmail log events. Columns are known by their names, from the two makers' documentation and from memory of
// their files; their order and what else there is does not matter.

// maxLogCSV bounds one CSV, in bytes: both makers cut their reports at 100,000 rows or fewer.
const maxLogCSV = 512 << 20

type logColumn int

const (
	columnTime logColumn = iota
	columnID
	columnQueue
	columnSender
	columnRecipient
	columnStatus
	columnClient
	columnDirection
	columns
)

// logColumns are the names of columns in lower case without anything but letters and digits. Where a file has two for one
// thing, the one with the higher rank counts.
var logColumns = map[string]struct {
	column logColumn
	rank   int
	format string // "": both have it
}{
	"origintimestamputc": {columnTime, 3, "microsoft"}, // summary report
	"datetimeutc":        {columnTime, 2, "microsoft"}, // extended report
	"receivedutc":        {columnTime, 2, "microsoft"},
	"received":           {columnTime, 2, "microsoft"}, // Get-MessageTrace
	"startdate":          {columnTime, 1, "google"},    // email log search; in Get-MessageTrace the start of the search
	"date":               {columnTime, 1, "google"},    // Gmail log events
	"messageid":          {columnID, 1, ""},
	"networkmessageid":   {columnQueue, 2, "microsoft"},
	"messagetraceid":     {columnQueue, 1, "microsoft"},
	"senderaddress":      {columnSender, 2, "microsoft"},
	"sender":             {columnSender, 1, "google"},
	"fromenvelope":       {columnSender, 2, "google"},
	"recipientstatus":    {columnRecipient, 1, "microsoft"}, // ADDRESS##EVENT, EVENT;ADDRESS##...
	"recipientaddress":   {columnRecipient, 2, ""},
	"recipient":          {columnRecipient, 1, "google"},
	"recipients":         {columnRecipient, 1, "google"},
	"toenvelope":         {columnRecipient, 2, "google"},
	"status":             {columnStatus, 2, "microsoft"},
	"eventid":            {columnStatus, 1, "microsoft"},
	"eventstatus":        {columnStatus, 1, "google"},
	"originalclientip":   {columnClient, 2, "microsoft"},
	"fromip":             {columnClient, 1, "microsoft"},
	"ipaddress":          {columnClient, 1, "google"},
	"clientip":           {columnClient, 1, ""},
	"directionality":     {columnDirection, 1, "microsoft"}, // Originating, Incoming
	"direction":          {columnDirection, 1, "google"},    // Sent, Received, Mixed
}

// csvColumns says where the columns are that we know, -1: nowhere.
type csvColumns struct {
	format    string
	separator rune
	at        [columns]int
}

// csvHeader reads the first line of a file as a header: it is one if it names a time, a Message-ID and a sender.
func csvHeader(start []byte) (c csvColumns, ok bool) {
	text := string(start)
	if strings.HasPrefix(text, "#TYPE ") { // PowerShell's Export-Csv
		_, text, _ = strings.Cut(text, "\n")
	}
	line, _, _ := strings.Cut(text, "\n")
	c.separator = ','
	for _, r := range "\t;" {
		if strings.Count(line, string(r)) > strings.Count(line, string(c.separator)) {
			c.separator = r
		}
	}
	makers := map[string]int{}
	for i := range c.at {
		c.at[i] = -1
	}
	var ranks [columns]int
	for i, name := range strings.Split(strings.TrimRight(line, "\r"), string(c.separator)) {
		known, ok := logColumns[plainName(name)]
		if !ok {
			continue
		}
		makers[known.format]++
		if known.rank > ranks[known.column] {
			ranks[known.column], c.at[known.column] = known.rank, i
		}
	}
	c.format = "google"
	if makers["microsoft"] > makers["google"] {
		c.format = "microsoft"
	}
	return c, c.at[columnTime] >= 0 && c.at[columnID] >= 0 && c.at[columnSender] >= 0
}

// plainName gives a column's name in lower case without blanks, underscores, quotes and brackets.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		}
		return -1
	}, name)
}

func (r *logReader) readCSV(in *bufio.Reader, c csvColumns) error {
	if start, _ := in.Peek(len("#TYPE ")); string(start) == "#TYPE " {
		for more := true; more; { // a line longer than the buffer comes in pieces
			_, err := in.ReadSlice('\n')
			more = errors.Is(err, bufio.ErrBufferFull)
		}
	}
	rows := csv.NewReader(io.LimitReader(in, maxLogCSV))
	rows.Comma, rows.FieldsPerRecord, rows.LazyQuotes, rows.ReuseRecord = c.separator, -1, true, true
	for first := true; ; first = false {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if first {
			continue
		}
		fact, ok := c.fact(row)
		if !ok {
			r.note(strings.Join(row, string(c.separator)))
			continue
		}
		r.tell(c.format, &fact)
	}
}

// fact reads one row; ok is false without a time or without anything to look it up by.
func (c csvColumns) fact(row []string) (f logFact, ok bool) {
	at, ok := csvTime(c.get(row, columnTime))
	if !ok {
		return f, false
	}
	f = logFact{
		at: at, queue: strings.ToLower(c.get(row, columnQueue)), messageID: c.get(row, columnID),
		sender: nullSender(c.get(row, columnSender)), client: parseIP(c.get(row, columnClient)),
	}
	status, _, _ := strings.Cut(c.get(row, columnStatus), ",")
	f.status = logStatus[strings.ToLower(status)]
	f.recipients, status = csvRecipients(c.get(row, columnRecipient))
	if f.status == "" {
		f.status = status
	}
	direction := strings.ToLower(c.get(row, columnDirection))
	f.outbound = direction == "originating" || direction == "sent"
	return f, f.queue != "" || normalID(f.messageID) != ""
}

// csvRecipients reads ADDRESS;ADDRESS or ADDRESS##EVENT, EVENT;ADDRESS##EVENT. The last event is given if it is that of the
// only recipient.
func csvRecipients(value string) (addresses []string, status string) {
	list := strings.FieldsFunc(value, func(r rune) bool { return r == ';' })
	if len(list) == 1 && !strings.Contains(value, "##") {
		list = strings.Split(value, ",")
	}
	for _, part := range list {
		address, events, _ := strings.Cut(part, "##")
		addresses = append(addresses, strings.TrimSpace(address))
		if len(list) == 1 {
			last := events[strings.LastIndexByte(events, ',')+1:]
			status = logStatus[strings.ToLower(strings.TrimSpace(last))]
		}
	}
	return slices.DeleteFunc(addresses, func(a string) bool { return !strings.Contains(a, "@") }), status
}

func (c csvColumns) get(row []string, column logColumn) string {
	if i := c.at[column]; i >= 0 && i < len(row) {
		return strings.TrimSpace(row[i])
	}
	return ""
}

// csvTimes are the forms of dates seen; those of two numbers first are American, as both makers write them by default.
var csvTimes = []string{
	time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04:05Z0700",
	"2006/01/02 15:04:05", "1/2/2006 3:04:05 PM", "1/2/2006 15:04:05", "1/2/2006 3:04 PM", "1/2/2006 15:04",
	"2/1/2006 15:04:05", "2/1/2006 15:04", "2.1.2006 15:04:05", "Jan 2, 2006, 3:04:05 PM", "Jan 2, 2006 3:04:05 PM",
}

// csvTime reads a time; one without a zone is UTC, as both makers say of theirs.
func csvTime(value string) (time.Time, bool) {
	value = strings.TrimSuffix(strings.TrimSuffix(value, " UTC"), " Z")
	if len(value) > 40 {
		return time.Time{}, false
	}
	for _, layout := range csvTimes {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
