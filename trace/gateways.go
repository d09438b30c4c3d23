package trace

import (
	"context"
	"net/netip"
	"slices"
	"strings"
)

// maxGatewayDomains and maxGatewayHosts bound the look-ups for gateways of one message.
const (
	maxGatewayDomains = 3
	maxGatewayHosts   = 5
)

// gateways are the MX hosts of a recipient's domain, as we look them up (METHOD 3.2).
type gateways struct {
	addrs     []netip.Addr
	orgs      []string // their organisations
	questions int      // what it costs to ask
	failed    bool     // DNS did not answer, in part at least
}

// askMX looks the recipients' MX hosts up, once a message and only if a client might be one.
func (w *walk) askMX() {
	if w.site.asked || w.t.Resolver == nil {
		return
	}
	w.site.asked = true
	for _, domain := range w.in.RecipientDomains[:min(len(w.in.RecipientDomains), maxGatewayDomains)] {
		if domain = cleanName(domain); !hostName(domain) {
			continue
		}
		found := w.dns.gateways(w.ctx, domain)
		w.o.DNSFailed = w.o.DNSFailed || found.failed
		w.site.gateways = append(w.site.gateways, found.addrs...)
		for _, org := range found.orgs {
			w.site.mxOrgs = addOrg(w.site.mxOrgs, org)
		}
	}
}

// gateways asks for those of one domain, or remembers them. What the walk pays does not depend on that: else the outcome
// would depend on which message was read first.
func (b *budget) gateways(ctx context.Context, domain string) gateways {
	if !b.may(maxPrice) {
		return gateways{failed: true}
	}
	found, known := b.memo.gateways.get(domain)
	if !known {
		if found = b.lookGateways(ctx, domain); !found.failed {
			b.memo.gateways.put(strings.Clone(domain), found)
		}
	}
	b.left = max(0, b.left-found.questions)
	return found
}

func (b *budget) lookGateways(ctx context.Context, domain string) gateways {
	mx := b.recall(ctx, question{kind: 'M', name: strings.ToLower(domain)})
	found := gateways{questions: 1, failed: mx.err != nil}
	for _, host := range mx.names[:min(len(mx.names), maxGatewayHosts)] {
		if host = cleanName(host); !hostName(host) {
			continue
		}
		for _, kind := range []byte{'A', '6'} {
			a := b.recall(ctx, question{kind: kind, name: strings.ToLower(host)})
			found.questions++
			found.failed = found.failed || a.err != nil
			for _, addr := range a.addrs {
				found.addrs = append(found.addrs, addr.Unmap())
			}
		}
		if org := OrgDomain(host); !slices.Contains(found.orgs, org) {
			found.orgs = append(found.orgs, org)
		}
	}
	return found
}
