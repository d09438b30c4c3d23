package imapfetch

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"

	"ndrscan/internal/imaptest"
)

// wire records what goes over a connection.
type wire struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (w *wire) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.text.Write(p)
}

// count counts the commands of the client that contain part.
func (w *wire) count(part string) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for line := range strings.Lines(w.text.String()) {
		tag, command, _ := strings.Cut(line, " ")
		answer := strings.HasPrefix(command, "OK ") || strings.HasPrefix(command, "NO ") || strings.HasPrefix(command, "BAD ")
		if strings.HasPrefix(tag, "T") && !answer && strings.Contains(command, part) {
			n++
		}
	}
	return n
}

// mixedFlags gives every second message flags, by turns.
func mixedFlags(raws [][]byte) []imaptest.Message {
	flags := [][]imap.Flag{nil, {imap.FlagSeen}, nil, {}, nil, {imap.FlagFlagged, imap.FlagAnswered}}
	msgs := imaptest.Messages(today, raws...)
	for i := range msgs {
		msgs[i].Flags = flags[i%len(flags)]
	}
	return msgs
}

func crlf(raw []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

func dovecotConfig(t *testing.T, d *imaptest.Dovecot, path string) Config {
	t.Helper()
	cfg, err := ParseURL("imaps://alice@example.com@" + d.Addr + path)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Password, cfg.CAFile, cfg.Now = imaptest.Password(password), d.CAFile, now
	return cfg
}

// A real Dovecot hands out the flood byte for byte, in few commands, and doesn't notice: no file changes its name, that
// is, no flag is set and no new mail loses its newness.
func TestDovecot(t *testing.T) {
	raws := lab(t, "A")
	for len(raws) < 1100 {
		raws = append(raws, raws[:min(len(raws), 1100-len(raws))]...)
	}
	d := imaptest.StartDovecot(t, user, password, map[string][]imaptest.Message{
		"INBOX": mixedFlags(raws), "Junk": mixedFlags(raws[:3]), "Sent": mixedFlags(raws[:2]), "Other": nil,
	})
	before := d.Files(t)
	if len(before) != len(raws)+5 || !slices.ContainsFunc(before, func(f string) bool { return strings.HasSuffix(f, ":2,FR") }) {
		t.Fatalf("%d files before", len(before))
	}
	for i, raw := range raws {
		raws[i] = crlf(raw)
	}

	t.Run("one mailbox", func(t *testing.T) {
		var log wire
		cfg := dovecotConfig(t, d, "/INBOX")
		cfg.wire = &log
		msgs, errs := read(t, open(t, cfg))
		same(t, msgs, errs, raws)
		for _, m := range msgs {
			if !m.Received.Equal(today) {
				t.Fatalf("%s: received %v", m.ID, m.Received)
			}
		}
		if n := log.count("UID FETCH"); n > len(raws)/DefaultBatch+2 {
			t.Errorf("%d FETCH commands for %d messages", n, len(raws))
		}
		if log.count("EXAMINE") != 1 || log.count("SELECT") != 0 || log.count("STORE") != 0 || log.count("BODY[") != 0 {
			t.Error("the mailbox was not opened read-only")
		}
	})
	t.Run("INBOX and Junk", func(t *testing.T) {
		msgs, errs := read(t, open(t, dovecotConfig(t, d, "")))
		if len(msgs) != len(raws)+3 || len(errs) > 0 || msgs[len(raws)].ID != "Junk/1" {
			t.Errorf("%d messages, errors %v", len(msgs), errs)
		}
	})
	t.Run("Sent", func(t *testing.T) {
		src := open(t, dovecotConfig(t, d, ""))
		sent, found, err := src.SentMailbox(t.Context())
		if sent != "Sent" || !found || err != nil {
			t.Fatal(sent, found, err)
		}
		n := 0
		for msg, err := range src.Headers(t.Context(), sent) {
			if err != nil || !bytes.Contains(msg.Raw, []byte("From:")) || bytes.Contains(msg.Raw, []byte("Received:")) {
				t.Errorf("%q, %v", msg.Raw, err)
			}
			n++
		}
		if n != 2 {
			t.Errorf("%d headers", n)
		}
	})
	t.Run("cut connection", func(t *testing.T) {
		proxy := imaptest.NewProxy(t, d.Addr, imaptest.Fault{After: 1 << 20}, imaptest.Fault{After: 3 << 20})
		cfg := dovecotConfig(t, d, "/INBOX")
		cfg.Addr, cfg.backoff = proxy.Addr, 1
		msgs, errs := read(t, open(t, cfg))
		same(t, msgs, errs, raws)
		if proxy.Conns.Load() != 3 {
			t.Errorf("%d connections", proxy.Conns.Load())
		}
	})
	t.Run("mailbox missing", func(t *testing.T) {
		_, err := Open(t.Context(), dovecotConfig(t, d, "/Bounces"))
		if err == nil || !strings.Contains(err.Error(), `there is no mailbox "Bounces": there are `) {
			t.Fatal(err)
		}
		for _, box := range []string{"INBOX", "Junk", "Other", "Sent"} {
			if !strings.Contains(err.Error(), fmt.Sprintf("%q", box)) {
				t.Errorf("%s is not listed: %v", box, err)
			}
		}
	})
	// Last, since Dovecot makes the address wait after it.
	t.Run("wrong password", func(t *testing.T) {
		cfg := dovecotConfig(t, d, "/INBOX")
		cfg.Password = imaptest.Password("wrong")
		if _, err := Open(t.Context(), cfg); err == nil || !strings.Contains(err.Error(), "check user name and password") {
			t.Error(err)
		}
	})

	if after := d.Files(t); !slices.Equal(before, after) {
		t.Errorf("the Maildir changed:\nbefore %v\nafter  %v", before[:5], after[:5])
	}
}
