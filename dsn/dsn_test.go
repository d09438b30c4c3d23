package dsn

import (
	"bytes"
	"encoding/base64"
	"html"
	"strings"
	"testing"
	"time"
)

// report makes a message/delivery-status mail of one group a recipient.
func report(top, groups string) string {
	return "From: MAILER-DAEMON@mx.remote.example\nSubject: report\n" + top +
		"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: text/plain\n\nA report.\n--b\n" +
		"Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.remote.example\n\n" + groups + "--b--\n"
}

func TestKinds(t *testing.T) {
	failed := "Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n\n"
	delayed := "Final-Recipient: rfc822; b@x.example\nAction: delayed\nStatus: 4.4.1\n\n"
	relayed := "Final-Recipient: rfc822; c@x.example\nAction: relayed\nStatus: 2.0.0\n\n"
	qmail := "Hi. This is the qmail-send program at mx.x.example.\n\n<a@x.example>:\nno such user\n\n"
	const person = "From: Pat <pat@x.example>\nReturn-Path: <pat@x.example>\n"
	tests := []struct {
		name, msg string
		want      Kind
	}{
		{"failed", report("", failed), KindBounce},
		{"mixed", report("", relayed+delayed+failed), KindBounce},
		{"delayed", report("", relayed+delayed), KindDelay},
		{"relayed", report("", relayed), KindSuccess},
		{"no action, status 5", report("", "Final-Recipient: rfc822; a@x.example\nStatus: 5.1.1\n\n"), KindBounce},
		{"no action, status 2", report("", "Final-Recipient: rfc822; a@x.example\nStatus: 2.1.5\n\n"), KindSuccess},
		{"delivered, in text", "From: postmaster@x.example\nReturn-Path: <>\nSubject: Delivered: x\nX-MS-Exchange-Message-Is-Ndr:\n\nYour message has been delivered to the following recipients:\n\na@x.example\n", KindSuccess},
		{"nothing delivered", "From: MAILER-DAEMON@x.example\nReturn-Path: <>\nSubject: Delivery failure\n\nDelivery failed:\n\na@x.example\n550 5.1.1 User unknown\n\nNo recipients were successfully delivered to.\n", KindBounce},
		{"vacation that speaks of delivery", "From: pat@x.example\nReturn-Path: <>\nSubject: Automatische Antwort: x\nAuto-Submitted: auto-generated\n\nBitte schreiben Sie an joe@x.example. Ihre Nachricht wurde nicht zugestellt.\n", KindAutoreply},
		{"TLS report", "From: tls@x.example\nReturn-Path: <tls@x.example>\nSubject: Report Domain: ours.example Submitter: x.example Report-ID: <1@x>\nContent-Type: multipart/report; report-type=tlsrpt; boundary=b\n\n--b\nContent-Type: text/plain\n\nA TLS report.\n--b\nContent-Type: application/tlsrpt+gzip\n\nx\n--b--\n", KindOther},
		{"postmaster's copy", strings.Replace(report("", failed), "Subject: report", "Subject: Postmaster notify: see transcript for details", 1), KindPostmasterCopy},
		{"reply to a report", person + "Subject: Re: failure notice\nIn-Reply-To: <x@y>\n\nWhat is this?\n\n" + qmail, KindOther},
		{"forward of a report", person + "Subject: Fwd: failure notice\n\n" + qmail, KindOther},
		{"report attached by a person", person + "Subject: look\nContent-Type: multipart/mixed; boundary=z\n\n--z\nContent-Type: text/plain\n\nLook at this.\n--z\nContent-Type: message/rfc822\n\n" + report("", failed) + "--z--\n", KindOther},
		{"report quoted by a person", person + "Subject: look\n\nThey wrote:\n> Hi. This is the qmail-send program at mx.x.example.\n> <a@x.example>:\n> no such user\n", KindOther},
		{"mail about bounces", person + "Subject: bounces\n\nMy mail could not be delivered. User unknown, it said.\n", KindOther},
		{"spam in a daemon's name", "From: MAILER-DAEMON@x.example\nReturn-Path: <spam@x.example>\nSubject: Undelivered Mail Returned to Sender\n\nBuy now.\n", KindOther},
		{"phishing in a postmaster's name", "From: Mail Delivery System <postmaster@ours.example>\nReturn-Path: <x@bad.example>\nSubject: Undelivered messages\n\n5 messages could not be delivered to you. Ask help@bad.example to release them.\n", KindOther},
		{"text report of no known software", "From: postmaster@x.example\nReturn-Path: <>\nSubject: x\n\nYour message could not be delivered because the mailbox a@x.example does not exist.\n", KindBounce},
		{"vacation", person + "Subject: away\nAuto-Submitted: auto-replied (vacation)\nIn-Reply-To: <x@y>\n\nI am away.\n", KindAutoreply},
		{"vacation with null sender", "From: pat@x.example\nReturn-Path: <>\nSubject: Thank you\n\nI will answer soon.\n", KindAutoreply},
		{"vacation by its subject", person + "Subject: Automatic reply: offer\n\nI am away.\n", KindAutoreply},
		{"opening times", person + "Subject: Out of office hours: new opening times\n\nCome later.\n", KindOther},
		{"challenge", person + "Subject: confirm\nAuto-Submitted: auto-replied\n\nYour message is being held. To release it, simply reply to this message.\n", KindChallenge},
		{"challenge of TMDA in its user's words", "From: pat@x.example\nReturn-Path: <>\nSubject: Rückfrage\nAuto-Submitted: auto-replied\nX-Delivery-Agent: TMDA/1.1.12 (Macallan)\n\nBitte bestätigen Sie Ihre Nachricht.\n", KindChallenge},
		{"mail of a user of TMDA", person + "Subject: hello\nX-Delivery-Agent: TMDA/1.1.12 (Macallan)\n\nHello.\n", KindOther},
		{"feedback", person + "Subject: abuse\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nAbuse.\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nVersion: 1\n--b--\n", KindFeedback},
		{"dmarc report", person + "Subject: Report Domain: ours.example Submitter: x.example Report-ID: <1>\nContent-Type: application/gzip; name=x.xml.gz\nContent-Transfer-Encoding: base64\n\nH4sI\n", KindDMARCReport},
		{"receipt", person + "Subject: Read: x\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nread\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; pat@x.example\nDisposition: manual-action/MDN-sent-manually; displayed\n--b--\n", KindReceipt},
		{"deleted unread", person + "Subject: Not read: x\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nYour message was deleted without being read\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; pat@x.example\nDisposition: automatic-action/MDN-sent-automatically; deleted\n--b--\n", KindReceipt},
		{"rejected by Sieve", "From: postmaster@x.example\nSubject: Rejected: x\nAuto-Submitted: auto-replied (rejected)\nContent-Type: multipart/report; report-type=disposition-notification; boundary=b\n\n--b\n\nno\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; pat@x.example\nDisposition: automatic-action/MDN-sent-automatically; deleted\n--b--\n", KindBounce},
		{"ordinary", person + "Subject: hello\n\nHello.\n", KindOther},
		{"no header", "\n\njust text without a field\n", KindUnreadable},
		{"nothing", "", KindUnreadable},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, msg := range []string{tt.msg, strings.ReplaceAll(tt.msg, "\n", "\r\n"), strings.ReplaceAll(tt.msg, "\n", "\r")} {
				if b := Parse([]byte(msg)); b.Kind != tt.want {
					t.Errorf("%s, want %s\n%q", b.Kind, tt.want, msg)
				}
			}
		})
	}
}

func TestReportFields(t *testing.T) {
	b := Parse([]byte(report("", strings.Join([]string{
		"Original-Envelope-Id: QQ314159\nReceived-From-MTA: DNS; relay.example ([203.0.113.9])\nArrival-Date: Mon, 23 Nov 2026 21:30:23 +0000\nX-Postfix-Queue-ID: 4F2C1\nX-Postfix-Sender: rfc822; Alice@ours.example\n\n",
		"Diagnostic-Code: smtp; 550 5.1.1\n <bad@x.example>: User\n unknown\nStatus: 5.1.1 (bad mailbox)\nAction: FAILED\nRemote-MTA: dns; mx.x.example\nFinal-Recipient: RFC822; <Bad@X.example>\nOriginal-Recipient: rfc822;info+40x.example\n\n",
		"Final-Recipient: utf-8; jos\\x{e9}@x.example\nAction: failed\nStatus: 5.2.2\nFinal-Recipient: rfc822; next@x.example\nAction: failed\nStatus: 5.7.1\nDiagnostic-Code: smtp; 550 blocked using zen.spamhaus.org\n\n",
		"Final-Recipient: rfc822; cut@x.example\n\nAction: failed\nStatus: 4.4.7\n\n",
		"Final-Recipient: rfc822; fine@x.example\nAction: delivered\nStatus: 2.0.0\n\n",
	}, ""))))
	want := []Recipient{
		{"bad@x.example", "info@x.example", ActionFailed, "5.1.1", "550 5.1.1 <bad@x.example>: User unknown", "mx.x.example", ReasonUserUnknown},
		{"josé@x.example", "", ActionFailed, "5.2.2", "", "", ReasonMailboxFull},
		{"next@x.example", "", ActionFailed, "5.7.1", "550 blocked using zen.spamhaus.org", "", ReasonBlockedOrigin},
		{"cut@x.example", "", ActionFailed, "4.4.7", "", "", ReasonExpired},
	}
	if len(b.Recipients) != len(want) {
		t.Fatalf("%d recipients: %+v", len(b.Recipients), b.Recipients)
	}
	for i, r := range b.Recipients {
		if r != want[i] {
			t.Errorf("recipient %d is %+v\nwant %+v", i, r, want[i])
		}
	}
	got := []string{b.EnvelopeID, b.ReceivedFromMTA, b.ReportingMTA, b.QueueID, b.EnvelopeSender, b.Arrival.UTC().Format(time.RFC3339)}
	for i, value := range []string{"QQ314159", "relay.example ([203.0.113.9])", "mx.remote.example", "4F2C1", "alice@ours.example", "2026-11-23T21:30:23Z"} {
		if got[i] != value {
			t.Errorf("got %q, want %q", got[i], value)
		}
	}
}

func TestAccount(t *testing.T) {
	tests := []struct{ name, header, want string }{
		{"topmost for", "Received: from a by b for <one@ours.example>; x\nReceived: from c by d for <two@ours.example>; x\n", "one@ours.example"},
		{"for in a HELO", "Received: from for <fake@x.example> (a [192.0.2.1]) by b\n\tfor <one@ours.example>; x\n", "one@ours.example"},
		{"no for", "X-Original-To: one@ours.example\nDelivered-To: two@ours.example\nReceived: from a by b; x\n", "one@ours.example"},
		{"delivered-to", "Delivered-To: Two@ours.example\nReceived: from a by b; x\n", "two@ours.example"},
		{"dma's X-Original-To", "Received: from MAILER-DAEMON id x by b; x\nX-Original-To: <bad@x.example>\n", ""},
		{"not To", "To: one@ours.example\n", ""},
	}
	for _, tt := range tests {
		if got := Parse([]byte(tt.header + "From: x@y.example\n\nx\n")).Account; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestOriginals(t *testing.T) {
	const mail = "Received: from a by b; x\nFrom: Alice <Alice@ours.example>\nTo: bad@x.example, Two <two@x.example>\nCc: three@x.example\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nMessage-ID: <1@ours.example>\nReturn-Path: <>\nX-Mailer: Pen 1\n\n"
	part := func(typ, content string) string {
		return strings.Replace(report("", "Final-Recipient: rfc822; bad@x.example\nAction: failed\nStatus: 5.1.1\n\n"), "--b--", "--b\nContent-Type: "+typ+"\n\n"+content+"\n--b--", 1)
	}
	tests := []struct {
		name, msg string
		want      Returned
	}{
		{"whole", part("message/rfc822", mail+"Hello."), ReturnedFull},
		{"headers", part("text/rfc822-headers", mail), ReturnedHeaders},
		{"whole, called headers", part("text/rfc822-headers", mail+"Hello."), ReturnedFull},
		{"headers, called whole", part("message/rfc822", mail+"\n\n"), ReturnedHeaders},
		{"global", part("message/global", mail+"Hello."), ReturnedFull},
		{"maddy's type", part("message/rfc822-headers", mail), ReturnedHeaders},
		{"base64", part("message/rfc822\nContent-Transfer-Encoding: base64", base64Lines(mail+"Hello.")), ReturnedFull},
		{"no part header", part("x", "x\n--b\n"+strings.TrimSuffix(mail, "\n\n")+"\n\nHello."), ReturnedFull},
		{"none", part("text/plain", "That is all."), ReturnedNone},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := Parse([]byte(tt.msg)).Original
			if o.Returned != tt.want {
				t.Fatalf("%s, want %s", o.Returned, tt.want)
			}
			if tt.want == ReturnedNone {
				return
			}
			got := strings.Join([]string{o.From, o.ReturnPath, o.Subject, o.MessageID, o.UserAgent, strings.Join(o.To, ",")}, "|")
			if want := "alice@ours.example|<>|Grüße|<1@ours.example>|Pen 1|bad@x.example,two@x.example,three@x.example"; got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

// TestQuotedOriginals reads originals that stand in a text in other ways than whole and plain.
func TestQuotedOriginals(t *testing.T) {
	text := func(quoted string) string {
		return "Return-Path: <>\nFrom: postmaster@x.example\nSubject: failure\n\nYour message could not be delivered to:\n\nbad@remote.example\n550 5.1.1 no such user\n\nThis is what you wrote:\n" + quoted
	}
	shown := "From: Alice <alice@ours.example>\nTo: bad@remote.example\nSubject: An offer\nDate: Mon, 23 Nov 2026 21:30:19 +0000\n"
	each := func(prefix, text string) string {
		return prefix + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+prefix) + "\n"
	}
	tests := []struct {
		name, msg string
		want      Returned
		received  int
	}{
		{"plain", text(returnedMessage), ReturnedFull, 1},
		{"under dashes", text("\n-------- cut here --------\n" + returnedHeader), ReturnedHeaders, 1},
		{"quoted", text(each("> ", returnedMessage)), ReturnedFull, 1},
		{"quoted without blanks", text(each(">", returnedMessage)), ReturnedFull, 1},
		{"indented", text(each("    ", returnedMessage)), ReturnedFull, 1},
		{"indented by a tab", text("\n" + each("\t", returnedHeader)), ReturnedHeaders, 1},
		{"what a person sees", text(shown), ReturnedHeaders, 0},
		{"only told of", text("  Subject: An offer\n  To: bad@remote.example\n  Sent: yesterday\n"), ReturnedNone, 0},
		{"HTML, escaped", strings.Replace(strings.Replace(text("<pre>"+html.EscapeString(returnedHeader)+"</pre>"), "\n\nYour", "\nContent-Type: text/html\n\n<html>Your", 1), "to:\n\nbad@", "to:<br>bad@", 1), ReturnedHeaders, 1},
	}
	for _, tt := range tests {
		for _, msg := range []string{tt.msg, strings.ReplaceAll(tt.msg, "\n", "\r\n")} {
			b := Parse([]byte(msg))
			o := b.Original
			if b.Kind != KindBounce || len(b.Recipients) != 1 || o.Returned != tt.want || o.Header.Count("Received") != tt.received {
				t.Errorf("%s: %s %+v, original %s with %d Received: %q", tt.name, b.Kind, b.Recipients, o.Returned, o.Header.Count("Received"), o.Raw)
			}
			if tt.want != ReturnedNone && (o.From != "alice@ours.example" || o.Subject != "An offer") {
				t.Errorf("%s: from %q, subject %q", tt.name, o.From, o.Subject)
			}
		}
	}
}

// TestOriginalBytes holds that the header of a returned message keeps its bytes, for signatures are checked over them.
func TestOriginalBytes(t *testing.T) {
	const head = "DKIM-Signature: v=1; a=rsa-sha256;\r\n\tb=abc\r\nFrom:  Alice\t<alice@ours.example> \r\nReceived: x\r\n"
	msg := []byte("From: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program at x.\r\n\r\n<bad@x.example>:\r\nno\r\n\r\n--- Below this line is a copy of the message.\r\n\r\n" + head + "\r\nHello.\r\n")
	o := Parse(msg).Original
	if !bytes.HasPrefix(o.Raw, []byte(head)) || !inside(msg, o.Raw) {
		t.Fatalf("original %q", o.Raw)
	}
	if got := string(o.Header[1].Raw); got != "From:  Alice\t<alice@ours.example> " {
		t.Errorf("field %q", got)
	}
	if string(o.Body) != "Hello.\r\n" {
		t.Errorf("body %q", o.Body)
	}
}

func TestReasons(t *testing.T) {
	tests := []struct {
		status, diagnostic string
		want               Reason
	}{
		{"5.1.1", "", ReasonUserUnknown},
		{"5.2.2", "550 spam", ReasonMailboxFull},
		{"5.0.0", "550 5.2.2 over quota", ReasonMailboxFull},
		{"5.7.1", "550 5.7.1 Message contains a virus", ReasonVirus},
		{"5.7.1", "550 rejected", ReasonPolicy},
		{"5.7.26", "", ReasonAuthFailed},
		{"5.1.8", "550 5.1.8 Access denied, bad outbound sender", ReasonOwnProviderBlock},
		{"5.7.1", "554 5.7.1 Client host [203.0.113.9] blocked using zen.example", ReasonBlockedOrigin},
		{"", "550 User unknown", ReasonUserUnknown},
		{"", "mail loops back to myself", ReasonLoop},
		{"5.3.4", "", ReasonTooBig},
		{"4.4.7", "", ReasonExpired},
		{"5.7.1", "550 Relaying denied", ReasonRelayDenied},
		{"5.7.1", "550 5.7.1 <bad@relay.example>: no thanks", ReasonPolicy},
		{"4.7.0", "421 rate limit exceeded", ReasonRate},
		{"", "Connection refused", ReasonNetwork},
		{"", "", ReasonOther},
		{"5.7.612", "", ReasonBlockedOrigin},
		{"5.7.649", "", ReasonBlockedOrigin},
		{"5.7.650", "", ReasonOther},
		{"5.7.705", "550 5.7.705 Access denied, tenant has exceeded threshold", ReasonOwnProviderBlock},
		{"5.4.5", "550 5.4.5 Daily user sending limit exceeded", ReasonOwnProviderBlock},
		{"4.1.8", "450 4.1.8 Sender address rejected: Domain not found", ReasonDomainUnknown},
		{"5.7.1", "550 5.7.1 SPF check failed: 203.0.113.9 is not allowed to send mail for ours.example", ReasonAuthFailed},
		{"5.7.1", "550 5.7.1 Email rejected per DMARC policy for ours.example", ReasonAuthFailed},
		{"5.7.0", "550 5.7.0 Message rejected: DKIM signature verification failed", ReasonAuthFailed},
		{"5.7.1", "550 5.7.1 Unfortunately, messages from [203.0.113.9] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150)", ReasonBlockedOrigin},
		{"5.7.27", "550 5.7.27 The sender's domain has SPF that did not pass", ReasonAuthFailed},
		{"5.2.2", "552 5.2.2 The recipient's mailbox has exceeded its quota", ReasonMailboxFull},
		{"5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound", ReasonUserUnknown},
		{"5.3.5", "553 5.3.5 config error: mail loops back to me (MX problem?)", ReasonLoop},
		{"5.7.13", "", ReasonUserUnknown},
	}
	for _, tt := range tests {
		if got := reasonOf(&Recipient{Status: tt.status, Diagnostic: tt.diagnostic}); got != tt.want {
			t.Errorf("%q %q: %s, want %s", tt.status, tt.diagnostic, got, tt.want)
		}
	}
	for _, row := range statusReasons {
		if row.source == "" {
			t.Errorf("status %s has no source", row.code)
		}
	}
	for _, row := range textReasons {
		for _, word := range row.words {
			if row.source == "" || word != strings.ToLower(word) {
				t.Errorf("%s: %q is not in lower case, or has no source", row.reason, word)
			}
		}
	}
}

// TestSilentReasons holds that a report which says nothing has the reason its writer means.
func TestSilentReasons(t *testing.T) {
	silent := func(hops int) string {
		return strings.Replace(report("", "Final-Recipient: rfc822; bad@x.example\nAction: failed\nStatus: 5.0.0\n\n"), "--b--", "--b\nContent-Type: message/rfc822\n\n"+strings.Repeat("Received: from a by b; x\n", hops)+"From: alice@ours.example\n\nx\n--b--", 1)
	}
	for hops, want := range map[int]Reason{3: ReasonOther, loopedHops: ReasonLoop} {
		if b := Parse([]byte(silent(hops))); len(b.Recipients) != 1 || b.Recipients[0].Reason != want {
			t.Errorf("%d hops: %+v", hops, b.Recipients)
		}
	}
}

func TestFindStatus(t *testing.T) {
	tests := []struct{ text, want string }{
		{"550 5.1.1 no", "5.1.1"},
		{"550-5.7.26 no", "5.7.26"},
		{"no (#5.1.1)", "5.1.1"},
		{"5.7.705", "5.7.705"},
		{"host 5.1.1.9 said", ""},
		{"[192.5.1.1]", ""},
		{"version 8.5.1.1", ""},
		{"3.1.1", ""},
		{"5.1.1234", ""},
		{"it was 5.1.1.", "5.1.1"},
		{"", ""},
	}
	for _, tt := range tests {
		if got := findStatus([]byte(tt.text)); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.text, got, tt.want)
		}
	}
}

func base64Lines(text string) string {
	encoded := base64.StdEncoding.EncodeToString([]byte(text))
	var out strings.Builder
	for len(encoded) > 60 {
		out.WriteString(encoded[:60] + "\n")
		encoded = encoded[60:]
	}
	return out.String() + encoded
}

func TestIndexFold(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 510) + "aAb" + strings.Repeat("y", 2000) + "ABC message", "", "abc", "ABC abc", "xxAbCxx", "aaab", "AAAB", "AaAaAb", "(#5", "mm Message"} {
		for _, word := range []string{"a", "abc", "aab", "b", "(#", "message", "zz"} {
			if got, want := indexFold([]byte(text), word), strings.Index(strings.ToLower(text), word); got != want {
				t.Errorf("%q in %q: %d, want %d", word, text, got, want)
			}
		}
	}
}
