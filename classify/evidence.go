package classify

import (
	"net/netip"
	"strings"
	"time"

	"ndrscan/dsn"
	"ndrscan/proof"
	"ndrscan/spf"
	"ndrscan/trace"
)

// Evidence is all that is known about one message before the flood is known.
type Evidence struct {
	Source, Mailbox, ID string
	Digest              string    // of its content
	Received            time.Time // when it reached the mailbox; zero if unknown
	Bounce              *dsn.Bounce
	LeftOut             bool // it could not be read, and the run has noted that

	Submission       Submission        // of ordinary mail that one of our accounts sent
	Aggregates       []proof.Aggregate // DMARC aggregate reports that the message brings
	AggregateWitness string            // who proved to have sent them; "": nobody

	// What follows is filled for bounces only.

	Reporter trace.Reporter
	Verified bool // the handing address proved to be what the report says (METHOD 6, witness)
	Origin   trace.Origin
	// RelayReporter: the reporter relayed it to another's recipients. Asked only where no Sent is at hand.
	RelayReporter bool
	MailFrom      MailFrom
	SPF           spf.Outcome // Result "" where it could not be asked
	Recorded      *Recorded   // nil: none names the origin
	DKIM          []Signature
	DKIMRecipient bool // a signature of ours over the whole message covers the To field, and that names a failed recipient

	Log       *LogEntry // what our mail log says of it; nil: nothing
	ValidTag  proof.Tag // a tag of our own making on the reverse-path, or on the address the bounce came to
	Tenant    Tenant
	ARCSealed bool // the border's own domain sealed it, and says that it passed for our domain when it came there
	LogCovers bool // a log was given and covers the time, so that nothing is an answer

	Account      string // whose habit it is: the login where it is an address, else From
	NetworkKnown bool   // Sent knows client networks of that account
	NetworkSeen  bool   // and this one among them, earlier

	steppedCounts bool // the rule about stepped borders is switched off

	SentAtHand      bool
	SentLacks       bool // Sent holds mail of this author, but not this one
	InSent          bool // Sent holds the Message-ID with an agreeing date
	SentToRecipient bool // and names a failed recipient
	SentToAlias     bool // and names somebody whose site passed it on
	StrangeRcpts    bool // Sent is at hand and knows none of the failed recipients
	StrangeProgram  bool // Sent is at hand and never saw this mail program
}

// Signature is a DKIM signature of the original and whether it speaks for us.
type Signature struct {
	proof.Signature
	Own bool
}

// LogEntry is what our mail log says of a message (METHOD 2, kind 4).
type LogEntry struct {
	QueueID, Login, LocalUser string
	Client                    netip.Addr
}

// Tenant is what the stamps of a provider of ours say, where it stamped under its own border (METHOD 3.6).
type Tenant string

// A tenant's mail began inside it, or entered it from outside: then it is no account's.
const (
	TenantUnknown Tenant = ""
	TenantInside  Tenant = "inside"
	TenantOutside Tenant = "outside"
)

// Submission is who handed in an ordinary mail of ours, as our own server's lines show it.
type Submission struct {
	Account string
	Client  netip.Addr
	At      time.Time

	LoginForm string // how our server shows the login, and the server
	Server    netip.Addr
}

// Recorded is an SPF result recorded at the time for the origin address. Above: it stands above the border line, where only
// the reporting site can have written it.
type Recorded struct {
	proof.Record
	Above bool
}

// MailFrom is the original's reverse-path, who said so, and the tag that was undone on it.
type MailFrom struct {
	Raw     string // as it was found, with its tags
	Address string // "<>" for the null reverse-path; "" if unknown
	Source  string // return-path, x-postfix-sender, envelope-from, from, bounce
	Tag     proof.Tag
}

// ReversePath finds the original's MAIL FROM in METHOD 4's order of belief and undoes its tags. A From is a guess, the
// address that the bounce came to is the last resort.
func ReversePath(b *dsn.Bounce, borderEnvelopeFrom string) MailFrom {
	candidates := []MailFrom{
		{Address: b.Original.ReturnPath, Source: "return-path"},
		{Address: b.EnvelopeSender, Source: "x-postfix-sender"},
		{Address: borderEnvelopeFrom, Source: "envelope-from"},
		{Address: b.Original.From, Source: "from"},
		{Address: b.Account, Source: "bounce"},
	}
	for _, c := range candidates {
		if c.Address == "" {
			continue
		}
		c.Raw = c.Address
		c.Address, c.Tag = proof.Unwrap(strings.ToLower(c.Address))
		return c
	}
	return MailFrom{}
}

// Sender is the address as SPF wants it: "" for the null reverse-path.
func (m MailFrom) Sender() string {
	if m.Address == "<>" {
		return ""
	}
	return m.Address
}

// DNSFailed tells whether DNS left something open that could change the judgement. Whether a host that SPF forbids is ours
// by its name is not such a thing: the name of a stranger's host is his to break.
func (e *Evidence) DNSFailed() bool {
	return e.SPF.Result == spf.TempError || e.Origin.DNSFailed || e.Reporter.DNSFailed ||
		e.Origin.OwnUnknown && e.SPF.Result != spf.Fail && e.SPF.Result != spf.SoftFail
}

// ownReport tells whether our own server wrote the report, for certain: not behind a proxy that hides who connected.
func (e *Evidence) ownReport() bool {
	return e.Reporter.Own && !e.Reporter.Unstamped && !e.Reporter.Stepped
}

// nullSender tells whether the original is a report itself: a bounce of a bounce (RFC 5321 section 4.5.5).
func (e *Evidence) nullSender() bool {
	return e.MailFrom.Address == "<>" && e.MailFrom.Source != "from"
}

func (e *Evidence) isBounce() bool { return e.Bounce.Kind == dsn.KindBounce }

// ownDKIM tells whether a signature of ours with this result covers the author.
func (e *Evidence) ownDKIM(result proof.DKIMResult) bool {
	for _, s := range e.DKIM {
		if s.Own && s.FromSigned && s.Result == result {
			return true
		}
	}
	return false
}

// signedByUs tells whether any signature claims to be ours, whatever became of it.
func (e *Evidence) signedByUs() bool {
	for _, s := range e.DKIM {
		if s.Own {
			return true
		}
	}
	return false
}

// uncheckedDKIM tells whether a signature that claims to be ours was left out, and no other of ours fits.
func (e *Evidence) uncheckedDKIM() bool {
	unchecked := false
	for _, s := range e.DKIM {
		unchecked = unchecked || s.Own && s.FromSigned && s.Result == proof.DKIMUnchecked
	}
	return unchecked && !e.ownDKIM(proof.DKIMPass)
}

// writtenTo lists whom the message was written to: the recipients that failed, unless our own server's line shows that the
// login wrote to a list or an alias of ours, which sent it on to all of them.
func (e *Evidence) writtenTo() []string {
	if e.Origin.OwnFor != "" {
		return []string{e.Origin.OwnFor}
	}
	var failed []string
	for _, r := range e.Bounce.Recipients {
		failed = append(failed, r.Address)
	}
	return failed
}

// refusedAs tells whether a recipient was refused for one of these reasons.
func (e *Evidence) refusedAs(reasons ...dsn.Reason) bool {
	for _, r := range e.Bounce.Recipients {
		for _, reason := range reasons {
			if r.Reason == reason {
				return true
			}
		}
	}
	return false
}

// when is the best known time of the original's handing over: the line that took it, else the report's own times.
func (e *Evidence) when() time.Time {
	for _, t := range []time.Time{e.Origin.Time, e.Bounce.Arrival, e.Received, e.Bounce.Date} {
		if !t.IsZero() {
			return t.UTC()
		}
	}
	return time.Time{}
}
