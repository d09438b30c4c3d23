//go:build unix

package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"ndrscan/classify"
)

// Where the store can grow no more, the report is written, the store is as it was, and the error says what to do. A limit on
// the size of files stands for the full disk, which package store tests by itself.
func TestStoreOnFullDisk(t *testing.T) {
	disk := t.TempDir()
	path := filepath.Join(disk, "findings.db")
	scanned(t, floodOf(t, 1, "framed"), path)
	before, runs := inStore(t, path)
	cmd := scanning(t, floodOf(t, 1, "joe-job"), path, "--format", "json")
	cmd = exec.Command("sh", append([]string{"-c", `ulimit -f 2048 && exec "$0" "$@"`}, cmd.Args...)...) // blocks of 512 bytes
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != exitFailed {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	for _, words := range []string{"store " + path, "saving the run", "the store is as it was before"} {
		if !strings.Contains(stderr.String(), words) {
			t.Errorf("%q is not in %s", words, stderr.String())
		}
	}
	var r classify.Report
	if err := json.Unmarshal(out, &r); err != nil || r.Read != 212 {
		t.Errorf("%d messages in the report, %v", r.Read, err)
	}
	if after, again := inStore(t, path); !maps.Equal(before, after) || again != runs {
		t.Errorf("%d runs, classes %v; before %d, %v", again, after, runs, before)
	}
	if entries, err := os.ReadDir(disk); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
}
