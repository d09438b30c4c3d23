package classify

import (
	"net/netip"
	"strings"
	"time"

	"ndrscan/dsn"
	"ndrscan/spf"
)

// newFinding puts evidence into the form of the JSON contract; the class comes later.
func newFinding(e *Evidence) Finding {
	b := e.Bounce
	f := Finding{
		Schema: FindingSchema, Source: e.Source, Mailbox: e.Mailbox, ID: e.ID, Digest: e.Digest,
		Kind: string(b.Kind), Received: timePtr(e.Received), Date: timePtr(b.Date), Account: b.Account, Problem: b.Problem,
	}
	f.Recipients = newRecipients(b.Recipients)
	if b.Original.Returned != "" || e.isBounce() {
		f.Original = newOriginal(e)
	}
	if !e.isBounce() {
		return f
	}
	f.Reporter = &Reporter{MTA: b.ReportingMTA, Software: b.Software, IP: ipText(e.Reporter.IP),
		Witness: witnessOf(e), Verified: e.Verified, Own: e.ownReport()}
	f.Origin, f.Handed = newOrigin(e), timePtr(e.when())
	if e.SPF.Result != "" {
		f.SPF = newSPF(e)
	}
	for _, s := range e.DKIM {
		f.DKIM = append(f.DKIM, DKIM{Domain: s.Domain, Selector: s.Selector, Result: string(s.Result), Own: s.Own,
			FromSigned: s.FromSigned, Hash: s.Hash})
	}
	return f
}

// What the recipients of one finding may hold, in bytes, so that it can be read back (package report) whatever a stranger
// wrote: their addresses, and then what servers said of them. An honest report of twenty thousand recipients stays below the first.
const (
	maxAddresses   = 3 << 19
	maxDiagnostics = 1 << 20
)

func newRecipients(all []dsn.Recipient) []Recipient {
	var list []Recipient
	addresses, said := 0, 0
	for _, r := range all {
		if addresses += len(r.Address); addresses > maxAddresses {
			break
		}
		one := Recipient{Address: r.Address, Action: string(r.Action), Status: r.Status, Reason: string(r.Reason)}
		if said += len(r.Diagnostic) + len(r.RemoteMTA); said <= maxDiagnostics {
			one.Diagnostic, one.RemoteMTA = r.Diagnostic, r.RemoteMTA
		}
		list = append(list, one)
	}
	return list
}

func newOriginal(e *Evidence) *Original {
	o := e.Bounce.Original
	return &Original{Returned: string(o.Returned), MailFrom: e.MailFrom.Address, MailFromSource: e.MailFrom.Source,
		Tag: string(e.MailFrom.Tag), TagVerified: e.ValidTag != "", From: o.From, To: o.To, Subject: o.Subject, MessageID: o.MessageID,
		Date: timePtr(o.Date), UserAgent: o.UserAgent, Received: o.Header.Count("Received"), Size: len(o.Raw)}
}

func newOrigin(e *Evidence) *Origin {
	o := e.Origin
	out := &Origin{IP: ipText(o.IP), Port: o.Port, HELO: cut(o.HELO), RDNS: o.RDNS, RDNSConfirmed: o.RDNSConfirmed, By: o.By,
		Via: string(o.Via), Trust: string(o.Trust), Own: o.Own, AuthUser: o.AuthUser, ClientIP: ipText(o.ClientIP),
		Entry: string(o.Entry), QueueID: o.QueueID, Time: timePtr(o.Time), ClaimedOrigin: ipText(o.ClaimedOrigin),
		Framing: o.Framing}
	if fromUs(e) {
		out.EntryHost = entryHost(e)
	}
	for _, s := range o.Steps {
		out.Steps = append(out.Steps, Step{Line: s.Line, Client: cut(s.Client), By: cut(s.By), Believed: s.Believed, Why: s.Why})
	}
	return out
}

func newSPF(e *Evidence) *SPF {
	s := &SPF{Result: string(e.SPF.Result), Domain: e.SPF.Domain, Mechanism: e.SPF.Mechanism, Path: e.SPF.Path,
		Exclusive: e.SPF.Result == spf.Pass && !e.SPF.Shared, Problem: e.SPF.Problem}
	if e.Recorded != nil {
		s.Recorded = &RecordedSPF{Result: e.Recorded.Result, IP: ipText(e.Recorded.IP)}
	}
	return s
}

// maxName is the longest host name (RFC 1035 section 2.3.4); what stands in a name's place can be far longer.
const maxName = 255

func cut(name string) string {
	if len(name) > maxName {
		return strings.ToValidUTF8(name[:maxName], "") + "…"
	}
	return name
}

// ipText writes an address in RFC 5952 form, "" for none.
func ipText(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	return ip.Unmap().String()
}

func timePtr(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}
