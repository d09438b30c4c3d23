// Package dsn reads one raw message and says what it is: a non-delivery report (bounce), another report, or mail.
//
// Bytes in, one Bounce out. The MIME tree is walked once; where RFC 3464 parts are present they win over text, and where
// they are not, the table of dialects (dialect.go) recognises the software that wrote the report by its stable marks and
// says where its recipients stand and where the returned original begins. What came back of the original message is cut
// out with its exact bytes, for its Received lines and signatures are the evidence. Malformed mail is normal: Parse
// never fails, and Kind is Unreadable only if nothing of a message is there.
package dsn

import (
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
	EnvelopeID      string // Original-Envelope-Id
	QueueID         string // X-Postfix-Queue-ID and its like
	EnvelopeSender  string // X-Postfix-Sender and its like: MAIL FROM of the original as the reporter knew it; "<>" for null
	Arrival         time.Time

	Recipients []Recipient // failed ones of a bounce, delayed ones of a delay; others are left out
	Original   Original

	Problem string // what was wrong with the message, in plain words; "" if nothing was
}
