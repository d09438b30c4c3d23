package proof

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// texts is a DNS of one TXT record a name; "|" parts several, "error" is a failure.
type texts map[string]string

func (t texts) LookupTXT(_ context.Context, name string) ([]string, error) {
	switch text := t[name]; text {
	case "":
		return nil, nil
	case "error":
		return nil, errors.New("no answer in time")
	default:
		return strings.Split(text, "|"), nil
	}
}

// The walk of RFC 9989 section 4.10.
func TestDiscoverDMARC(t *testing.T) {
	const deep = "a.b.c.d.e.f.g.h.i.j.example.com"
	for _, tc := range []struct {
		name, domain string
		dns          texts
		policy       string
		found, org   string
		queries      int
		problem      string
	}{
		{name: "at the domain", domain: "example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; p=reject"}, policy: "reject", found: "example.com", org: "example.com", queries: 2},
		{name: "none", domain: "example.com", org: "example.com", queries: 2},
		{name: "subdomain, sp", domain: "m.example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; p=reject; sp=quarantine; rua=mailto:d@example.com"},
			policy: "quarantine", found: "example.com", org: "example.com", queries: 3},
		{name: "subdomain, p", domain: "m.example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; p=reject"}, policy: "reject", found: "example.com", org: "example.com", queries: 3},
		{name: "own record wins, organisation is above", domain: "m.example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; p=reject", "_dmarc.m.example.com": "v=DMARC1; p=none"},
			policy: "none", found: "m.example.com", org: "example.com", queries: 3},
		{name: "psd=n ends the walk", domain: "x.m.example.com", dns: texts{"_dmarc.m.example.com": "v=DMARC1; p=quarantine; psd=n", "_dmarc.example.com": "v=DMARC1; p=reject"},
			policy: "quarantine", found: "m.example.com", org: "m.example.com", queries: 2},
		{name: "a suffix with a policy", domain: "shop.example.gov", dns: texts{"_dmarc.gov": "v=DMARC1; p=reject; sp=quarantine; psd=y"},
			policy: "quarantine", found: "gov", org: "example.gov", queries: 3},
		{name: "the suffix stands below the domain's own", domain: "shop.example.gov", dns: texts{"_dmarc.gov": "v=DMARC1; p=reject; psd=y", "_dmarc.example.gov": "v=DMARC1; p=none"},
			policy: "none", found: "example.gov", org: "example.gov", queries: 3},
		{name: "eight queries at most", domain: deep, dns: texts{"_dmarc.example.com": "v=DMARC1; p=reject"}, policy: "reject", found: "example.com", org: "example.com", queries: 8},
		{name: "labels in the middle are passed over", domain: deep, dns: texts{"_dmarc.b.c.d.e.f.g.h.i.j.example.com": "v=DMARC1; p=reject"}, org: deep, queries: 8},
		{name: "two records are none", domain: "example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; p=reject|v=DMARC1; p=none"}, org: "example.com", queries: 2, problem: "2 DMARC records"},
		{name: "another record beside it", domain: "example.com", dns: texts{"_dmarc.example.com": "v=spf1 -all|v=DMARC1;p=none"}, policy: "none", found: "example.com", org: "example.com", queries: 2},
		{name: "bad version", domain: "example.com", dns: texts{"_dmarc.example.com": "v=DMARC2; p=reject"}, org: "example.com", queries: 2, problem: "no DMARC record"},
		{name: "bad policy", domain: "example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; p=rejct"}, found: "example.com", org: "example.com", queries: 2, problem: "rejct"},
		{name: "bad policy, but reports", domain: "m.example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; p=none; sp=rejct; rua=mailto:d@example.com"}, policy: "none",
			found: "example.com", org: "example.com", queries: 3, problem: "sp=rejct in the record of _dmarc.example.com"},
		{name: "no policy, but reports", domain: "example.com", dns: texts{"_dmarc.example.com": "v=DMARC1; rua=mailto:d@example.com"}, policy: "none", found: "example.com", org: "example.com", queries: 2},
		{name: "upper case, dot", domain: "Example.COM.", dns: texts{"_dmarc.example.com": "v=DMARC1; p=Reject"}, policy: "reject", found: "example.com", org: "example.com", queries: 2},
	} {
		d, err := DiscoverDMARC(context.Background(), tc.dns, tc.domain)
		if err != nil || d.Policy != tc.policy || d.Found != tc.found || d.Org != tc.org || d.Queries != tc.queries ||
			(tc.problem != "") != (d.Problem != "") || !strings.Contains(d.Problem, tc.problem) {
			t.Errorf("%s: %+v, %v", tc.name, d, err)
		}
	}
	if _, err := DiscoverDMARC(context.Background(), texts{"_dmarc.example.com": "error"}, "m.example.com"); err == nil {
		t.Error("no DNS: no error")
	}
}

func TestDescribeKey(t *testing.T) {
	const ed = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=" // RFC 8463 appendix A.2
	for record, want := range map[string]string{
		"v=DKIM1; k=ed25519; p=" + ed:      "Ed25519",
		"v=DKIM1; k=ed25519; t=y; p=" + ed: "Ed25519, in test mode (t=y)",
		"v=DKIM1; p=":                      "!revoked",
		"v=DKIM1; k=rsa; p=AAAA":           "!no RSA key",
		"v=DKIM1; k=dsa; p=AAAA":           "!not known",
		"v=spf1 -all":                      "!no key record",
		"k=rsa; t=y":                       "!p= is missing",
	} {
		words, err := DescribeKey(record)
		fault, wrong := strings.CutPrefix(want, "!")
		if wrong && (err == nil || !strings.Contains(err.Error(), fault)) || !wrong && (err != nil || words != want) {
			t.Errorf("%s: %q, %v", record, words, err)
		}
	}
}

// FuzzDMARC: no record makes a walk longer or a policy other than the three.
func FuzzDMARC(f *testing.F) {
	f.Add("v=DMARC1; p=reject; sp=none; psd=y", "m.example.com")
	f.Add("v=DMARC1;;;", ".")
	f.Fuzz(func(t *testing.T, record, domain string) {
		dns := texts{"_dmarc." + strings.ToLower(strings.TrimSuffix(domain, ".")): record, "_dmarc.com": record, "_dmarc.example.com": record}
		d, err := DiscoverDMARC(context.Background(), dns, domain)
		if err == nil && d.Queries > maxWalk {
			t.Errorf("%d queries", d.Queries)
		}
		switch d.Policy {
		case "", "none", "quarantine", "reject":
		default:
			t.Errorf("policy %q", d.Policy)
		}
	})
}
