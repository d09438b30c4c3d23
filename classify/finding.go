package classify

import (
	"slices"
	"time"
)

// Schema names of the JSON contract. Names and meanings stay; fields may be added; an absent field is unknown.
const (
	FindingSchema = "ndrscan.finding/1"
	ReportSchema  = "ndrscan.report/1"
)

// Class is the judgement on one bounce (METHOD 5); "" where the message is not a bounce.
type Class string

// The classes.
const (
	Forged         Class = "forged"
	Compromised    Class = "compromised"
	Genuine        Class = "genuine"
	Misconfigured  Class = "misconfigured"
	Forwarded      Class = "forwarded"
	OwnBackscatter Class = "own-backscatter"
	Undetermined   Class = "undetermined"
)

// Finding is what was found out about one message: a line of the jsonl output.
type Finding struct {
	Schema   string     `json:"schema"`
	Source   string     `json:"source"`
	Mailbox  string     `json:"mailbox,omitempty"`
	ID       string     `json:"id"`               // UID, byte offset or path below the source
	Digest   string     `json:"digest,omitempty"` // of what the message says: the same wherever a copy of it lies
	Kind     string     `json:"kind"`
	Received *time.Time `json:"received,omitempty"` // when it reached the mailbox
	Date     *time.Time `json:"date,omitempty"`     // of the report itself: its own word
	Account  string     `json:"account,omitempty"`  // the address the message came to
	Cell     string     `json:"cell,omitempty"`     // hash of witness, origin network and campaign (METHOD 6)
	Campaign string     `json:"campaign,omitempty"`

	Handed     *time.Time  `json:"handed,omitempty"` // when the original was handed over, as far as known
	Reporter   *Reporter   `json:"reporter,omitempty"`
	Recipients []Recipient `json:"recipients,omitempty"`
	Original   *Original   `json:"original,omitempty"`
	Origin     *Origin     `json:"origin,omitempty"`
	SPF        *SPF        `json:"spf,omitempty"`
	DKIM       []DKIM      `json:"dkim,omitempty"`

	Class   Class    `json:"class,omitempty"`
	CouldBe []Class  `json:"could_be,omitempty"`
	Settle  string   `json:"settle,omitempty"` // the one command or log search that decides an undetermined one
	Reasons []Reason `json:"reasons,omitempty"`

	// Misconfiguration says what kind of source of ours it is, where the class says that it is one, and Remedy what to do.
	Misconfiguration SourceKind `json:"misconfiguration,omitempty"`
	Remedy           string     `json:"remedy,omitempty"`

	Problem string `json:"problem,omitempty"` // what was wrong with the message itself
}

// Reporter is who wrote the report and who handed it to us.
type Reporter struct {
	MTA      string `json:"mta,omitempty"`      // the name it gives itself: text
	Software string `json:"software,omitempty"` // as far as its marks show
	IP       string `json:"ip,omitempty"`       // handing address (METHOD 3.0)
	Witness  string `json:"witness,omitempty"`  // organisation of the handing address
	Verified bool   `json:"verified"`           // METHOD 6
	Own      bool   `json:"own"`
}

// Recipient is one recipient the report speaks of.
type Recipient struct {
	Address    string `json:"address"`
	Action     string `json:"action,omitempty"`
	Status     string `json:"status,omitempty"`
	Diagnostic string `json:"diagnostic,omitempty"`
	RemoteMTA  string `json:"remote_mta,omitempty"`
	Reason     string `json:"reason,omitempty"`
}

// Original is what came back of the original message.
type Original struct {
	Returned       string     `json:"returned"`
	MailFrom       string     `json:"mail_from,omitempty"`        // unwrapped from BATV and SRS; "<>" for null
	MailFromSource string     `json:"mail_from_source,omitempty"` // return-path, x-postfix-sender, envelope-from, from, bounce
	Tag            string     `json:"tag,omitempty"`
	TagVerified    bool       `json:"tag_verified,omitempty"` // one of our keys made it
	From           string     `json:"from,omitempty"`
	To             []string   `json:"to,omitempty"`
	Subject        string     `json:"subject,omitempty"`
	MessageID      string     `json:"message_id,omitempty"`
	Date           *time.Time `json:"date,omitempty"`
	UserAgent      string     `json:"user_agent,omitempty"`
	Received       int        `json:"received"` // number of its Received lines
	Size           int        `json:"size"`     // bytes returned
}

// Origin is where the message came from (METHOD 3). IP is the address SPF is checked against.
type Origin struct {
	IP            string     `json:"ip,omitempty"`
	Port          int        `json:"port,omitempty"`
	HELO          string     `json:"helo,omitempty"`
	RDNS          string     `json:"rdns,omitempty"`
	RDNSConfirmed bool       `json:"rdns_confirmed"`
	By            string     `json:"by,omitempty"`
	Via           string     `json:"via"`
	Trust         string     `json:"trust,omitempty"`
	Own           bool       `json:"own"`
	AuthUser      string     `json:"auth_user,omitempty"`
	ClientIP      string     `json:"client_ip,omitempty"`
	Entry         string     `json:"entry,omitempty"`
	EntryHost     string     `json:"entry_host,omitempty"` // our host that took the message
	QueueID       string     `json:"queue_id,omitempty"`
	Time          *time.Time `json:"time,omitempty"`
	ClaimedOrigin string     `json:"claimed_origin,omitempty"`
	Framing       bool       `json:"framing"`
	Steps         []Step     `json:"steps,omitempty"`
}

// Step is one line of the walk.
type Step struct {
	Line     int    `json:"line"`
	Client   string `json:"client,omitempty"`
	By       string `json:"by,omitempty"`
	Believed bool   `json:"believed"`
	Why      string `json:"why"`
}

// SPF is the re-check of the origin address against the domain's policy (METHOD 4).
type SPF struct {
	Result    string       `json:"result"`
	Domain    string       `json:"domain,omitempty"`
	Mechanism string       `json:"mechanism,omitempty"`
	Path      []string     `json:"path,omitempty"`
	Exclusive bool         `json:"exclusive"`
	Problem   string       `json:"problem,omitempty"`
	Recorded  *RecordedSPF `json:"recorded,omitempty"` // what the reporter recorded at the time
}

// RecordedSPF is a result recorded at the time; it is shown and compared, never decides (METHOD 4).
type RecordedSPF struct {
	Result string `json:"result"`
	IP     string `json:"ip,omitempty"`
}

// DKIM is one signature of the original.
type DKIM struct {
	Domain   string `json:"domain"`
	Selector string `json:"selector"`
	Result   string `json:"result"`
	Own      bool   `json:"own"`
	// FromSigned says that it covers the one From that there is: else it is void (METHOD 2).
	FromSigned bool   `json:"from_signed"`
	Hash       string `json:"hash,omitempty"` // tells signatures apart; the same on copies of one message
}

// Reason is one rule that held: its code in the rule table and its sentence.
type Reason struct {
	Code string `json:"code"`
	Text string `json:"text"`
}

// clone gives a finding that shares nothing with this one, whose room its reader may fill again.
func (f Finding) clone() Finding {
	f.Received, f.Date, f.Handed = copied(f.Received), copied(f.Date), copied(f.Handed)
	f.Reporter, f.Original, f.Origin, f.SPF = copied(f.Reporter), copied(f.Original), copied(f.Origin), copied(f.SPF)
	f.Recipients, f.DKIM = slices.Clone(f.Recipients), slices.Clone(f.DKIM)
	f.CouldBe, f.Reasons = slices.Clone(f.CouldBe), slices.Clone(f.Reasons)
	if o := f.Original; o != nil {
		o.To, o.Date = slices.Clone(o.To), copied(o.Date)
	}
	if o := f.Origin; o != nil {
		o.Time, o.Steps = copied(o.Time), slices.Clone(o.Steps)
	}
	if s := f.SPF; s != nil {
		s.Path, s.Recorded = slices.Clone(s.Path), copied(s.Recorded)
	}
	return f
}

func copied[T any](p *T) *T {
	if p == nil {
		return nil
	}
	value := *p
	return &value
}

// arrived is when the bounce reached us, as far as known.
func (f *Finding) arrived() *time.Time {
	if f.Received != nil {
		return f.Received
	}
	return f.Date
}

// sender is the original's reverse-path.
func (f *Finding) sender() string {
	if f.Original == nil {
		return ""
	}
	return f.Original.MailFrom
}

func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
