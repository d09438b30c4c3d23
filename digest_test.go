package ndrscan

import (
	"strings"
	"testing"
)

// The same message has the same digest however it is kept; another message has another.
func TestDigest(t *testing.T) {
	const message = "From: a@example.com\nSubject: one\n two\nTo: b@example.com\n\nHello\n\nWorld\n"
	first := digest([]byte(message))
	if len(first) != 2*digestSize {
		t.Fatalf("%q", first)
	}
	for name, tc := range map[string]struct {
		from, to string
		same     bool
	}{
		"CRLF":                  {"\n", "\r\n", true},
		"CR":                    {"\n", "\r", true},
		"read":                  {"To:", "Status: RO\nTo:", true},
		"folded state":          {"To:", "X-Keywords: a\n b\nTo:", true},
		"another empty line":    {"World\n", "World\n\n", true},
		"no last line end":      {"World\n", "World", true},
		"subject":               {"one", "1", false},
		"body":                  {"World", "world", false},
		"empty line in between": {"Hello\n\n", "Hello\n", false},
		"a field more":          {"To:", "Cc: c@example.com\nTo:", false},
		"body for header":       {"To: b@example.com\n\n", "\nTo: b@example.com\n", false},
		"state in the body":     {"World", "Status: RO\nWorld", false},
	} {
		other := strings.ReplaceAll(message, tc.from, tc.to)
		if other == message {
			t.Fatalf("%s: nothing was changed", name)
		}
		if got := digest([]byte(other)) == first; got != tc.same {
			t.Errorf("%s: same digest: %v", name, got)
		}
	}
}
