package trace

import "ndrscan/internal/header"

// maxLines bounds the Received lines that are read of one message. Mail servers stop at 25 to 100 of them
// (RFC 5321 section 6.3 asks for at least 100).
const maxLines = 200

// lines are the Received lines of a message, newest first. A line is read when it is asked for: the walk ends at the border,
// and what stands below is a claim that few ask for.
type lines struct {
	fields []header.Field
	hops   []*Hop // nil: not read yet
	left   bool   // read from the left
}

func (t *Tracer) lines(section header.Section) *lines {
	l := &lines{left: t.lacks(DefenceRightHand)}
	n := 0
	for i := range section {
		if section[i].Is("Received") {
			n++
		}
	}
	n = min(n, maxLines)
	l.fields, l.hops = make([]header.Field, 0, n), make([]*Hop, n)
	for i := range section {
		if len(l.fields) == n {
			break
		}
		if section[i].Is("Received") {
			l.fields = append(l.fields, section[i])
		}
	}
	return l
}

func (l *lines) len() int { return len(l.fields) }

func (l *lines) at(i int) *Hop {
	if l.hops[i] == nil {
		h := parseReceived(l.fields[i].Value(), l.left)
		l.hops[i] = &h
	}
	return l.hops[i]
}
