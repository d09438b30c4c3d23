package ndrscan

import (
	"context"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"ndrscan/classify"
	"ndrscan/spf"
	"ndrscan/trace"
)

// maxDomains bounds the domains of ours whose policies are looked up for the report.
const maxDomains = 10

// context gathers what the report says beside the flood itself.
func (r *run) context(ctx context.Context) classify.Context {
	c := classify.Context{
		Tool: strings.TrimSpace("ndrscan " + r.opts.Version), Now: r.opts.Now(), Complete: ctx.Err() == nil,
		Run:        classify.Run{Flags: r.opts.Flags, DNS: r.opts.DNS, Sent: r.sentName()},
		SentAtHand: r.sent != nil, LogAtHand: r.opts.MailLog != nil, LeftOut: r.leftOut,
	}
	if limit := r.sampler.limit(); limit != "" {
		c.Run.Limits = append(c.Run.Limits, limit)
	}
	for _, source := range r.sources {
		c.Sources = append(c.Sources, source.Name())
	}
	for _, source := range sortedKeys(r.dropped) {
		c.LeftOut = append(c.LeftOut, classify.LeftOut{Source: source, Count: r.dropped[source], Why: "more messages that could not be read"})
	}
	if len(r.opts.Own) == 0 {
		c.Run.Assumed = r.own.Domains()
		for _, domain := range c.Run.Assumed {
			c.Run.Rerun += " --own " + domain
		}
	}
	if r.opts.Resolver != nil && ctx.Err() == nil {
		SurveyOwn(ctx, r.own, r.names(), r.own.Domains())
	}
	for _, host := range r.own.Seen() {
		if host.Rule != trace.RuleShared {
			c.OwnSeen = append(c.OwnSeen, OwnHost(host))
		}
	}
	c.Domains = r.domains(context.WithoutCancel(ctx), ctx.Err() != nil)
	c.LeftOut = append(c.LeftOut, r.unasked(c.Domains)...)
	if ctx.Err() != nil {
		c.LeftOut = append(c.LeftOut, r.unread()...)
	}
	return c
}

// sentName says what served as Sent, "" for nothing.
func (r *run) sentName() string {
	if r.sent == nil {
		return ""
	}
	var names []string
	for _, source := range r.opts.Sent {
		names = append(names, source.Name())
	}
	return strings.Join(names, ", ")
}

// unread names the sources that an interruption left unread, in part or whole.
func (r *run) unread() []classify.LeftOut {
	var list []classify.LeftOut
	for _, source := range r.sources[min(int(r.current.Load()), len(r.sources)-1):] {
		list = append(list, classify.LeftOut{Source: source.Name(), Why: "interrupted: the rest was not read"})
	}
	return list
}

// unasked names what SPF could not be asked for: messages for which DNS did not answer, domains whose record is broken.
func (r *run) unasked(domains []classify.Domain) []classify.LeftOut {
	var list []classify.LeftOut
	if n := int(r.dnsFailed.Load()); n > 0 {
		list = append(list, classify.LeftOut{Source: "DNS " + r.opts.DNS, Count: n,
			Why: "did not answer for these messages, which accuse no one; run again, or name another resolver with --dns"})
	}
	for _, d := range domains {
		if d.Broken {
			list = append(list, classify.LeftOut{Source: "SPF record of " + d.Domain,
				Why: strings.Join(d.Issues, "; ") + "; mend it: until then it counts as none"})
		}
	}
	return list
}

// OwnHost writes a host as the report names it: by name and address; a candidate as --own wants it.
func OwnHost(h trace.OwnHost) classify.OwnHost {
	name := h.Host
	if h.Rule == trace.RuleCandidate && h.IP.IsValid() {
		name = h.IP.String()
	} else if ip := h.IP.String(); h.IP.IsValid() && name != ip {
		name += " [" + ip + "]"
	}
	return classify.OwnHost{Host: name, Rule: h.Rule, Why: h.Why}
}

// domains looks up the policies of the domains that are ours, as they are now.
func (r *run) domains(ctx context.Context, interrupted bool) []classify.Domain {
	if r.checker == nil || interrupted {
		return nil
	}
	var list []classify.Domain
	for i, name := range r.own.Domains() {
		if i == maxDomains {
			break
		}
		list = append(list, r.domain(ctx, name))
	}
	return list
}

func (r *run) domain(ctx context.Context, name string) classify.Domain {
	d := classify.Domain{Domain: name, Issues: []string{}}
	texts, err := r.opts.Resolver.LookupTXT(ctx, name)
	if err != nil {
		d.Issues = append(d.Issues, "DNS did not answer: "+err.Error())
		return d
	}
	for _, text := range texts {
		if !strings.EqualFold(text, "v=spf1") && !strings.HasPrefix(strings.ToLower(text), "v=spf1 ") {
			continue
		}
		if d.Record != "" {
			d.Broken = true
			d.Issues = append(d.Issues, "more than one SPF record: a permanent error (RFC 7208 section 4.5)")
		}
		d.Record = text
		if _, err := spf.Parse(text); err != nil {
			d.Broken = true
			d.Issues = append(d.Issues, err.Error())
		}
	}
	if d.Record != "" {
		var errors []string
		d.Policy, errors = r.policy(ctx, name)
		if !d.Broken {
			d.Issues = append(d.Issues, errors...)
		}
	}
	texts, err = r.opts.Resolver.LookupTXT(ctx, "_dmarc."+name)
	for _, text := range texts {
		if err == nil && strings.HasPrefix(text, "v=DMARC1") {
			d.DMARC = text
		}
	}
	return d
}

// withoutPTR is DNS without reverse names (--no-ptr): no host has one.
type withoutPTR struct{ Resolver }

func (withoutPTR) LookupPTR(context.Context, netip.Addr) ([]string, error) { return nil, nil }

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}
