package dsn

import (
	"bytes"
	"strings"

	"ndrscan/internal/header"
)

// What a message is. Parts made for machines decide first (RFC 3464, 5965, 8098), then the dialect table, then what
// automatic mail has in common; a subject alone is the weakest sign and never makes a bounce of mail from a person.

// decide sets Kind, and keeps the recipients that the kind speaks of.
func (p *parser) decide() {
	b := p.b
	switch {
	case p.feedback, isComplaint(p):
		b.Kind = KindFeedback
	case isDMARCReport(p):
		b.Kind = KindDMARCReport
	case p.mdn != nil:
		p.decideDisposition()
	case p.personal():
		b.Kind = KindOther
	case len(p.reported) > 0:
		p.fillFromText()
		b.Kind = kindOfActions(p.reported, p.delayed())
		p.keep(p.reported)
	default:
		p.decideByText()
	}
	if b.Kind == KindBounce || b.Kind == KindDelay {
		if isPostmasterCopy(b) {
			b.Kind = KindPostmasterCopy
		}
	}
	if b.Kind != KindBounce && b.Kind != KindDelay && b.Kind != KindSuccess && b.Kind != KindPostmasterCopy && b.Kind != KindFeedback {
		b.Original = Original{Returned: ReturnedNone}
	}
}

// decideByText is for messages without report parts.
func (p *parser) decideByText() {
	b := p.b
	list := p.readRecipients()
	switch {
	case p.row != nil && p.row.kind != "":
		b.Kind = p.row.kind
	case p.row != nil && p.machine():
		b.Kind = KindBounce
	case p.isChallenge():
		b.Kind = KindChallenge
	case p.isAutoReply():
		b.Kind = KindAutoreply
	case p.machine() && (p.top.hasFailed || p.saysFailure()):
		b.Kind = KindBounce
	default:
		b.Kind = KindOther
		return
	}
	if b.Kind == KindBounce && p.delayed() {
		b.Kind = KindDelay
	}
	action := ActionFailed
	if b.Kind == KindDelay {
		action = ActionDelayed
	}
	if b.Kind == KindBounce || b.Kind == KindDelay {
		for i := range list {
			list[i].Action = action
		}
		p.keep(list)
	}
}

// decideDisposition reads an MDN: a receipt, or the rejection of a Sieve script (RFC 5429 section 2.2), which is a bounce.
func (p *parser) decideDisposition() {
	b := p.b
	b.Kind = KindReceipt
	if !p.rejected() {
		return
	}
	b.Kind = KindBounce
	list := readReport(p.mdn, b, nil)
	for i := range list {
		list[i].Action = ActionFailed
		list[i].Diagnostic = joinDiagnostic(p.text)
	}
	p.keep(list)
}

// rejected tells a Sieve rejection from "deleted without being read", which has the same Disposition: Dovecot says so in
// Auto-Submitted, Cyrus and others in the text of RFC 5429's example.
func (p *parser) rejected() bool {
	if strings.Contains(p.top.autoSubmitted, "(rejected)") {
		return true
	}
	return containsFold(p.mdn, "automatic-action") && containsFold(p.mdn, "deleted") &&
		(containsFold(p.text, "automatically rejected") || containsFold(p.text, "has refused") || containsFold(p.text, "sieve"))
}

// kindOfActions is METHOD 5: a message is a bounce if any recipient failed.
func kindOfActions(list []Recipient, delayed bool) Kind {
	kind := KindSuccess
	for i := range list {
		r := &list[i]
		if r.Action == "" {
			r.Action = guessAction(r.Status, delayed)
		}
		switch r.Action {
		case ActionFailed:
			return KindBounce
		case ActionDelayed:
			kind = KindDelay
		}
	}
	return kind
}

// guessAction stands in for a missing Action.
func guessAction(status string, delayed bool) Action {
	switch {
	case delayed && !strings.HasPrefix(status, "5"):
		return ActionDelayed
	case strings.HasPrefix(status, "2"):
		return ActionDelivered
	}
	return ActionFailed
}

// keep stores the recipients that the message's kind speaks of, once each, with their reasons.
func (p *parser) keep(list []Recipient) {
	want := map[Kind]Action{KindBounce: ActionFailed, KindDelay: ActionDelayed}[p.b.Kind]
	known := make(map[string]bool, len(list))
	for _, r := range list {
		if want != "" && r.Action != want && r.Action != "" || known[r.Address] {
			continue
		}
		known[r.Address] = true
		if r.Action == "" {
			r.Action = want
		}
		if r.Status == "" {
			r.Status = findStatus([]byte(r.Diagnostic))
		}
		if r.Action == ActionFailed || r.Action == ActionDelayed {
			r.Reason = reasonOf(&r)
		}
		p.b.Recipients = append(p.b.Recipients, r)
	}
}

// fillFromText takes the diagnostic from the text where the report's fields have none.
func (p *parser) fillFromText() {
	missing := false
	for i := range p.reported {
		missing = missing || p.reported[i].Diagnostic == ""
	}
	if !missing || p.row == nil || p.row.read == nil {
		return
	}
	said := make(map[string]string)
	for _, r := range p.row.read(p.text) {
		said[r.Address] = r.Diagnostic
	}
	for i := range p.reported {
		r := &p.reported[i]
		if r.Diagnostic == "" {
			if r.Diagnostic = said[r.Address]; r.Diagnostic == "" {
				r.Diagnostic = said[r.Original]
			}
		}
	}
}

// machine tells mail written by a mail system: the null reverse-path (RFC 5321 section 4.5.5), a sender that is none of
// a person, a report by type, or X-Failed-Recipients (Exim, Gmail).
func (p *parser) machine() bool {
	return p.nullSender() || p.top.hasFailed || isDaemon(p.b.From) || strings.HasPrefix(mediaType(p.top.contentType), "multipart/report") ||
		p.b.From == "" && p.b.Header.Has("From")
}

func (p *parser) nullSender() bool {
	path := p.top.returnPath
	return p.top.hasReturnPath && (path == "<>" || strings.HasPrefix(path, "mailer-daemon"))
}

// daemons are the local parts in whose name mail systems write.
var daemons = []string{"mailer-daemon", "postmaster", "mailerdaemon", "mail-daemon", "post_master", "mdaemon", "mail.delivery.system", "microsoftexchange", "maildelivery", "mail-delivery", "daemon", "mailer_daemon"}

func isDaemon(from string) bool {
	local, _, _ := strings.Cut(from, "@")
	for _, name := range daemons {
		if strings.HasPrefix(local, name) {
			return true
		}
	}
	return false
}

// personal tells mail in which a person answers or passes on a report.
func (p *parser) personal() bool {
	if p.nullSender() || p.top.hasFailed || strings.HasPrefix(p.top.autoSubmitted, "auto-") {
		return false
	}
	if isDaemon(p.b.From) && !p.top.reply {
		return false
	}
	subject := strings.ToLower(p.b.Subject)
	for _, prefix := range []string{"re:", "fw:", "fwd:", "aw:", "wg:", "sv:", "vs:", "tr:", "rv:", "odp:", "antw:"} {
		if strings.HasPrefix(subject, prefix) {
			return true
		}
	}
	return false
}

// failures are words of which every report of a failure has some, in its text or subject.
var failures = []string{"undeliver", "not be delivered", "delivery failed", "delivery fail", "delivery has failed", "failed to deliver", "unable to deliver", "could not deliver", "returned mail", "failure notice", "non-delivery", "nondeliverable", "not delivered", "couldn't be delivered", "returned to sender", "did not reach", "was rejected", "has been rejected", "was not able to deliver", "user unknown", "returning message", "returned message", "mail failed", "delivery failure", "delivery error", "mail error", "no such user", "permanent error", "permanently", "wasn't able to deliver", "delivery status", "mail delivery", "has been returned"}

func (p *parser) saysFailure() bool {
	head := p.text[:min(len(p.text), 4<<10)]
	subject := []byte(p.b.Subject)
	for _, word := range failures {
		if containsFold(head, word) || containsFold(subject, word) {
			return true
		}
	}
	return false
}

// delays are what reports of a delay say and reports of a failure don't.
var delays = []string{"has not yet been delivered", "not yet been delivered", "this is a warning message only", "has been delayed", "delivery attempts will continue", "will continue to be attempted", "will continue to attempt delivery", "message will be retried", "you do not need to resend", "no action is required on your part", "will keep trying", "delivery is delayed", "still being retried"}

func (p *parser) delayed() bool {
	head := p.text[:min(len(p.text), 8<<10)]
	for _, word := range delays {
		if containsFold(head, word) {
			return true
		}
	}
	return false
}

// isPostmasterCopy tells the copies that an MTA sends its own postmaster (METHOD 4): Sendmail's "Postmaster notify",
// Postfix's "Postmaster Copy" and "Postmaster Warning".
func isPostmasterCopy(b *Bounce) bool {
	for _, prefix := range []string{"Postmaster notify", "Postmaster Copy:", "Postmaster Warning:", "Postfix SMTP server: errors from"} {
		if strings.HasPrefix(b.Subject, prefix) {
			return true
		}
	}
	return false
}

// isAutoReply tells answers of a robot to the mail itself: RFC 3834 and the fields that came before it; subjects only
// where the mail comes from nobody's hand.
func (p *parser) isAutoReply() bool {
	if strings.HasPrefix(p.top.autoSubmitted, "auto-replied") && !p.saysFailure() || p.top.autoReply {
		return true
	}
	if p.top.precedence == "auto_reply" {
		return true
	}
	subject := strings.ToLower(p.b.Subject)
	for _, word := range autoReplySubjects {
		if strings.HasPrefix(subject, word) {
			return true
		}
	}
	return false
}

var autoReplySubjects = []string{"auto reply", "auto-reply", "autoreply", "auto response", "auto-response", "automatic reply", "automated reply", "automatic response", "automated response", "out of office", "out of the office", "out-of-office", "vacation", "away from", "automatische antwort", "abwesenheit", "réponse automatique", "respuesta automática", "risposta automatica", "[automatyczna odpowied", "odpowiedź automatyczna", "autosvar", "automatiskt svar", "автоответ"}

// challenges are marks of challenge-response systems.
var challenges = []string{"added to the recipient's allowed", "protected by bluebottle", "boxbe", "requires verification", "confirm your message", "to confirm that you are", "tmda", "spamarrest", "spam arrest", "approved senders", "waiting list", "allowed senders", "please reply to this message to confirm", "verify that you are a human", "your message is being held", "deliver your message, please", "released from quarantine"}

func (p *parser) isChallenge() bool {
	head := p.text[:min(len(p.text), 4<<10)]
	for _, word := range challenges {
		if containsFold(head, word) {
			return true
		}
	}
	return containsFold([]byte(p.b.Subject), "confirm") && strings.HasPrefix(p.top.autoSubmitted, "auto-replied")
}

// isComplaint tells feedback in forms of their own: Hotmail's is the mail alone, with a subject about it.
func isComplaint(p *parser) bool {
	return strings.HasPrefix(p.b.Subject, "complaint about message from ")
}

// isDMARCReport tells an aggregate report (RFC 9990 section 2.6.2: the subject's fixed words, and an attached archive).
func isDMARCReport(p *parser) bool {
	subject := []byte(p.b.Subject)
	if !containsFold(subject, "report domain:") {
		return false
	}
	for i := range p.walker.parts {
		switch p.walker.parts[i].typ {
		case "application/gzip", "application/zip", "application/x-zip-compressed", "application/x-gzip", "text/xml", "application/xml", "application/octet-stream":
			return true
		}
	}
	return false
}

// readRecipients reads the text's recipients by the row's reader or by what reports have in common, else the header's.
func (p *parser) readRecipients() []Recipient {
	var list []Recipient
	if p.row != nil && p.row.read != nil {
		list = p.row.read(p.text)
	}
	if len(list) == 0 && p.machine() {
		list = p.generic()
	}
	for _, a := range header.Addresses(p.top.failed) {
		addr := strings.ToLower(a.Addr)
		if len(list) == 0 || !hasRecipient(list, addr) && p.row == nil {
			list = append(list, Recipient{Address: addr, Diagnostic: diagnosis(nil, p.text)})
		}
	}
	return list
}

func hasRecipient(list []Recipient, addr string) bool {
	for i := range list {
		if list[i].Address == addr {
			return true
		}
	}
	return false
}

// generic reads recipients where no row knows the form: a list, an "<address>:" or the first address of the text that is
// not the account.
func (p *parser) generic() []Recipient {
	if list := genericReader(p.text); len(list) > 0 {
		return list
	}
	for rest := p.text[:min(len(p.text), 8<<10)]; len(rest) > 0; {
		line, next := cutLine(rest)
		for _, a := range header.Addresses(string(line)) {
			addr := strings.ToLower(a.Addr)
			if isAddress([]byte(addr)) && addr != p.b.Account && addr != p.b.From && !isDaemon(addr) && bytes.IndexByte(line, '@') >= 0 {
				return []Recipient{{Address: addr, Diagnostic: diagnosis(next, p.text)}}
			}
		}
		rest = next
	}
	return nil
}
