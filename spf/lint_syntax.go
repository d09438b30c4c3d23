package spf

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

// syntax makes the finder of one syntax rule.
func syntax(id string) func(*linter) []hit {
	return func(l *linter) (hits []hit) {
		for _, f := range l.faults {
			if f.id == id {
				hits = append(hits, f.hit)
			}
		}
		return hits
	}
}

// findFaults sorts out the records that decide what happens to strangers; where an include is broken, L07 says so.
func (l *linter) findFaults() {
	l.findGlued()
	for _, n := range l.chain {
		if !slices.Contains(l.nodes, n) {
			continue
		}
		for _, f := range faults(n) {
			f.node = n
			if !slices.Contains(l.glued, f.branch) {
				l.faults = append(l.faults, f)
			}
		}
	}
}

// findGlued finds the terms that P06 is about.
func (l *linter) findGlued() {
	for _, h := range gluedStrings(l) {
		for _, b := range l.tree.Root.Branches {
			if b.Term.Offset == h.offset {
				l.glued = append(l.glued, b)
			}
		}
	}
}

// fault is a term that breaks a syntax rule, or keeps them and can't be meant so.
type fault struct {
	id string
	hit
}

// faults sorts the terms of a record by the rule they break.
func faults(n *Node) (list []fault) {
	seen := map[Kind]bool{}
	for i := 0; i < len(n.Branches); i++ {
		b := n.Branches[i]
		if b.Syntax == nil {
			if f, ok := suspect(b, seen); ok {
				list = append(list, f)
			}
			seen[b.Term.Kind] = true
			continue
		}
		next := ""
		if i+1 < len(n.Branches) && n.Branches[i+1].Syntax != nil {
			next = n.Branches[i+1].Term.Text
		}
		f := diagnose(b, next)
		if f.id == "S08" && next != "" && !strings.HasPrefix(b.Term.Text, ":") {
			i++ // the other half
			if isLone(next) && i+1 < len(n.Branches) && n.Branches[i+1].Syntax != nil {
				i++ // spaces on both sides: there is a third
			}
		}
		list = append(list, f)
	}
	return list
}

// isLone: nothing but a separator.
func isLone(text string) bool { return text == ":" || text == "=" }

// suspect looks at terms that are right by the grammar.
func suspect(b *Branch, seen map[Kind]bool) (fault, bool) {
	t := b.Term
	switch {
	case t.Kind == Unknown && !registered[strings.ToLower(t.Name)]:
		return fault{"S02", hit{branch: b, problem: fmt.Sprintf("%s= is no modifier that SPF knows", t.Name)}}, true
	case (t.Kind == Redirect || t.Kind == Exp) && seen[t.Kind]:
		return fault{"S13", hit{branch: b, problem: "this modifier stands there a second time"}}, true
	case t.Kind == IP6 && t.Network.Addr().Is4In6():
		return fault{"S05", hit{branch: b, problem: "an IPv4 address in IPv6 clothes: SPF compares such clients as IPv4, so this never matches",
			severity: SeverityWarning, effect: "The term matches nobody.", fix: "Write ip4: and the plain IPv4 address."}}, true
	case t.Kind != Unknown && strings.Contains(t.Domain.String(), "://"):
		return fault{"S10", hit{branch: b, problem: "a web address stands where only the name of a domain may",
			effect: "The grammar allows it, but no such name exists: an include of it is permerror for all mail."}}, true
	case t.Kind != Unknown && t.Domain.hasLiteral(",;"):
		return fault{"S06", hit{branch: b, problem: fmt.Sprintf("%q is read as the name of one host, for terms are parted by spaces", t.Domain.String()),
			effect: "The term means a host that doesn't exist: an include of it is permerror for all mail, anything else matches nobody."}}, true
	case len(t.Domain) > 0 && t.Kind != Unknown && strings.HasSuffix(strings.ToLower(t.Text), "-all"):
		return fault{"S07", hit{branch: b, problem: fmt.Sprintf("%q is read as the name of a host", t.Domain.String()),
			effect: "The term means a host that doesn't exist, and the record has no end: strangers get neutral or permerror."}}, true
	}
	return fault{}, false
}

// registered are modifiers of other RFCs: RFC 6652 section 3.
var registered = map[string]bool{"ra": true, "rp": true, "rr": true}

// diagnosis is one way to break a term. The rows are tried in order, the special ones first.
type diagnosis struct {
	id      string
	holds   func(w word) bool
	problem string
}

// word is a broken term taken apart: sign, name in lower case, separator and argument.
type word struct {
	text, next string
	sign       string
	name       string
	sep        string // ":", "=", "/" or ""
	arg        string
	said       string // what the parser says
}

func takeApart(text, next, said string) word {
	w := word{text: text, next: next, said: said}
	rest := text
	if rest != "" && strings.IndexByte("+-~?", rest[0]) >= 0 {
		w.sign, rest = rest[:1], rest[1:]
	}
	end := strings.IndexAny(rest, ":/=")
	if end < 0 {
		w.name = strings.ToLower(rest)
		return w
	}
	w.name, w.sep, w.arg = strings.ToLower(rest[:end]), rest[end:end+1], rest[end+1:]
	return w
}

func diagnose(b *Branch, next string) fault {
	w := takeApart(b.Term.Text, next, b.Syntax.Problem)
	for _, d := range diagnoses {
		if d.holds(w) {
			return fault{d.id, hit{branch: b, problem: orElse(d.problem, w.said)}}
		}
	}
	return fault{"S01", hit{branch: b, problem: w.said}}
}

var diagnoses = []diagnosis{
	{"S16", func(w word) bool { return !isASCII(w.text) && w.takesDomain() && onlyLetters(w.arg) },
		"the domain is written in letters that DNS doesn't know"},
	{"S14", func(w word) bool { return !isPrintable(w.text) }, "a character stands in it that isn't plain ASCII, or can't be seen"},
	{"S15", func(w word) bool { return w.badMacro() }, ""},
	{"S06", func(w word) bool { return strings.ContainsAny(w.text, ",;") }, "terms are parted by spaces, not by commas or semicolons"},
	{"S13", func(w word) bool { return w.sign != "" && w.sep == "=" && !namesMechanism(w.name) }, "a modifier takes no sign"},
	{"S12", func(w word) bool { return w.name == "all" && w.sep != "" }, ""},
	{"S07", func(w word) bool { return endsInAll(w.text) }, "a space is missing before all"},
	{"S08", func(w word) bool { return w.halved() }, "a space stands beside the colon, so the term falls apart"},
	{"S09", func(w word) bool { return w.domainMissing() }, ""},
	{"S04", func(w word) bool { return w.badLength() }, ""},
	{"S05", func(w word) bool { return w.otherFamily() }, "the address belongs to the other family"},
	{"S03", func(w word) bool { return w.name == "ip4" || w.name == "ip6" }, ""},
	{"S10", func(w word) bool { return w.noBareDomain() }, ""},
	{"S11", func(w word) bool { return w.takesDomain() }, ""},
	{"S06", func(w word) bool { return w.junkBehind() }, "something is attached to the term"},
	{"S01", func(w word) bool { return true }, ""},
}

// badMacro: a percent sign that begins no macro which may stand here.
func (w word) badMacro() bool {
	if w.sep == "" || !strings.Contains(w.arg, "%") {
		return false
	}
	_, err := parseMacro(w.arg, inDomain)
	return err != nil
}

func (w word) takesDomain() bool {
	switch w.name {
	case "include", "exists", "a", "mx", "ptr":
		return w.sep == ":" || w.sep == "/"
	case "redirect", "exp":
		return w.sep == "="
	}
	return false
}

func onlyLetters(s string) bool {
	for _, r := range s {
		if r >= 0x80 && !unicode.IsLetter(r) && !unicode.IsMark(r) {
			return false
		}
	}
	return strings.ToValidUTF8(s, "") == s
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// endsInAll: all and its sign follow something else right away.
func endsInAll(text string) bool {
	rest, ok := strings.CutSuffix(strings.ToLower(text), "all")
	return ok && len(rest) > 1 && (strings.IndexByte("+-~?", rest[len(rest)-1]) >= 0 || isTerm(text[:len(rest)]) && strings.ContainsAny(rest, ":/"))
}

// halved: the colon is the last or the next one's first character, and what follows is no term by itself.
func (w word) halved() bool {
	if strings.HasPrefix(w.text, ":") && len(w.text) > 1 {
		return true
	}
	if w.next == "" {
		return false
	}
	if strings.HasPrefix(w.next, ":") || strings.HasPrefix(w.next, "=") {
		return w.sep == ""
	}
	known := w.takesDomain() || (w.name == "ip4" || w.name == "ip6") && w.sep == ":"
	return known && w.arg == "" && !strings.ContainsAny(w.next[:1], "+-~?") && !strings.ContainsAny(w.next, "=") && !namesMechanism(w.next)
}

func namesMechanism(text string) bool {
	name := takeApart(text, "", "").name
	for _, n := range names {
		if name == n {
			return true
		}
	}
	return false
}

func (w word) domainMissing() bool {
	if (w.name == "include" || w.name == "exists") && w.sep == "" {
		return true
	}
	return w.takesDomain() && w.sep != "/" && (w.arg == "" || strings.HasPrefix(w.arg, "/"))
}

// badLength: what stands before the slash is right, the length behind it isn't.
func (w word) badLength() bool {
	slash := strings.IndexByte(w.text, '/')
	if slash < 0 || strings.Contains(w.text, "://") {
		return false
	}
	switch w.name {
	case "ip4", "ip6":
		_, err := netip.ParseAddr(strings.Split(w.arg, "/")[0])
		return err == nil && !w.otherFamily()
	case "a", "mx":
		return isTerm(w.text[:slash])
	}
	return false
}

func (w word) otherFamily() bool {
	ip, err := netip.ParseAddr(strings.Split(w.arg, "/")[0])
	return err == nil && (w.name == "ip4" && ip.Is6() || w.name == "ip6" && ip.Is4())
}

// noBareDomain: an address, a URL, a port or a prefix length where only the name of a domain may stand.
func (w word) noBareDomain() bool {
	if !w.takesDomain() {
		return false
	}
	if strings.Contains(w.arg, "://") || strings.Contains(w.arg, ":") && w.name != "exp" {
		return true
	}
	only := w.name == "include" || w.name == "ptr" || w.name == "exists"
	_, err := netip.ParseAddr(w.arg)
	return only && (strings.Contains(w.text, "/") || err == nil)
}

// junk is what gets into a record with copying and pasting.
const junk = `.!"'()<>[]*+-~?|\`

// junkBehind: the name of a mechanism with something after it that can't belong to it, or nothing but that.
func (w word) junkBehind() bool {
	if strings.Trim(w.text, junk) == "" {
		return true
	}
	for _, n := range []string{"all", "include", "exists", "ptr", "mx"} {
		if rest, ok := strings.CutPrefix(w.name, n); ok && rest != "" && strings.Trim(rest, junk) == "" {
			return true
		}
	}
	return false
}
