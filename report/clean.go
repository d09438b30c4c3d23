package report

import (
	"fmt"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// The cleaner. What it lets through can be printed anywhere: no byte of it moves a cursor, changes a colour, reorders
// the text around it or hides. What it stops stays visible, in the escapes of Go strings (\x1b, \u202e), so that a
// reader sees that somebody tried.

const (
	maxText  = 4096 // characters kept of one text
	maxMarks = 4    // combining marks on one character; Vietnamese and Hebrew need fewer
)

// Clean makes one safe line of a text from mail. Control bytes, terminal escapes, bidi controls, invisible characters,
// line ends and bytes that are no UTF-8 become visible escapes; odd spaces become plain ones; the length is bounded.
// Cleaning twice changes nothing.
func Clean(s string) string {
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(min(len(s), maxText) + 8)
	n, marks := 0, 0
	for i, size := 0, 0; i < len(s); i += size {
		var r rune
		r, size = utf8.DecodeRuneInString(s[i:])
		if n++; n > maxText {
			return cutBack(b.String())
		}
		if unicode.In(r, unicode.Mn, unicode.Me) {
			marks++
		} else {
			marks = 0
		}
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case emojiStyle(r): // only choose a glyph, and terminals disagree on its width
		case unicode.Is(unicode.Zs, r):
			b.WriteByte(' ')
		case marks > maxMarks, !Printable(r):
			writeEscape(&b, r)
		default:
			b.WriteRune(r)
		}
	}
	if utf8.RuneCountInString(b.String()) > maxText {
		return cutBack(b.String())
	}
	return b.String()
}

// cutBack bounds a cleaned text, ending in the sign that something is missing.
func cutBack(s string) string {
	n := 0
	for i := range s {
		if n++; n == maxText {
			return s[:i] + more
		}
	}
	return s + more
}

// plain says that nothing has to be done, as with nearly all text.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= maxText
}

// Printable says that a character shows itself and touches nothing around it.
func Printable(r rune) bool { return unicode.IsPrint(r) && !blank(r) && !emojiStyle(r) }

// blank are letters and symbols that Unicode calls graphic, yet show nothing: fillers, the empty Braille pattern, and
// the variation selectors and joiners among the marks (Unicode's Default_Ignorable_Code_Point).
func blank(r rune) bool {
	switch r {
	case 0x115F, 0x1160, 0x3164, 0xFFA0, 0x2800, 0x034F, 0x17B4, 0x17B5:
		return true
	}
	return unicode.Is(unicode.Variation_Selector, r) && !emojiStyle(r)
}

func emojiStyle(r rune) bool { return r == 0xFE0E || r == 0xFE0F }

func writeEscape(b *strings.Builder, r rune) {
	switch {
	case r == '\n':
		b.WriteString(`\n`)
	case r == '\r':
		b.WriteString(`\r`)
	case r == '\t':
		b.WriteString(`\t`)
	case r < 0x100:
		fmt.Fprintf(b, `\x%02x`, r)
	case r < 0x10000:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// cut shortens a cleaned text to a width in columns, with … for what is gone. It is for prose; addresses, ids and
// commands are never cut.
func cut(s string, width int) string {
	if width < 1 || twwidth.Width(s) <= width {
		return s
	}
	return strings.TrimRight(twwidth.Truncate(s, width-twwidth.Width(more)), " ") + more
}

// cutName shortens a host name, which says most at its end: ….dyn.provider.example. It cuts before a dot, so that what is left
// of notbank.example does not read as bank.example, unless hardly more than the last label would be left.
func cutName(s string, width int) string {
	if width < 1 || twwidth.Width(s) <= width {
		return s
	}
	// From the end, in one pass: a name of many parts would take a pass for each of them otherwise.
	start, room := len(s), width-twwidth.Width(more)
	for start > 0 {
		r, size := utf8.DecodeLastRuneInString(s[:start])
		if room -= twwidth.Width(string(r)); room < 0 {
			break
		}
		start -= size
	}
	if dot := strings.IndexByte(s[start:], '.'); dot >= 0 && strings.Contains(s[start+dot+1:], ".") {
		start += dot
	}
	return more + s[start:]
}

const more = "…"

// tidy returns a deep copy of a report or finding in which every string is clean.
func tidy[T any](v T) T {
	return mapStrings(reflect.ValueOf(&v).Elem(), Clean).Interface().(T)
}

var timeType = reflect.TypeFor[time.Time]()

// mapStrings makes a deep copy in which change has gone over every string. Lists and maps that are nil become empty, since
// the contract writes them as [] and {}; lists of numbers stay nil, which it writes as null.
func mapStrings(v reflect.Value, change func(string) string) reflect.Value {
	out := reflect.New(v.Type()).Elem()
	switch v.Kind() {
	case reflect.String:
		out.SetString(change(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			out.Set(reflect.New(v.Type().Elem()))
			out.Elem().Set(mapStrings(v.Elem(), change))
		}
	case reflect.Struct:
		if v.Type() == timeType {
			return v
		}
		for i := range v.NumField() {
			out.Field(i).Set(mapStrings(v.Field(i), change))
		}
	case reflect.Slice:
		if v.IsNil() && v.Type().Elem().Kind() == reflect.Float64 {
			return v
		}
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		for i := range v.Len() {
			out.Index(i).Set(mapStrings(v.Index(i), change))
		}
	case reflect.Map:
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for it := v.MapRange(); it.Next(); {
			out.SetMapIndex(mapStrings(it.Key(), change), mapStrings(it.Value(), change))
		}
	default:
		return v
	}
	return out
}
