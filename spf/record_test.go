package spf

import (
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestParsePrints(t *testing.T) {
	tests := []struct{ record, want string }{
		{"v=spf1", "v=spf1"},
		{"V=SPF1 +ALL ", "v=spf1 all"},
		{"v=spf1  -Include:%{d2r-}.Example.COM  ~all", "v=spf1 -include:%{d2r-}.Example.COM ~all"},
		{"v=spf1 a:h.example.com/24//64 mx/0 a//128 ?ptr:x.example", "v=spf1 a:h.example.com/24//64 mx/0 a//128 ?ptr:x.example"},
		{"v=spf1 ip4:192.0.2.1/32 ip4:192.0.2.9/28 ip6:2001:DB8:0::/32", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.9/28 ip6:2001:db8::/32"},
		{"v=spf1 exists:%{I}.%%x%_y%-z.example. exp=e.%{o}", "v=spf1 exists:%{I}.%%x%_y%-z.example. exp=e.%{o}"},
		{"v=spf1 exists:a%- exp=%%20.example", "v=spf1 exists:a%- exp=%-.example"},
		{"v=spf1 redirect=a.example x-y.z=%{c}/: rate=", "v=spf1 redirect=a.example x-y.z=%{c}/: rate="},
		{"v=spf1 a:%{l000128R.-+,/_=}", "v=spf1 a:%{l128r.-+,/_=}"},
	}
	for _, tt := range tests {
		p, err := Parse(tt.record)
		if err != nil {
			t.Errorf("%q: %v", tt.record, err)
			continue
		}
		if got := p.String(); got != tt.want {
			t.Errorf("%q: printed %q, want %q", tt.record, got, tt.want)
		}
		checkRoundTrip(t, p)
		for _, term := range p.Terms {
			if !strings.HasPrefix(tt.record[term.Offset:], term.Text) {
				t.Errorf("%q: %q does not stand at %d", tt.record, term.Text, term.Offset)
			}
		}
	}
}

// checkRoundTrip: a printed policy parses to itself.
func checkRoundTrip(t *testing.T, p *Policy) {
	t.Helper()
	again, err := Parse(p.String())
	if err != nil {
		t.Fatalf("%q doesn't parse: %v", p, err)
	}
	if !reflect.DeepEqual(bare(p), bare(again)) {
		t.Errorf("%q parses to %+v, want %+v", p, again, p)
	}
}

// bare is a policy without the places its terms came from.
func bare(p *Policy) []Term {
	terms := append([]Term(nil), p.Terms...)
	for i := range terms {
		terms[i].Text, terms[i].Offset = "", 0
	}
	return terms
}

func TestParseErrors(t *testing.T) {
	tests := []struct{ record, term, problem string }{
		{"", "", "doesn't begin"},
		{"v=spf10", "v=spf10", "doesn't begin"},
		{" v=spf1 -all", " v=spf1 -all", "doesn't begin"},
		{"v=spf1 ip:192.0.2.1", "ip:192.0.2.1", `"ip" is no mechanism`},
		{"v=spf1 mx, -all", "mx,", `"mx," is no mechanism`},
		{"v=spf1 - all", "-", `"" is no mechanism`},
		{"v=spf1 --all", "--all", `"-all" is no mechanism`},
		{"v=spf1 -redirect=example.com", "-redirect=example.com", "is no mechanism"},
		{"v=spf1 -all:example.com", "-all:example.com", "all stands alone"},
		{"v=spf1 a -all/8", "-all/8", "all stands alone"},
		{"v=spf1 include -all", "include", "a domain is missing"},
		{"v=spf1 include: example.com -all", "include:", "the domain is empty"},
		{"v=spf1 include:example.com/24", "include:example.com/24", "is no domain name"},
		{"v=spf1 ptr/24", "ptr/24", "no prefix length"},
		{"v=spf1 ip4", "ip4", "an IPv4 address is missing"},
		{"v=spf1 ip4:192.0.2", "ip4:192.0.2", "is no IPv4 address"},
		{"v=spf1 ip4:192.0.2.01", "ip4:192.0.2.01", "is no IPv4 address"},
		{"v=spf1 ip4:2001:db8::1", "ip4:2001:db8::1", "is no IPv4 address"},
		{"v=spf1 ip6:192.0.2.1", "ip6:192.0.2.1", "is no IPv6 address"},
		{"v=spf1 ip6:fe80::1%eth0", "ip6:fe80::1%eth0", "is no IPv6 address"},
		{"v=spf1 ip4:192.0.2.0/33", "ip4:192.0.2.0/33", "is no prefix length from 0 to 32"},
		{"v=spf1 ip4:192.0.2.0/", "ip4:192.0.2.0/", "is no prefix length"},
		{"v=spf1 a/024", "a/024", "is no prefix length"},
		{"v=spf1 a/24/64", "a/24/64", "is no prefix length"},
		{"v=spf1 a//129", "a//129", "is no prefix length from 0 to 128"},
		{"v=spf1 a/", "a/", "is no prefix length"},
		{"v=spf1 mx:example", "mx:example", "is no domain name"},
		{"v=spf1 a:192.0.2.1", "a:192.0.2.1", "is no domain name"},
		{"v=spf1 a:example.c-", "a:example.c-", "is no domain name"},
		{"v=spf1 a:%{d}com", "a:%{d}com", "is no domain name"},
		{"v=spf1 exists:%{x}.example.com", "exists:%{x}.example.com", `no macro letter "x"`},
		{"v=spf1 exists:%{c}.example.com", "exists:%{c}.example.com", "for explanations only"},
		{"v=spf1 exists:%{d0}.example.com", "exists:%{d0}.example.com", "can't keep 0 parts"},
		{"v=spf1 exists:%{dr2}.example.com", "exists:%{dr2}.example.com", "is no macro transformer"},
		{"v=spf1 exists:%{d.example.com", "exists:%{d.example.com", "is no macro"},
		{"v=spf1 exists:%{}.example.com", "exists:%{}.example.com", "is no macro"},
		{"v=spf1 a:b.example% -all", "a:b.example%", "a single"},
		{"v=spf1 a:b\tc.example", "a:b\tc.example", `the octet "\t"`},
		{"v=spf1 x=\xe9", "x=\xe9", `the octet "\xe9"`},
		{"v=spf1 exp=a.example -all EXP=b.example", "EXP=b.example", "only once"},
		{"v=spf1 redirect=a.example redirect=a.example", "redirect=a.example", "only once"},
		{"v=spf1 redirect=", "redirect=", "the domain is empty"},
	}
	for _, tt := range tests {
		_, err := Parse(tt.record)
		var e *SyntaxError
		if !errors.As(err, &e) || e.Term != tt.term || !strings.Contains(e.Problem, tt.problem) {
			t.Errorf("%q: got %v, want %q: %s", tt.record, err, tt.term, tt.problem)
			continue
		}
		if !strings.HasPrefix(tt.record[e.Offset:], e.Term) {
			t.Errorf("%q: %q does not stand at %d", tt.record, e.Term, e.Offset)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"v=spf1 a mx ptr -all", "v=spf1 ip4:192.0.2.0/28 ip6:2001:db8:1::/64 ~all", "v=spf1 ?include:%{i}._s.%{d2} redirect=_x.example.com",
		"v=spf1 exists:%{ir}.%{v}.%{L1r+-}.%%%_%-.example.com/ exp=%{S}", "V=SPF1 a:b/c.example.com/24//64 x=y%", "v=spf1 +mx//0 A/0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, record string) {
		if p, err := Parse(record); err == nil {
			checkRoundTrip(t, p)
		} else if !errors.As(err, new(*SyntaxError)) {
			t.Errorf("%q: %v is no SyntaxError", record, err)
		}
	})
}
