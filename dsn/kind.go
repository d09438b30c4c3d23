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
	case p.row != nil && p.row.kind != "" && p.row.kind != KindBounce:
		b.Kind = p.row.kind
	case p.feedback != nil:
		b.Kind = KindFeedback
		p.readFeedback()
	case isComplaint(b.Subject):
		b.Kind = KindFeedback
	case p.isDMARCReport():
		b.Kind = KindDMARCReport
	case p.mdn != nil:
		p.decideDisposition()
	case p.isChallenge():
		b.Kind = KindChallenge
	case p.forwarded():
	case p.personal():
		b.Kind = KindOther
	case len(p.reported) > 0:
		p.completeReported()
		b.Kind = p.kindOfActions()
		p.keep(p.reported)
	default:
		p.decideByText()
	}
	if (b.Kind == KindBounce || b.Kind == KindDelay) && (isPostmasterCopy(b.Subject) || p.row != nil && p.row.copy) {
		b.Kind = KindPostmasterCopy
	}
	switch b.Kind {
	case KindBounce, KindDelay, KindSuccess, KindPostmasterCopy, KindFeedback:
	default:
		b.Original = Original{Returned: ReturnedNone}
	}
}

// decideByText is for messages without report parts.
func (p *parser) decideByText() {
	list := p.readRecipients()
	if p.wrapped(list) {
		return
	}
	b := p.b
	switch b.Kind = p.kindOfText(len(list) > 0); b.Kind {
	case KindBounce:
		if to := b.Original.To; len(list) == 0 && len(to) == 1 && to[0] != b.Account {
			list = []Recipient{{Address: to[0], Diagnostic: joinDiagnostic(p.text)}} // the only one it can speak of
		}
		setActions(list, ActionFailed)
		p.keep(list)
	case KindDelay:
		setActions(list, ActionDelayed)
		p.keep(list)
	case KindSuccess:
		setActions(list, ActionDelivered)
		p.keep(list)
	}
}

// kindOfText weighs what the text and the header say. A report needs more than its sender's name, for spam likes to come
// from mailer-daemon: words of failure, a failed recipient by name, or an original.
func (p *parser) kindOfText(named bool) Kind {
	report := KindBounce
	switch {
	case p.delayed():
		report = KindDelay
	case p.says(marked.success) && findReply(p.text) == "":
		report = KindSuccess
	}
	returned := p.b.Original.Returned != ReturnedNone
	switch machine := p.machine(); {
	case p.row != nil && (machine || p.row.kind == KindBounce):
		return report
	case (p.isRobot() || p.hasRobotSubject()) && !isDaemon(p.b.From):
		return KindAutoreply
	case machine && p.top.hasFailed:
		return report
	case machine && p.saysFailure() && (returned || !p.answerable() && (named || p.nullSender() && (isDaemon(p.b.From) || p.b.From == ""))):
		return report
	case p.isRobot(), p.hasRobotSubject(), p.nullSender() && !isDaemon(p.b.From) && p.b.From != "":
		return KindAutoreply
	}
	return KindOther
}

func setActions(list []Recipient, action Action) {
	for i := range list {
		list[i].Action = action
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
func (p *parser) kindOfActions() Kind {
	kind := KindSuccess
	for i := range p.reported {
		r := &p.reported[i]
		if r.Action == "" {
			r.Action = guessAction(r.Status, p.delayed())
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

// keep stores the recipients that the message's kind speaks of, once each, with their reasons. The list is used up.
func (p *parser) keep(list []Recipient) {
	var want Action
	switch p.b.Kind {
	case KindBounce:
		want = ActionFailed
	case KindDelay:
		want = ActionDelayed
	}
	kept := list[:0]
	var known map[string]bool
	if len(list) > maxUnmapped {
		known = make(map[string]bool, len(list))
	}
	for _, r := range list {
		if want != "" && r.Action != want && r.Action != "" || isKnown(kept, known, r.Address) {
			continue
		}
		if known != nil {
			known[r.Address] = true
		}
		setOnce((*string)(&r.Action), string(want))
		if r.Status == "" {
			r.Status = findStatus([]byte(r.Diagnostic))
		}
		if r.Action == ActionFailed || r.Action == ActionDelayed {
			r.Reason = p.reason(&r)
		}
		kept = append(kept, r)
	}
	if len(kept) > 0 {
		p.b.Recipients = kept
	}
}

// reason gives why a recipient failed: what the report says, else what its writer means by saying nothing.
func (p *parser) reason(r *Recipient) Reason {
	reason := reasonOf(r)
	switch {
	case reason != ReasonOther:
	case p.row != nil && p.row.reason != "":
		return p.row.reason
	case p.row == nil && len(p.reported) == 0:
		reason, _ = textReasonOf(string(p.text[:min(len(p.text), maxDiagnostic)]))
	case r.Diagnostic == "" && p.b.Original.Header.Count("Received") >= loopedHops:
		return ReasonLoop
	}
	return reason
}

// loopedHops is the number of Received lines at which a message is taken for looping: Sendmail's MaxHopCount is 25, Exim's
// received_headers_max 30. QUIRK: Exim's report says nothing of it.
const loopedHops = 25

// maxUnmapped is the length up to which a list is searched one by one.
const maxUnmapped = 8

func isKnown(list []Recipient, known map[string]bool, addr string) bool {
	if known != nil {
		return known[addr]
	}
	for i := range list {
		if list[i].Address == addr {
			return true
		}
	}
	return false
}

// completeReported repairs what the report's fields leave out and the text or the header says: a diagnostic, or an address
// where Final-Recipient is a command, a host or an X.400 name.
func (p *parser) completeReported() {
	if len(p.reported) == 1 && !isAddress([]byte(p.reported[0].Address)) {
		p.repairAddress(&p.reported[0])
	}
	var said map[string]string
	for i := range p.reported {
		r := &p.reported[i]
		if !isAddress([]byte(r.Address)) && isAddress([]byte(r.Original)) {
			r.Address, r.Original = r.Original, r.Address
		}
		if r.Diagnostic != "" {
			continue
		}
		if said == nil {
			said = make(map[string]string)
			for _, read := range p.readRow() {
				said[read.Address] = read.Diagnostic
			}
		}
		if r.Diagnostic = said[r.Address]; r.Diagnostic == "" {
			r.Diagnostic = said[r.Original]
		}
	}
}

// readRow reads the text's recipients by the row's reader.
func (p *parser) readRow() []Recipient {
	if p.row == nil || p.row.read == nil {
		return nil
	}
	return p.row.read(toLF(p.text))
}

// repairAddress finds the address of the only recipient in the header or the text.
func (p *parser) repairAddress(r *Recipient) {
	if isAddress([]byte(r.Original)) {
		return
	}
	if list := header.Addresses(p.top.failed); len(list) == 1 {
		r.Address, r.Original = strings.ToLower(list[0].Addr), r.Address
	} else if list := p.readRow(); len(list) == 1 {
		r.Address, r.Original = list[0].Address, r.Address
	}
}

// machine tells mail written by a mail system: the null reverse-path (RFC 5321 section 4.5.5), a sender that is none of
// a person, a report by type, or X-Failed-Recipients (Exim, Gmail).
func (p *parser) machine() bool {
	return p.nullSender() || p.top.hasFailed || isDaemon(p.b.From) || p.walker.root == "multipart/report" || p.b.From == "" && p.b.Header.Has("From")
}

// answerable tells a reverse-path of a person or a list: mail in a mail system's name that wants its own failures back is
// no report (RFC 5321 section 6.1), but likes to pass for one.
func (p *parser) answerable() bool {
	return p.top.hasReturnPath && !p.nullSender() && !isDaemon(p.top.returnPath)
}

func (p *parser) nullSender() bool {
	path := p.top.returnPath
	return p.top.hasReturnPath && (path == "<>" || path == "mailer-daemon")
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
	if p.row != nil && p.row.kind != "" {
		return false
	}
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

// saysFailure tells a text that speaks of a failure; of a subject it is believed only where the sender is null.
func (p *parser) saysFailure() bool {
	if p.wordless {
		return false
	}
	if p.says(marked.failure) {
		return true
	}
	var found markSet
	if p.nullSender() {
		index.scan([]byte(p.b.Subject), &found)
	}
	return found.hasAny(marked.failure)
}

// maxHead is as much of a text as is searched for what kind of mail it is.
const maxHead = 8 << 10

func (p *parser) delayed() bool { return p.says(marked.delay) }

// isPostmasterCopy tells the copies that an MTA sends its own postmaster (METHOD 4): Sendmail's "Postmaster notify",
// Postfix's "Postmaster Copy" and "Postmaster Warning".
func isPostmasterCopy(subject string) bool {
	for _, prefix := range []string{"Postmaster notify", "Postmaster Copy:", "Postmaster Warning:", "Postfix SMTP server: errors from"} {
		if strings.HasPrefix(subject, prefix) {
			return true
		}
	}
	return false
}

// isRobot tells answers of a robot by their fields: RFC 3834 section 5 and what came before it.
func (p *parser) isRobot() bool {
	return strings.HasPrefix(p.top.autoSubmitted, "auto-replied") || p.top.autoReply || p.top.precedence == "auto_reply"
}

// hasRobotSubject tells answers that only say so in their subject. People write "Out of office hours: ..." too, so the
// words must be the whole of it, or end with a mark.
func (p *parser) hasRobotSubject() bool {
	subject := strings.ToLower(strings.TrimLeft(p.b.Subject, "[( "))
	if strings.HasPrefix(subject, "auto: ") && strings.Contains(subject, "out of the office") { // Lotus Notes
		return true
	}
	for _, words := range autoReplySubjects {
		if rest, ok := strings.CutPrefix(subject, words); ok {
			rest = strings.TrimLeft(rest, " ")
			if rest == "" || strings.ContainsAny(rest[:1], ":-()[]/!.") || strings.HasPrefix(rest, "re:") {
				return true
			}
		}
	}
	return false
}

// isChallenge tells a question back to the sender: by a field of such a system, or by its words in an automatic answer.
func (p *parser) isChallenge() bool {
	if p.top.challenge || p.top.tmda && p.isRobot() {
		return true
	}
	if len(p.reported) > 0 || !p.isRobot() && p.top.precedence == "" {
		return false
	}
	return p.says(marked.challenge)
}

// genericReader knows no software, only what reports have in common.
var genericReader = firstOf(statusFields, angled,
	besideReply, listed("following recipient", "following address", "to the following", "failed addresses", "following users"),
	phrases("recipient: ", "intended recipient:", "deliver message to", "could not be delivered to", "your message to", "address: ", "full: "))

// readRecipients reads the text's recipients by the row's reader or by what reports have in common, else the header's.
func (p *parser) readRecipients() []Recipient {
	list := p.readRow()
	if !p.machine() {
		return list
	}
	text := toLF(p.text)
	if len(list) == 0 {
		for _, a := range header.Addresses(p.top.failed) {
			if addr := strings.ToLower(a.Addr); isAddress([]byte(addr)) {
				list = append(list, Recipient{Address: addr})
			}
		}
	}
	if len(list) == 0 {
		list = genericReader(text)
	}
	if len(list) == 0 {
		list = p.firstStranger()
	}
	if len(list) == 1 && findStatus([]byte(list[0].Diagnostic)) == "" {
		if reply := findReply(text); !strings.Contains(list[0].Diagnostic, reply) {
			list[0].Diagnostic = strings.TrimSpace(list[0].Diagnostic + " " + reply)
		}
		if list[0].Diagnostic == "" {
			list[0].Diagnostic = joinDiagnostic(p.text[:min(len(p.text), maxDiagnostic)])
		}
	}
	return list
}

// firstStranger reads the first address of the text that is neither the account's nor a mail system's.
func (p *parser) firstStranger() []Recipient {
	for rest := p.text[:min(len(p.text), maxHead)]; len(rest) > 0; {
		line, next := cutLine(rest)
		rest = next
		for word := range bytes.FieldsSeq(line) {
			addr, _, ok := leadingAddress(word)
			if ok && addr != p.b.Account && addr != p.b.From && !isDaemon(addr) {
				return []Recipient{{Address: addr}}
			}
		}
	}
	return nil
}
