package ndrscan

import (
	"context"
	"net/netip"
	"slices"
	"strings"

	"ndrscan/classify"
	"ndrscan/internal/header"
	"ndrscan/proof"
	"ndrscan/trace"
)

// Tenants (METHOD 3.6): a provider's stamps are believed where the provider wrote them, which is under its own border, or in
// an original that it bounced itself. Under any other border they are claims.

// newTenants reads --own tenant:..., and what Google signs with for our domains.
func (r *run) newTenants() {
	var refused []string
	r.tenants, refused = proof.NewTenants(r.own.Tenants(), r.own.Domains())
	r.sampler.except = r.tenants.GoogleSignsFor
	for _, value := range refused {
		r.leave(classify.LeftOut{Source: "--own tenant:" + value, Why: "that is Outlook.com's consumer tenant, which everybody shares: it can't count as yours; leave it out"})
	}
}

// checkTenant reads the stamp of the original. Mail that began inside our tenant went through us; mail that entered it from
// outside is no account's, and if the tenant bounced it, that is backscatter of our own.
func (r *run) checkTenant(ctx context.Context, e *classify.Evidence) {
	stamp, ok := proof.TenantStamp(e.Bounce.Original.Header)
	if !ok || e.Origin.Own || r.checker == nil {
		return
	}
	entry := r.tenants.Entry(stamp)
	switch {
	case entry == proof.NotOurTenant:
	case r.isProvider(ctx, e.Origin.IP):
		e.Origin.Own, e.Origin.OwnUnknown = true, false
		e.Origin.ClientIP = stamp.ConnectingIP
		if stamp.NetworkID != "" {
			e.Origin.QueueID = stamp.NetworkID
		}
		e.Tenant, e.Origin.Entry = classify.TenantInside, trace.EntryTenant
		if entry == proof.TenantOutside {
			e.Tenant, e.Origin.Entry = classify.TenantOutside, trace.EntryRelay
		}
	case !r.tenantReported(ctx, e):
	case entry == proof.TenantOutside:
		e.Tenant = classify.TenantOutside
	case !e.Origin.IP.IsValid(): // the tenant's own report of what never left the provider
		e.Tenant, e.Origin.Entry, e.Origin.QueueID = classify.TenantInside, trace.EntryTenant, stamp.NetworkID
	}
}

// checkTenantSignature is checkTenant for a provider that stamps nothing: Google signs in the name of one tenant only what its
// accounts hand in, and puts an ARC set of its own on what it takes from outside. The whole message must have come back.
func (r *run) checkTenantSignature(ctx context.Context, e *classify.Evidence) {
	signed := slices.ContainsFunc(e.DKIM, func(s classify.Signature) bool {
		return s.Whole() && s.FromSigned && r.tenants.GoogleSignsFor(s.Domain)
	})
	if !signed || e.Origin.Own || r.checker == nil {
		return
	}
	provider, ok := r.provider(ctx, e.Origin.IP)
	if !ok || !provider.SealedBy("google.com") || r.sealedBy(ctx, e, provider.SealedBy).Instance > 0 {
		return
	}
	e.Origin.Own, e.Origin.OwnUnknown = true, false
	e.Tenant, e.Origin.Entry = classify.TenantInside, trace.EntryTenant
}

// isProvider tells an address that a provider of tenants publishes as one it sends from.
func (r *run) isProvider(ctx context.Context, ip netip.Addr) bool {
	_, ok := r.provider(ctx, ip)
	return ok || r.lacks(defenceProvider)
}

func (r *run) provider(ctx context.Context, ip netip.Addr) (proof.Provider, bool) {
	return proof.ProviderOf(ip, func(domain string, ip netip.Addr) bool { return r.permits(ctx, domain, ip) })
}

// providerHosts end the names of the hosts that carry tenants' mail.
var providerHosts = []string{".outlook.com", ".exchangelabs.com", ".google.com"}

// tenantReported tells whether the provider itself wrote the report: it handed it over, or our mailbox lies there and no line
// shows anybody else.
func (r *run) tenantReported(ctx context.Context, e *classify.Evidence) bool {
	rep := e.Reporter
	if rep.IP.IsValid() {
		return r.isProvider(ctx, rep.IP)
	}
	by := strings.ToLower(trace.ParseReceived(e.Bounce.Header.Get("Received")).By)
	for _, suffix := range providerHosts {
		if rep.Unstamped && !rep.Hidden && strings.HasSuffix(by, suffix) {
			return true
		}
	}
	return false
}

// checkARC looks for a seal of the border's own domain which says that the message passed for our domain when it came there
// (METHOD 5, forwarded). Nothing is asked where there is none.
func (r *run) checkARC(ctx context.Context, e *classify.Evidence) {
	o := e.Bounce.Original
	if r.dkim.Resolver == nil || e.Origin.Own || !e.Origin.ProperRelay && !r.lacks(defenceSealer) || o.Header.Get("ARC-Seal") == "" {
		return
	}
	border := trace.OrgDomain(e.Origin.RDNS)
	provider, _ := r.provider(ctx, e.Origin.IP) // Microsoft's hosts are outlook.com's, and microsoft.com seals for them
	arc := r.sealedBy(ctx, e, func(domain string) bool {
		return trace.OrgDomain(domain) == border || provider.SealedBy(domain) || r.lacks(defenceSealer)
	})
	e.ARCSealed = arc.Proved() && arc.Passed(header.Domain(o.From)) && r.own.Domain(header.Domain(o.From))
}

// sealedBy judges the newest ARC set of the original that one of these domains sealed.
func (r *run) sealedBy(ctx context.Context, e *classify.Evidence, domains func(string) bool) proof.ARC {
	o := e.Bounce.Original
	return r.dkim.VerifyARC(ctx, o.Header, o.Body, wholeOriginal(e), signedAt(e), domains)
}

// readAggregates reads the DMARC aggregate reports that a message brings, and who proves to have sent it: the organisation of
// its handing address or of its signature, where that is the one the report names.
func (r *run) readAggregates(ctx context.Context, e *classify.Evidence, section header.Section, body []byte) {
	reports, err := proof.FindAggregates(section, body)
	if err != nil && e.Bounce.Problem == "" {
		e.Bounce.Problem = err.Error()
	}
	if len(reports) == 0 {
		return
	}
	from := trace.OrgDomain(header.Domain(e.Bounce.From))
	witness := ""
	if rep := r.tracer.Reporter(ctx, section); rep.RDNSConfirmed && !rep.Unstamped && !trace.AccessLine(rep.RDNS, rep.IP) && trace.OrgDomain(rep.RDNS) == from {
		witness = from
	}
	if witness == "" && r.signedBy(ctx, section, body, from, e) {
		witness = from
	}
	e.Aggregates, e.AggregateWitness = reports, witness
}

// signedBy tells whether a valid signature of that organisation is on the message itself.
func (r *run) signedBy(ctx context.Context, section header.Section, body []byte, org string, e *classify.Evidence) bool {
	if r.dkim.Resolver == nil || org == "" {
		return false
	}
	theirs := proof.Verifier{Resolver: r.dkim.Resolver, Want: func(domain string) bool { return trace.OrgDomain(domain) == org }}
	at := e.Bounce.Date
	if at.IsZero() {
		at = e.Received
	}
	for _, s := range theirs.Verify(ctx, section, body, true, at) {
		if s.Result == proof.DKIMPass && s.FromSigned {
			return true
		}
	}
	return false
}
