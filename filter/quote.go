package filter

import (
	"fmt"
	"strings"
)

// Marks are printable ASCII (usable in marks.go), so what is left to guard is each language's own syntax.

// sieveString writes a quoted string: only the quote and the backslash are special in it (RFC 5228 section 2.4.2).
func sieveString(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}

// sieveList writes a string list, one a line.
func sieveList(indent string, list []string) string {
	var b strings.Builder
	b.WriteString("[")
	for i, text := range list {
		if i > 0 {
			b.WriteString(",")
		}
		b.WriteString("\n" + indent + "  " + sieveString(text))
	}
	b.WriteString("]")
	return b.String()
}

// pcre writes a literal for a Perl-compatible regular expression between slashes (pcre_table(5)): letters, digits and a few
// signs that have no meaning there stay, the rest becomes its code, so that no text can end the pattern.
func pcre(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case alphanumeric(c), strings.IndexByte(" @_:,=-<>", c) >= 0:
			b.WriteByte(c)
		case c == '.':
			b.WriteString("[.]")
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// eximString writes a quoted string of an Exim filter file. It is unquoted first and expanded then, so every sign that
// could mean something to either is written as a code that the expansion turns into the sign itself (Exim specification,
// chapter "String expansions", section "Character escape sequences in expanded strings").
func eximString(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(text) {
		if c := text[i]; alphanumeric(c) || strings.IndexByte(" .,:@_=-<>()[]/+", c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, `\\x%02x`, c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

// exchangePattern writes a literal for the regular expressions of a mail flow rule, which know no codes: a backslash takes
// the meaning from what follows it.
func exchangePattern(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; !alphanumeric(c) && c != ' ' {
			b.WriteByte('\\')
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// powerShell writes a single-quoted string, in which nothing is expanded. The typographic quotes that PowerShell takes for
// plain ones can't be in a mark.
func powerShell(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }

func alphanumeric(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}
