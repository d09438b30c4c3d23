package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"ndrscan/classify"
	"ndrscan/store"
)

// floodOf writes the floods of testdata/mbox into one mbox, so many times over.
func floodOf(t *testing.T, times int, names ...string) string {
	t.Helper()
	var flood bytes.Buffer
	for _, name := range names {
		file, err := os.Open(filepath.Join("..", "..", "testdata", "mbox", name+".mbox.gz"))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		in, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&flood, in); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(t.TempDir(), strings.Join(names, "-")+".mbox")
	if err := os.WriteFile(path, bytes.Repeat(flood.Bytes(), times), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// scanning is a process that scans a flood into a store. The test program is ndrscan if it is called so (TestMain).
func scanning(t *testing.T, flood, path string, more ...string) *exec.Cmd {
	t.Helper()
	args := []string{"scan", "--own", "example.com", "--dns", "zone:" + filepath.Join("..", "..", "testdata", "mbox", "lab.zone"), "--store", path, "-q"}
	return exec.Command("ndrscan", append(append(args, more...), flood)...)
}

// scanned runs a scan to its end and gives its report, without what only the clock knows.
func scanned(t *testing.T, flood, path string) string {
	t.Helper()
	cmd := scanning(t, flood, path, "--format", "json")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	var r classify.Report
	if err := json.Unmarshal(out, &r); err != nil {
		t.Fatal(err)
	}
	r.Generated, r.Run.Flags = time.Time{}, nil
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(text), path, "STORE") // in the commands to run next
}

// inStore opens a store that nobody uses any more, checks every page of it, and counts its findings by class and its runs.
func inStore(t *testing.T, path string) (classes map[classify.Class]int, runs int) {
	t.Helper()
	s, err := store.Open(t.Context(), path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	classes = map[classify.Class]int{}
	for f, err := range s.Findings(t.Context(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		classes[f.Class]++
	}
	list, err := s.Runs(t.Context(), time.Time{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return classes, len(list)
}

// A scan is killed at random moments. After each the store is whole: it holds this run or it doesn't. The run that is let
// be gives the report, and the findings, of one that nobody disturbed.
func TestKilled(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no SIGKILL")
	}
	moments := 12
	if os.Getenv("CI") == "true" {
		moments = 100
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))

	timed := func(times int) (flood, undisturbed, report string, lasts time.Duration) {
		flood, undisturbed = floodOf(t, times, "joe-job", "mixed"), filepath.Join(t.TempDir(), "undisturbed.db")
		began := time.Now()
		report = scanned(t, flood, undisturbed)
		return flood, undisturbed, report, time.Since(began)
	}
	_, _, _, lasts := timed(1)
	flood, undisturbed, want, lasts := timed(int(min(max(time.Second/lasts, 1), 6))) // a second or so, race detector or not
	wantClasses, _ := inStore(t, undisturbed)

	path := filepath.Join(t.TempDir(), "killed.db")
	outcomes := map[string]int{}
	saved := 0
	for i := range moments {
		after := time.Duration(r.Int64N(int64(lasts + lasts/5)))
		if i%2 == 1 { // every other one while it writes, at the end
			after = lasts/2 + after/2
		}
		cmd := scanning(t, flood, path)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(after)
		cmd.Process.Kill()
		cmd.Wait()
		if !exists(path) {
			outcomes["before there was a file"]++
			continue
		}
		half := exists(path + "-journal")
		classes, runs := inStore(t, path)
		if runs < saved || runs > saved+1 || runs > 0 && !maps.Equal(classes, wantClasses) || runs == 0 && len(classes) > 0 {
			t.Fatalf("killed after %v (seed %d): %d runs after %d, classes %v, want %v", after, seed, runs, saved, classes, wantClasses)
		}
		switch {
		case half:
			outcomes["while it wrote"]++
		case runs > saved:
			outcomes["after the run was saved"]++
		default:
			outcomes["before it wrote"]++
		}
		saved = runs
	}
	t.Logf("a scan lasts %v; killed %v", lasts, outcomes)
	if got := scanned(t, flood, path); got != want {
		t.Errorf("the report is another one (seed %d): %s", seed, firstDifference(want, got))
	}
	if classes, runs := inStore(t, path); !maps.Equal(classes, wantClasses) || runs != saved+1 {
		t.Errorf("%d runs after %d, classes %v, want %v", runs, saved, classes, wantClasses)
	}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func firstDifference(want, got string) string {
	a, b := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return a[i] + "\nis\n" + b[i]
		}
	}
	return "one is longer"
}

// Scans that run at the same time, of different floods and of the same, lose nothing.
func TestScansTogether(t *testing.T) {
	one, other := floodOf(t, 4, "joe-job"), floodOf(t, 4, "compromise", "misconfigured")
	want := map[classify.Class]int{}
	for _, flood := range []string{one, other} {
		alone := filepath.Join(t.TempDir(), "alone.db")
		scanned(t, flood, alone)
		classes, _ := inStore(t, alone)
		for class, n := range classes {
			want[class] += n
		}
	}
	path := filepath.Join(t.TempDir(), "together.db")
	var running []*exec.Cmd
	for _, flood := range []string{one, other, one, other} {
		cmd := scanning(t, flood, path)
		cmd.Stderr = &bytes.Buffer{}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, cmd)
	}
	for _, cmd := range running {
		if err := cmd.Wait(); err != nil {
			t.Errorf("%v: %s", err, cmd.Stderr)
		}
	}
	if got, runs := inStore(t, path); !maps.Equal(got, want) || runs != 4 {
		t.Errorf("%d runs, classes %v, want %v", runs, got, want)
	}
}

// The key of a source is the same however it is called.
func TestSourceKey(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"-":                                      "-",
		"flood.mbox":                             filepath.Join(here, "flood.mbox"),
		"x/../flood.mbox":                        filepath.Join(here, "flood.mbox"),
		"imaps://joe@Mail.Example":               "imaps://joe@mail.example",
		"imaps://joe@mail.example:993/INBOX":     "imaps://joe@mail.example",
		"imaps://joe@mail.example/Junk/2026":     "imaps://joe@mail.example",
		"imaps://joe@mail.example:1993/":         "imaps://joe@mail.example:1993",
		"imap://joe@mail.example:143":            "imap://joe@mail.example",
		"imaps://joe%40example.com@mail.example": "imaps://joe@example.com@mail.example",
		"imaps://joe@example.com@mail.example":   "imaps://joe@example.com@mail.example",
		"imaps://joe@[2001:db8::1]:1993/INBOX":   "imaps://joe@[2001:db8::1]:1993",
	} {
		if got := sourceKey(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}
