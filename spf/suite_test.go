package spf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"ndrscan/internal/dnstest"
	"ndrscan/resolve"
	"ndrscan/spf"
)

// suiteFile is the openspf.org test suite for RFC 7208. It is read where it stands and not part of this project.
const suiteFile = "../../shared/spf/rfc7208-tests.yml"

const (
	suiteTests        = 203
	suiteExplanations = 22
)

// scenario is one document of the suite: a zone and tests against it.
type scenario struct {
	Description string
	Tests       map[string]suiteTest
	Zonedata    map[string][]any // of "TIMEOUT" and {TYPE: value}
}

type suiteTest struct {
	Helo, Host, Mailfrom string
	Result               oneOrMore // the first is preferred
	Explanation          string
}

type oneOrMore []string

func (o *oneOrMore) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.SequenceNode {
		return n.Decode((*[]string)(o))
	}
	*o = []string{n.Value}
	return nil
}

// writings are ways to put the same question.
var writings = []struct {
	name  string
	write func(spf.Request) spf.Request
}{
	{"plain", func(r spf.Request) spf.Request { return r }},
	{"mapped address", func(r spf.Request) spf.Request {
		r.IP = netip.AddrFrom16(r.IP.As16())
		return r
	}},
	{"upper case", func(r spf.Request) spf.Request {
		r.Sender, r.HELO = strings.ToUpper(r.Sender), strings.ToUpper(r.HELO)
		return r
	}},
}

// TestSuite runs the whole suite through real DNS packets, in each writing, and so often without steps that answers come
// from tables where they can. Every test has to give the preferred result.
func TestSuite(t *testing.T) {
	scenarios := readSuite(t)
	var tests, explanations atomic.Int64
	t.Run("scenario", func(t *testing.T) {
		for _, sc := range scenarios {
			t.Run(sc.Description, func(t *testing.T) {
				t.Parallel()
				checker := sc.serve(t)
				tabled := &spf.Checker{Resolver: checker.Resolver, SkipSteps: true}
				for name, tt := range sc.Tests {
					tests.Add(1)
					if tt.Explanation != "" {
						explanations.Add(1)
					}
					req := spf.Request{IP: netip.MustParseAddr(tt.Host), Sender: tt.Mailfrom, HELO: tt.Helo}
					for _, w := range writings {
						tt.check(t, name+", "+w.name, checker, w.write(req))
						for range 10 {
							tt.check(t, name+", "+w.name+", tabled", tabled, w.write(req))
						}
					}
				}
			})
		}
	})
	t.Logf("%d tests, %d explanations, in %d writings", tests.Load(), explanations.Load(), len(writings))
	if tests.Load() != suiteTests || explanations.Load() != suiteExplanations {
		t.Errorf("the suite has %d tests and %d explanations", suiteTests, suiteExplanations)
	}
}

func (tt suiteTest) check(t *testing.T, name string, checker *spf.Checker, req spf.Request) {
	out := checker.Check(context.Background(), req)
	if string(out.Result) != tt.Result[0] {
		t.Errorf("%s: got %s, want %s\n%+v", name, out.Result, tt.Result[0], out)
	}
	if tt.Explanation != "" && !saysTheSame(out.Explanation, tt.Explanation) {
		t.Errorf("%s: explanation %q, want %q", name, out.Explanation, tt.Explanation)
	}
}

// saysTheSame compares explanations. DEFAULT is the checker's own words, and ours are none. The case of the hexadecimal
// digits of the macros c and i is left open by RFC 7208 section 7.3; the suite has both, and a sender in upper case is
// quoted as such.
func saysTheSame(got, want string) bool {
	if want == "DEFAULT" {
		return got == ""
	}
	return strings.EqualFold(got, want)
}

func readSuite(t *testing.T) (scenarios []scenario) {
	data, err := os.ReadFile(suiteFile)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("the RFC 7208 test suite is not at %s", suiteFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	dec := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var sc scenario
		if err := dec.Decode(&sc); err == io.EOF {
			return scenarios
		} else if err != nil {
			t.Fatal(err)
		}
		scenarios = append(scenarios, sc)
	}
}

// serve puts the scenario's zone on a name server. "TIMEOUT" goes for the types of which the host has no record.
func (sc scenario) serve(t *testing.T) *spf.Checker {
	var zone strings.Builder
	silent := map[string][]string{}
	for host, entries := range sc.Zonedata {
		types, timeout := writeHost(&zone, host, entries)
		for _, typ := range []string{"TXT", "A", "AAAA", "MX", "PTR", "CNAME"} {
			if timeout && !slices.Contains(types, typ) {
				silent[host] = append(silent[host], typ)
			}
		}
	}
	srv := dnstest.Serve(t, zone.String())
	for host, types := range silent {
		srv.Fault(host, dnstest.Timeout, types...)
	}
	client, err := resolve.Open(srv.Addr, resolve.Options{Timeout: 300 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	return &spf.Checker{Resolver: client}
}

// writeHost writes a host's records. A host that has SPF records but no TXT gets them as TXT; "TXT: NONE" prevents that.
func writeHost(zone *strings.Builder, host string, entries []any) (types []string, timeout bool) {
	var policies []any
	hasTXT := false
	write := func(typ string, value any) {
		types = append(types, typ)
		fmt.Fprintf(zone, "%s IN %s %s\n", quoteName(host), typ, rdata(typ, value))
	}
	for _, e := range entries {
		if e == "TIMEOUT" {
			timeout = true
			continue
		}
		for typ, value := range e.(map[string]any) {
			hasTXT = hasTXT || typ == "TXT"
			switch {
			case typ == "SPF":
				policies = append(policies, value)
			case value != "NONE":
				write(typ, value)
			}
		}
	}
	for _, p := range policies {
		if !hasTXT {
			write("TXT", p)
		}
	}
	return types, timeout
}

func rdata(typ string, value any) string {
	switch v := value.(type) {
	case []any:
		if typ == "MX" {
			return fmt.Sprintf("%d %s", v[0], quoteName(v[1].(string)))
		}
		var texts []string
		for _, s := range v {
			texts = append(texts, quoteText(s.(string)))
		}
		if texts == nil {
			return `""`
		}
		return strings.Join(texts, " ")
	case string:
		switch typ {
		case "TXT":
			return quoteText(v)
		case "CNAME", "PTR":
			return quoteName(v)
		}
		return v
	}
	panic(fmt.Sprintf("%s record of %T", typ, value))
}

// quoteText writes the strings of a TXT record, 255 octets each.
func quoteText(s string) string {
	var out strings.Builder
	for i := 0; i < len(s) || i == 0; i += 255 {
		out.WriteString(`"` + octets(s[i:min(len(s), i+255)], "") + `" `)
	}
	return out.String()
}

func quoteName(s string) string { return octets(strings.TrimSuffix(s, "."), ".-_") + "." }

// octets escapes all that is neither letter, digit nor plain.
func octets(s, plain string) string {
	var out strings.Builder
	for i := range len(s) {
		c := s[i]
		if '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || strings.IndexByte(plain, c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, `\%03d`, c)
		}
	}
	return out.String()
}
