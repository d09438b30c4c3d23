package classify

import (
	"fmt"
	"net/netip"
	"testing"

	"ndrscan/dsn"
	"ndrscan/proof"
	"ndrscan/spf"
	"ndrscan/trace"
)

// signedTo puts a valid signature of ours on a message, which names the recipient that failed.
func signedTo(e *Evidence, hash string) {
	e.DKIM = []Signature{{Own: true, Signature: proof.Signature{Domain: "ours.example", Result: proof.DKIMPass, FromSigned: true, Hash: hash}}}
	e.DKIMRecipient = true
}

func fromRelay(e *Evidence, name, ip string) {
	e.Origin.IP, e.Origin.RDNS = netip.MustParseAddr(ip), name
	e.Origin.RDNSConfirmed, e.Origin.ProperRelay = true, true
}

func repeat(count int, one func(int) *Evidence) (list []*Evidence) {
	for n := range count {
		list = append(list, one(n))
	}
	return list
}

// What outside origins prove together: mail that our provider signed and sent, copies of one letter, a stolen key, and a record
// that lets everybody pass.
func TestOutsideOrigins(t *testing.T) {
	atProvider := func(reason dsn.Reason, count int) []*Evidence {
		return repeat(count, func(n int) *Evidence {
			return with(forgery(n), func(e *Evidence) {
				signedTo(e, fmt.Sprint("signature", n))
				fromRelay(e, fmt.Sprintf("mail-f%d.provider.example", n%9), fmt.Sprintf("209.85.208.%d", n%9))
				e.SPF = spf.Outcome{Result: spf.Pass, Domain: "ours.example", Mechanism: "ip4:209.85.128.0/17", Shared: true}
				e.Account = "alice@ours.example"
				e.Bounce.Recipients[0].Reason = reason
			})
		})
	}
	oneLetter := func(networks int) []*Evidence {
		return spamRun(20, func(n int) *Evidence {
			return with(forgery(n), func(e *Evidence) {
				e.SentAtHand, e.InSent, e.SentToRecipient = true, true, true
				e.Bounce.Original.MessageID, e.Bounce.Recipients[0].Address = "<1@ours.example>", "karin@site0.example"
				e.Origin.IP = netip.AddrFrom4([4]byte{203, 0, byte(n % networks), byte(n)})
			})
		})
	}
	keyAt := func(organisations int) []*Evidence {
		return spamRun(30, func(n int) *Evidence {
			return with(forgery(n), func(e *Evidence) {
				signedTo(e, fmt.Sprint("signature", n))
				fromRelay(e, fmt.Sprintf("out.relay%d.example", n%organisations), fmt.Sprintf("46.30.%d.9", n%organisations))
			})
		})
	}
	everybody := spamRun(20, func(n int) *Evidence {
		return with(forgery(n), func(e *Evidence) {
			e.SPF = spf.Outcome{Result: spf.Pass, Domain: "ours.example", Mechanism: "all", Shared: true}
		})
	})
	ownNDR := spamRun(20, func(n int) *Evidence {
		return with(forgery(n), func(e *Evidence) {
			e.Origin, e.SPF, e.Tenant, e.Account = trace.Origin{Entry: trace.EntryTenant}, spf.Outcome{}, TenantInside, "alice@ours.example"
			e.Reporter, e.Verified = trace.Reporter{Unstamped: true}, false
		})
	})
	unnamed := func(stamped bool) []*Evidence {
		return repeat(20, func(n int) *Evidence {
			return with(forgery(n), func(e *Evidence) {
				e.Origin.SiteAuth, e.Origin.By, e.Reporter.Unstamped = true, "submit.ours.example", !stamped
			})
		})
	}
	tests := []struct {
		name     string
		messages []*Evidence
		verdict  Judgement
		class    Class
	}{
		{"signed at a provider, a run of spam", atProvider(dsn.ReasonSpam, 30), CompromiseSuspected, Undetermined},
		{"signed at a provider, a few typos", atProvider(dsn.ReasonUserUnknown, 3), Inconclusive, Undetermined},
		{"copies of one letter from many networks", oneLetter(5), JoeJob, Forged},
		{"one letter from the hotel's proxy", oneLetter(1), MisconfiguredSender, Misconfigured},
		{"signed, by one service", keyAt(1), MisconfiguredSender, Misconfigured},
		{"signed, by hosts of many owners", keyAt(15), Inconclusive, Undetermined},
		{"our tenant's own reports of spam", ownNDR, CompromiseSuspected, Undetermined},
		{"a login at a server that may be ours", unnamed(false), Inconclusive, Undetermined},
		{"a login at a site that handed us the report", unnamed(true), JoeJob, Forged},
		{"a record that ends in +all", everybody, JoeJob, Forged},
	}
	for _, tt := range tests {
		report, found := judge(t, FloodOptions{}, tt.messages...)
		if report.Verdict.Verdict != tt.verdict || report.Classes[tt.class] != len(tt.messages) {
			t.Errorf("%s: verdict %s, classes %v, want %s, all %s; reasons %v", tt.name, report.Verdict.Verdict, report.Classes, tt.verdict, tt.class,
				found[tt.messages[0].ID].Reasons)
		}
	}
}
