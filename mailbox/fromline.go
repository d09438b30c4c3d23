package mailbox

import (
	"bytes"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The date of a From_ line. Writers agree on asctime's order, "Mon Nov 23 21:30:24 2026" (RFC 4155 appendix A), and
// differ in the rest: a zone before or after the year, no seconds, "remote from HOST" behind it, RFC 5322's order.

// maxFromLine bounds a From_ line: an address has at most 254 octets (RFC 5321 section 4.5.3.1.3), a date some 40.
const maxFromLine = 1000

var (
	weekdays = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}
	months   = []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}
)

// parseFromDate finds the date in a From_ line: the last weekday that is followed by one.
func parseFromDate(line []byte) (time.Time, bool) {
	if len(line) > maxFromLine {
		return time.Time{}, false
	}
	words := strings.Fields(string(bytes.TrimPrefix(line, []byte("From "))))
	for i := len(words) - 1; i >= 0; i-- {
		if !slices.Contains(weekdays, strings.ToLower(strings.TrimSuffix(words[i], ","))) {
			continue
		}
		if date, ok := parseDateWords(words[i+1:]); ok {
			return date, true
		}
	}
	return time.Time{}, false
}

// parseDateWords reads what follows the weekday: "Nov 23 21:30:24 2026" or "23 Nov 2026 21:30:24", zones anywhere after
// the day.
func parseDateWords(words []string) (time.Time, bool) {
	var month, day, year int
	var clock time.Time
	zone := time.UTC
	for i, w := range words {
		switch n, isNumber := number(w); {
		case month == 0 && slices.Contains(months, strings.ToLower(w)):
			month = 1 + slices.Index(months, strings.ToLower(w))
		case isNumber && day == 0 && n >= 1 && n <= 31:
			day = n
		case i < 2:
			return time.Time{}, false // day and month come first, in either order
		case isNumber && year == 0 && n >= 1970 && n <= 9999:
			year = n
		case strings.Contains(w, ":"):
			t, ok := parseClock(w)
			if !ok {
				return time.Time{}, false
			}
			clock = t
		default:
			if z, err := time.Parse("-0700", w); err == nil {
				zone = z.Location()
			}
		}
	}
	if month == 0 || day == 0 || year == 0 || clock.IsZero() {
		return time.Time{}, false
	}
	return time.Date(year, time.Month(month), day, clock.Hour(), clock.Minute(), clock.Second(), 0, zone).UTC(), true
}

// number reads digits only: a zone such as +0100 is no number.
func number(w string) (int, bool) {
	if w == "" || w[0] < '0' || w[0] > '9' {
		return 0, false
	}
	n, err := strconv.Atoi(w)
	return n, err == nil
}

// parseClock reads 21:30:24 or 21:30. The year 1 keeps midnight from being the zero time.
func parseClock(w string) (time.Time, bool) {
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, w); err == nil {
			return t.AddDate(1, 0, 0), true
		}
	}
	return time.Time{}, false
}
