package mailbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"
)

// readAll reads an mbox with the reader and returns it for its counts.
func readAll(t *testing.T, box []byte, limit int64) (msgs []Message, m *mboxReader) {
	t.Helper()
	r, err := newReader(bytes.NewReader(box))
	if err != nil {
		t.Skip("gzip that isn't")
	}
	m = &mboxReader{r: r, offset: r.skipped, limit: limit}
	for {
		msg, err := m.next(context.Background())
		if errors.Is(err, io.EOF) {
			return msgs, m
		}
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, msg)
	}
}

var quotable = regexp.MustCompile(`(?m)^>*From `)

// writeMbox is an mboxrd writer of the plain kind.
func writeMbox(raws [][]byte) []byte {
	var box bytes.Buffer
	for _, raw := range raws {
		box.WriteString("From a@example.com Mon Nov 23 21:30:24 2026\n")
		box.Write(quotable.ReplaceAll(raw, []byte(">$0")))
		box.WriteString("\n")
	}
	return box.Bytes()
}

// FuzzMbox: whatever the bytes, each of them is in a message or counted as the mbox's own; the limit changes nothing but
// what is kept; what was read and written again reads the same.
func FuzzMbox(f *testing.F) {
	line := "From a@example.com Mon Nov 23 21:30:24 2026\n"
	f.Add([]byte(line + "A: 1\n\none\n>From x\n\n" + line + "B: 2\n\ntwo\n"))
	f.Add([]byte("\r\n" + line + "\r\n\r\n" + line + ">>From \r\n\r\n"))
	f.Add([]byte("\xef\xbb\xbfFrom x\n\n\n\n" + line))
	f.Add([]byte(line + ">>>>From x\n\n\n\n" + line[:20]))
	f.Fuzz(func(t *testing.T, box []byte) {
		msgs, m := readAll(t, box, DefaultLimit)
		if m.r.gzipped {
			t.Skip()
		}
		total := m.r.skipped + m.overhead
		for _, msg := range msgs {
			total += msg.Size
			if msg.Truncated || msg.Size != int64(len(msg.Raw)) {
				t.Fatalf("message %s: size %d of %d", msg.ID, msg.Size, len(msg.Raw))
			}
		}
		if total != int64(len(box)) {
			t.Fatalf("%d of %d bytes accounted for", total, len(box))
		}
		short, _ := readAll(t, box, 7)
		for i, msg := range msgs {
			if s := short[i]; len(short) != len(msgs) || s.ID != msg.ID || s.Size != msg.Size || !bytes.Equal(s.Raw, msg.Raw[:min(7, len(msg.Raw))]) {
				t.Fatalf("with a limit message %s is %+v", msg.ID, s)
			}
		}
	})
}

// FuzzMboxRoundTrip: messages that a writer put into an mbox come out as they were.
func FuzzMboxRoundTrip(f *testing.F) {
	f.Add([]byte("A: 1\n\nFrom here on\n\nFrom a@b Mon Nov 23 21:30:24 2026\n"), []byte("B: 2\r\n\r\n>From\r\n"))
	f.Add([]byte("\n\n\n"), []byte(""))
	f.Add([]byte(">>From x\nFrom"), []byte("\x00\xff\r"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		var raws [][]byte
		for _, raw := range [][]byte{first, second, []byte("C: 3\n\nthree\n")} {
			// A writer ends the last line. A line of more than a window that is all '>' is beyond what is undone.
			if len(raw) > 0 && raw[len(raw)-1] != '\n' {
				raw = append(bytes.Clone(raw), '\n')
			}
			if bytes.Contains(raw, bytes.Repeat([]byte(">"), windowSize/2)) {
				t.Skip()
			}
			raws = append(raws, raw)
		}
		msgs, _ := readAll(t, writeMbox(raws), DefaultLimit)
		if len(msgs) != len(raws) {
			t.Fatalf("%d messages, want %d", len(msgs), len(raws))
		}
		for i, raw := range raws {
			if !bytes.Equal(msgs[i].Raw, raw) {
				t.Fatalf("message %d is %q, was %q", i, msgs[i].Raw, raw)
			}
		}
	})
}

// FuzzOpen: any bytes on standard input give messages or one clear line, never a panic.
func FuzzOpen(f *testing.F) {
	for _, file := range foreign {
		f.Add([]byte(file.magic + "\x00"))
	}
	f.Add([]byte("Subject: x\r\rtext\r"))
	f.Add([]byte("\x1f\x8b\x08\x00"))
	f.Add([]byte("From a@example.com Mon Nov 23 21:30:24 2026\rA: 1\r"))
	f.Fuzz(func(t *testing.T, data []byte) {
		src, err := Open("-", Options{Stdin: iotest.HalfReader(bytes.NewReader(data)), Limit: 1 << 16})
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for msg, err := range src.Messages(t.Context()) {
			n++
			if err != nil && strings.ContainsAny(err.Error(), "\r\n") {
				t.Fatalf("error %q", err)
			}
			if err == nil && len(msg.Raw) > 1<<16 {
				t.Fatalf("message of %d bytes", len(msg.Raw))
			}
		}
		if n == 0 {
			t.Fatal("neither a message nor an error")
		}
	})
}

// An mbox is read in constant memory: 64 MB of one message under a small limit allocate less than 1 MB.
func TestMboxMemory(t *testing.T) {
	line := strings.Repeat("x", 70) + "\n"
	body := io.MultiReader(strings.NewReader("From a@example.com Mon Nov 23 21:30:24 2026\nA: 1\n\n"),
		io.LimitReader(repeat(line), 64<<20), strings.NewReader("\n\nFrom a@example.com Mon Nov 23 21:30:24 2026\nB: 2\n"))
	src, err := Open("-", Options{Stdin: body, Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var msgs []Message
	for msg, err := range src.Messages(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		msgs = append(msgs, msg)
	}
	runtime.ReadMemStats(&after)
	if len(msgs) != 2 || msgs[0].Size < 64<<20 || len(msgs[0].Raw) != 1000 {
		t.Errorf("%d messages", len(msgs))
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 1<<20 {
		t.Errorf("%d bytes allocated", used)
	}
}

// repeat is a reader of the same text for ever.
type repeat string

func (r repeat) Read(p []byte) (n int, err error) {
	for n < len(p) {
		n += copy(p[n:], r)
	}
	return n, nil
}
