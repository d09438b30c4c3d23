package trace

import (
	"slices"
	"strconv"
	"strings"

	"ndrscan/internal/header"
)

// maxLine bounds one Received line in bytes; longer ones are not read (RFC 5321 section 4.5.3.1 allows a command 512
// octets, a text line 1000; the longest lines seen have about 900).
const maxLine = 8 << 10

// hopKind says how the message came to the host that wrote a line.
type hopKind int

const (
	fromNetwork hopKind = iota // a client on the network; its address may be missing
	handover                   // inside one host: from queue to queue, from the delivery agent
	reinjected                 // by a local user: a script, or a filter that puts the message back
	submitted                  // begun here: a web page or a mailbox client of the system itself
)

// ParseReceived reads the value of one Received field, unfolded or not. It never fails: what the line doesn't show, or
// shows only where the HELO could have put it, is left empty.
func ParseReceived(value string) Hop {
	var h Hop
	h.parse(value, reading{})
	return h
}

// reading is how a line is read. The zero value is ours; the others are those of readers that a HELO (DefenceRightHand) or a
// recipient (DefencePath) can fool.
type reading struct{ fromLeft, undisputed bool }

func (t *Tracer) reading() reading {
	return reading{fromLeft: t.lacks(DefenceRightHand), undisputed: t.lacks(DefencePath)}
}

// parse reads a line from its right end; h is empty.
func (h *Hop) parse(value string, how reading) {
	if strings.IndexByte(value, '\n') >= 0 || strings.IndexByte(value, '\r') >= 0 {
		value = header.Unfold([]byte(value))
	}
	value = strings.TrimSpace(value)
	if len(value) > maxLine {
		h.Raw = value[:maxLine]
		return
	}
	h.Raw = value
	body := h.cutDate(value)
	var buf [usualTokens]token
	list := tokens(body, buf[:0])
	by := lastBy(list)
	if how.fromLeft {
		by = firstBy(list)
	}
	if by < 0 {
		h.readClient(body, list, nil)
		return
	}
	h.read(body, list, by)
	if how == (reading{}) && h.disputed(body, list, by) {
		*h = Hop{Raw: value, Time: h.Time}
	}
}

// read reads both sides of the by clause.
func (h *Hop) read(body string, list []token, by int) {
	right := list[by+1:]
	h.readRight(right)
	h.readClient(body[:list[by].start], list[:by], right)
}

// maxBys bounds the by clauses of one line that are read; a line with more is no server's own.
const maxBys = 4

// disputed tells a line with a second by clause which the client may have slipped in with his recipient or sender as well as
// with his HELO: servers print both, and not all quote what is odd in them. Where the readings differ none is believed
// (METHOD 3.7).
func (h *Hop) disputed(body string, list []token, by int) bool {
	first := firstBy(list)
	if first < 0 || first == by || !slices.ContainsFunc(list[first:by], path) {
		return false
	}
	bys := 1
	for at := first; at < by; at++ {
		if !list[at].is("by") || list[at+1].comment {
			continue
		}
		other := Hop{}
		other.read(body, list, at)
		if bys++; bys > maxBys || other.IP != h.IP || other.Auth != h.Auth {
			return true
		}
	}
	return false
}

// path tells a word or comment that introduces an address of the envelope.
func path(t token) bool {
	return t.is("for") || t.is("envelope-from") || t.comment && hasPrefixFold(t.text, "envelope")
}

// lastBy finds the "by" of the writing server: the last one outside comments and addresses. Everything a client could
// have slipped in with its HELO stands left of it.
func lastBy(list []token) int {
	for i := len(list) - 2; i >= 0; i-- {
		if list[i].is("by") && !list[i+1].comment && !byTransport(list, i) {
			return i
		}
	}
	return -1
}

// byTransport tells the second "by" of Email Filtering Service lines: by NAME with emfmta (version V) by TLS id N. Nobody's
// server is called TLS.
func byTransport(list []token, i int) bool {
	return i > 3 && (list[i+1].is("TLS") || list[i+1].is("SMTP")) && list[i-1].comment && list[i-2].is("emfmta") && list[i-3].is("with")
}

// firstBy is what readers from the left take for it.
func firstBy(list []token) int {
	for i := 0; i < len(list)-1; i++ {
		if list[i].is("by") && !list[i+1].comment {
			return i
		}
	}
	return -1
}

// maxDateTries bounds the semicolons that are tried as the one before the date.
const maxDateTries = 3

// cutDate takes the date behind the last semicolon and gives the rest. Courier before 0.60 puts "id ID" behind it, some
// Sendmail builds a comment with the envelope sender, which could hold a semicolon itself.
func (h *Hop) cutDate(value string) string {
	end := len(value)
	for range maxDateTries {
		at := strings.LastIndexByte(value[:end], ';')
		if at < 0 {
			break
		}
		date, id, _ := strings.Cut(value[at+1:], " id ")
		if t, ok := header.ParseDate(strings.TrimSpace(date)); ok {
			h.Time, h.ID = t, firstWord(id)
			if strings.Contains(date, "(envelope") {
				h.EnvelopeFrom = envelopeOf(tokens(date, nil))
			}
			return value[:at]
		}
		end = at
	}
	if at := strings.LastIndexByte(value, ';'); at >= 0 && len(value)-at < 60 {
		return value[:at]
	}
	return value
}

func firstWord(s string) string {
	for word := range strings.FieldsSeq(s) {
		return word
	}
	return ""
}

// keywords begin the clauses that follow the by clause (RFC 5321 section 4.4).
func keyword(t token) bool {
	return t.is("with") || t.is("id") || t.is("for") || t.is("via") || t.is("over") || t.is("envelope-from")
}

// readRight reads what the writing server says of itself: by, with, id, for.
func (h *Hop) readRight(right []token) {
	h.By = strings.TrimSuffix(trimMarks(right[0].text), ".")
	h.ByIP, _ = parseAddr(right[0].text)
	via := ""
	named := false // a clause has begun: comments no longer belong to the by name
	for i := 1; i < len(right); i++ {
		t := right[i]
		switch {
		case t.comment:
			h.readRightComment(t.text, named)
		case t.is("with") && h.Protocol == "":
			named = true
			h.Protocol = phrase(right[i+1:])
		case t.is("via") && via == "":
			named = true
			via = phrase(right[i+1:])
		case t.is("id") && i+1 < len(right) && h.ID == "":
			named = true
			h.ID = trimAngles(right[i+1].text)
		case t.is("for") && i+1 < len(right) && h.For == "":
			named = true
			h.For = trimAngles(right[i+1].text)
		case t.is("envelope-from") && i+1 < len(right): // Haraka
			h.EnvelopeFrom = reversePath(right[i+1].text)
		case strings.HasPrefix(t.text, "auth=yes"): // OpenSMTPD
			h.Auth = true
		case h.Auth && strings.HasPrefix(t.text, "user="):
			h.AuthUser = t.text[len("user="):]
		case !named && !h.ByIP.IsValid(): // MDaemon: by NAME [ADDR]
			h.ByIP, _, _, _ = cutBracketed(t.text)
		}
	}
	if h.Protocol == "" {
		h.Protocol = via
	}
	h.Auth = h.Auth || authProtocol(h.Protocol)
	if env := envelopeOf(right); env != "" && h.EnvelopeFrom == "" {
		h.EnvelopeFrom = env
	}
	h.Software = softwareOf(h, right, via)
	if h.Software == "exchange" {
		h.ID = "" // it prints its version there
	}
}

// readRightComment reads a comment behind the by name: the server's address, how the client came in, its login.
func (h *Hop) readRightComment(text string, named bool) {
	if !named && !h.ByIP.IsValid() {
		h.ByIP = clientOf(text).ip
	}
	if strings.EqualFold(text, "via HTTP") && h.Protocol == "" {
		h.Protocol = "HTTP"
	}
	if h.For == "" { // servers say it before the recipient, which is the client's text
		h.readAuth(text)
	}
}

// phrase joins the words of a protocol: "ESMTPSA", "Microsoft SMTP Server", "ESMTP AUTH".
func phrase(list []token) string {
	var words []string
	for _, t := range list {
		if t.comment || keyword(t) || t.is("tls") || len(words) == 4 {
			break
		}
		words = append(words, t.text)
	}
	return strings.Join(words, " ")
}

// envelopeOf finds the reverse-path in a comment: (envelope-from <a@b>), (envelope-sender <a@b>), chasquid's
// envelope from "a@b". "<>" is the null path.
func envelopeOf(list []token) string {
	for _, t := range list {
		if !t.comment {
			continue
		}
		for _, mark := range []string{"envelope-from ", "envelope-sender ", "envelope from "} {
			if at := strings.Index(t.text, mark); at == 0 || at > 0 && t.text[at-1] == ' ' {
				return reversePath(t.text[at+len(mark):])
			}
		}
	}
	return ""
}

// reversePath gives an address without its brackets or chasquid's quotes, "<>" for the null path.
func reversePath(s string) string {
	s = strings.TrimSpace(s)
	if quoted, err := strconv.Unquote(s); err == nil {
		s = quoted
	}
	if s = trimAngles(s); s != "" {
		return s
	}
	return "<>"
}
