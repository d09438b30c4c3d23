package ndrscan

import (
	"fmt"
	"slices"
	"sync"

	"ndrscan/classify"
	"ndrscan/dsn"
	"ndrscan/proof"
	"ndrscan/trace"
)

// Signatures cost more than all the rest of a message, and a stranger can write as many different ones in our name as he
// likes. Where one witness returns them from one foreign network by the hundred, and all that were verified are wrong, the
// rest is not verified. A signature decides classes, so one that nobody looked at proves neither way: its message is
// undetermined (rule dkim-unchecked), is counted, and the report says how many there are. A good signature behind ten
// thousand bad ones is thus never taken for a forgery. Under our own border everything is verified, and in a place where one
// signature fits, too.
//
// Workers finish in any order, yet a run must give the same twice. So the place is judged by the goroutine that counts, in the
// order of the messages: it closes a place, and lays aside what a worker had verified too much. A place stays closed, so a
// worker that sees it closed may leave out what will be laid aside anyway.

// Bounds of sampling: wrong signatures in a place before the rest is left out, and places that are kept. Beyond them all is
// verified.
const (
	sampleAfter     = 500
	maxSamplePlaces = 50_000
)

// signaturePlace is whose signatures are alike: who reports them, from which network they came, for whom they say they are.
type signaturePlace struct{ witness, network, domain string }

type sampleState struct {
	wrong  int
	fits   bool // one did: all others are verified, too
	closed bool
}

// sampler knows where signatures need no more verifying. Safe for concurrent use; the zero value is ready.
type sampler struct {
	mu        sync.Mutex
	except    func(domain string) bool // signatures that say who let a message in (METHOD 3.6) are all verified; nil: none do
	places    map[signaturePlace]*sampleState
	unchecked int
}

// sampled tells a message whose signatures can be left out at all: its border is foreign beyond doubt, and somebody reports it.
func sampled(e *classify.Evidence) bool {
	o := e.Origin
	return o.IP.IsValid() && !o.Own && !o.OwnUnknown && !o.OwnNet && !o.DNSFailed && !o.TooLong && o.Via == trace.ViaReceived &&
		!e.Reporter.Own && e.Reporter.Organisation != "" && e.Bounce.Kind == dsn.KindBounce
}

func placeOf(e *classify.Evidence, domain string) signaturePlace {
	return signaturePlace{e.Reporter.Organisation, trace.Network(e.Origin.IP), domain}
}

// closed tells a worker that a signature would be laid aside.
func (s *sampler) closed(e *classify.Evidence, domain string) bool {
	if !sampled(e) || s.verifiesAll(domain) {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	state := s.places[placeOf(e, domain)]
	return state != nil && state.closed
}

// add takes the next message in order: it notes what its signatures are like, and lays aside those of closed places.
func (s *sampler) add(e *classify.Evidence) {
	if len(e.DKIM) == 0 || !sampled(e) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range e.DKIM {
		sig := &e.DKIM[i]
		if s.verifiesAll(sig.Domain) {
			continue
		}
		state := s.state(placeOf(e, sig.Domain))
		switch {
		case state == nil:
		case state.closed:
			sig.Result, sig.Problem = proof.DKIMUnchecked, "many others from there were wrong, so it was not verified"
			s.unchecked++
		default:
			state.note(sig.Result)
		}
	}
	e.DKIMRecipient = e.DKIMRecipient && slices.ContainsFunc(e.DKIM, writtenForRecipient)
}

func (s *sampler) verifiesAll(domain string) bool { return s.except != nil && s.except(domain) }

// state gives the state of a place, nil if no more can be kept.
func (s *sampler) state(place signaturePlace) *sampleState {
	state := s.places[place]
	if state == nil && len(s.places) < maxSamplePlaces {
		if s.places == nil {
			s.places = map[signaturePlace]*sampleState{}
		}
		state = new(sampleState)
		s.places[place] = state
	}
	return state
}

// note counts a result. A key that is gone or can't be asked says nothing.
func (s *sampleState) note(result proof.DKIMResult) {
	switch result {
	case proof.DKIMPass, proof.DKIMHeadersPass:
		s.fits = true
	case proof.DKIMFail:
		s.wrong++
	}
	s.closed = !s.fits && s.wrong >= sampleAfter
}

// limit says in a sentence what was left out, "" for nothing.
func (s *sampler) limit() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unchecked == 0 {
		return ""
	}
	return fmt.Sprintf("%d DKIM signatures in your name were not verified: where one reporting site returned %d wrong ones from one network, "+
		"and none that fits, the rest was left out; their messages are undetermined unless something else decides", s.unchecked, sampleAfter)
}
