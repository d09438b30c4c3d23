package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"ndrscan/classify"
)

// Explain writes the reasoning behind one message in plain words: what it is, who handed it over, each Received line of
// the original from the newest down and whether it is believed, the origin, SPF, DKIM, and the class with its reasons.
func Explain(w io.Writer, f classify.Finding, s Style) error {
	e := &explainer{printer: printer{Style: s}, f: tidy(f)}
	e.what()
	if e.f.Kind == "bounce" || e.f.Original != nil {
		e.reporter()
		e.recipients()
		e.original()
		e.walk()
		e.origin()
		e.spf()
		e.dkim()
	}
	e.class()
	_, err := io.WriteString(w, e.b.String())
	return err
}

type explainer struct {
	printer
	f classify.Finding
}

// say writes one sentence or more, indented.
func (e *explainer) say(format string, args ...any) { e.para(indent, fmt.Sprintf(format, args...), "") }

// kinds says what a message is.
var kinds = map[string]string{
	"bounce":          "a bounce: it says that mail could not be delivered",
	"delay":           "a delay notice: delivery is still being tried",
	"success":         "a success notice: the mail was delivered",
	"autoreply":       "an automatic reply",
	"challenge":       "a challenge that asks the sender to prove to be human",
	"feedback":        "a feedback report: somebody pressed \"this is spam\"",
	"dmarc-report":    "a DMARC report",
	"receipt":         "a receipt: the mail was displayed or deleted",
	"list":            "a notice of a mailing list",
	"postmaster-copy": "a postmaster's copy of somebody else's bounce",
	"other":           "ordinary mail",
	"unreadable":      "unreadable",
}

func (e *explainer) what() {
	f := e.f
	e.line("%s", e.paint(strong, "Message "+f.ID+" of "+f.Source))
	what := kinds[f.Kind]
	if what == "" {
		what = f.Kind
	}
	e.say("It is %s.", what)
	if f.Account != "" {
		e.say("It came to %s.", f.Account)
	}
	if f.Received != nil {
		e.say("It arrived on %s UTC.", stamp(*f.Received))
	}
	if f.Problem != "" {
		e.para(indent, "Wrong with it: "+f.Problem+".", warn)
	}
}

// reporter says who handed the bounce to us (METHOD 3.0).
func (e *explainer) reporter() {
	r := e.f.Reporter
	if r == nil {
		return
	}
	e.heading("Who reports")
	switch {
	case r.IP != "":
		e.say("%s handed it to us.", r.IP)
	case r.Own:
		e.say("No address outside handed it to us: our own server wrote it.")
	default:
		e.say("No host of ours stamped who handed it over.")
	}
	if r.MTA != "" {
		e.say("It calls itself %s%s.", r.MTA, by(", and the report has the form of ", r.Software))
	} else if r.Software != "" {
		e.say("The report has the form of %s.", r.Software)
	}
	switch {
	case r.Own:
		e.say("It is one of our servers.")
	case r.Witness != "" && r.Verified:
		e.say("As a witness it counts as %s: verified.", r.Witness)
	case r.Witness != "":
		e.say("As a witness it counts as %s: unverified, nothing but its own word ties it to the name.", r.Witness)
	default:
		e.say("It is no witness: its organisation can't be told.")
	}
}

func by(words, value string) string {
	if value == "" {
		return ""
	}
	return words + value
}

func (e *explainer) recipients() {
	if len(e.f.Recipients) == 0 {
		return
	}
	e.heading("Whom it could not reach")
	shown := e.f.Recipients
	if !e.Verbose && len(shown) > maxRows {
		shown = shown[:maxRows]
	}
	for _, r := range shown {
		text := r.Address + by(": ", r.Action) + by(" ", r.Status) + by(", ", r.Reason) + by(", said by ", r.RemoteMTA)
		e.para("  - ", text, "")
		if r.Diagnostic != "" {
			e.para("    ", cut(r.Diagnostic, maxDiagnostic), quiet)
		}
	}
	if rest := len(e.f.Recipients) - len(shown); rest > 0 {
		e.say("and %d more (-v shows all)", rest)
	}
}

// maxDiagnostic bounds a server's answer as it is shown, in columns.
const maxDiagnostic = 300

func (e *explainer) original() {
	o := e.f.Original
	if o == nil {
		return
	}
	e.heading("The message that came back")
	switch o.Returned {
	case "full":
		e.say("All of it came back (%s).", count(o.Size, "byte"))
	case "headers":
		e.say("Only its header came back.")
	default:
		e.say("Nothing of it came back.")
		return
	}
	if o.From != "" {
		e.say("From %s%s.", o.From, by(" to ", some(o.To, idColumns)))
	}
	if o.MailFrom != "" {
		e.say("Its envelope sender was %s (%s)%s.", o.MailFrom, mailFromSource(o.MailFromSource), by(", tagged ", o.Tag)+ours(o.TagVerified))
	}
	if o.Subject != "" {
		e.say("Subject: %s", cut(o.Subject, maxDiagnostic))
	}
	if o.MessageID != "" {
		e.say("Message-ID: %s", o.MessageID)
	}
	if o.UserAgent != "" {
		e.say("It says that it was written with %s.", cut(o.UserAgent, maxDiagnostic))
	}
}

// ours says of a tag that one of our keys made it.
func ours(verified bool) string {
	if verified {
		return " by a key of yours"
	}
	return ""
}

func mailFromSource(source string) string {
	switch source {
	case "return-path":
		return "its Return-Path"
	case "x-postfix-sender":
		return "as the report names it"
	case "envelope-from":
		return "from the border line"
	case "from":
		return "a guess from its From"
	case "bounce":
		return "a guess: the address the bounce came to"
	}
	return "source unknown"
}

// whys says what each verdict on a line means (METHOD 3). A word that is not here is printed as it is.
var whys = map[string]string{
	"inside":        "the client is inside the reporting site, so the next line counts too",
	"handover":      "a hand-over inside one host: no client",
	"reinjected":    "a filter of the same host put it back",
	"gateway":       "the client is the recipient's inbound gateway, still inside",
	"border":        "the first client outside: this is the border",
	"began-inside":  "it began at that site: a local user, a page or a login there",
	"no-address":    "a client on the network, but the line shows no address",
	"unstamped-hop": "a hop left no line: from here on nothing can be believed",
	"loop":          "back in the site it came from: a loop",
	"own":           "the client is a server of ours, so the next line is ours too",
	"login":         "the client logged in at our server: it entered here",
	"script":        "it began on our server: a script, a form or a local user",
	"client":        "a client of our own networks, without a login: it entered here",
	"relay":         "it came to our server from outside, without a login",
	"web":           "a web page handed it to the login above",
	"claim":         "below the border: anybody can have written it",
	"framing":       "below the border, and it names our servers: to frame us, or in mail of ours that somebody passed on",
}

func (e *explainer) walk() {
	o := e.f.Origin
	if o == nil || len(o.Steps) == 0 {
		return
	}
	e.heading("Its Received lines, newest first")
	for _, step := range o.Steps {
		word, t := "believed", fine
		if !step.Believed {
			word, t = "not believed", quiet
		}
		from := step.Client
		if from == "" {
			from = "no client"
		}
		why := whys[step.Why]
		if why == "" {
			why = step.Why
		}
		e.line("  %2d. %s%s: %s", step.Line, from, by(" to ", step.By), e.paint(t, word))
		e.para("      ", why, "")
	}
}

func (e *explainer) origin() {
	o := e.f.Origin
	if o == nil {
		return
	}
	e.heading("Where it came from")
	if o.IP == "" {
		e.say("Unknown: no line that can be believed names an address.")
	} else {
		e.say("%s%s.", o.IP, e.rdns())
		seen := trust[o.Trust]
		if o.Via == "reporter" {
			seen = "" // ours saw it
		}
		e.say("The address is %s%s.", via(o.Via), by(", ", seen))
		if o.Own {
			e.say("It is a server of ours.")
		}
	}
	e.entry()
	if o.Framing && !slices.ContainsFunc(o.Steps, func(s classify.Step) bool { return s.Why == "framing" }) {
		e.para(indent, "A line below the border names our servers: to frame us, or in mail of ours that somebody passed on; it changes nothing.", warn)
	}
	if o.ClaimedOrigin != "" && o.ClaimedOrigin != o.IP && o.ClaimedOrigin != o.ClientIP {
		e.say("The lowest line claims %s; nobody vouches for that.", o.ClaimedOrigin)
	}
}

func (e *explainer) rdns() string {
	switch o := e.f.Origin; {
	case o.RDNS == "":
		return ", without a reverse name"
	case o.RDNSConfirmed:
		return ", " + o.RDNS + " (the name points back to it)"
	default:
		return ", reverse name " + o.RDNS + " (not confirmed)"
	}
}

func via(v string) string {
	switch v {
	case "received":
		return "from a Received line"
	case "reporter":
		return "that of the host which handed us the bounce, since the message began there"
	case "received-spf":
		return "from the Received-SPF that the reporting site recorded"
	case "auth-results":
		return "from the Authentication-Results that the reporting site recorded"
	case "dsn":
		return "from the report's Received-From-MTA"
	}
	return "from no record"
}

var trust = map[string]string{
	"direct":  "seen by the reporting site itself",
	"stepped": "reached by stepping over lines of the reporting site",
	"gateway": "seen by the recipient's inbound gateway",
	"weak":    "weak evidence",
}

// entry says how it entered our systems; known only below our own border.
func (e *explainer) entry() {
	o := e.f.Origin
	if o.Entry == "" && o.AuthUser == "" && o.ClientIP == "" {
		return
	}
	text := "It entered our server"
	if o.ClientIP != "" {
		text += " from " + o.ClientIP
	}
	switch {
	case o.AuthUser != "":
		text += " with the login " + o.AuthUser
	case o.Entry == "account":
		text += " with a login that the line does not name"
	case o.Entry == "relay":
		text += " from outside, without a login"
	case o.Entry != "":
		text += " by " + o.Entry
	}
	text += by(", queue id ", o.QueueID)
	if o.Time != nil {
		text += ", on " + stamp(*o.Time) + " UTC"
	}
	e.say("%s.", text)
}

func (e *explainer) spf() {
	s := e.f.SPF
	if s == nil || s.Result == "" {
		return
	}
	e.heading("SPF")
	text := s.Result
	if s.Domain != "" {
		text += " for " + s.Domain
	}
	text += by(", matched ", s.Mechanism)
	if len(s.Path) > 1 {
		text += ", by way of " + strings.Join(s.Path, " > ")
	}
	e.para(indent, text+".", spfTone[s.Result])
	if s.Result == "pass" && !s.Exclusive {
		e.say("Others may send from there too, so it proves little.")
	}
	if s.Problem != "" {
		e.say("Problem: %s.", s.Problem)
	}
	if r := s.Recorded; r != nil {
		e.say("The reporting site recorded %s%s at the time; that is shown, and decides nothing.", r.Result, by(" for ", r.IP))
	}
}

var dkimWords = map[string]string{
	"pass":         "valid, over the whole message",
	"headers-pass": "valid over the header; the body did not come back",
	"unchecked":    "not verified: hundreds from there were wrong before it",
	"nokey":        "its key is gone from DNS: unknown, not wrong",
	"fail":         "not valid",
	"error":        "could not be checked",
}

func (e *explainer) dkim() {
	if len(e.f.DKIM) == 0 {
		return
	}
	e.heading("DKIM")
	for _, d := range e.f.DKIM {
		words := dkimWords[d.Result]
		if words == "" {
			words = d.Result
		}
		owner := ""
		if d.Own {
			owner = " (ours)"
		}
		e.para("  - ", fmt.Sprintf("%s, selector %s%s: %s", d.Domain, d.Selector, owner, words), "")
	}
}

// class closes with the judgement; a message that is no bounce has none.
func (e *explainer) class() {
	f := e.f
	if f.Class == "" {
		if f.Kind != "bounce" {
			e.line("")
			e.say("Only bounces are judged, so it has no class.")
		}
		return
	}
	e.heading("Class: " + string(f.Class))
	for _, reason := range f.Reasons {
		e.para("  - ", reason.Text+" ["+reason.Code+"]", "")
	}
	if len(f.CouldBe) > 0 {
		e.say("It could be: %s.", join(f.CouldBe, ", "))
	}
	if f.Settle != "" {
		e.say("What settles it: %s.", strings.TrimRight(f.Settle, "."))
	}
	if f.Misconfiguration != "" {
		e.say("Its source: %s.", f.Misconfiguration)
	}
	if f.Remedy != "" {
		e.say("What to do: %s.", strings.TrimRight(f.Remedy, "."))
	}
}
