package proof

import (
	"strings"
	"time"
)

// Covers tells whether the log of that host holds mail of that day, so that a queue id that is not found speaks against it.
// Only servers' own logs do; with LeftOut, none does. host is the name that the server gives itself in its Received lines
// ("" asks for any): its first label must be one of the hosts in the log, where the log names hosts.
func (l *MailLog) Covers(at time.Time, host string) bool {
	return l.left == 0 && l.coverage.holds(host, at)
}

// coverage is whose log was read, and which days (since 1970) have lines. A day without mail is one of which nothing is known.
type coverage struct {
	days        map[int64]bool
	hosts       map[string]bool // first labels; "": a log that names none
	first, last time.Time
}

// maxCovered bounds days and hosts kept.
const maxCovered = 5000

const secondsPerDay = 24 * 60 * 60

func (c *coverage) add(host string, at time.Time) {
	if c.days == nil {
		c.days, c.hosts = map[int64]bool{}, map[string]bool{}
	}
	if len(c.days) < maxCovered {
		c.days[at.Unix()/secondsPerDay] = true
	}
	if label := hostLabel(host); len(c.hosts) < maxCovered && !c.hosts[label] {
		c.hosts[strings.Clone(label)] = true
	}
	if c.first.IsZero() || at.Before(c.first) {
		c.first = at
	}
	if at.After(c.last) {
		c.last = at
	}
}

func (c *coverage) holds(host string, at time.Time) bool {
	known := host == "" || c.hosts[""] || c.hosts[hostLabel(host)]
	return known && c.days[at.Unix()/secondsPerDay] && !at.Before(c.first) && !at.After(c.last)
}

func hostLabel(host string) string {
	label, _, _ := strings.Cut(strings.ToLower(host), ".")
	return label
}
