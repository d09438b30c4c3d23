package report

import (
	"fmt"
	"time"

	"ndrscan/classify"
)

// Hand-made reports. Their strings hold what strangers send: escapes, bidi controls, endless names.

func at(s string) *time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return &t
}

func ptr[T any](v T) *T { return &v }

var generated = *at("2026-11-23T20:00:00Z")

func joeJob() *classify.Report {
	r := &classify.Report{
		Schema: classify.ReportSchema, Tool: "ndrscan 0.1", Generated: generated, Complete: true,
		Run:     classify.Run{DNS: "zone:zone.db", Flags: map[string]string{"own": "192.0.2.1"}},
		Period:  classify.Period{From: at("2026-11-20T08:12:31Z"), To: at("2026-11-23T19:40:02Z")},
		Sources: []string{"flood.mbox"}, Read: 234,
		Kinds:   map[string]int{"bounce": 212, "delay": 20, "autoreply": 2},
		Classes: map[classify.Class]int{classify.Forged: 190, classify.Genuine: 12, classify.Undetermined: 10},
		OwnSeen: []classify.OwnHost{{Host: "192.0.2.1", Rule: "flag"}, {Host: "mx.example.com (192.0.2.2)", Rule: "confirmed-name"},
			{Host: "198.51.100.20", Rule: "candidate"}},
		Verdict: classify.Verdict{
			Verdict:  classify.JoeJob,
			Sentence: "forged return addresses; your systems are not the source. 190 of 212 bounces answer mail that never touched them.",
			Active:   true, Share: ptr(0.94), Interval: []float64{0.88, 0.97},
			Witnesses: classify.WitnessCount{Verified: 11, Unverified: 3, Networks: 61, Cells: 70},
			Reasons: []classify.Reason{
				{Code: "spf-fail", Text: "190 bounces answer mail from 61 networks that example.com does not permit (matched -all)"},
				{Code: "own-border-none", Text: "none of them passed a server of yours"}},
			Evidence:   []string{"1042", "1043", "1050", "1051"},
			Missing:    []classify.Missing{{What: "The Sent mailbox was not read, so genuine bounces can't be told by their Message-ID.", Command: "ndrscan scan flood.mbox --own 192.0.2.1 --sent Sent.mbox"}},
			Thresholds: map[string]int{"joe-job forged": 10, "joe-job cells": 2},
		},
		Impersonated: []classify.Impersonated{{Address: "sales@example.com", Messages: 120, Evidence: []string{"1042", "1043"}}, {Address: "info@example.com", Messages: 70}},
		Witnesses: []classify.WitnessRow{
			{Witness: "blueharbor.example", Verified: true, Software: "postfix", Messages: 60, Evidence: []string{"1042", "1043"}},
			{Witness: "203.0.113.0/24", Messages: 3, Evidence: []string{"1200"}},
			{Witness: "example.com", Own: true, Software: "exim", Messages: 1, Evidence: []string{"1300"}}},
		Campaigns: []classify.CampaignRow{
			{Campaign: "c1f0", Subject: "Win \x1b[31mBIG\x1b[0m now \u202eevil\u202c and a subject that goes on and on and on without an end in sight", Messages: 150, Class: classify.Forged, Evidence: []string{"1042"}},
			{Campaign: "c2aa", Subject: "Счёт на оплату 请查收", Messages: 40, Class: classify.Forged, Evidence: []string{"1100", "1101"}}},
		Domains: []classify.Domain{{Domain: "example.com", Record: "v=spf1 mx ip4:192.0.2.0/28 include:_spf.provider.example ~all",
			Issues: []string{"ends in ~all: receivers may take forgeries"}}},
		Actions: []classify.Action{
			{Do: "End the SPF record in -all.", Why: "Receivers then refuse forgeries instead of bouncing them.", Command: `example.com. 3600 IN TXT "v=spf1 mx ip4:192.0.2.0/28 include:_spf.provider.example -all"`},
			{Do: "Filter the bounces of this flood.", Why: "They answer mail you never sent."}},
	}
	for i := range 12 {
		r.Origins = append(r.Origins, classify.OriginRow{IP: fmt.Sprintf("203.0.113.%d", 10+i), Network: "203.0.113.0/24",
			RDNS: fmt.Sprintf("host-203-0-113-%d.dyn.some-very-long-provider-name.example", 10+i), Messages: 40 - i, SPF: "fail",
			Class: classify.Forged, RDNSConfirmed: i%2 == 0, Evidence: []string{fmt.Sprint(1042 + i), fmt.Sprint(1142 + i), fmt.Sprint(1242 + i), fmt.Sprint(1342 + i)}})
	}
	r.Origins[2] = classify.OriginRow{IP: "2001:db8:1234:5678:9abc:def0:1234:5678", Network: "2001:db8:1234::/48", Messages: 38,
		SPF: "softfail", Class: classify.Forged, Evidence: []string{"1044"},
		Enriched: &classify.Enrichment{ASN: 64500, ASName: "EXAMPLE-NET, a provider", Country: "NL", Listed: []string{"zen.dnsbl.example"}}}
	for _, h := range []struct{ hour, n int }{{0, 40}, {1, 3}, {5, 90}, {30, 57}} {
		r.Timeline = append(r.Timeline, classify.Bucket{Hour: generated.Add(time.Duration(h.hour-60) * time.Hour), Classes: map[classify.Class]int{classify.Forged: h.n, classify.Genuine: 3}})
	}
	return r
}

func compromise() *classify.Report {
	long := "cur/1763884800.M734412P20931.mail01.example.com,S=5731,W=5866:2,S"
	return &classify.Report{
		Schema: classify.ReportSchema, Tool: "ndrscan 0.1", Generated: generated,
		Run: classify.Run{DNS: "system", Sent: "Sent (812 messages)", Limits: []string{"more than 100000 campaigns: the rarest are counted together"}},
		LeftOut: []classify.LeftOut{{Source: "old.msg", Why: "an Outlook .msg file: export it as .eml"},
			{Source: "imaps://joe@mail.example.com/INBOX", ID: "4711", Count: 3, Why: "asked for and not delivered"}},
		Period:  classify.Period{From: at("2026-11-23T19:40:02Z"), To: at("2026-11-23T19:40:02Z")},
		Sources: []string{"Maildir", "old.msg"}, Read: 162, Unreadable: 1,
		Kinds:   map[string]int{"bounce": 160, "other": 1, "unreadable": 1},
		Classes: map[classify.Class]int{classify.Compromised: 159, classify.Genuine: 1},
		Verdict: classify.Verdict{Verdict: classify.Compromise, Also: []classify.Judgement{classify.OrdinaryBounces},
			Witnesses: classify.WitnessCount{Verified: 1, Networks: 1, Cells: 1},
			Reasons:   []classify.Reason{{Code: "login-named", Text: "the server took 159 of them with the login joe from 2 addresses never seen before"}},
			Evidence:  []string{long}},
		Accounts: []classify.Account{
			{Login: "joe", Host: "submit.example.com", Entry: "account", Class: classify.Compromised, First: at("2026-11-22T03:10:00Z"), Last: at("2026-11-23T19:40:02Z"),
				Messages: 159, FailedRecipients: 1200, ClientIPs: []string{"203.0.113.71", "2001:db8:bad::71"}, QueueIDs: []string{"4XyZ1a2b3c", "4XyZ1a2b3d"}, Evidence: []string{long, long + "2"}},
			{Host: "www.example.com", Entry: "script", Class: classify.Genuine, Messages: 1, Evidence: []string{"new/1"}}},
		Origins: []classify.OriginRow{{IP: "192.0.2.2", Network: "192.0.2.0/24", RDNS: "submit.example.com", Messages: 160, SPF: "pass", Class: classify.Compromised, Evidence: []string{long}}},
		Episodes: []classify.Episode{
			{First: *at("2026-11-01T00:00:00Z"), Last: *at("2026-11-01T05:00:00Z"), Verdict: classify.OrdinaryBounces, Messages: 1},
			{First: *at("2026-11-22T03:10:00Z"), Last: *at("2026-11-23T19:40:02Z"), Verdict: classify.Compromise, Messages: 159, Active: true}},
	}
}

func nothing() *classify.Report {
	return &classify.Report{
		Schema: classify.ReportSchema, Tool: "ndrscan 0.1", Generated: generated, Complete: true,
		Run:     classify.Run{DNS: "system", Flags: map[string]string{"since": "30d"}, Assumed: []string{"mx.example.com (192.0.2.1)"}, Rerun: "ndrscan scan imaps://joe@mail.example.com/INBOX --own mx.example.com"},
		Sources: []string{"imaps://joe@mail.example.com/INBOX", "imaps://joe@mail.example.com/Junk"}, Read: 812,
		Kinds:   map[string]int{"other": 811, "dmarc-report": 1},
		Verdict: classify.Verdict{Verdict: classify.NoBounces, Missing: []classify.Missing{{What: "Bounces may lie elsewhere.", Command: "ndrscan scan imaps://joe@mail.example.com --all"}}},
	}
}

func forged() classify.Finding {
	return classify.Finding{
		Schema: classify.FindingSchema, Source: "flood.mbox", ID: "104211", Kind: "bounce", Received: at("2026-11-23T10:00:00Z"),
		Account: "sales@example.com", Cell: "9f", Campaign: "c1f0",
		Reporter: &classify.Reporter{MTA: "mx.blueharbor.example", Software: "postfix", IP: "198.51.100.101", Witness: "blueharbor.example", Verified: true},
		Recipients: []classify.Recipient{{Address: "nobody@blueharbor.example", Action: "failed", Status: "5.1.1",
			Diagnostic: "smtp; 550 5.1.1 <nobody@blueharbor.example>: \x1b]0;owned\x07 unknown user", RemoteMTA: "store.example", Reason: "user-unknown"}},
		Original: &classify.Original{Returned: "headers", MailFrom: "sales@example.com", MailFromSource: "return-path", From: "sales@example.com",
			To: []string{"nobody@blueharbor.example"}, Subject: "Win BIG", MessageID: "<1@bot>", Received: 3, Size: 1204},
		Origin: &classify.Origin{IP: "203.0.113.71", HELO: "submit.example.com", RDNS: "71.dyn.bad.example", RDNSConfirmed: true, By: "mx.blueharbor.example",
			Via: "received", Trust: "stepped", ClaimedOrigin: "10.9.9.9", Framing: true,
			Steps: []classify.Step{{Line: 1, Client: "127.0.0.1", By: "mx.blueharbor.example", Believed: true, Why: "inside"},
				{Line: 2, Client: "203.0.113.71", By: "mx.blueharbor.example", Believed: true, Why: "border"},
				{Line: 3, Client: "10.9.9.9", By: "submit.example.com", Why: "framing"}}},
		SPF: &classify.SPF{Result: "fail", Domain: "example.com", Mechanism: "-all", Path: []string{"example.com", "_spf.example.com"},
			Recorded: &classify.RecordedSPF{Result: "softfail", IP: "203.0.113.71"}},
		DKIM:    []classify.DKIM{{Domain: "example.com", Selector: "s1", Result: "fail", Own: true}},
		Class:   classify.Forged,
		Reasons: []classify.Reason{{Code: "spf-fail", Text: "203.0.113.71 is not allowed by example.com (matched -all)"}},
	}
}

func undetermined() classify.Finding {
	f := classify.Finding{Schema: classify.FindingSchema, Source: "in", ID: "7", Kind: "bounce", Class: classify.Undetermined,
		Reporter: &classify.Reporter{}, Original: &classify.Original{Returned: "none"}, Origin: &classify.Origin{Via: "none"},
		CouldBe: []classify.Class{classify.Forged, classify.Compromised}, Settle: "search our mail log for queue id 4XyZ1a2b3c: it shows whether our server took the message, and from whom",
		Reasons: []classify.Reason{{Code: "origin-unknown", Text: "where it came from can't be told: nothing of the original came back"}}}
	return f
}

func own() classify.Finding {
	return classify.Finding{Schema: classify.FindingSchema, Source: "in", ID: "8", Kind: "bounce", Class: classify.Compromised,
		Reporter: &classify.Reporter{MTA: "submit.example.com", Own: true, Witness: "example.com"},
		Original: &classify.Original{Returned: "full", Size: 5000, MailFrom: "<>"},
		Origin: &classify.Origin{IP: "192.0.2.2", RDNS: "submit.example.com", Via: "received", Trust: "direct", Own: true, AuthUser: "joe",
			ClientIP: "203.0.113.71", Entry: "account", QueueID: "4XyZ1a2b3c", Time: at("2026-11-23T09:00:00Z"),
			Steps: []classify.Step{{Line: 1, Client: "203.0.113.71", By: "submit.example.com", Believed: true, Why: "login"}}},
		SPF:     &classify.SPF{Result: "pass", Domain: "example.com", Mechanism: "ip4:192.0.2.0/24"},
		Reasons: []classify.Reason{{Code: "login-named", Text: "our server took it from 203.0.113.71 with the login joe"}}}
}

// misconfigured is a message of a source of ours that the SPF record forgot.
func misconfigured() classify.Finding {
	return classify.Finding{Schema: classify.FindingSchema, Source: "in", ID: "12", Kind: "bounce", Class: classify.Misconfigured,
		Reporter: &classify.Reporter{MTA: "mx.blueharbor.example", IP: "198.51.100.101", Witness: "blueharbor.example", Verified: true},
		Original: &classify.Original{Returned: "headers", From: "sales@example.com", MailFrom: "sales@example.com", MailFromSource: "return-path", TagVerified: true, Tag: "batv"},
		Origin:   &classify.Origin{IP: "198.51.100.20", RDNS: "www.example.com", RDNSConfirmed: true, Via: "received", Trust: "direct", Own: true, Entry: "script"},
		SPF:      &classify.SPF{Result: "fail", Domain: "example.com", Mechanism: "-all"},
		Reasons:  []classify.Reason{{Code: "reported-own", Text: "3 receivers' DMARC reports agree: its mail in your name is signed by you"}},

		Misconfiguration: classify.SourceWebForm, Remedy: "let the page hand its mail to your submission port"}
}
