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
	if t, ok := parseUsual(value); ok {
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

// Date reads the field's value as ParseDate does.
func (f Field) Date() (t time.Time, ok bool) {
	body := bytes.TrimSpace(f.Body)
	if n := len(body); n > 0 && body[n-1] == ')' { // the comment with the zone's name
		if open := bytes.IndexByte(body, '('); open > 0 {
			body = bytes.TrimRight(body[:open], " ")
		}
	}
	if t, ok := parseUsual(string(body)); ok {
		return t, true
	}
	return ParseDate(f.Value())
}

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
func parseUsual(value string) (time.Time, bool) {
	in := strings.TrimSpace(value)
	if comma := strings.IndexByte(in, ','); comma == 3 {
		in = trimLeft(in[4:])
	}
	day, in, ok := cutNumber(in, 1, 2)
	month, in, okMonth := cutMonth(in)
	year, in, okYear := cutNumber(in, 4, 4)
	if !ok || !okMonth || !okYear {
		return time.Time{}, false
	}
	hour, in, okHour := cutNumber(in, 2, 2)
	minute, in, okMinute := cutNumber(strings.TrimPrefix(in, ":"), 2, 2)
	second, okSecond := 0, true
	if strings.HasPrefix(in, ":") {
		second, in, okSecond = cutNumber(in[1:], 2, 2)
	}
	offset, okZone := zoneOffset(strings.TrimSpace(in))
	if !okHour || !okMinute || !okSecond || !okZone || hour > 23 || minute > 59 || second > 60 || day < 1 {
		return time.Time{}, false
	}
	zone := time.UTC
	if offset != 0 {
		zone = time.FixedZone("", offset)
	}
	t := time.Date(year, month, day, hour, minute, second, 0, zone)
	return t, t.Day() == day || second == 60
}

// cutNumber takes a number of least to most digits and the white space after it.
func cutNumber(in string, least, most int) (n int, rest string, ok bool) {
	i := 0
	for ; i < len(in) && i < most && '0' <= in[i] && in[i] <= '9'; i++ {
		n = n*10 + int(in[i]-'0')
	}
	if i < least {
		return 0, in, false
	}
	return n, trimLeft(in[i:]), true
}

func trimLeft(in string) string {
	for in != "" && (in[0] == ' ' || in[0] == '\t') {
		in = in[1:]
	}
	return in
}

func cutMonth(in string) (month time.Month, rest string, ok bool) {
	if len(in) < 4 || in[3] != ' ' {
		return 0, in, false
	}
	month, ok = months[[3]byte{lower(in[0]), lower(in[1]), lower(in[2])}]
	return month, trimLeft(in[4:]), ok
}

var months = map[[3]byte]time.Month{
	{'j', 'a', 'n'}: 1, {'f', 'e', 'b'}: 2, {'m', 'a', 'r'}: 3, {'a', 'p', 'r'}: 4, {'m', 'a', 'y'}: 5, {'j', 'u', 'n'}: 6,
	{'j', 'u', 'l'}: 7, {'a', 'u', 'g'}: 8, {'s', 'e', 'p'}: 9, {'o', 'c', 't'}: 10, {'n', 'o', 'v'}: 11, {'d', 'e', 'c'}: 12,
}

// zoneOffset reads +HHMM, UT, UTC, GMT or Z, with or without a comment behind it.
func zoneOffset(zone string) (seconds int, ok bool) {
	if len(zone) >= 5 && (zone[0] == '+' || zone[0] == '-') {
		n, rest, ok := cutNumber(zone[1:], 4, 4)
		if !ok || rest != "" && rest[0] != '(' || n%100 > 59 || n > 2400 {
			return 0, false
		}
		seconds = (n/100*60 + n%100) * 60
		if zone[0] == '-' {
			seconds = -seconds
		}
		return seconds, true
	}
	return 0, zone == "GMT" || zone == "UT" || zone == "UTC" || zone == "Z"
}
