package store

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMillion measures what docs/store.md says: NDRSCAN_BIG=1000000 go test ./store -run TestMillion -v
func TestMillion(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("NDRSCAN_BIG"))
	if err != nil {
		t.Skip("set NDRSCAN_BIG to the number of findings to measure with")
	}
	s := begin(t)
	began := time.Now()
	step := func(what string) {
		info, _ := os.Stat(s.Path())
		t.Logf("%-14s %6.1f s, %s of memory at most so far, file %4d MB", what, time.Since(began).Seconds(), mostMemory(), info.Size()>>20)
		began = time.Now()
	}
	run := runAt(time.Duration(n+1) * time.Minute)
	save(t, s, run, some(0, n))
	step("new")
	for _, q := range []Query{{Brief: true}, {}, {From: start.Add(time.Duration(n) * time.Minute / 2), Brief: true}} {
		count := 0
		for _, err := range s.Findings(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			count++
		}
		step(map[bool]string{true: "brief ", false: "whole "}[q.Brief] + strconv.Itoa(count))
	}
	save(t, s, run, some(0, n))
	step("again")
	if _, err := s.Forget(t.Context(), "karen7@maplewood.example", false); err != nil {
		t.Fatal(err)
	}
	step("forget")
	run.Keep = time.Duration(n) * time.Minute / 2
	save(t, s, run, some(0, 0))
	step("prune half")
}

// mostMemory is the largest resident size of this process so far, where the system tells (proc_pid_status(5), VmHWM).
func mostMemory() string {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
