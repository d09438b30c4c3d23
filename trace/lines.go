package trace

import "ndrscan/internal/header"

// maxLines bounds the Received lines that are read of one message. Mail servers stop at 25 to 100 of them
// (RFC 5321 section 6.3 asks for at least 100).
const maxLines = 200

// lines are the Received lines of a message, newest first. A line is read when it is asked for, and once: the walk ends at
// the border, and what stands below is a claim that few ask for. The room for a usual message lies in the value itself.
type lines struct {
	section header.Section
	places  []int  // of the lines in the section
	hops    []*Hop // nil: not read yet
	how     reading
	read    int // of first

	usualPlaces [usualLines]int
	usualHops   [usualLines]*Hop
	first       [usualRead]Hop // the lines that are read first lie here
}

// A message has some ten lines at most, and few are read.
const (
	usualLines = 12
	usualRead  = 3
)

func (l *lines) of(section header.Section, how reading) {
	l.section, l.how, l.places = section, how, l.usualPlaces[:0]
	for i := range section {
		if section[i].Is("Received") && len(l.places) < maxLines {
			l.places = append(l.places, i)
		}
	}
	if l.hops = l.usualHops[:]; len(l.places) > len(l.hops) {
		l.hops = make([]*Hop, len(l.places))
	}
}

func (l *lines) len() int { return len(l.places) }

func (l *lines) at(i int) *Hop {
	if l.hops[i] != nil {
		return l.hops[i]
	}
	if l.read < len(l.first) {
		l.hops[i] = &l.first[l.read]
		l.read++
	} else {
		l.hops[i] = new(Hop)
	}
	l.hops[i].parse(l.section[l.places[i]].Value(), l.how)
	return l.hops[i]
}
