package classify

import (
	"net/netip"
	"strings"

	"ndrscan/proof"
	"ndrscan/trace"
)

// What the whole flood says of one message's signature, and the DMARC aggregate reports of its origin.
//
// A signature of ours that comes from outside proves that these bytes were signed once, not who sends them now (METHOD 2).
// One signature on bounces from several networks is one message sent again and again by a stranger; many different ones are
// a stolen key, or a service that signs for us and is abused.

// maxReplays bounds the signatures that are judged one by one. With more of them none is much of a replay.
const maxReplays = 1000

// replays counts the marks of single messages of ours that came from outside: signatures, and Message-IDs that Sent holds with
// the very recipient. A mailbox's owner sends a message once: the same one to the same recipient from several networks is
// copies, of which one at most is his.
type replays struct {
	seen     proof.Replays       // by signature
	letters  proof.Replays       // by Message-ID and recipient
	services map[string]struct{} // organisations that sent signed messages to those they were written to
}

// ofMessageID begins a mark that is a Message-ID; the others are signatures.
const ofMessageID = "message-id "

// of gives the mark by which a message is counted, "" for none.
func (r *replays) of(e *Evidence) string {
	if !outside(e) {
		return ""
	}
	mark := replayMark(e)
	table := r.table(mark)
	if known, _ := table.Of(mark); known == 0 && table.Distinct() >= maxReplays {
		return ""
	}
	return mark
}

func (r *replays) table(mark string) *proof.Replays {
	if strings.HasPrefix(mark, ofMessageID) {
		return &r.letters
	}
	return &r.seen
}

func replayMark(e *Evidence) string {
	if e.SentToRecipient {
		return ofMessageID + shortHash(e.Bounce.Original.MessageID, e.Bounce.Recipients[0].Address)
	}
	if e.SentToAlias {
		return ""
	}
	for _, s := range e.DKIM {
		if s.Own && s.Whole() && s.FromSigned {
			return s.Hash
		}
	}
	return ""
}

func (r *replays) add(mark string, e *Evidence) {
	if mark == "" {
		return
	}
	r.table(mark).Add(mark, e.Origin.IP)
	if e.DKIMRecipient && len(r.services) < maxReplays {
		if r.services == nil {
			r.services = map[string]struct{}{}
		}
		r.services[originOrganisation(e)] = struct{}{}
	}
}

// originOrganisation names who runs the origin: by its confirmed name, else its network.
func originOrganisation(e *Evidence) string {
	if e.Origin.RDNSConfirmed {
		return orElse(trace.OrgDomain(e.Origin.RDNS), networkOf(e.Origin.IP))
	}
	return networkOf(e.Origin.IP)
}

// codes gives the rules that hold for a message with this mark. Signed mail from more organisations than anybody uses services is
// no service of ours.
func (r *replays) codes(mark string, t Thresholds) Codes {
	var set Codes
	if r.table(mark).Replayed(mark) {
		set |= codes("dkim-replayed")
	}
	if r.seen.Distinct() >= t.ForeignSignatures && len(r.services) <= t.SigningServices {
		set |= codes("dkim-many")
	}
	return set
}

// settledByReports are cases of an outside origin in which receivers' reports about that address can tell.
var settledByReports = codes("spf-pass", "relay-border", "relay-reporter", "dkim-own", "dkim-own-headers")

// reported gives the rules that DMARC aggregate reports make hold for an address: what almost all of its mail in our name is
// like, as independent and verified receivers count it (RFC 9990).
func (f *Flood) reported(ip netip.Addr) Codes {
	r, ok := f.aggregates.Of(ip)
	if !ok || r.Receivers < f.thresholds.AggregateReceivers || r.Messages < f.thresholds.AggregateMessages {
		return 0
	}
	switch {
	case r.DKIM*10 >= r.Messages*9:
		return codes("reports-signed")
	case r.Neither*10 >= r.Messages*9 && f.signedAnywhere():
		return codes("reports-fail")
	}
	return 0
}

// signedAnywhere tells whether receivers see signatures of ours at all: where none is, mail that lacks one says nothing.
func (f *Flood) signedAnywhere() bool {
	if f.signing == nil {
		signs := false
		for _, r := range f.aggregates.All() {
			signs = signs || r.DKIM > 0 && r.Receivers >= f.thresholds.AggregateReceivers
		}
		f.signing = &signs
	}
	return *f.signing
}
