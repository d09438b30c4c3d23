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

// pattern writes a literal for a regular expression (PCRE, .NET): letters, digits and a few signs that no such language
// gives a meaning stay, the rest becomes its code. So no text can end the pattern, or an expansion around it.
func pattern(text string) string {
	var b strings.Builder
	for i := range len(text) {
		switch c := text[i]; {
		case c >= '0' && c <= '9', c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z', strings.IndexByte("@_:,=", c) >= 0:
			b.WriteByte(c)
		case c == '.':
			b.WriteString("[.]")
		default:
			fmt.Fprintf(&b, `\x%02x`, c)
		}
	}
	return b.String()
}

// powerShell writes a single-quoted string, in which nothing is expanded. The typographic quotes that PowerShell takes for
// plain ones can't be in a mark.
func powerShell(text string) string { return "'" + strings.ReplaceAll(text, "'", "''") + "'" }
