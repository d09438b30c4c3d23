package ndrscan_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"ndrscan/classify"
	"ndrscan/dsn"
	"ndrscan/internal/header"
	"ndrscan/mailbox"
)

// What stands below a foreign border was written by whoever sent the message (METHOD 3.4): editing it changes no class and no
// address. Each round edits every message of a flood there, at random, and scans the whole again.
func TestBelowAForeignBorder(t *testing.T) {
	rounds := 6
	if testing.Short() {
		rounds = 2
	}
	for _, flood := range []labFlood{labFloods[0], labFloods[2], labFloods[4]} {
		for _, withSent := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/Sent %t", flood.name, withSent), func(t *testing.T) {
				var sent []mailbox.Source
				if withSent {
					sent = append(sent, open(t, flood.sent()))
				}
				mails := messages(t, open(t, flood.mbox()))
				report, want := scanLab(t, open(t, flood.mbox()), sent...)
				for round := range rounds {
					e := editor{rand: rand.New(rand.NewPCG(uint64(round), 7))}
					var edited []string
					for i, m := range mails {
						edited = append(edited, string(e.edit(m.Raw, want[i])))
					}
					if 2*e.edits < len(mails) {
						t.Fatalf("%d edits in %d messages", e.edits, len(mails))
					}
					gotReport, got := scanLab(t, memory(edited), sent...)
					for i := range want {
						if a, b := aboveBorder(want[i]), aboveBorder(got[i]); a != b {
							t.Fatalf("round %d, message %s:\n%s\nbefore, after the edit\n%s\n%s", round, want[i].ID, a, b, edited[i])
						}
					}
					if gotReport.Verdict.Verdict != report.Verdict.Verdict {
						t.Errorf("round %d: %s before, %s after", round, report.Verdict.Verdict, gotReport.Verdict.Verdict)
					}
				}
			})
		}
	}
}

// aboveBorder is what no edit below the border may change.
func aboveBorder(f classify.Finding) string {
	text := fmt.Sprintf("%s %s %v", f.Kind, f.Class, f.CouldBe)
	if f.Origin != nil {
		o := f.Origin
		text += fmt.Sprintf(" origin %s %s %s own %t login %q client %s entry %s trust %s queue %s", o.IP, o.RDNS, o.By, o.Own, o.AuthUser, o.ClientIP, o.Entry, o.Trust, o.QueueID)
	}
	if f.SPF != nil {
		text += fmt.Sprintf(" spf %s %s", f.SPF.Result, f.SPF.Mechanism)
	}
	for _, code := range codes(f) {
		if code != "framing" {
			text += " " + code
		}
	}
	return text
}

// editor changes Received lines of returned originals below their border.
type editor struct {
	rand  *rand.Rand
	edits int
}

// forgedLines are what a framer likes to write.
var forgedLines = []string{
	"Received: from pc (unknown [198.51.100.66])\n\t(Authenticated sender: alice@example.com)\n\tby submit.example.com (Postfix) with ESMTPSA id 6FACEB00C;\n\tMon, 23 Nov 2026 21:00:00 +0000\n",
	"Received: from submit.example.com (submit.example.com [192.0.2.2])\n\tby mx.blueharbor.example (Postfix) with ESMTPS id 6FACEB00D;\n\tMon, 23 Nov 2026 21:00:00 +0000\n",
	"Received: from localhost (localhost [127.0.0.1]) by submit.example.com (Postfix) with ESMTP id 1; Mon, 23 Nov 2026 21:00:00 +0000\n",
	"Received: from [192.0.2.2] (helo=submit.example.com) by mx.fernhill.example with esmtp (Exim 4.96) id 1xVbcM-00002Q-0O; Mon, 23 Nov 2026 21:00:00 +0000\n",
	"Received: (qmail 1 invoked by uid 33); 1 Jan 1970 00:00:00 -0000\n",
	"Received: by www.example.com (Postfix, from userid 33) id 77; Mon, 23 Nov 2026 21:00:00 +0000\n",
	"Received: from x ([10.0.0.1]) by [172.17.0.1] with ESMTP id 3; not a date\n",
	"Received: \xff\xfe(((\n",
}

// edit gives the message with some of the lines below the border removed, doubled or spoiled, and some added.
func (e *editor) edit(raw []byte, f classify.Finding) []byte {
	border := borderLine(f)
	if border == 0 {
		return raw
	}
	var lines []header.Field
	for _, field := range dsn.Parse(raw).Original.Header.All("Received") {
		lines = append(lines, field)
	}
	if border > len(lines) {
		return raw
	}
	out := slices.Clone(raw)
	for _, line := range lines[border:] {
		out = e.replace(out, line.Raw, e.spoil(line.Raw))
	}
	added := bytes.Clone(lines[border-1].Raw) // without its line end
	for range e.rand.IntN(4) {
		forged := strings.TrimSuffix(forgedLines[e.rand.IntN(len(forgedLines))], "\n")
		forged = strings.ReplaceAll(forged, "\n", lineEnd(raw))
		added = append(append(added, lineEnd(raw)...), forged...)
	}
	return e.replace(out, lines[border-1].Raw, added)
}

func lineEnd(raw []byte) string {
	if bytes.Contains(raw, []byte("\r\n")) {
		return "\r\n"
	}
	return "\n"
}

// replace changes the last place of a text, which is in the original: the report's own header stands above it.
func (e *editor) replace(message, old, fresh []byte) []byte {
	at := bytes.LastIndex(message, old)
	if at < 0 || bytes.Equal(old, fresh) {
		return message
	}
	e.edits++
	rest := message[at+len(old):]
	if len(fresh) == 0 {
		rest = bytes.TrimPrefix(bytes.TrimPrefix(rest, []byte("\r")), []byte("\n"))
	}
	return slices.Concat(message[:at], fresh, rest)
}

func (e *editor) spoil(line []byte) []byte {
	switch e.rand.IntN(4) {
	case 0:
		return nil
	case 1:
		return bytes.ReplaceAll(line, []byte("203.0.113."), []byte("192.0.2."))
	case 2:
		return bytes.ReplaceAll(line, []byte("2026"), []byte("1999"))
	}
	return line
}

// borderLine is the number of the border's line where the border is foreign, 0 elsewhere.
func borderLine(f classify.Finding) int {
	if f.Origin == nil || f.Origin.Own || f.Origin.Via != "received" {
		return 0
	}
	for _, s := range f.Origin.Steps {
		if s.Why == "border" {
			return s.Line
		}
	}
	return 0
}

// memory is a source of messages that lie in memory.
type memory []string

func (memory) Name() string { return "memory" }

func (m memory) Messages(context.Context) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		for i, raw := range m {
			if !yield(mailbox.Message{Source: "memory", ID: fmt.Sprint(i), Raw: []byte(raw)}, nil) {
				return
			}
		}
	}
}
