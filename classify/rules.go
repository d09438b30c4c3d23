package classify

import (
	"math/bits"
	"strconv"
	"strings"

	"ndrscan/dsn"
	"ndrscan/proof"
	"ndrscan/spf"
	"ndrscan/trace"
)

// A rule is one statement about one message. Weight ranks its evidence as METHOD 2 does: 4 our own record, 3 a signature
// of ours or what our own hosts stamped, 2 what the reporting site stamped and DNS answered, 1 a circumstance, 0 a mark
// that only explains and moves no class.
type rule struct {
	code    string
	weight  int
	cite    string
	applies func(e *Evidence) bool // nil: to every bounce. Not applying is not the same as not holding
	holds   func(e *Evidence) bool
	says    string // {placeholders} are filled from the evidence
	means   string // what follows from it, for those who look the code up
}

// Codes is a set of rules that hold, by their place in the table.
type Codes uint64

func spfIs(results ...spf.Result) func(*Evidence) bool {
	return func(e *Evidence) bool {
		for _, r := range results {
			if e.SPF.Result == r {
				return true
			}
		}
		return false
	}
}

// passes tells an SPF pass that names somebody. A record that lets everybody pass says nothing about anybody, as ?all does
// (METHOD 4: a pass is weighed by who can use the matched network).
func passes(e *Evidence) bool {
	return e.SPF.Result == spf.Pass && !passesAnybody(e.SPF.Mechanism)
}

func passesAnybody(mechanism string) bool {
	mechanism = strings.TrimLeft(mechanism, "+")
	return strings.EqualFold(mechanism, "all") || strings.HasSuffix(mechanism, "/0")
}

// provedOurs tells mail that Sent with its recipient or a signature shows to be ours, wherever it came from: its lines may well name our servers.
func provedOurs(e *Evidence) bool {
	return e.SentToRecipient || e.SentToAlias || e.ownDKIM(proof.DKIMPass)
}

func notOwnReport(e *Evidence) bool { return !e.ownReport() }

func hasOrigin(e *Evidence) bool { return e.Origin.IP.IsValid() }
func ownBorder(e *Evidence) bool { return hasOrigin(e) && e.Origin.Own }

// fromUs tells whether it went through our servers, as the lines say or as our log does.
func fromUs(e *Evidence) bool { return ownBorder(e) || e.Log != nil || e.Tenant == TenantInside }

func outside(e *Evidence) bool    { return hasOrigin(e) && !e.Origin.Own }
func sentAtHand(e *Evidence) bool { return e.SentAtHand }

// rules is the table. Its order is that of the reasons in a finding; the flood's own rules (habit) stand at its end and
// are set when all is read.
var rules = []rule{
	{code: "reporter-own", weight: 3, cite: "METHOD 3.0", holds: (*Evidence).ownReport,
		says:  "our own server wrote the report",
		means: "One of our servers handed the bounce over, known by its address. What it wrote of the original is our own record. Reporting-MTA, From and body never decide this."},
	{code: "reporter-verified", weight: 2, cite: "METHOD 6", applies: notOwnReport,
		holds: func(e *Evidence) bool { return e.Verified }, says: "{reporter} handed us the report and is what it says it is",
		means: "The handing address has a confirmed name in the organisation that the report names, or is an MX or SPF-permitted host of the failed recipient. It is a witness; only verified witnesses count towards a compromise."},
	{code: "reporter-unverified", weight: 0, cite: "METHOD 6", applies: notOwnReport,
		holds: func(e *Evidence) bool { return !e.Verified }, says: "nothing but its own word says that the report is {mta}'s",
		means: "Anybody could have written this report. It can make a message forged; it never makes one compromised."},
	{code: "reporter-unstamped", weight: 0, cite: "METHOD 3.0", holds: func(e *Evidence) bool { return e.Reporter.Unstamped && !e.Reporter.Hidden },
		says:  "no host of ours stamped the report: it was exported or put here by other means",
		means: "The mail was exported, moved or put into the mailbox by other means, so no line of ours says who brought it."},
	{code: "reporter-hidden", weight: 0, cite: "METHOD 3.1", holds: func(e *Evidence) bool { return e.Reporter.Hidden },
		says:  "a proxy or a filter in front of our server hides who handed us the report",
		means: "Behind NAT or a proxy every client looks inside. If the proxy is yours, name its address with --own."},

	{code: "origin-own", weight: 3, cite: "METHOD 3.2", holds: ownBorder,
		says:  "it reached the reporting site from {origin}, {whose}",
		means: "The border is ours: the reporting site saw one of our servers. What stands below was written by our own hosts, and says who handed the message in."},
	{code: "origin-outside", weight: 2, cite: "METHOD 3.2", holds: outside,
		says:  "it reached the reporting site from {origin}, which is not ours",
		means: "The message came from a host that is not ours. Everything below that line is a claim."},
	{code: "origin-unknown", weight: 1, cite: "METHOD 3.5", holds: func(e *Evidence) bool { return !hasOrigin(e) },
		says:  "where it came from can't be told: {returned}",
		means: "Nothing of the original came back, or none of its lines shows an address that the site saw."},
	{code: "unstamped-hop", weight: 1, cite: "METHOD 3.1", holds: func(e *Evidence) bool { return e.Origin.Unstamped },
		says:  "a host of the reporting site left no line; what stands below it is a claim",
		means: "Between two lines a host left none, so the lower one can't be vouched for."},
	{code: "origin-stepped", weight: 0, cite: "METHOD 3.1", applies: hasOrigin,
		holds: func(e *Evidence) bool { return e.Origin.Trust == trace.Stepped },
		says:  "lines of the reporting site were stepped over to reach it",
		means: "A stepped origin may make a message forged. It supports a compromise only with a signature of ours, our own records, or a result recorded above the step that names the same client."},
	{code: "origin-gateway", weight: 0, cite: "METHOD 3.2", applies: hasOrigin,
		holds: func(e *Evidence) bool { return e.Origin.Trust == trace.Gateway },
		says:  "the recipient's inbound gateway was stepped over to reach it",
		means: "The recipient's MX hosts show which gateway stands before the site; its line is believed."},
	{code: "origin-weak", weight: 0, cite: "METHOD 3.5", applies: hasOrigin,
		holds: func(e *Evidence) bool { return e.Origin.Trust == trace.Weak },
		says:  "the address is from {via}, not from a Received line",
		means: "There was no usable Received line; the address is from what the site recorded elsewhere."},
	{code: "relay-border", weight: 1, cite: "METHOD 5", applies: outside,
		holds: func(e *Evidence) bool { return e.Origin.ProperRelay },
		says:  "{rdns} is a proper mail server: it may have passed the message on for somebody",
		means: "Its name is confirmed and it greets with it. Without Sent a forwarder, an open relay and a forger's own server can't be told apart."},
	{code: "relay-reporter", weight: 1, cite: "METHOD 8", applies: outside, holds: func(e *Evidence) bool { return e.RelayReporter },
		says:  "the reporter is not the recipient's site but a relay on the way there: {origin} is its guest, its customer, or abuses it",
		means: "A hotel's or a provider's mail server, or an open relay. Without Sent its guest who is you and its guest who is not can't be told apart."},
	{code: "site-customer", weight: 1, cite: "METHOD 3.2a", applies: outside,
		holds: func(e *Evidence) bool { return e.Origin.SiteAuth },
		says:  "the reporting site's own line shows a login: the sender is that site's customer",
		means: "The victim or the spammer is a customer of the reporting site; the site can tell who."},
	{code: "origin-own-net", weight: 2, cite: "METHOD 2", applies: outside,
		holds: func(e *Evidence) bool { return e.Origin.OwnNet },
		says:  "{origin} lies in a client network of ours (--own-net): a machine there went past our servers",
		means: "The machine is infected, or set up to send past the submission server. No line that it wrote is believed, whatever its name."},
	{code: "framing", weight: 0, cite: "METHOD 3.4", holds: func(e *Evidence) bool { return e.Origin.Framing && !provedOurs(e) },
		says:  "a line below the border names our servers: written by whoever sent it, to frame us",
		means: "It changes no class and no address; it only shows what the sender wanted you to believe."},

	{code: "login-named", weight: 3, cite: "METHOD 3.3", applies: fromUs,
		holds: func(e *Evidence) bool { return e.Origin.AuthUser != "" },
		says:  "our server took it from {client} with the login {login}",
		means: "The account whose login this is, not the address in From, handed the message in."},
	{code: "login-shown", weight: 3, cite: "METHOD 3.3", applies: fromUs,
		holds: func(e *Evidence) bool { return e.Origin.AuthShown && e.Origin.AuthUser == "" },
		says:  "our server took it from {client} with a login that its line does not name (queue id {queue})",
		means: "Postfix hides login names by default. The log of that server names it under the queue id."},
	{code: "login-strange", weight: 1, cite: "METHOD 3.3", applies: never, holds: never,
		says:  "its line names a login in another form than that server does in your other mail: the name is not believed",
		means: "Whoever wrote that line did not know how your server writes logins. The log of that server names the login under the queue id."},
	{code: "entered-local", weight: 3, cite: "METHOD 3.3", applies: fromUs,
		holds: func(e *Evidence) bool { return e.Origin.Entry == trace.EntryScript },
		says:  "it began on our own server: a script, a form or a local user",
		means: "No login was needed: a web script, a cron job, a shell."},
	{code: "entered-own-net", weight: 3, cite: "METHOD 3.3", applies: fromUs,
		holds: func(e *Evidence) bool { return e.Origin.Entry == trace.EntryHost },
		says:  "our server took it without a login from {client}, in a network of ours",
		means: "A machine in a network named by --own-net, or with an inner address."},
	{code: "entered-outside", weight: 3, cite: "METHOD 3.3", applies: fromUs,
		holds: func(e *Evidence) bool { return e.Origin.Entry == trace.EntryRelay },
		says:  "our server took it from {client}, outside, without a login",
		means: "We forwarded it, relayed it, or accepted it and bounced it later."},
	{code: "entry-unknown", weight: 1, cite: "METHOD 3.3", applies: ownBorder,
		holds: func(e *Evidence) bool { return e.Origin.Entry == trace.EntryUnknown || e.Origin.Entry == "" },
		says:  "the lines do not show how it entered our server",
		means: "The border is ours, and no line below shows more."},
	{code: "tenant-inside", weight: 3, cite: "METHOD 3.6", holds: func(e *Evidence) bool { return e.Tenant == TenantInside },
		says:  "the provider's own stamp or signature says that it began inside our tenant",
		means: "One of the tenant's accounts sent it. The lines name no client; the tenant's sign-in log and message trace do."},
	{code: "tenant-outside", weight: 3, cite: "METHOD 3.6", holds: func(e *Evidence) bool { return e.Tenant == TenantOutside },
		says:  "the provider's own stamp says that it entered our tenant from outside",
		means: "Direct send, a connector or a forward: never the account."},
	{code: "log-confirmed", weight: 4, cite: "METHOD 2", holds: func(e *Evidence) bool { return e.Log != nil },
		says:  "our mail log holds it{log}",
		means: "The strongest proof there is. Client, login and time are the log's."},
	{code: "log-absent", weight: 4, cite: "METHOD 2", applies: ownBorder,
		holds: func(e *Evidence) bool { return e.Log == nil && e.LogCovers && e.Origin.QueueID != "" },
		says:  "our mail log covers that time and does not hold queue id {queue}: no such message passed our server",
		means: "Either the report is fabricated, or the log is another server's or not whole."},
	{code: "srs-valid", weight: 4, cite: "METHOD 4", holds: func(e *Evidence) bool { return e.ValidTag == proof.TagSRS0 },
		says:  "its sender bears an SRS tag that our server made: we passed on somebody else's mail",
		means: "Only our server can make the tag; a third party's mail came back through us, from no account of ours."},
	{code: "batv-valid", weight: 1, cite: "METHOD 4", holds: func(e *Evidence) bool { return e.ValidTag == proof.TagBATV },
		says:  "its sender bears a BATV tag of ours that has not expired: whoever used it saw mail of ours lately",
		means: "It supports, and proves nothing: whoever got a mail of ours could copy it."},
	{code: "null-sender", weight: 2, cite: "RFC 5321 section 4.5.5", holds: (*Evidence).nullSender,
		says:  "the original is a report itself: it has no sender, so this is the bounce of a bounce",
		means: "Our server bounced forged mail, and the bounce could not be delivered either."},
	{code: "border-proved", weight: 4, cite: "METHOD 2", applies: fromUs, holds: borderProved,
		says:  "our own records say that it passed our server",
		means: "Our log, a bounce of our own server, or the message in Sent with this recipient. One such message, out of habit, proves a compromise."},
	{code: "border-witnessed", weight: 2, cite: "METHOD 3.1", applies: ownBorder, holds: borderWitnessed,
		says:  "a verified site saw our server hand it over",
		means: "Three such witnesses that have nothing to do with each other, with different queue ids, prove a compromise if the mail is out of habit."},
	{code: "border-stepped", weight: 1, cite: "METHOD 3.1", applies: ownBorder, holds: borderStepped,
		says:  "a verified site had it from our server, by way of its own hosts or gateway",
		means: "No address behind which anybody may stand was stepped over. It points at our server, and proves no compromise."},

	{code: "spf-pass", weight: 2, cite: "RFC 7208 section 2.6.3", holds: passes,
		says:  "{spf.domain} permits {origin} ({spf.mechanism})",
		means: "The address may send for the domain. That alone makes nobody ours."},
	{code: "spf-shared", weight: 1, cite: "METHOD 4", applies: passes, holds: func(e *Evidence) bool { return e.SPF.Shared },
		says:  "others may send from the network that {spf.mechanism} permits",
		means: "A pass there says no more than that the sender is a customer of the same provider."},
	{code: "spf-fail", weight: 2, cite: "RFC 7208 section 2.6.4", applies: hasOrigin, holds: spfIs(spf.Fail),
		says:  "{origin} is not allowed by {spf.domain} (matched {spf.mechanism})",
		means: "The domain's record says that this host must not send for it."},
	{code: "spf-softfail", weight: 2, cite: "RFC 7208 section 2.6.5", applies: hasOrigin, holds: spfIs(spf.SoftFail),
		says:  "{origin} is probably not allowed by {spf.domain} (matched {spf.mechanism})",
		means: "The record ends in ~all: not permitted, and no receiver need refuse it."},
	{code: "spf-neutral", weight: 1, cite: "RFC 7208 section 2.6.2", applies: hasOrigin,
		holds: func(e *Evidence) bool { return e.SPF.Result == spf.Neutral || e.SPF.Result == spf.Pass && !passes(e) },
		says:  "{spf.domain} says nothing about {origin}",
		means: "The record says nothing either way, or lets everybody pass (+all), which says as little."},
	{code: "spf-none", weight: 1, cite: "RFC 7208 section 2.6.1", applies: hasOrigin, holds: spfIs(spf.None),
		says:  "{spf.domain} publishes no SPF record",
		means: "Without a record nothing can be told from the address."},
	{code: "spf-permerror", weight: 1, cite: "RFC 7208 section 2.6.7", applies: hasOrigin, holds: spfIs(spf.PermError),
		says:  "the SPF record of {spf.domain} is broken: {spf.problem}",
		means: "A record with an error counts as none. Mend it first."},
	{code: "dns-failed", weight: 1, cite: "RFC 7208 section 2.6.6",
		holds: (*Evidence).DNSFailed, says: "DNS could not answer: nobody is accused on that",
		means: "The class is at most undetermined until the question is answered."},
	{code: "spf-unasked", weight: 0, cite: "METHOD 4", applies: func(e *Evidence) bool { return hasOrigin(e) && !trace.Inner(e.Origin.IP) }, holds: spfIs(""),
		says:  "SPF was not asked: there was no DNS",
		means: "Run with --dns."},

	{code: "sent-recipient", weight: 4, cite: "METHOD 2", applies: sentAtHand, holds: func(e *Evidence) bool { return e.SentToRecipient },
		says:  "the message stands in Sent, with this recipient",
		means: "The account sent it. Whether its owner did is a matter of habit: thieves save to Sent, too."},
	{code: "sent-alias", weight: 4, cite: "METHOD 2", applies: sentAtHand, holds: func(e *Evidence) bool { return e.SentToAlias },
		says:  "the message stands in Sent, to an address whose site passed it on",
		means: "The border is the site of somebody the message was sent to, or a verified reporter names such an address."},
	{code: "sent-other", weight: 1, cite: "METHOD 2", applies: sentAtHand,
		holds: func(e *Evidence) bool { return e.InSent && !e.SentToRecipient && !e.SentToAlias },
		says:  "its Message-ID stands in Sent, but to others: passed on, or copied by somebody who saw it",
		means: "A Message-ID is text. Anybody who saw the message can put it on another."},
	{code: "sent-lacks", weight: 1, cite: "METHOD 2", applies: sentAtHand, holds: func(e *Evidence) bool { return e.SentLacks },
		says:  "Sent holds mail of this author, but not this message",
		means: "Its author did not keep it, or did not write it."},
	{code: "arc-sealed", weight: 2, cite: "METHOD 5", applies: outside, holds: func(e *Evidence) bool { return e.ARCSealed },
		says:  "{rdns} sealed it (ARC) and says that it passed for our domain when it came there",
		means: "A forwarder that seals what it passes on. It is his word: where Sent lacks the message, it is not enough."},
	{code: "no-sent", weight: 0, cite: "METHOD 8", holds: func(e *Evidence) bool { return !e.SentAtHand },
		says:  "no Sent mailbox was at hand to compare with",
		means: "Forwarded, misconfigured and genuine mail can't be told apart for certain. Give it with --sent."},
	{code: "dkim-own", weight: 3, cite: "METHOD 2", holds: func(e *Evidence) bool { return e.ownDKIM(proof.DKIMPass) },
		says:  "a DKIM signature of ours over the whole message is valid",
		means: "This very message was signed by us. From an outside host it was passed on, or replayed."},
	{code: "dkim-recipient", weight: 3, cite: "METHOD 2", applies: outside, holds: func(e *Evidence) bool { return e.DKIMRecipient },
		says:  "that signature covers the To field, which names this very recipient: nobody passed the message on",
		means: "A service that signs for you sent it from a host outside your SPF record, or somebody with your key did. A forwarder's recipient is not the one that the message was written to."},
	{code: "dkim-own-headers", weight: 1, cite: "METHOD 2", holds: func(e *Evidence) bool { return e.ownDKIM(proof.DKIMHeadersPass) },
		says:  "a DKIM signature of ours over these header fields is valid; the body it covers did not come back",
		means: "These header fields were signed once. The body and the recipient may be others."},
	{code: "dkim-unchecked", weight: 0, cite: "METHOD 2", holds: func(e *Evidence) bool { return e.uncheckedDKIM() },
		says:  "a signature in our name was not verified: hundreds from there were wrong before it",
		means: "It may fit or not, so it proves nothing. run.limits says how many were left out."},

	{code: "dkim-replayed", weight: 3, cite: "METHOD 2", applies: never, holds: never,
		says:  "{copies} bounces from several networks bear this one {mark}: a stranger sends one message of yours again and again",
		means: "However many such bounces there are, they show one message of ours that fell into somebody's hands."},
	{code: "dkim-many", weight: 1, cite: "METHOD 2", applies: never, holds: never,
		says:  "{signatures} different messages with valid signatures of yours came from outside: passed on for you, or your key is stolen, or a service that signs for you is abused",
		means: "If you use no service that signs for you, change the key."},

	{code: "reports-signed", weight: 2, cite: "RFC 9990", applies: never, holds: never,
		says:  "{receivers} receivers' DMARC reports count {reported} messages from there, almost all with a valid signature of ours",
		means: "A service that signs for us sends from there, and its mail is signed: what bears no signature of ours is somebody else's."},
	{code: "reports-fail", weight: 2, cite: "RFC 9990", applies: never, holds: never,
		says:  "{receivers} receivers' DMARC reports count {reported} messages from there in our name, almost none of which passes SPF or bears a signature of ours",
		means: "A forwarder of our mail would pass on our signatures."},
	{code: "unsigned", weight: 0, cite: "METHOD 2", applies: func(e *Evidence) bool {
		return passes(e) && e.SPF.Shared && e.Bounce.Original.Returned == dsn.ReturnedFull
	},
		holds: func(e *Evidence) bool { return !e.signedByUs() },
		says:  "it bears no signature of ours",
		means: "It says something only where all our mail from there is signed."},

	{code: "out-of-habit", weight: 3, cite: "METHOD 5", applies: never, holds: never, says: "out of the owner's habit: {habit}",
		means: "At least two signs say that this login from this network does not do what the owner does."},
	{code: "claim-agrees", weight: 1, cite: "METHOD 6", applies: never, holds: never,
		says:  "the report is unverified, but names the login and client network that better evidence shows out of habit",
		means: "It adds to the count of a compromise that others prove. It proves none."},
	{code: "claimed-habit", weight: 1, cite: "METHOD 5", applies: never, holds: never,
		says:  "reports that prove nothing show what would be out of habit: {habit}",
		means: "Three or more such messages are a suspicion, which one search of the mail log settles."},
	{code: "habit-doubtful", weight: 1, cite: "METHOD 5", applies: never, holds: never,
		says:  "{habit}, and there is nothing to compare its habit with",
		means: "One sign alone does not make it out of habit; without Sent the others can't be looked for."},
	{code: "script-run", weight: 2, cite: "METHOD 5", applies: never, holds: never,
		says:  "more than a form does that people use: somebody else writes through it",
		means: "Many recipients within an hour, and refusals as spam: somebody abuses the form or the server."},
	{code: "habit-unknown", weight: 0, cite: "METHOD 5", applies: never, holds: never,
		says:  "there were too many logins and client networks to keep the habit of this one",
		means: "Past a bound the habit of further logins is not kept, so nothing is said of them."},
}

func never(*Evidence) bool { return false }

// borderProved tells whether our own records say that a message passed our server: our own bounce, our log, or Sent with this
// recipient (METHOD 2, kinds 1 and 4).
func borderProved(e *Evidence) bool {
	return e.Log != nil || ownBorder(e) && (e.ownReport() || e.SentToRecipient)
}

// borderWitnessed tells whether a verified site saw our server connect. A stepped border counts only with a signature of
// ours, or with a result recorded above the step that names the same client (METHOD 3.1).
func borderWitnessed(e *Evidence) bool {
	if !ownBorder(e) || borderProved(e) || !e.Verified || e.Reporter.Stepped {
		return false // behind NAT a stranger can have written the line that names the witness
	}
	if e.Origin.Trust == trace.Direct || e.Origin.Trust == trace.Gateway || e.steppedCounts {
		return true
	}
	return e.ownDKIM(proof.DKIMPass) || e.Recorded != nil && e.Recorded.Above
}

// borderStepped tells whether a verified site shows our server behind hosts that the walk knows by their addresses: a
// stranger can't stand between them, as he can behind NAT.
func borderStepped(e *Evidence) bool {
	return ownBorder(e) && e.Verified && !e.Reporter.Stepped && e.Origin.Trust == trace.Stepped && !e.Origin.Hidden &&
		!borderProved(e) && !borderWitnessed(e)
}

// ruleIndex finds a rule by its code.
var ruleIndex = func() map[string]int {
	index := make(map[string]int, len(rules))
	for i, r := range rules {
		index[r.code] = i
	}
	return index
}()

// codes makes a set; a code that is no rule is a mistake in the program.
func codes(names ...string) Codes {
	var set Codes
	for _, name := range names {
		i, ok := ruleIndex[name]
		if !ok {
			panic("classify: no rule has the code " + name)
		}
		set |= 1 << i
	}
	return set
}

func (c Codes) has(all Codes) bool   { return c&all == all }
func (c Codes) meets(any Codes) bool { return c&any != 0 }

var originStepped = codes("origin-stepped")

// hold evaluates the table for one bounce; off are rules that are switched off.
func hold(e *Evidence, off Codes) Codes {
	e.steppedCounts = off.has(originStepped)
	var set Codes
	for i := range rules {
		r := &rules[i]
		if off&(1<<i) == 0 && (r.applies == nil || r.applies(e)) && r.holds(e) {
			set |= 1 << i
		}
	}
	return set
}

// reasons puts the rules that hold into words, the weightiest first.
func reasons(set Codes, e *Evidence) []Reason {
	list := make([]Reason, 0, bits.OnesCount64(uint64(set)))
	for weight := 4; weight >= 0; weight-- {
		for i, r := range rules {
			if set&(1<<i) != 0 && r.weight == weight {
				list = append(list, Reason{Code: r.code, Text: fill(r.says, e)})
			}
		}
	}
	return list
}

// fill replaces the {placeholders} of a sentence.
func fill(sentence string, e *Evidence) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(sentence, "{")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, _ := strings.Cut(rest, "}")
		out.WriteString(placeholder(name, e))
		sentence = after
	}
}

func placeholder(name string, e *Evidence) string {
	switch name {
	case "origin":
		return e.Origin.IP.String()
	case "rdns":
		return e.Origin.RDNS
	case "via":
		return string(e.Origin.Via)
	case "client":
		if e.Origin.ClientIP.IsValid() {
			return e.Origin.ClientIP.String()
		}
		return "an unnamed client"
	case "login":
		return e.Origin.AuthUser
	case "queue":
		return orElse(e.Origin.QueueID, "unknown")
	case "reporter":
		return orElse(e.Reporter.Organisation, e.Reporter.IP.String())
	case "mta":
		return orElse(e.Bounce.ReportingMTA, "the named host")
	case "whose":
		if e.Tenant != TenantUnknown {
			return "which sends for our tenant"
		}
		return "a server of ours"
	case "log":
		return logText(e.Log)
	case "returned":
		return returnedText(e.Bounce.Original)
	case "spf.domain":
		return orElse(e.SPF.Domain, "the sender's domain")
	case "spf.mechanism":
		return orElse(e.SPF.Mechanism, "no mechanism")
	case "spf.problem":
		return e.SPF.Problem
	}
	return "{" + name + "}"
}

// logText says what the log adds: client and login.
func logText(l *LogEntry) string {
	if l == nil {
		return ""
	}
	text := ", queue id " + orElse(l.QueueID, "unknown")
	if l.Client.IsValid() {
		text += ", from " + l.Client.String()
	}
	if l.Login != "" {
		text += ", login " + l.Login
	} else if l.LocalUser != "" {
		text += ", from local user " + l.LocalUser
	}
	return text
}

func returnedText(o dsn.Original) string {
	switch {
	case o.Returned == dsn.ReturnedNone:
		return "nothing of the original came back"
	case o.Header.Count("Received") == 0:
		return "the original came back without Received lines"
	}
	return "none of its " + strconv.Itoa(o.Header.Count("Received")) + " Received lines shows a usable client address"
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// Case gives the codes of the rules that hold for one bounce by itself, for those who measure.
func Case(e *Evidence) Codes { return hold(e, 0) }
