package spf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// end is the record whose last word counts for strangers, and its all; nil if it has none.
func (l *linter) end() (*Node, *Branch) {
	n := l.chain[len(l.chain)-1]
	return n, n.All()
}

func passAll(l *linter) (hits []hit) {
	for _, n := range l.chain {
		if b := n.All(); b != nil && b.Term.Qualifier == Pass {
			hits = append(hits, hit{node: n, branch: b, problem: "all lets everybody pass"})
		}
	}
	return hits
}

// passEverybody: a term that passes all addresses of a family, a record that does, or terms that do so together.
func passEverybody(l *linter) (hits []hit) {
	l.own(func(n *Node, b *Branch) {
		if b.Ignored != "" || b.Term.Qualifier != Pass {
			return
		}
		text := ""
		switch {
		case b.Term.Kind == Include && b.Node != nil && b.Node.passesAll():
			text = fmt.Sprintf("the policy of %s passes everybody", b.Target)
		case b.constant():
			text = fmt.Sprintf("%s always exists, whoever the client is", b.Target)
		case b.Term.Kind != Include && slices.ContainsFunc(b.Networks, func(p netip.Prefix) bool { return p.Bits() == 0 }):
			text = "the network is the whole address space"
		}
		if text != "" {
			hits = append(hits, hit{node: n, branch: b, problem: text})
		}
	})
	if len(hits) > 0 {
		return hits
	}
	for _, n := range l.nodes {
		if wholeSpace(n.Networks()) {
			return []hit{{node: n, problem: "the networks of its terms together are the whole address space"}}
		}
	}
	return nil
}

// wholeSpace: the networks hold every IPv4 address, by one of them or together.
func wholeSpace(networks []netip.Prefix) bool {
	v4, _ := CountAddresses(networks)
	return v4 == 1<<32 || slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Bits() == 0 })
}

// constant: exists asks for a name that is always there.
func (b *Branch) constant() bool {
	return b.Term.Kind == Exists && !b.Dynamic && !b.Void && b.Failed == "" && b.Ignored == ""
}

// passesAll: some term of the record, or of one it takes over, passes everybody.
func (n *Node) passesAll() bool {
	if n.Trouble != Sound {
		return false
	}
	if wholeSpace(n.Networks()) {
		return true
	}
	for _, b := range n.Branches {
		if b.Ignored != "" || b.Syntax != nil {
			continue
		}
		pass := b.Term.Qualifier == Pass
		switch {
		case pass && (b.Term.Kind == All || b.constant()):
			return true
		case b.Node != nil && (pass || b.Term.Kind == Redirect) && b.Node.passesAll():
			return true
		}
	}
	return false
}

func neutralEnd(l *linter) []hit {
	n, all := l.end()
	switch {
	case n.Trouble != Sound && n.Trouble != Broken:
	case all == nil && l.open(n):
		return []hit{{node: n, problem: "the record has no all and no redirect: strangers get neutral"}}
	case all != nil && all.Term.Qualifier == Neutral:
		return []hit{{node: n, branch: all, problem: "?all says nothing about strangers"}}
	}
	return nil
}

// open: nothing in the record was meant to end it, not even a broken term.
func (l *linter) open(n *Node) bool {
	for _, b := range n.Branches {
		text := strings.ToLower(b.Term.Text)
		if b.Syntax != nil && strings.Contains(text, "all") || b.Term.Kind == Redirect && b.Syntax == nil || strings.Contains(text, "redir") {
			return false
		}
		if b.Syntax == nil && l.faulty(b) && strings.HasSuffix(text, "all") {
			return false
		}
	}
	return true
}

func softEnd(l *linter) []hit {
	n, all := l.end()
	if all == nil || all.Term.Qualifier != SoftFail {
		return nil
	}
	return []hit{{node: n, branch: all, problem: "strangers get softfail"}}
}

var behindAll = finds(func(_ *linter, n *Node, b *Branch) string {
	if b.Ignored == "" || b.Term.Kind == Redirect {
		return ""
	}
	return b.Ignored
})

var redirectBesideAll = finds(func(_ *linter, n *Node, b *Branch) string {
	if b.Ignored == "" || b.Term.Kind != Redirect {
		return ""
	}
	return b.Ignored
})

var earlyModifier = finds(func(_ *linter, n *Node, b *Branch) string {
	if b.Term.Kind != Redirect && b.Term.Kind != Exp || b.Ignored != "" {
		return ""
	}
	for _, later := range n.Branches {
		if later.Syntax == nil && later.Term.Offset > b.Term.Offset && later.Term.Kind < Redirect {
			return fmt.Sprintf("mechanisms stand behind it (%s)", later.Term.Text)
		}
	}
	return ""
})

var byReverseName = finds(func(_ *linter, n *Node, b *Branch) string {
	switch target := strings.ToLower(b.Term.Domain.String()); {
	case b.Term.Kind == PTR:
		return "ptr goes by the client's reverse name"
	case b.Term.Kind != Unknown && strings.Contains(target, "%{p"):
		return "the macro p is the client's reverse name"
	}
	return ""
})

// Networks wider than these hold more than one owner's machines; around a single host (a, mx) a network as wide as that
// is too wide already.
const (
	widest4 = 16
	widest6 = 32
)

var wideNetworks = finds(func(_ *linter, n *Node, b *Branch) string {
	if b.Term.Qualifier != Pass || b.Node != nil || b.Ignored != "" {
		return ""
	}
	bits4, bits6 := b.Term.Bits4, b.Term.Bits6
	limit4, limit6 := widest4+1, widest6+1
	if b.Term.Network.IsValid() {
		bits4, bits6, limit4, limit6 = -1, -1, widest4, widest6
		if b.Term.Kind == IP4 {
			bits4 = b.Term.Network.Bits()
		} else {
			bits6 = b.Term.Network.Bits()
		}
	}
	switch {
	case bits4 > 0 && bits4 < limit4:
		return fmt.Sprintf("a /%d is %s addresses", bits4, thousands(1<<(32-bits4)))
	case bits6 > 0 && bits6 < limit6:
		return fmt.Sprintf("a /%d is wider than what a whole provider gets", bits6)
	}
	return ""
})

var hostBits = finds(func(_ *linter, n *Node, b *Branch) string {
	if p := b.Term.Network; p.IsValid() && p.Bits() > 0 && p != p.Masked() && !p.Addr().Is4In6() {
		return fmt.Sprintf("%s is not the beginning of a /%d; the network is %s", p.Addr(), p.Bits(), p.Masked())
	}
	return ""
})

// special are networks from which no mail comes over the Internet (RFC 6890 and its successors). Those for measuring
// (198.18.0.0/15, 2001:2::/48) are left out: laboratories publish them inside.
var special = []struct {
	network netip.Prefix
	name    string
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "this network"},
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)"},
	{netip.MustParsePrefix("100.64.0.0/10"), "behind a provider's NAT (RFC 6598)"},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)"},
	{netip.MustParsePrefix("192.0.0.0/24"), "for protocols (RFC 6890)"},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)"},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation (RFC 5737)"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
	{netip.MustParsePrefix("::/128"), "no address"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("100::/64"), "for discarding (RFC 6666)"},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation (RFC 3849)"},
	{netip.MustParsePrefix("3fff::/20"), "for documentation (RFC 9637)"},
	{netip.MustParsePrefix("fc00::/7"), "private (RFC 4193)"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
}

var specialAddresses = finds(func(_ *linter, n *Node, b *Branch) string {
	for _, p := range b.Networks {
		if b.Node != nil || b.Ignored != "" || p.Bits() == 0 {
			continue
		}
		for _, s := range special {
			if s.network.Bits() <= p.Bits() && s.network.Contains(p.Addr()) {
				return fmt.Sprintf("%s is %s", p, s.name)
			}
		}
	}
	return ""
})

// maxCompared bounds the pairs of networks that covered looks at.
const maxCompared = 300

// covered looks for terms of one record whose networks an earlier or wider term of it holds already.
func covered(l *linter) (hits []hit) {
	for _, n := range l.nodes {
		var terms []*Branch
		for _, b := range n.Branches {
			if len(b.Networks) > 0 && b.Node == nil && b.Ignored == "" && b.Term.Qualifier == Pass && len(terms) < maxCompared {
				terms = append(terms, b)
			}
		}
		for i, b := range terms {
			if by := coveredBy(terms, i); by != nil {
				hits = append(hits, hit{node: n, branch: b, problem: by.Term.Text + " covers all of it"})
			}
		}
	}
	return hits
}

// coveredBy finds the term that holds everything the i-th does; of two equal ones the later is the superfluous one, and
// of a and ip4 the one that asks DNS. Beside the whole address space nothing is superfluous: that has to go itself (Y02).
func coveredBy(terms []*Branch, i int) *Branch {
	b := terms[i]
	for j, other := range terms {
		if i == j || wholeSpace(other.Networks) || !coversAll(other.Networks, b.Networks) {
			continue
		}
		same := coversAll(b.Networks, other.Networks)
		if !same || b.Lookups > other.Lookups || b.Lookups == other.Lookups && j < i {
			return other
		}
	}
	return nil
}

func coversAll(networks, inner []netip.Prefix) bool {
	return !slices.ContainsFunc(inner, func(p netip.Prefix) bool { return !covers(networks, p) })
}

// twiceIncluded doesn't look below what stands there twice: all of that is there twice, too.
func twiceIncluded(l *linter) (hits []hit) {
	seen := map[string]bool{}
	var walk func(n *Node)
	walk = func(n *Node) {
		for _, b := range n.Branches {
			if b.Node == nil || b.Dynamic || b.Ignored != "" || b.Node.Trouble == Loop {
				continue
			}
			if key := strings.ToLower(b.Target); b.Term.Kind == Include {
				if seen[key] {
					hits = append(hits, hit{node: n, branch: b, problem: b.Target + " is included in the tree already"})
					continue
				}
				seen[key] = true
			}
			walk(b.Node)
		}
	}
	walk(l.tree.Root)
	return hits
}

var vainInclude = finds(func(_ *linter, n *Node, b *Branch) string {
	if b.Term.Kind != Include || b.Ignored != "" || b.Node == nil || b.Node.Trouble != Sound || b.Node.canPass() {
		return ""
	}
	return fmt.Sprintf("the record of %s passes nobody", b.Target)
})

// canPass: some client could get a pass from the record. One in trouble is left to the rules about that.
func (n *Node) canPass() bool {
	if n.Trouble != Sound {
		return true
	}
	for _, b := range n.Branches {
		switch {
		case b.Ignored != "" || b.Syntax != nil || b.Term.Kind == Exp || b.Term.Kind == Unknown:
		case b.Term.Kind != Redirect && b.Term.Qualifier != Pass:
		case b.Void || b.NullMX:
		case b.Node == nil || b.Node.canPass():
			return true
		}
	}
	return false
}

var signedInclude = finds(func(_ *linter, n *Node, b *Branch) string {
	if b.Term.Kind != Include || b.Term.Qualifier == Pass {
		return ""
	}
	return fmt.Sprintf("clients that pass over there get %s", b.Term.Qualifier)
})

// onlyIPv4: hosts of the domain have IPv6 addresses, and the record has none at all.
func onlyIPv4(l *linter) []hit {
	open, v6, v4 := false, false, false
	l.all(func(_ *Node, b *Branch) {
		open = open || b.Dynamic || b.Term.Kind == PTR || b.Term.Kind == Exists || b.Failed != "" || b.Node != nil && b.Node.Trouble != Sound
		for _, p := range b.Networks {
			v6 = v6 || p.Addr().Is6()
			v4 = v4 || p.Addr().Is4()
		}
	})
	if open || v6 || !v4 {
		return nil
	}
	for _, h := range append(l.mxHosts[:len(l.mxHosts):len(l.mxHosts)], l.apex) {
		if len(h.V6) > 0 && !foreign(l.domain, h.Name) {
			return []hit{{problem: fmt.Sprintf("%s has the IPv6 address %s, and the record knows IPv4 only", h.Name, h.V6[0])}}
		}
	}
	return nil
}

// redirectFits: the last word before all is the inclusion of another record of the same organisation, the only one.
func redirectFits(l *linter) (hits []hit) {
	for _, n := range l.chain {
		if !slices.Contains(l.nodes, n) {
			continue
		}
		var last *Branch
		includes := 0
		for _, b := range n.Branches {
			if b.Syntax == nil && b.Ignored == "" && b.Term.Kind < Redirect && b.Term.Kind != All {
				last = b
				if b.Term.Kind == Include && !b.Foreign {
					includes++
				}
			}
		}
		if includes == 1 && last.Term.Kind == Include && last.Term.Qualifier == Pass && !last.Dynamic && !last.Foreign && n.All() != nil &&
			last.Node != nil && last.Node.All() != nil && last.Node.Trouble == Sound {
			hits = append(hits, hit{node: n, branch: last, problem: fmt.Sprintf("%s is of the same organisation, and only all comes after it", last.Target)})
		}
	}
	return hits
}
