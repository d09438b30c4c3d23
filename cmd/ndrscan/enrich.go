package main

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan/classify"
	"ndrscan/internal/netinfo"
	"ndrscan/trace"
)

// enriching is what third parties are asked about addresses, by DNS; nothing unless it is named.
type enriching struct {
	enrich []string
}

// enrichments are the values of --enrich.
var enrichments = []string{"asn", "dnsbl", "contacts"}

func (e *enriching) addFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&e.enrich, "enrich", nil,
		"ask third parties about origins and your own addresses, by DNS: `asn,dnsbl,contacts`, any of them (they learn which addresses you look at)")
	completions(cmd, "enrich", enrichments)
}

func (e *enriching) check() error {
	for _, name := range e.enrich {
		if !slices.Contains(enrichments, name) {
			return misused("--enrich %s: there are %s", name, strings.Join(enrichments, ", "))
		}
	}
	return nil
}

func (e *enriching) questions() netinfo.Questions {
	wants := func(name string) bool { return slices.Contains(e.enrich, name) }
	return netinfo.Questions{AS: wants("asn"), Lists: wants("dnsbl"), Contacts: wants("contacts")}
}

// How many addresses are asked about: the origins with most messages, and hosts of ours.
const (
	maxEnriched    = 50
	maxOwnEnriched = 20
)

// enrichReport adds to a report what third parties say of its largest origins and of our own addresses.
func (j *job) enrichReport(ctx context.Context, r *classify.Report) {
	if len(j.enrich) == 0 || ctx.Err() != nil {
		return
	}
	origins := r.Origins
	if len(origins) > maxEnriched {
		r.Run.Limits = append(r.Run.Limits, fmt.Sprintf("--enrich looked at the %d origins with most messages of %d", maxEnriched, len(origins)))
		origins = origins[:maxEnriched]
	}
	var ips []netip.Addr
	for _, o := range origins {
		ips = append(ips, address(o.IP))
	}
	facts, problems := j.ask(ctx, j.dns, ips)
	for i := range origins {
		origins[i].Enriched = facts[address(origins[i].IP)]
	}
	if slices.Contains(j.enrich, "dnsbl") {
		problems = append(problems, j.listOwn(ctx, r)...)
	}
	slices.Sort(problems)
	r.Run.Limits = append(r.Run.Limits, slices.Compact(problems)...)
}

// listOwn looks our own hosts up in block lists, for a flood of forgeries can get us listed though we sent none of it. A
// server that was named and stands in no message of the flood is shown only if a list has it.
func (j *job) listOwn(ctx context.Context, r *classify.Report) (problems []string) {
	shown := len(r.OwnSeen)
	hosts := slices.Concat(r.OwnSeen, j.namedHosts(ctx))
	var ips []netip.Addr
	for _, h := range hosts {
		if ip, _ := ownAddress(h.Host); ip.IsValid() && !slices.Contains(ips, ip) && len(ips) < maxOwnEnriched {
			ips = append(ips, ip)
		}
	}
	lists := enriching{enrich: []string{"dnsbl"}}
	facts, problems := lists.ask(ctx, j.dns, ips)
	seen := map[netip.Addr]bool{}
	for i, h := range hosts {
		ip, _ := ownAddress(h.Host)
		if fact := facts[ip]; fact != nil {
			h.Listed = fact.Listed
		}
		if i < shown {
			r.OwnSeen[i] = h
		} else if len(h.Listed) > 0 && !seen[ip] {
			r.OwnSeen = append(r.OwnSeen, h)
		}
		seen[ip] = true
	}
	return problems
}

// namedHosts are the servers that --own names, with their addresses.
func (j *job) namedHosts(ctx context.Context) (hosts []classify.OwnHost) {
	for _, name := range j.own {
		if ip := address(name); ip.IsValid() {
			hosts = append(hosts, classify.OwnHost{Host: ip.String(), Rule: trace.RuleFlag})
			continue
		}
		if _, err := domainName(name); err != nil {
			continue // a network, a tenant
		}
		v4, _ := j.dns.LookupA(ctx, name)
		v6, _ := j.dns.LookupAAAA(ctx, name)
		for _, ip := range append(v4, v6...) {
			hosts = append(hosts, classify.OwnHost{Host: name + " [" + ip.String() + "]", Rule: trace.RuleFlag})
		}
	}
	return hosts
}

// ask gives what is known of each address; none where nothing is.
func (e *enriching) ask(ctx context.Context, dns netinfo.Resolver, ips []netip.Addr) (map[netip.Addr]*classify.Enrichment, []string) {
	all := e.questions().All(ctx, dns, ips)
	facts := make(map[netip.Addr]*classify.Enrichment, len(all))
	var problems []string
	for ip, info := range all {
		facts[ip] = enrichment(info)
		for _, p := range info.Problems {
			if problem := "--enrich: " + p; !slices.Contains(problems, problem) && len(problems) < maxProblems {
				problems = append(problems, problem)
			}
		}
	}
	if n := len(ips) - len(all); n > 0 && ctx.Err() == nil {
		problems = append(problems, fmt.Sprintf("--enrich ran out of time: %d addresses were not asked about", n))
	}
	slices.Sort(problems)
	return facts, problems
}

// maxProblems bounds how many failed look-ups are named: a silent resolver fails them all.
const maxProblems = 5

func enrichment(info netinfo.Info) *classify.Enrichment {
	e := &classify.Enrichment{ASN: info.AS.Number, ASName: info.AS.Name, Country: info.AS.Country, Listed: info.Listed, Abuse: info.Contacts}
	if info.AS.Prefix.IsValid() {
		e.Prefix = info.AS.Prefix.String()
	}
	if e.ASN == 0 && len(e.Listed) == 0 && len(e.Abuse) == 0 {
		return nil
	}
	return e
}

func address(text string) netip.Addr {
	ip, _ := netip.ParseAddr(text)
	return ip
}
