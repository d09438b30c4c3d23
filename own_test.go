package ndrscan_test

import (
	"context"
	"slices"
	"testing"

	"ndrscan"
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
