package classify

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"ndrscan/dsn"
	"ndrscan/proof"
	"ndrscan/spf"
	"ndrscan/trace"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// forgery is a bounce of mail that a machine outside sent in our name, seen by a verified site.
func forgery(n int) *Evidence {
	return &Evidence{
		ID: fmt.Sprint("f", n), Received: noon.Add(time.Duration(n) * time.Minute),
		Bounce: &dsn.Bounce{Kind: dsn.KindBounce, ReportingMTA: "mx.site.example",
			Recipients: []dsn.Recipient{{Address: fmt.Sprintf("rcpt%d@site%d.example", n, n%7), Action: dsn.ActionFailed, Reason: dsn.ReasonUserUnknown}},
			Original:   dsn.Original{Returned: dsn.ReturnedFull, Subject: "Cheap pills"}},
		Reporter: trace.Reporter{IP: netip.AddrFrom4([4]byte{198, 51, byte(n % 7), 9}), Organisation: fmt.Sprintf("site%d.example", n%7)},
		Verified: true,
		Origin:   trace.Origin{IP: netip.AddrFrom4([4]byte{203, 0, byte(n % 5), byte(n)}), Via: trace.ViaReceived, Trust: trace.Direct},
		MailFrom: MailFrom{Address: "alice@ours.example", Source: "return-path"},
		SPF:      spf.Outcome{Result: spf.Fail, Domain: "ours.example", Mechanism: "-all"},
	}
}

// submitted is a bounce of mail that a login handed to our own server, seen by a verified site.
func submitted(n int, login, client string) *Evidence {
	e := forgery(n)
	e.ID = fmt.Sprint("s", n)
	e.Origin = trace.Origin{IP: netip.MustParseAddr("192.0.2.2"), Own: true, Via: trace.ViaReceived, Trust: trace.Direct, By: "submit.ours.example",
		AuthUser: login, AuthShown: true, ClientIP: netip.MustParseAddr(client), Entry: trace.EntryAccount,
		QueueID: fmt.Sprintf("Q%04d", n), Time: noon.Add(time.Duration(n) * time.Second)}
	e.SPF = spf.Outcome{Result: spf.Pass, Domain: "ours.example", Mechanism: "ip4:192.0.2.0/28"}
	return e
}

// ownBounce is the same, bounced by our own server.
func ownBounce(n int, login, client string) *Evidence {
	e := submitted(n, login, client)
	e.Reporter, e.Verified = trace.Reporter{Own: true}, false
	return e
}

func with(e *Evidence, change func(*Evidence)) *Evidence {
	change(e)
	return e
}

// judge adds messages to a new flood and gives the report and the findings by id.
func judge(t *testing.T, opts FloodOptions, messages ...*Evidence) (*Report, map[string]Finding) {
	t.Helper()
	flood := NewFlood(opts)
	var records []Record
	for _, e := range messages {
		records = append(records, flood.Add(e))
	}
	found := map[string]Finding{}
	for _, r := range records {
		flood.Judge(&r)
		found[r.Finding.ID] = r.Finding
	}
	report := flood.Report(Context{Now: noon.Add(2 * time.Hour)})
	sum := 0
	for _, n := range report.Kinds {
		sum += n
	}
	if sum != report.Read || report.Read != len(messages) {
		t.Errorf("read %d, the kinds make %d, of %d messages", report.Read, sum, len(messages))
	}
	for class, n := range report.Classes {
		counted := 0
		for _, f := range found {
			if f.Class == class {
				counted++
			}
		}
		if counted != n {
			t.Errorf("report counts %d %s, findings %d", n, class, counted)
		}
	}
	return report, found
}

func TestClassOfOneMessage(t *testing.T) {
	outsideRelay := func(e *Evidence) {
		e.Origin.RDNS, e.Origin.RDNSConfirmed, e.Origin.ProperRelay = "mail.relay.example", true, true
	}
	inSent := func(toRecipient bool) func(*Evidence) {
		return func(e *Evidence) {
			e.SentAtHand, e.InSent, e.SentToRecipient, e.SentToAlias = true, true, toRecipient, !toRecipient
		}
	}
	signed := func(result proof.DKIMResult, fromSigned bool) func(*Evidence) {
		return func(e *Evidence) {
			e.DKIM = []Signature{{Own: true, Signature: proof.Signature{Domain: "ours.example", Result: result, FromSigned: fromSigned}}}
		}
	}
	spfResult := func(result spf.Result) func(*Evidence) { return func(e *Evidence) { e.SPF.Result = result } }
	tests := []struct {
		name string
		e    *Evidence
		want Class
	}{
		{"outside, SPF fails", forgery(1), Forged},
		{"outside, softfail", with(forgery(1), spfResult(spf.SoftFail)), Forged},
		{"outside, no record", with(forgery(1), spfResult(spf.None)), Forged},
		{"outside, broken record", with(forgery(1), spfResult(spf.PermError)), Forged},
		{"outside, DNS silent", with(forgery(1), spfResult(spf.TempError)), Undetermined},
		{"outside, no DNS at all", with(forgery(1), spfResult("")), Undetermined},
		{"outside, SPF passes", with(forgery(1), spfResult(spf.Pass)), Undetermined},
		{"unverified reporter changes nothing there", with(forgery(1), func(e *Evidence) { e.Verified = false }), Forged},
		{"a relay outside, no Sent", with(forgery(1), outsideRelay), Undetermined},
		{"a relay outside, Sent does not hold it", with(with(forgery(1), outsideRelay), func(e *Evidence) { e.SentAtHand = true }), Forged},
		{"a relay's own customer", with(with(forgery(1), outsideRelay), func(e *Evidence) { e.Origin.SiteAuth = true }), Forged},
		{"a machine in our client network", with(forgery(1), func(e *Evidence) { e.Origin.OwnNet = true }), Undetermined},
		{"outside, in Sent to this recipient", with(forgery(1), inSent(true)), Misconfigured},
		{"outside, in Sent to another", with(forgery(1), inSent(false)), Forwarded},
		{"outside, its id in Sent to others", with(forgery(1), func(e *Evidence) { e.SentAtHand, e.InSent = true, true }), Forged},
		{"a relay, its id in Sent to others", with(with(forgery(1), outsideRelay), func(e *Evidence) { e.SentAtHand, e.InSent = true, true }), Undetermined},
		{"a relay that seals", with(with(forgery(1), outsideRelay), func(e *Evidence) { e.ARCSealed = true }), Forwarded},
		{"a relay that seals, Sent lacks it", with(with(forgery(1), outsideRelay), func(e *Evidence) {
			e.ARCSealed, e.SentAtHand, e.SentLacks = true, true, true
		}), Forged},
		{"a bounce of our own bounce", with(ownBounce(1, "", "127.0.0.1"), func(e *Evidence) {
			e.Origin.AuthShown, e.Origin.Entry, e.MailFrom = false, trace.EntryScript, MailFrom{Address: "<>", Source: "return-path"}
		}), OwnBackscatter},
		{"a tenant's account, in habit", with(submitted(1, "", "198.51.100.130"), func(e *Evidence) {
			e.Origin.AuthShown, e.Origin.Entry, e.Tenant = false, trace.EntryTenant, TenantInside
		}), Genuine},
		{"a relay reports for another's recipients", with(forgery(1), func(e *Evidence) { e.RelayReporter = true }), Undetermined},
		{"outside, signed by us, a relay", with(with(forgery(1), outsideRelay), signed(proof.DKIMPass, true)), Forwarded},
		{"outside, signed by us, replayed by a bot", with(forgery(1), signed(proof.DKIMPass, true)), Undetermined},
		{"outside, signature does not cover From", with(forgery(1), signed(proof.DKIMPass, false)), Forged},
		{"outside, header signature only", with(forgery(1), signed(proof.DKIMHeadersPass, true)), Forged},
		{"no origin", with(forgery(1), func(e *Evidence) { e.Origin = trace.Origin{Via: trace.ViaNone} }), Undetermined},
		{"no origin, in Sent", with(with(forgery(1), func(e *Evidence) { e.Origin = trace.Origin{} }), inSent(true)), Genuine},

		{"own border, in habit", submitted(1, "alice", "198.51.100.130"), Genuine},
		{"own bounce, in habit", ownBounce(1, "alice", "198.51.100.130"), Genuine},
		{"own border by one unverified word", with(submitted(1, "alice", "198.51.100.130"), func(e *Evidence) { e.Verified = false }), Undetermined},
		{"own script, not in SPF", with(submitted(1, "", "127.0.0.1"), func(e *Evidence) {
			e.Origin.AuthShown, e.Origin.Entry, e.SPF.Result = false, trace.EntryScript, spf.Fail
		}), Misconfigured},
		{"own server not in SPF, with login", with(submitted(1, "alice", "198.51.100.130"), spfResult(spf.Fail)), Misconfigured},
		{"own server bounced what came from outside", with(ownBounce(1, "", "203.0.113.5"), func(e *Evidence) {
			e.Origin.AuthShown, e.Origin.Entry = false, trace.EntryRelay
		}), OwnBackscatter},
		{"own server passed on what came from outside", with(submitted(1, "", "203.0.113.5"), func(e *Evidence) {
			e.Origin.AuthShown, e.Origin.Entry = false, trace.EntryRelay
		}), Undetermined},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, found := judge(t, FloodOptions{}, tt.e)
			f := found[tt.e.ID]
			if f.Class != tt.want {
				t.Errorf("class %s, want %s; reasons %v", f.Class, tt.want, f.Reasons)
			}
			if (f.Class == Undetermined) != (len(f.CouldBe) > 0 && f.Settle != "") {
				t.Errorf("could_be %v and settle %q go with undetermined, class is %s", f.CouldBe, f.Settle, f.Class)
			}
			if len(f.Reasons) == 0 {
				t.Error("no reasons")
			}
		})
	}
}

// spamRun is n bounces of one login's spam, refused as spam by all sites.
func spamRun(n int, one func(int) *Evidence) []*Evidence {
	var list []*Evidence
	for i := range n {
		list = append(list, with(one(i), func(e *Evidence) { e.Bounce.Recipients[0].Reason = dsn.ReasonSpam }))
	}
	return list
}

func TestVerdict(t *testing.T) {
	many := func(n int, one func(int) *Evidence) []*Evidence {
		var list []*Evidence
		for i := range n {
			list = append(list, one(i))
		}
		return list
	}
	thief := func(n int) *Evidence { return submitted(n, "alice", "203.0.113.66") }
	fabricated := func(n int) *Evidence {
		return with(thief(n), func(e *Evidence) {
			e.Verified, e.Reporter.Organisation = false, fmt.Sprintf("203.0.%d.0/24", n)
		})
	}
	oneWitness := func(n int) *Evidence {
		return with(thief(n), func(e *Evidence) { e.Reporter.Organisation = "site.example" })
	}
	webForm := func(n int) *Evidence {
		return with(submitted(n, "", "127.0.0.1"), func(e *Evidence) {
			e.Origin.AuthShown, e.Origin.Entry, e.SPF.Result = false, trace.EntryScript, spf.Fail
		})
	}
	tests := []struct {
		name     string
		messages []*Evidence
		want     Judgement
		also     []Judgement
	}{
		{"nothing", nil, NoBounces, nil},
		{"only a delay", []*Evidence{{ID: "d", Bounce: &dsn.Bounce{Kind: dsn.KindDelay}}}, NoBounces, nil},
		{"nine forgeries are no flood", many(9, forgery), OrdinaryBounces, nil},
		{"ten are", many(10, forgery), JoeJob, nil},
		{"ten in one cell are not", many(10, func(n int) *Evidence {
			return with(forgery(n), func(e *Evidence) {
				e.Reporter.Organisation, e.Origin.IP = "site.example", netip.MustParseAddr("203.0.113.5")
			})
		}), OrdinaryBounces, nil},
		{"a thief, seen by many sites", spamRun(20, thief), Compromise, nil},
		{"a thief, by our own bounces", spamRun(20, func(n int) *Evidence { return ownBounce(n, "alice", "203.0.113.66") }), Compromise, nil},
		{"a busy owner is in habit", many(20, thief), OrdinaryBounces, nil},
		{"twenty fabricated reports prove nothing", spamRun(20, fabricated), CompromiseSuspected, nil},
		{"one site's word is not enough", spamRun(20, oneWitness), OrdinaryBounces, nil},
		{"a thief inside a Joe-Job", append(many(300, forgery), spamRun(12, thief)...), Both, nil},
		{"a web form that is not in the record", many(5, webForm), MisconfiguredSender, nil},
		{"a web form beside a Joe-Job", append(many(5, webForm), many(20, forgery)...), JoeJob, []Judgement{MisconfiguredSender}},
		{"no origins at all", many(5, func(n int) *Evidence {
			return with(forgery(n), func(e *Evidence) { e.Origin = trace.Origin{} })
		}), Inconclusive, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			report, _ := judge(t, FloodOptions{}, tt.messages...)
			v := report.Verdict
			if v.Verdict != tt.want || !slices.Equal(v.Also, tt.also) {
				t.Errorf("verdict %s also %v, want %s also %v; classes %v", v.Verdict, v.Also, tt.want, tt.also, report.Classes)
			}
			switch tt.want {
			case JoeJob, Compromise, Both, CompromiseSuspected, MisconfiguredSender:
				if len(v.Evidence) == 0 || len(v.Reasons) == 0 || len(report.Actions) == 0 {
					t.Errorf("evidence %v, reasons %v, %d actions", v.Evidence, v.Reasons, len(report.Actions))
				}
			}
		})
	}
}

// Reports about alice's own laptop, fabricated by strangers or by one verified site, must not push her real bounces out of
// habit: they are judged by what our own server says.
func TestFabricatedReportsFrameNobody(t *testing.T) {
	for _, verified := range []bool{false, true} {
		messages := spamRun(30, func(n int) *Evidence {
			return with(submitted(n, "alice", "198.51.100.130"), func(e *Evidence) {
				e.Verified, e.Reporter.Organisation = verified, fmt.Sprintf("evil%d.example", n%2)
			})
		})
		real := ownBounce(100, "alice", "198.51.100.130")
		report, found := judge(t, FloodOptions{}, append(messages, real)...)
		if got := found[real.ID].Class; got != Genuine {
			t.Errorf("verified %v: her own bounce is %s, want genuine", verified, got)
		}
		if report.Verdict.Verdict == Compromise || !verified && report.Classes[Compromised] > 0 {
			t.Errorf("verified %v: verdict %s, %d compromised on fabricated reports", verified, report.Verdict.Verdict, report.Classes[Compromised])
		}
	}
}

// A signature or a Message-ID that a correspondent can send again supports nothing by itself.
func TestReplaySupportsNothing(t *testing.T) {
	replay := func(change func(*Evidence)) []*Evidence {
		return spamRun(20, func(n int) *Evidence {
			return with(submitted(n, "alice", "203.0.113.66"), func(e *Evidence) {
				e.Verified, e.SentAtHand = false, true
				change(e)
			})
		})
	}
	signature := func(e *Evidence) {
		e.DKIM = []Signature{{Own: true, Signature: proof.Signature{Domain: "ours.example", Result: proof.DKIMPass, FromSigned: true, Hash: "same"}}}
	}
	for name, messages := range map[string][]*Evidence{
		"signature":                 replay(signature),
		"Message-ID in Sent":        replay(func(e *Evidence) { e.InSent = true }),
		"signature, verified sites": replay(func(e *Evidence) { signature(e); e.Verified, e.Reporter.Organisation = true, "evil.example" }),
	} {
		report, _ := judge(t, FloodOptions{}, messages...)
		if report.Verdict.Verdict == Compromise {
			t.Errorf("%s: a replay proves a compromise", name)
		}
	}
}

// Three names that one owner put into one network are not three witnesses.
func TestWitnessesOfOneNetwork(t *testing.T) {
	seenBy := func(sites int, network func(site int) string) []*Evidence {
		return spamRun(24, func(n int) *Evidence {
			return with(submitted(n, "alice", "203.0.113.66"), func(e *Evidence) {
				e.Reporter.Organisation = fmt.Sprintf("site%d.example", n%sites)
				e.Reporter.IP = netip.MustParseAddr(network(n % sites))
			})
		})
	}
	oneNetwork := func(site int) string { return fmt.Sprintf("198.51.100.%d", site+1) }
	apart := func(site int) string { return fmt.Sprintf("198.%d.100.1", site+1) }
	tests := []struct {
		name     string
		messages []*Evidence
		want     Judgement
	}{
		{"three apart", seenBy(3, apart), Compromise},
		{"three in one network", seenBy(3, oneNetwork), CompromiseSuspected},
		{"six in one network", seenBy(6, oneNetwork), Compromise},
	}
	for _, tt := range tests {
		if report, _ := judge(t, FloodOptions{}, tt.messages...); report.Verdict.Verdict != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, report.Verdict.Verdict, tt.want)
		}
	}
}

// Three witnesses that name three different logins agree on nothing.
func TestWitnessesMustAgreeOnOneAccount(t *testing.T) {
	messages := spamRun(60, func(n int) *Evidence {
		return with(submitted(n, fmt.Sprint("user", n%3), "203.0.113.66"), func(e *Evidence) {
			e.Reporter.Organisation, e.Reporter.IP = fmt.Sprintf("site%d.example", n%3), netip.AddrFrom4([4]byte{198, byte(n % 3), 100, 1})
			e.Bounce.Recipients = append(e.Bounce.Recipients, dsn.Recipient{Address: fmt.Sprint("x@", n), Reason: dsn.ReasonVirus})
		})
	})
	report, _ := judge(t, FloodOptions{}, messages...)
	if report.Verdict.Verdict == Compromise {
		t.Errorf("verdict %s of %v", report.Verdict.Verdict, report.Classes)
	}
}

// A rule that is switched off does not hold: without the witnesses' rule nothing a site saw makes "compromised".
func TestWithout(t *testing.T) {
	messages := spamRun(20, func(n int) *Evidence { return submitted(n, "alice", "203.0.113.66") })
	_, found := judge(t, FloodOptions{}, messages...)
	if found["s0"].Class != Compromised {
		t.Errorf("with the rule: %s, want compromised", found["s0"].Class)
	}
	_, found = judge(t, FloodOptions{Without: []string{"border-witnessed"}}, messages...)
	if found["s0"].Class == Compromised {
		t.Error("without the rule it is still compromised")
	}
}

// An abused web server reads as a compromise even if the SPF record does not name it; a busy form does not.
func TestScriptRun(t *testing.T) {
	form := func(n int) *Evidence {
		return with(submitted(n, "", "127.0.0.1"), func(e *Evidence) {
			e.Origin.AuthShown, e.Origin.Entry, e.SPF.Result = false, trace.EntryScript, spf.Fail
		})
	}
	_, found := judge(t, FloodOptions{}, spamRun(40, form)...)
	if found["s0"].Class != Misconfigured {
		t.Errorf("a form: %s, want misconfigured", found["s0"].Class)
	}
	for name, one := range map[string]func(int) *Evidence{"seen by sites": form, "our own bounces": func(n int) *Evidence {
		return with(form(n), func(e *Evidence) { e.Reporter, e.Verified = trace.Reporter{Own: true}, false })
	}} {
		report, found := judge(t, FloodOptions{}, spamRun(150, one)...)
		if found["s0"].Class != Compromised || report.Verdict.Verdict != Compromise {
			t.Errorf("a spam run, %s: %s, verdict %s", name, found["s0"].Class, report.Verdict.Verdict)
		}
	}
}

// Claims stand behind a Joe-Job: three reports of a stranger's making must not take its headline.
func TestClaimsDoNotHideAJoeJob(t *testing.T) {
	messages := spamRun(15, func(n int) *Evidence {
		return with(submitted(n, "alice", "203.0.113.66"), func(e *Evidence) {
			e.Verified, e.Reporter.Organisation = false, fmt.Sprintf("203.0.%d.0/24", n)
		})
	})
	for n := range 100 {
		messages = append(messages, forgery(n))
	}
	report, _ := judge(t, FloodOptions{}, messages...)
	if v := report.Verdict; v.Verdict != JoeJob || !slices.Equal(v.Also, []Judgement{CompromiseSuspected}) {
		t.Errorf("verdict %s also %v", v.Verdict, v.Also)
	}
}

// Past its bounds a flood says so; the sums stay right, and what it could not keep the habit of is not called genuine.
func TestFloodIsBounded(t *testing.T) {
	flood := NewFlood(FloodOptions{})
	flood.kept = maxKept - 100
	for n := range 1000 {
		flood.Add(forgery(n))
	}
	report := flood.Report(Context{Now: noon})
	if report.Classes[Forged] != 1000 || len(report.Run.Limits) != 1 {
		t.Errorf("%d forged, limits %q", report.Classes[Forged], report.Run.Limits)
	}
	flood = NewFlood(FloodOptions{})
	for n := range maxHabits {
		flood.habits.believed[fmt.Sprint(n)] = newHabit(&flood.habits)
		flood.habits.proved[fmt.Sprint(n)] = newHabit(&flood.habits)
	}
	record := flood.Add(ownBounce(1, "alice", "203.0.113.66"))
	flood.Judge(&record)
	if record.Finding.Class != Undetermined {
		t.Errorf("without a habit: %s, want undetermined", record.Finding.Class)
	}
}

func TestCompromiseNamesTheLoginNotTheSender(t *testing.T) {
	messages := spamRun(15, func(n int) *Evidence { return ownBounce(n, "bob", "203.0.113.66") })
	report, _ := judge(t, FloodOptions{}, messages...)
	if len(report.Accounts) != 1 || report.Accounts[0].Login != "bob" || report.Accounts[0].Class != Compromised {
		t.Fatalf("accounts %+v", report.Accounts)
	}
	a := report.Accounts[0]
	if a.FailedRecipients != 15 || !slices.Equal(a.ClientIPs, []string{"203.0.113.66"}) || len(a.QueueIDs) != maxEvidence {
		t.Errorf("account %+v", a)
	}
	if !strings.Contains(report.Actions[0].Do, "bob") {
		t.Errorf("first step %q does not name bob", report.Actions[0].Do)
	}
}

func TestSteppedBorderNeedsMore(t *testing.T) {
	stepped := func(change func(*Evidence)) []*Evidence {
		return spamRun(20, func(n int) *Evidence {
			return with(submitted(n, "alice", "203.0.113.66"), func(e *Evidence) {
				e.Origin.Trust = trace.Stepped
				change(e)
			})
		})
	}
	_, found := judge(t, FloodOptions{}, stepped(func(*Evidence) {})...)
	if got := found["s0"].Class; got == Compromised {
		t.Error("a stepped border alone proves a compromise")
	}
	_, found = judge(t, FloodOptions{}, stepped(func(e *Evidence) {
		e.Recorded = &Recorded{Record: proof.Record{Result: "pass", IP: e.Origin.IP}, Above: true}
	})...)
	if got := found["s0"].Class; got != Compromised {
		t.Errorf("with a result recorded above the step: %s, want compromised", got)
	}
	_, found = judge(t, FloodOptions{}, stepped(func(e *Evidence) {
		e.Recorded = &Recorded{Record: proof.Record{Result: "pass", IP: e.Origin.IP}}
	})...)
	if got := found["s0"].Class; got == Compromised {
		t.Error("a result recorded below the border, which anybody can write, proves a compromise")
	}
}

func TestHabitBurst(t *testing.T) {
	tests := []struct {
		name   string
		minute func(n int) int
		want   int
	}{
		{"all at once", func(int) int { return 0 }, 12},
		{"within an hour", func(n int) int { return n * 4 }, 12},
		{"one an hour", func(n int) int { return n * 60 }, 1},
	}
	for _, tt := range tests {
		h := newHabit(&habits{})
		for n := range 12 {
			h.add(with(submitted(n, "a", "198.51.100.1"), func(e *Evidence) { e.Origin.Time = noon.Add(time.Duration(tt.minute(n)) * time.Minute) }))
		}
		if got := h.slots.burst(); got != tt.want {
			t.Errorf("%s: burst %d, want %d", tt.name, got, tt.want)
		}
	}
}

func TestEpisodes(t *testing.T) {
	var messages []*Evidence
	for i := range 24 {
		day := 0
		if i >= 12 {
			day = 5
		}
		messages = append(messages, with(forgery(i), func(e *Evidence) { e.Received = e.Received.AddDate(0, 0, day) }))
	}
	flood := NewFlood(FloodOptions{})
	for _, e := range messages {
		flood.Add(e)
	}
	report := flood.Report(Context{Now: noon.AddDate(0, 0, 5).Add(3 * time.Hour)})
	if len(report.Episodes) != 2 {
		t.Fatalf("%d episodes, want 2: %+v", len(report.Episodes), report.Episodes)
	}
	first, last := report.Episodes[0], report.Episodes[1]
	if first.Messages != 12 || last.Messages != 12 || first.Active || !last.Active || first.Verdict != JoeJob {
		t.Errorf("episodes %+v", report.Episodes)
	}
	if !report.Verdict.Active {
		t.Error("the flood goes on, the verdict says it does not")
	}
}

// The figures are Wilson's interval as textbooks give it for 8 of 10 and 0 of 10.
func TestWilson(t *testing.T) {
	tests := []struct {
		part, all int
		low, high float64
	}{{8, 10, 0.490, 0.943}, {0, 10, 0, 0.278}, {10, 10, 0.722, 1}}
	for _, tt := range tests {
		low, high := wilson(tt.part, tt.all)
		if math.Abs(low-tt.low) > 0.001 || math.Abs(high-tt.high) > 0.001 {
			t.Errorf("wilson(%d, %d) = %.3f, %.3f, want %.3f, %.3f", tt.part, tt.all, low, high, tt.low, tt.high)
		}
	}
}

func TestRuleTable(t *testing.T) {
	if len(rules) > 64 {
		t.Fatalf("%d rules do not fit into Codes", len(rules))
	}
	e := forgery(1)
	for i, r := range rules {
		if ruleIndex[r.code] != i {
			t.Errorf("%s stands twice", r.code)
		}
		if r.says == "" || r.cite == "" {
			t.Errorf("%s has no sentence or no source", r.code)
		}
		text := strings.NewReplacer("{habit}", "", "{copies}", "", "{mark}", "", "{signatures}", "", "{receivers}", "", "{reported}", "").Replace(fill(r.says, e))
		if strings.ContainsAny(text, "{}") {
			t.Errorf("%s: a placeholder is unknown: %q", r.code, text)
		}
	}
	if decide(0) != &classRows[len(classRows)-1] || classRows[len(classRows)-1].class != Undetermined {
		t.Error("what fits no row must be undetermined")
	}
}

func TestCampaign(t *testing.T) {
	same := [][2]string{
		{"Your invoice 91743-1b16 is overdue", "Your invoice 4-zz9 is overdue!"},
		{"Re: Hello there", "hello THERE"},
		{"Ваш заказ 56627", "Ваш заказ 1"},
	}
	for _, pair := range same {
		if a, b := normalSubject(pair[0]), normalSubject(pair[1]); a != b || a == "" {
			t.Errorf("%q and %q: %q and %q", pair[0], pair[1], a, b)
		}
	}
	if normalSubject("Cheap pills") == normalSubject("Your invoice") {
		t.Error("different subjects are one campaign")
	}
	if len(normalSubject(strings.Repeat("word ", 100000))) > 200 {
		t.Error("a long subject is not bounded")
	}
}

func BenchmarkFloodAdd(b *testing.B) {
	flood := NewFlood(FloodOptions{})
	messages := make([]*Evidence, 1000)
	for i := range messages {
		messages[i] = forgery(i)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		flood.Add(messages[i%len(messages)])
	}
}
