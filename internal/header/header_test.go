package header

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestSplit(t *testing.T) {
	tests := []struct {
		name, msg string
		fields    []string // "Name=unfolded value"
		body      string
	}{
		{"plain", "From: a@b\nSubject: x\n\nbody\n", []string{"From=a@b", "Subject=x"}, "body\n"},
		{"crlf", "From: a@b\r\nSubject: x\r\n\r\nbody\r\n", []string{"From=a@b", "Subject=x"}, "body\r\n"},
		{"folded", "Received: from x\n\tby y;\n date\nTo: z\n\n", []string{"Received=from x\tby y; date", "To=z"}, ""},
		{"mbox line first", "From MAILER Mon Nov 23\nTo: z\n\nb", []string{"To=z"}, "b"},
		{"quoted mbox line between", "To: z\n>From x Mon\nCc: y\n\nb", []string{"To=z", "Cc=y"}, "b"},
		{"blank before colon", "To : z\n\n", []string{"To=z"}, ""},
		{"no header", "just text\nmore: text\n", nil, "just text\nmore: text\n"},
		{"junk ends it", "To: z\nthis is text\n", []string{"To=z"}, "this is text\n"},
		{"no body", "To: z", []string{"To=z"}, ""},
		{"empty value", "X-MS-Exchange-Message-Is-Ndr:\nTo: z\n\n", []string{"X-MS-Exchange-Message-Is-Ndr=", "To=z"}, ""},
		{"empty", "", nil, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			section, body := Split([]byte(tt.msg))
			var got []string
			for _, f := range section {
				got = append(got, string(f.Name())+"="+f.Value())
			}
			if strings.Join(got, "|") != strings.Join(tt.fields, "|") {
				t.Errorf("fields %q, want %q", got, tt.fields)
			}
			if string(body) != tt.body {
				t.Errorf("body %q, want %q", body, tt.body)
			}
		})
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ value, want string }{
		{"a@b", "a@b"},
		{"Alice <a@b>", "a@b"},
		{`"Doe, John" <j@d.example>, k@d.example (Kay)`, "j@d.example k@d.example"},
		{"<@r1,@r2:u@d>", "u@d"},
		{"<>", ""},
		{"undisclosed-recipients:;", ""},
		{"team: a@b, c@d;", "a@b c@d"},
		{"Mail Delivery System a@b", "a@b"},
		{`"odd \" quote" <a@b>`, "a@b"},
		{`"a b"@c`, `"a b"@c`},
		{"(comment <x@y>) a@b", "a@b"},
		{`"unclosed <a@b>`, "a@b"},
	}
	for _, tt := range tests {
		var got []string
		for _, a := range Addresses(tt.value) {
			if a.Addr != "" {
				got = append(got, a.Addr)
			}
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("Addresses(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

func TestStripComments(t *testing.T) {
	tests := []struct{ value, want string }{
		{"dns; host (a (nested) one)", "dns; host"},
		{`"kept (in) quotes" x`, `"kept (in) quotes" x`},
		{"open ( never closed", "open ( never closed"},
		{`a (b \) c) d`, "a  d"},
	}
	for _, tt := range tests {
		if got := StripComments(tt.value); got != tt.want {
			t.Errorf("StripComments(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

func TestParseDate(t *testing.T) {
	want := time.Date(2026, 11, 23, 21, 30, 25, 0, time.UTC)
	for _, value := range []string{
		"Mon, 23 Nov 2026 21:30:25 +0000",
		"Mon, 23 Nov 2026 21:30:25 +0000 (UTC)",
		"23 Nov 2026 21:30:25 -0000",
		"Mon, 23 Nov 2026 21:30:25 GMT",
		"Monday, 23 Nov 2026 16:30:25 -0500",
		"Mon Nov 23 21:30:25 2026",
		"Mon, 23 Nov 2026 21:30:25",
		"23-Nov-2026 21:30:25 +0000",
	} {
		got, ok := ParseDate(value)
		if !ok || !got.Equal(want) {
			t.Errorf("ParseDate(%q) = %v, %v", value, got, ok)
		}
	}
	for _, value := range []string{"", "yesterday", "Mon, 99 Foo 2026", strings.Repeat("1", 1000)} {
		if got, ok := ParseDate(value); ok {
			t.Errorf("ParseDate(%q) = %v, want none", value, got)
		}
	}
}

func TestDecode(t *testing.T) {
	tests := []struct{ value, want string }{
		{"plain", "plain"},
		{"=?UTF-8?B?w6TDtsO8?= x", "äöü x"},
		{"=?ISO-8859-1?Q?caf=E9?=", "café"},
		{"=?koi8-r?B?8NLJ18XU?=", "Привет"},
		{"=?no-such-charset?Q?x?=", "=?no-such-charset?Q?x?="},
		{"raw \xe9", "raw é"},
	}
	for _, tt := range tests {
		if got := Decode(tt.value); got != tt.want {
			t.Errorf("Decode(%q) = %q, want %q", tt.value, got, tt.want)
		}
	}
}

// slowSplit is Split line by line, as one would write it first.
func slowSplit(msg []byte) (Section, []byte) {
	var fields Section
	rest := msg
	for len(rest) > 0 {
		line, next := cutLine(rest)
		name, _, found := bytes.Cut(line, []byte(":"))
		name = bytes.TrimRight(name, " \t")
		isField := found && len(name) > 0 && bytes.IndexByte(line, ':') <= maxName
		for _, c := range name {
			isField = isField && c > ' ' && c < 0x7f
		}
		switch {
		case len(line) == 0:
			return fields, next
		case isField:
			for len(next) > 0 && (next[0] == ' ' || next[0] == '\t') {
				_, next = cutLine(next)
			}
			raw := trimLineEnd(rest[:len(rest)-len(next)])
			if len(fields) < maxFields {
				fields = append(fields, Field{Raw: raw, name: uint16(len(name)), colon: uint16(bytes.IndexByte(raw, ':'))})
			}
		case !isMboxLine(line):
			return fields, rest
		}
		rest = next
	}
	return fields, nil
}

func checkTwin(t *testing.T, msg []byte) {
	section, body := Split(msg)
	slow, slowBody := slowSplit(msg)
	if len(section) != len(slow) || !bytes.Equal(body, slowBody) {
		t.Fatalf("%d fields and body %q, want %d and %q", len(section), body, len(slow), slowBody)
	}
	for i, f := range section {
		if !bytes.Equal(f.Raw, slow[i].Raw) || !bytes.Equal(f.Name(), slow[i].Name()) || !bytes.Equal(f.Body(), slow[i].Body()) {
			t.Fatalf("field %q, want %q", f.Raw, slow[i].Raw)
		}
		if got, want := f.Value(), unfoldAll(bytes.TrimSpace(f.Body())); got != want {
			t.Fatalf("value of %q is %q, want %q", f.Raw, got, want)
		}
		if got, want := f.Address(), FirstAddress(f.Value()); got != want {
			t.Fatalf("address of %q is %q, want %q", f.Raw, got, want)
		}
	}
	shared, _ := AppendFields(slow, msg)
	if len(shared) != 2*len(slow) {
		t.Fatalf("%d fields behind %d", len(shared)-len(slow), len(slow))
	}
}

// TestFieldAddress holds that the fast form of an address field agrees with the slow one.
func TestFieldAddress(t *testing.T) {
	for _, value := range []string{" a@b", " Alice <A@B.example>", ` "Doe, John" <j@d.example>`, " <>", "", " x", " Mail System a@b", ` "a\"b" <c@d>`, " <@r:u@d>", " A (c) <a@b>", " <a@b>, <c@d>", " <a@b", " é <é@b>", " <a@@b>", "\n <a@b>\r\n", " <a@b> x", ` "a"b" <c@d>`, " <@b>", " a@", " <a@b\x00>"} {
		f := NewField("From", value)
		if got, want := f.Address(), FirstAddress(f.Value()); got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// FuzzSplit holds that every field lies inside the message, in order, that nothing is both field and body, and that the
// fast forms agree with the slow ones.
func FuzzSplit(f *testing.F) {
	f.Add([]byte("From: a@b\r\nX: y\r\n z\r\n\r\nbody"))
	f.Add([]byte("From x\n>From y\n: z\n\n\n"))
	f.Add([]byte("A: b\r\n c\rd\n e\x00f\r\r\n g"))
	f.Add([]byte("A : b\nFrom x\nFrom: \"Doe, J\" <j@d>, k@d\nTo:\n\t\n x\n: y"))
	f.Fuzz(func(t *testing.T, msg []byte) {
		checkTwin(t, msg)
		section, body := Split(msg)
		from := 0
		for _, field := range section {
			at := bytes.Index(msg[from:], field.Raw)
			if at < 0 {
				t.Fatalf("field %q is not in the rest of the message", field.Raw)
			}
			from += at + len(field.Raw)
			Addresses(field.Value())
			StripComments(field.Value())
			Decode(field.Value())
			ParseDate(field.Value())
		}
		if !bytes.HasSuffix(msg, body) || len(msg)-len(body) < from {
			t.Fatalf("body %q is not what follows the fields of %q", body, msg)
		}
	})
}
