package ndrscan_test

import (
	"context"
	"maps"
	"slices"
	"testing"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/mailbox"
	"ndrscan/resolve"
	"ndrscan/trace"
)

// A survey shows what DNS names for us. It makes nothing ours that a confirmed name doesn't.
func TestSurveyOwn(t *testing.T) {
	dns, err := resolve.Open("zone:"+zone(t), resolve.Options{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := trace.NewOwn([]string{"ours.example"}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	ndrscan.SurveyOwn(ctx, own, dns, own.Domains())
	rules := map[string]string{}
	for _, h := range own.Seen() {
		rules[h.Host] = h.Rule
	}
	for host, want := range map[string]string{"mx.ours.example": trace.RuleConfirmedName, "spf.protection.outlook.com": trace.RuleShared, "spf.shared.example": trace.RuleShared} {
		if rules[host] != want {
			t.Errorf("%s: %q, want %s; all %v", host, rules[host], want, rules)
		}
	}
	if slices.ContainsFunc(own.Seen(), func(h trace.OwnHost) bool { return h.Host == "192.0.2.0/28" }) {
		t.Error("a network that holds a server known as ours is no candidate")
	}
}

// The accounts' domains are ours whatever else is (METHOD 2): naming one server of ours takes nothing away.
func TestAccountDomainsAreOurs(t *testing.T) {
	classes := func(own ...string) map[classify.Class]int {
		result, err := ndrscan.Scan(context.Background(), []mailbox.Source{open(t, "testdata/mbox/mixed.mbox.gz")},
			ndrscan.Options{Own: own, Resolver: zoneFile(t, "testdata/mbox/lab.zone")})
		if err != nil {
			t.Fatal(err)
		}
		defer result.Close()
		return result.Report.Classes
	}
	want := classes("example.com")
	if want[classify.Compromised] == 0 || want[classify.Forged] == 0 {
		t.Fatalf("the flood is mixed: %v", want)
	}
	for _, own := range [][]string{nil, {"submit.example.com"}, {"mx.example.com."}, {"192.0.2.2"}, {"MX.example.com", "192.0.2.0/24"}} {
		if got := classes(own...); !maps.Equal(got, want) {
			t.Errorf("--own %v: %v, want %v", own, got, want)
		}
	}
}
