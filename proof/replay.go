package proof

import "net/netip"

// Bounds of Replays: signatures kept, networks told apart for one.
const (
	maxReplaySignatures = 200_000
	maxReplayNetworks   = 64
)

// Replays counts how often one signature came back, and from how many networks (METHOD 2, kind 3): one b= from many foreign
// borders is one message sent again and again by others; many different ones are a stolen key or a service that signs for
// anybody. One goroutine counts.
type Replays struct {
	byHash map[string]*replay
	left   int
}

type replay struct {
	bounces  int
	networks map[netip.Prefix]bool
}

// Add notes a bounce with a signature (Signature.Hash) and the border that it came from; an invalid address is one unknown
// network.
func (r *Replays) Add(hash string, border netip.Addr) {
	if hash == "" {
		return
	}
	if r.byHash == nil {
		r.byHash = map[string]*replay{}
	}
	seen, ok := r.byHash[hash]
	if !ok {
		if len(r.byHash) >= maxReplaySignatures {
			r.left++
			return
		}
		seen = &replay{networks: map[netip.Prefix]bool{}}
		r.byHash[hash] = seen
	}
	seen.bounces++
	if len(seen.networks) < maxReplayNetworks {
		seen.networks[networkOf(border)] = true
	}
}

// Of gives how many bounces had this signature, and from how many networks (/24 or /48, at most 64).
func (r *Replays) Of(hash string) (bounces, networks int) {
	if seen, ok := r.byHash[hash]; ok {
		return seen.bounces, len(seen.networks)
	}
	return 0, 0
}

// minReplayNetworks is from how many networks one signature must come to be a replay: a forwarder or a list passes a
// message on from one or two.
const minReplayNetworks = 3

// Replayed tells whether a signature was replayed.
func (r *Replays) Replayed(hash string) bool {
	_, networks := r.Of(hash)
	return networks >= minReplayNetworks
}

// Distinct gives the number of different signatures.
func (r *Replays) Distinct() int { return len(r.byHash) }

// LeftOut gives the number of bounces whose signatures were not kept.
func (r *Replays) LeftOut() int { return r.left }
