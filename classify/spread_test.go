package classify

import (
	"fmt"
	"testing"

	"ndrscan/dsn"
)

// A thief who sends through proxies for hire shows no habit in any one network; the account everywhere does.
func TestSpreadOverNetworks(t *testing.T) {
	run := func(networks int, change func(n int, e *Evidence)) []*Evidence {
		return spamRun(40, func(n int) *Evidence {
			return with(submitted(n, "mark@ours.example", fmt.Sprintf("203.%d.113.9", n%networks)), func(e *Evidence) {
				e.Account = "mark@ours.example"
				change(n, e)
			})
		})
	}
	asIs := func(int, *Evidence) {}
	own := func(_ int, e *Evidence) { e.Reporter.Own, e.Verified = true, false }
	hidden := func(authors int) func(int, *Evidence) {
		return func(n int, e *Evidence) {
			e.Origin.AuthUser, e.Account = "", fmt.Sprintf("user%d@ours.example", n%authors)
		}
	}
	tests := []struct {
		name     string
		messages []*Evidence
		want     Judgement
	}{
		{"forty networks", run(40, asIs), Compromise},
		{"forty networks, our own bounces", run(40, own), Compromise},
		{"forty networks, one author, no login shown", run(40, hidden(1)), Compromise},
		{"forty authors of a server that shows no login", run(40, hidden(40)), OrdinaryBounces},
		{"unverified reports", run(40, func(_ int, e *Evidence) { e.Verified = false }), CompromiseSuspected},
		{"a network a day", run(40, func(n int, e *Evidence) { e.Origin.Time = noon.AddDate(0, 0, n) }), OrdinaryBounces},
		{"networks that are known for the account", run(40, func(_ int, e *Evidence) { e.NetworkKnown, e.NetworkSeen = true, true }), OrdinaryBounces},
	}
	for _, tt := range tests {
		if report, _ := judge(t, FloodOptions{}, tt.messages...); report.Verdict.Verdict != tt.want {
			t.Errorf("%s: %s %v, want %s", tt.name, report.Verdict.Verdict, report.Classes, tt.want)
		}
	}

	list := repeat(40, func(n int) *Evidence {
		return with(submitted(n, "mark@ours.example", "203.0.113.9"), func(e *Evidence) { e.SentAtHand, e.InSent, e.Origin.OwnFor = true, true, "club@ours.example" })
	})
	if report, _ := judge(t, FloodOptions{}, list...); report.Verdict.Verdict != OrdinaryBounces {
		t.Errorf("dead members of a list: %s %v", report.Verdict.Verdict, report.Classes)
	}

	owner := with(submitted(99, "mark@ours.example", "198.18.7.7"), func(e *Evidence) {
		e.Account, e.SentAtHand, e.Bounce.Recipients[0].Reason = "mark@ours.example", true, dsn.ReasonUserUnknown
	})
	_, found := judge(t, FloodOptions{}, append(run(40, func(_ int, e *Evidence) { e.SentAtHand, e.StrangeRcpts = true, true }), owner)...)
	if found["s99"].Class != Genuine || found["s1"].Class != Compromised {
		t.Errorf("the owner's mail to somebody he knows: %s; the thief's: %s", found["s99"].Class, found["s1"].Class)
	}
	_, found = judge(t, FloodOptions{Without: []string{"sign-spread", "sign-burst", "sign-refused"}}, run(40, asIs)...)
	if found["s1"].Class == Compromised {
		t.Error("without the signs it must not be compromised")
	}
}
