package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-message"

	"ndrscan/classify"
)

// The Abuse Reporting Format (RFC 5965): a part for people, one for programs, and what is known of the message.

// feedback is the message/feedback-report about a network (RFC 5965 section 3). One report has one Source-IP: that of the
// message it shows; the part for people lists the others. Reporting-MTA is left out, for it names the server that made the
// report, and there is none.
func (w *writer) feedback(k *complaint, f *classify.Finding) []byte {
	var out fields
	out.add("Feedback-Type", "abuse")
	out.add("User-Agent", w.Agent)
	out.add("Version", "1")
	out.add("Source-IP", f.Origin.IP)
	if f.Origin.Port > 0 {
		out.add("Source-Port", fmt.Sprint(f.Origin.Port)) // RFC 6692 section 3
	}
	out.add("Incidents", fmt.Sprint(k.messages))
	if f.Origin.Time != nil {
		out.add("Arrival-Date", mailDate(*f.Origin.Time))
	}
	if from := w.mailFrom(f); from != "" {
		out.add("Original-Mail-From", "<"+from+">")
	}
	for _, r := range f.Recipients {
		out.add("Original-Rcpt-To", "<"+w.address(r.Address)+">")
	}
	if f.SPF != nil && isHostName(f.SPF.Domain) {
		out.add("Authentication-Results", w.authority()+"; spf="+f.SPF.Result+" smtp.mailfrom="+strings.ToLower(f.SPF.Domain))
	}
	if f.Origin.RDNSConfirmed && isHostName(f.Origin.RDNS) {
		out.add("Reported-Domain", f.Origin.RDNS)
	}
	return []byte(out.out.String())
}

// authority names who checked SPF (RFC 8601 section 2.5).
func (w *writer) authority() string {
	if w.From != "" {
		return domainOf(w.From)
	}
	return "ndrscan"
}

// mailFrom is the envelope sender with a token for its local part; "" where it isn't known.
func (w *writer) mailFrom(f *classify.Finding) string {
	from := f.Original.MailFrom
	if !knownEnvelope(f) || !strings.Contains(from, "@") {
		return ""
	}
	return w.address(from)
}

// knownEnvelope: a From field says nothing about the envelope.
func knownEnvelope(f *classify.Finding) bool { return f.Original.MailFromSource != "from" }

const mailDateForm = "Mon, 02 Jan 2006 15:04:05 +0000"

func mailDate(t time.Time) string { return t.UTC().Format(mailDateForm) }

// headerSection is what a finding holds of the message's header, written as header fields again. It says so itself: the
// bytes that came back are evidence, and this is not those bytes.
func (w *writer) headerSection(f *classify.Finding) ([]byte, error) {
	o := f.Original
	var h message.Header
	text := func(name, value string) {
		if value != "" {
			h.SetText(name, bounded(Clean(value)))
		}
	}
	address := func(name, value string) {
		if strings.Contains(value, "@") {
			h.Set(name, "<"+w.address(value)+">")
		}
	}
	// The last field set comes first.
	text("X-Mailer", w.text(o.UserAgent))
	if o.MessageID != "" {
		h.Set("Message-ID", ascii(w.words(o.MessageID)))
	}
	if o.Date != nil {
		h.Set("Date", mailDate(*o.Date))
	}
	text("Subject", w.text(o.Subject))
	var to []string
	for _, address := range o.To[:min(len(o.To), maxTo)] {
		to = append(to, "<"+w.address(address)+">")
	}
	if len(to) > 0 {
		h.Set("To", strings.Join(to, ", "))
	}
	address("From", o.From)
	h.Set("Received", received(f))
	if from := w.mailFrom(f); from != "" {
		h.Set("Return-Path", "<"+from+">")
	}
	h.Set("X-Composed", "by ndrscan from what the bounce said; addresses redacted; not the original bytes")
	return writeSection(h)
}

// maxTo bounds the recipients of a header that are shown.
const maxTo = 5

// received writes the line of the border again, from what was read in it.
func received(f *classify.Finding) string {
	o := f.Origin
	var line strings.Builder
	line.WriteString("from " + word(o.HELO, "unknown") + " (")
	if isHostName(o.RDNS) {
		line.WriteString(o.RDNS + " ")
	}
	line.WriteString("[" + ipLiteral(o.IP) + "]")
	if o.Port > 0 {
		fmt.Fprintf(&line, ":%d", o.Port)
	}
	line.WriteString(") by " + word(o.By, "unknown"))
	if o.QueueID != "" {
		line.WriteString(" id " + word(o.QueueID, "unknown"))
	}
	if o.Time != nil {
		line.WriteString("; " + mailDate(*o.Time))
	}
	return line.String()
}

func ipLiteral(ip string) string {
	if strings.Contains(ip, ":") {
		return "IPv6:" + ip // RFC 5321 section 4.1.3
	}
	return ip
}

// word is a text from mail that stands for one word of a structured field.
func word(s, otherwise string) string {
	bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`()<>;,"\`, r) }
	if s == "" || len(s) > 255 || strings.ContainsFunc(s, bad) {
		return otherwise
	}
	return s
}

// writeSection writes header fields and the empty line behind them.
func writeSection(h message.Header) ([]byte, error) {
	var out strings.Builder
	all := h.Fields()
	for all.Next() {
		raw, err := all.Raw()
		if err != nil {
			return nil, err
		}
		out.Write(raw)
	}
	return []byte(strings.ReplaceAll(out.String(), "\r\n", "\n") + "\n"), nil
}

// abuseLetter writes the ARF report about one network.
func (w *writer) abuseLetter(k *complaint, about abuseFacts) ([]byte, error) {
	sample := about.sample
	human, err := w.render("abuse", about)
	if err != nil {
		return nil, err
	}
	section, err := w.headerSection(sample)
	if err != nil {
		return nil, err
	}
	return compose(w.envelope(about.subject(), about.to),
		part{kind: "text/plain", body: human},
		part{kind: "message/feedback-report", body: w.feedback(k, sample), disposition: "inline"},
		part{kind: "text/rfc822-headers", body: section, disposition: "inline"})
}

func (w *writer) envelope(subject string, to []string) envelope {
	return envelope{from: w.From, org: w.Org, subject: subject, to: slices.Clone(to), date: w.Now, random: w.Random}
}
