package proof

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var logNow = time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)

func readLog(t testing.TB, text string) *MailLog {
	t.Helper()
	l := NewMailLog(logNow)
	if err := l.Read("log", strings.NewReader(text), logNow); err != nil {
		t.Fatal(err)
	}
	return l
}

const postfixLog = `Nov 23 10:00:00 mx postfix/smtpd[100]: connect from pc.isp.example[203.0.113.7]
Nov 23 10:00:01 mx postfix/submission/smtpd[100]: 4ABCD123: client=pc.isp.example[203.0.113.7]:50123, sasl_method=PLAIN, sasl_username=bob@example.com
Nov 23 10:00:01 mx postfix/cleanup[101]: 4ABCD123: message-id=<1@example.com>
Nov 23 10:00:01 mx postfix/qmgr[102]: 4ABCD123: from=<Alice@example.com>, size=1234, nrcpt=2 (queue active)
Nov 23 10:00:03 mx postfix/smtp[103]: 4ABCD123: to=<x@far.example>, relay=mx.far.example[198.51.100.1]:25, delay=2, delays=0.1/0/1/1, dsn=2.0.0, status=sent (250 ok queued as 9ZZZZ9)
Nov 23 10:00:04 mx postfix/smtp[103]: 4ABCD123: to=<y@far.example>, orig_to=<all@example.com>, relay=mx.far.example[198.51.100.1]:25, delay=2, delays=0.1/0/1/1, dsn=5.1.1, status=bounced (host said: 550 no)
Nov 23 10:00:04 mx postfix/qmgr[102]: 4ABCD123: removed
`

const eximLog = `2026-11-23 10:00:01 1tEwxU-0001ab-CD <= Alice@example.com H=pc.isp.example (laptop) [203.0.113.7]:50123 I=[192.0.2.1]:587 P=esmtpsa X=TLS1.3:TLS_AES_256_GCM_SHA384:256 CV=no A=plain_login:bob@example.com S=1234 id=1@example.com T="Offer" for x@far.example y@far.example
2026-11-23 10:00:03 1tEwxU-0001ab-CD => x@far.example R=dnslookup T=remote_smtp H=mx.far.example [198.51.100.1] C="250 ok"
2026-11-23 10:00:04 1tEwxU-0001ab-CD ** y@far.example <all@example.com> R=dnslookup T=remote_smtp H=mx.far.example [198.51.100.1]: SMTP error: 550 no
2026-11-23 10:00:04 1tEwxU-0001ab-CD Completed
`

const sendmailLog = `Nov 23 10:00:00 mx sm-mta[100]: AUTH=server, relay=pc.isp.example [203.0.113.7], authid=bob@example.com, mech=PLAIN, bits=0
Nov 23 10:00:01 mx sm-mta[100]: 4ANA0abc012345: from=<Alice@example.com>, size=1234, class=0, nrcpts=2, msgid=<1@example.com>, proto=ESMTPSA, daemon=MSA, relay=pc.isp.example [203.0.113.7]
Nov 23 10:00:03 mx sm-mta[103]: 4ANA0abc012345: to=<x@far.example>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=121234, relay=mx.far.example. [198.51.100.1], dsn=2.0.0, stat=Sent (ok)
Nov 23 10:00:04 mx sm-mta[103]: 4ANA0abc012345: to=<y@far.example>, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=121234, relay=mx.far.example. [198.51.100.1], dsn=5.1.1, stat=User unknown
`

// TestMailLogDialects reads the same message from the logs of three servers.
func TestMailLogDialects(t *testing.T) {
	iso := strings.NewReplacer("Nov 23 ", "2026-11-23T", " mx ", "+00:00 mx ")
	v5 := func(log string) string { // RFC 5424
		var out strings.Builder
		for line := range strings.Lines(log) {
			head, text, _ := strings.Cut(line, "]: ")
			head, pid, _ := strings.Cut(head, "[")
			program := head[strings.LastIndexByte(head, ' ')+1:]
			fmt.Fprintf(&out, "<22>1 2026-11-23T%s.003Z mx %s %s - [x y=\"a ] b\"] %s", line[7:15], program, pid, text)
		}
		return out.String()
	}
	prefixed := func(log, prefix string) string {
		return prefix + strings.ReplaceAll(strings.TrimSuffix(log, "\n"), "\n", "\n"+prefix) + "\n"
	}
	tests := []struct{ name, queue, format, log string }{
		{"postfix", "4ABCD123", "postfix", postfixLog},
		{"postfix, CRLF", "4ABCD123", "postfix", strings.ReplaceAll(postfixLog, "\n", "\r\n")},
		{"postfix, ISO dates", "4ABCD123", "postfix", iso.Replace(postfixLog)},
		{"postfix, RFC 5424", "4ABCD123", "postfix", v5(postfixLog)},
		{"exim", "1tEwxU-0001ab-CD", "exim", eximLog},
		{"exim, long ids", "1tEwxU-00000001abc-2xyz", "exim", strings.ReplaceAll(eximLog, "1tEwxU-0001ab-CD", "1tEwxU-00000001abc-2xyz")},
		{"exim, process ids", "1tEwxU-0001ab-CD", "exim", strings.ReplaceAll(eximLog, " 1tEwxU", " [4711] 1tEwxU")},
		{"exim, zone and fraction", "1tEwxU-0001ab-CD", "exim", strings.ReplaceAll(strings.ReplaceAll(eximLog, " 1tEwxU", ".123 +0100 1tEwxU"), " 10:", " 11:")},
		{"exim by syslog", "1tEwxU-0001ab-CD", "exim", prefixed(eximLog, "Nov 23 10:00:09 mx exim[88]: ")},
		{"sendmail", "4ANA0abc012345", "sendmail", sendmailLog},
		{"sendmail, ISO dates", "4ANA0abc012345", "sendmail", iso.Replace(sendmailLog)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			l := readLog(t, tt.log)
			list := l.Lookup(tt.queue)
			if len(list) != 1 {
				t.Fatalf("%d entries: %+v", len(list), l.rows)
			}
			e := list[0]
			if e.Format != tt.format || e.Client.String() != "203.0.113.7" || !e.Auth || e.Login != "bob@example.com" || e.LocalUser != "" {
				t.Errorf("who: %+v", e)
			}
			if e.Sender != "alice@example.com" || !e.HasMessageID("<1@example.com>") || e.HasMessageID("<2@example.com>") {
				t.Errorf("what: %+v", e)
			}
			status := map[string]string{}
			for _, r := range e.Recipients {
				status[r.Address] = r.Status
			}
			if status["x@far.example"] != "sent" || status["y@far.example"] != "failed" {
				t.Errorf("recipients: %v", e.Recipients)
			}
			if first := e.First.Truncate(10 * time.Second); !first.Equal(time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)) {
				t.Errorf("first: %v", e.First)
			}
			if byID := l.ByMessageID("<1@example.com>"); len(byID) != 1 || byID[0].QueueID != tt.queue {
				t.Errorf("by Message-ID: %+v", byID)
			}
		})
	}
}

func TestConfirm(t *testing.T) {
	l := readLog(t, postfixLog)
	at := time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)
	base := LogQuery{QueueID: "4ABCD123", MessageID: "<1@example.com>", Recipients: []string{"X@far.example"}, At: at}
	with := func(change func(*LogQuery)) LogQuery {
		q := base
		change(&q)
		return q
	}
	tests := []struct {
		name string
		q    LogQuery
		want bool
	}{
		{"all agrees", base, true},
		{"Message-ID agrees", with(func(q *LogQuery) { q.Recipients = []string{"z@z.example"} }), true},
		{"recipient agrees", with(func(q *LogQuery) { q.MessageID = "<9@z.example>" }), true},
		{"alias agrees", with(func(q *LogQuery) { q.MessageID = ""; q.Recipients = []string{"all@example.com"} }), true},
		{"only the queue id", with(func(q *LogQuery) { q.MessageID, q.Recipients = "<9@z.example>", []string{"z@z.example"} }), false},
		{"nothing else known", with(func(q *LogQuery) { q.MessageID, q.Recipients = "", nil }), false},
		{"another queue id", with(func(q *LogQuery) { q.QueueID = "4ABCD124" }), false},
		{"a day late", with(func(q *LogQuery) { q.At = at.Add(23 * time.Hour) }), true},
		{"two days late", with(func(q *LogQuery) { q.At = at.Add(48 * time.Hour) }), false},
		{"two days early", with(func(q *LogQuery) { q.At = at.Add(-48 * time.Hour) }), false},
		{"a year early: the log has no years", with(func(q *LogQuery) { q.At = at.AddDate(-1, 0, 0) }), true},
		{"no time", with(func(q *LogQuery) { q.At = time.Time{} }), false},
		{"no queue id: Message-ID and recipient", with(func(q *LogQuery) { q.QueueID = "" }), true},
		{"no queue id, other recipient", with(func(q *LogQuery) { q.QueueID, q.Recipients = "", []string{"z@z.example"} }), false},
		{"no queue id, other Message-ID", with(func(q *LogQuery) { q.QueueID, q.MessageID = "", "<9@z.example>" }), false},
	}
	for _, tt := range tests {
		if _, ok := l.Confirm(tt.q); ok != tt.want {
			t.Errorf("%s: %v", tt.name, ok)
		}
	}
}

// TestCovers: only where our server's own log would show a message does its absence say something.
func TestCovers(t *testing.T) {
	at := time.Date(2026, 11, 23, 10, 0, 2, 0, time.UTC)
	later := strings.ReplaceAll(postfixLog, "Nov 23", "Nov 25")
	google := "Message ID,Start date,Sender\n1@b,2026/11/23 10:00:01,a@b\n1@b,2026/11/23 10:00:09,a@b\n"
	full := readLog(t, postfixLog)
	full.maxMails = 1
	full.dropHalf()
	full.left = 1
	for _, tt := range []struct {
		name string
		log  *MailLog
		at   time.Time
		host string
		want bool
	}{
		{"inside", readLog(t, postfixLog), at, "", true},
		{"of that host", readLog(t, postfixLog), at, "MX.example.com", true},
		{"of another host", readLog(t, postfixLog), at, "mx2.example.com", false},
		{"before", readLog(t, postfixLog), at.Add(-time.Minute), "", false},
		{"after", readLog(t, postfixLog), at.Add(time.Minute), "", false},
		{"a day is missing", readLog(t, postfixLog+later), at.AddDate(0, 0, 1), "", false},
		{"exim names no host", readLog(t, eximLog), at, "mx2.example.com", true},
		{"no queue ids", readLog(t, google), at, "", false},
		{"messages were dropped", full, at, "", false},
		{"nothing read", NewMailLog(logNow), at, "", false},
	} {
		if got := tt.log.Covers(tt.at, tt.host); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}

// TestQueueIDsAreUsedAgain: the entry that agrees in time counts.
func TestQueueIDsAreUsedAgain(t *testing.T) {
	second := strings.NewReplacer("Nov 23", "Nov 20", "bob@", "carol@", "<1@", "<2@", "x@far", "q@far").Replace(postfixLog)
	l := readLog(t, second+postfixLog)
	if got := l.Lookup("4ABCD123"); len(got) != 2 || got[0].Login != "bob@example.com" || got[1].Login != "carol@example.com" {
		t.Fatalf("%+v", got)
	}
	at := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	e, ok := l.Confirm(LogQuery{QueueID: "4ABCD123", MessageID: "<2@example.com>", At: at})
	if !ok || e.Login != "carol@example.com" {
		t.Errorf("%v %+v", ok, e)
	}
}

// TestHandOvers follows a message through a content filter and from the local program to the server: the login is that of
// the first process.
func TestHandOvers(t *testing.T) {
	tests := []struct{ name, queue, log, login, local string }{
		{"filter with XFORWARD", "4NEW1", `Nov 23 10:00:01 mx postfix/smtpd[1]: 4OLD1: client=pc[203.0.113.7], sasl_method=PLAIN, sasl_username=bob
Nov 23 10:00:02 mx postfix/smtpd[2]: 4NEW1: client=localhost[127.0.0.1], orig_queue_id=4OLD1, orig_client=pc[203.0.113.7]
`, "bob", ""},
		{"filter without", "4NEW1", `Nov 23 10:00:01 mx postfix/smtpd[1]: 4OLD1: client=pc[203.0.113.7], sasl_method=PLAIN, sasl_username=bob
Nov 23 10:00:02 mx postfix/smtpd[2]: 4NEW1: client=localhost[127.0.0.1]
Nov 23 10:00:03 mx postfix/smtp[3]: 4OLD1: to=<x@y.example>, relay=127.0.0.1[127.0.0.1]:10024, delay=1, dsn=2.0.0, status=sent (250 2.0.0 from MTA(smtp:[127.0.0.1]:10025): 250 2.0.0 Ok: queued as 4NEW1)
`, "bob", ""},
		{"a stranger's reply names a queue id of ours", "4NEW1", `Nov 23 10:00:01 mx postfix/smtpd[1]: 4OLD1: client=pc[203.0.113.7], sasl_method=PLAIN, sasl_username=bob
Nov 23 10:00:02 mx postfix/smtpd[2]: 4NEW1: client=web[192.0.2.9]
Nov 23 10:00:03 mx postfix/smtp[3]: 4OLD1: to=<x@y.example>, relay=evil[198.51.100.1]:25, delay=1, dsn=2.0.0, status=sent (250 2.0.0 Ok: queued as 4NEW1)
`, "", ""},
		{"a script", "4LOC1", `Nov 23 10:00:01 mx postfix/pickup[1]: 4LOC1: uid=33 from=<www-data>
`, "", "uid 33"},
		{"sendmail's submission program", "4ANA1abc000002", `Nov 23 10:00:01 mx sendmail[1]: 4ANA1abc000001: from=www-data, size=99, class=0, nrcpts=1, msgid=<5@mx>, relay=www-data@localhost
Nov 23 10:00:02 mx sm-mta[2]: 4ANA1abc000002: from=<www-data@mx>, size=300, class=0, nrcpts=1, msgid=<5@mx>, proto=ESMTP, daemon=MTA, relay=localhost [127.0.0.1]
Nov 23 10:00:03 mx sendmail[1]: 4ANA1abc000001: to=x@y.example, ctladdr=www-data (33/33), delay=00:00:01, mailer=relay, pri=30, relay=[127.0.0.1] [127.0.0.1], dsn=2.0.0, stat=Sent (4ANA1abc000002 Message accepted for delivery)
`, "", "www-data"},
		{"exim's local user", "1tEwxU-0001ab-CD", "2026-11-23 10:00:01 1tEwxU-0001ab-CD <= www@mx U=www-data P=local S=99\n", "", "www-data"},
		{"exim, two signatures", "1tEwxU-0001ab-CD", strings.Replace(eximLog, " S=1234", " S=1234 DKIM=a.example DKIM=b.example", 1), "bob@example.com", ""},
		{"exim: ident is the client's word", "1tEwxU-0001ab-CD", "2026-11-23 10:00:01 1tEwxU-0001ab-CD <= a@b H=x [203.0.113.7] U=root P=smtp S=99\n", "", ""},
		{"sendmail: another client's login", "4ANA0abc012345", strings.Replace(sendmailLog, "relay=pc.isp.example [203.0.113.7], authid", "relay=x [203.0.113.8], authid", 1), "", ""},
	}
	for _, tt := range tests {
		list := readLog(t, tt.log).Lookup(tt.queue)
		if len(list) != 1 || list[0].Login != tt.login || list[0].LocalUser != tt.local || list[0].Auth != (tt.login != "") {
			t.Errorf("%s: %+v", tt.name, list)
		}
	}
}

// TestLogFraming: what a client may write into a line names no login and no other client.
func TestLogFraming(t *testing.T) {
	const exim = "2026-11-23 10:00:01 1tEwxU-0001ab-CD <= %s\n"
	const postfix = "Nov 23 10:00:00 mx postfix/smtpd[1]: 4ABCD123: client=evil[198.51.100.9]\nNov 23 10:00:01 mx postfix/%s\n"
	const sendmail = "Nov 23 10:00:01 mx sm-mta[7]: 4ABCD123: from=%s\n"
	tests := []struct{ name, log string }{
		{"subject", fmt.Sprintf(exim, `a@b H=evil [198.51.100.9] P=esmtp S=1 id=1@b T="x A=plain:bob P=esmtpsa" for x@y`)},
		{"subject with a quote", fmt.Sprintf(exim, `a@b H=evil [198.51.100.9] P=esmtp S=1 T="x\" A=plain:bob" for x@y`)},
		{"Message-ID", fmt.Sprintf(exim, `a@b H=evil [198.51.100.9] P=esmtp S=1 id="x A=plain:bob"@b`)},
		{"sender", fmt.Sprintf(exim, `"x H=x [203.0.113.7] P=esmtpsa A=plain:bob"@b H=evil [198.51.100.9] P=esmtp S=1`)},
		{"HELO", fmt.Sprintf(exim, `a@b H=evil (x [203.0.113.7] A=plain:bob) [198.51.100.9] P=esmtp S=1`)},
		{"HELO is a literal", fmt.Sprintf(exim, `a@b H=([203.0.113.7]) [198.51.100.9] P=esmtp S=1`)},
		{"HELO out of its brackets", fmt.Sprintf(exim, `a@b H=(x) [203.0.113.7] P=esmtpsa A=plain:bob (y) [198.51.100.9] P=esmtp S=1`)},
		{"HELO out of its brackets, login only", fmt.Sprintf(exim, `a@b H=(x) A=plain:bob (y) [198.51.100.9] P=esmtp S=1`)},
		{"postfix sender", fmt.Sprintf(postfix, `qmgr[2]: 4ABCD123: from=<"x>, client=p[203.0.113.7], sasl_username=bob"@b>, size=1, nrcpt=1 (queue active)`)},
		{"postfix header check", fmt.Sprintf(postfix, `cleanup[2]: 4ABCD123: info: header Subject: client=p[203.0.113.7], sasl_username=bob from evil[198.51.100.9]`)},
		{"postfix Message-ID", fmt.Sprintf(postfix, `cleanup[2]: 4ABCD123: message-id=<x, sasl_username=bob>`)},
		{"sendmail sender", fmt.Sprintf(sendmail, `<"x, relay=p [203.0.113.7]"@b>, size=1, class=0, nrcpts=1, msgid=<1@b>, proto=ESMTP, daemon=MTA, relay=evil [198.51.100.9]`)},
		{"sendmail Message-ID", fmt.Sprintf(sendmail, `<a@b>, size=1, class=0, nrcpts=1, msgid=<x, relay=p [203.0.113.7]>, proto=ESMTP, daemon=MTA, relay=evil [198.51.100.9]`)},
	}
	for _, tt := range tests {
		for _, e := range slices.Concat(readLog(t, tt.log).Lookup("1tEwxU-0001ab-CD"), readLog(t, tt.log).Lookup("4ABCD123")) {
			if e.Auth || e.Login != "" || e.Client.IsValid() && e.Client != netip.MustParseAddr("198.51.100.9") {
				t.Errorf("%s: %+v", tt.name, e)
			}
		}
	}
}

func TestMailLogCSV(t *testing.T) {
	utf16 := func(s string) string {
		out := []byte{0xff, 0xfe}
		for _, r := range s {
			out = append(out, byte(r), byte(r>>8))
		}
		return string(out)
	}
	summary := `origin_timestamp_utc,sender_address,recipient_status,message_subject,total_bytes,message_id,network_message_id,original_client_ip,directionality,connector_id,delivery_priority
2026-11-23T10:00:01.0000000Z,Alice@example.com,"x@far.example##Receive, Send;y@far.example##Receive, Fail","Offer, for you",1234,<1@example.com>,0F8FAD5B-d9cb-469f-a165-70867728950e,203.0.113.7,Originating,,Normal
`
	shell := `#TYPE Deserialized.Microsoft.Exchange.Management.FfoReporting.MessageTrace
"Organization","MessageId","Received","SenderAddress","RecipientAddress","Subject","Status","ToIP","FromIP","Size","MessageTraceId","StartDate","EndDate","Index"
"x.onmicrosoft.com","<1@example.com>","11/23/2026 10:00:01 AM","alice@example.com","x@far.example","Offer","Delivered","198.51.100.1","203.0.113.7","1234","0f8fad5b-d9cb-469f-a165-70867728950e","11/21/2026 12:00:00 AM","11/23/2026 12:00:00 AM","0"
`
	google := `Message ID,Start date,End date,Sender,Message size,Subject,Direction,Attachments,Recipient address,Event target,Event date,Event status,Event target IP address,Client IP
1@example.com,2026/11/23 10:00:01 UTC,2026/11/23 10:00:05 UTC,alice@example.com,1234,Offer,Sent,0,x@far.example,SMTP_OUT,2026/11/23 10:00:05 UTC,Delivered,198.51.100.1,203.0.113.7
1@example.com,2026/11/23 10:00:01 UTC,2026/11/23 10:00:05 UTC,alice@example.com,1234,Offer,Sent,0,y@far.example,SMTP_OUT,2026/11/23 10:00:05 UTC,Bounced,198.51.100.1,203.0.113.7
`
	tests := []struct {
		name, log, format string
		outbound          bool
		recipients        int
	}{
		{"summary report", summary, "microsoft", true, 2},
		{"summary report, UTF-16", utf16(summary), "microsoft", true, 2},
		{"Get-MessageTrace", shell, "microsoft", false, 1},
		{"email log search", google, "google", true, 2},
		{"email log search, tabs", strings.ReplaceAll(google, ",", "\t"), "google", true, 2},
	}
	for _, tt := range tests {
		l := readLog(t, tt.log)
		list := l.ByMessageID("<1@example.com>")
		if len(list) != 1 {
			t.Errorf("%s: %+v", tt.name, list)
			continue
		}
		e := list[0]
		if e.Format != tt.format || e.Outbound != tt.outbound || len(e.Recipients) != tt.recipients || e.Auth || e.NoYear ||
			e.Client.String() != "203.0.113.7" || e.Sender != "alice@example.com" || !e.First.Equal(time.Date(2026, 11, 23, 10, 0, 1, 0, time.UTC)) {
			t.Errorf("%s: %+v", tt.name, e)
		}
		if e.Format == "microsoft" && len(l.Lookup("0f8fad5b-d9cb-469f-a165-70867728950e")) != 1 {
			t.Errorf("%s: not found by its network message id", tt.name)
		}
	}
}

func TestUnknownLog(t *testing.T) {
	dovecot := "Nov 23 10:00:00 mx dovecot: imap-login: Login: user=<\x1b[31mbob>\n"
	for _, tt := range []struct{ name, log, want string }{
		{"empty", "", "log: the log is empty"},
		{"another program's", strings.Repeat(dovecot, 5), `none of its 5 lines`},
		{"its lines are safe", dovecot, `line 1: "Nov 23 10:00:00 mx dovecot: imap-login: Login: user=<\x1b[31mbob>"`},
		{"no log at all", "hello\nworld\n", `line 2: "world"`},
		{"CSV of something else", "a,b,c\n1,2,3\n", `line 1: "a,b,c"`},
		{"no rows", "Message ID,Start date,Sender\n", "empty"},
		{"binary", strings.Repeat("\x00\xff", 200_000), "none of its 1 lines"},
	} {
		err := NewMailLog(logNow).Read("log", strings.NewReader(tt.log), logNow)
		var unknown *UnknownLogError
		if !errors.As(err, &unknown) || !strings.Contains(err.Error(), tt.want) || len(err.Error()) > 1500 {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestOpenMailLog(t *testing.T) {
	dir := t.TempDir()
	plain, zipped := filepath.Join(dir, "mail.log"), filepath.Join(dir, "mail.log.1.gz")
	if err := os.WriteFile(plain, []byte(postfixLog), 0o600); err != nil {
		t.Fatal(err)
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	w.ModTime = time.Date(2024, 12, 1, 0, 0, 0, 0, time.UTC) // the log says no year; this one is older
	w.Write([]byte(strings.ReplaceAll(postfixLog, "4ABCD123", "3OLD")))
	w.Write([]byte(strings.ReplaceAll(postfixLog, "4ABCD123", "3OLD1")))
	w.Close()
	if err := os.WriteFile(zipped, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := OpenMailLog(context.Background(), logNow, zipped, plain)
	if err != nil {
		t.Fatal(err)
	}
	if e := l.Lookup("3OLD1"); len(e) != 1 || e[0].First.Year() != 2024 {
		t.Errorf("%+v", e)
	}
	if e := l.Lookup("4ABCD123"); len(e) != 1 || l.Len() != 2 || !slices.Equal(l.Formats(), []string{"postfix"}) {
		t.Errorf("%+v; %d, %v", e, l.Len(), l.Formats())
	}
	if _, err := OpenMailLog(context.Background(), logNow, filepath.Join(dir, "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file that isn't there: %v", err)
	}
	if err := os.WriteFile(zipped, packed.Bytes()[:20], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenMailLog(context.Background(), logNow, zipped); err == nil || !strings.Contains(err.Error(), "mail.log.1.gz") {
		t.Errorf("a file cut short: %v", err)
	}
	done, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := OpenMailLog(done, logNow, plain); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// TestYears: a December log read in January is last year's; the 29th of February is a leap year's.
func TestYears(t *testing.T) {
	for _, tt := range []struct {
		date    string
		written time.Time
		year    int
	}{
		{"Dec 31 23:59:59", time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), 2026},
		{"Jan  1 00:00:01", time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC), 2027},
		{"Jan  1 00:00:01", time.Date(2026, 12, 31, 23, 0, 0, 0, time.UTC), 2027}, // another zone's clock
		{"Feb 29 12:00:00", time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 2024},
	} {
		r := logReader{written: tt.written}
		if at, _, ok := r.cutOldTime(tt.date + " mx"); !ok || at.Year() != tt.year {
			t.Errorf("%s, written %s: %v", tt.date, tt.written, at)
		}
	}
}

// TestLogBounds: the half that was read first goes, the newer half is still found by both ids.
func TestLogBounds(t *testing.T) {
	l := NewMailLog(logNow)
	l.maxMails = 10
	for i := range 25 {
		log := strings.NewReplacer("4ABCD123", fmt.Sprintf("4ABCD%03d", i), "<1@", fmt.Sprintf("<%d@", i)).Replace(postfixLog)
		if err := l.Read("log", strings.NewReader(log), logNow); err != nil {
			t.Fatal(err)
		}
	}
	if l.Len()+l.LeftOut() != 25 || l.Len() > 10 || l.Len() < 5 {
		t.Fatalf("%d kept, %d left out", l.Len(), l.LeftOut())
	}
	for i := range 25 {
		kept := i >= l.LeftOut()
		byQueue, byID := l.Lookup(fmt.Sprintf("4ABCD%03d", i)), l.ByMessageID(fmt.Sprintf("<%d@example.com>", i))
		if (len(byQueue) == 1) != kept || (len(byID) == 1) != kept {
			t.Errorf("message %d, kept %v: %d, %d", i, kept, len(byQueue), len(byID))
		}
	}
}

// FuzzMailLog holds that reading any log ends, keeps to its bounds and that all that was read can be found again.
func FuzzMailLog(f *testing.F) {
	for _, seed := range []string{postfixLog, eximLog, sendmailLog, "Message ID,Start date,Sender\n1@b,2026/11/23 10:00:01,a@b\n"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		l := NewMailLog(logNow)
		l.maxMails = 4
		err := l.Read("log", strings.NewReader(text), logNow)
		if err == nil && l.Len() == 0 || l.Len() > 4 {
			t.Fatalf("%d messages, %v", l.Len(), err)
		}
		for i := range l.rows {
			found := l.rows[i].queue == "" || slices.ContainsFunc(l.Lookup(l.rows[i].queue), func(e LogEntry) bool { return e.First.Unix() == l.rows[i].first })
			if !found {
				t.Fatalf("row %d is lost", i)
			}
		}
	})
}

func BenchmarkMailLog(b *testing.B) {
	for _, kind := range []struct{ name, log string }{{"postfix", postfixLog}, {"exim", eximLog}, {"sendmail", sendmailLog}} {
		b.Run(kind.name, func(b *testing.B) {
			l := NewMailLog(logNow)
			b.SetBytes(int64(len(kind.log)))
			b.ReportAllocs()
			for b.Loop() {
				if err := l.Read("log", strings.NewReader(kind.log), logNow); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
