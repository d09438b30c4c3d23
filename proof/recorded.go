package proof

import (
	"net/netip"
	"regexp"
	"strings"

	"ndrscan/internal/header"
)

// maxRecords and maxRecordField (bytes) bound what is read from one header section.
const (
	maxRecords     = 100
	maxRecordField = 16 << 10
)

// recordFields are the fields in which hosts record SPF results, and the reader of each.
var recordFields = []struct {
	name, method string
	read         func(text string) []Record
}{
	{"Received-SPF", "received-spf", readReceivedSPF},
	{"Authentication-Results", "authentication-results", readAuthResults},
	{"ARC-Authentication-Results", "arc-authentication-results", readARCAuthResults},
}

// Recorded reads the SPF results that hosts recorded in a header section, in its order: Received-SPF (RFC 7208 section
// 9.1) and the spf parts of Authentication-Results (RFC 8601) and ARC-Authentication-Results (RFC 8617). Anybody can write
// them: they are shown and compared, and never decide (METHOD 4). The address is that of a key or property
// (client-ip=, smtp.remote-ip=), or else of the comment in the forms that mail systems use.
func Recorded(section header.Section) []Record {
	var out []Record
	for i, f := range section {
		for _, kind := range recordFields {
			if !f.Is(kind.name) || len(f.Body()) > maxRecordField {
				continue
			}
			for _, r := range kind.read(f.Value()) {
				if len(out) == maxRecords {
					return out
				}
				r.Method, r.Index = kind.method, i
				out = append(out, r)
			}
		}
	}
	return out
}

// readReceivedSPF reads RESULT (COMMENT) KEY=VALUE; KEY=VALUE.
func readReceivedSPF(text string) []Record {
	tokens := tokenize(text)
	if len(tokens) == 0 || tokens[0].kind != word {
		return nil
	}
	r := Record{Result: strings.ToLower(tokens[0].text)}
	if !spfResults[r.Result] {
		return nil
	}
	comments, pairs := commentsAndPairs(tokens[1:])
	r.Writer = strings.ToLower(pairs["receiver"])
	r.IP = partIP(pairs, comments)
	return []Record{r}
}

// readARCAuthResults steps over the instance: i=1; the rest is an Authentication-Results value.
func readARCAuthResults(text string) []Record {
	first, rest, found := strings.Cut(text, ";")
	name, _, _ := strings.Cut(first, "=")
	if !found || !strings.EqualFold(strings.TrimSpace(name), "i") {
		return readAuthResults(text)
	}
	return readAuthResults(rest)
}

// readAuthResults reads AUTHSERV-ID; METHOD=RESULT (COMMENT) PTYPE.PROPERTY=VALUE; ...
//
// QUIRK: RFC 8601 section 2.2 wants the authserv-id first; Microsoft's servers leave it out.
func readAuthResults(text string) []Record {
	var out []Record
	var writer string
	var fallback netip.Addr // of an iprev part: the client of the whole field
	for i, part := range splitParts(tokenize(text)) {
		if part[0].kind != word {
			continue
		}
		method, result, isResult := strings.Cut(part[0].text, "=")
		method, _, _ = strings.Cut(strings.ToLower(method), "/") // spf/1: a method's version
		if i == 0 && !isResult {
			writer = strings.ToLower(part[0].text)
			continue
		}
		comments, pairs := commentsAndPairs(part[1:])
		switch result = strings.ToLower(result); {
		case method == "spf" && spfResults[result]:
			out = append(out, Record{Result: result, Writer: writer, IP: partIP(pairs, comments)})
		case method == "iprev" && !fallback.IsValid():
			fallback = partIP(pairs, comments)
		}
	}
	for i := range out {
		if !out[i].IP.IsValid() {
			out[i].IP = fallback
		}
	}
	return out
}

// spfResults are those of RFC 7208 section 2.6 and the names that RFC 4408 and mail systems have used for them.
var spfResults = map[string]bool{
	"pass": true, "fail": true, "softfail": true, "neutral": true, "none": true, "temperror": true, "permerror": true,
	"hardfail": true, "error": true, "unknown": true, "bestguesspass": true, "policy": true,
}

// ipKeys are the keys and properties that hold the client address: client-ip of RFC 7208 section 9.1, remoteip of Courier's
// Received-SPF; policy.iprev of RFC 8601 section 2.7.3 and smtp.remote-ip of the IANA registry; the others as seen.
var ipKeys = []string{"client-ip", "remoteip", "smtp.remote-ip", "policy.iprev", "smtp.client-ip"}

func partIP(pairs map[string]string, comments []string) netip.Addr {
	for _, name := range ipKeys {
		if ip := parseIP(pairs[name]); ip.IsValid() {
			return ip
		}
	}
	return commentIP(comments)
}

// commentForms are how mail systems name the client address in the comment of a result.
var commentForms = []*regexp.Regexp{
	// Google, Microsoft, Mail::SPF, libspf2: "domain of X designates IP", "does not designate IP"
	regexp.MustCompile(`(?i)\bdesignates?\s+([0-9a-f:.]+)\s+as\s+(?:a\s+)?permitted\s+sender`),
	regexp.MustCompile(`(?i)([0-9a-f:.]+)\s+is\s+neither\s+permitted\s+nor\s+denied\b`), // the same, neutral
	regexp.MustCompile(`(?i)\bsender\s+IP\s+is\s+([0-9a-f:.]+)`),                        // Microsoft
	regexp.MustCompile(`(?i)\bclient[-_]ip=\[?(?:IPv6:)?([0-9a-f:.]+)`),
	regexp.MustCompile(`(?i)^\s*\[?(?:IPv6:)?([0-9a-f:.]+)\]?\s*$`), // iprev=pass (IP)
}

// commentIP finds the client address in comments. They hold the sender's address as well, which can be made to look like
// any of the forms: two different addresses are none (METHOD 3.7).
func commentIP(comments []string) netip.Addr {
	var found netip.Addr
	for _, form := range commentForms {
		for _, text := range comments {
			for _, match := range form.FindAllStringSubmatch(text, -1) {
				ip := parseIP(match[1])
				if ip.IsValid() && found.IsValid() && ip != found {
					return netip.Addr{}
				}
				if ip.IsValid() {
					found = ip
				}
			}
		}
	}
	return found
}

// parseIP reads an address as it stands in mail: in brackets, with the tag of RFC 5321 section 4.1.3, with a full stop
// after it. IPv4 in IPv6 is IPv4.
func parseIP(s string) netip.Addr {
	s = strings.Trim(s, "[]")
	if rest, ok := cutPrefixFold(s, "IPv6:"); ok {
		s = rest
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(s, "."))
	if err != nil {
		return netip.Addr{}
	}
	return ip.Unmap().WithZone("")
}

// A token of a recorded result. Words hold no white space outside quotes; quotes are taken off.
type token struct {
	kind tokenKind
	text string
}

type tokenKind int

const (
	word tokenKind = iota
	comment
	semicolon
)

// tokenize cuts a structured value into words, comments and semicolons. A mark that never closes is text.
func tokenize(text string) []token {
	var t tokenizer
	for text != "" {
		if rest, ok := t.marked(text); ok {
			text = rest
			continue
		}
		switch c := text[0]; c {
		case ';':
			t.end()
			t.out = append(t.out, token{semicolon, ";"})
		case ' ', '\t':
			t.end()
		default:
			t.word.WriteByte(c)
		}
		text = text[1:]
	}
	t.end()
	return t.out
}

type tokenizer struct {
	out  []token
	word strings.Builder // the one that is being read
	open bool            // a mark did not close: those after it are text, too, for looking again would be quadratic
}

// marked takes a comment, or a quoted string as part of the word around it.
func (t *tokenizer) marked(text string) (rest string, ok bool) {
	if t.open || text[0] != '(' && text[0] != '"' {
		return text, false
	}
	inner, rest, ok := header.CutComment(text)
	if ok {
		t.end()
		t.out = append(t.out, token{comment, inner})
		return rest, true
	}
	if inner, rest, ok = header.CutQuoted(text); ok {
		t.word.WriteString(inner)
		return rest, true
	}
	t.open = true
	return text, false
}

// end ends the word that is being read.
func (t *tokenizer) end() {
	if t.word.Len() > 0 {
		t.out = append(t.out, token{word, t.word.String()})
		t.word.Reset()
	}
}

// splitParts cuts tokens at semicolons; empty parts are dropped.
func splitParts(tokens []token) [][]token {
	var parts [][]token
	start := 0
	for i, t := range tokens {
		if t.kind == semicolon {
			if i > start {
				parts = append(parts, tokens[start:i])
			}
			start = i + 1
		}
	}
	if start < len(tokens) {
		parts = append(parts, tokens[start:])
	}
	return parts
}

// commentsAndPairs sorts the tokens after a result: comments, and KEY=VALUE pairs by their lower-case key. The first of
// two equal keys counts.
func commentsAndPairs(tokens []token) (comments []string, pairs map[string]string) {
	pairs = make(map[string]string)
	for _, t := range tokens {
		switch t.kind {
		case comment:
			comments = append(comments, t.text)
		case word:
			key, value, ok := strings.Cut(t.text, "=")
			if _, twice := pairs[strings.ToLower(key)]; ok && !twice {
				pairs[strings.ToLower(key)] = value
			}
		}
	}
	return comments, pairs
}
