package ndrscan

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
	"ndrscan/dsn"
	"ndrscan/internal/header"
	"ndrscan/mailbox"
	"ndrscan/proof"
	"ndrscan/spf"
	"ndrscan/trace"
)

// maxWitnessDomains bounds the recipients' domains, and the MX hosts of each, that are asked whether they know an address.
const maxWitnessDomains = 3

// maxMessageTime bounds how long DNS may hold up one message: slow name servers are the sender's to choose.
const maxMessageTime = 30 * time.Second

// judged is a message and what is known about it. The message is kept for Options.Each only.
type judged struct {
	message  mailbox.Message
	evidence *classify.Evidence
}

func (r *run) judged(ctx context.Context, it item) judged {
	j := judged{evidence: r.evidence(ctx, it)}
	if r.opts.Each != nil {
		j.message = it.message
	}
	return j
}

// evidence takes one message from bytes to all that is known about it; nil if the run was interrupted meanwhile.
func (r *run) evidence(ctx context.Context, it item) (e *classify.Evidence) {
	if it.err != nil {
		e := unreadable(it.err.Source, it.err.ID, it.err.Err.Error())
		e.LeftOut = true
		return e
	}
	m := it.message
	defer func() {
		// A mistake of ours must cost one message, not the run.
		if cause := recover(); cause != nil {
			e = unreadable(m.Source, m.ID, fmt.Sprintf("a mistake in ndrscan: %v; please report it", cause))
		}
	}()
	limited, cancel := context.WithTimeout(ctx, maxMessageTime)
	defer cancel()
	e = r.judge(limited, m)
	if ctx.Err() != nil {
		return nil
	}
	e.Digest = digest(m.Raw)
	return e
}

// noteLost names a message in which evidence was there and could not be read.
func (r *run) noteLost(e *classify.Evidence) {
	if b := e.Bounce; b.Lost || b.Kind == dsn.KindUnreadable && !e.LeftOut {
		r.leave(classify.LeftOut{Source: e.Source, ID: e.ID, Count: 1, Why: b.Problem})
	}
}

func unreadable(source, id, why string) *classify.Evidence {
	return &classify.Evidence{Source: source, ID: id, Bounce: &dsn.Bounce{Kind: dsn.KindUnreadable, Problem: why}}
}

// reporter finds who handed the report to us. What somebody passed on has a header section of his making: whatever lines of
// ours stand in it, nobody knows who wrote it.
func (r *run) reporter(ctx context.Context, b *dsn.Bounce) trace.Reporter {
	if b.Forwarded {
		return trace.Reporter{Unstamped: true}
	}
	rep := r.tracer.Reporter(ctx, b.Header)
	if rep.Own && fromSomebody(b.Header) && !r.lacks(defenceReporter) {
		return trace.Reporter{Unstamped: true} // a user of ours can write a report, too; our servers' own have no sender
	}
	return rep
}

func (r *run) judge(ctx context.Context, m mailbox.Message) *classify.Evidence {
	b := r.parse(m.Raw)
	e := &classify.Evidence{Source: m.Source, Mailbox: m.Mailbox, ID: m.ID, Received: m.Received, Bounce: b}
	top := b.Header
	if b.Forwarded {
		top, _ = header.Split(header.CRToLF(m.Raw))
	}
	b.Account = trace.Account(top)
	if e.Received.IsZero() {
		e.Received = arrival(top)
	}
	if m.Truncated && b.Problem == "" {
		b.Problem, b.Lost = fmt.Sprintf("only the first %d of its %d bytes were read", len(m.Raw), m.Size), true
	}
	if b.Kind != dsn.KindBounce {
		e.Submission = r.submission(ctx, b.Header, b.From)
		if b.Kind == dsn.KindDMARCReport {
			section, body := header.Split(header.CRToLF(m.Raw))
			r.readAggregates(ctx, e, section, body)
		}
		return e
	}
	e.Reporter = r.reporter(ctx, b)
	if r.lacks(defenceReporter) && r.own.Domain(b.ReportingMTA) {
		e.Reporter = trace.Reporter{Own: true}
	}
	e.Reporter.Organisation, e.Verified = r.verified(ctx, b, e.Reporter)
	e.Origin = r.tracer.Origin(ctx, trace.Input{
		Original: b.Original.Header, Reporter: e.Reporter, ReportingMTA: b.ReportingMTA, Software: b.Software,
		ReceivedFromMTA: b.ReceivedFromMTA, RecipientDomains: failedDomains(b),
		NoNotes: r.opts.NoNotes,
	})
	e.MailFrom = classify.ReversePath(b, e.Origin.EnvelopeFrom)
	r.checkSPF(ctx, e)
	e.Recorded = recorded(b.Original.Header, e.Origin)
	r.checkTenant(ctx, e)
	r.checkDKIM(ctx, e)
	r.checkTenantSignature(ctx, e)
	r.checkARC(ctx, e)
	r.checkTag(e)
	r.askLog(e)
	e.Account = account(e.Origin.AuthUser, b.Original.From)
	r.compareSent(ctx, e)
	e.RelayReporter = r.sent == nil && r.relayed(ctx, e)
	if e.DNSFailed() {
		r.dnsFailed.Add(1)
	}
	return e
}

// submission tells who handed in a mail of ours, by what our own servers wrote: it shows where an account's mail comes from
// (METHOD 5, habit).
func (r *run) submission(ctx context.Context, h header.Section, from string) (s classify.Submission) {
	if !r.own.Domain(header.Domain(from)) || h.Count("Received") == 0 {
		return s
	}
	if rep := r.tracer.Reporter(ctx, h); rep.Unstamped || rep.Stepped {
		return s
	}
	o := r.tracer.Origin(ctx, trace.Input{Original: h, Reporter: trace.Reporter{Own: true}, NoNotes: true})
	if o.Entry != trace.EntryAccount || o.Trust == trace.Stepped {
		return s
	}
	return classify.Submission{Account: account(o.AuthUser, from), Client: o.ClientIP, At: o.Time, LoginForm: o.LoginForm, Server: o.LoginServer}
}

// account names whose habit is compared: the login where it is an address, else the author.
func account(login, from string) string {
	if strings.Contains(login, "@") {
		return strings.ToLower(login)
	}
	return strings.ToLower(from)
}

// arrival is when our own host took the message, by its topmost Received line.
func arrival(h header.Section) time.Time {
	return trace.ParseReceived(h.Get("Received")).Time
}

// verified tells whether the handing address is what the report says it is (METHOD 6): its confirmed name is in the
// reporting MTA's organisation, or the failed recipient's domain names it as MX or permits it by SPF.
// It must have come with the null reverse-path, as a report does (RFC 3464 section 2): what a person can send from an
// account somewhere is no witness, though his provider's hosts are known to his provider.
//
// witness is who it counts as. Where the address has no confirmed name and only a domain's records list it, that is the domain:
// else one domain could list twenty bots in twenty networks, and have them bear each other out.
func (r *run) verified(ctx context.Context, b *dsn.Bounce, rep trace.Reporter) (witness string, ok bool) {
	if r.lacks(defenceWitness) {
		return rep.Organisation, !rep.Own
	}
	if rep.Own || rep.Unstamped || !rep.IP.IsValid() || r.opts.Resolver == nil || fromSomebody(b.Header) {
		return rep.Organisation, false
	}
	if rep.RDNSConfirmed {
		if trace.AccessLine(rep.RDNS, rep.IP) {
			return rep.Organisation, false
		}
		if org := trace.OrgDomain(rep.RDNS); org != "" && org == trace.OrgDomain(b.ReportingMTA) {
			return rep.Organisation, true
		}
	}
	for _, domain := range failedDomains(b) {
		if !r.isMX(ctx, domain, rep.IP) && !r.permits(ctx, domain, rep.IP) {
			continue
		}
		if org := trace.OrgDomain(domain); org != "" && !rep.RDNSConfirmed && !r.lacks(defenceVoucher) {
			return org, true
		}
		return rep.Organisation, true
	}
	return rep.Organisation, false
}

// noSenders are reverse-paths that are as good as null: of Sendmail's older deliveries, and of qmail's double bounces.
var noSenders = []string{"mailer-daemon@", "#@["}

// fromSomebody tells whether our own delivery stamped a reverse-path that is not null on the report.
func fromSomebody(h header.Section) bool {
	for _, field := range h {
		if field.Is("Received") {
			return false // what stands below came with the mail
		}
		if field.Is("Return-Path") {
			path := strings.ToLower(header.FirstAddress(field.Value()))
			return path != "" && !slices.ContainsFunc(noSenders, func(begin string) bool { return strings.HasPrefix(path, begin) })
		}
	}
	return false
}

// permits tells whether a domain's SPF record names the address, itself or through its provider. What lets anybody pass
// names nobody.
func (r *run) permits(ctx context.Context, domain string, ip netip.Addr) bool {
	out := r.checker.Check(ctx, spf.Request{IP: ip, Sender: "postmaster@" + domain, HELO: domain})
	return out.Result == spf.Pass && (!out.Shared || len(out.Path) > 1 && namesHosts(out.Mechanism))
}

// namesHosts tells a mechanism that lists addresses from one that lets whole worlds or strangers' names in.
func namesHosts(mechanism string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(mechanism, "+"), ":")
	switch strings.ToLower(name) {
	case "ip4", "ip6":
		return !strings.HasSuffix(mechanism, "/0")
	case "a", "mx":
		return true
	}
	return false
}

// relayed tells whether the reporter took the message for somebody else's recipients: it is no host of theirs, by name, MX or
// SPF. Then whoever handed it over is that relay's customer, guest, or abuser of it (METHOD 3.2a, 8).
func (r *run) relayed(ctx context.Context, e *classify.Evidence) bool {
	rep, domains := e.Reporter, failedDomains(e.Bounce)
	if e.Origin.Own || rep.Unstamped || !rep.IP.IsValid() || r.opts.Resolver == nil || len(domains) == 0 {
		return false
	}
	site := map[string]bool{trace.OrgDomain(e.Bounce.ReportingMTA): true, trace.OrgDomain(e.Origin.By): true}
	if rep.RDNSConfirmed {
		site[trace.OrgDomain(rep.RDNS)] = true
	}
	delete(site, "")
	for _, rcpt := range e.Bounce.Recipients {
		if site[trace.OrgDomain(header.Domain(rcpt.Original))] {
			return false // it took the message for an address of its own, and passed it on
		}
	}
	for _, domain := range domains {
		if site[trace.OrgDomain(domain)] || r.mxIn(ctx, domain, site) || r.isMX(ctx, domain, rep.IP) || r.permits(ctx, domain, rep.IP) {
			return false
		}
	}
	return true
}

// mxIn tells whether a domain's mail goes to a host of these organisations. Where DNS does not answer it may.
func (r *run) mxIn(ctx context.Context, domain string, orgs map[string]bool) bool {
	hosts, err := r.opts.Resolver.LookupMX(ctx, domain)
	if err != nil {
		return true
	}
	return slices.ContainsFunc(hosts, func(host string) bool { return orgs[trace.OrgDomain(host)] })
}

func (r *run) isMX(ctx context.Context, domain string, ip netip.Addr) bool {
	hosts, err := r.opts.Resolver.LookupMX(ctx, domain)
	if err != nil {
		return false
	}
	lookup := r.opts.Resolver.LookupAAAA
	if ip.Unmap().Is4() {
		lookup = r.opts.Resolver.LookupA
	}
	for i, host := range hosts {
		if i == maxWitnessDomains {
			break
		}
		addrs, err := lookup(ctx, host)
		if err == nil && slices.Contains(addrs, ip.Unmap()) {
			return true
		}
	}
	return false
}

// failedDomains lists the domains of the failed recipients, each once. Not those of Original-Recipient: where the two
// differ somebody forwarded the mail, and his servers are no gateway of the site that refused it.
func failedDomains(b *dsn.Bounce) []string {
	var domains []string
	for _, rcpt := range b.Recipients {
		d := header.Domain(rcpt.Address)
		if d != "" && !slices.Contains(domains, d) && len(domains) < maxWitnessDomains {
			domains = append(domains, d)
		}
	}
	return domains
}

// checkSPF re-checks the origin (METHOD 4): the address that connected, the HELO it gave, the original's MAIL FROM.
func (r *run) checkSPF(ctx context.Context, e *classify.Evidence) {
	if r.checker == nil || !e.Origin.IP.IsValid() || trace.Inner(e.Origin.IP) {
		return // SPF speaks of addresses that the world sees
	}
	e.SPF = r.checker.Check(ctx, spf.Request{IP: e.Origin.IP, Sender: e.MailFrom.Sender(), HELO: e.Origin.HELO})
	if e.SPF.Result != spf.Pass || e.Origin.Own {
		return
	}
	if r.lacks(defencePass) {
		e.Origin.Own, e.Origin.Entry = true, trace.EntryUnknown
	} else if !e.SPF.Shared {
		r.candidate(e)
	}
}

// candidate shows an address that our own record permits and nothing confirms as ours: --own would.
func (r *run) candidate(e *classify.Evidence) {
	if r.own.Domain(e.SPF.Domain) {
		r.own.Candidate(orElse(e.Origin.RDNS, e.Origin.IP.String()), e.Origin.IP)
	}
}

// recorded picks the result that somebody recorded for the border's own client; of others it says nothing (METHOD 4). One
// that stands above the border line was written by the site itself and is preferred.
func recorded(h header.Section, o trace.Origin) *classify.Recorded {
	border := borderIndex(h, o)
	var best *classify.Recorded
	for _, rec := range proof.Recorded(h) {
		if !rec.IP.IsValid() || rec.IP != o.IP {
			continue
		}
		above := rec.Index < border
		if best == nil || above && !best.Above {
			best = &classify.Recorded{Record: rec, Above: above}
		}
	}
	return best
}

// borderIndex is the place of the border line in the header section, -1 if there is none.
func borderIndex(h header.Section, o trace.Origin) int {
	line := 0
	for _, step := range o.Steps {
		if step.Why == trace.WhyBorder {
			line = step.Line
		}
	}
	n := 0
	for i := range h.All("Received") {
		if n++; n == line {
			return i
		}
	}
	return -1
}

// checkDKIM verifies the signatures that claim to be ours, at the message's date.
func (r *run) checkDKIM(ctx context.Context, e *classify.Evidence) {
	o := e.Bounce.Original
	if r.dkim.Resolver == nil || o.Returned == dsn.ReturnedNone || o.Returned == "" {
		return
	}
	verifier := r.dkim
	verifier.Skip = func(domain string) bool { return r.sampler.closed(e, domain) }
	for _, s := range verifier.Verify(ctx, o.Header, o.Body, wholeOriginal(e), signedAt(e)) {
		own := classify.Signature{Signature: s, Own: r.signsForUs(s.Domain)}
		e.DKIM = append(e.DKIM, own)
		e.DKIMRecipient = e.DKIMRecipient || writtenForRecipient(own) && writtenTo(e.Bounce)
	}
}

// writtenForRecipient tells a signature of ours over the whole message that binds its To field.
func writtenForRecipient(s classify.Signature) bool { return s.Own && s.Whole() && s.ToSigned }

// writtenTo tells whether the original's To field names a recipient that failed.
func writtenTo(b *dsn.Bounce) bool {
	for _, to := range header.Addresses(b.Original.Header.Get("To")) {
		if slices.ContainsFunc(b.Recipients, func(r dsn.Recipient) bool { return strings.EqualFold(r.Address, to.Addr) }) {
			return true
		}
	}
	return false
}

func (r *run) signsForUs(domain string) bool {
	return r.own.Domain(domain) || r.tenants.SignsFor(domain)
}

func wholeOriginal(e *classify.Evidence) bool {
	o := e.Bounce.Original
	return o.Returned == dsn.ReturnedFull && !o.Truncated
}

// signedAt is the time at which signatures of the original are judged.
func signedAt(e *classify.Evidence) time.Time {
	if at := e.Bounce.Original.Date; !at.IsZero() {
		return at
	}
	return e.Received
}

// compareSent looks the original up in Sent and compares it with how its author writes (METHOD 2, 5).
func (r *run) compareSent(ctx context.Context, e *classify.Evidence) {
	if r.sent == nil {
		return
	}
	e.SentAtHand = true
	o, at := e.Bounce.Original, e.Origin.Time
	mail, found := r.sent.Lookup(o.MessageID)
	e.InSent = found && mail.Agrees(o.Date)
	e.SentLacks = !found && o.MessageID != "" && r.sent.LeftOut() == 0 && r.sent.Messages(o.From) > 0
	e.SentToRecipient = e.InSent && slices.ContainsFunc(e.Bounce.Recipients, func(rcpt dsn.Recipient) bool {
		return mail.SentTo(rcpt.Address) || mail.SentTo(rcpt.Original) && sameSite(rcpt)
	})
	e.NetworkSeen, e.NetworkKnown = r.sent.UsesNetwork(e.Account, e.Origin.ClientIP, at)
	e.SentToAlias = e.InSent && !e.SentToRecipient && (r.passedOn(ctx, e, mail) || r.lacks(defenceAlias))
	if r.sent.Messages(o.From) == 0 {
		return
	}
	e.StrangeRcpts = e.Origin.OwnFor == "" && !slices.ContainsFunc(e.Bounce.Recipients, func(rcpt dsn.Recipient) bool {
		return r.sent.Knows(o.From, rcpt.Address) || r.sent.Knows(o.From, rcpt.Original)
	})
	e.StrangeProgram = !r.sent.UsesProgram(o.From, o.UserAgent, at) || o.MessageID != "" && !r.sent.UsesIDForm(o.From, o.MessageID, at)
}

// maxAliases bounds the recipients of one sent message that are tried as the alias which passed it on.
const maxAliases = 20

// passedOn tells whether the border is the site of somebody the message was sent to, or a verified reporter names such an
// address as the one it was written to: then that alias passed it on (METHOD 2). A Message-ID alone can be copied by anybody
// who saw it.
func (r *run) passedOn(ctx context.Context, e *classify.Evidence, mail proof.SentMail) bool {
	if e.Verified && slices.ContainsFunc(e.Bounce.Recipients, func(rcpt dsn.Recipient) bool { return mail.SentTo(rcpt.Original) }) {
		return true
	}
	by, name := e.Origin.IP, e.Origin.RDNS
	if !e.Origin.RDNSConfirmed {
		name = ""
	}
	if e.Origin.Own { // the alias's own site reports what the next one refused
		by, name = e.Reporter.IP, e.Reporter.RDNS
		if !e.Reporter.RDNSConfirmed {
			name = ""
		}
	}
	if !by.IsValid() || r.opts.Resolver == nil {
		return false
	}
	org := trace.OrgDomain(name)
	for _, address := range mail.Recipients[:min(len(mail.Recipients), maxAliases)] {
		domain := header.Domain(address)
		if org != "" && trace.OrgDomain(domain) == org || r.isMX(ctx, domain, by) || r.permits(ctx, domain, by) {
			return true
		}
	}
	return false
}

// sameSite tells whether the address that failed is in the organisation of the one that was written to: an alias of the
// recipient's own site. Elsewhere somebody passed the mail on.
func sameSite(rcpt dsn.Recipient) bool {
	return trace.OrgDomain(header.Domain(rcpt.Address)) == trace.OrgDomain(header.Domain(rcpt.Original))
}
