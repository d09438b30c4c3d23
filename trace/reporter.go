package trace

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"ndrscan/internal/header"
)

// arrival is the walk down the Received lines of a bounce itself.
type arrival struct {
	t       *Tracer
	ctx     context.Context
	dns     *budget
	r       Reporter
	top     string     // organisation of the topmost writer: the site's, where no line is known to be ours
	writer  string     // name of the host that wrote the last believed line
	client  netip.Addr // inner client of the line above, whose own line is to come; invalid if none
	ours    bool       // the line above was handed over by a server of ours: it wrote the next, whatever its name
	hosted  bool       // the topmost writer is the provider that receives for us
	strange bool       // a hand-over that is not known to be ours
	byUser  bool       // the lowest line was made by a local user, in the form of a server whose own reports are not
	filter  string     // organisation of the shared filter of ours that was stepped over
	closed  bool       // a stranger's line shows a client: what stands below can't be the top any more
}

// Reporter finds who handed the bounce to us, from the bounce's own header section (METHOD 3.0). Lines are read newest
// first: a queue hand-over, an inner address and a server of ours are stepped over; the first other client is the
// handing address. Behind NAT or a container's proxy every client looks inside, so the line below an inner one counts
// only if a host of ours, or the same host, wrote it; else the handing address is hidden.
//
// The bounce is our own if one of our servers connected, or if hosts of ours only handed it from queue to queue.
func (t *Tracer) Reporter(ctx context.Context, bounce header.Section) Reporter {
	t, dns := t.withBudget()
	defer dns.done()
	a := &arrival{t: t, ctx: ctx, dns: dns, r: Reporter{Unstamped: true}}
	var list lines
	list.of(bounce, t.reading())
	for i := range list.len() {
		if a.line(list.at(i)) {
			return a.r
		}
		dns.nextLine()
	}
	a.end()
	return a.r
}

// line reads the next line; done means that the handing address is found, or hidden for good.
func (a *arrival) line(h *Hop) (done bool) {
	if a.filter != "" && !a.byFilter(h) {
		a.name() // the filter's lines end without a client: it handed the report over, as far as can be told
		return true
	}
	if !a.believe(h) {
		return a.hidden()
	}
	a.byUser = h.kind == reinjected && h.Software == "postfix" // pickup(8); bounce(8) hands its reports to cleanup(8) itself
	a.closed = a.closed || a.r.Unstamped && h.kind == fromNetwork && !h.IP.IsLoopback()
	switch {
	case h.kind == handover, h.kind == reinjected, h.kind == submitted && (!h.IP.IsValid() || inner(h.IP)):
		return false
	case !h.IP.IsValid():
		return a.hidden() // a client without an address: nobody can say who
	case h.Software == "exchange" && inner(h.IP) && h.IP == h.ByIP && strings.EqualFold(h.HELO, h.By):
		return false // Exchange hands its own mail to itself
	case inner(h.IP):
		a.client = h.IP
		return false
	case microsoftInner(h): // any other host of a provider may have another customer's mail
		a.ours = a.hosted
		return false
	}
	a.r.IP, a.r.HELO, a.r.By = h.IP, h.HELO, h.By
	if a.isFilter(h) {
		return false
	}
	if a.r.Own = a.t.isOurs(a.ctx, h.IP, &a.r.DNSFailed); a.r.Own {
		a.ours = true
		return false
	}
	if a.r.Unstamped && a.t.inOrganisation(a.ctx, h, a.top, &a.r.DNSFailed) {
		return false
	}
	if a.dns.spent {
		return a.hidden()
	}
	a.name()
	return true
}

// isFilter tells a client that is a host of the shared filter which our MX records name: it hands our mail on to where the
// mailbox lies, and the line below is its own (METHOD 3.2 says the same of a recipient's gateway).
func (a *arrival) isFilter(h *Hop) bool {
	if a.r.Unstamped || a.filter != "" {
		return false
	}
	for _, org := range a.t.Hosted {
		if org != a.top && sharedFilter(org) && a.t.inOrganisation(a.ctx, h, org, &a.r.DNSFailed) {
			a.filter, a.ours = org, true
			return true
		}
	}
	return false
}

// byFilter tells a line of the filter that shows who connected to it, or its own passing on inside one host. Nothing else below
// a filter is believed: where it took the mail from a customer of its own, that one wrote the rest.
func (a *arrival) byFilter(h *Hop) bool {
	return OrgDomain(h.By) == a.filter && h.kind == fromNetwork && h.IP.IsValid() && (h.IP.IsLoopback() || !inner(h.IP))
}

// believe notes who wrote a line. It is false only for the line that should be an inner client's and is another's.
func (a *arrival) believe(h *Hop) bool {
	if h.By == "" {
		return !a.client.IsValid() || h.kind != fromNetwork
	}
	if a.top == "" {
		a.top = OrgDomain(h.By)
		a.hosted = !a.closed && slices.Contains(a.t.Hosted, a.top)
		a.r.Unstamped = !a.hosted
	}
	same := a.sameHost(h.By)
	known := same || a.ours
	needed := a.r.Unstamped || !known && (a.client.IsValid() || h.kind != fromNetwork)
	if needed && !same && !a.closed && a.t.writtenByOurs(a.ctx, h, &a.r.DNSFailed) {
		known, a.r.Unstamped = true, false
	}
	if a.client.IsValid() {
		sameSite := (a.r.Unstamped || a.hosted) && a.top != "" && OrgDomain(h.By) == a.top
		if !known && !sameSite && !a.t.Own.flagged(a.client) {
			return false
		}
		// QUIRK: a filter or a local hand-over connects from loopback on many a mail server; a proxy that does so is rare.
		a.r.Stepped = a.r.Stepped || !a.client.IsLoopback()
	}
	a.strange = a.strange || !known && h.kind != fromNetwork
	if !same {
		a.writer = h.By
	}
	a.client, a.ours = noAddr, false
	return true
}

// sameHost tells a name that the writer of the last believed line gives itself; a filter on it calls itself localhost.
func (a *arrival) sameHost(by string) bool {
	if a.writer == "" {
		return false
	}
	return strings.EqualFold(by, a.writer) || a.client.IsLoopback() && strings.EqualFold(by, "localhost")
}

// end judges a chain that shows no client outside.
func (a *arrival) end() {
	if a.hosted && !a.r.IP.IsValid() {
		a.r.Unstamped = true // it stayed inside the provider, whose other customers are there, too
	}
	inside := a.client.IsValid() // and no line says where that client had it from
	if a.dns.spent || inside && !a.t.Own.flagged(a.client) || a.strange && !a.r.Unstamped && !a.r.IP.IsValid() {
		a.hidden()
		return
	}
	if a.byUser && !a.r.Unstamped {
		a.r = Reporter{Unstamped: true, Stepped: a.r.Stepped, DNSFailed: a.r.DNSFailed}
		return
	}
	a.r.Stepped = a.r.Stepped || inside
	a.r.Own = !a.r.Unstamped && (a.r.Own || !a.r.IP.IsValid())
	a.name()
}

// hidden ends where nobody that is ours says who connected.
func (a *arrival) hidden() bool {
	a.r = Reporter{Unstamped: true, Hidden: true, Stepped: a.r.Stepped || a.client.IsValid(), DNSFailed: a.r.DNSFailed}
	return true
}

// name asks for the reverse name of the handing address and names the witness.
func (a *arrival) name() {
	if !a.r.IP.IsValid() {
		return
	}
	found := a.t.host(a.ctx, a.r.IP) // no answer, no name: that accuses nobody
	a.r.RDNS, a.r.RDNSConfirmed = found.name()
	if a.r.RDNSConfirmed {
		a.r.Organisation = OrgDomain(a.r.RDNS)
	}
	if a.r.Organisation == "" {
		a.r.Organisation = Network(a.r.IP)
	}
}

// Network is the /24 or /48 of an address: the witness where no name is confirmed, and an origin's network (METHOD 6).
func Network(ip netip.Addr) string {
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return ""
	}
	return p.String()
}
