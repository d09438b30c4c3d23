package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// Bounds of a survey. A tree that is over the RFC's ten look-ups is still worth showing, one that is over maxSurveyed is
// hostile or beyond repair; the same for what one record or one mx term may hold.
const (
	maxSurveyed       = 100 // terms that ask DNS, in the whole tree
	maxSurveyedTerms  = 1000
	maxSurveyedHosts  = 2 * maxMXHosts
	maxSurveyedDomain = 20 // records on one path
	surveyTimeout     = 60 * time.Second
)

// Survey is a domain's policy with all that hangs on it: the tree of records, and for each term what DNS has for it. It
// asks about no client, so it shows what every client could meet; a term whose name is made of the mail stays open.
type Survey struct {
	Domain  string
	Root    *Node
	Lookups int    // terms of the tree that ask DNS, of which RFC 7208 section 4.6.4 allows ten
	Voids   int    // those of them for which there is nothing, of which it allows two
	Cut     string // why the tree isn't complete; "": it is
}

// Trouble is why a domain has no policy that could be followed.
type Trouble string

// The troubles of a node.
const (
	Sound       Trouble = ""
	Missing     Trouble = "missing"     // no record
	Several     Trouble = "several"     // more than one
	Broken      Trouble = "broken"      // a syntax error
	Unreachable Trouble = "unreachable" // DNS could not answer
	Loop        Trouble = "loop"        // it stands on its own path
	Unvisited   Trouble = "unvisited"   // the survey was cut
)

// Node is one record in the tree.
type Node struct {
	Domain   string
	Record   string   // "" where there isn't exactly one
	Records  []string // all that begin with v=spf1
	Trouble  Trouble
	Problem  string // of Trouble, in plain words
	Branches []*Branch
	Lookups  int // of this record and all below it
}

// Branch is one term in its place.
type Branch struct {
	Term     Term
	Syntax   *SyntaxError // the term can't be read: then only Text and Offset of Term are set
	Ignored  string       // why it is never reached; "": it may be
	Target   string       // the domain it speaks of, "" where it depends on the mail or speaks of none
	Dynamic  bool         // Target is made of macros
	Hosts    []Host       // of a (one) and mx
	NullMX   bool         // mx: the target says that it takes no mail (RFC 7505)
	Networks []netip.Prefix
	Void     bool   // there is nothing in DNS for it
	Failed   string // DNS could not answer
	Foreign  bool   // Target belongs to another organisation
	Node     *Node  // of include and redirect
	Before   int    // look-ups made when a client that nothing matches gets here
	Lookups  int    // of this term and all below it
}

// Host is a name with its addresses.
type Host struct {
	Name   string
	V4, V6 []netip.Addr
}

// surveyor is a survey under way.
type surveyor struct {
	ctx  context.Context
	dns  Resolver
	tree *Survey
}

// NewSurvey walks the tree of a domain's policy. Trouble is part of it, never an error; the tree and its cost are bounded.
func NewSurvey(ctx context.Context, dns Resolver, domain string) *Survey {
	ctx, cancel := context.WithTimeout(ctx, surveyTimeout)
	defer cancel()
	s := &surveyor{ctx: ctx, dns: dns, tree: &Survey{Domain: domain}}
	s.tree.Root = s.node(domain, nil)
	return s.tree
}

// node reads the record of one domain; path are the domains above it.
func (s *surveyor) node(domain string, path []string) *Node {
	n := &Node{Domain: domain}
	name := strings.ToLower(strings.TrimSuffix(domain, "."))
	switch {
	case slices.Contains(path, name):
		n.Trouble, n.Problem = Loop, domain+" is already on the way here: it comes back to itself"
		return n
	case len(path) >= maxSurveyedDomain:
		return s.unvisited(n, fmt.Sprintf("the tree is deeper than %d records", maxSurveyedDomain))
	}
	txts, err := s.dns.LookupTXT(s.ctx, domain)
	if err != nil {
		n.Trouble, n.Problem = Unreachable, err.Error()
		return n
	}
	for _, txt := range txts {
		if isRecord(txt) {
			n.Records = append(n.Records, txt)
		}
	}
	switch len(n.Records) {
	case 0:
		n.Trouble, n.Problem = Missing, domain+" has no SPF record"
		return n
	case 1:
		n.Record = n.Records[0]
	default:
		n.Trouble, n.Problem = Several, fmt.Sprintf("%s has %d SPF records; there may be only one", domain, len(n.Records))
		return n
	}
	if _, err := Parse(n.Record); err != nil {
		n.Trouble, n.Problem = Broken, err.Error()
	}
	before := s.tree.Lookups
	s.branches(n, append(path[:len(path):len(path)], name))
	n.Lookups = s.tree.Lookups - before
	return n
}

func (s *surveyor) unvisited(n *Node, why string) *Node {
	n.Trouble, n.Problem = Unvisited, why
	if s.tree.Cut == "" {
		s.tree.Cut = why
	}
	return n
}

// branches visits the terms in the order of an evaluation: the mechanisms, then redirect.
func (s *surveyor) branches(n *Node, path []string) {
	all := ""
	var redirects []*Branch
	for _, tok := range tokens(n.Record) {
		if len(n.Branches) >= maxSurveyedTerms {
			s.unvisited(&Node{}, fmt.Sprintf("the record of %s has more than %d terms", n.Domain, maxSurveyedTerms))
			break
		}
		b := readBranch(tok)
		n.Branches = append(n.Branches, b)
		switch {
		case b.Syntax != nil || b.Term.Kind == Exp || b.Term.Kind == Unknown:
		case b.Term.Kind == Redirect:
			redirects = append(redirects, b)
		case all != "":
			b.Ignored = "it stands behind " + all + ", which matches everybody"
		case b.Term.Kind == All:
			all = b.Term.Text
			b.Before = s.tree.Lookups
		default:
			s.visit(b, n.Domain, path)
		}
	}
	for _, b := range redirects {
		if all != "" {
			b.Ignored = "the record has " + all + ", so nothing is left to redirect"
			continue
		}
		s.visit(b, n.Domain, path)
	}
}

// token is a term as it stands in a record.
type token struct {
	text   string
	offset int
}

// tokens splits what follows the version at its spaces.
func tokens(record string) (list []token) {
	for offset := len(version); offset < len(record); {
		if record[offset] == ' ' {
			offset++
			continue
		}
		text, _, _ := strings.Cut(record[offset:], " ")
		list = append(list, token{text, offset})
		offset += len(text)
	}
	return list
}

// readBranch parses one term by itself, so that one that is broken doesn't hide the others.
func readBranch(tok token) *Branch {
	b := &Branch{Term: Term{Text: tok.text, Offset: tok.offset}}
	p, err := Parse(version + " " + tok.text)
	var syntax *SyntaxError
	if errors.As(err, &syntax) {
		syntax.Offset = tok.offset
		b.Syntax = syntax
		return b
	}
	b.Term = p.Terms[0]
	b.Term.Offset = tok.offset
	return b
}

// visit asks DNS what a term stands for.
func (s *surveyor) visit(b *Branch, domain string, path []string) {
	b.Before = s.tree.Lookups
	defer func() { b.Lookups = s.tree.Lookups - b.Before }()
	switch b.Term.Kind {
	case IP4, IP6:
		b.Networks = []netip.Prefix{b.Term.Network.Masked()}
		return
	}
	s.tree.Lookups++
	b.Target, b.Dynamic = s.target(b.Term, domain)
	b.Foreign = !b.Dynamic && foreign(domain, b.Target)
	switch {
	case s.tree.Lookups > maxSurveyed:
		s.unvisited(&Node{}, fmt.Sprintf("the tree has more than %d terms that ask DNS", maxSurveyed))
		b.Failed = "not looked up: the tree is too large"
	case s.ctx.Err() != nil:
		s.unvisited(&Node{}, fmt.Sprintf("DNS took longer than %s", surveyTimeout))
		b.Failed = "not looked up: there was no time left"
	case b.Dynamic || b.Term.Kind == PTR:
	case b.Term.Kind == Include || b.Term.Kind == Redirect:
		b.Node = s.node(b.Target, path)
		b.Networks = b.Node.Networks()
	default:
		s.lookUp(b)
	}
}

// target fills in the macros that don't depend on the mail: the domain, and the sender's, which is the one asked about.
func (s *surveyor) target(t Term, domain string) (name string, dynamic bool) {
	if len(t.Domain) == 0 {
		return domain, false
	}
	name = strings.NewReplacer("%{d}", domain, "%{D}", domain, "%{o}", s.tree.Domain, "%{O}", s.tree.Domain).Replace(t.Domain.String())
	if strings.Contains(name, "%") {
		return "", true
	}
	return strings.TrimSuffix(name, "."), false
}

func (s *surveyor) lookUp(b *Branch) {
	switch b.Term.Kind {
	case A:
		h, err := s.host(b.Target)
		b.Hosts = []Host{h}
		b.settle(len(h.V4)+len(h.V6), err)
	case MX:
		s.mailHosts(b)
	case Exists:
		addrs, err := s.dns.LookupA(s.ctx, b.Target)
		b.settle(len(addrs), err)
	}
	if b.Void {
		s.tree.Voids++
	}
	for _, h := range b.Hosts {
		b.Networks = append(b.Networks, widened(h.V4, b.Term.Bits4)...)
		b.Networks = append(b.Networks, widened(h.V6, b.Term.Bits6)...)
	}
}

func (b *Branch) settle(found int, err error) {
	if err != nil {
		b.Failed = err.Error()
		return
	}
	b.Void = found == 0
}

func (s *surveyor) mailHosts(b *Branch) {
	names, err := s.dns.LookupMX(s.ctx, b.Target)
	b.settle(len(names), err)
	for i, name := range names {
		switch {
		case name == "":
			b.NullMX = true
		case i < maxSurveyedHosts:
			h, err := s.host(name)
			if err != nil && b.Failed == "" {
				b.Failed = err.Error()
			}
			b.Hosts = append(b.Hosts, h)
		default:
			b.Hosts = append(b.Hosts, Host{Name: name})
		}
	}
}

func (s *surveyor) host(name string) (h Host, err error) { return lookupHost(s.ctx, s.dns, name) }

// lookupHost asks for both families; what one of them gave stands even where the other failed.
func lookupHost(ctx context.Context, dns Resolver, name string) (Host, error) {
	h := Host{Name: name}
	var err4, err6 error
	h.V4, err4 = dns.LookupA(ctx, name)
	h.V6, err6 = dns.LookupAAAA(ctx, name)
	if err4 != nil {
		return h, err4
	}
	return h, err6
}

func widened(addrs []netip.Addr, bits int) (list []netip.Prefix) {
	for _, a := range addrs {
		n := bits
		if n < 0 {
			n = a.BitLen()
		}
		list = append(list, netip.PrefixFrom(a, n).Masked())
	}
	return list
}

// Networks are the addresses that pass by this record and those below it, as far as DNS shows them. A term that fails
// before them is not taken off: it is rare, and the number is an estimate of size.
func (n *Node) Networks() (list []netip.Prefix) {
	for _, b := range n.Branches {
		if b.Ignored == "" && (b.Term.Qualifier == Pass || b.Term.Kind == Redirect) {
			list = append(list, b.Networks...)
		}
	}
	return list
}

// All is the term that ends the record, or nil.
func (n *Node) All() *Branch {
	for _, b := range n.Branches {
		if b.Syntax == nil && b.Term.Kind == All {
			return b
		}
	}
	return nil
}

// redirect is the term that takes over where nothing matched, or nil.
func (n *Node) redirect() *Branch {
	for _, b := range n.Branches {
		if b.Syntax == nil && b.Term.Kind == Redirect && b.Ignored == "" {
			return b
		}
	}
	return nil
}

// visits calls f for every node below n and n itself, with the branch that led there (nil for n).
func (n *Node) visits(f func(n *Node, by *Branch)) { n.visit(nil, f) }

func (n *Node) visit(by *Branch, f func(*Node, *Branch)) {
	f(n, by)
	for _, b := range n.Branches {
		if b.Node != nil {
			b.Node.visit(b, f)
		}
	}
}

// CountAddresses gives the number of IPv4 addresses in a set of networks, each counted once, and the number of IPv6
// networks in it, those inside another left out.
func CountAddresses(list []netip.Prefix) (v4 uint64, v6 int) {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b netip.Prefix) int {
		if c := a.Masked().Addr().Compare(b.Masked().Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var last netip.Prefix
	for _, p := range list {
		if last.IsValid() && last.Bits() <= p.Bits() && last.Contains(p.Addr()) {
			continue
		}
		last = p.Masked()
		if p.Addr().Is4() {
			v4 += 1 << (32 - p.Bits())
		} else {
			v6++
		}
	}
	return v4, v6
}
