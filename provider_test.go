package ndrscan_test

import (
	"fmt"
	"strings"
	"testing"

	"ndrscan/classify"
)

// Exchange on our premises writes its own reports, and shows of mail from Outlook or OWA only that a mailbox handed it in: the
// account is its author's, no script's, and no address that SPF could be asked about is seen.
func TestOwnExchange(t *testing.T) {
	const ex1 = "EX1.corp.ours.example (10.20.0.11)"
	hop := func(n int, how string) string {
		return "Received: from " + ex1 + " by\n " + ex1 + " with " + how + "; " + at(n) + "\n"
	}
	a := attack{mails: flood(24, func(n int) bounce {
		b := site(n, 1+n%4)
		b.name, b.top = "EX1.corp.ours.example", hop(n+5, "Microsoft SMTP Server id 15.1.2507.39 via Mailbox\n Transport")
		b.orig = hop(n, "Microsoft SMTP Server id 15.1.2507.39") +
			"Received: from EX1.corp.ours.example ([fe80::a1]) by EX1.corp.ours.example\n ([fe80::a1%12]) with mapi id 15.01.2507.039; " + at(n) + "\n" +
			mail(n, "alice@ours.example", b.rcpts[0], "Cheap pills")
		return b
	})}
	a.opts.Own = []string{"10.20.0.0/24"}
	report, findings := a.scan(t)
	if report.Verdict.Verdict != classify.Compromise {
		t.Errorf("verdict %s, %v", report.Verdict.Verdict, report.Classes)
	}
	for _, f := range findings {
		if f.Class != classify.Compromised || f.Origin.Entry != "account" || f.Origin.ClientIP != "" || f.SPF != nil && f.SPF.Result != "" {
			t.Fatalf("%s: entry %s from %q, SPF %+v; %v", f.Class, f.Origin.Entry, f.Origin.ClientIP, f.SPF, codes(f))
		}
	}
}

// Where our domain's MX is a provider, nobody can name its hosts with --own; its stamp on the reports counts all the same, and
// one report in it that another customer of the provider made does not.
func TestMailboxAtProvider(t *testing.T) {
	stamp := func(b bounce, name, ip string) string {
		return "Delivered-To: alice@ours.example\nReceived: by 2002:a05:6402:2d:b0:5c with SMTP id x" + fmt.Sprint(b.n) + "csp; " + at(b.n+6) + "\n" +
			fmt.Sprintf("Received: from %s (%s. [%s])\n        by mx.google.com with ESMTPS id a%dsi\n        for <alice@ours.example>; %s\n", name, name, ip, b.n, at(b.n+5))
	}
	fromTenant := func(b bounce) string {
		return taken(b, "mail-y.google.com", "mail-y.google.com", "198.18.201.5") +
			"Received: by 2002:a05:6402:1:b0:1 with SMTP id " + fmt.Sprint(b.n) + "; " + at(b.n) + "\n" +
			signAs(t, "ours-example.20230601.gappssmtp.com", spam(b.n))
	}
	world := func(one func(int) bounce) attack {
		return attack{mails: flood(24, one), zone: "ours.example. IN MX 20 aspmx.l.google.com.\n"}
	}
	sites := world(func(n int) bounce {
		b := site(n, 1+n%4)
		b.top, b.orig = stamp(b, b.name, b.ip), fromTenant(b)
		return b
	})
	if report, findings := sites.scan(t); report.Verdict.Verdict != classify.Compromise || !findings[0].Reporter.Verified {
		t.Errorf("%s, %v", report.Verdict.Verdict, codes(findings[0]))
	}
	customer := world(func(n int) bounce { // below his own host's line, which the provider's other customers share, he writes what he likes
		b := site(n, 1+n%4)
		b.top = stamp(b, "mail-y.google.com", "198.18.201.5") + strings.TrimPrefix(stamp(b, b.name, b.ip), "Delivered-To: alice@ours.example\n")
		b.orig = fromTenant(b)
		return b
	})
	if report, findings := customer.scan(t); report.Verdict.Verdict == classify.Compromise || findings[0].Reporter.Verified {
		t.Errorf("another customer's: %s, %v", report.Verdict.Verdict, codes(findings[0]))
	}
}
