package spf

import (
	"fmt"
	"slices"
	"strings"
)

// nearRecord tells a TXT record that is meant to be SPF and isn't: what stands before or in "v=spf1" is wrong.
func nearRecord(txt string) bool {
	if isRecord(txt) {
		return false
	}
	head := strings.ToLower(txt[:min(len(txt), 24)])
	head = strings.Map(func(r rune) rune {
		if r == '"' || r == '\'' || r == '\ufeff' || r <= ' ' || r == '\u00a0' || r == '“' || r == '”' {
			return -1
		}
		return r
	}, head)
	return strings.HasPrefix(head, "v=spf1") || strings.HasPrefix(head, "v:spf1") || strings.HasPrefix(head, "v=spf ") ||
		strings.HasPrefix(head, "v=spf") && !strings.HasPrefix(head, "v=spf2.") || strings.HasPrefix(head, "spf1")
}

// startsBadly: the version is there, but something stands before it.
func startsBadly(txt string) bool {
	trimmed := strings.TrimLeft(txt, " \t\"'“”\ufeff\u00a0")
	return trimmed != txt && len(trimmed) >= len(version) && strings.EqualFold(trimmed[:len(version)], version)
}

// near lists the records that miss being SPF, as hits.
func (l *linter) near(want func(string) bool, problem string) (hits []hit) {
	severity, effect := Severity(""), ""
	if len(l.tree.Root.Records) > 0 { // then it is ignored, and the other one counts
		severity, effect = SeverityWarning, "It is ignored; the domain's other record counts."
	}
	for _, txt := range l.texts {
		if nearRecord(txt) && want(txt) {
			hits = append(hits, hit{term: txt, problem: problem, severity: severity, effect: effect})
		}
	}
	return hits
}

func badVersion(l *linter) []hit {
	return l.near(func(txt string) bool { return !startsBadly(txt) && !l.gluedVersion(txt) },
		`it doesn't begin with "v=spf1" and a space`)
}

func badStart(l *linter) []hit {
	return l.near(startsBadly, `something stands before "v=spf1": a space or quotes that became part of the text`)
}

func noRecord(l *linter) []hit {
	if l.tree.Root.Trouble != Missing || !l.takesMail() || len(l.elsewhere) > 0 || slices.ContainsFunc(l.texts, nearRecord) {
		return nil
	}
	return []hit{{problem: l.domain + " takes mail and has no SPF record"}}
}

func severalRecords(l *linter) []hit {
	if l.tree.Root.Trouble != Several {
		return nil
	}
	return []hit{{problem: fmt.Sprintf("%s has %d records that begin with v=spf1: %s", l.domain, len(l.tree.Root.Records),
		strings.Join(l.tree.Root.Records, " | "))}}
}

func obsoleteType(l *linter) (hits []hit) {
	if len(l.type99) > 0 {
		hits = append(hits, hit{term: l.type99[0], problem: "there is a record of the type SPF (99)"})
	}
	return hits
}

// gluedStrings looks at the joints between strings: two terms meet there without a space.
func gluedStrings(l *linter) (hits []hit) {
	for _, parts := range l.strings {
		joined := strings.Join(parts, "")
		if !isRecord(joined) && !nearRecord(joined) {
			continue
		}
		at := 0
		for i := 1; i < len(parts); i++ {
			at += len(parts[i-1])
			left, right := lastWord(parts[i-1]), firstWord(parts[i])
			if gluedTerms(left, right) {
				hits = append(hits, hit{term: left + right, offset: at - len(left),
					problem: fmt.Sprintf("string %d ends in %q and string %d begins with %q: joined they are %q", i, left, i+1, right, left+right)})
			}
		}
	}
	return hits
}

func gluedTerms(left, right string) bool {
	return left != "" && isTerm(right) && (strings.EqualFold(left, version) || isTerm(left))
}

// gluedVersion: the version is broken because a string ends right behind it; P06 says so.
func (l *linter) gluedVersion(txt string) bool {
	return slices.ContainsFunc(l.strings, func(parts []string) bool {
		return len(parts) > 1 && strings.Join(parts, "") == txt && gluedTerms(lastWord(parts[0]), firstWord(parts[1])) &&
			strings.EqualFold(lastWord(parts[0]), version)
	})
}

func lastWord(s string) string  { return s[strings.LastIndexByte(s, ' ')+1:] }
func firstWord(s string) string { word, _, _ := strings.Cut(s, " "); return word }

// isTerm: a mechanism or known modifier, whole.
func isTerm(text string) bool {
	p, err := Parse(version + " " + text)
	return err == nil && len(p.Terms) == 1 && p.Terms[0].Kind != Unknown
}

func longString(l *linter) (hits []hit) {
	for _, parts := range l.strings {
		for i, s := range parts {
			if len(s) > maxString && isRecord(strings.Join(parts, "")) {
				hits = append(hits, hit{problem: fmt.Sprintf("string %d of the record has %d octets; 255 are allowed", i+1, len(s))})
			}
		}
	}
	return hits
}

// Sizes of an answer, RFC 1035 section 4.1: header, the question, and for each record a pointer to its name and 10
// octets of type, class, TTL and length.
const (
	answerHeader   = 12
	answerQuestion = 2 + 4
	answerRecord   = 2 + 10
	maxPacket      = 512
	maxNameAndText = 450 // what RFC 7208 section 3.4 calls safe
)

func largeAnswer(l *linter) []hit {
	size, text := answerHeader+len(l.domain)+answerQuestion, len(l.domain)
	records := l.strings
	if records == nil {
		for _, txt := range l.texts {
			records = append(records, SplitRecord(txt))
		}
	}
	for _, parts := range records {
		size += answerRecord
		for _, s := range parts {
			size, text = size+len(s)+1, text+len(s)
		}
	}
	if len(l.tree.Root.Records) == 0 || size <= maxPacket && text <= maxNameAndText {
		return nil
	}
	return []hit{{problem: fmt.Sprintf("the answer with all TXT records of the name (%d) has %d octets (%d of name and text; 450 are safe, 512 fit a plain UDP packet)",
		len(records), size, text)}}
}

func senderID(l *linter) (hits []hit) {
	for _, txt := range l.texts {
		if strings.HasPrefix(strings.ToLower(txt), "spf2.") || strings.HasPrefix(strings.ToLower(txt), "v=spf2.") {
			hits = append(hits, hit{term: txt, problem: "there is a Sender ID record"})
		}
	}
	return hits
}

func wrongName(l *linter) []hit {
	if len(l.elsewhere) == 0 || slices.ContainsFunc(l.texts, nearRecord) {
		return nil
	}
	return []hit{{problem: fmt.Sprintf("%s has no record, but %s has one; records of other names don't count", l.domain, strings.Join(l.elsewhere, ", "))}}
}

func wildcards(l *linter) []hit {
	switch spf := slices.ContainsFunc(l.wildcard.texts, isRecord); {
	case spf:
		return []hit{{problem: fmt.Sprintf("*.%s has an SPF record: names that own records don't get it", l.domain)}}
	case l.wildcard.mx:
		return []hit{{problem: fmt.Sprintf("*.%s has MX records, and names below %s no SPF", l.domain, l.domain)}}
	}
	return nil
}

func aliased(l *linter) (hits []hit) {
	seen := map[string]bool{}
	l.tree.Root.visits(func(n *Node, by *Branch) {
		target := l.aliases[n.Domain]
		if len(target) == 0 || seen[n.Domain] {
			return
		}
		seen[n.Domain] = true
		h := hit{problem: fmt.Sprintf("%s is an alias (CNAME) of %s", n.Domain, target[0])}
		if by != nil {
			h.node, h.branch = l.holder(by), by
		}
		hits = append(hits, h)
	})
	return hits
}

// holder finds the record that a branch stands in.
func (l *linter) holder(b *Branch) (found *Node) {
	l.tree.Root.visits(func(n *Node, _ *Branch) {
		if slices.Contains(n.Branches, b) {
			found = n
		}
	})
	return found
}

func bareMailHosts(l *linter) (hits []hit) {
	for _, name := range l.bare {
		if slices.Contains(l.senders, name) {
			hits = append(hits, hit{problem: "the mail host " + name + " has no SPF record"})
		}
	}
	return hits
}

func bareHosts(l *linter) (hits []hit) {
	for _, name := range l.bare {
		if !slices.Contains(l.senders, name) {
			hits = append(hits, hit{problem: "the host " + name + " has no SPF record"})
		}
	}
	return hits
}

func parked(l *linter) []hit {
	if l.blind || l.takesMail() || l.tree.Root.Trouble == Unreachable || l.tree.Root.Trouble == Several || l.tree.Root.Trouble == Broken ||
		len(l.elsewhere) > 0 || slices.ContainsFunc(l.texts, nearRecord) {
		return nil
	}
	if p, err := Parse(l.tree.Root.Record); err == nil && (refusesAll(p) || !l.nullMX() && namesSenders(p)) {
		return nil
	}
	why := "has neither mail hosts nor an address"
	if l.nullMX() {
		why = "says by a null MX that it takes no mail"
	}
	return []hit{{problem: fmt.Sprintf("%s %s, and its record isn't v=spf1 -all", l.domain, why)}}
}

func refusesAll(p *Policy) bool {
	return len(p.Terms) == 1 && p.Terms[0].Kind == All && p.Terms[0].Qualifier == Fail
}

// namesSenders: the domain sends mail, though it takes none: it isn't parked.
func namesSenders(p *Policy) bool {
	return slices.ContainsFunc(p.Terms, func(t Term) bool { return t.Kind != All && t.Kind <= Redirect })
}

func inconsistent(l *linter) []hit {
	var first *Authority
	for i := range l.servers {
		a := &l.servers[i]
		if a.Err != nil {
			continue
		}
		if first == nil {
			first = a
			continue
		}
		if x, y := recordsOf(first.Texts), recordsOf(a.Texts); !slices.Equal(x, y) {
			return []hit{{problem: fmt.Sprintf("name server %s has %s, %s has %s", first.Server, quoted(x), a.Server, quoted(y))}}
		}
	}
	return nil
}

func recordsOf(texts []string) (records []string) {
	for _, txt := range texts {
		if isRecord(txt) {
			records = append(records, txt)
		}
	}
	slices.Sort(records)
	return records
}

func quoted(records []string) string {
	if len(records) == 0 {
		return "no record"
	}
	return fmt.Sprintf("%q", strings.Join(records, " | "))
}

// unreachable: the TXT question of the domain or of a record it needs isn't answered.
func unreachable(l *linter) (hits []hit) {
	l.tree.Root.visits(func(n *Node, by *Branch) {
		if n.Trouble != Unreachable {
			return
		}
		h := hit{problem: n.Problem}
		if by != nil {
			h.node, h.branch = l.holder(by), by
		}
		hits = append(hits, h)
	})
	return hits
}
