// Package trace follows a message back to the host that handed it to the site which bounced it.
//
// Received lines (RFC 5321 section 4.4) are read newest first; a line is believed while the host that wrote it is
// believed. The first client outside the reporting site is the Origin, the address SPF is asked about. Below a foreign
// border everything is a claim; below our own border the walk goes on while lines are ours, and ends at the line that
// shows who handed the message to us (METHOD 3).
//
// A line goes in as text (received.go, client.go; token.go cuts it from its right end, dialect.go knows who wrote it) and
// comes out as a Hop. Own (own.go) says what is ours. Reporter (reporter.go) finds who handed the bounce over; Origin
// (walk.go) goes down the original: inside a foreign site (site.go) to its border, below ours (ours.go) to the login; weak.go
// is for originals without a usable line.
//
// Departures from RFC 5321: dates may lack a zone; HELO names with blanks are kept; an address that could be the HELO's is
// no address. Departures from METHOD: a loop between a site and its own gateway is walked through, for each of its lines is
// vouched for by the one above (3.8 ends at a second site, and so do we where that one is a stranger); a local user's line
// above one of the same host is a filter putting the message back and is stepped over, marked stepped (3.2a ends there); a
// client is also inside the site if the site's own DNS gives the name that the line calls it that very address, though no
// reverse name does (3.1 asks for one), and so are Exchange Online's inner hosts, which have neither; the topmost line of a
// mailbox at a provider that our MX records name is believed by its name (2 asks for an address), for nobody writes above it.
package trace

import (
	"context"
	"net/netip"
	"time"
)

// Resolver is the DNS that the walk needs. No records and a nil error mean that the name does not exist; an error means
// that DNS could not answer.
type Resolver interface {
	LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error)
	LookupA(ctx context.Context, name string) ([]netip.Addr, error)
	LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error)
	LookupMX(ctx context.Context, name string) ([]string, error)
}

// Hop is one Received line, read from its right-hand fixed fields (METHOD 3.7). A field that could also have come from
// the HELO is left empty.
type Hop struct {
	Raw          string     // unfolded value
	HELO         string     // name the client gave; attacker's text
	RDNS         string     // reverse name as the line prints it; unverified
	IP           netip.Addr // the client address that the writing server saw
	Port         int        // the client's port, 0 if not printed
	By           string     // name the writing server gives itself
	ByIP         netip.Addr // address of the writing server where the line prints one
	Protocol     string     // "with": ESMTPSA, LMTP, HTTP, ...
	Auth         bool       // the line shows that the client authenticated
	AuthUser     string     // login as the line shows it
	ID           string     // queue id
	For          string     // recipient
	EnvelopeFrom string     // reverse-path where the line prints it; "<>" for null
	Local        bool       // no client by network: local submission, qmail's hand-over, a queue hand-over
	Software     string     // who wrote the line, as far as its form shows
	Time         time.Time  // zero if the line has none

	kind hopKind
}

// Trust says how the origin was reached.
type Trust string

// Direct: the topmost line is the border. Stepped: lines of the site were stepped over. Gateway: a line of the
// recipient's inbound gateway was. Weak: not from a Received line (METHOD 3.5).
const (
	Direct  Trust = "direct"
	Stepped Trust = "stepped"
	Gateway Trust = "gateway"
	Weak    Trust = "weak"
)

// Via says which record gave the origin address.
type Via string

// Where an origin can come from.
const (
	ViaReceived    Via = "received"
	ViaReporter    Via = "reporter"
	ViaReceivedSPF Via = "received-spf"
	ViaAuthResults Via = "auth-results"
	ViaDSN         Via = "dsn"
	ViaNone        Via = "none"
)

// Entry is how a message entered our systems, known only below our own border.
type Entry string

// The ways in.
const (
	EntryAccount Entry = "account" // a login, named or not
	EntryScript  Entry = "script"  // local submission by a uid, HTTP, a web form
	EntryHost    Entry = "host"    // a client in our own networks without a login
	EntryRelay   Entry = "relay"   // from outside without a login: forwarded or bounced by us
	EntryAPIKey  Entry = "api-key"
	EntryTenant  Entry = "tenant"
	EntryUnknown Entry = "unknown"
)

// Step is one line of the walk and why it was believed or not.
type Step struct {
	Line     int // 1 is the topmost Received line of the original
	Client   string
	By       string
	Believed bool
	Why      string // one of the Why constants
}

// Origin is where a message came from. IP is the address SPF is asked about; where the border is ours, ClientIP and
// AuthUser say who handed the message to us.
type Origin struct {
	IP            netip.Addr // invalid if unknown
	Port          int
	HELO          string // of the border line
	RDNS          string // its reverse name, by our own look-up
	RDNSConfirmed bool   // the name's address is IP (forward-confirmed)
	AccessLine    bool   // the reverse name looks like an access line: dyn, pool, dsl, the address's digits
	ProperRelay   bool   // a mail server that says its name: confirmed, no access line, and its HELO of the same organisation
	By            string // host that wrote the border line
	EnvelopeFrom  string // of the border line
	Via           Via
	Trust         Trust
	Own           bool // IP is one of our servers
	OwnUnknown    bool // whether IP is ours could not be asked, and nothing else hangs on it; SPF of ours may still tell
	AuthUser      string
	AuthShown     bool       // the line under our border shows authentication, with or without a login name
	LoginForm     string     // how that line shows it: the software that wrote it, and hidden, bare or address
	LoginServer   netip.Addr // of the server of ours that wrote it, as the line above saw it
	OwnFor        string     // address at a domain of ours that the login wrote to: a list or an alias, where others failed
	ClientIP      netip.Addr
	ClientOwnNet  bool // ClientIP lies in --own-net
	OwnNet        bool // IP itself lies in --own-net: a machine of ours that went past our servers
	Entry         Entry
	Software      string // who wrote the line that QueueID comes from, as far as its form shows
	QueueID       string // of the line by which our own host took the message, else of the border line
	Time          time.Time
	ClaimedOrigin netip.Addr // the lowest client address of all lines: a claim
	Framing       bool       // a claimed line names our servers
	SiteAuth      bool       // the border line at a foreign reporter shows authentication: that site's customer
	Hidden        bool       // an inner address was stepped over: behind NAT or a proxy every client has one
	Unstamped     bool       // a hop did not stamp: the origin is unknown
	DNSFailed     bool       // a look-up failed that could have changed who is inside or ours
	TooLong       bool       // the walk needed too many look-ups: the origin is unknown
	Steps         []Step
}

// Reporter is who handed the bounce to us (METHOD 3.0).
type Reporter struct {
	IP            netip.Addr // handing address; invalid if none
	HELO          string
	RDNS          string
	RDNSConfirmed bool
	Own           bool // one of our servers connected, or hosts of ours only handed it from queue to queue: our own bounce
	Stepped       bool // an inner client was stepped over: behind NAT a stranger can have written the lines this rests on
	Unstamped     bool // no top line was written by a host of ours (exported or re-injected mail), or Hidden: unverified
	Hidden        bool // no line of ours shows who connected: NAT or a proxy hides it
	By            string
	DNSFailed     bool   // a look-up failed that could have changed who is ours
	Organisation  string // organisational domain of the confirmed name, else the /24 or /48: the witness
}
