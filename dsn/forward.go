package dsn

import (
	"bytes"
	"slices"
	"strings"

	"ndrscan/internal/header"
)

// Reports that reach us inside other messages: a filter or a help desk wraps them, people pass them on. The innermost
// report is read, for it is the evidence. What the outer message's Received lines say is about somebody else then, so a
// report that a person passed on is kept without them: nobody may take the one who forwarded it for the one who
// reported it (METHOD 3.0: the reporter is unverified).

// maxWraps bounds reports inside reports.
const maxWraps = 3

// inside reads a message that may be a report with a recipient.
func (p *parser) inside(raw []byte) (*Bounce, bool) {
	if p.wraps >= maxWraps || len(raw) == 0 {
		return nil, false
	}
	inner := newParser(p.wraps + 1)
	inner.run(raw)
	switch inner.b.Kind {
	case KindBounce, KindDelay, KindSuccess:
		return inner.b, len(inner.b.Recipients) > 0
	}
	return nil, false
}

// adopt makes the inner report's findings those of the message.
func (p *parser) adopt(inner *Bounce) {
	outer := *p.b
	*p.b = *inner
	b := p.b
	b.Header, b.From, b.Subject, b.Date = outer.Header, outer.From, outer.Subject, outer.Date
	if outer.Account != "" {
		b.Account = outer.Account
	}
}

// wrapped tells a report that a filter or a help desk passed on inside a notice of its own, which names no recipient: what
// it says and what it returned count. A bounce of a bounce is another thing, for that one has a recipient.
func (p *parser) wrapped(list []Recipient) bool {
	o := &p.b.Original
	if o.Returned == ReturnedNone || len(list) > 0 && p.row != nil || !p.machine() {
		return false
	}
	inner, ok := p.inside(o.Raw)
	if ok {
		p.adopt(inner)
	}
	return ok
}

// forwards begin the subject of a message that is passed on, in the words of mail programs.
var forwards = []string{"fw:", "fwd:", "[fwd:", "wg:", "tr:", "rv:", "enc:", "doorst:", "pd:", "i:", "vb:", "vs:", "vl:", "ynt:", "転送", "转发", "轉寄"}

// forwarded tells a report that a person passed on whole, as an attachment or in the text. A person's mail that only talks
// about a bounce, answers one or quotes some lines of it is ordinary mail.
func (p *parser) forwarded() bool {
	if p.nullSender() || p.top.hasFailed || isDaemon(p.b.From) || len(p.reported) > 0 || !p.saysForward() {
		return false
	}
	raw := p.b.Original.Raw
	if p.b.Original.Returned == ReturnedNone || !isDaemon(p.b.Original.From) {
		raw = p.quotedReport()
	}
	inner, ok := p.inside(raw)
	if !ok {
		return false
	}
	p.adopt(inner)
	p.b.Forwarded = true
	p.b.Header = slices.DeleteFunc(slices.Clone(p.b.Header), func(f header.Field) bool { return f.Is("Received") })
	return true
}

func (p *parser) saysForward() bool {
	subject := strings.ToLower(p.b.Subject)
	for _, prefix := range forwards {
		if strings.HasPrefix(subject, prefix) {
			return true
		}
	}
	return false
}

// quotedReport gives the report that stands in the text from its From line on, which names a mail system, without the
// marks of quoting.
func (p *parser) quotedReport() []byte {
	part := p.textPart()
	if part == nil {
		return nil
	}
	for rest := part.text(maxText); len(rest) > 0; {
		line, next := cutLine(rest)
		if field := bytes.TrimLeft(line, "> \t*"); hasPrefixFold(field, "from:") && namesDaemon(field) {
			if line[0] == '>' {
				return unquoteLines(rest)
			}
			return rest
		}
		rest = next
	}
	return nil
}

func namesDaemon(field []byte) bool {
	return containsFold(field, "mailer-daemon") || containsFold(field, "postmaster") || containsFold(field, "mail delivery") || containsFold(field, "microsoftexchange")
}
