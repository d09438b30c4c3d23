package dsn

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"ndrscan/internal/header"
)

// Feedback is what an abuse report says (RFC 5965): a receiver's user or filter complains about a message of ours, or
// (RFC 6591) a receiver found it not authenticated.
type Feedback struct {
	Type         string // abuse, fraud, virus, auth-failure, not-spam, other
	Reporter     string // its User-Agent
	SourceIP     netip.Addr
	MailFrom     string // "<>" for the null reverse-path
	RcptTo       []string
	Arrival      time.Time
	ReportingMTA string
	Incidents    string

	Derived []string // names of the fields that the report leaves out and that were read from the returned message instead
}

// readFeedback reads the report's own fields, and what they leave out from the returned message.
func (p *parser) readFeedback() {
	fb := &Feedback{}
	section, _ := header.Split(trimBlankLines(p.feedback))
	for _, f := range section {
		value := f.Value()
		switch strings.ToLower(string(f.Name())) {
		case "feedback-type":
			setOnce(&fb.Type, strings.ToLower(value))
		case "user-agent":
			setOnce(&fb.Reporter, value)
		case "source-ip":
			fb.SourceIP, _ = netip.ParseAddr(strings.Trim(value, "[]"))
		case "original-mail-from":
			setOnce(&fb.MailFrom, senderAddress([]byte(value)))
		case "original-rcpt-to":
			if len(fb.RcptTo) < maxRecipients {
				fb.RcptTo = append(fb.RcptTo, reportAddress([]byte(value)))
			}
		case "arrival-date", "received-date":
			if fb.Arrival.IsZero() {
				fb.Arrival, _ = f.Date()
			}
		case "reporting-mta":
			setOnce(&fb.ReportingMTA, untyped([]byte(value)))
		case "incidents":
			setOnce(&fb.Incidents, value)
		}
	}
	fb.derive(&p.b.Original)
	p.b.Feedback = fb
	setOnce(&p.b.ReportingMTA, fb.ReportingMTA)
}

// derive fills in from the returned message what the report does not say.
func (fb *Feedback) derive(o *Original) {
	derived := func(name string, ok bool) {
		if ok {
			fb.Derived = append(fb.Derived, name)
		}
	}
	if fb.MailFrom == "" {
		fb.MailFrom = o.ReturnPath
		setOnce(&fb.MailFrom, o.From)
		derived("Original-Mail-From", fb.MailFrom != "")
	}
	if len(fb.RcptTo) == 0 {
		fb.RcptTo = o.To
		derived("Original-Rcpt-To", len(o.To) > 0)
	}
	if fb.Arrival.IsZero() {
		fb.Arrival = o.Date
		derived("Arrival-Date", !o.Date.IsZero())
	}
	if !fb.SourceIP.IsValid() {
		fb.SourceIP = bracketedIP(o.Header.Get("Received"))
		derived("Source-IP", fb.SourceIP.IsValid())
	}
}

// bracketedIP gives the first address in brackets of a Received line, which most software writes for the client it saw.
func bracketedIP(received string) netip.Addr {
	for rest := received; ; {
		_, after, ok := strings.Cut(rest, "[")
		if !ok {
			return netip.Addr{}
		}
		inner, _, _ := strings.Cut(after, "]")
		if ip, err := netip.ParseAddr(strings.TrimPrefix(inner, "IPv6:")); err == nil {
			return ip
		}
		rest = after
	}
}

// isComplaint tells feedback in a form of its own: Hotmail's is the mail alone, with a subject about it.
func isComplaint(subject string) bool {
	return strings.HasPrefix(subject, "complaint about message from ")
}

// archives are the types in which DMARC reports travel.
var archives = []string{"application/gzip", "application/zip", "application/x-zip-compressed", "application/x-gzip", "text/xml", "application/xml", "application/octet-stream"}

// isDMARCReport tells an aggregate report: the subject's fixed words (RFC 7489 section 7.2.1.1, RFC 9990), and an attached
// archive.
func (p *parser) isDMARCReport() bool {
	if !strings.Contains(p.b.Subject, "omain:") || !strings.Contains(strings.ToLower(p.b.Subject), "report domain:") {
		return false
	}
	for i := range p.walker.parts {
		if slices.Contains(archives, p.walker.parts[i].typ) {
			return true
		}
	}
	return false
}
