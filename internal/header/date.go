package header

import (
	"bytes"
	"net/mail"
	"strings"
	"time"
)

// dateLayouts are the forms seen beside RFC 5322's: no zone, no seconds, a named zone, a weekday spelled out or
// misplaced, ctime.
var dateLayouts = []string{
	"2 Jan 2006 15:04:05 -0700",
	"2 Jan 2006 15:04:05 MST",
	"2 Jan 2006 15:04:05",
	"2 Jan 2006 15:04 -0700",
	"2 Jan 2006 15:04",
	"2 Jan 06 15:04:05 -0700",
	"2 Jan 06 15:04:05 MST",
	"2-Jan-2006 15:04:05 -0700",
	"Jan 2 15:04:05 2006",
	"Jan 2 15:04:05 -0700 2006",
	"Jan 2 15:04:05 MST 2006",
	"Jan 2 2006 15:04:05",
	"2006-01-02 15:04:05 -0700",
	"2006-01-02 15:04:05",
	time.RFC3339,
}

// ParseDate reads the date-time of RFC 5322 section 3.3 and the departures from it that are common; ok is false if it
// can't. A date without a zone is taken as UTC.
func ParseDate(value string) (t time.Time, ok bool) {
	if len(value) > 100 {
		return time.Time{}, false
	}
	if t, ok := parseUsual([]byte(value)); ok {
		return t, true
	}
	if t, err := mail.ParseDate(value); err == nil {
		return t, true
	}
	text := strings.Join(strings.Fields(StripComments(value)), " ")
	if comma := strings.IndexByte(text, ','); comma >= 0 && comma < 12 {
		text = strings.TrimSpace(text[comma+1:])
	} else if first, rest, found := strings.Cut(text, " "); found && isWeekday(first) {
		text = rest
	}
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// Date reads a field's body as ParseDate does its value.
func Date(body []byte) (t time.Time, ok bool) {
	if t, ok := parseUsual(body); ok {
		return t, true
	}
	return ParseDate(Unfold(body))
}

// Date reads the field's body as Date does.
func (f Field) Date() (t time.Time, ok bool) { return Date(f.Body()) }

func isWeekday(word string) bool {
	if len(word) < 3 {
		return false
	}
	switch strings.ToLower(word[:3]) {
	case "mon", "tue", "wed", "thu", "fri", "sat", "sun":
		return true
	}
	return false
}

// parseUsual reads "Mon, 23 Nov 2026 21:30:25 +0000 (UTC)", weekday, seconds and comment optional: nearly all there is,
// and without the errors that a list of layouts makes on its way.
func parseUsual(in []byte) (time.Time, bool) {
	in = trimSpace(in)
	if len(in) > 4 && in[3] == ',' {
		in = trimLeft(in[4:])
	}
	day, in, ok := cutNumber(in, 1, 2)
	month, in, okMonth := cutMonth(in)
	year, in, okYear := cutNumber(in, 4, 4)
	if !ok || !okMonth || !okYear {
		return time.Time{}, false
	}
	hour, in, okHour := cutNumber(in, 2, 2)
	minute, in, okMinute := cutNumber(bytes.TrimPrefix(in, []byte(":")), 2, 2)
	second, okSecond := 0, true
	if len(in) > 0 && in[0] == ':' {
		second, in, okSecond = cutNumber(in[1:], 2, 2)
	}
	offset, okZone := zoneOffset(in)
	if !okHour || !okMinute || !okSecond || !okZone || hour > 23 || minute > 59 || second > 60 || day < 1 || day > daysIn(month, year) {
		return time.Time{}, false
	}
	zone := time.UTC
	if offset != 0 {
		zone = time.FixedZone("", offset)
	}
	return time.Date(year, month, day, hour, minute, second, 0, zone), true
}

// cutNumber takes a number of least to most digits and the white space after it.
func cutNumber(in []byte, least, most int) (n int, rest []byte, ok bool) {
	i := 0
	for ; i < len(in) && i < most && '0' <= in[i] && in[i] <= '9'; i++ {
		n = n*10 + int(in[i]-'0')
	}
	if i < least {
		return 0, in, false
	}
	return n, trimLeft(in[i:]), true
}

func trimLeft(in []byte) []byte {
	for len(in) > 0 && (in[0] == ' ' || in[0] == '\t') {
		in = in[1:]
	}
	return in
}

// monthNames holds the months' names by their numbers, in lower case and three bytes each.
const monthNames = "   janfebmaraprmayjunjulaugsepoctnovdec"

func cutMonth(in []byte) (month time.Month, rest []byte, ok bool) {
	if len(in) < 4 || in[3] != ' ' {
		return 0, in, false
	}
	first, second, third := lower(in[0]), lower(in[1]), lower(in[2])
	for at := 3; at < len(monthNames); at += 3 {
		if monthNames[at+2] == third && monthNames[at+1] == second && monthNames[at] == first {
			return time.Month(at / 3), trimLeft(in[4:]), true
		}
	}
	return 0, in, false
}

// daysIn gives the number of days of a month.
func daysIn(month time.Month, year int) int {
	switch month {
	case time.April, time.June, time.September, time.November:
		return 30
	case time.February:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// zoneOffset reads +HHMM, with or without a comment behind it, or UT, UTC, GMT or Z.
func zoneOffset(zone []byte) (seconds int, ok bool) {
	if len(zone) >= 5 && (zone[0] == '+' || zone[0] == '-') {
		n, rest, ok := cutNumber(zone[1:], 4, 4)
		if !ok || len(rest) > 0 && rest[0] != '(' || n%100 > 59 || n > 2400 {
			return 0, false
		}
		seconds = (n/100*60 + n%100) * 60
		if zone[0] == '-' {
			seconds = -seconds
		}
		return seconds, true
	}
	switch string(zone) {
	case "GMT", "UT", "UTC", "Z":
		return 0, true
	}
	return 0, false
}
