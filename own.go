package ndrscan

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"ndrscan/spf"
	"ndrscan/trace"
)

// Bounds of what is asked about one domain of ours.
const (
	maxSurveyHosts = 20 // MX hosts, and terms of its record that name hosts
	maxSurveyDepth = 3  // records of ours that include each other
)

// SurveyOwn looks up what DNS names as servers of our domains, and notes it in own: a host whose forward-confirmed name is
// ours counts as ours; the other MX and SPF addresses are candidates; those of a service that many share are told apart by
// what it is. What can't be looked up is left out: a survey only adds to what is shown.
func SurveyOwn(ctx context.Context, own *trace.Own, dns Resolver, domains []string) {
	s := survey{ctx: ctx, own: own, dns: dns}
	for _, domain := range domains[:min(len(domains), maxDomains)] {
		s.exchangers(domain)
		s.record(domain, domain, 0)
	}
}

type survey struct {
	ctx context.Context
	own *trace.Own
	dns Resolver
}

// exchangers notes the MX hosts of a domain.
func (s *survey) exchangers(domain string) {
	hosts, err := s.dns.LookupMX(s.ctx, domain)
	if err != nil {
		return
	}
	for _, host := range hosts[:min(len(hosts), maxSurveyHosts)] {
		s.host(host, "MX of "+domain)
	}
}

// host notes the addresses of a host that DNS names for us.
func (s *survey) host(name, why string) {
	if provider, shared := trace.SharedProvider(name); shared {
		s.own.Note(trace.OwnHost{Host: name, Rule: trace.RuleShared, Why: fmt.Sprintf("%s; all customers of %s use it", why, provider)})
		return
	}
	v4, _ := s.dns.LookupA(s.ctx, name)
	v6, _ := s.dns.LookupAAAA(s.ctx, name)
	addrs := slices.Concat(v4, v6)
	for _, ip := range addrs[:min(len(addrs), maxSurveyHosts)] {
		s.address(name, ip.Unmap(), why)
	}
}

func (s *survey) address(name string, ip netip.Addr, why string) {
	if _, ours, _ := s.own.Server(s.ctx, s.dns, ip); !ours && !s.own.Client(ip) {
		s.own.Note(trace.OwnHost{Host: name, IP: ip, Rule: trace.RuleCandidate, Why: why})
	}
}

// record notes what the SPF record of a domain permits.
func (s *survey) record(domain, holder string, depth int) {
	policy := s.policy(holder)
	if policy == nil || depth == maxSurveyDepth {
		return
	}
	why := "SPF of " + domain
	for _, term := range policy.Terms[:min(len(policy.Terms), maxSurveyHosts)] {
		if term.Qualifier != spf.Pass && term.Kind != spf.Redirect {
			continue
		}
		target := term.Domain.String()
		if target == "" {
			target = holder
		}
		switch term.Kind {
		case spf.IP4, spf.IP6:
			s.network(term.Network.Masked(), why)
		case spf.A:
			s.host(target, why)
		case spf.MX:
			if target != domain {
				s.exchangers(target)
			}
		case spf.Include, spf.Redirect:
			s.include(domain, target, why, depth)
		}
	}
}

func (s *survey) include(domain, target, why string, depth int) {
	provider, shared := trace.SharedProvider(target)
	switch {
	case shared:
		s.own.Note(trace.OwnHost{Host: target, Rule: trace.RuleShared, Why: fmt.Sprintf("%s includes it; all customers of %s send from there", why, provider)})
	case s.own.Domain(target):
		s.record(domain, target, depth+1)
	default:
		s.own.Note(trace.OwnHost{Host: target, Rule: trace.RuleShared, Why: why + " includes it: another owner's record, whoever may send from there"})
	}
}

// network notes a network of the record, unless it holds servers that are known as ours already.
func (s *survey) network(p netip.Prefix, why string) {
	if p.IsSingleIP() {
		s.address(p.Addr().String(), p.Addr(), why)
		return
	}
	known := slices.ContainsFunc(s.own.Seen(), func(h trace.OwnHost) bool { return h.Ours() && h.IP.IsValid() && p.Contains(h.IP) })
	if !known && !s.own.Names(p) {
		s.own.Note(trace.OwnHost{Host: p.String(), Rule: trace.RuleCandidate, Why: why})
	}
}

func (s *survey) policy(domain string) *spf.Policy {
	texts, err := s.dns.LookupTXT(s.ctx, domain)
	if err != nil {
		return nil
	}
	for _, text := range texts {
		if policy, err := spf.Parse(text); err == nil {
			return policy
		}
	}
	return nil
}
