package dsn

import (
	"strings"
	"testing"
)

// TestRFC3464 reads reports that are right and reports that are nearly: their fields in other orders, groups run together
// or cut, parts in other places, of other types, with other encodings.
func TestRFC3464(t *testing.T) {
	const top = "Return-Path: <>\nFrom: postmaster@x.example\nSubject: report\nMIME-Version: 1.0\n"
	const multi = top + "Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n"
	const people = "--b\nContent-Type: text/plain\n\nA report.\n"
	status := func(fields string) string {
		return people + "--b\nContent-Type: message/delivery-status\n\n" + fields + "\n--b--\n"
	}
	tests := []struct {
		name, cite, msg string
		want            string // kind, then address status action for each recipient
	}{
		{"as it should be", "RFC 3464 section 2", multi + status("Reporting-MTA: dns; x.example\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"no per-message group", "section 2.2", multi + status("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"groups run together", "section 2.1", multi + status("Reporting-MTA: dns; x.example\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\nFinal-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.2.2\n"), "bounce a@x.example 5.1.1 failed b@x.example 5.2.2 failed"},
		{"fields in upper case, comments", "section 2.1.1", multi + status("FINAL-RECIPIENT: RFC822; A@X.example (Alice)\nACTION: FAILED (bad)\nSTATUS: 5.1.1 (no user)\n"), "bounce a@x.example 5.1.1 failed"},
		{"no type before the address", "section 2.3.2", multi + status("Final-Recipient: <a@x.example>\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"original recipient only", "section 2.3.1", multi + status("Original-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"status in the diagnostic only", "section 2.3.6", multi + status("Final-Recipient: rfc822; a@x.example\nAction: failed\nDiagnostic-Code: smtp; 550-5.7.26 not\n 550 5.7.26 authenticated\n"), "bounce a@x.example 5.7.26 failed"},
		{"two recipients, one relayed", "section 2.3.3", multi + status("Final-Recipient: rfc822; a@x.example\nAction: relayed\nStatus: 2.0.0\n\nFinal-Recipient: rfc822; b@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce b@x.example 5.1.1 failed"},
		{"expanded", "section 2.3.3", multi + status("Final-Recipient: rfc822; list@x.example\nAction: expanded\nStatus: 2.0.0\n"), "success list@x.example 2.0.0 expanded"},
		{"xtext", "RFC 3461 section 4.2", multi + status("Original-Recipient: rfc822;a+40x.example\nFinal-Recipient: x400; /S=a/\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"UTF-8", "RFC 6533 section 3", multi + people + "--b\nContent-Type: message/global-delivery-status\n\nFinal-Recipient: utf-8; josé@x.example\nAction: failed\nStatus: 5.1.1\n\n--b--\n", "bounce josé@x.example 5.1.1 failed"},
		{"UTF-8 in base64", "RFC 6533 section 4", multi + people + "--b\nContent-Type: message/global-delivery-status\nContent-Transfer-Encoding: base64\n\n" + base64Lines("Final-Recipient: utf-8; josé@x.example\nAction: failed\nStatus: 5.1.1\n") + "\n--b--\n", "bounce josé@x.example 5.1.1 failed"},
		{"unitext", "RFC 6533 section 3", multi + status("Final-Recipient: utf-8; jos\\x{E9}@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce josé@x.example 5.1.1 failed"},
		{"status part first", "RFC 6522 section 3", multi + "--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n\n" + people + "--b--\n", "bounce a@x.example 5.1.1 failed"},
		{"no last delimiter", "RFC 2046 section 5.1.2", strings.TrimSuffix(multi+status("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n"), "--b--\n"), "bounce a@x.example 5.1.1 failed"},
		{"no boundary parameter", "RFC 2046 section 5.1.1", strings.Replace(multi, "; boundary=\"b\"", "", 1) + status("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"wrong boundary", "RFC 2046 section 5.1.1", strings.Replace(multi, "boundary=\"b\"", "boundary=\"other\"", 1) + status("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"in a footer's multipart/mixed", "RFC 2046 section 5.1.3", top + "Content-Type: multipart/mixed; boundary=outer\n\n--outer\nContent-Type: multipart/report; boundary=b\n\n" + status("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n") + "--outer\nContent-Type: text/plain\n\nA footer.\n--outer--\n", "bounce a@x.example 5.1.1 failed"},
		{"failed by its status", "section 2.3.3", multi + status("Final-Recipient: rfc822; a@x.example\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
		{"delayed", "section 2.3.3", multi + status("Final-Recipient: rfc822; a@x.example\nAction: delayed\nStatus: 4.4.1\nWill-Retry-Until: Mon, 23 Nov 2026 21:30:23 +0000\n"), "delay a@x.example 4.4.1 delayed"},
		{"one address twice", "section 2.3", multi + status("Final-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n\nFinal-Recipient: rfc822; A@x.example\nAction: failed\nStatus: 5.1.1\n"), "bounce a@x.example 5.1.1 failed"},
	}
	for _, tt := range tests {
		for _, msg := range []string{tt.msg, strings.ReplaceAll(tt.msg, "\n", "\r\n"), strings.ReplaceAll(tt.msg, "\n", "\r")} {
			b := Parse([]byte(msg))
			got := string(b.Kind)
			for _, r := range b.Recipients {
				got += " " + r.Address + " " + or(r.Status, "-") + " " + string(r.Action)
			}
			if got != tt.want {
				t.Errorf("%s (%s): %s, want %s", tt.name, tt.cite, got, tt.want)
			}
		}
	}
}

// TestEnvelopeID holds that ENVID is read as the sender gave it, however the reporter wrote it.
func TestEnvelopeID(t *testing.T) {
	for value, want := range map[string]string{
		"QQ314159":             "QQ314159",
		"a+2Bb+3Dc+20d":        "a+b=c d",
		"<x+2By@ours.example>": "<x+y@ours.example>",
		"<x+y@ours.example>":   "<x+y@ours.example>", // no xtext: undone before, or never done
		"a+2bb":                "a+2bb",              // digits are in upper case
		"a=b+2B":               "a=b+2B",             // xtext has no =
		"a b+2B":               "a b+2B",             // nor blanks
		"a+2":                  "a+2",
		"a+0Ab":                "a+0Ab", // a line end is no printable text
	} {
		msg := report("", "Original-Envelope-Id: "+value+"\n\nFinal-Recipient: rfc822; a@x.example\nAction: failed\nStatus: 5.1.1\n\n")
		if got := Parse([]byte(msg)).EnvelopeID; got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
	}
}

// TestHosts holds that the name a reporter gives itself is found where only its text or its address has it.
func TestHosts(t *testing.T) {
	for id, want := range map[string]string{
		"postfix": "mx.remote.example", "qmail": "mx.remote.example", "haraka": "mx.remote.example", "courier": "mx.remote.example", "dma": "mx.remote.example",
		"maddy": "mx.remote.example", "powermta": "mx.remote.example", "exim": "mx.remote.example", "sendmail": "mx.remote.example", "opensmtpd": "mx.remote.example",
		"exchange/2007": "ex1.remote.example", "exchange-online": "SLXP216MB0381.KORP216.PROD.outlook.com", "yahoo/old": "yahoo.com",
	} {
		if got := Parse([]byte(samples(t)[id])).ReportingMTA; got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	for id, want := range map[string]string{"james/notify": "alice@ours.example", "kumomta": "alice@ours.example", "mimecast": "alice@ours.example", "maddy": "alice@ours.example", "gmail": "alice@ours.example"} {
		if got := Parse([]byte(samples(t)[id])).EnvelopeSender; got != want {
			t.Errorf("%s: sender %q, want %q", id, got, want)
		}
	}
}
