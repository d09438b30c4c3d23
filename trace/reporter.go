package trace

import (
	"context"
	"net/netip"

	"ndrscan/internal/header"
)

// maxLines bounds the Received lines that are read of one message. Mail servers stop at 25 to 100 of them
// (RFC 5321 section 6.3 asks for at least 100).
const maxLines = 200

func readLines(section header.Section) []Hop {
	var hops []Hop
	for _, field := range section.All("Received") {
		if len(hops) == maxLines {
			break
		}
		hops = append(hops, ParseReceived(field.Value()))
	}
	return hops
}

// Reporter finds who handed the bounce to us, from the bounce's own header section (METHOD 3.0). Lines are read newest
// first: a queue hand-over, an inner address and a server of ours are stepped over; the first other client is the
// handing address. If there is none, or the last client is one of our servers, the bounce is our own.
func (t *Tracer) Reporter(ctx context.Context, bounce header.Section) Reporter {
	r := Reporter{Unstamped: true}
	top := "" // organisation of the topmost writer, stands for the site where no line is known to be ours
	for _, h := range readLines(bounce) {
		if r.Unstamped {
			r.Unstamped = !t.writtenByOurs(ctx, h, &r.DNSFailed)
		}
		if top == "" {
			top = OrgDomain(h.By)
		}
		if !h.IP.IsValid() && h.kind == fromNetwork {
			r.Unstamped, r.Own = true, false // a client without an address: nobody can say who
			return t.nameReporter(ctx, r)
		}
		if h.kind == handover || h.kind == reinjected || !h.IP.IsValid() || inner(h.IP) {
			continue
		}
		r.IP, r.HELO, r.By = h.IP, h.HELO, h.By
		if r.Own = t.isOurs(ctx, h.IP, &r.DNSFailed); r.Own {
			continue
		}
		if r.Unstamped && t.inOrganisation(ctx, h, top, &r.DNSFailed) {
			continue
		}
		return t.nameReporter(ctx, r)
	}
	if !r.Unstamped && !r.IP.IsValid() {
		r.Own = true
	}
	return t.nameReporter(ctx, r)
}

// writtenByOurs tells whether a top line was written by a host of ours: its by name has an address of ours, or the
// address it prints for itself is one that --own names.
func (t *Tracer) writtenByOurs(ctx context.Context, h Hop, failed *bool) bool {
	if t.Own.flagged(h.ByIP) || h.By != "" && t.Own.namedHost(h.By) {
		return true
	}
	if t.Resolver == nil || !hostName(h.By) {
		return false
	}
	addrs, err := addresses(ctx, t.Resolver, h.By)
	*failed = *failed || err != nil && len(addrs) == 0
	for _, ip := range addrs[:min(len(addrs), maxPTR)] {
		if t.isOurs(ctx, ip, failed) {
			return true
		}
	}
	return false
}

// nameReporter asks for the reverse name of the handing address and names the witness.
func (t *Tracer) nameReporter(ctx context.Context, r Reporter) Reporter {
	if !r.IP.IsValid() {
		return r
	}
	if t.Resolver != nil {
		var err error
		r.RDNS, r.RDNSConfirmed, err = Confirm(ctx, t.Resolver, r.IP)
		r.DNSFailed = r.DNSFailed || err != nil
	}
	if r.RDNSConfirmed {
		r.Organisation = OrgDomain(r.RDNS)
	}
	if r.Organisation == "" {
		r.Organisation = network(r.IP)
	}
	return r
}

// network is the /24 or /48 of an address, the witness where no name is confirmed (METHOD 6).
func network(ip netip.Addr) string {
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

// isOurs tells a server of ours; a failed look-up is noted.
func (t *Tracer) isOurs(ctx context.Context, ip netip.Addr, failed *bool) bool {
	_, ok, err := t.Own.Server(ctx, t.Resolver, ip)
	*failed = *failed || err != nil
	return ok
}

// inOrganisation tells whether a client is a host of an organisation: by a forward-confirmed reverse name, or because what
// the line calls it lies there and has its address.
func (t *Tracer) inOrganisation(ctx context.Context, h Hop, org string, failed *bool) bool {
	if org == "" || t.Resolver == nil {
		return false
	}
	name, confirmed, err := Confirm(ctx, t.Resolver, h.IP)
	*failed = *failed || err != nil
	if confirmed && OrgDomain(name) == org {
		return true
	}
	return OrgDomain(h.HELO) == org && t.pointsTo(ctx, h.HELO, h.IP, failed)
}

// pointsTo tells whether a name that a line gives has that address.
func (t *Tracer) pointsTo(ctx context.Context, name string, ip netip.Addr, failed *bool) bool {
	if t.Resolver == nil || !hostName(name) || !ip.IsValid() {
		return false
	}
	holds, err := pointsTo(ctx, t.Resolver, cleanName(name), ip)
	*failed = *failed || err != nil
	return holds
}
