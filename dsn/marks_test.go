package dsn

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// containsMark looks for one mark without an index; it is the slow twin of scan and in.
func containsMark(text []byte, wanted string, fold bool) bool {
	before, after, star := strings.Cut(wanted, "*")
	for {
		at := bytes.Index(text, []byte(before))
		if fold {
			at = indexFold(text, strings.ToLower(before))
		}
		if at < 0 || !star {
			return at >= 0
		}
		text = text[at+len(before):]
		if containsFold(firstLine(text[:min(len(text), maxStarred)]), strings.ToLower(after)) {
			return true
		}
	}
}

// checkMarks holds that the index finds the marks that looking for each finds.
func checkMarks(t *testing.T, text []byte) {
	t.Helper()
	if strings.Contains(string(text), "\r") {
		return // the twin knows LF only
	}
	var found markSet
	index.scan(text, &found)
	for id, m := range index.marks {
		wanted := m.text
		if m.after != "" {
			wanted += "*" + m.after
		}
		if got, want := found.has(uint16(id)), containsMark(text, wanted, m.fold); got != want {
			t.Fatalf("%q in %q: %v, want %v", wanted, text, got, want)
		}
		if !m.fold && m.in(text) != found.has(uint16(id)) {
			t.Fatalf("%q alone in %q: %v", wanted, text, m.in(text))
		}
	}
}

func TestMarks(t *testing.T) {
	for _, text := range samples(t) {
		checkMarks(t, []byte(text))
	}
	// Marks cut, joined and spoilt.
	random := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var text strings.Builder
		for range 20 {
			m := index.marks[random.IntN(len(index.marks))].text
			text.WriteString(m[:random.IntN(len(m)+1)])
			if random.IntN(3) == 0 {
				text.WriteString(strings.ToUpper(m))
			}
			text.WriteString([]string{"", " ", "\n", "x.outlook.com"}[random.IntN(4)])
		}
		checkMarks(t, []byte(text.String()))
	}
}

func TestMarksOverLines(t *testing.T) {
	for _, tt := range []struct {
		text, prefix string
		want         bool
	}{
		{"a\nb", "a\nb", true}, {"a\r\nb", "a\nb", true}, {"a\r\n\r\nb", "a\n\nb", true}, {"a\rb", "a\nb", false}, {"a", "a\nb", false}, {"a\r", "a\n", false},
	} {
		if got := hasPrefixLines([]byte(tt.text), tt.prefix, false); got != tt.want {
			t.Errorf("%q in %q: %v", tt.prefix, tt.text, got)
		}
	}
}
