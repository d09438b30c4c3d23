package mailbox_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"ndrscan/mailbox"
)

const (
	fromLine = "From MAILER-DAEMON Mon Nov 23 21:30:24 2026\n"
	note     = "From: a@example.com\nTo: b@example.com\nSubject: one\n\ntext\n"
)

func write(t *testing.T, path string, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func zipped(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	io.WriteString(w, text)
	w.Close()
	return b.String()
}

func wide(text string, order binary.AppendByteOrder, mark bool) string {
	var b []byte
	if mark {
		text = "\ufeff" + text
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		b = order.AppendUint16(b, unit)
	}
	return string(b)
}

// listing shows what a source yields: id=raw, or the error.
func listing(t *testing.T, src mailbox.Source) (lines []string) {
	t.Helper()
	for msg, err := range src.Messages(t.Context()) {
		switch {
		case err != nil:
			lines = append(lines, "error "+err.Error())
		default:
			lines = append(lines, fmt.Sprintf("%s=%q", msg.ID, msg.Raw))
		}
	}
	return lines
}

func TestMbox(t *testing.T) {
	next := "From x@example.com Tue Nov 24 01:02:03 2026\n"
	for _, test := range []struct {
		name, mbox string
		want       []string // raws
	}{
		{"two", fromLine + "A: 1\n\none\n\n" + next + "B: 2\n\ntwo\n\n", []string{"A: 1\n\none\n", "B: 2\n\ntwo\n"}},
		{"no empty line at the end", fromLine + "A: 1\n\none\n", []string{"A: 1\n\none\n"}},
		{"no line end at the end", fromLine + "A: 1\n\none", []string{"A: 1\n\none"}},
		{"blank lines first", "\n\r\n\n" + fromLine + "A: 1\n\none\n\n", []string{"A: 1\n\none\n"}},
		{"message ends in an empty line", fromLine + "A: 1\n\none\n\n\n" + next + "B: 2\n\n\n", []string{"A: 1\n\none\n\n", "B: 2\n\n"}},
		{"header only", fromLine + "A: 1\n\n" + next + "B: 2\n", []string{"A: 1\n", "B: 2\n"}},
		{"empty messages", fromLine + "\n" + next + next + "A: 1\n", []string{"", "", "A: 1\n"}},
		{"From_ line not after an empty line", fromLine + "A: 1\n\none\n" + next + "two\n", []string{"A: 1\n\none\n" + next + "two\n"}},
		{"From without a date in a body", fromLine + "A: 1\n\n\nFrom the desk of Mon\n\nFrom now on\n\nFrom a@b Mon Nov 2026\n", []string{"A: 1\n\n\nFrom the desk of Mon\n\nFrom now on\n\nFrom a@b Mon Nov 2026\n"}},
		{"quoted", fromLine + "A: 1\n\n>From x\n>>From y\n> From z\n>from\n>>>From " + next, []string{"A: 1\n\nFrom x\n>From y\n> From z\n>from\n>>From " + next}},
		{"Content-Length lies", fromLine + "Content-Length: 5000\n\none\n\n" + next + "Content-Length: 1\n\ntwo\n", []string{"Content-Length: 5000\n\none\n", "Content-Length: 1\n\ntwo\n"}},
		{"a long line", fromLine + "A: 1\n\n" + strings.Repeat("x", 200_000) + "\n\n" + next + "B: 2\n", []string{"A: 1\n\n" + strings.Repeat("x", 200_000) + "\n", "B: 2\n"}},
		{"a long line of From_", fromLine + "A: 1\n\n" + strings.Repeat("From x@example.com Tue Nov 24 01:02:03 2026 ", 5000) + "\n", []string{"A: 1\n\n" + strings.Repeat("From x@example.com Tue Nov 24 01:02:03 2026 ", 5000) + "\n"}},
		{"NULs and 8 bit", fromLine + "A: \xff\n\n\x00\x80\r\r\n\n", []string{"A: \xff\n\n\x00\x80\r\r\n"}},
	} {
		for _, form := range []struct {
			name string
			of   func(string) string
		}{
			{"LF", func(s string) string { return s }},
			{"CRLF", func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") }},
			{"mark", func(s string) string { return "\ufeff" + s }},
		} {
			t.Run(test.name+"/"+form.name, func(t *testing.T) {
				text := form.of(test.mbox)
				for how, src := range map[string]mailbox.Source{
					"file":  mustOpen(t, write(t, filepath.Join(t.TempDir(), "box"), text), mailbox.Options{}),
					"gzip":  mustOpen(t, write(t, filepath.Join(t.TempDir(), "box.gz"), zipped(text)), mailbox.Options{}),
					"stdin": mustOpen(t, "-", mailbox.Options{Stdin: strings.NewReader(text)}),
				} {
					msgs, errs := read(t, src)
					if len(errs) > 0 || len(msgs) != len(test.want) {
						t.Fatalf("%s: %d messages, want %d; errors %v", how, len(msgs), len(test.want), errs)
					}
					for i, m := range msgs {
						want := form.of(test.want[i])
						if form.name == "mark" {
							want = test.want[i]
						}
						if string(m.Raw) != want || m.Size != int64(len(want)) || m.Truncated {
							t.Errorf("%s: message %d is %.300q, size %d; want %.300q", how, i, m.Raw, m.Size, want)
						}
						var offset int
						if fmt.Sscan(m.ID, &offset); !strings.HasPrefix(text[offset:], "From ") {
							t.Errorf("%s: no From_ line at %s", how, m.ID)
						}
					}
				}
			})
		}
	}
}

func TestFromLine(t *testing.T) {
	at := time.Date(2026, 11, 3, 21, 30, 24, 0, time.UTC)
	for _, line := range []string{
		"From MAILER-DAEMON Tue Nov  3 21:30:24 2026",
		"From a@example.com  Tue Nov 3 21:30:24 2026",
		"From - Tue Nov 03 21:30:24 2026",
		"From ???@??? Tue Nov 03 21:30:24 2026",
		"From \"a b\"@example.com Tue Nov  3 21:30:24 2026",
		"From a@example.com Tue Nov  3 21:30:24 UTC 2026",
		"From a@example.com Tue Nov  3 21:30:24 2026 +0000",
		"From 1626@xxx Tue Nov 03 22:30:24 +0100 2026",
		"From a@example.com Tue Nov  3 21:30:24 2026 remote from relay",
		"From a@example.com Tue, 3 Nov 2026 16:30:24 -0500",
		"From  Tue Nov  3 21:30:24 2026",
		"From Mon@Tue.example Tue Nov  3 21:30:24 2026",
	} {
		msgs, errs := read(t, mustOpen(t, "-", mailbox.Options{Stdin: strings.NewReader(line + "\nA: 1\n\n\n" + line + "\nB: 2\n")}))
		if len(msgs) != 2 || len(errs) > 0 {
			t.Errorf("%s: %d messages, %v", line, len(msgs), errs)
			continue
		}
		if !msgs[0].Received.Equal(at) {
			t.Errorf("%s: %v", line, msgs[0].Received)
		}
	}
	for _, line := range []string{
		"From Tuesday on", "From me to you Tue Nov", "From a@b Tue Nov 3 2026", "From a@b Tue Nov 3 25:30 2026", "From a@b Nov 3 21:30 2026",
		"From a@b Tue 21:30 2026 Nov 3", ">From a@b Tue Nov 3 21:30:24 2026", "from a@b Tue Nov 3 21:30:24 2026", "From: Tue Nov 3 21:30:24 2026",
		"From " + strings.Repeat("a", 2000) + " Tue Nov 3 21:30:24 2026",
	} {
		msgs, _ := read(t, mustOpen(t, "-", mailbox.Options{Stdin: strings.NewReader(fromLine + "A: 1\n\n" + line + "\nB: 2\n")}))
		if len(msgs) != 1 {
			t.Errorf("%.100s: taken for a From_ line", line)
		}
	}
}

// Each thing that is no mailbox is refused in one line that says what it is and what to do.
func TestRefused(t *testing.T) {
	mac := strings.ReplaceAll(fromLine+note+"\n"+fromLine+note, "\n", "\r")
	for _, test := range []struct{ name, file, content, want string }{
		{"Outlook .msg", "a.msg", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "is an Outlook .msg file, not mail: convert it first: msgconvert"},
		{"Outlook .msg called .eml", "a.eml", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\x00\x00", "msgconvert"},
		{"pst", "a.pst", "!BDN\x00\x00", "readpst"},
		{"zip", "a.zip", "PK\x03\x04\x14\x00", "unpack it first"},
		{"UTF-16 mbox", "box", wide(fromLine+note, binary.LittleEndian, true), "is UTF-16 text, not mail: convert it first: iconv -f UTF-16LE -t UTF-8"},
		{"UTF-16 big endian", "box", wide(fromLine+note, binary.BigEndian, true), "iconv -f UTF-16BE"},
		{"UTF-16 without mark", "box", wide(fromLine+note, binary.LittleEndian, false), "iconv -f UTF-16LE"},
		{"UTF-16 big endian without mark", "a.eml", wide(note, binary.BigEndian, false), "iconv -f UTF-16BE"},
		{"bare-CR mbox", "box", mac, `bare CR line ends (classic Mac): convert it first: tr '\r' '\n'`},
		{"bare-CR mbox, gzipped", "box.gz", zipped(mac), "bare CR line ends"},
		{"text", "notes.txt", "Dear diary,\n", `is no mail: it begins neither with a "From " line (mbox) nor with a header field`},
		{"text that begins with From", "notes.txt", "From me, to you\nlove\n", "is no mail"},
		{"binary", "a.out", "\x7fELF\x02\x01\x01\x00\x00", "is binary data, not mail"},
		{"binary called .eml", "a.eml", "\x7fELF\x02\x01\x01\x00\x00", "is binary data, not mail"},
		{"damaged gzip", "a.gz", "\x1f\x8b\x07\x00\x00\x00\x00\x00\x00\x00\x00", "the gzip data is damaged"},
		{"gzip cut at once", "a.gz", "\x1f\x8b\x08\x00", "the gzip data ends early"},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), test.file), test.content)
			_, err := mailbox.Open(path, mailbox.Options{})
			var failed *mailbox.ReadError
			if !errors.As(err, &failed) || failed.ID != "" || failed.Source != path || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error %v\nwant %s", err, test.want)
			}
			lines := listing(t, mustOpen(t, "-", mailbox.Options{Stdin: strings.NewReader(test.content)}))
			if len(lines) != 1 || !strings.HasPrefix(lines[0], "error -: ") {
				t.Errorf("from standard input: %v", lines)
			}
		})
	}
	if _, err := mailbox.Open(filepath.Join(t.TempDir(), "none"), mailbox.Options{}); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "check the path") {
		t.Errorf("no such file: %v", err)
	}
}

// An empty file can be a mailbox from which all was taken, so it opens; reading says that it is empty.
func TestEmpty(t *testing.T) {
	for _, content := range []string{"", zipped("")} {
		src := mustOpen(t, write(t, filepath.Join(t.TempDir(), "sent.mbox"), content), mailbox.Options{})
		msgs, errs := read(t, src)
		if len(msgs) != 0 || len(errs) != 1 || !errors.Is(errs[0], mailbox.ErrEmpty) {
			t.Errorf("%d messages, errors %v", len(msgs), errs)
		}
	}
}

func TestSingleMessage(t *testing.T) {
	mac := strings.ReplaceAll(note, "\n", "\r")
	for _, test := range []struct{ name, file, content, want string }{
		{"eml", "a.eml", note, `a.eml="` + note + `"`},
		{"no extension", "a", note, `a="` + note + `"`},
		{"text called .msg", "a.msg", note, `a.msg="` + note + `"`},
		{"gzipped", "a.eml.gz", zipped(note), `a.eml.gz="` + note + `"`},
		{"gzipped by content", "a.eml", zipped(note), `a.eml="` + note + `"`},
		{"bare CR", "a.eml", mac, `a.eml="` + mac + `"`},
		{"bare CR, no extension", "a", mac, `a="` + mac + `"`},
		{"bare CR behind a From_ line", "a.eml", strings.TrimSuffix(fromLine, "\n") + "\r" + mac, `a.eml="` + mac + `"`},
		{"CRLF", "a.eml", strings.ReplaceAll(note, "\n", "\r\n"), `a.eml="` + strings.ReplaceAll(note, "\n", "\r\n") + `"`},
		{"byte order mark", "a.eml", "\ufeff" + note, `a.eml="` + note + `"`},
		{"blank lines first", "a", "\n\r\n" + note, "a=\"\n\r\n" + note + `"`},
		{"quoted From_ line first", "a", ">" + fromLine + note, `a=">` + fromLine + note + `"`},
		{"body only, called .eml", "a.eml", "Hi. This is the program\n", "a.eml=\"Hi. This is the program\n\""},
	} {
		t.Run(test.name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), test.file), test.content)
			want := strings.NewReplacer("\n", `\n`, "\r", `\r`).Replace(test.want)
			for range 2 { // a file can be walked again
				if got := listing(t, mustOpen(t, path, mailbox.Options{})); len(got) != 1 || got[0] != want {
					t.Errorf("%s\nwant %s", got, want)
				}
			}
		})
	}
}

// A truncated message is handed out as far as it goes.
func TestLimit(t *testing.T) {
	long := "A: 1\n\n" + strings.Repeat("0123456789\n", 50_000)
	dir := t.TempDir()
	for _, test := range []struct {
		name, path string
		size       int64 // at least
	}{
		{"eml", write(t, filepath.Join(dir, "a.eml"), long), int64(len(long))},
		{"gzipped eml", write(t, filepath.Join(dir, "a.eml.gz"), zipped(long)), 1000},
		{"mbox", write(t, filepath.Join(dir, "a.mbox"), fromLine+long+"\n"+fromLine+note), int64(len(long))},
		{"gzipped mbox", write(t, filepath.Join(dir, "a.mbox.gz"), zipped(fromLine+long+"\n"+fromLine+note)), int64(len(long))},
	} {
		t.Run(test.name, func(t *testing.T) {
			msgs, errs := read(t, mustOpen(t, test.path, mailbox.Options{Limit: 1000}))
			if len(msgs) == 0 || len(errs) > 0 {
				t.Fatal(errs)
			}
			if m := msgs[0]; !m.Truncated || m.Size < test.size || m.Size > int64(len(long)) || string(m.Raw) != long[:1000] {
				t.Errorf("truncated %v, size %d, %d bytes", m.Truncated, m.Size, len(m.Raw))
			}
			if strings.Contains(test.name, "mbox") && (len(msgs) != 2 || string(msgs[1].Raw) != note || msgs[1].Truncated) {
				t.Errorf("the message behind it: %v", msgs[1:])
			}
		})
	}
	msgs, _ := read(t, mustOpen(t, write(t, filepath.Join(dir, "exact.eml"), note), mailbox.Options{Limit: int64(len(note))}))
	if len(msgs) != 1 || msgs[0].Truncated {
		t.Error("a message of exactly the limit is called truncated")
	}
}

// What came before gzip data ends early is handed out, marked, then the source ends with an error.
func TestCutGzip(t *testing.T) {
	var long strings.Builder
	long.WriteString(fromLine + note + "\n" + fromLine + "A: 1\n\n")
	for i := range 100_000 {
		fmt.Fprintln(&long, i*i*7919)
	}
	data := zipped(long.String())
	src := mustOpen(t, write(t, filepath.Join(t.TempDir(), "a.mbox.gz"), data[:len(data)/2]), mailbox.Options{})
	msgs, errs := read(t, src)
	if len(msgs) != 2 || string(msgs[0].Raw) != note || msgs[0].Truncated || !msgs[1].Truncated || len(msgs[1].Raw) < 100_000 {
		t.Errorf("%d messages", len(msgs))
	}
	if len(errs) != 1 || !strings.Contains(errs[0].Error(), "the gzip data ends early") {
		t.Errorf("errors %v", errs)
	}
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "b.eml"), note)
	write(t, filepath.Join(dir, "a", "2.eml.gz"), zipped(note))
	write(t, filepath.Join(dir, "a", "10.eml"), fromLine+note)
	write(t, filepath.Join(dir, "c.txt"), note)
	write(t, filepath.Join(dir, "d"), fromLine+note+"\n"+fromLine+note)
	write(t, filepath.Join(dir, "e.msg"), "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")
	write(t, filepath.Join(dir, "f.eml"), "")
	write(t, filepath.Join(dir, "README.md"), "# Mail\n")
	write(t, filepath.Join(dir, "conf.yaml"), "name: value\nother: value\n")
	write(t, filepath.Join(dir, "rows.tsv"), "file\tkind\n")
	write(t, filepath.Join(dir, ".hidden", "x.eml"), note)
	outside := write(t, filepath.Join(t.TempDir(), "secret.eml"), note)
	for name, target := range map[string]string{"z.eml": outside, "y.eml": "b.eml", "x": filepath.Dir(outside)} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	src := mustOpen(t, dir, mailbox.Options{})
	got := strings.Join(listing(t, src), "\n")
	msg := fmt.Sprintf("%q", note)
	second := fmt.Sprint(len(fromLine + note + "\n"))
	want := "a/10.eml=" + msg + "\na/2.eml.gz=" + msg + "\nb.eml=" + msg + "\nc.txt=" + msg + "\nd=" + msg + "\nd#" + second + "=" + msg +
		"\nerror " + dir + ": message e.msg: is an Outlook .msg file, not mail: convert it first: msgconvert FILE.msg (Debian: libemail-outlook-message-perl)" +
		"\nerror " + dir + ": message f.eml: the file is empty: nothing to read"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if n, first := src.(mailbox.Skipper).Skipped(); n != 7 || first != ".hidden" {
		t.Errorf("%d skipped, first %s", n, first)
	}
	if n, ok := src.(mailbox.Counter).Count(t.Context()); n != 10 || !ok {
		t.Errorf("counted %d", n)
	}
}

func TestMaildir(t *testing.T) {
	dir := t.TempDir()
	text := func(n int) string { return fmt.Sprintf("Subject: %d\n\n", n) }
	write(t, filepath.Join(dir, "tmp", "1700000009.x"), text(9))
	write(t, filepath.Join(dir, "new", "1700000003.M3.host"), text(3))
	write(t, filepath.Join(dir, "cur", "1700000001.M1.host:2,S"), text(1))
	write(t, filepath.Join(dir, "cur", "1700000002.M2.host,S=12:2,"), zipped(text(2)))
	write(t, filepath.Join(dir, "cur", "odd name"), text(4))
	write(t, filepath.Join(dir, "cur", "1700000005.empty:2,"), "")
	write(t, filepath.Join(dir, ".Junk", "cur", "1700000006.M6.host:2,S"), text(6))
	write(t, filepath.Join(dir, ".Junk", "new", ".hidden"), text(7))
	write(t, filepath.Join(dir, "dovecot-uidlist"), "3 V1\n")
	src := mustOpen(t, dir, mailbox.Options{})
	msgs, errs := read(t, src)
	var ids []string
	for _, m := range msgs {
		ids = append(ids, m.ID)
	}
	if want := "1700000001.M1.host 1700000002.M2.host,S=12 1700000003.M3.host odd name"; strings.Join(ids, " ") != want {
		t.Errorf("ids %q", ids)
	}
	for i, m := range msgs {
		if string(m.Raw) != text(i+1) {
			t.Errorf("%s is %q", m.ID, m.Raw)
		}
	}
	if !msgs[1].Received.Equal(time.Unix(1700000002, 0)) || !msgs[3].Received.IsZero() {
		t.Errorf("received %v, %v", msgs[1].Received, msgs[3].Received)
	}
	if len(errs) != 1 || !errors.Is(errs[0], mailbox.ErrEmpty) || !strings.Contains(errs[0].Error(), "message 1700000005.empty:") {
		t.Errorf("errors %v", errs)
	}
	if n, ok := src.(mailbox.Counter).Count(t.Context()); n != 5 || !ok {
		t.Errorf("counted %d", n)
	}
	msgs, _ = read(t, mustOpen(t, dir, mailbox.Options{All: true}))
	if len(msgs) != 5 || msgs[4].ID != ".Junk/1700000006.M6.host" {
		t.Errorf("with subfolders: %d messages", len(msgs))
	}
}

// While the Maildir is read, a mail program moves and flags messages and deletes one: only that one is missing, named.
func TestMaildirChanges(t *testing.T) {
	dir := t.TempDir()
	const n = 200
	name := func(i int) string { return fmt.Sprintf("17%08d.M1.host", i) }
	for i := range n {
		write(t, filepath.Join(dir, "new", name(i)), fmt.Sprintf("Subject: %d\n\n", i))
	}
	if err := os.Mkdir(filepath.Join(dir, "cur"), 0o755); err != nil {
		t.Fatal(err)
	}
	rename := func(i int, from, to string) {
		if err := os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)); err != nil {
			t.Fatal(err)
		}
	}
	got, seen := 0, 0
	for msg, err := range mustOpen(t, dir, mailbox.Options{}).Messages(t.Context()) {
		if seen++; seen == 1 {
			for i := range n {
				rename(i, "new/"+name(i), "cur/"+name(i)+":2,")
			}
			if err := os.Remove(filepath.Join(dir, "cur", name(120)+":2,")); err != nil {
				t.Fatal(err)
			}
		}
		if seen == 60 { // flags change again, after the first look for what was moved
			for i := 150; i < n; i++ {
				rename(i, "cur/"+name(i)+":2,", "cur/"+name(i)+":2,S")
			}
		}
		var failed *mailbox.ReadError
		switch {
		case err == nil:
			if string(msg.Raw) != fmt.Sprintf("Subject: %d\n\n", seen-1) {
				t.Errorf("message %d is %q", seen-1, msg.Raw)
			}
			got++
		case !errors.As(err, &failed) || failed.ID != name(120) || !strings.Contains(err.Error(), "went away during the scan"):
			t.Error(err)
		}
	}
	if got != n-1 || seen != n {
		t.Errorf("%d messages of %d", got, seen)
	}
}

func TestCancelled(t *testing.T) {
	dir := t.TempDir()
	box := strings.Repeat(fromLine+note+"\n", 10)
	for _, path := range []string{
		write(t, filepath.Join(dir, "box"), box),
		filepath.Dir(write(t, filepath.Join(dir, "folder", "a.eml"), note)),
		filepath.Dir(filepath.Dir(write(t, filepath.Join(dir, "maildir", "cur", "1"), note))),
	} {
		os.Mkdir(filepath.Join(path, "new"), 0o755)
		write(t, filepath.Join(dir, "folder", "b.eml"), note)
		write(t, filepath.Join(dir, "maildir", "cur", "2"), note)
		ctx, cancel := context.WithCancel(t.Context())
		n, last := 0, error(nil)
		for _, err := range mustOpen(t, path, mailbox.Options{}).Messages(ctx) {
			cancel()
			n, last = n+1, err
		}
		var failed *mailbox.ReadError
		if n != 2 || !errors.Is(last, context.Canceled) || !errors.As(last, &failed) || failed.ID != "" {
			t.Errorf("%s: %d, %v", path, n, last)
		}
		cancel()
	}
}

// The consumer may stop at any message.
func TestStop(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a"), fromLine+note+"\n"+fromLine+note)
	write(t, filepath.Join(dir, "b.eml"), note)
	for stop := range 4 {
		n := 0
		for range mustOpen(t, dir, mailbox.Options{}).Messages(t.Context()) {
			if n++; n > stop {
				break
			}
		}
		if want := min(stop+1, 3); n != want {
			t.Errorf("stopped after %d: saw %d", stop, n)
		}
	}
}
