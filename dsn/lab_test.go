package dsn

import (
	"os"
	"path/filepath"
	"testing"
)

// TestLabSamples holds who wrote the bounces of real mail servers and what they say of the first recipient. Haraka's have the
// words and the trace line of qmail's.
func TestLabSamples(t *testing.T) {
	tests := []struct{ file, software, diagnostic string }{
		{"Courier-failed-headers.eml", "courier", "554 5.7.1 Virus found: Eicar-Test-Signature"},
		{"Haraka-failed-headers.eml", "haraka", "550 No such user here"},
		{"OpenSMTPD-delayed-full.eml", "opensmtpd", "451 4.3.0 <susan.khan25@oakridge.example>: Temporary lookup failure"},
		{"Sendmail-failed-full.eml", "sendmail", "550 No such user here"},
		{"chasquid-failed-full.eml", "chasquid", `DATA closing 550 "5.7.1 Message content rejected, id=ab555aab"`},
		{"dma-failed-headers.eml", "dma", "552 5.2.2 <james.lindqvist23@hillcrest.example>: user is over quota"},
		{"maddy-failed-headers.eml", "maddy", "550 5.0.0 Message content rejected, id=a28bcdd1"},
		{"notqmail-failed-full.eml", "qmail", "198.51.100.206 does not like recipient. Remote host said: 550 5.1.1 <john.okafor39@maplewood.example>: " +
			"Recipient address rejected: User unknown in virtual mailbox table Giving up on 198.51.100.206."},
	}
	for _, tt := range tests {
		raw, err := os.ReadFile(filepath.Join("testdata/lab", tt.file))
		if err != nil {
			t.Fatal(err)
		}
		b := Parse(raw)
		if b.Software != tt.software || len(b.Recipients) == 0 || b.Recipients[0].Diagnostic != tt.diagnostic {
			t.Errorf("%s: %s %+v", tt.file, b.Software, b.Recipients)
		}
	}
}

// TestDiagnosticOnce holds that a reply is given once, and on one line with single blanks, however the report folds it.
func TestDiagnosticOnce(t *testing.T) {
	const head = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n"
	tests := []struct{ name, msg, want string }{
		{"a reply without a status in the text", head + "\nHi. This is the qmail-send program at x.example.\n\n<bad@x.example>:\n198.51.100.206 does not like recipient.\n" +
			"Remote host said: 550 No such user here\nGiving up on 198.51.100.206.\n\n--- Below this line is a copy of the message.\n\nSubject: a\n\n",
			"198.51.100.206 does not like recipient. Remote host said: 550 No such user here Giving up on 198.51.100.206."},
		{"a folded field", head + "Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nSorry.\n--b\nContent-Type: message/delivery-status\n\n" +
			"Reporting-MTA: dns; x.example\n\nFinal-Recipient: rfc822; bad@x.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 <bad@x.example> User\n    doesn't\n\texist\n\n--b--\n",
			"550 5.1.1 <bad@x.example> User doesn't exist"},
	}
	for _, tt := range tests {
		b := Parse([]byte(tt.msg))
		if len(b.Recipients) != 1 || b.Recipients[0].Diagnostic != tt.want {
			t.Errorf("%s: %+v", tt.name, b.Recipients)
		}
	}
}
