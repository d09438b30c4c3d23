// Package dsn reads one raw message and says what it is: a non-delivery report (bounce), another report, or mail.
//
// Bytes in, one Bounce out. The MIME tree is walked once; where RFC 3464 parts are present they win over text, and where
// they are not, the table of dialects (dialect.go) recognises the software that wrote the report by its stable marks and
// says where its recipients stand and where the returned original begins. What came back of the original message is cut
// out with its exact bytes, for its Received lines and signatures are the evidence. Malformed mail is normal: Parse
// never fails, and Kind is Unreadable only if nothing of a message is there.
package dsn

import (
	"bytes"
	"time"

	"ndrscan/internal/header"
)

// Kind is what a message is, in the words of the JSON contract.
type Kind string

// The kinds of a message. Only a Bounce is judged; a report with a failed recipient is a bounce whatever else it reports.
const (
	KindBounce         Kind = "bounce"
	KindDelay          Kind = "delay"
	KindSuccess        Kind = "success"
	KindAutoreply      Kind = "autoreply"
	KindChallenge      Kind = "challenge"
	KindFeedback       Kind = "feedback"
	KindDMARCReport    Kind = "dmarc-report"
	KindReceipt        Kind = "receipt"
	KindList           Kind = "list"
	KindPostmasterCopy Kind = "postmaster-copy"
	KindOther          Kind = "other"
	KindUnreadable     Kind = "unreadable"
)

// Action is what a reporting MTA did for a recipient (RFC 3464 section 2.3.3).
type Action string

// The actions of RFC 3464.
const (
	ActionFailed    Action = "failed"
	ActionDelayed   Action = "delayed"
	ActionDelivered Action = "delivered"
	ActionRelayed   Action = "relayed"
	ActionExpanded  Action = "expanded"
)

// Reason is why a recipient failed, read from the enhanced status code first (RFC 3463), then from the text.
type Reason string

// The reasons of a failure.
const (
	ReasonUserUnknown      Reason = "user-unknown"
	ReasonMailboxFull      Reason = "mailbox-full"
	ReasonDomainUnknown    Reason = "domain-unknown"
	ReasonSpam             Reason = "spam"
	ReasonVirus            Reason = "virus"
	ReasonPolicy           Reason = "policy"
	ReasonAuthFailed       Reason = "auth-failed"
	ReasonBlockedOrigin    Reason = "blocked-origin"
	ReasonOwnProviderBlock Reason = "own-provider-block"
	ReasonRate             Reason = "rate"
	ReasonTooBig           Reason = "too-big"
	ReasonLoop             Reason = "loop"
	ReasonExpired          Reason = "expired"
	ReasonRelayDenied      Reason = "relay-denied"
	ReasonNetwork          Reason = "network"
	ReasonOther            Reason = "other"
)

// Returned is how much of the original message came back.
type Returned string

// What can come back of an original.
const (
	ReturnedNone    Returned = "none"
	ReturnedHeaders Returned = "headers"
	ReturnedFull    Returned = "full"
)

// Recipient is one recipient a report speaks of. Addresses are in lower case, without angle brackets.
type Recipient struct {
	Address    string // Final-Recipient, or the address in the text
	Original   string // Original-Recipient (ORCPT) where it differs
	Action     Action
	Status     string // enhanced status code x.y.z (RFC 3463), "" if the report has none
	Diagnostic string // Diagnostic-Code without its type, or the text that stands for it; unfolded, not cleaned
	RemoteMTA  string // host that gave the diagnostic
	Reason     Reason
}

// Original is the returned original message, or as much of it as came back.
type Original struct {
	Returned  Returned
	Truncated bool           // the report says, or its end shows, that the body was cut
	Raw       []byte         // header section and body; lies inside the input unless a part had to be decoded
	Header    header.Section // fields of Raw, with their exact bytes
	Body      []byte         // "" where only headers came back

	ReturnPath string   // address of its Return-Path field; "<>" for the null reverse-path, "" if there is no such field
	From       string   // address of From, lower case
	To         []string // addresses of To and Cc, lower case
	Subject    string   // decoded
	MessageID  string   // as written, with its angle brackets
	Date       time.Time
	UserAgent  string // User-Agent or X-Mailer
}

// Bounce is what Parse found in one message. Byte slices point into the message.
type Bounce struct {
	Kind   Kind
	Header header.Section // the message's own header section

	Account string // the address it came to: our MX's "for", X-Original-To or Delivered-To, lower case; "" if unknown (METHOD 4)
	From    string // address of From, lower case
	Subject string // decoded
	Date    time.Time

	Software        string // who wrote the report: postfix, exim, ... as far as its marks show; "" if unknown
	ReportingMTA    string // name it gives itself, from Reporting-MTA or its text; "" if none
	ReceivedFromMTA string // value of Received-From-MTA without its type
	EnvelopeID      string // Original-Envelope-Id, its xtext undone
	QueueID         string // X-Postfix-Queue-ID and its like
	EnvelopeSender  string // X-Postfix-Sender and its like: MAIL FROM of the original as the reporter knew it; "<>" for null
	Arrival         time.Time
	RefersTo        string // Message-ID of the original as the report names it (In-Reply-To, References, Original-Message-ID); "" if it does not

	Recipients []Recipient // failed ones of a bounce, delayed ones of a delay; others are left out
	Original   Original
	Feedback   *Feedback // what a feedback report says, nil for other kinds

	Forwarded bool   // the report came inside a message of somebody who passed it on; Header is without that one's Received lines
	Lost      bool   // evidence of a bounce is there and could not be read, as Problem says
	Problem   string // what was wrong with the message and what to do about it, in plain words; "" if nothing was
}

// Parse reads one whole message: LF, CRLF or bare CR line ends, with or without an mbox line in front. It never fails
// and takes time and memory in proportion to the message, whatever it holds.
func Parse(raw []byte) *Bounce {
	p := newParser(0)
	p.run(raw)
	return p.b
}

// ParseWithoutWords is Parse for a reader who knows no language: a test shows with it what the words hold. No command does.
func ParseWithoutWords(raw []byte) *Bounce {
	p := newParser(0)
	p.wordless = true
	p.run(raw)
	return p.b
}

// run reads one message into p.b.
func (p *parser) run(raw []byte) {
	b := p.b
	msg := trimBlankLines(bytes.TrimPrefix(header.CRToLF(fromUTF16(raw)), []byte("\xef\xbb\xbf")))
	section, body := p.walker.split(msg)
	if len(section) == 0 {
		b.Kind, b.Problem = KindUnreadable, "no header section: this is not a mail message; remove it, or save the message again in raw form (.eml)"
		return
	}
	b.Header = section
	p.readEnvelope()
	room := rooms.Get().(*[usualParts]part)
	defer func() { *room = [usualParts]part{}; rooms.Put(room) }()
	p.walker.parts = room[:0]
	p.walker.walk(section, body, msg, 0)
	p.sortParts()
	p.readText()
	p.decide()
	p.nameWriter()
	p.noteSealed()
}

// parser carries one message through Parse.
type parser struct {
	b      *Bounce
	walker walker
	top    topFields

	status   []byte // the first delivery-status part, decoded
	reported []Recipient
	mdn      []byte // disposition-notification part (RFC 8098)
	feedback []byte // feedback-report part (RFC 5965)
	sealed   string // a part that nobody but its receiver can open, in words
	wraps    int    // reports this one is wrapped in
	wordless bool   // ParseWithoutWords

	text        []byte   // the report's text, without an original quoted in it
	scanned     bool     // the next two are set
	found, head markSet  // which marks stand in text, and in the first maxHead bytes of it
	row         *dialect // who wrote it, nil if no row claims it
}

func newParser(wraps int) *parser {
	// What is found and the fields it points into live and die together.
	found := new(struct {
		Bounce
		fields [usualFields]header.Field
	})
	found.Original.Returned = ReturnedNone
	return &parser{b: &found.Bounce, walker: walker{fields: found.fields[:0]}, wraps: wraps}
}

// topFields are the fields of the message itself that say what it is.
type topFields struct {
	autoSubmitted, precedence, returnPath, failed string

	hasReturnPath, hasFailed, reply, autoReply, challenge, tmda, list bool
}

// readEnvelope reads the message's own header section in one pass.
func (p *parser) readEnvelope() {
	b, top := p.b, &p.top
	var buf [32]byte
	lastReceived := -1
	for i := range b.Header {
		f := &b.Header[i]
		switch string(lowerInto(buf[:], f.Name())) {
		case "from":
			if b.From == "" {
				b.From = f.Address()
			}
		case "subject":
			if b.Subject == "" {
				b.Subject = header.Decode(f.Value())
			}
		case "date":
			if b.Date.IsZero() {
				b.Date, _ = f.Date()
			}
		case "return-path":
			if !top.hasReturnPath {
				top.hasReturnPath, top.returnPath = true, returnPath(f.Body())
			}
		case "auto-submitted":
			setOnce(&top.autoSubmitted, header.LowerASCII(unfolded(f.Body())))
		case "precedence":
			setOnce(&top.precedence, header.LowerASCII(unfolded(f.Body())))
		case "x-failed-recipients":
			if top.hasFailed = true; len(top.failed) < maxFieldValue {
				top.failed += "," + f.Value()
			}
		case "in-reply-to", "references":
			top.reply = true
			if b.RefersTo == "" {
				b.RefersTo = firstID(f.Body())
			}
		case "x-autoreply", "x-autorespond", "x-autoreply-from", "x-mail-autoreply", "x-vacation":
			top.autoReply = true
		case "x-tmda-fingerprint", "x-ask-info", "x-spamarrest-info": // challenge-response systems: TMDA, ASK, Spam Arrest
			top.challenge = true
		case "x-delivery-agent": // TMDA AutoResponse.py, which the user's own mail has, too
			top.tmda = hasPrefixFold(skipSpace(f.Body()), "tmda/")
		case "x-list-administrivia": // Mailman's own notices, which come from -bounces or -owner
			top.list = true
		case "received":
			if lastReceived = i; b.Account == "" {
				b.Account = forAddress(f.Body())
			}
		}
	}
	if b.Account == "" {
		b.Account = deliveredTo(b.Header, lastReceived)
	}
}

// sortParts looks at the leaves: the report fields, the original, the first text.
func (p *parser) sortParts() {
	for i := range p.walker.parts {
		part := &p.walker.parts[i]
		switch typ := part.typ; {
		case typ == "text/plain" && i == 0: // the text for people
		case typ == "message/delivery-status", typ == "message/global-delivery-status":
			p.addStatus(part.content())
		case typ == "message/disposition-notification", typ == "message/global-disposition-notification":
			p.mdn = part.content()
		case typ == "message/feedback-report":
			p.feedback = part.content()
		case isOriginalType(typ):
			if p.b.Original.Returned == ReturnedNone {
				p.setOriginal(part.content())
			}
		case part.depth > 0:
			p.sortOther(part)
		}
	}
}

func (p *parser) addStatus(content []byte) {
	if p.status == nil {
		p.status = content
	}
	p.reported = readReport(content, p.b, p.reported)
}

// deliveredTo gives the address the message came to where no Received line says it (METHOD 4): X-Original-To, or
// Delivered-To.
//
// QUIRK: DragonFly's dma writes X-Original-To with the failed recipient into the bounce itself, below its Received line;
// only what stands above one was put there on delivery.
func deliveredTo(section header.Section, lastReceived int) string {
	for _, name := range []string{"X-Original-To", "Delivered-To"} {
		for i, f := range section.All(name) {
			if i < lastReceived || lastReceived < 0 {
				if addr := f.Address(); addr != "" {
					return addr
				}
			}
		}
	}
	return ""
}

// forAddress gives the address of the "for" clause (RFC 5321 section 4.4). The last one counts, for a HELO name can hold
// one, too.
func forAddress(received []byte) string {
	for at := len(received) - len("for "); at > 0; at-- {
		if received[at] != 'f' || !isSpace(received[at-1]) || string(received[at:at+4]) != "for " {
			continue
		}
		if addr, _, ok := leadingAddress(received[at+4:]); ok {
			return addr
		}
	}
	return ""
}

// firstID gives the first Message-ID of a field, with its angle brackets.
func firstID(value []byte) string {
	open := bytes.IndexByte(value, '<')
	if open < 0 {
		return ""
	}
	end := bytes.IndexByte(value[open:], '>')
	if end < 0 {
		return ""
	}
	return header.Unfold(value[open : open+end+1])
}
