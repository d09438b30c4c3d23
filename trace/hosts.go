package trace

import (
	"context"
	"net/netip"
	"slices"
)

// What DNS and the flags say of a host; shared by the walks. A failed look-up is noted where the caller says.

// writtenByOurs tells whether a line was written by a host of ours: its by name has an address of ours, or the address it
// prints for itself is one that --own names.
func (t *Tracer) writtenByOurs(ctx context.Context, h *Hop, failed *bool) bool {
	if t.Own.flagged(h.ByIP) || h.By != "" && t.Own.namedHost(h.By) {
		return true
	}
	return t.ourAddress(ctx, h.By, failed).IsValid()
}

// ourAddress gives the first address of a host that is one of ours.
func (t *Tracer) ourAddress(ctx context.Context, host string, failed *bool) netip.Addr {
	if t.Resolver == nil || !hostName(host) {
		return noAddr
	}
	addrs, err := addresses(ctx, t.Resolver, host)
	*failed = *failed || err != nil && len(addrs) == 0
	for _, ip := range addrs[:min(len(addrs), maxPTR)] {
		if t.isOurs(ctx, ip, failed) {
			return ip
		}
	}
	return noAddr
}

// isOurs tells a server of ours.
func (t *Tracer) isOurs(ctx context.Context, ip netip.Addr, failed *bool) bool {
	ok, err := t.server(ctx, ip.Unmap())
	*failed = *failed || err != nil
	if t.lacks(DefenceConfirm) && t.Resolver != nil {
		names, _ := t.Resolver.LookupPTR(ctx, ip)
		ok = ok || slices.ContainsFunc(names, t.Own.Domain)
	}
	return ok
}

func (t *Tracer) server(ctx context.Context, ip netip.Addr) (ours bool, err error) {
	b, asks := t.Resolver.(*budget)
	if !asks || t.Own.flagged(ip) || !t.Own.mayBeNamed(ip) {
		_, ours, err = t.Own.Server(ctx, nil, ip)
		return ours, err
	}
	found := b.server(ctx, t.Own, ip)
	if found.host != nil {
		t.Own.Note(*found.host)
	}
	return found.host != nil, found.err
}

// inOrganisation tells whether a client is a host of an organisation: by a forward-confirmed reverse name, or because what
// the line calls it lies there and has its address.
func (t *Tracer) inOrganisation(ctx context.Context, h *Hop, org string, failed *bool) bool {
	if org == "" || t.Resolver == nil {
		return false
	}
	found := t.host(ctx, h.IP)
	*failed = *failed || found.err != nil
	if name, confirmed := found.name(); confirmed && OrgDomain(name) == org {
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
