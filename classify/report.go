package classify

import "time"

// Judgement is the verdict on the whole flood (METHOD 6).
type Judgement string

// The verdicts, and None for a mailbox without bounces.
const (
	JoeJob              Judgement = "joe-job"
	Compromise          Judgement = "compromise"
	Both                Judgement = "both"
	CompromiseSuspected Judgement = "compromise-suspected"
	MisconfiguredSender Judgement = "misconfigured-sender"
	OwnBackscatterFlood Judgement = "own-backscatter"
	OrdinaryBounces     Judgement = "ordinary-bounces"
	Inconclusive        Judgement = "inconclusive"
	NoBounces           Judgement = "none"
)

// Report is the whole result of a run: the json output.
type Report struct {
	Schema    string    `json:"schema"`
	Tool      string    `json:"tool"` // "ndrscan VERSION"
	Generated time.Time `json:"generated"`
	Run       Run       `json:"run"`

	Complete bool      `json:"complete"` // nothing was left out and the run was not interrupted
	LeftOut  []LeftOut `json:"left_out"`

	Period     Period         `json:"period"` // first and last bounce
	Sources    []string       `json:"sources"`
	Read       int            `json:"read"`             // = the sum of Kinds (which holds unreadable, too) and Copies
	Copies     int            `json:"copies,omitempty"` // lay in a second place and were counted once
	Unreadable int            `json:"unreadable"`
	Kinds      map[string]int `json:"kinds"`
	Classes    map[Class]int  `json:"classes"`

	OwnSeen []OwnHost `json:"own_seen"`
	Verdict Verdict   `json:"verdict"`

	Accounts     []Account      `json:"accounts"`
	Impersonated []Impersonated `json:"impersonated"`
	Origins      []OriginRow    `json:"origins"`
	Witnesses    []WitnessRow   `json:"witnesses"`
	Campaigns    []CampaignRow  `json:"campaigns"`
	Timeline     []Bucket       `json:"timeline"`
	Episodes     []Episode      `json:"episodes"`
	Domains      []Domain       `json:"domains"`
	Actions      []Action       `json:"actions"`

	Samples []Finding `json:"samples"` // a typical message of each class and of the largest campaigns; rows name them by id
}

// Run is how the run was made.
type Run struct {
	Flags  map[string]string `json:"flags,omitempty"` // as given, secrets never
	DNS    string            `json:"dns"`
	Sent   string            `json:"sent,omitempty"` // what served as Sent; "" if none
	Limits []string          `json:"limits"`         // bounds that were reached, in words
	// Assumed holds what was taken as ours because nothing was named, and Rerun the command line that would confirm it.
	Assumed []string `json:"assumed,omitempty"`
	Rerun   string   `json:"rerun,omitempty"`
}

// LeftOut is what could not be read. Count is 0 where nobody knows how much it was.
type LeftOut struct {
	Source string `json:"source"`
	ID     string `json:"id,omitempty"`
	Count  int    `json:"count"`
	Why    string `json:"why"`
}

// Period is a span of time; both ends are nil where no bounce has a date.
type Period struct {
	From *time.Time `json:"from,omitempty"`
	To   *time.Time `json:"to,omitempty"`
}

// OwnHost is a host that was taken as ours, and by which rule: flag, confirmed-name, candidate.
type OwnHost struct {
	Host   string   `json:"host"`
	Rule   string   `json:"rule"`
	Why    string   `json:"why,omitempty"`    // what names it, where that is not the rule itself
	Listed []string `json:"listed,omitempty"` // block lists that its address is on (--enrich dnsbl)
}

// Verdict is the judgement on the flood, what carries it and what would change it.
type Verdict struct {
	Verdict    Judgement      `json:"verdict"`
	Also       []Judgement    `json:"also"`
	Sentence   string         `json:"sentence"` // the verdict in one plain sentence
	Active     bool           `json:"active"`   // the last bounce came less than 24 hours before the run
	Share      *float64       `json:"share"`    // decisive cells of the verdict's class / all decisive cells
	Interval   []float64      `json:"interval"` // Wilson 95 % over cells; null below 5 cells
	Witnesses  WitnessCount   `json:"witnesses"`
	Reasons    []Reason       `json:"reasons"`
	Evidence   []string       `json:"evidence"` // ids of the messages that carry it
	Missing    []Missing      `json:"missing"`
	Thresholds map[string]int `json:"thresholds"`
}

// WitnessCount says how many organisations bear the verdict out.
type WitnessCount struct {
	Verified   int `json:"verified"`
	Unverified int `json:"unverified"`
	Networks   int `json:"networks"` // distinct origin networks
	Cells      int `json:"cells"`
}

// Missing is what would change or settle the verdict, and the one command that would supply it.
type Missing struct {
	What    string `json:"what"`
	Command string `json:"command,omitempty"`
}

// Account is a login, script or host of ours through which bounced mail entered (METHOD 5, "Whose account").
type Account struct {
	Login            string          `json:"login"` // "" where no login name is logged
	Host             string          `json:"host,omitempty"`
	Entry            string          `json:"entry"`
	Class            Class           `json:"class"`
	First            *time.Time      `json:"first,omitempty"`
	Last             *time.Time      `json:"last,omitempty"`
	Messages         int             `json:"messages"`
	ClientIPs        []string        `json:"client_ips"`
	QueueIDs         []string        `json:"queue_ids,omitempty"`   // a few, for the log search
	MessageIDs       []string        `json:"message_ids,omitempty"` // of originals: a few, for a provider's message trace
	Clients          []AccountClient `json:"clients,omitempty"`     // client_ips with their use, the busiest first
	FailedRecipients int             `json:"failed_recipients"`
	Campaigns        []string        `json:"campaigns"`
	Evidence         []string        `json:"evidence"`
}

// AccountClient is one client address that used an account. First and Last are bounds: only what bounced is seen.
type AccountClient struct {
	IP       string     `json:"ip"`
	Messages int        `json:"messages"`
	First    *time.Time `json:"first,omitempty"`
	Last     *time.Time `json:"last,omitempty"`
}

// Impersonated is a sender address that forged mail bore.
type Impersonated struct {
	Address  string   `json:"address"`
	Messages int      `json:"messages"`
	Evidence []string `json:"evidence"`
}

// OriginRow is one origin address.
type OriginRow struct {
	IP       string   `json:"ip"`
	Network  string   `json:"network,omitempty"`
	RDNS     string   `json:"rdns,omitempty"`
	Messages int      `json:"messages"`
	SPF      string   `json:"spf,omitempty"`
	Class    Class    `json:"class,omitempty"` // of most of its messages
	Evidence []string `json:"evidence"`

	RDNSConfirmed bool `json:"rdns_confirmed"` // the reverse name's address is this one; else it is what its owner wrote there

	Misconfiguration SourceKind `json:"misconfiguration,omitempty"` // what it is, where its messages are ours
	Remedy           string     `json:"remedy,omitempty"`           // what to do about it

	// SPFTerm is given where our own record or signature ties the address to us and two verified witnesses saw it: only then
	// may it be proposed for the SPF record (METHOD 7).
	SPFTerm string `json:"spf_term,omitempty"`

	Enriched *Enrichment `json:"enriched,omitempty"`
}

// Enrichment is what public services say of an address (--enrich): facts for people, which decide no class.
type Enrichment struct {
	ASN     uint32   `json:"asn,omitempty"` // of the network that announces it
	ASName  string   `json:"as_name,omitempty"`
	Country string   `json:"country,omitempty"` // ISO 3166 code of the registration, not of the machine's place
	Prefix  string   `json:"prefix,omitempty"`  // announced network
	Listed  []string `json:"listed,omitempty"`  // block lists that it is on
	Abuse   []string `json:"abuse,omitempty"`   // addresses that take abuse reports
}

// WitnessRow is one organisation that reported to us.
type WitnessRow struct {
	Witness  string   `json:"witness"`
	Verified bool     `json:"verified"`
	Own      bool     `json:"own"`
	Software string   `json:"software,omitempty"`
	Messages int      `json:"messages"`
	Evidence []string `json:"evidence"`
}

// CampaignRow is one campaign: bounced originals that look alike.
type CampaignRow struct {
	Campaign string   `json:"campaign"`
	Subject  string   `json:"subject,omitempty"` // one of its subjects
	Messages int      `json:"messages"`
	Class    Class    `json:"class,omitempty"`
	Evidence []string `json:"evidence"`
}

// Bucket counts the bounces of one hour by class.
type Bucket struct {
	Hour    time.Time     `json:"hour"`
	Classes map[Class]int `json:"classes"`
}

// Episode is a run of bounces without a gap of more than 48 hours.
type Episode struct {
	First    time.Time     `json:"first"`
	Last     time.Time     `json:"last"`
	Active   bool          `json:"active"`
	Verdict  Judgement     `json:"verdict"`
	Messages int           `json:"messages"`
	Classes  map[Class]int `json:"classes"`
}

// Domain is the state of one domain of ours.
type Domain struct {
	Domain string   `json:"domain"`
	Record string   `json:"record,omitempty"`
	Broken bool     `json:"broken"` // the record is a permanent error (RFC 7208 section 2.6.7)
	Issues []string `json:"issues"`
	DMARC  string   `json:"dmarc,omitempty"`

	Policy []PolicyTerm `json:"policy,omitempty"` // the record's terms, those of included records below their own
}

// PolicyTerm is one term of an SPF policy (RFC 7208 section 4.6.1), in the order of evaluation.
type PolicyTerm struct {
	Depth    int      `json:"depth"`  // 0: of the domain's own record; 1: of a record that one includes; ...
	Domain   string   `json:"domain"` // whose record it stands in
	Term     string   `json:"term"`
	Says     string   `json:"says"`               // what it lets pass, in words
	Problems []string `json:"problems,omitempty"` // what is wrong with it
}

// Action is one next step (METHOD 7).
type Action struct {
	Do      string `json:"do"`
	Why     string `json:"why"`
	Command string `json:"command,omitempty"`
}
