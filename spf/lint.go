package spf

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// Severity ranks what lint finds.
type Severity string

// The severities.
const (
	SeverityError   Severity = "error"   // mail is judged wrongly, or not at all
	SeverityWarning Severity = "warning" // it works, but not everywhere, not for long or not as meant
	SeverityInfo    Severity = "info"    // worth knowing
)

// Issue is one thing that lint found: what, where, why it hurts and how to mend it.
type Issue struct {
	ID       string   `json:"id"`
	Severity Severity `json:"severity"`
	Domain   string   `json:"domain"` // whose record it stands in
	Term     string   `json:"term"`   // as written; "": the record as a whole
	Offset   int      `json:"offset"` // of Term in that domain's record, in octets
	Problem  string   `json:"problem"`
	Effect   string   `json:"effect"`
	Fix      string   `json:"fix"`

	Record string `json:"-"` // of Domain, for the caret
}

// Report is what lint says about a domain.
type Report struct {
	Domain    string   `json:"domain"`
	Record    string   `json:"record"`
	Lookups   int      `json:"lookups"` // a client that nothing matches costs so many, of ten
	Issues    []Issue  `json:"issues"`  // errors first
	Unchecked []string `json:"unchecked,omitempty"`
}

// Worst says whether there is an issue of that severity or a higher one.
func (r *Report) Worst(least Severity) bool {
	return slices.ContainsFunc(r.Issues, func(i Issue) bool { return rank(i.Severity) <= rank(least) })
}

// IDs lists the rules that have found something, each once.
func (r *Report) IDs() (ids []string) {
	for _, i := range r.Issues {
		if !slices.Contains(ids, i.ID) {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

var severities = []Severity{SeverityError, SeverityWarning, SeverityInfo}

func rank(s Severity) int { return slices.Index(severities, s) }

// Inspector is the DNS that some rules need beyond Resolver; lint uses it where the resolver has it.
type Inspector interface {
	LookupStrings(ctx context.Context, name string) ([][]string, error) // TXT records with their strings apart
	LookupType99(ctx context.Context, name string) ([]string, error)    // records of the type SPF
	LookupCNAME(ctx context.Context, name string) ([]string, error)
}

var errNoInspector = errors.New("this resolver has answers only")

// Authority is what one of a domain's name servers says, asked directly.
type Authority struct {
	Server string
	Texts  []string // the TXT records of the domain
	Err    error
}

// LintOptions tune Lint; the zero value works.
type LintOptions struct {
	// Authorities asks each name server of a domain for its TXT records; nil: P16 isn't checked.
	Authorities func(ctx context.Context, domain string) []Authority
}

// lintTimeout bounds what slow servers can cost: the survey, and what is asked around it.
const lintTimeout = surveyTimeout + 30*time.Second

// ErrNoDomain says that there is nothing at a name that mail could be about.
var ErrNoDomain = errors.New("DNS has nothing at that name: no TXT, no MX, no address")

// Lint puts a domain's policy to every rule of the table. The error is ErrNoDomain or that of a name which can't be one.
func Lint(ctx context.Context, dns Resolver, domain string, opts LintOptions) (*Report, error) {
	domain = strings.ToLower(strings.TrimSuffix(domain, "."))
	if !checkable(domain) {
		return nil, fmt.Errorf("%q is no domain name", domain)
	}
	ctx, cancel := context.WithTimeout(ctx, lintTimeout)
	defer cancel()
	l := newLinter(ctx, dns, domain, opts)
	slices.Sort(l.unchecked)
	report := &Report{Domain: domain, Record: l.tree.Root.Record, Lookups: l.tree.Lookups, Issues: []Issue{}, Unchecked: l.unchecked}
	for i := range rules {
		report.Issues = append(report.Issues, rules[i].apply(l)...)
	}
	if len(report.Issues) > 0 && l.nowhere() && !slices.Contains(report.IDs(), "P10") {
		return nil, fmt.Errorf("%s: %w", domain, ErrNoDomain)
	}
	slices.SortStableFunc(report.Issues, func(a, b Issue) int { return rank(a.Severity) - rank(b.Severity) })
	return report, nil
}

// rule is one row of the table: what it is about, what it does to mail and how it is mended. find says where it holds.
type rule struct {
	id       string
	severity Severity
	effect   string
	fix      string
	source   string // of RFC 7208 where it says nothing else
	find     func(l *linter) []hit
}

// hit is one place where a rule holds. What it leaves empty comes from the rule.
type hit struct {
	node     *Node // whose record; nil: the domain's own
	branch   *Branch
	term     string // where there is no branch
	offset   int
	problem  string
	severity Severity
	effect   string
	fix      string
}

// maxHits bounds how often one rule is shown.
const maxHits = 20

func (r *rule) apply(l *linter) (issues []Issue) {
	hits := r.find(l)
	for i, h := range hits {
		if i == maxHits {
			issues[i-1].Problem += fmt.Sprintf(" (and %d more of this kind)", len(hits)-maxHits)
			break
		}
		issues = append(issues, r.issue(l, h))
	}
	return issues
}

func (r *rule) issue(l *linter, h hit) Issue {
	if h.node == nil {
		h.node = l.tree.Root
	}
	if h.branch != nil {
		h.term, h.offset = h.branch.Term.Text, h.branch.Term.Offset
	}
	return Issue{
		ID: r.id, Severity: Severity(orElse(string(h.severity), string(r.severity))), Domain: h.node.Domain, Record: h.node.Record,
		Term: h.term, Offset: h.offset, Problem: h.problem, Effect: orElse(h.effect, r.effect), Fix: orElse(h.fix, r.fix),
	}
}

func orElse(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// linter holds what the rules look at: the tree, and what DNS has at the domain besides.
type linter struct {
	ctx    context.Context
	dns    Resolver
	domain string
	tree   *Survey

	texts     []string   // all TXT records of the domain
	textErr   error      // they can't be had
	strings   [][]string // the same with their strings apart; nil: not known
	type99    []string
	aliases   map[string][]string // CNAME of each domain with a record
	mx        []string            // "" is a null MX
	mxHosts   []Host
	apex, www Host
	blind     bool // what mail hosts and addresses the domain has isn't known
	servers   []Authority
	wildcard  wildcard
	elsewhere []string // names below the domain that have a record, where it has none
	senders   []string // hosts below the domain that send mail, and so say HELO: its MX hosts and those of a terms
	bare      []string // hosts below it without a record: senders and www

	nodes     []*Node // records that the domain's owner can change, the domain's own first
	chain     []*Node // of them, the one that decides what happens to strangers, through redirects
	faults    []fault
	glued     []*Branch // terms of the domain's record that two strings of it run together
	unchecked []string
}

type wildcard struct {
	texts []string
	mx    bool
}

func newLinter(ctx context.Context, dns Resolver, domain string, opts LintOptions) *linter {
	l := &linter{ctx: ctx, dns: dns, domain: domain, tree: NewSurvey(ctx, dns, domain), aliases: map[string][]string{}}
	l.gather()
	l.inspect()
	l.lookAround()
	l.findFaults()
	if opts.Authorities != nil {
		l.servers = opts.Authorities(ctx, domain)
	}
	if len(l.servers) == 0 || slices.ContainsFunc(l.servers, func(a Authority) bool { return a.Err != nil }) {
		l.unchecked = append(l.unchecked, "P16")
	}
	return l
}

// gather picks the records that can be mended here: the domain's own, what it redirects to and what it includes of its
// own organisation.
func (l *linter) gather() {
	for n := l.tree.Root; n != nil; {
		l.chain = append(l.chain, n)
		b := n.redirect()
		if b == nil || b.Node == nil || len(l.chain) > maxSurveyedDomain {
			break
		}
		n = b.Node
	}
	seen := map[string]bool{}
	l.tree.Root.visits(func(n *Node, by *Branch) {
		inChain := slices.Contains(l.chain, n)
		if n.Record == "" || seen[n.Domain] || !inChain && (foreign(l.domain, n.Domain) || n.Trouble != Sound) {
			return
		}
		if inChain && foreign(l.domain, n.Domain) {
			return
		}
		seen[n.Domain] = true
		l.nodes = append(l.nodes, n)
	})
}

// inspect asks what answers alone don't show.
func (l *linter) inspect() {
	in, ok := l.dns.(Inspector)
	if !ok {
		l.unchecked = append(l.unchecked, "P03", "P06", "P07", "P12")
		return
	}
	var err error
	l.strings, err = in.LookupStrings(l.ctx, l.domain)
	l.unseen(err, "P06", "P07")
	l.type99, err = in.LookupType99(l.ctx, l.domain)
	l.unseen(err, "P03")
	l.tree.Root.visits(func(n *Node, _ *Branch) {
		if _, known := l.aliases[n.Domain]; known || len(l.aliases) > maxSurveyed || n.Trouble == Unreachable || n.Trouble == Unvisited {
			return
		}
		l.aliases[n.Domain], err = in.LookupCNAME(l.ctx, n.Domain)
		l.unseen(err, "P12")
	})
}

// lookAround asks what else there is at and below the domain, all at once: slow servers are waited for together.
func (l *linter) lookAround() {
	var err, errMX, errApex, errWild, errWildMX error
	var wildMX []string
	var wait sync.WaitGroup
	wait.Go(func() { l.texts, l.textErr = l.dns.LookupTXT(l.ctx, l.domain) })
	wait.Go(func() { l.mx, errMX = l.dns.LookupMX(l.ctx, l.domain) })
	wait.Go(func() { l.apex, errApex = lookupHost(l.ctx, l.dns, l.domain) })
	wait.Go(func() { l.wildcard.texts, errWild = l.dns.LookupTXT(l.ctx, "*."+l.domain) })
	wait.Go(func() { wildMX, errWildMX = l.dns.LookupMX(l.ctx, "*."+l.domain) })
	wait.Go(func() { l.www, err = lookupHost(l.ctx, l.dns, "www."+l.domain) })
	wait.Wait()
	l.wildcard.mx = len(wildMX) > 0
	l.unseen(errors.Join(errWild, errWildMX), "P11")
	l.unseen(err, "P14")
	l.blind = l.unseen(errors.Join(errMX, errApex), "P01", "P13", "P15", "Y16")

	for _, name := range l.mx {
		if name != "" && len(l.mxHosts) < maxSurveyedHosts {
			h, _ := lookupHost(l.ctx, l.dns, name)
			l.mxHosts = append(l.mxHosts, h)
		}
	}
	if l.tree.Root.Trouble == Missing && l.textErr == nil {
		for _, name := range []string{"spf.", "_spf.", "www.", l.domain + "."} {
			if txts, _ := l.dns.LookupTXT(l.ctx, name+l.domain); slices.ContainsFunc(txts, isRecord) {
				l.elsewhere = append(l.elsewhere, name+l.domain)
			}
		}
	}
	l.lookAtHosts()
}

// unseen notes the rules that a failure keeps from being checked.
func (l *linter) unseen(err error, ids ...string) bool {
	if err == nil {
		return false
	}
	for _, id := range ids {
		if !slices.Contains(l.unchecked, id) {
			l.unchecked = append(l.unchecked, id)
		}
	}
	return true
}

// lookAtHosts finds hosts of the domain's own that could say HELO or be forged, and looks for their records.
func (l *linter) lookAtHosts() {
	hosts := slices.Clone(l.mxHosts)
	l.own(func(_ *Node, b *Branch) {
		if b.Term.Kind == A && len(hosts) < 2*maxSurveyedHosts {
			hosts = append(hosts, b.Hosts...)
		}
	})
	for _, h := range hosts {
		name := strings.ToLower(h.Name)
		if below(name, l.domain) && name != l.domain && len(h.V4)+len(h.V6) > 0 && !slices.Contains(l.senders, name) {
			l.senders = append(l.senders, name)
		}
	}
	names := slices.Clone(l.senders)
	www := "www." + l.domain
	if len(l.www.V4)+len(l.www.V6) > 0 && !slices.Contains(names, www) {
		names = append(names, www)
	}
	for _, name := range names {
		txts, err := l.dns.LookupTXT(l.ctx, name)
		if err == nil && !slices.ContainsFunc(txts, isRecord) {
			l.bare = append(l.bare, name)
		}
	}
}

// nowhere: DNS answered, and has nothing.
func (l *linter) nowhere() bool {
	return l.textErr == nil && !l.blind && len(l.texts) == 0 && len(l.mx) == 0 && len(l.apex.V4)+len(l.apex.V6) == 0 && len(l.wildcard.texts) == 0 &&
		len(l.aliases[l.domain]) == 0 && len(l.type99) == 0
}

// takesMail: the domain has a mail host, or an address that stands for one (RFC 5321 section 5.1).
func (l *linter) takesMail() bool {
	if len(l.mx) > 0 {
		return !l.nullMX()
	}
	return len(l.apex.V4)+len(l.apex.V6) > 0
}

func (l *linter) nullMX() bool { return len(l.mx) == 1 && l.mx[0] == "" }

// own calls f for each term that can be read in each record of the owner's.
func (l *linter) own(f func(n *Node, b *Branch)) {
	for _, n := range l.nodes {
		for _, b := range n.Branches {
			if b.Syntax == nil {
				f(n, b)
			}
		}
	}
}

// all calls f for each term that is evaluated, anywhere in the tree.
func (l *linter) all(f func(n *Node, b *Branch)) {
	l.tree.Root.visits(func(n *Node, _ *Branch) {
		for _, b := range n.Branches {
			if b.Syntax == nil && b.Ignored == "" {
				f(n, b)
			}
		}
	})
}

// finds makes hits of the terms of the owner's records for which test gives a problem.
func finds(test func(l *linter, n *Node, b *Branch) string) func(*linter) []hit {
	return func(l *linter) (hits []hit) {
		l.own(func(n *Node, b *Branch) {
			if text := test(l, n, b); text != "" {
				hits = append(hits, hit{node: n, branch: b, problem: text})
			}
		})
		return hits
	}
}

// RuleIDs lists the rules of the table, in its order.
func RuleIDs() (ids []string) {
	for _, r := range rules {
		ids = append(ids, r.id)
	}
	return ids
}
