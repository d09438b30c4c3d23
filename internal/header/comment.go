package header

import "strings"

// Scanners here take the text that is left and return what they took and the rest. ok == false means "not this": rest is
// then the input and the caller tries the next form.

// maxNest bounds nested comments; deeper ones are not comments but text.
const maxNest = 20

// CutComment takes a comment with those nested in it (RFC 5322 section 3.2.2), without its outer parentheses.
func CutComment(in string) (text, rest string, ok bool) {
	if in == "" || in[0] != '(' {
		return "", in, false
	}
	depth := 0
	for i := 0; i < len(in); i++ {
		switch in[i] {
		case '\\':
			i++
		case '(':
			if depth++; depth > maxNest {
				return "", in, false
			}
		case ')':
			if depth--; depth == 0 {
				return in[1:i], in[i+1:], true
			}
		}
	}
	return "", in, false
}

// CutQuoted takes a quoted string (RFC 5322 section 3.2.4) and undoes its quoted pairs.
func CutQuoted(in string) (text, rest string, ok bool) {
	if in == "" || in[0] != '"' {
		return "", in, false
	}
	var out strings.Builder
	for i := 1; i < len(in); i++ {
		switch c := in[i]; c {
		case '"':
			return out.String(), in[i+1:], true
		case '\\':
			if i++; i < len(in) {
				out.WriteByte(in[i])
			}
		default:
			out.WriteByte(c)
		}
	}
	return "", in, false
}

// StripComments gives the value without its comments; quoted strings are left alone. An unclosed parenthesis stays.
func StripComments(value string) string {
	if strings.IndexByte(value, '(') < 0 {
		return value
	}
	var out strings.Builder
	for value != "" {
		if _, rest, ok := CutComment(value); ok {
			value = rest
			continue
		}
		if _, rest, ok := CutQuoted(value); ok {
			out.WriteString(value[:len(value)-len(rest)])
			value = rest
			continue
		}
		// An opening mark that never closes is text, and so is what follows it: looking again would be quadratic.
		if value[0] == '(' || value[0] == '"' {
			out.WriteString(value)
			break
		}
		next := strings.IndexAny(value, "(\"")
		if next < 0 {
			next = len(value)
		}
		out.WriteString(value[:next])
		value = value[next:]
	}
	return strings.TrimSpace(out.String())
}
