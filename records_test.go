package ndrscan_test

import (
	"bytes"
	"compress/gzip"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"ndrscan/classify"
	"ndrscan/proof"
)

// What only we have, and what only others can have, against the same bounces: the mail log, keys, the tenant's stamps, DMARC
// aggregate reports, ordinary mail.

// aLog is a Postfix log in which bob handed in the messages of thiefThroughOurs and nothing else.
func aLog(t *testing.T, n int) *proof.MailLog {
	t.Helper()
	var text strings.Builder
	for i := range n {
		stamp := adversaryMail.Add(-1).Format("Jan _2 15:04:05")
		id := fmt.Sprintf("6Cd%05d", i)
		for _, line := range []string{
			"smtpd[1]: %s: client=unknown[" + thief + "], sasl_method=LOGIN, sasl_username=bob@ours.example",
			"cleanup[2]: %s: message-id=<m" + fmt.Sprint(i) + "@ours.example>",
			"qmgr[3]: %s: from=<alice@ours.example>, size=1000, nrcpt=1 (queue active)",
			"smtp[4]: %s: to=<rcpt" + fmt.Sprint(i) + "@s" + fmt.Sprint(1+i%4) + ".example>, relay=m.example[198.18.1.25]:25, delay=1, status=bounced (550 spam)",
		} {
			fmt.Fprintf(&text, "%s submit postfix/%s\n", stamp, fmt.Sprintf(line, id))
		}
	}
	for _, hours := range []int{-30, 5} { // other mail, before and after
		stamp := adversaryMail.Add(time.Duration(hours) * time.Hour).Format("Jan _2 15:04:05")
		fmt.Fprintf(&text, "%[1]s submit postfix/smtpd[1]: 7Ff%[2]d: client=localhost[127.0.0.1]\n%[1]s submit postfix/qmgr[1]: 7Ff%[2]d: from=<cron@ours.example>, size=9, nrcpt=1 (queue active)\n", stamp, hours+100)
	}
	log := proof.NewMailLog(adversaryNow)
	if err := log.Read("mail.log", strings.NewReader(text.String()), adversaryNow); err != nil {
		t.Fatal(err)
	}
	return log
}

// hiddenLogin is a spam run of which reports that prove nothing tell, through a server that does not name logins.
func hiddenLogin(n int) []string {
	return flood(n, func(n int) bounce {
		b := bounce{n: n, name: fmt.Sprintf("mx%d.bank.example", n), ip: fmt.Sprintf("203.0.%d.9", n), rcpts: []string{fmt.Sprintf("rcpt%d@s%d.example", n, 1+n%4)}}
		line := strings.Replace(login(n, "x", thief), "\n\t(Authenticated sender: x)", "", 1)
		b.orig = taken(b, "submit.ours.example", "submit.ours.example", "192.0.2.2") + line + spam(n)
		return b
	})
}

func TestMailLogProves(t *testing.T) {
	a := attack{mails: hiddenLogin(20)}
	report, _ := a.scan(t)
	if report.Verdict.Verdict != classify.CompromiseSuspected {
		t.Errorf("without a log: %s", report.Verdict.Verdict)
	}
	a.opts.MailLog = aLog(t, 20)
	report, findings := a.scan(t)
	if report.Verdict.Verdict != classify.Compromise || len(report.Accounts) == 0 || report.Accounts[0].Login != "bob@ours.example" {
		t.Errorf("with the log: %s, accounts %+v, %v", report.Verdict.Verdict, report.Accounts, codes(findings[0]))
	}
}

// A log that covers the time and lacks the queue ids takes the claims away; it takes nothing from what sites prove.
func TestMailLogLacks(t *testing.T) {
	a := attack{mails: hiddenLogin(20)}
	a.opts.MailLog = aLog(t, 1)
	report, findings := a.scan(t)
	if report.Verdict.Verdict == classify.Compromise || report.Verdict.Verdict == classify.CompromiseSuspected {
		t.Errorf("verdict %s, %v", report.Verdict.Verdict, codes(findings[5]))
	}
	if !strings.Contains(strings.Join(codes(findings[5]), " "), "log-absent") {
		t.Errorf("codes %v", codes(findings[5]))
	}
	a.mails = flood(24, func(n int) bounce {
		b := site(n, 1+n%4)
		b.orig = fromOurs(b, "alice@ours.example", thief) + spam(n)
		return b
	})
	if report, _ = a.scan(t); report.Verdict.Verdict != classify.Compromise {
		t.Errorf("four honest sites saw it: %s", report.Verdict.Verdict)
	}
}

// The log proves mail of which nothing came back, by Message-ID and recipient.
func TestMailLogWithoutLines(t *testing.T) {
	a := attack{mails: flood(20, func(n int) bounce {
		b := site(n, 1+n%4)
		b.orig, b.headers = spam(n), true
		return b
	})}
	a.opts.MailLog = aLog(t, 20)
	report, findings := a.scan(t)
	if report.Verdict.Verdict != classify.Compromise || findings[0].Class != classify.Compromised {
		t.Errorf("%s, %v %v", report.Verdict.Verdict, findings[0].Class, codes(findings[0]))
	}
}

const tenantID = "11111111-2222-3333-4444-555555555555"

func stamps(tenant, authAs string) string {
	return fmt.Sprintf("X-MS-Exchange-CrossTenant-Id: %s\nX-MS-Exchange-CrossTenant-AuthAs: %s\nX-OriginatorOrg: ours.example\n", tenant, authAs)
}

// fromProvider is mail of a tenant that the provider handed to a site.
func fromProvider(b bounce, tenant, authAs string) string {
	return taken(b, "mail-x.outbound.protection.outlook.com", "mail-x.outbound.protection.outlook.com", "198.18.200.5") +
		"Received: from A.prod.outlook.com (2603:10a6::1) by A.prod.outlook.com with mapi id 15.20; " + at(b.n) + "\n" + stamps(tenant, authAs) + spam(b.n)
}

func TestTenantStamps(t *testing.T) {
	run := func(original func(bounce) string) []string {
		return flood(24, func(n int) bounce {
			b := site(n, 1+n%4)
			b.orig = original(b)
			return b
		})
	}
	tests := []struct {
		name    string
		mails   []string
		verdict classify.Judgement
		class   classify.Class
	}{
		{"an account of our tenant", run(func(b bounce) string { return fromProvider(b, tenantID, "Internal") }), classify.Compromise, classify.Compromised},
		{"entered our tenant from outside", run(func(b bounce) string { return fromProvider(b, tenantID, "Anonymous") }), classify.Inconclusive, classify.Undetermined},
		{"another's tenant", run(func(b bounce) string { return fromProvider(b, proof.ConsumerTenant, "Internal") }), classify.Inconclusive, classify.Undetermined},
		{"stamps under a bot", run(func(b bounce) string {
			return taken(b, "pc", "unknown", bot(b.n)) + stamps(tenantID, "Internal") + spam(b.n)
		}), classify.JoeJob, classify.Forged},
	}
	for _, tt := range tests {
		a := attack{mails: tt.mails}
		a.opts.Own = []string{"tenant:" + tenantID}
		report, findings := a.scan(t)
		if report.Verdict.Verdict != tt.verdict || findings[0].Class != tt.class {
			t.Errorf("%s: %s, %s; %v", tt.name, report.Verdict.Verdict, findings[0].Class, codes(findings[0]))
		}
	}
}

// srsTag makes hash and time stamp as the SRS libraries do: HMAC-SHA1 in base64, days since 1970 in base32.
func srsTag(key, host, user string) string {
	const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	day := int(adversaryMail.Unix()/86400) % 1024
	stamp := string([]byte{base32[day>>5], base32[day&31]})
	mac := hmac.New(sha1.New, []byte(key))
	mac.Write([]byte(strings.ToLower(stamp) + host + user))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))[:4] + "=" + stamp
}

// An SRS0 of ours says that we passed the message on; the same address without the key says nothing.
func TestSRSOfOurs(t *testing.T) {
	const key = "a secret of ours"
	mails := flood(6, func(n int) bounce {
		b := site(n, 1+n%4)
		b.to = "SRS0=" + srsTag(key, "friend.example", "fred") + "=friend.example=fred@ours.example"
		b.orig = "Return-Path: <" + b.to + ">\n" + fromOurs(b, "", "198.18.9.25") + mail(n, "fred@friend.example", b.rcpts[0], "News")
		b.orig = strings.Replace(b.orig, "\n\t(Authenticated sender: )", "", 1)
		b.orig = strings.Replace(b.orig, "ESMTPSA", "ESMTPS", 1)
		return b
	})
	for _, keys := range [][]string{nil, {key}} {
		a := attack{mails: mails}
		a.opts.Keys.SRS = keys
		_, findings := a.scan(t)
		if forwarded := findings[0].Class == classify.Forwarded; forwarded != (keys != nil) {
			t.Errorf("%d keys: %s, %v", len(keys), findings[0].Class, codes(findings[0]))
		}
	}
}

// aggregate is a DMARC aggregate report mailed by a receiver.
func aggregate(k int, rows ...string) string {
	xml := fmt.Sprintf(`<feedback><report_metadata><org_name>s%d.example</org_name><email>dmarc@s%d.example</email><report_id>r%d</report_id><date_range><begin>1795305600</begin><end>1795392000</end></date_range></report_metadata><policy_published><domain>ours.example</domain><p>none</p></policy_published>%s</feedback>`, k, k, k, strings.Join(rows, ""))
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte(xml))
	z.Close()
	name := fmt.Sprintf("m.s%d.example", k)
	return "Return-Path: <dmarc@" + name + ">\n" + postfix(name, name, fmt.Sprintf("198.18.%d.25", k), "mx.ours.example", "ESMTPS", "4A", "", k, "postmaster@ours.example") +
		fmt.Sprintf("From: dmarc@s%d.example\nTo: postmaster@ours.example\nSubject: Report Domain: ours.example Submitter: s%d.example Report-ID: <r%d>\nDate: %s\nMIME-Version: 1.0\nContent-Type: application/gzip; name=\"s%d.example!ours.example!1795305600!1795392000.xml.gz\"\nContent-Transfer-Encoding: base64\n\n%s\n",
			k, k, k, at(k), k, base64.StdEncoding.EncodeToString(packed.Bytes()))
}

func aggregateRow(ip string, count int, dkim, spf string) string {
	return fmt.Sprintf("<record><row><source_ip>%s</source_ip><count>%d</count><policy_evaluated><disposition>none</disposition><dkim>%s</dkim><spf>%s</spf></policy_evaluated></row><identifiers><header_from>ours.example</header_from></identifiers><auth_results/></record>", ip, count, dkim, spf)
}

// Receivers' reports settle what a bounce alone can't: at a shared provider that signs all our mail, mail without our
// signature is a stranger's; and a mail server that passes nothing of ours on forges.
func TestAggregatesSettle(t *testing.T) {
	shared := func(n int) bounce {
		b := site(n, 1+n%4)
		b.orig = taken(b, "out.shared.example", "unknown", "198.19.0.7") + spam(n)
		return b
	}
	relay := func(n int) bounce {
		b := site(n, 1+n%4)
		b.orig = taken(b, "mail.alumni.example", "mail.alumni.example", "198.18.70.1") + spam(n)
		return b
	}
	reports := func(receivers int) (list []string) {
		for k := 1; k <= receivers; k++ {
			list = append(list, aggregate(k, aggregateRow("198.19.0.7", 50, "pass", "pass"), aggregateRow("198.18.70.1", 40, "fail", "fail")))
		}
		return list
	}
	for name, one := range map[string]func(int) bounce{"a stranger at our provider": shared, "a relay that only forges": relay} {
		for receivers, want := range map[int]classify.Class{2: classify.Undetermined, 4: classify.Forged} {
			a := attack{noSent: true, mails: append(reports(receivers), flood(12, one)...)}
			report, findings := a.scan(t)
			if report.Kinds["dmarc-report"] != receivers {
				t.Fatalf("kinds %v", report.Kinds)
			}
			if got := findings[receivers]; got.Class != want {
				t.Errorf("%s, %d receivers: %s, want %s; %v", name, receivers, got.Class, want, codes(got))
			}
		}
	}
}

// A client network where the account's ordinary mail never came from is a sign; where it did, none.
func TestNetworkOutOfHabit(t *testing.T) {
	ordinary := func(client string) string {
		text := "Return-Path: <alice@ours.example>\n" + postfix("submit.ours.example", "submit.ours.example", "192.0.2.2", "mx.ours.example", "ESMTPS", "4Q", "", -90_000, "bob@ours.example") +
			login(-90_000, "alice@ours.example", client)
		return text + mail(-90_000, "alice@ours.example", "bob@ours.example", "Minutes")
	}
	for client, want := range map[string]classify.Class{"198.51.100.130": classify.Compromised, thief: classify.Genuine} {
		a := attack{noSent: true, mails: append([]string{ordinary(client)}, flood(24, func(n int) bounce {
			b := ourOwn(n, 1+n%4)
			b.diag = "550 5.1.1 user unknown"
			b.orig = login(n, "alice@ours.example", thief) + spam(n)
			return b
		})...)}
		_, findings := a.scan(t)
		if got := findings[1]; got.Class != want {
			t.Errorf("ordinary mail from %s: %s, want %s; %v", client, got.Class, want, got.Reasons)
		}
	}
}
