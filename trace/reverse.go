package trace

import (
	"context"
	"net/netip"
)

// host is what DNS says of an address: reverse names, and which of them are confirmed forward.
type host struct {
	names      []string // reverse names that point back to the address
	first      string   // the first reverse name, confirmed or not
	accessLine bool     // name looks like an access line's
	questions  int      // what it costs to ask
	err        error    // DNS did not answer; only without names
}

// name gives the first confirmed name, else the first reverse name.
func (h *host) name() (name string, confirmed bool) {
	if len(h.names) > 0 {
		return h.names[0], true
	}
	return h.first, false
}

// server says whether an address is a server of ours, as far as its names tell.
type server struct {
	host      *OwnHost // nil: no
	questions int
	err       error
}

// host asks for the names of an address; without DNS it has none.
func (t *Tracer) host(ctx context.Context, ip netip.Addr) host {
	if b, asks := t.Resolver.(*budget); asks {
		return b.host(ctx, ip)
	}
	return host{}
}

// host asks, or remembers; as with gateways the price is the same.
func (b *budget) host(ctx context.Context, ip netip.Addr) host {
	if found, known := b.hosts.get(ip); known {
		return found
	}
	if !b.may(maxPrice) {
		return host{err: errTooLong}
	}
	found, known := b.memo.hosts.get(ip)
	if !known {
		bill := &bill{budget: b}
		found.names, found.first, found.err = confirmedNames(ctx, bill, ip)
		name, _ := found.name()
		found.accessLine, found.questions = AccessLine(name, ip), bill.questions
		if !bill.failed {
			b.memo.hosts.put(ip, found)
		}
	}
	price := found.questions
	if _, paid := b.servers.get(ip); paid {
		price-- // the reverse names were asked for then
	}
	b.left = max(0, b.left-price)
	b.hosts.put(ip, found)
	return found
}

// server asks whether an address is ours by its names, or remembers.
func (b *budget) server(ctx context.Context, own *Own, ip netip.Addr) server {
	if found, known := b.servers.get(ip); known {
		return found
	}
	if !b.may(maxPrice) {
		return server{err: errTooLong}
	}
	found, known := b.memo.servers.get(ip)
	if !known {
		bill := &bill{budget: b}
		found.host, found.err = own.server(ctx, bill, ip)
		if found.questions = bill.questions; !bill.failed {
			b.memo.servers.put(ip, found)
		}
	}
	b.left = max(0, b.left-found.questions)
	b.servers.put(ip, found)
	return found
}
