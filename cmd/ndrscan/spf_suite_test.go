package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"ndrscan/internal/dnstest"
	"ndrscan/report"
)

// suiteFile is the openspf.org test suite for RFC 7208. It is read where it stands and not part of this project.
const suiteFile = "../../../shared/spf/rfc7208-tests.yml"

// suiteScenario is one document of the suite: a zone and tests against it.
type suiteScenario struct {
	Description string
	Tests       map[string]struct {
		Helo, Host, Mailfrom string
		Result               yaml.Node // one result, or several of which the first is preferred
		Explanation          string
	}
	Zonedata map[string][]any // of "TIMEOUT" and {TYPE: value}
}

// TestSPFSuite runs the whole suite through the command line, against a name server that answers real packets; each test
// also with the client as an IPv4-mapped address and the names in upper case.
func TestSPFSuite(t *testing.T) {
	data, err := os.ReadFile(suiteFile)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("the RFC 7208 test suite is not at %s", suiteFile)
	}
	if err != nil {
		t.Fatal(err)
	}
	total, preferred := 0, 0
	for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
		var sc suiteScenario
		if err := dec.Decode(&sc); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		t.Run(sc.Description, func(t *testing.T) {
			addr := sc.serve(t)
			for name, test := range sc.Tests {
				total++
				got := ask(t, addr, test.Host, test.Mailfrom, test.Helo)
				loud := ask(t, addr, mapped(test.Host), upper(test.Mailfrom), strings.ToUpper(test.Helo))
				if loud.Result != got.Result || !strings.EqualFold(loud.Explanation, got.Explanation) || loud.IP != got.IP {
					t.Errorf("%s: mapped and in upper case %+v, else %+v", name, loud, got)
				}
				var want []string
				if test.Result.Decode(&want) != nil {
					want = []string{test.Result.Value}
				}
				switch slices.Index(want, got.Result) {
				case -1:
					t.Errorf("%s: %s, want %s\n%+v", name, got.Result, want, got)
				case 0:
					preferred++
				default:
					t.Errorf("%s: %s is right, but %s is preferred", name, got.Result, want[0])
				}
				if test.Explanation != "" && test.Explanation != "DEFAULT" && !strings.EqualFold(got.Explanation, test.Explanation) {
					t.Errorf("%s: explanation %q, want %q", name, got.Explanation, test.Explanation)
				}
			}
		})
	}
	if total != 203 {
		t.Errorf("the suite has %d tests, want 203", total)
	}
	t.Logf("%d of %d with the preferred result", preferred, total)
}

func mapped(ip string) string {
	if strings.Contains(ip, ":") {
		return ip
	}
	return "::ffff:" + ip
}

// upper leaves the local part alone: its case counts.
func upper(sender string) string {
	at := strings.LastIndexByte(sender, '@') + 1
	return sender[:at] + strings.ToUpper(sender[at:])
}

// ask is the command as it is typed.
func ask(t *testing.T, dns, ip, from, helo string) (c report.SPFCheck) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	args := []string{"spf", "check", "--dns", dns, "--dns-timeout", "300ms", "--format", "json", "--ip", ip, "--from", from, "--helo", helo}
	if code := run(args, strings.NewReader(""), &stdout, &stderr); code != exitDone {
		t.Fatalf("%q: exit code %d: %s", args, code, stderr.String())
	}
	if err := json.Unmarshal(stdout.Bytes(), &c); err != nil {
		t.Fatalf("%q: %v\n%s", args, err, stdout.String())
	}
	return c
}

// serve puts the scenario's zone on a name server. "TIMEOUT" goes for the types of which the host has no record.
func (sc suiteScenario) serve(t *testing.T) string {
	var zone strings.Builder
	silent := map[string][]string{}
	for host, entries := range sc.Zonedata {
		types := writeSuiteHost(&zone, host, entries)
		if !slices.Contains(entries, any("TIMEOUT")) {
			continue
		}
		for _, typ := range []string{"TXT", "A", "AAAA", "MX", "PTR", "CNAME"} {
			if !slices.Contains(types, typ) {
				silent[host] = append(silent[host], typ)
			}
		}
	}
	srv := dnstest.Serve(t, zone.String())
	for host, types := range silent {
		srv.Fault(host, dnstest.Timeout, types...)
	}
	return srv.Addr
}

// writeSuiteHost writes the records of a host. One that has SPF records but no TXT gets them as TXT; "TXT: NONE" prevents
// that.
func writeSuiteHost(zone *strings.Builder, host string, entries []any) (types []string) {
	hasTXT := slices.ContainsFunc(entries, func(e any) bool { m, _ := e.(map[string]any); return m["TXT"] != nil })
	for _, e := range entries {
		records, _ := e.(map[string]any)
		for typ, value := range records {
			if typ == "SPF" && !hasTXT {
				typ = "TXT"
			}
			if typ == "SPF" || value == "NONE" {
				continue
			}
			types = append(types, typ)
			fmt.Fprintf(zone, "%s IN %s %s\n", suiteName(host), typ, suiteData(typ, value))
		}
	}
	return types
}

func suiteData(typ string, value any) string {
	list, many := value.([]any)
	switch {
	case typ == "MX":
		return fmt.Sprintf("%d %s", list[0], suiteName(list[1].(string)))
	case typ == "TXT":
		if !many {
			list = []any{value}
		}
		var out strings.Builder
		for _, s := range append(list, "") {
			text := s.(string)
			for i := 0; i < len(text) || i == 0; i += 255 {
				out.WriteString(`"` + suiteOctets(text[i:min(len(text), i+255)], "") + `" `)
			}
		}
		return out.String()
	case typ == "CNAME" || typ == "PTR":
		return suiteName(value.(string))
	}
	return fmt.Sprint(value)
}

func suiteName(s string) string { return suiteOctets(strings.TrimSuffix(s, "."), ".-_") + "." }

// suiteOctets escapes all that is neither letter, digit nor plain.
func suiteOctets(s, plain string) string {
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
