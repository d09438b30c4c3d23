package classify

// A classRow says what a class needs (METHOD 5): all of these codes, one of those (where any are named), none of others.
// The first row that fits a message decides.
type classRow struct {
	class   Class
	all     Codes
	any     Codes
	none    Codes
	couldBe []Class
	settle  string // what decides an undetermined one; {placeholders} as in rules
}

// Sets of codes that several rows name.
var (
	spfNotOurs  = codes("spf-fail", "spf-softfail", "spf-neutral")
	spfNoPass   = spfNotOurs | codes("spf-none", "spf-permerror")
	withLogin   = codes("login-named", "login-shown", "login-strange")
	inTenant    = codes("tenant-inside")
	withoutName = inTenant | codes("entered-local", "entered-own-net", "entry-unknown")
	showsEntry  = withLogin | inTenant | codes("entered-local", "entered-own-net")
	entered     = withLogin | withoutName
	inSent      = codes("sent-recipient", "sent-alias")
	ownProof    = inSent | codes("dkim-own")
	viaProvider = codes("origin-outside", "spf-pass", "dkim-own", "dkim-recipient") // throughProvider, as codes say it
	believable  = ownProof | codes("border-proved", "border-witnessed")
)

const (
	settleLog       = "search our mail log for queue id {queue}: it shows whether our server took the message, and from whom"
	settleSent      = "give the Sent mailbox (--sent): it shows whether the owner wrote it"
	settleOwn       = "if {origin} is a server of yours, say so: --own {origin}; if it is your provider's, ask its log for the message id"
	settleDNS       = "run again when DNS answers"
	settleHost      = "find the machine behind {origin} in the log of your router: infected, or set up past your submission server"
	settleSignature = "scan this message alone: then its signature is verified"
	settleNothing   = "look for the message id in our mail log and in Sent"
	settleAbsent    = "see whether the log is that of the server named here and whole for that time; if it is, the report is fabricated"
	settleTenant    = "search the tenant's message trace for {queue}: it shows by which connector or forward it came"
	settleOther     = "ask those the message was sent to whether they pass mail on by {origin}; if none does, it was copied"
	settleService   = "does a service that signs for you send from {origin}? If so it is missing from your SPF record; if not, your key is stolen, or a stranger sends the message again"
	settleProvider  = "search the message log of the provider that {origin} belongs to for the message id: it names the account or the key that sent it"
	settleTrace     = "search the tenant's message trace for the message id: it shows whether an account of yours sent it"
	settleServer    = "if {by} is a server of yours, say so: --own {by}; its line shows who logged in"
	settleForward   = "search our mail log for queue id {queue}: a forward names the address it was sent on from; an open relay names a stranger"
)

// classRows is METHOD 5's table. Rows stand in the order of their proof: what our own border shows, what Sent and DKIM
// prove, then what SPF says about an outside address.
var classRows = []classRow{
	// Entered through our own servers.
	{class: OwnBackscatter, all: codes("origin-own", "null-sender"), any: codes("border-proved", "border-witnessed"), none: withLogin | ownProof},
	{class: OwnBackscatter, all: codes("reporter-own", "origin-own", "entered-outside"), none: ownProof},
	{class: Forwarded, all: codes("srs-valid"), none: withLogin},
	{class: OwnBackscatter, all: codes("tenant-outside", "origin-outside"), none: ownProof},
	{class: Undetermined, all: codes("tenant-outside", "origin-own"), none: ownProof, couldBe: []Class{Forwarded, Forged}, settle: settleTenant},
	{class: Undetermined, all: codes("origin-own", "log-absent"), none: codes("border-proved", "border-witnessed"), couldBe: []Class{Forged, Compromised}, settle: settleAbsent},
	{class: Compromised, all: codes("origin-own", "out-of-habit", "script-run"), any: withoutName},
	{class: Misconfigured, all: codes("origin-own"), any: spfNotOurs, none: withLogin | inTenant | codes("entered-outside")},
	{class: Compromised, all: codes("origin-own", "out-of-habit"), any: entered},
	{class: Forwarded, all: codes("origin-own", "entered-outside"), any: ownProof},
	{class: Undetermined, all: codes("origin-own", "entered-outside"),
		couldBe: []Class{Forwarded, Forged, Misconfigured, Compromised}, settle: settleForward},
	{class: Undetermined, all: codes("origin-own", "claimed-habit"), couldBe: []Class{Compromised, Forged}, settle: settleLog},
	{class: Undetermined, all: codes("origin-own", "habit-doubtful"), none: codes("sent-recipient", "sent-alias"),
		couldBe: []Class{Genuine, Compromised}, settle: settleLog},
	{class: Undetermined, all: codes("origin-own", "habit-unknown"), couldBe: []Class{Genuine, Compromised}, settle: settleLog},
	{class: Misconfigured, all: codes("origin-own"), any: spfNotOurs},
	{class: Forwarded, all: codes("origin-own", "sent-alias")},
	{class: Genuine, all: codes("origin-own"), any: believable},
	{class: Undetermined, all: codes("origin-own"), couldBe: []Class{Genuine, Compromised, Forged}, settle: settleLog},

	// Our log holds it, though the lines do not show our border: nothing came back, or somebody passed it on.
	{class: Compromised, all: codes("log-confirmed", "out-of-habit"), any: entered},
	{class: Undetermined, all: codes("log-confirmed", "habit-unknown"), couldBe: []Class{Genuine, Compromised}, settle: settleLog},
	{class: Forwarded, all: codes("log-confirmed", "entered-outside")},
	{class: Forwarded, all: codes("log-confirmed", "origin-outside")},
	{class: Genuine, all: codes("log-confirmed")},

	// Outside, but our own record or signature ties it to us.
	{class: Undetermined, all: viaProvider | codes("claimed-habit"), couldBe: []Class{Compromised, Genuine}, settle: settleProvider},
	{class: Misconfigured, all: codes("origin-outside", "sent-recipient"), any: spfNotOurs},
	{class: Genuine, all: codes("sent-recipient")},
	{class: Forwarded, all: codes("sent-alias")},
	{class: Undetermined, all: codes("dkim-replayed", "relay-border"), couldBe: []Class{Forwarded, Forged}, settle: settleSent},
	{class: Forged, all: codes("dkim-replayed"), any: spfNoPass},
	{class: Misconfigured, all: codes("origin-outside", "dkim-own", "reports-signed"), any: spfNotOurs},
	{class: Misconfigured, all: codes("origin-outside", "dkim-own", "dkim-recipient", "dkim-many", "relay-border"), any: spfNotOurs},
	{class: Undetermined, all: codes("origin-outside", "dkim-own", "dkim-recipient"), any: spfNotOurs,
		couldBe: []Class{Misconfigured, Forged}, settle: settleService},
	// Our signature from an address that our record permits and others share: an account or a key of ours at that provider.
	{class: Undetermined, all: codes("origin-outside", "dkim-own", "spf-pass"), couldBe: []Class{Genuine, Compromised, Forwarded}, settle: settleProvider},
	{class: Forwarded, all: codes("origin-outside", "dkim-own", "relay-border")},
	{class: Forwarded, all: codes("arc-sealed"), none: codes("sent-lacks", "reports-fail")},
	{class: Undetermined, all: codes("dkim-own"), couldBe: []Class{Forwarded, Misconfigured, Forged}, settle: settleSent},
	{class: Undetermined, all: codes("dkim-unchecked"), couldBe: []Class{Forged, Forwarded, Misconfigured}, settle: settleSignature},

	{class: Undetermined, all: codes("origin-own-net"), couldBe: []Class{Compromised, Misconfigured}, settle: settleHost},

	// Outside, and nothing ties it to us.
	{class: Undetermined, all: codes("origin-unknown", "tenant-inside"), couldBe: []Class{Genuine, Compromised, Forged}, settle: settleTrace},
	{class: Undetermined, all: codes("origin-unknown"), couldBe: []Class{Forged, Genuine, Compromised}, settle: settleNothing},
	{class: Undetermined, all: codes("dns-failed"), couldBe: []Class{Forged, Compromised}, settle: settleDNS},
	{class: Forged, all: codes("spf-pass", "spf-shared", "reports-signed", "unsigned")},
	{class: Undetermined, any: codes("spf-pass"), couldBe: []Class{Forged, Compromised, Genuine}, settle: settleOwn},
	{class: Undetermined, any: codes("spf-unasked"), couldBe: []Class{Forged, Misconfigured}, settle: settleDNS},
	// However many such relays there are: one newsletter of ours that many forwarders pass on looks like a Joe-Job from rented
	// hosts with proper names (METHOD 8). Sent, a signature or DMARC reports tell.
	{class: Undetermined, all: codes("no-sent"), any: codes("relay-border", "relay-reporter"), none: codes("site-customer", "reports-fail"),
		couldBe: []Class{Forged, Forwarded, Misconfigured}, settle: settleSent},
	{class: Undetermined, all: codes("sent-other", "relay-border"), couldBe: []Class{Forwarded, Forged}, settle: settleOther},
	// Whoever took it from a login may be a server of ours that --own does not name: then its report looks like a site's.
	{class: Undetermined, all: codes("site-customer", "reporter-unstamped"), couldBe: []Class{Compromised, Genuine, Forged}, settle: settleServer},
	{class: Forged, all: codes("origin-outside"), any: spfNoPass},
	{class: Undetermined, couldBe: []Class{Forged, Genuine, Compromised}, settle: settleNothing},
}

// decide finds the row that fits; the last row fits everything.
func decide(set Codes) *classRow {
	for i := range classRows {
		row := &classRows[i]
		if set.has(row.all) && (row.any == 0 || set.meets(row.any)) && !set.meets(row.none) {
			return row
		}
	}
	return &classRows[len(classRows)-1]
}
