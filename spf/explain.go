package spf

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Explanation is one record of a policy in plain words, and those it leads to.
type Explanation struct {
	Domain  string          `json:"domain"`
	Record  string          `json:"record"`
	Problem string          `json:"problem"` // why it can't be followed; "": it can
	Lookups int             `json:"lookups"` // of this record and all below it
	Passes  string          `json:"passes"`  // how many addresses may send
	Terms   []ExplainedTerm `json:"terms"`
}

// ExplainedTerm is one term in plain words.
type ExplainedTerm struct {
	Term    string       `json:"term"`
	Text    string       `json:"text"`
	Ignored string       `json:"ignored"` // why it is never reached
	Shared  string       `json:"shared"`  // who else passes by it
	Problem string       `json:"problem"`
	Lookups int          `json:"lookups"`
	Below   *Explanation `json:"below,omitempty"`
}

// Explain puts a survey into words: the tree as it is evaluated.
func (s *Survey) Explain() *Explanation {
	e := &teller{once: map[Kind]bool{}}
	return e.record(s.Root, false)
}

// teller remembers which general remarks were made.
type teller struct{ once map[Kind]bool }

// record explains one record; included says that only its passes count above.
func (e *teller) record(n *Node, included bool) *Explanation {
	x := &Explanation{Domain: n.Domain, Record: n.Record, Problem: n.Problem, Lookups: n.Lookups, Terms: []ExplainedTerm{}}
	if n.Record != "" {
		x.Passes = amount(n.Networks())
	}
	for _, b := range n.Branches {
		x.Terms = append(x.Terms, e.term(b, included))
	}
	return x
}

func (e *teller) term(b *Branch, included bool) ExplainedTerm {
	x := ExplainedTerm{Term: b.Term.Text, Ignored: b.Ignored, Lookups: b.Lookups, Problem: b.Failed}
	if b.Syntax != nil {
		x.Problem = b.Syntax.Problem + "; this makes the whole record worthless"
		return x
	}
	x.Text = Sentence(b.Term, b.Target) + e.remark(b)
	if included && b.Term.Kind == All && b.Term.Qualifier != Pass {
		x.Text = "Everybody else: no pass from here, and the record above goes on with its next term."
	}
	if b.Ignored != "" {
		return x
	}
	x.Text += e.found(b)
	switch {
	case b.Void && b.Problem() == "":
		x.Problem = "there is nothing in DNS for it, so it matches nobody"
	case x.Problem == "":
		x.Problem = b.Problem()
	}
	x.Shared = shared(b)
	if b.Node != nil && b.Node.Trouble != Missing && b.Node.Trouble != Loop {
		x.Below = e.record(b.Node, included || b.Term.Kind == Include)
		if b.Node.Trouble != Sound {
			x.Problem = ""
		}
	}
	return x
}

// Problem says what is wrong with where a term leads; "": nothing.
func (b *Branch) Problem() string {
	if b.Node == nil {
		return ""
	}
	return b.Node.Problem
}

// outcomes say what a match of a mechanism means, RFC 7208 section 8.
var outcomes = map[Result]string{
	Pass:     "may send",
	Fail:     "may not send: receivers may refuse the mail",
	SoftFail: "probably may not send: receivers take the mail and look at it harder",
	Neutral:  "may send or not: the domain doesn't say",
}

// Sentence says in plain words what a term means. target is the domain it speaks of where that is known.
func Sentence(t Term, target string) string {
	if target == "" && len(t.Domain) > 0 {
		target = t.Domain.String()
	}
	if target == "" {
		target = "the domain"
	}
	verdict := outcomes[t.Qualifier]
	switch t.Kind {
	case All:
		if t.Qualifier == Pass {
			return "Everybody in the world may send: the record protects nothing."
		}
		return "Everybody else " + verdict + "."
	case IP4, IP6:
		return fmt.Sprintf("%s %s.", span(t.Network), verdict)
	case A:
		return fmt.Sprintf("The addresses of %s%s %s.", target, around(t), verdict)
	case MX:
		return fmt.Sprintf("The hosts that take mail for %s%s %s.", target, around(t), verdict)
	case Include:
		return includeSentence(t, target)
	case PTR:
		return fmt.Sprintf("Clients whose reverse name lies below %s, and points back to them, %s.", target, verdict)
	case Exists:
		return fmt.Sprintf("If the name %s has an address, the client %s.", target, verdict)
	case Redirect:
		return fmt.Sprintf("Where nothing matched, the policy of %s decides, as if it were this one.", target)
	case Exp:
		return fmt.Sprintf("Who is refused is told the text at %s.", target)
	}
	return fmt.Sprintf("%s= is unknown to SPF and changes nothing.", t.Name)
}

func includeSentence(t Term, target string) string {
	if t.Qualifier == Pass {
		return fmt.Sprintf("Clients that pass the policy of %s may send; for others the next term counts, whatever that policy says.", target)
	}
	return fmt.Sprintf("Clients that PASS the policy of %s %s; the others go on to the next term.", target, outcomes[t.Qualifier])
}

// around says how far beyond the addresses themselves an a or mx reaches.
func around(t Term) string {
	var parts []string
	if t.Bits4 >= 0 && t.Bits4 < 32 {
		parts = append(parts, fmt.Sprintf("/%d", t.Bits4))
	}
	if t.Bits6 >= 0 && t.Bits6 < 128 {
		parts = append(parts, fmt.Sprintf("/%d (IPv6)", t.Bits6))
	}
	if parts == nil {
		return ""
	}
	return ", and all in the same " + strings.Join(parts, " or ") + ","
}

// span writes a network as people count: from, to, how many.
func span(p netip.Prefix) string {
	p = p.Masked()
	switch {
	case p.IsSingleIP():
		return p.Addr().String()
	case p.Addr().Is6():
		return p.String()
	}
	last := p.Addr().As4()
	for i := range last {
		if keep := p.Bits() - 8*i; keep < 8 {
			last[i] |= byte(0xff >> max(keep, 0))
		}
	}
	return fmt.Sprintf("%s to %s (%s addresses)", p.Addr(), netip.AddrFrom4(last), thousands(1<<(32-p.Bits())))
}

// remarks are made once a tree, at the first term of their kind. They are what people get wrong.
var remarks = map[Kind]string{
	A:      " The name is looked up and its addresses compared; the client's reverse name plays no part.",
	PTR:    " It is slow, depends on who runs the reverse zone, and RFC 7208 section 5.5 says not to use it.",
	Exists: " Which clients these are only the server of that name knows.",
}

func (e *teller) remark(b *Branch) string {
	text := remarks[b.Term.Kind]
	if text == "" || e.once[b.Term.Kind] {
		return ""
	}
	e.once[b.Term.Kind] = true
	return text
}

// found lists what DNS has for an a or mx.
func (e *teller) found(b *Branch) string {
	var texts []string
	switch {
	case b.NullMX:
		return " It has a null MX: it takes no mail, so this matches nobody."
	case b.Term.Kind == A && len(b.Hosts) == 1:
		texts = b.Hosts[0].addresses()
	case b.Term.Kind == MX:
		for _, h := range b.Hosts {
			texts = append(texts, h.Name+" ("+list(h.addresses())+")")
		}
	}
	if len(texts) == 0 {
		return ""
	}
	return " Now: " + list(texts) + "."
}

func (h Host) addresses() (texts []string) {
	for _, a := range append(append([]netip.Addr(nil), h.V4...), h.V6...) {
		texts = append(texts, a.String())
	}
	return texts
}

// shared says who else passes: the customers of a provider that is somebody else.
func shared(b *Branch) string {
	if b.Node == nil || !b.Foreign || b.Node.Trouble != Sound || b.Term.Qualifier != Pass && b.Term.Kind != Redirect {
		return ""
	}
	return fmt.Sprintf("%s runs it: all who send through it share the pass, %s", organisation(b.Target), amount(b.Networks))
}

// amount says how many addresses networks hold.
func amount(networks []netip.Prefix) string {
	v4, v6 := CountAddresses(networks)
	var parts []string
	if v4 > 0 || v6 == 0 {
		parts = append(parts, plural(v4, "IPv4 address", "IPv4 addresses"))
	}
	if v6 > 0 {
		parts = append(parts, plural(uint64(v6), "IPv6 network", "IPv6 networks"))
	}
	return strings.Join(parts, " and ")
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

func thousands(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ExplainSteps puts the steps of a check into sentences, one each: what the term asks, and what came of it.
func ExplainSteps(domain string, steps []Step) (texts []string) {
	deciding := map[string]bool{strings.ToLower(domain): true} // records whose word is final: the others are included
	for _, s := range steps {
		t := readBranch(token{text: s.Term}).Term
		target := t.Domain.String()
		if target == "" {
			target = s.Domain
		}
		final := deciding[strings.ToLower(s.Domain)]
		if s.Outcome == "followed" && final {
			deciding[strings.ToLower(strings.TrimSuffix(target, "."))] = true
		}
		what := stepWords(s, t, final)
		if s.Text != "" {
			what += " (" + s.Text + ")"
		}
		if t.Kind == All && !final {
			texts = append(texts, what+".")
			continue
		}
		texts = append(texts, Sentence(t, target)+" "+what+".")
	}
	return texts
}

func stepWords(s Step, t Term, final bool) string {
	switch {
	case s.Outcome == "match" && final:
		return "It matches: this decides"
	case s.Outcome == "match" && t.Qualifier == Pass:
		return "It matches: a pass, so the include above matches"
	case s.Outcome == "match":
		return "It matches: no pass from here, so the record above goes on"
	case s.Outcome == "no-match":
		return "It doesn't match: on to the next"
	case s.Outcome == "followed":
		return "Nothing matched, so it is followed"
	}
	return "It ends the check with " + s.Outcome
}
