package trace

import "strings"

// A Received line is cut from its right-hand end. What the writing server puts behind the HELO is balanced: comments,
// quoted strings and <addresses> close. What stands in the HELO need not be, so a mark that opens there and never closes
// must not swallow what follows. Matching each closing mark to the nearest open one on its left does that (METHOD 3.7).

// token is one word or one comment of a Received line.
type token struct {
	text    string // a comment without its parentheses
	comment bool
	glued   bool // no blank stands before it: a comment that may be part of the word before
	start   int  // where it begins in the line
}

// is tells whether the token is that word; case does not count.
func (t token) is(word string) bool {
	return !t.comment && len(t.text) == len(word) && strings.EqualFold(t.text, word)
}

// usualTokens is how many words and comments a line has in most cases.
const usualTokens = 28

// tokens cuts a line into words and outermost comments, into list, which is empty and may lie on the caller's stack. Semicolons
// inside the line (OpenSMTPD before 5.7) are blanks.
func tokens(s string, list []token) []token {
	var buf [512]int32
	opens := buf[:]
	if len(s) > len(opens) {
		opens = make([]int32, len(s))
	}
	matchMarks(s, opens)
	for i := len(s); i > 0; {
		if blank(s[i-1]) {
			i--
			continue
		}
		start := i - 1
		if s[start] == ')' && opens[start] > 0 {
			start = int(opens[start]) - 1
			list = append(list, token{text: strings.TrimSpace(s[start+1 : i-1]), comment: true, start: start,
				glued: start > 0 && !blank(s[start-1])})
		} else {
			start = wordStart(s, opens, i)
			list = append(list, token{text: s[start:i], start: start})
		}
		i = start
	}
	for i, j := 0, len(list)-1; i < j; i, j = i+1, j-1 {
		list[i], list[j] = list[j], list[i]
	}
	return list
}

// marks open and close what stands together, blanks part what does not. Every byte of a line is held against both.
var (
	marks  = [256]bool{'(': true, ')': true, '"': true, '>': true}
	blanks = [256]bool{' ': true, '\t': true, ';': true, '\r': true, '\n': true}
)

func blank(c byte) bool { return blanks[c] }

// matchMarks notes for each closing mark of s where its partner opens, plus one; 0 means none.
func matchMarks(s string, opens []int32) {
	var buf [16]int
	parens := buf[:0]
	noQuote, noAngle := false, false // none further left
	for i := len(s) - 1; i >= 0; i-- {
		c := s[i]
		if !marks[c] {
			continue
		}
		switch c {
		case ')':
			parens = append(parens, i)
		case '(':
			if n := len(parens); n > 0 {
				opens[parens[n-1]] = int32(i) + 1
				parens = parens[:n-1]
			}
		case '"', '>':
			open, none := byte('"'), &noQuote
			if c == '>' {
				open, none = '<', &noAngle
			}
			if *none || c == '"' && escaped(s, i) {
				continue
			}
			at := -1
			if c == '>' {
				at = quotedPath(s[:i])
			}
			if at < 0 {
				at = lastUnescaped(s[:i], open)
			}
			if *none = at < 0; *none {
				continue
			}
			opens[i] = int32(at) + 1
			i = at
		}
	}
}

// beforeDomain can't be in the domain of a path.
var beforeDomain = [256]bool{'@': true, '<': true, '>': true, '"': true, '(': true, ')': true, ' ': true}

// quotedPath finds where a path opens that ends here and whose local part is a quoted string, -1 if none does: such a local
// part may hold brackets, blanks and whole clauses (RFC 5321 section 4.1.2), and a stranger chooses it.
func quotedPath(s string) int {
	at := len(s)
	for at > 0 && !beforeDomain[s[at-1]] {
		at--
	}
	if at < 2 || s[at-1] != '@' || s[at-2] != '"' || escaped(s, at-2) {
		return -1
	}
	if open := lastUnescaped(s[:at-2], '"'); open > 0 && s[open-1] == '<' {
		return open - 1
	}
	return -1
}

// lastUnescaped finds the last such mark of s that has no backslash before it.
func lastUnescaped(s string, mark byte) int {
	for at := strings.LastIndexByte(s, mark); at >= 0; at = strings.LastIndexByte(s[:at], mark) {
		if !escaped(s, at) {
			return at
		}
	}
	return -1
}

// escaped tells whether an odd number of backslashes stands before s[i].
func escaped(s string, i int) bool {
	n := 0
	for i > 0 && s[i-1] == '\\' {
		i, n = i-1, n+1
	}
	return n%2 == 1
}

// wordStart finds where the word that ends before s[end] begins; blanks inside quotes and angle brackets belong to it.
func wordStart(s string, opens []int32, end int) int {
	i := end - 1
	for {
		if open := opens[i]; open > 0 && s[i] != ')' {
			i = int(open) - 1
		}
		if i == 0 || blank(s[i-1]) || s[i-1] == ')' && opens[i-1] > 0 {
			return i
		}
		i--
	}
}

// trimAngles cuts angle brackets off both ends, trimMarks those, square ones and commas.
func trimAngles(s string) string { return trim(s, func(c byte) bool { return c == '<' || c == '>' }) }

func trimMarks(s string) string {
	return trim(s, func(c byte) bool { return c == ',' || c == '[' || c == ']' || c == '<' || c == '>' })
}

func trim(s string, cut func(byte) bool) string {
	for len(s) > 0 && cut(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && cut(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}
