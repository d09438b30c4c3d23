package header

import (
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
