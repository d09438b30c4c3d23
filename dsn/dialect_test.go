package dsn

import (
	"os"
	"strings"
	"testing"
)

// returned stands for [ORIGINAL] and, without its body, for [HEADERS].
const (
	returnedHeader = `Received: from friend (unknown [203.0.113.41])
	by mx.remote.example with ESMTP; Mon, 23 Nov 2026 21:30:23 +0000
From: Alice <alice@ours.example>
To: bad@remote.example
Subject: An offer
Date: Mon, 23 Nov 2026 21:30:19 +0000
Message-ID: <original@ours.example>
`
	returnedMessage = returnedHeader + "\nCome and see.\n"
	envelope        = "Return-Path: <>\nTo: alice@ours.example\nDate: Mon, 23 Nov 2026 21:30:24 +0000\n"
	personalTop     = "Return-Path: <pat@remote.example>\nTo: alice@ours.example\nDate: Mon, 23 Nov 2026 21:30:24 +0000\n"
)

// samples reads testdata/dialects.txt: id, or id and " near", to message.
func samples(t testing.TB) map[string]string {
	data, err := os.ReadFile("testdata/dialects.txt")
	if err != nil {
		t.Fatal(err)
	}
	list := make(map[string]string)
	for _, entry := range strings.Split(string(data), "\n== ")[1:] {
		id, text, _ := strings.Cut(entry, "\n")
		if _, twice := list[id]; twice {
			t.Errorf("%s stands twice", id)
		}
		text = strings.ReplaceAll(text, "[ORIGINAL]\n", returnedMessage)
		text = strings.ReplaceAll(text, "[HEADERS]\n", returnedHeader)
		top := envelope
		if strings.HasSuffix(id, " near") {
			top = personalTop
		}
		list[id] = top + strings.TrimSuffix(text, "\n") + "\n"
	}
	return list
}

// parsed gives the parser after its work.
func parsed(msg string) *parser {
	p := newParser(0)
	p.run([]byte(msg))
	return p
}

// TestDialects holds that each row claims its sample alone and reads it, with LF and with CRLF, and that no row claims a
// near miss.
func TestDialects(t *testing.T) {
	list := samples(t)
	used := make(map[string]bool)
	for i := range dialects {
		row := &dialects[i]
		if row.source == "" {
			t.Errorf("%s has no source", row.id)
		}
		sample, near := list[row.id], list[row.id+" near"]
		used[row.id], used[row.id+" near"] = true, true
		if sample == "" || near == "" {
			t.Errorf("%s has no sample or no near miss", row.id)
			continue
		}
		t.Run(row.id, func(t *testing.T) {
			checkClaims(t, row, sample, near)
			checkReading(t, row, sample)
			checkReading(t, row, strings.ReplaceAll(sample, "\n", "\r\n"))
		})
	}
	for id := range list {
		if !used[id] {
			t.Errorf("%s is no row", id)
		}
	}
}

func checkClaims(t *testing.T, row *dialect, sample, near string) {
	p := parsed(sample)
	p.scan()
	for i := range dialects {
		other := &dialects[i]
		if other.claims(p) != (other == row) {
			t.Errorf("row %s claims the sample of %s: %v", other.id, row.id, other != row)
		}
		if other.claims(p) != other.claimsAlone(p) {
			t.Errorf("row %s: the index says %v", other.id, other.claims(p))
		}
	}
	if p = parsed(near); p.row != nil {
		t.Errorf("row %s claims the near miss of %s", p.row.id, row.id)
	}
	if p.b.Kind == KindBounce || p.b.Kind == KindDelay {
		t.Errorf("the near miss is a %s", p.b.Kind)
	}
}

func checkReading(t *testing.T, row *dialect, sample string) {
	b := Parse([]byte(sample))
	want := row.kind
	if want == "" {
		want = KindBounce
	}
	if row.copy {
		want = KindPostmasterCopy
	}
	if b.Kind != want || b.Software != row.software() {
		t.Errorf("%s by %q, want %s by %q", b.Kind, b.Software, want, row.software())
	}
	if want == KindBounce {
		if len(b.Recipients) != 1 || !strings.HasPrefix(b.Recipients[0].Address, "bad") || b.Recipients[0].Action != ActionFailed {
			t.Errorf("recipients %+v", b.Recipients)
		} else if strings.Contains(sample, "550 5.1.1 ") && b.Recipients[0].Status != "5.1.1" && b.Recipients[0].Status != "5.0.0" {
			t.Errorf("status %q: %+v", b.Recipients[0].Status, b.Recipients[0])
		}
	}
	whole, headers := strings.Contains(sample, "Come and see."), strings.Contains(sample, "To: bad@remote.example\r\nSubject") || strings.Contains(sample, "To: bad@remote.example\nSubject")
	switch {
	case whole && (b.Original.Returned != ReturnedFull || b.Original.MessageID != "<original@ours.example>"):
		t.Errorf("original %s %q, want the whole", b.Original.Returned, b.Original.MessageID)
	case !whole && headers && strings.Contains(sample, "Received: from friend") && (b.Original.Returned != ReturnedHeaders || b.Original.MessageID != "<original@ours.example>"):
		t.Errorf("original %s %q, want the headers", b.Original.Returned, b.Original.MessageID)
	}
}
