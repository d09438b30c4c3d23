package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/mail"
	"strings"

	"github.com/emersion/go-message"

	"ndrscan/classify"
	"ndrscan/weekly"
)

// The report of a period as mail: multipart/alternative (RFC 2046 section 5.1.4) of the terminal's text and of HTML with its
// charts as table cells. There are no pictures: clients block those that lie elsewhere and ask about attached ones, and none
// shows SVG. Nothing that mail or DNS brought reaches the header: the subject is made of our own words and of numbers. Names and
// boundaries come from the content, so that the same report is the same mail, byte for byte.

// WeeklyMail is who a report goes to and who sends it: bare addresses.
type WeeklyMail struct {
	From string
	To   []string
}

// MailWeekly writes the mail, with CRLF line ends.
func MailWeekly(r *weekly.Report, e WeeklyMail) ([]byte, error) {
	var text, page bytes.Buffer
	if err := weeklyTerminal(&text, r, Style{}); err != nil {
		return nil, err
	}
	if err := weeklyMailHTML(&page, r); err != nil {
		return nil, err
	}
	parts := []part{{kind: "text/plain", body: text.Bytes()}, {kind: "text/html", body: page.Bytes()}}
	for i, address := range append([]string{e.From}, e.To...) {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			return nil, fmt.Errorf("%q (number %d) is no mail address", Clean(address), i)
		}
	}
	var h message.Header
	// Fields come out in the reverse order of their setting.
	h.SetContentType("multipart/alternative", map[string]string{"boundary": contentName(parts, "boundary")})
	h.Set("Auto-Submitted", "auto-generated") // RFC 3834 section 5: nobody's vacation program answers
	h.Set("Message-ID", "<"+contentName(parts, e.From, strings.Join(e.To, " "))+"@"+domainOf(e.From)+">")
	h.Set("Date", r.Span.To.UTC().Format("Mon, 02 Jan 2006 15:04:05 +0000"))
	h.SetText("Subject", weeklySubject(r))
	h.Set("To", strings.Join(e.To, ", "))
	h.Set("From", `"ndrscan" <`+e.From+">")
	var out bytes.Buffer
	w, err := message.CreateWriter(&out, h)
	if err != nil {
		return nil, err
	}
	for _, p := range parts {
		if err := p.write(w); err != nil {
			return nil, err
		}
	}
	err = w.Close()
	return out.Bytes(), err
}

// weeklySubject is the verdict and the first part of the sentence: the sums of both periods.
func weeklySubject(r *weekly.Report) string {
	label, _ := weeklyLabel(r)
	subject := "Bounces " + r.Span.Name() + ": " + label
	if nothingRead(r) || r.Verdict == classify.NoBounces {
		return subject
	}
	subject = fmt.Sprintf("%s, %d", subject, r.Now.Bounces)
	if !r.Compared() {
		return subject
	}
	return fmt.Sprintf("%s (%d before)", subject, r.Then.Bounces)
}

// contentName is a name made of what is to be named. As a boundary it can stand in no part, for a text that holds its own hash
// can't be found.
func contentName(parts []part, more ...string) string {
	hash := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(hash, "%d %s", len(p.body), p.body)
	}
	for _, s := range more {
		fmt.Fprintf(hash, "%d %s", len(s), s)
	}
	return "ndrscan-" + hex.EncodeToString(hash.Sum(nil)[:16])
}
