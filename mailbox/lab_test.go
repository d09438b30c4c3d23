package mailbox_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"ndrscan/mailbox"
)

// shared returns a folder of the data that lives beside the repository, or skips; under CI its absence fails.
func shared(t *testing.T, path ...string) string {
	t.Helper()
	dir := filepath.Join(append([]string{"..", "..", "shared"}, path...)...)
	if _, err := os.Stat(dir); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is needed under CI: %v", dir, err)
		}
		t.Skipf("%s is not there: put the shared data beside the repository", dir)
	}
	return dir
}

// read returns all messages and errors of a source.
func read(t *testing.T, src mailbox.Source) (msgs []mailbox.Message, errs []error) {
	t.Helper()
	for msg, err := range src.Messages(t.Context()) {
		if err != nil {
			errs = append(errs, err)
			continue
		}
		msgs = append(msgs, msg)
	}
	return msgs, errs
}

func mustOpen(t *testing.T, path string, opts mailbox.Options) mailbox.Source {
	t.Helper()
	src, err := mailbox.Open(path, opts)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// The mbox and the folder of each flood hold the same messages, byte for byte and in the same order.
func TestLabMboxIsLabFolder(t *testing.T) {
	for _, flood := range []string{"A", "B", "C", "D", "E"} {
		t.Run(flood, func(t *testing.T) {
			dir := shared(t, "corpus", "lab", flood)
			files, errs := read(t, mustOpen(t, filepath.Join(dir, "eml"), mailbox.Options{}))
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			box, errs := read(t, mustOpen(t, filepath.Join(dir, "mailbox.mbox"), mailbox.Options{}))
			if len(errs) > 0 {
				t.Fatal(errs)
			}
			if len(box) != len(files) || len(box) < 100 {
				t.Fatalf("%d messages in the mbox, %d in the folder", len(box), len(files))
			}
			for i := range box {
				if !bytes.Equal(box[i].Raw, files[i].Raw) {
					t.Errorf("%s: message %s of the mbox differs", files[i].ID, box[i].ID)
				}
				if box[i].Received.IsZero() || box[i].Truncated || box[i].Size != int64(len(box[i].Raw)) {
					t.Errorf("%s: received %v, truncated %v, size %d", files[i].ID, box[i].Received, box[i].Truncated, box[i].Size)
				}
			}
		})
	}
}

// Every message of the field samples is handed out, whatever its line ends and its first line.
func TestFieldFolderLosesNothing(t *testing.T) {
	dir := shared(t, "corpus", "field")
	src := mustOpen(t, dir, mailbox.Options{})
	msgs, errs := read(t, src)
	if len(errs) > 0 {
		t.Error(errs)
	}
	seen := map[string]bool{}
	for _, m := range msgs {
		if seen[m.ID] {
			t.Errorf("id %s twice", m.ID)
		}
		seen[m.ID] = true
	}
	truth, err := os.ReadFile(filepath.Join(dir, "truth.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(truth) {
		name, _, _ := bytes.Cut(line, []byte("\t"))
		if string(name) != "file" && !seen[string(name)] {
			t.Errorf("%s is lost", name)
		}
	}
	n, first := src.(mailbox.Skipper).Skipped()
	t.Logf("%d messages, %d other files (first %s)", len(msgs), n, first)
}
