package dsn

import (
	"bytes"
	"fmt"
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

// TestHostileIsLinear holds that eight times the input takes no more than about eight times the time; a quadratic reader
// would take 64 times.
func TestHostileIsLinear(t *testing.T) {
	small, large := 5_000, 40_000
	for _, tt := range hostile {
		t.Run(tt.name, func(t *testing.T) {
			few, many := []byte(tt.make(small)), []byte(tt.make(large))
			base := max(timeParse(few), 200*time.Microsecond)
			if got := timeParse(many); got > 30*base {
				t.Errorf("%d bytes took %v, %d bytes %v", len(few), base, len(many), got)
			}
		})
	}
}

// timeParse gives the best of three.
func timeParse(msg []byte) time.Duration {
	best := time.Hour
	for range 3 {
		start := time.Now()
		Parse(msg)
		best = min(best, time.Since(start))
	}
	return best
}

// TestHostileIsBounded reads the large ones once, and looks at the clock and the memory.
func TestHostileIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("large messages")
	}
	big := map[string][]byte{
		"200 nested multiparts": []byte(hostile[0].make(20_000)),
		"a million fields":      []byte(hostile[2].make(1_000_000)),
		"a 20 MB line":          bytes.Repeat([]byte("x"), 20<<20),
		"a 20 MB line of body":  append([]byte(daemonHeader+"\n"), bytes.Repeat([]byte("x: "), 7<<20)...),
		"a 20 MB field":         append([]byte(daemonHeader+"X: "), bytes.Repeat([]byte("y"), 20<<20)...),
		"a million recipients":  []byte(daemonHeader + "Content-Type: message/delivery-status\n\n" + strings.Repeat("Final-Recipient: rfc822; a@b\n\n", 1_000_000)),
	}
	for name, msg := range big {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		start := time.Now()
		b := Parse(msg)
		took := time.Since(start)
		runtime.ReadMemStats(&after)
		if took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
		if used := after.TotalAlloc - before.TotalAlloc; used > 256<<20 {
			t.Errorf("%s: allocated %d MB", name, used>>20)
		}
		if len(b.Recipients) > maxRecipients {
			t.Errorf("%s: %d recipients", name, len(b.Recipients))
		}
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
