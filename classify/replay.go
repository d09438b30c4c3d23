package classify

// A signature of ours that comes from outside proves that these bytes were signed once, not who sends them now (METHOD 2).
// One signature on many bounces from several networks is one message sent again and again by a stranger; many different ones
// are a stolen key, or a service that signs for us and is abused.

// maxReplays bounds the signatures that are told apart. With more of them none is much of a replay.
const maxReplays = 1000

// replays counts the signatures of ours that came from outside.
type replays struct {
	seen map[uint64]*replay
}

type replay struct {
	messages int
	network  string // of the first
	spread   bool   // others were seen, too
}

func newReplays() replays { return replays{seen: map[uint64]*replay{}} }

// add counts a message and gives the name of its signature, 0 for none.
func (r *replays) add(e *Evidence) uint64 {
	if !outside(e) || e.InSent {
		return 0
	}
	for _, s := range e.DKIM {
		if !s.Own || !s.Whole() || !s.FromSigned {
			continue
		}
		name, network := hash64(s.Hash), networkOf(e.Origin.IP)
		seen := r.seen[name]
		if seen == nil {
			if len(r.seen) >= maxReplays {
				return 0
			}
			seen = &replay{network: network}
			r.seen[name] = seen
		}
		seen.messages++
		seen.spread = seen.spread || network != seen.network
		return name
	}
	return 0
}

// codes gives the rules that hold for a message with this signature.
func (r *replays) codes(name uint64, t Thresholds) Codes {
	var set Codes
	if s := r.seen[name]; s != nil && s.messages >= t.Replays && s.spread {
		set |= codes("dkim-replayed")
	}
	if len(r.seen) >= t.ForeignSignatures {
		set |= codes("dkim-many")
	}
	return set
}
