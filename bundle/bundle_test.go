package bundle

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ndrscan/classify"
	"ndrscan/mailbox"
)

var (
	received = time.Date(2026, 11, 24, 8, 0, 0, 0, time.UTC)
	bounced  = mailbox.Message{Source: "flood.mbox", ID: "17", Received: received, Raw: []byte("From: MAILER-DAEMON@site.test\r\n\r\nnobody here\r\n")}
	sent     = mailbox.Message{Source: "Sent", ID: "1", Raw: []byte("Received: from desk\n\tby us\nSubject: secret\nTo: a@b.test\n\nsecret body\n")}
)

func bounceRecord(campaign int32) *classify.Record {
	return &classify.Record{Campaign: campaign, Finding: classify.Finding{Kind: "bounce", Reporter: &classify.Reporter{Witness: "site.test"},
		Origin: &classify.Origin{IP: "203.0.113.7"}}}
}

// write makes a bundle of the messages above.
func write(t *testing.T, manifest Manifest) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "evidence.zip")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	w.Keep(bounced, &classify.Evidence{}, bounceRecord(1))
	for _, err := range w.Sent(list{sent}).Messages(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Add(ReportFile, func(out io.Writer) error { _, err := io.WriteString(out, "{}\n"); return err }); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(manifest); err != nil {
		t.Fatal(err)
	}
	return path
}

// list is a source of a few messages.
type list []mailbox.Message

func (l list) Name() string { return "list" }

func (l list) Messages(context.Context) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		for _, m := range l {
			if !yield(m, nil) {
				return
			}
		}
	}
}

func read(t *testing.T, s mailbox.Source) (messages []mailbox.Message, failed []error) {
	t.Helper()
	for m, err := range s.Messages(context.Background()) {
		if err != nil {
			failed = append(failed, err)
			continue
		}
		messages = append(messages, m)
	}
	return messages, failed
}

func TestRoundTrip(t *testing.T) {
	path := write(t, Manifest{Redact: "none", Generated: received, Run: Run{Own: []string{"example.com"}}})
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want a file of mode 0600", info.Mode(), err)
	}
	b, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	mail, failed := read(t, b.Mail())
	if len(failed) > 0 || len(mail) != 1 || string(mail[0].Raw) != string(bounced.Raw) || mail[0].ID != "17" ||
		mail[0].Source != "flood.mbox" || !mail[0].Received.Equal(received) {
		t.Errorf("mail %+v, errors %v", mail, failed)
	}
	own, failed := read(t, b.Sent())
	if want := "Received: from desk\n\tby us\nTo: a@b.test\n\n"; len(failed) > 0 || len(own) != 1 || string(own[0].Raw) != want {
		t.Errorf("sent %+v, errors %v; want the fields that are evidence, and nothing else", own, failed)
	}
	if m := b.Manifest; m.Kept != (Kept{Bounces: 1, OfBounces: 1, Sent: 1, OfSent: 1}) || m.Run.Own[0] != "example.com" {
		t.Errorf("manifest %+v", m)
	}
}

// TestLargeFlood holds that a flood beyond the bounds is sampled by cell, and that mail through our own servers stays whole.
func TestLargeFlood(t *testing.T) {
	w, err := Create(filepath.Join(t.TempDir(), "b.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Discard()
	for range wholeBounces + 100 {
		w.Keep(bounced, &classify.Evidence{}, bounceRecord(1))
	}
	rare, ours := bounceRecord(2), bounceRecord(1)
	ours.Habit = "alice"
	w.Keep(bounced, &classify.Evidence{}, rare)
	w.Keep(bounced, &classify.Evidence{}, ours)
	if w.made.Kept.OfBounces != wholeBounces+102 || w.made.Kept.Bounces != wholeBounces+2 {
		t.Errorf("kept %d of %d; want the first %d, the one of another campaign and the one through our server", w.made.Kept.Bounces,
			w.made.Kept.OfBounces, wholeBounces)
	}
}

// TestHostileBundles holds that a bundle which was tampered with is refused, by name.
func TestHostileBundles(t *testing.T) {
	good := write(t, Manifest{Redact: "none"})
	tests := []struct {
		name   string
		change func(name, content string) []string // pairs of name and content
		want   string
	}{
		{"no manifest", func(n, c string) []string { return keepBut(n, c, n == ManifestFile) }, "there is no manifest.json"},
		{"a later form", func(n, c string) []string { return []string{n, strings.ReplaceAll(c, Schema, "ndrscan.bundle/2")} }, "use a newer ndrscan"},
		{"twice", func(n, c string) []string { return []string{n, c, n, c} }, "a file twice"},
		{"another message", func(n, c string) []string { return []string{n, strings.ReplaceAll(c, "nobody here", "nobody there")} }, "it was changed"},
		{"another index", func(n, c string) []string { return []string{n, strings.ReplaceAll(c, `"id":"17"`, `"id":"18"`)} }, "it was changed"},
		{"no message", func(n, c string) []string { return keepBut(n, c, strings.HasPrefix(n, folder)) }, "there is no messages/"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if text := problems(t, rewrite(t, good, tt.change)); !strings.Contains(text, tt.want) {
				t.Errorf("%q, want %q", text, tt.want)
			}
		})
	}
	if text := problems(t, good); text != "" {
		t.Errorf("the good one: %s", text)
	}
}

func keepBut(name, content string, drop bool) []string {
	if drop {
		return nil
	}
	return []string{name, content}
}

// rewrite copies a bundle with changed files.
func rewrite(t *testing.T, path string, change func(name, content string) []string) string {
	t.Helper()
	in, err := zip.OpenReader(path)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "changed.zip"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	w := zip.NewWriter(out)
	for _, f := range in.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		files := change(f.Name, string(content))
		for i := 0; i < len(files); i += 2 {
			entry, err := w.Create(files[i])
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.WriteString(entry, files[i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

// problems reads a bundle whole and gives all errors.
func problems(t *testing.T, path string) string {
	t.Helper()
	b, err := Open(path)
	if err != nil {
		return err.Error()
	}
	defer b.Close()
	var all []error
	for _, s := range []mailbox.Source{b.Mail(), b.Sent()} {
		_, failed := read(t, s)
		all = append(all, failed...)
	}
	if err := errors.Join(all...); err != nil {
		return err.Error()
	}
	return ""
}
