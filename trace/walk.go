package trace

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"ndrscan/internal/header"
)

// Tracer follows bounces and their originals back. Own must be set. A nil Resolver asks nothing (--no-ptr): then only flags and inner
// addresses say who is inside. Safe for concurrent use if the Resolver is.
type Tracer struct {
	Own      *Own
	Resolver Resolver
	Memo     *Memo    // answers of earlier walks; nil: every walk asks
	Without  []string // Defences that a test switches off

	// Hosted lists the organisations of the providers that our domains' MX records name: where a mailbox lies at one of them, its
	// topmost lines are that provider's stamp (METHOD 2, rank 1).
	Hosted []string
}

// Input is what Origin reads.
type Input struct {
	Original         header.Section // header section of the returned original
	Reporter         Reporter
	ReportingMTA     string   // name the reporter gives itself, with or without "dns;"
	ReceivedFromMTA  string   // Received-From-MTA of the report, with or without its type
	Software         string   // who wrote the report
	NoNotes          bool     // leave out what only explains: clients of steps, the claims below the border, the framing mark, the claimed origin
	RecipientDomains []string // domains of the failed recipients, for their gateways
}

// walk is one descent through the Received lines of an original.
type walk struct {
	t     *Tracer
	ctx   context.Context
	in    Input
	dns   *budget
	lines lines
	at    int // line under the finger
	site  site
	o     Origin
}

// Origin finds where the original came from (METHOD 3.1 to 3.5, 3.7, 3.8).
func (t *Tracer) Origin(ctx context.Context, in Input) Origin {
	t, dns := t.withBudget()
	defer dns.done()
	w := walks.Get().(*walk)
	w.t, w.ctx, w.in, w.dns = t, ctx, in, dns
	w.run()
	o := w.o
	*w = walk{}
	walks.Put(w)
	return o
}

// walks are used again and again: one holds the room for the lines of a usual message.
var walks = sync.Pool{New: func() any { return new(walk) }}

func (w *walk) run() {
	t, in := w.t, w.in
	w.lines.of(in.Original, t.reading())
	w.o.Via = ViaNone
	if t.lacks(DefenceRecorded) {
		w.weak()
	}
	if w.o.Via != ViaNone {
		w.at = w.lines.len()
	} else if in.Reporter.Own {
		w.ownReporter()
	} else if w.lines.len() > 0 {
		w.newSite()
		w.foreign()
	}
	if w.o.Via == ViaNone && !w.o.Unstamped {
		w.weak()
	}
	if w.dns.spent {
		w.tooLong()
	}
	w.nameBorder()
	if !in.NoNotes {
		w.claims()
	}
}

// namedLine finds the topmost line that names its writer, -1 if none does.
func (w *walk) namedLine() int {
	for i := range w.lines.len() {
		if w.lines.at(i).By != "" {
			return i
		}
	}
	return -1
}

func (w *walk) step(why string, believed bool) {
	h := w.lines.at(w.at)
	client := h.HELO
	switch {
	case w.in.NoNotes:
		client = ""
	case h.IP.IsValid():
		client = h.IP.String()
	}
	if w.o.Steps == nil {
		w.o.Steps = make([]Step, 0, usualRead)
	}
	w.o.Steps = append(w.o.Steps, Step{Line: w.at + 1, Client: client, By: h.By, Believed: believed, Why: why})
	w.at++
	w.dns.nextLine()
}

// tooLong gives up: nobody is accused by a walk that could not be finished.
func (w *walk) tooLong() {
	w.o = Origin{Via: ViaNone, TooLong: true, Steps: w.o.Steps}
	if w.at < w.lines.len() {
		w.step(WhyTooLong, false)
	}
}

// lower lowers the trust: a walk is worth what its weakest step is.
func (w *walk) lower(to Trust) {
	if trustRank[to] < trustRank[w.o.Trust] {
		w.o.Trust = to
	}
}

var trustRank = map[Trust]int{Weak: 1, Stepped: 2, Gateway: 3, Direct: 4}

// foreign walks down inside a reporting site that is not ours, to its border (METHOD 3.1, 3.2). A hand-over from queue to
// queue is no step: no address was looked past, so trust stays direct.
func (w *walk) foreign() {
	w.o.Trust = Direct
	for w.at < w.lines.len() {
		h := w.lines.at(w.at)
		if !w.writtenBySite(h) {
			w.o.Unstamped, w.o.Trust = true, ""
			w.step(WhyUnstamped, false)
			return
		}
		switch {
		case h.kind == handover:
			w.step(WhyHandover, true)
		case h.kind == reinjected && w.sameHostBelow(h):
			w.lower(Stepped)
			w.step(WhyReinject, true)
		case h.kind != fromNetwork, h.Auth && inner(h.IP):
			w.beganInside(h)
			return
		case !h.IP.IsValid():
			w.o.Trust = ""
			w.step(WhyNoAddress, true)
			return
		default:
			if w.atClient(h) {
				return
			}
		}
	}
	w.viaReporter()
}

// atClient judges the client of a believed line; done means that the walk ends here.
func (w *walk) atClient(h *Hop) (done bool) {
	switch place := w.placeOf(h); place {
	case placeInside:
		w.lower(Stepped)
		w.o.Hidden = w.o.Hidden || inner(h.IP)
		w.site.from = h.IP
		w.step(WhyInside, true)
		return false
	case placeGateway:
		w.lower(Gateway)
		w.site.enterGateway(h)
		w.step(WhyGateway, true)
		return false
	case placeLoop:
		w.lower(Stepped)
		w.site.leaveGateway(h)
		w.step(WhyLoop, true)
		return false
	case placeOurs:
		w.border(h)
		w.o.Own = true
		w.step(WhyBorder, true)
		w.underOurs()
	default:
		w.border(h)
		w.o.OwnUnknown = w.site.ownUnknown
		w.step(WhyBorder, true)
		if w.t.lacks(DefenceBorder) {
			w.fooled()
		}
	}
	return true
}

// border takes the origin from a line.
func (w *walk) border(h *Hop) {
	w.o.IP, w.o.Port, w.o.HELO, w.o.By = h.IP, h.Port, h.HELO, h.By
	w.o.EnvelopeFrom, w.o.QueueID, w.o.Time, w.o.Software = h.EnvelopeFrom, h.ID, h.Time, h.Software
	w.o.SiteAuth, w.o.OwnNet = h.Auth, w.t.Own.Client(h.IP)
	w.o.Via = ViaReceived
}

// beganInside ends a chain at a line that shows where the message was submitted (METHOD 3.2a).
func (w *walk) beganInside(h *Hop) {
	w.o.SiteAuth = h.Auth || h.kind == submitted && h.IP.IsValid()
	w.o.EnvelopeFrom, w.o.QueueID, w.o.Time, w.o.Software = h.EnvelopeFrom, h.ID, h.Time, h.Software
	w.step(WhyBegan, true)
	w.viaReporter()
}

// viaReporter takes the handing address for the origin: the message began at the reporting site.
func (w *walk) viaReporter() {
	if !w.in.Reporter.IP.IsValid() {
		w.o.Trust = ""
		return
	}
	w.o.IP, w.o.HELO, w.o.By, w.o.Via = w.in.Reporter.IP, w.in.Reporter.HELO, w.in.Reporter.By, ViaReporter
}

// sameHostBelow tells whether the next line was written by the host that wrote this one, which a filter does that takes
// a message out of the queue and puts it back.
func (w *walk) sameHostBelow(h *Hop) bool {
	if w.at+1 >= w.lines.len() {
		return false
	}
	below := w.lines.at(w.at + 1).By
	return h.By == "" || below == "" || strings.EqualFold(h.By, below)
}

// nameBorder asks for the reverse name of the origin. No answer, no name: that changes nothing else.
func (w *walk) nameBorder() {
	if !w.o.IP.IsValid() {
		return
	}
	found := w.t.host(w.ctx, w.o.IP)
	w.o.RDNS, w.o.RDNSConfirmed = found.name()
	w.o.AccessLine = found.accessLine
	w.o.ClientOwnNet = w.t.Own.Client(w.o.ClientIP)
	w.o.ProperRelay = !w.o.Own && w.o.Via == ViaReceived && w.properRelay()
}

// properRelay tells a border that may have passed on what somebody else sent: a mail server that gives its own name. What
// stands below its line says nothing of it: that is a claim (METHOD 3.4).
func (w *walk) properRelay() bool {
	org := OrgDomain(w.o.RDNS)
	return org != "" && w.o.RDNSConfirmed && !w.o.AccessLine && OrgDomain(w.o.HELO) == org
}

// maxFramingLookups bounds the claimed addresses that are looked up: the claims are a stranger's.
const maxFramingLookups = 10

// claims lists the lines that nobody vouches for (METHOD 3.4). They change marks only.
func (w *walk) claims() {
	lookups := maxFramingLookups
	for w.at < w.lines.len() {
		why := WhyClaim
		if h := w.lines.at(w.at); !w.o.Own && w.frames(h, &lookups) {
			why, w.o.Framing = WhyFraming, true
		}
		w.step(why, false)
	}
	for i := range w.lines.len() {
		if h := w.lines.at(i); h.IP.IsValid() && (!inner(h.IP) || !w.o.ClaimedOrigin.IsValid() || inner(w.o.ClaimedOrigin)) {
			w.o.ClaimedOrigin = h.IP
		}
	}
}

// frames tells whether a claimed line names servers of ours, as its writer or as its client.
func (w *walk) frames(h *Hop, lookups *int) bool {
	own := w.t.Own
	if own.namesOurs(h.By) || own.namesOurs(h.HELO) || own.namesOurs(h.RDNS) || own.flagged(h.ByIP) || own.flagged(h.IP) {
		return true
	}
	if !h.IP.IsValid() || inner(h.IP) || *lookups == 0 {
		return false
	}
	*lookups--
	var ignored bool
	return w.t.isOurs(w.ctx, h.IP, &ignored)
}

// withoutType gives the value of a report field without its type (RFC 3464 section 2.1.2): "dns; mx.example".
func withoutType(value string) string {
	if _, rest, ok := strings.Cut(value, ";"); ok {
		return strings.TrimSpace(rest)
	}
	return strings.TrimSpace(value)
}

var noAddr netip.Addr
