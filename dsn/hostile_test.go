package dsn

import (
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"
	"time"
)

const daemonHeader = "Return-Path: <>\nFrom: MAILER-DAEMON@x.example\nSubject: failure notice\n"

// hostile are messages made to cost time or memory; n grows them.
var hostile = []struct {
	name string
	make func(n int) string
}{
	{"nested multiparts", func(n int) string {
		var out strings.Builder
		out.WriteString(daemonHeader)
		for i := range n / 100 {
			fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=\"b%d\"\n\n--b%d\n", i, i)
		}
		return out.String()
	}},
	{"prefix boundaries", func(n int) string {
		var out strings.Builder
		out.WriteString(daemonHeader)
		for i := range n / 100 {
			name := strings.Repeat("a", i%60+1)
			fmt.Fprintf(&out, "Content-Type: multipart/mixed; boundary=\"%s\"\n\n--%s\n", name, name)
		}
		return out.String()
	}},
	{"header lines", func(n int) string { return daemonHeader + strings.Repeat("X-A: b\n", n) + "\nbody" }},
	{"one line", func(n int) string { return daemonHeader + "\n" + strings.Repeat("from a and addressed to b ", n/4) }},
	{"one field", func(n int) string { return daemonHeader + "X: " + strings.Repeat("y <a@b> \"(", n) + "\n\n" }},
	{"received for", func(n int) string { return daemonHeader + "Received: x " + strings.Repeat("for ", n) + "\n\n" }},
	{"from quotes", func(n int) string { return "From: " + strings.Repeat(`"\"`, n) + "\nSubject: x\n\n" }},
	{"from brackets", func(n int) string { return "From: " + strings.Repeat(`<,`, n) + "\nSubject: x\n\n" }},
	{"from comments", func(n int) string { return "From: " + strings.Repeat(`(a`, n) + "\nSubject: x\n\n" }},
	{"boundary field", func(n int) string {
		return daemonHeader + "Content-Type: multipart/mixed" + strings.Repeat(`; a="`, n) + "\n\n"
	}},
	{"many parts", func(n int) string {
		return daemonHeader + "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: message/delivery-status\n\nFinal-Recipient: rfc822; a@b\n\n", n/10)
	}},
	{"dashes", func(n int) string {
		return daemonHeader + "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--c\n", n)
	}},
	{"quoted headers", func(n int) string { return daemonHeader + "\n" + strings.Repeat("From: x--\n", n) }},
	{"quoted headers apart", func(n int) string { return daemonHeader + "\n" + strings.Repeat("From: x\n\n", n) }},
	{"quoted fields", func(n int) string { return daemonHeader + "\n" + strings.Repeat("> From: x\n\n", n) }},
	{"quoted fields on end", func(n int) string { return daemonHeader + "\n" + strings.Repeat("> From: x\n", n) }},
	{"indented fields", func(n int) string { return daemonHeader + "\n" + strings.Repeat("  From: x\n", n) }},
	{"indented deeper and deeper", func(n int) string {
		var out strings.Builder
		out.WriteString(daemonHeader + "\n")
		for i := range n / 10 {
			out.WriteString(strings.Repeat(" ", i%70) + "From: x\n")
		}
		return out.String()
	}},
	{"a list in a line", func(n int) string {
		return daemonHeader + "\nundeliverable\nfollowing recipients: " + strings.Repeat("a@b.example, ", n/16)
	}},
	{"marks with no end", func(n int) string { return daemonHeader + "\n" + strings.Repeat("Generating server: x ", n/4) }},
	{"addresses without replies", func(n int) string {
		return "Return-Path: <>\nX-MS-Exchange-Message-Is-Ndr:\n" + daemonHeader + "\n" + strings.Repeat("a@b.example\n", n)
	}},
	{"statuses in many parts", func(n int) string {
		return daemonHeader + "Content-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: application/octet-stream; name=x.eml\n\nReporting-MTA: x\n\nfinal-recipient: rfc822; a@b\n\n", n/10)
	}},
	{"boundary like the text", func(n int) string {
		return daemonHeader + "Content-Type: multipart/mixed; boundary=\"" + strings.Repeat("a", 150) + "\"\n\n" + strings.Repeat("a", n)
	}},
	{"forwards in forwards", func(n int) string {
		return strings.Repeat("From: pat@x.example\nSubject: Fwd: x\n\n> From: MAILER-DAEMON@x.example\n> ", n/20)
	}},
	{"loose original", func(n int) string {
		return daemonHeader + "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n" + strings.Repeat("From: x\njunk line\n", n)
	}},
	{"html tags", func(n int) string {
		return daemonHeader + "Content-Type: text/html\n\n" + strings.Repeat("<style>", n) + strings.Repeat("&amp;", n)
	}},
	{"separators", func(n int) string {
		return daemonHeader + "\nHi. This is the qmail-send program at x\n" + strings.Repeat("--- Below this line is a copy of the message.", n/10)
	}},
	{"recipients", func(n int) string {
		return daemonHeader + "\nHi. This is the qmail-send program at x\n\n" + strings.Repeat("<a@b.example>:\nno\n\n", n)
	}},
	{"no recipients", func(n int) string {
		return daemonHeader + "\nundeliverable\n" + strings.Repeat("your message to x ", n)
	}},
	{"capitals", func(n int) string { return daemonHeader + "\nundeliverable\n" + strings.Repeat("TFMDNWUCRIHAY ", n/2) }},
	{"phrases", func(n int) string {
		return daemonHeader + "\nThis is the DragonFly Mail Agent\n" + strings.Repeat("error delivering your mail to a@b.example ", n/4)
	}},
	{"exchange list", func(n int) string {
		return daemonHeader + "\nDelivery has failed to these recipients or groups:\n" + strings.Repeat("a@b.example\n", n/2) + "Diagnostic information for administrators:\nGenerating server: x\n"
	}},
	{"reported and said", func(n int) string {
		return report("", strings.Repeat("Final-Recipient: rfc822; a@b.example\nAction: failed\n\n", n/4)) + strings.Repeat("x", n)
	}},
	{"statuses", func(n int) string { return daemonHeader + "\nundeliverable\n" + strings.Repeat("5.1.", n) }},
	{"reports in reports", func(n int) string {
		return strings.Repeat(daemonHeader+"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: message/rfc822\n\n", n/100)
	}},
	{"base64", func(n int) string {
		return daemonHeader + "Content-Type: message/delivery-status\nContent-Transfer-Encoding: base64\n\n" + strings.Repeat("RmluYWw6IHgKCg==", n)
	}},
	{"nul bytes", func(n int) string { return daemonHeader + "\n" + strings.Repeat("\x00", n) }},
	{"carriage returns", func(n int) string { return strings.ReplaceAll(daemonHeader, "\n", "\r") + strings.Repeat("\r", n) }},
}

// A message is compared with one of a sixteenth of its size that is read sixteen times: a reader in proportion takes as
// long for both, a quadratic one sixteen times as long for the whole. Both take about equally long, so that a busy machine
// holds up both.
const (
	pieces    = 16
	maxGrowth = 6
)

// growth gives how many times longer read takes for the whole than for the piece read as often as it goes into the whole.
// The least of several times counts; while the ratio is too large both are measured again.
func growth(read func(msg []byte), piece, whole []byte) float64 {
	ratio, leastPieces, leastWhole := 0.0, math.Inf(1), math.Inf(1)
	for range 20 {
		leastPieces = min(leastPieces, took(func() {
			for range pieces {
				read(piece)
			}
		}))
		leastWhole = min(leastWhole, took(func() { read(whole) }))
		if ratio = leastWhole / leastPieces; ratio <= maxGrowth {
			break
		}
	}
	return ratio
}

// took gives the time that f takes.
func took(f func()) float64 {
	start := time.Now()
	f()
	return float64(max(time.Since(start), 1))
}

func parse(msg []byte) { Parse(msg) }

// TestHostileIsLinear holds that the time grows with the size.
func TestHostileIsLinear(t *testing.T) {
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			if got := growth(parse, []byte(tt.make(40_000/pieces)), []byte(tt.make(40_000))); got > maxGrowth {
				t.Errorf("the whole took %.0f times as long as its pieces", got)
			}
		})
	}
}

// TestGrowth holds that a quadratic reader would be seen.
func TestGrowth(t *testing.T) {
	quadratic := func(msg []byte) {
		for i := range msg {
			for _, c := range msg[i:] {
				if c != 0 {
					t.Fatal("not reached")
				}
			}
		}
	}
	if got := growth(quadratic, make([]byte, 500), make([]byte, 500*pieces)); got <= maxGrowth {
		t.Errorf("a quadratic reader took %.0f times as long", got)
	}
}

// TestHostileIsBounded reads large ones: time grows with the size, and memory has a bound.
func TestHostileIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("large messages")
	}
	for _, tt := range []struct {
		name string
		n    int
		make func(n int) string
	}{
		{"nested multiparts", 20_000, hostile[0].make},
		{"a million fields", 1_000_000, hostile[2].make},
		{"a 20 MB line", 20 << 20, func(n int) string { return strings.Repeat("x", n) }},
		{"a 20 MB line of body", 20 << 20, func(n int) string { return daemonHeader + "\n" + strings.Repeat("x: ", n/3) }},
		{"a 20 MB field", 20 << 20, func(n int) string { return daemonHeader + "X: " + strings.Repeat("y", n) }},
		{"a million recipients", 1_000_000, func(n int) string {
			return daemonHeader + "Content-Type: message/delivery-status\n\n" + strings.Repeat("Final-Recipient: rfc822; a@b\n\n", n)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			whole := []byte(tt.make(tt.n))
			if got := growth(parse, []byte(tt.make(tt.n/pieces)), whole); got > maxGrowth {
				t.Errorf("the whole took %.0f times as long as its pieces", got)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b := Parse(whole)
			runtime.ReadMemStats(&after)
			if used := after.TotalAlloc - before.TotalAlloc; used > 256<<20 {
				t.Errorf("allocated %d MB", used>>20)
			}
			if len(b.Recipients) > maxRecipients {
				t.Errorf("%d recipients", len(b.Recipients))
			}
		})
	}
}

// TestManyRecipients holds that 12,000 different recipients of one report are all kept.
func TestManyRecipients(t *testing.T) {
	var msg strings.Builder
	msg.WriteString(daemonHeader + "Content-Type: message/delivery-status\n\nReporting-MTA: dns; x.example\n")
	for i := range 12_000 {
		fmt.Fprintf(&msg, "\nFinal-Recipient: rfc822; user%d@remote.example\nAction: failed\nStatus: 5.1.1\n", i)
	}
	b := Parse([]byte(msg.String()))
	if len(b.Recipients) != 12_000 || b.Recipients[11_999].Address != "user11999@remote.example" {
		t.Errorf("%d recipients", len(b.Recipients))
	}
}
