package demo

import (
	"embed"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"text/template"
	"time"
)

// refusal is why a recipient failed; %s in text is the recipient.
type refusal struct{ code, status, text string }

func (r refusal) reply(to string) string {
	text := r.text
	if strings.Contains(text, "%s") {
		text = fmt.Sprintf(text, to)
	}
	return r.code + " " + r.status + " " + text
}

var (
	unknownUser = []refusal{
		{"550", "5.1.1", "<%s>: Recipient address rejected: User unknown in virtual mailbox table"},
		{"550", "5.1.1", "The email account that you tried to reach does not exist."},
		{"550", "5.1.1", "<%s> User doesn't exist"},
		{"550", "5.1.1", "No such user here"},
	}
	otherReasons = []refusal{
		{"552", "5.2.2", "<%s>: user is over quota"},
		{"550", "5.2.1", "<%s>: mailbox disabled"},
		{"452", "4.2.2", "Mailbox full"},
	}
	spamReasons = []refusal{
		{"554", "5.7.1", "Message rejected as spam by content filtering"},
		{"550", "5.7.1", "This message was classified as spam and may not be delivered"},
		{"554", "5.7.1", "Blocked: phishing link found in message"},
	}
	// Exchange has words of its own for an address it doesn't know.
	exchangeUnknown = refusal{"550", "5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup"}

	tryLater = []refusal{
		{"451", "4.3.0", "<%s>: Temporary lookup failure"},
		{"450", "4.2.0", "<%s>: Recipient address rejected: Greylisted"},
	}
)

// notice is what a template needs to write a report. Times are in the reporting host's zone.
type notice struct {
	Account    string // to whom the report goes
	Host       string // who writes it
	Domain     string
	Recipient  string
	Reply      string // the refusal, on one line
	Code       string
	Status     string
	RemoteName string // who refused
	RemoteIP   string
	Client     string // who handed the original to the host: its name or, in brackets, its address
	From       string // MAIL FROM of the original
	ID         string // of the report, in the host's queue
	OriginalID string // of the original
	Arrived    time.Time
	At         time.Time
	Subject    string
	MessageID  string
	Letter     string // date of the original
	Headers    string // the original's header section as the host has it
	Body       string
	Mark       string // random hexadecimal digits for boundaries
	Number     string // random digits for the same
}

//go:embed templates/*.tmpl
var templateFiles embed.FS

var templates = parseTemplates()

func parseTemplates() *template.Template {
	all := template.New("")
	all.Funcs(template.FuncMap{
		"plain": func(t time.Time) string { return t.Format(plainDate) },
		"named": func(t time.Time) string { return t.Format(namedDate) },
		"qmail": func(t time.Time) string { return t.UTC().Format(qmailDate) },
		"utc":   func(t time.Time) string { return t.UTC().Format(plainDate) },
		"fold":  fold,
		"html":  template.HTMLEscapeString,
		"quoted": func(name string, data any) (string, error) { // another template in quoted-printable
			var b strings.Builder
			if err := all.ExecuteTemplate(&b, name, data); err != nil {
				return "", err
			}
			return quotedPrintable(b.String())
		},
	})
	return template.Must(all.ParseFS(templateFiles, "templates/*.tmpl"))
}

// fold breaks a text at blanks so that lines stay below 80 characters; lines after the first are indented by four, as
// Postfix does it. first is how much stands before the text.
func fold(first int, text string) string {
	var b strings.Builder
	column := first
	for i, w := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(w) > 79:
			b.WriteString("\n    ")
			column = 4
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(w)
		column += len(w)
	}
	return b.String()
}

func quotedPrintable(text string) (string, error) {
	var b strings.Builder
	w := quotedprintable.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		return "", err
	}
	err := w.Close()
	return strings.ReplaceAll(b.String(), "\r\n", "\n"), err
}

// attempt is one letter on its way: who handed it to the site's software, and what was done before.
type attempt struct {
	letter *letter
	to     string
	client host
	tls    bool
	below  string // trace fields below the site's own
	login  string // SMTP AUTH, where the site is the owner's server
	at     time.Time
}

// report renders what a host's software writes about an attempt: template is "postfix-bounce" and the like.
func (g *generator) report(name string, reporter *site, a attempt, r refusal, remote host, at time.Time) (string, error) {
	id := g.queueID(reporter.software, a.at)
	arrived := a.at.In(reporter.zone)
	trace := receivedBy[reporter.software](g, hop{client: a.client, by: reporter.mx.name, from: owner.addr, to: a.to,
		login: a.login, tls: a.tls, id: id, at: arrived})
	n := notice{
		Account: owner.addr, Host: reporter.mx.name, Domain: reporter.domain, Recipient: a.to,
		Reply: r.reply(a.to), Code: r.code, Status: r.status, RemoteName: remote.name, RemoteIP: remote.ip.String(),
		Client: clientName(a.client), From: owner.addr, ID: g.queueID(reporter.software, at), OriginalID: id,
		Arrived: arrived, At: at.In(reporter.zone), Subject: a.letter.subject, MessageID: a.letter.messageID,
		Letter: a.letter.date.Format(plainDate), Headers: trace + a.below + a.letter.header(), Body: a.letter.body,
		Mark: g.text(hexLow, 12), Number: g.text("123456789", 1) + g.text(digits, 8),
	}
	var b strings.Builder
	if err := templates.ExecuteTemplate(&b, name+".tmpl", n); err != nil {
		return "", fmt.Errorf("writing a report of %s: %w", name, err)
	}
	return b.String(), nil
}

// clientName names a host as Sendmail does in its reports.
func clientName(h host) string {
	switch {
	case h.verified() != "":
		return h.name
	case h.ip.Is6():
		return "[IPv6:" + sendmailIPv6(h.ip.StringExpanded()) + "]"
	}
	return "[" + h.ip.String() + "]"
}

// ownServer is the owner's submission host as one that reports.
var ownServer = &site{domain: ownDomain, software: "postfix", mx: ownSMTP, zone: zoneAt("UTC", 0)}

// forgedBounce makes a bounce of a bot's spam by a site that took it first.
func (g *generator) forgedBounce() error {
	s, at := pick(g.rand, sites), g.between(30*time.Hour, time.Hour)
	to := g.stranger(s)
	reason := pick(g.rand, unknownUser)
	if g.rand.IntN(4) == 0 {
		reason = pick(g.rand, append(otherReasons, spamReasons...))
	}
	return g.bounceFrom(s, attempt{letter: g.forged(to, at), to: to, client: pick(g.rand, bots), at: at}, reason, "forged")
}

// stolenBounce makes a bounce of the thief's spam: by the owner's own server where the recipient's site refused it, or by
// the site where it took it first.
func (g *generator) stolenBounce() error {
	s, at := pick(g.rand, sites), g.between(9*time.Hour, 6*time.Hour)
	to := g.stranger(s)
	reason := pick(g.rand, append(spamReasons, unknownUser...))
	return g.bounceSubmitted(s, attempt{letter: g.stolen(to, at), to: to, client: thief, at: at}, reason, "compromised")
}

// genuineBounce makes a bounce of a mail the owner wrote: a contact who moved away.
func (g *generator) genuineBounce() error {
	s, at := pick(g.rand, sites), g.between(40*time.Hour, 2*time.Hour)
	to := pick(g.rand, givenNames) + "@" + s.domain
	g.used[to] = true
	reason := pick(g.rand, append(unknownUser[:2:2], otherReasons[0]))
	return g.bounceSubmitted(s, attempt{letter: g.genuine(to, at), to: to, client: homeLine, at: at}, reason, "genuine")
}

// bounceSubmitted is a bounce of what the owner's server took with her login. About half of it the next site refuses, so
// that the server itself must report it.
func (g *generator) bounceSubmitted(s *site, a attempt, r refusal, class string) error {
	if g.rand.IntN(2) == 0 {
		a.login, a.tls = owner.addr, true
		return g.bounceOwn(s.mx, a, r, class)
	}
	a.below, _ = g.submitted(a.client, a.to, a.at)
	a.client, a.tls, a.at = ownSMTP, true, a.at.Add(g.seconds(3))
	return g.bounceFrom(s, a, r, class)
}

func (g *generator) bounceFrom(s *site, a attempt, r refusal, class string) error {
	if s.software == "exchange" && r.status == "5.1.1" {
		r = exchangeUnknown
	}
	at := a.at.Add(g.seconds(40))
	text, err := g.report(s.software+"-bounce", s, a, r, s.store, at)
	if err != nil {
		return err
	}
	g.deliver(g.arrival(s.reporter(), "", owner.addr, at)+text, at, "bounce", class)
	return nil
}

func (g *generator) bounceOwn(remote host, a attempt, r refusal, class string) error {
	at := a.at.Add(g.seconds(20))
	text, err := g.report("postfix-bounce", ownServer, a, r, remote, at)
	if err != nil {
		return err
	}
	g.deliver(g.arrival(ownSMTP, "", owner.addr, at)+text, at, "bounce", class)
	return nil
}

// spam makes the attempt that a delay or an automatic reply of one of these sites answers: the thief's or a bot's, as the
// flood's kind says.
func (g *generator) spam(kind string, among []*site) (*site, attempt) {
	s := pick(g.rand, among)
	to := g.stranger(s)
	if kind == Compromise || kind == Mixed && g.rand.IntN(4) == 0 {
		at := g.between(9*time.Hour, 6*time.Hour)
		below, _ := g.submitted(thief, to, at)
		return s, attempt{letter: g.stolen(to, at), to: to, client: ownSMTP, tls: true, below: below, at: at.Add(g.seconds(3))}
	}
	at := g.between(30*time.Hour, time.Hour)
	return s, attempt{letter: g.forged(to, at), to: to, client: pick(g.rand, bots), at: at}
}

// delay makes a warning that a mail is still queued.
func (g *generator) delay(s *site, a attempt) error {
	at := a.at.Add(4 * time.Hour)
	if at.After(g.now) {
		at = g.now.Add(-g.seconds(1800))
	}
	text, err := g.report(s.software+"-delay", s, a, pick(g.rand, tryLater), s.store, at)
	if err != nil {
		return err
	}
	g.deliver(g.arrival(s.reporter(), "", owner.addr, at)+text, at, "delay")
	return nil
}

// arrival writes what the owner's MX puts on top of a message it gets from a host: for a null sender, SPF is asked about
// the greeting (RFC 7208 section 2.4), for which the big providers publish nothing.
func (g *generator) arrival(from host, sender, to string, at time.Time) string {
	stamped := at.Add(time.Second).UTC()
	identity, says := "mailfrom", "Pass (sender SPF authorized)"
	if sender == "" {
		identity = "helo"
	}
	if sender == "" && !strings.HasSuffix(from.greeting(), ".example") {
		says = "None (no SPF record)"
	}
	return fmt.Sprintf("Return-Path: <%s>\nDelivered-To: %s\n", sender, to) +
		fmt.Sprintf("Received: from %s\n\tby %s with LMTP\n\tid %s\n\t(envelope-from <%s>)\n\tfor <%s>; %s\n",
			ownMX.name, ownMX.name, g.text(base62, 22), sender, to, stamped.Format(plainDate)) +
		fmt.Sprintf("Received-SPF: %s identity=%s; client-ip=%s; helo=%s; envelope-from=%s; receiver=%s \n",
			says, identity, from.ip, from.greeting(), orNull(sender), ownMX.name) +
		postfixReceived(g, hop{client: from, by: ownMX.name, to: to, tls: true, id: g.queueID("postfix", at), at: stamped.In(zoneAt("UTC", 0))})
}

func orNull(sender string) string {
	if sender == "" {
		return "<>"
	}
	return sender
}
