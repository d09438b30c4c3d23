package classify

import (
	"net/netip"

	"ndrscan/proof"
)

// What the whole flood says of one message's signature, and the DMARC aggregate reports of its origin.
//
// A signature of ours that comes from outside proves that these bytes were signed once, not who sends them now (METHOD 2).
// One signature on bounces from several networks is one message sent again and again by a stranger; many different ones are
// a stolen key, or a service that signs for us and is abused.

// maxReplays bounds the signatures that are judged one by one. With more of them none is much of a replay.
const maxReplays = 1000

// replays counts the signatures of ours that came from outside and stand in no Sent.
type replays struct{ seen proof.Replays }

// of gives the signature by which a message is counted, "" for none.
func (r *replays) of(e *Evidence) string {
	if !outside(e) || e.InSent {
		return ""
	}
	for _, s := range e.DKIM {
		if !s.Own || !s.Whole() || !s.FromSigned {
			continue
		}
		if known, _ := r.seen.Of(s.Hash); known == 0 && r.seen.Distinct() >= maxReplays {
			return ""
		}
		return s.Hash
	}
	return ""
}

func (r *replays) add(hash string, from netip.Addr) {
	if hash != "" {
		r.seen.Add(hash, from)
	}
}

// codes gives the rules that hold for a message with this signature.
func (r *replays) codes(hash string, t Thresholds) Codes {
	var set Codes
	if r.seen.Replayed(hash) {
		set |= codes("dkim-replayed")
	}
	if r.seen.Distinct() >= t.ForeignSignatures {
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
