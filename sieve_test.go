package ndrscan_test

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/filter"
	"ndrscan/internal/demo"
	"ndrscan/mailbox"
)

// TestFilterInSieve builds the filter of each flood that holds backscatter and runs it in Dovecot's own Sieve engine over
// every message. What the engine does is held against the flood's truth, not against our classes.
func TestFilterInSieve(t *testing.T) {
	engine := newSieve(t)
	for _, c := range []struct {
		name   string
		dir    string
		sent   bool
		percnt int // of the backscatter that must be put aside
	}{
		{name: "joe-job", sent: true, percnt: 95},
		{name: "joe-job", percnt: 95},
		{name: "mixed", sent: true, percnt: 95},
		{name: "mixed", percnt: 95},
		{name: "framed", sent: true, percnt: 95},
		{name: "mixed", dir: "harbour/", sent: true, percnt: 95},
		{name: "gateway", dir: "harbour/", sent: true, percnt: 95},
		{name: "copied-ids", dir: "harbour/", sent: true, percnt: 95},
	} {
		name := c.dir + c.name
		if !c.sent {
			name += " without Sent"
		}
		t.Run(name, func(t *testing.T) {
			base := "testdata/mbox/" + c.dir + c.name
			var sent []mailbox.Source
			if c.sent {
				sent = append(sent, open(t, base+".sent.mbox.gz"))
			}
			scan := labOptions(t)
			if c.dir != "" {
				scan = harbourOptions(t)
			}
			scan.Sent = sent
			rules, raws := buildFilter(t, open(t, base+".mbox.gz"), scan)
			script := engine.compile(t, rules)
			taken, forged := 0, 0
			for i, row := range readTable(t, base+".expect.tsv") {
				took := engine.takes(t, script, raws[i])
				switch mine := row["class"] == "forged"; {
				case took != rules.Match(raws[i]):
					t.Errorf("message %s: the engine takes it: %v; we say %v", row["n"], took, !took)
				case mine:
					forged++
					taken += map[bool]int{true: 1}[took]
				case took && !strings.Contains(row["class"], "forged"):
					t.Errorf("message %s (%s, %s %s) is put aside", row["n"], row["server"], row["kind"], row["class"])
				}
			}
			t.Logf("%d of %d put aside; %v", taken, forged, rules.Summary())
			if forged == 0 || 100*taken < c.percnt*forged {
				t.Errorf("%d of %d forged bounces are put aside, want %d %%", taken, forged, c.percnt)
			}
		})
	}
}

func labOptions(t *testing.T) ndrscan.Options {
	return ndrscan.Options{Own: []string{"example.com", "example.org"}, Resolver: zoneFile(t, "testdata/mbox/lab.zone"),
		Flags: map[string]string{"own": "example.com, example.org"}}
}

func harbourOptions(t *testing.T) ndrscan.Options {
	own := []string{"mx1.harbour-lights.example", "203.0.113.8/29", "2001:db8:77::/64", "harbour-lights.example", "lanternpost.example"}
	return ndrscan.Options{Own: own, OwnNet: []string{"203.0.113.130/32"}, Resolver: zoneFile(t, "testdata/mbox/harbour/harbour.zone"),
		Flags: map[string]string{"own": strings.Join(own, ", ")}}
}

// buildFilter scans a flood that fits into memory.
func buildFilter(t *testing.T, source mailbox.Source, opts ndrscan.Options) (rules *filter.Filter, raws [][]byte) {
	t.Helper()
	report, findings := scanAll(t, source, opts)
	for m, err := range source.Messages(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, m.Raw)
	}
	rules, err := filter.Build(report, mailOf(findings, raws))
	if err != nil {
		t.Fatal(err)
	}
	return rules, raws
}

func mailOf(findings []classify.Finding, raws [][]byte) filter.Mail {
	return func() iter.Seq2[filter.Message, error] {
		return func(yield func(filter.Message, error) bool) {
			for i, f := range findings {
				if !yield(filter.Message{Finding: f, Raw: raws[i]}, nil) {
					return
				}
			}
		}
	}
}

// sieveEngine is Pigeonhole's sieve-test, which says what a script would do to a message.
type sieveEngine struct{ dir string }

// newSieve needs Debian's dovecot-sieve; without it the test is skipped, under CI it fails.
func newSieve(t *testing.T) sieveEngine {
	t.Helper()
	if _, err := exec.LookPath("sieve-test"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("sieve-test is needed under CI: apt-get install dovecot-sieve")
		}
		t.Skip("sieve-test is not installed: apt-get install dovecot-sieve")
	}
	dir, err := os.MkdirTemp("", "sieve-") // not t.TempDir: nobody must get in
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return sieveEngine{dir}
}

// command runs a program of Pigeonhole's; they refuse to run as root.
func (e sieveEngine) command(t *testing.T, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "HOME="+e.dir, "USER=nobody")
	cmd.Dir = e.dir
	if os.Geteuid() == 0 {
		const nobody = 65534
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func (e sieveEngine) write(t *testing.T, name string, data []byte) string {
	t.Helper()
	file := filepath.Join(e.dir, name)
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// compile writes the script and its binary, and fails if the engine complains.
func (e sieveEngine) compile(t *testing.T, rules *filter.Filter) string {
	t.Helper()
	var text bytes.Buffer
	if err := rules.Text(&text, filter.Sieve, filter.Junk); err != nil {
		t.Fatal(err)
	}
	script := e.write(t, "script.sieve", text.Bytes())
	if out, err := e.command(t, "sievec", script); err != nil || strings.Contains(out, "error") {
		t.Fatalf("sievec: %v\n%s\n%s", err, out, text.Bytes())
	}
	return script
}

// takes tells whether the engine would file a message away.
func (e sieveEngine) takes(t *testing.T, script string, raw []byte) bool {
	t.Helper()
	out, err := e.command(t, "sieve-test", "-l", "maildir:"+filepath.Join(e.dir, "mail"), script, e.write(t, "message.eml", raw))
	if err != nil {
		t.Fatalf("sieve-test: %v\n%s", err, out)
	}
	took := strings.Contains(out, "store message in folder: Backscatter")
	if kept := strings.Contains(out, "Implicit keep:\n\n  (none)"); took != kept {
		t.Fatal(fmt.Errorf("the engine says neither keep nor file away:\n%s", out))
	}
	return took
}

// TestFilterQuotesInSieve: whatever stands in a mark, the engine looks for exactly that.
func TestFilterQuotesInSieve(t *testing.T) {
	engine := newSieve(t)
	marks := []string{`a"; discard; stop; #`, `"]) { discard; }`, `\"; keep; "`, `\\\ "`, `*/ redirect "x@y.test";`, `text: multi`, `${1} ${unicode:41}`, `a /* b */ c`, `.*?+[]{}()|^$`, `#comment`}
	rules := &filter.Filter{To: []string{`"x\" y"@example.com`, "joe@example.com"}, Ours: []string{`no"such\mark`}, Spam: marks}
	script := engine.compile(t, rules)
	for _, text := range append(slices.Clone(marks), "", "discard", "41") {
		raw := []byte("From: MAILER-DAEMON@site.test\nTo: joe@example.com\nSubject: failure notice\n\nBelow is a copy.\n\nSubject: " + text + " end\n")
		want := slices.Contains(marks, text)
		if got := engine.takes(t, script, raw); got != want || rules.Match(raw) != want {
			t.Errorf("%q: the engine takes it: %v, we: %v; want %v", text, got, rules.Match(raw), want)
		}
	}
}

// madeMail is a source of messages that were made in memory.
type madeMail []mailbox.Message

func (m madeMail) Name() string { return "memory" }

func (m madeMail) Messages(context.Context) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		for _, message := range m {
			if !yield(message, nil) {
				return
			}
		}
	}
}

// TestFilterOfDemo: the demo's floods, which other hands wrote, lose their backscatter and nothing else.
func TestFilterOfDemo(t *testing.T) {
	engine := newSieve(t)
	for _, kind := range []string{demo.JoeJob, demo.Mixed} {
		t.Run(kind, func(t *testing.T) {
			now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
			flood, err := demo.Generate(kind, 1, now)
			if err != nil {
				t.Fatal(err)
			}
			inbox, sent := inMemory(flood.Inbox), inMemory(flood.Sent)
			zone := filepath.Join(t.TempDir(), "zone")
			if err := os.WriteFile(zone, []byte(flood.Zone), 0o600); err != nil {
				t.Fatal(err)
			}
			rules, raws := buildFilter(t, inbox, ndrscan.Options{Own: flood.Own, Accounts: []string{flood.User}, Sent: []mailbox.Source{sent},
				Resolver: zoneFile(t, zone), Flags: map[string]string{"own": strings.Join(flood.Own, ", ")}, Now: func() time.Time { return now }})
			script, taken := engine.compile(t, rules), 0
			for i, raw := range raws {
				took := engine.takes(t, script, raw)
				if took != rules.Match(raw) {
					t.Errorf("message %d: the engine takes it: %v; we say %v", i, took, !took)
				}
				taken += map[bool]int{true: 1}[took]
			}
			t.Logf("%d taken, %d were forged; %v", taken, flood.Truth["forged"], rules.Summary())
			if r := rules.Replay; taken > flood.Truth["forged"] || 100*r.Caught < 95*flood.Truth["forged"] || r.Lost > 0 {
				t.Errorf("%d taken, replay %+v; %d were forged", taken, r, flood.Truth["forged"])
			}
		})
	}
}

func inMemory(list []demo.Message) madeMail {
	var m madeMail
	for i, message := range list {
		m = append(m, mailbox.Message{Source: "memory", ID: fmt.Sprint(i + 1), Received: message.Date, Raw: message.Raw, Size: int64(len(message.Raw))})
	}
	return m
}
