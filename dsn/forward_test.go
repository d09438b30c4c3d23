package dsn

import (
	"strings"
	"testing"
)

const (
	passedOn  = "Received: from [192.0.2.9] by mx.ours.example for <help@ours.example>; Mon, 23 Nov 2026 22:00:00 +0000\nReturn-Path: <alice@ours.example>\nFrom: Alice <alice@ours.example>\nTo: help@ours.example\n"
	qmailMail = "Return-Path: <>\nReceived: (qmail 42 invoked for bounce); 23 Nov 2026 21:30:23 -0000\nDate: 23 Nov 2026 21:30:23 -0000\nFrom: MAILER-DAEMON@mx.remote.example\nTo: alice@ours.example\nSubject: failure notice\n\n" +
		"Hi. This is the qmail-send program at mx.remote.example.\n\n<bad@remote.example>:\nno such user (#5.1.1)\n\n--- Below this line is a copy of the message.\n\n" + returnedMessage
)

// TestForwarded holds that a report which a person passed on is read, and that nothing of the one who did so is left in
// it; what only talks about a report stays ordinary mail.
func TestForwarded(t *testing.T) {
	attached := "Content-Type: multipart/mixed; boundary=z\n\n--z\nContent-Type: text/plain\n\nWhat is this?\n--z\nContent-Type: message/rfc822\n\n" + qmailMail + "\n--z--\n"
	quoted := "Begin forwarded message:\n\n> " + strings.ReplaceAll(strings.TrimSuffix(qmailMail, "\n"), "\n", "\n> ") + "\n"
	tests := []struct {
		name, msg string
		want      Kind
	}{
		{"attached", passedOn + "Subject: Fwd: failure notice\n" + attached, KindBounce},
		{"in the text", passedOn + "Subject: WG: failure notice\n\n---------- Forwarded message ---------\n" + qmailMail, KindBounce},
		{"quoted", passedOn + "Subject: Fwd: failure notice\n\n" + quoted, KindBounce},
		{"attached to a question", passedOn + "Subject: look at this\n" + attached, KindOther},
		{"quoted in an answer", passedOn + "Subject: Re: failure notice\n\n" + quoted, KindOther},
		{"some lines of it", passedOn + "Subject: Fwd: failure notice\n\n> From: MAILER-DAEMON@mx.remote.example\n> no such user\n", KindOther},
		{"a person's mail", passedOn + "Subject: Fwd: party\n\n> From: Pat <pat@remote.example>\n> Subject: party\n>\n> <bad@remote.example>: no such user\n", KindOther},
	}
	for _, tt := range tests {
		b := Parse([]byte(tt.msg))
		if b.Kind != tt.want || b.Forwarded != (tt.want == KindBounce) {
			t.Errorf("%s: %s, forwarded %v", tt.name, b.Kind, b.Forwarded)
			continue
		}
		if tt.want != KindBounce {
			continue
		}
		if len(b.Recipients) != 1 || b.Recipients[0].Address != "bad@remote.example" || b.Original.MessageID != "<original@ours.example>" || b.Original.Header.Count("Received") != 1 {
			t.Errorf("%s: %+v, original %q", tt.name, b.Recipients, b.Original.Raw)
		}
		if b.Header.Has("Received") || b.Header.Get("Subject") == "failure notice" {
			t.Errorf("%s: the outer Received or Subject is there: %+v", tt.name, b.Header)
		}
	}
}

// TestNested holds that a report in a report in a notice is read to the bottom, but not without end.
func TestNested(t *testing.T) {
	notice := func(inner string) string {
		return "From: postmaster@filter.example\nReturn-Path: <>\nSubject: notice\nContent-Type: multipart/mixed; boundary=" + boundaryOf(inner) + "\n\n--" + boundaryOf(inner) +
			"\nContent-Type: text/plain\n\nA filter has held a report.\n--" + boundaryOf(inner) + "\nContent-Type: message/rfc822\n\n" + inner + "\n--" + boundaryOf(inner) + "--\n"
	}
	msg := qmailMail
	for depth := 1; depth <= maxWraps; depth++ {
		msg = notice(msg)
		if b := Parse([]byte(msg)); b.Kind != KindBounce || len(b.Recipients) != 1 || b.Original.MessageID != "<original@ours.example>" || b.From != "postmaster@filter.example" {
			t.Fatalf("%d deep: %s %+v %q", depth, b.Kind, b.Recipients, b.Original.MessageID)
		}
	}
	for range 2 * maxWraps {
		msg = notice(msg)
	}
	if b := Parse([]byte(msg)); b.Kind == KindUnreadable || len(b.Recipients) > 1 {
		t.Errorf("too deep: %s %+v", b.Kind, b.Recipients)
	}
}

// boundaryOf gives a boundary that is not in the inner message.
func boundaryOf(inner string) string {
	return "b" + strings.Repeat("x", strings.Count(inner, "boundary="))
}

func TestSealed(t *testing.T) {
	report := func(part string) string {
		return "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: failure notice\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\n" +
			"Hi. This is the qmail-send program at x.example.\n\n<bad@x.example>:\nno such user\n\n--b\n" + part + "\n--b--\n"
	}
	tests := []struct {
		name, msg, says string
	}{
		{"winmail.dat", report("Content-Type: application/ms-tnef; name=\"winmail.dat\"\nContent-Transfer-Encoding: base64\n\neJ8+Ig==\n"), "winmail.dat"},
		{"winmail.dat by name", report("Content-Type: application/octet-stream; name=WINMAIL.DAT\n\nx\n"), "winmail.dat"},
		{"S/MIME", report("Content-Type: application/pkcs7-mime; smime-type=enveloped-data; name=smime.p7m\n\nx\n"), "S/MIME"},
		{"PGP", report("Content-Type: multipart/encrypted; protocol=\"application/pgp-encrypted\"; boundary=e\n\n--e\nContent-Type: application/pgp-encrypted\n\nVersion: 1\n--e\nContent-Type: application/octet-stream\n\nx\n--e--\n"), "PGP"},
		{"winmail.dat beside the original", report("Content-Type: application/ms-tnef\n\nx\n--b\nContent-Type: message/rfc822\n\n" + returnedMessage), ""},
		{"a picture", report("Content-Type: image/png; name=icon.png\n\nx\n"), ""},
		{"an encrypted letter", "From: pat@x.example\nSubject: x\nContent-Type: application/pkcs7-mime\n\nx\n", ""},
	}
	for _, tt := range tests {
		b := Parse([]byte(tt.msg))
		if b.Lost != (tt.says != "") || !strings.Contains(b.Problem, tt.says) || tt.says == "" && b.Problem != "" {
			t.Errorf("%s: lost %v, %q", tt.name, b.Lost, b.Problem)
		}
	}
}

func TestOtherParts(t *testing.T) {
	fields := "Reporting-MTA: dns; mx.remote.example\n\nFinal-Recipient: rfc822; bad@remote.example\nAction: failed\nStatus: 5.1.1\n"
	mail := func(parts ...string) string {
		return "Return-Path: <>\nFrom: postmaster@x.example\nSubject: report\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nThis could not be delivered.\n--b\n" + strings.Join(parts, "\n--b\n") + "\n--b--\n"
	}
	original := "Content-Type: message/rfc822\n\n" + returnedMessage
	tests := []struct{ name, msg string }{
		{"fields as text", mail("Content-Type: text/plain; name=details.txt\n\n"+fields, original)},
		{"fields as an attachment", mail("Content-Type: application/octet-stream\nContent-Transfer-Encoding: base64\n\n"+base64Lines(fields), original)},
		{"fields behind the original", mail(original, "Content-Type: message/delivery-status\n\n"+fields)},
		{"fields in quoted-printable", mail("Content-Type: message/delivery-status\nContent-Transfer-Encoding: quoted-printable\n\n"+strings.ReplaceAll(fields, "@", "=40"), original)},
		{"original in base64", mail("Content-Type: message/delivery-status\n\n"+fields, "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n"+base64Lines(returnedMessage))},
		{"original in quoted-printable", mail("Content-Type: message/delivery-status\n\n"+fields, "Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n"+strings.ReplaceAll(returnedMessage, "@", "=40"))},
		{"original as an .eml file", mail("Content-Type: message/delivery-status\n\n"+fields, "Content-Type: application/octet-stream; name=\"An offer.EML\"\n\n"+returnedMessage)},
		{"original named by its disposition", mail("Content-Type: message/delivery-status\n\n"+fields, "Content-Type: application/octet-stream\nContent-Disposition: attachment;\n filename=offer.eml\n\n"+returnedMessage)},
		{"original as message/partial", mail("Content-Type: message/delivery-status\n\n"+fields, "Content-Type: message/partial; number=1; total=2; id=x\n\n"+returnedMessage)},
		{"original as text", mail("Content-Type: message/delivery-status\n\n"+fields, "Content-Type: text/plain\n\n"+returnedMessage)},
		{"UTF-16 file", "\xff\xfe" + utf16Text(mail("Content-Type: message/delivery-status\n\n"+fields, original))},
	}
	for _, tt := range tests {
		b := Parse([]byte(tt.msg))
		if b.Kind != KindBounce || len(b.Recipients) != 1 || b.Recipients[0].Status != "5.1.1" || b.ReportingMTA != "mx.remote.example" {
			t.Errorf("%s: %s %+v", tt.name, b.Kind, b.Recipients)
		}
		if b.Original.Returned != ReturnedFull || b.Original.MessageID != "<original@ours.example>" || b.Original.Header.Count("Received") != 1 {
			t.Errorf("%s: original %s %q", tt.name, b.Original.Returned, b.Original.MessageID)
		}
	}
}

func utf16Text(text string) string {
	var out strings.Builder
	for i := range len(text) {
		out.WriteByte(text[i])
		out.WriteByte(0)
	}
	return out.String()
}

func TestFeedback(t *testing.T) {
	report := func(fields, original string) *Bounce {
		return Parse([]byte("From: fbl@isp.example\nSubject: abuse\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: text/plain\n\nAbuse.\n--b\nContent-Type: message/feedback-report\n\n" +
			fields + "\n--b\nContent-Type: message/rfc822\n\n" + original + "\n--b--\n"))
	}
	b := report("Feedback-Type: Abuse\nUser-Agent: FBL/1.0\nVersion: 1\nOriginal-Mail-From: <Bulk@ours.example>\nOriginal-Rcpt-To: <user@isp.example>\nArrival-Date: Mon, 23 Nov 2026 21:30:23 +0000\nSource-IP: 203.0.113.5\nReporting-MTA: dns; mx.isp.example\n", returnedMessage)
	f := b.Feedback
	if b.Kind != KindFeedback || f == nil || f.Type != "abuse" || f.MailFrom != "bulk@ours.example" || len(f.RcptTo) != 1 || f.SourceIP.String() != "203.0.113.5" || b.ReportingMTA != "mx.isp.example" || len(f.Derived) != 0 {
		t.Errorf("whole: %s %+v", b.Kind, f)
	}
	f = report("Feedback-Type: abuse\nVersion: 0.1\n", returnedMessage).Feedback
	if f == nil || f.MailFrom != "alice@ours.example" || f.SourceIP.String() != "203.0.113.41" || f.Arrival.IsZero() || strings.Join(f.RcptTo, ",") != "bad@remote.example" ||
		strings.Join(f.Derived, ",") != "Original-Mail-From,Original-Rcpt-To,Arrival-Date,Source-IP" {
		t.Errorf("derived: %+v", f)
	}
}
