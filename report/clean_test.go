package report

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"ndrscan/classify"
)

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "Hello, World!", "Hello, World!"},
		{"letters", "Grüße, Счёт, 请查收", "Grüße, Счёт, 请查收"},
		{"colour", "\x1b[31mred\x1b[0m", `\x1b[31mred\x1b[0m`},
		{"title of the window", "\x1b]0;owned\x07", `\x1b]0;owned\x07`},
		{"C1 as UTF-8", "a\u009b2Jb", `a\x9b2Jb`},
		{"C1 as a byte", "a\x9b2Jb", `a\x9b2Jb`},
		{"line ends", "a\r\nb\tc", `a\r\nb\tc`},
		{"line separators", "a\u2028b\u2029c\u0085d", `a\u2028b\u2029c\x85d`},
		{"NUL and DEL", "a\x00b\x7f", `a\x00b\x7f`},
		{"bidi override", "\u202egpj.exe", `\u202egpj.exe`},
		{"bidi isolate", "a\u2066b\u2069", `a\u2066b\u2069`},
		{"bidi marks", "a\u200eb\u200fc\u061cd", `a\u200eb\u200fc\u061cd`},
		{"zero width", "pay\u200bpal\u200d\ufeff", `pay\u200bpal\u200d\ufeff`},
		{"soft hyphen", "pay\u00adpal", `pay\xadpal`},
		{"tags", "a\U000e0041b", `a\U000e0041b`},
		{"private use", "\ue000", `\ue000`},
		{"fillers", "a\u3164b\u2800c\u115f", `a\u3164b\u2800c\u115f`},
		{"invalid", "a\xff\xfeb\xc3", `a\xff\xfeb\xc3`},
		{"spaces", "a\u00a0b\u3000c\u2003d", "a b c d"},
		{"emoji", "⚠\ufe0f sale", "⚠ sale"},
		{"accents", "e\u0301", "e\u0301"},
		{"a pile of marks", "e" + strings.Repeat("\u0301", 6), "e" + strings.Repeat("\u0301", 4) + `\u0301\u0301`},
		{"too long", strings.Repeat("é", maxText+1), strings.Repeat("é", maxText-1) + "…"},
		{"long enough", strings.Repeat("x", maxText), strings.Repeat("x", maxText)},
	} {
		if got := Clean(tc.in); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		in    string
		width int
		want  string
	}{
		{"short", 10, "short"},
		{"longer than that", 10, "longer th…"},
		{"longer    than that", 9, "longer…"},
		{"请查收请查收", 6, "请查…"},
		{"x", 0, "x"},
	} {
		if got := cut(tc.in, tc.width); got != tc.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tc.in, tc.width, got, tc.want)
		}
	}
}

func TestCutName(t *testing.T) {
	for _, tc := range []struct {
		in    string
		width int
		want  string
	}{
		{"mx.example", 10, "mx.example"},
		{"host-1.dyn.provider.example", 19, "….provider.example"},
		{"host-1.dyn.provider.example", 18, "….provider.example"},
		{"host-1.dyn.provider.example", 17, "…provider.example"},
		{"mail.notbank.example", 13, "…bank.example"},
		{"x.example", 1, "…"},
	} {
		if got := cutName(tc.in, tc.width); got != tc.want {
			t.Errorf("cutName(%q, %d) = %q, want %q", tc.in, tc.width, got, tc.want)
		}
	}
}

func TestTidyLeavesItsInput(t *testing.T) {
	r := joeJob()
	want := joeJob()
	got := tidy(r)
	if !reflect.DeepEqual(r, want) {
		t.Error("the input has changed")
	}
	if got.Campaigns[0].Subject == r.Campaigns[0].Subject {
		t.Error("the subject is not clean")
	}
	if !got.Generated.Equal(r.Generated) || *got.Verdict.Share != *r.Verdict.Share {
		t.Error("numbers and times have changed")
	}
}

func unsafe(s string) (rune, bool) {
	for _, r := range s {
		if !Printable(r) {
			return r, true
		}
	}
	return 0, !utf8.ValidString(s)
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[2J", "\u202e", "\xff\xfe", "e\u0301\u0301\u0301\u0301\u0301", "\ufe0f", strings.Repeat("é", 5000)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := Clean(s)
		if r, bad := unsafe(got); bad {
			t.Fatalf("%q lets %U through", s, r)
		}
		if Clean(got) != got {
			t.Fatalf("%q: not the same again: %q, %q", s, got, Clean(got))
		}
		if n := utf8.RuneCountInString(got); n > maxText {
			t.Fatalf("%d characters", n)
		}
		if c := cut(got, 20); twwidth.Width(c) > 20 {
			t.Fatalf("cut to %d columns: %q", twwidth.Width(c), c)
		}
	})
}

// Whatever stands in the data, no writer prints anything but visible text, line ends and the colours of our own.
func FuzzWriters(f *testing.F) {
	f.Add("\x1b]0;owned\x07\u202e", uint8(80))
	f.Add("a\nb\tc", uint8(120))
	f.Add(strings.Repeat("x", 300), uint8(0))
	f.Fuzz(func(t *testing.T, s string, width uint8) {
		r, finding := joeJob(), forged()
		smear(reflect.ValueOf(r).Elem(), s)
		smear(reflect.ValueOf(&finding).Elem(), s)
		var b strings.Builder
		style := Style{Width: int(width), Verbose: width%2 == 0}
		if err := Terminal(&b, r, style); err != nil {
			t.Fatal(err)
		}
		if err := Explain(&b, finding, style); err != nil {
			t.Fatal(err)
		}
		if err := WriteJSON(&b, r); err != nil {
			t.Fatal(err)
		}
		if bad, found := unsafe(strings.ReplaceAll(b.String(), "\n", "")); found {
			t.Fatalf("%q: %U came through", s, bad)
		}
		line, err := json.Marshal(tidy(finding))
		if err != nil {
			t.Fatal(err)
		}
		var back classify.Finding
		if err := json.Unmarshal(line, &back); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(tidy(back), tidy(finding)) {
			t.Fatalf("%s does not read back", line)
		}
	})
}

// smear puts a text into every string that a value holds.
func smear(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + s)
	case reflect.Pointer:
		if !v.IsNil() {
			smear(v.Elem(), s)
		}
	case reflect.Slice:
		for i := range v.Len() {
			smear(v.Index(i), s)
		}
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			return
		}
		for i := range v.NumField() {
			smear(v.Field(i), s)
		}
	case reflect.Map:
		if v.Type().Key().Kind() == reflect.String && !v.IsNil() && v.Type().Elem().Kind() == reflect.Int {
			v.SetMapIndex(reflect.ValueOf(s).Convert(v.Type().Key()), reflect.ValueOf(3))
		}
	}
}
