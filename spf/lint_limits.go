package spf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const (
	nearLimit     = 8  // look-ups from which on there is hardly any room left
	manyAddresses = 10 // of one MX host
	manyOneFamily = maxVoidLookups + 1
)

func tooManyLookups(l *linter) []hit {
	if l.tree.Lookups <= maxLookups {
		return nil
	}
	return []hit{{problem: fmt.Sprintf("%d terms ask DNS, in this record and those it leads to; %d are allowed: %s",
		l.tree.Lookups, maxLookups, l.costs())}}
}

// costs lists the domain's own terms with what they cost, the dearest first.
func (l *linter) costs() string {
	var dear []*Branch
	for _, b := range l.tree.Root.Branches {
		if b.Lookups > 0 {
			dear = append(dear, b)
		}
	}
	slices.SortStableFunc(dear, func(a, b *Branch) int { return b.Lookups - a.Lookups })
	var texts []string
	for _, b := range dear[:min(len(dear), maxListed)] {
		texts = append(texts, fmt.Sprintf("%s costs %d", b.Term.Text, b.Lookups))
	}
	return strings.Join(texts, ", ")
}

func nearlyTooMany(l *linter) []hit {
	if l.tree.Lookups < nearLimit || l.tree.Lookups > maxLookups {
		return nil
	}
	return []hit{{problem: fmt.Sprintf("%d of %d allowed look-ups are used: %s", l.tree.Lookups, maxLookups, l.costs())}}
}

// hiddenByMatch: over the limit, but some clients pass before it is reached.
func hiddenByMatch(l *linter) (hits []hit) {
	if l.tree.Lookups <= maxLookups {
		return nil
	}
	l.all(func(n *Node, b *Branch) {
		spent := b.Before + b.Lookups
		if hits == nil && b.Node == nil && b.Term.Qualifier == Pass && len(b.Networks) > 0 && spent <= maxLookups {
			hits = []hit{{node: n, branch: b, problem: fmt.Sprintf("clients that match here pass after %s; those that match nothing need %d and fail",
				plural(uint64(spent), "look-up", "look-ups"), l.tree.Lookups)}}
		}
	})
	return hits
}

func voids(l *linter) []hit {
	var terms []string
	l.all(func(_ *Node, b *Branch) {
		if b.Void && !l.faulty(b) {
			terms = append(terms, b.Term.Text)
		}
	})
	if len(terms) == 0 {
		return nil
	}
	h := hit{problem: fmt.Sprintf("%d of %d allowed look-ups find nothing: %s", l.tree.Voids, maxVoidLookups, list(terms))}
	if l.tree.Voids > maxVoidLookups {
		h.severity = SeverityError
	}
	return []hit{h}
}

func tooManyHosts(l *linter) (hits []hit) {
	l.all(func(n *Node, b *Branch) {
		if b.Term.Kind != MX {
			return
		}
		if len(b.Hosts) > maxMXHosts {
			hits = append(hits, hit{node: n, branch: b, problem: fmt.Sprintf("%s has %d MX hosts; %d are allowed", b.Target, len(b.Hosts), maxMXHosts)})
		}
		for _, h := range b.Hosts {
			if len(h.V4) > manyAddresses || len(h.V6) > manyAddresses {
				hits = append(hits, hit{node: n, branch: b, severity: SeverityWarning,
					problem: fmt.Sprintf("the MX host %s has %d addresses; RFC 7208 allows %d", h.Name, max(len(h.V4), len(h.V6)), manyAddresses),
					effect:  "A verifier may answer permerror; those measured don't."})
			}
		}
	})
	return hits
}

// lacksFamily counts hosts that a client of one family asks about in vain.
func lacksFamily(l *linter) []hit {
	var no4, no6 []string
	l.all(func(_ *Node, b *Branch) {
		for _, h := range b.Hosts {
			switch {
			case len(h.V4)+len(h.V6) == 0 || b.Failed != "":
			case len(h.V4) == 0:
				no4 = append(no4, h.Name)
			case len(h.V6) == 0:
				no6 = append(no6, h.Name)
			}
		}
	})
	var hits []hit
	for _, f := range []struct {
		names  []string
		family string
	}{{no6, "IPv6"}, {no4, "IPv4"}} {
		if len(f.names)+l.tree.Voids >= manyOneFamily && len(f.names) > 0 && l.tree.Voids <= maxVoidLookups {
			hits = append(hits, hit{problem: fmt.Sprintf("for a client with %s, %s of mx and a terms have no address: %s",
				f.family, plural(uint64(len(f.names)), "host", "hosts"), list(f.names))})
		}
	}
	return hits
}

// leadsTo makes hits of the terms of one kind whose target has one of the troubles.
func leadsTo(kind Kind, troubles ...Trouble) func(*linter) []hit {
	return func(l *linter) (hits []hit) {
		l.all(func(n *Node, b *Branch) {
			if b.Term.Kind == kind && b.Node != nil && slices.Contains(troubles, b.Node.Trouble) && !l.faulty(b) {
				hits = append(hits, hit{node: n, branch: b, problem: b.Node.Problem})
			}
		})
		return hits
	}
}

// faulty: the term itself is wrong, so it is no wonder that it leads nowhere.
func (l *linter) faulty(b *Branch) bool {
	return slices.Contains(l.glued, b) || slices.ContainsFunc(l.faults, func(f fault) bool { return f.branch == b })
}

func brokenIncludes(l *linter) []hit { return leadsTo(Include, Missing, Several, Broken)(l) }

// brokenRedirect leaves a syntax error of the owner's own record to the syntax rules.
func brokenRedirect(l *linter) (hits []hit) {
	hits = leadsTo(Redirect, Missing, Several)(l)
	for _, h := range leadsTo(Redirect, Broken)(l) {
		if !slices.Contains(l.nodes, h.branch.Node) {
			hits = append(hits, h)
		}
	}
	return hits
}

func loops(l *linter) []hit { return append(leadsTo(Include, Loop)(l), leadsTo(Redirect, Loop)(l)...) }

func nothingThere(l *linter) (hits []hit) {
	l.all(func(n *Node, b *Branch) {
		switch {
		case l.faulty(b):
		case b.Term.Kind == A && b.Void:
			hits = append(hits, hit{node: n, branch: b, problem: b.Target + " has no address"})
		case b.Term.Kind == MX && b.Void:
			hits = append(hits, hit{node: n, branch: b, problem: b.Target + " has no MX record"})
		}
	})
	return hits
}

func mxOfNullMX(l *linter) (hits []hit) {
	l.all(func(n *Node, b *Branch) {
		if b.NullMX {
			hits = append(hits, hit{node: n, branch: b, problem: b.Target + " has a null MX (0 .)"})
		}
	})
	return hits
}

// badExp looks at the explanation of the record that decides (section 6.2); a macro in its name leaves it open.
func badExp(l *linter) (hits []hit) {
	for _, n := range l.nodes {
		for _, b := range n.Branches {
			if b.Syntax != nil || b.Term.Kind != Exp || !slices.Contains(l.chain, n) {
				continue
			}
			name := b.Term.Domain.String()
			if name = strings.ReplaceAll(name, "%{d}", n.Domain); strings.Contains(name, "%") {
				continue
			}
			if text := l.expProblem(name); text != "" {
				hits = append(hits, hit{node: n, branch: b, problem: text})
			}
		}
	}
	return hits
}

func (l *linter) expProblem(name string) string {
	txts, err := l.dns.LookupTXT(l.ctx, name)
	switch {
	case err != nil:
		return err.Error()
	case len(txts) == 0:
		return name + " has no TXT record"
	case len(txts) > 1:
		return fmt.Sprintf("%s has %d TXT records, which of them is meant?", name, len(txts))
	case !isASCII(txts[0]):
		return "the text at " + name + " isn't plain ASCII"
	}
	if _, err := parseMacro(txts[0], anyLetter); err != nil {
		return fmt.Sprintf("the text at %s has a broken macro", name)
	}
	return ""
}

// covers tells whether one of the networks holds all of p.
func covers(networks []netip.Prefix, p netip.Prefix) bool {
	return slices.ContainsFunc(networks, func(n netip.Prefix) bool { return n.Bits() <= p.Bits() && n.Contains(p.Addr()) })
}
