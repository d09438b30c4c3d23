package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/rogpeppe/go-internal/testscript"

	"ndrscan/internal/dnstest"
	"ndrscan/internal/imaptest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ndrscan": main, "twelveweeks": twelveWeeks})
}

// TestScript runs the commands as they are typed. Each script finds
//
//	$IMAP, $IMAP_CA       an IMAP server on loopback, user joe, password s3cret: mailboxes INBOX, Junk, Sent, Archive
//	$DNS, $DNS_DEAD       name servers: one with the zone below, one that never answers
//	forged.eml            a bounce of mail that 203.0.113.71 sent as joe@example.com
//	genuine.eml           a bounce of mail that joe sent through 192.0.2.2
//	plain.eml, sent.eml   ordinary mail to joe, and joe's copy of what genuine.eml answers
//	utf16.mbox, cr.mbox, crlf.mbox, outlook.msg: forged.eml as other programs save it
//	zone                  the zone of all this, for --dns zone:zone
//
// and a command, twelveweeks FILE, that makes a store (weekly_test.go).
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:   "testdata/script",
		Setup: setup,
		Cmds:  map[string]func(*testscript.TestScript, bool, []string){"code": cmdCode},
	})
}

func setup(env *testscript.Env) error {
	t := env.T().(testing.TB)
	samples, err := os.ReadDir(filepath.Join("testdata", "mail"))
	if err != nil {
		return err
	}
	mail := map[string][]byte{}
	for _, entry := range samples {
		raw, err := os.ReadFile(filepath.Join("testdata", "mail", entry.Name()))
		if err != nil {
			return err
		}
		mail[entry.Name()] = bytes.ReplaceAll(raw, []byte("\n"), []byte("\r\n"))
		if err := os.WriteFile(filepath.Join(env.WorkDir, entry.Name()), raw, 0o600); err != nil {
			return err
		}
	}
	if err := oddFiles(env.WorkDir, mail); err != nil {
		return err
	}
	date := time.Now().Add(-24 * time.Hour)
	box := imaptest.Serve(t, "joe", "s3cret", map[string][]imaptest.Message{
		"INBOX":   imaptest.Messages(date, mail["forged.eml"], mail["genuine.eml"], mail["plain.eml"]),
		"Junk":    imaptest.Messages(date, mail["forged.eml"]),
		"Sent":    imaptest.Messages(date, mail["sent.eml"]),
		"Archive": imaptest.Messages(date.AddDate(-1, 0, 0), mail["forged.eml"]),
	}, imaptest.Options{})
	dead, alive := dnstest.Serve(t, string(mail["zone"])), dnstest.Serve(t, string(mail["zone"]))
	for _, name := range []string{"example.com", "71.113.0.203.in-addr.arpa"} {
		dead.Fault(name, dnstest.Timeout)
	}
	floods, err := filepath.Abs("../../testdata/mbox")
	if err != nil {
		return err
	}
	env.Setenv("FLOODS", floods)
	env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, ".state"))
	env.Setenv("IMAP", "imaps://joe@"+box.Addr)
	env.Setenv("IMAP_CA", box.CAFile)
	env.Setenv("IMAP_PORT", box.Addr[strings.LastIndexByte(box.Addr, ':')+1:])
	env.Setenv("DNS", alive.Addr)
	env.Setenv("DNS_DEAD", dead.Addr)
	env.Setenv("DBUS_SESSION_BUS_ADDRESS", "")
	return nil
}

// oddFiles writes what a script can't hold as text.
func oddFiles(dir string, mail map[string][]byte) error {
	mbox := "From MAILER-DAEMON Mon Nov 23 10:00:00 2026\r\n" + string(mail["forged.eml"])
	var wide []byte
	for _, unit := range utf16.Encode([]rune("\ufeff" + mbox)) {
		wide = binary.LittleEndian.AppendUint16(wide, unit)
	}
	for name, data := range map[string][]byte{
		"utf16.mbox":  wide,
		"crlf.mbox":   []byte(mbox),
		"cr.mbox":     []byte(strings.ReplaceAll(mbox, "\r\n", "\r")),
		"outlook.msg": append([]byte("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), make([]byte, 2048)...), // a compound file, MS-CFB section 2.2
	} {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// cmdCode runs a command and wants a certain exit code: code 4 ndrscan scan ...
func cmdCode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N command [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func TestParseWhen(t *testing.T) {
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		text string
		end  bool
		want string // "" for an error
	}{
		{"2026-11-01", false, "2026-11-01T00:00:00Z"},
		{"2026-11-01", true, "2026-11-02T00:00:00Z"},
		{"2026-11-01T08:30:00+02:00", true, "2026-11-01T06:30:00Z"},
		{"7d", false, "2026-11-17T12:00:00Z"},
		{"12h", true, "2026-11-24T00:00:00Z"},
		{"d", false, ""},
		{"-7d", false, ""},
		{"7w", false, ""},
		{"99999d", false, ""},
		{"2026-13-01", false, ""},
		{"yesterday", false, ""},
	} {
		got, err := parseWhen("since", tc.text, now, tc.end)
		if text := got.UTC().Format(time.RFC3339); err == nil && text != tc.want || (err == nil) != (tc.want != "") {
			t.Errorf("%q: %s, %v", tc.text, text, err)
		}
		if err != nil && exitCode(err) != exitUsage {
			t.Errorf("%q: exit code %d", tc.text, exitCode(err))
		}
	}
}

func TestQuote(t *testing.T) {
	for word, want := range map[string]string{
		"imaps://joe@mail.example.com/INBOX": "imaps://joe@mail.example.com/INBOX",
		"":                                   "''",
		"my mail":                            "'my mail'",
		"it's $HOME":                         `'it'\''s $HOME'`,
		"*":                                  "'*'",
	} {
		if got := quote(word); got != want {
			t.Errorf("quote(%q) = %s, want %s", word, got, want)
		}
	}
}

// A password in an address is refused and never printed, however odd it is.
func TestPasswordInAddress(t *testing.T) {
	for address, refused := range map[string]bool{
		"imaps://joe@mail.example.com":                    false,
		"imaps://joe@mail.example.com:993/INBOX":          false,
		"imaps://joe@mail.example.com:993/odd@name":       false,
		"imaps://joe@example.com@mail.example.com:993":    false,
		"imaps://joe:s3cret@mail.example.com":             true,
		"imaps://joe:s3cr/et@mail.example.com/INBOX":      true,
		"imaps://joe@example.com:s3cret@mail.example.com": true,
		"imaps://joe:s3@cret@mail.example.com":            true,
		"pop3://joe:s3cret@mail.example.com":              true,
		"IMAPS://joe:s3cret@mail.example.com":             true,
		"imaps://:s3cret@mail.example.com":                true,
		"imaps://joe:s3cret%zz@mail.example.com":          true,
	} {
		_, rest, _ := strings.Cut(address, "://")
		if got := hasPassword(rest); got != refused {
			t.Errorf("hasPassword(%q) = %v", address, got)
		}
		if !refused {
			continue
		}
		for _, args := range [][]string{{"scan", address}, {address}, {"scan", "--sent", address, address}, {"explain", address, "1"}} {
			var stdout, stderr bytes.Buffer
			if code := run(args, strings.NewReader(""), &stdout, &stderr); code != exitUsage {
				t.Errorf("%q: exit code %d", args, code)
			}
			if all := stdout.String() + stderr.String(); strings.Contains(all, "s3cr") || strings.Contains(all, "cret@") {
				t.Errorf("%q prints the password: %s", args, all)
			}
		}
	}
}

func TestExitCode(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want int
	}{
		{errors.New("x"), exitFailed},
		{misused("x"), exitUsage},
		{fmt.Errorf("y: %w", misused("x")), exitUsage},
		{hint(misused("x"), "h"), exitUsage},
		{withCode(exitFailOn, nil), exitFailOn},
	} {
		if got := exitCode(tc.err); got != tc.want {
			t.Errorf("%v: %d, want %d", tc.err, got, tc.want)
		}
	}
}

// Errors are one line, whatever stands in them, and an outcome that the report has told is silent.
func TestComplain(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{errors.New("a\nb\x1b[2J"), "ndrscan: a\\nb\\x1b[2J\n"},
		{hint(errors.New("a"), "try b"), "ndrscan: a\n  try b\n"},
		{withCode(exitLeftOut, nil), ""},
		{errors.New(`parse "imaps://joe:pw@host": odd`), "ndrscan: parse \"imaps://joe:***@host\": odd\n"},
	} {
		var b bytes.Buffer
		(&app{stderr: &b}).complain(tc.err)
		if b.String() != tc.want {
			t.Errorf("%q, want %q", b.String(), tc.want)
		}
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out.json")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	boom := errors.New("boom")
	fail := func(w io.Writer) error { w.Write([]byte("half")); return boom }
	if err := writeFile(path, fail); !errors.Is(err, boom) {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "old" {
		t.Errorf("a failed write left %q", got)
	}
	if err := writeFile(path, func(w io.Writer) error { _, err := w.Write([]byte("new")); return err }); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(path); string(got) != "new" {
		t.Errorf("got %q", got)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
}

func TestTypedPasswordsAreMasked(t *testing.T) {
	tests := []struct{ text, want string }{
		{"imaps://joe:s3cret@mail.example/x: no route", "imaps://joe:***@mail.example/x: no route"},
		{"imaps:/joe:s3cret@mail.example: no such file", "imaps:/joe:***@mail.example: no such file"},
		{"joe:s3cret@mail.example: no such file", "joe:***@mail.example: no such file"},
		{"imaps://joe%3As3cret@mail.example: refused", "imaps://joe:***@mail.example: refused"},
		{`parse "imaps://joe:s3/cr@et@mail.example"`, `parse "imaps://joe:***@mail.example"`},
		{"imaps://joe@mail.example/x: refused: ask postmaster@mail.example", "imaps://joe@mail.example/x: refused: ask postmaster@mail.example"},
	}
	for _, tt := range tests {
		if got := safe(tt.text); got != tt.want {
			t.Errorf("safe(%q) = %q, want %q", tt.text, got, tt.want)
		}
	}
}
