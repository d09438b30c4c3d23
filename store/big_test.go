package store

import (
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestMillion goes through the life of many findings, a few thousand unless NDRSCAN_BIG names another number. It measures what
// docs/store.md says: NDRSCAN_BIG=1000000 go test ./store -run TestMillion -v
func TestMillion(t *testing.T) {
	n, err := strconv.Atoi(os.Getenv("NDRSCAN_BIG"))
	if err != nil {
		n = 2000
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
	half := start.Add(time.Duration(n) * time.Minute / 2)
	for _, tt := range []struct {
		q    Query
		want int
	}{{Query{Brief: true}, n}, {Query{}, n}, {Query{From: half, Brief: true}, n - n/2}} {
		q, count := tt.q, 0
		for _, err := range s.Findings(t.Context(), q) {
			if err != nil {
				t.Fatal(err)
			}
			count++
		}
		if count != tt.want {
			t.Errorf("%+v: %d findings, want %d", q, count, tt.want)
		}
		step(map[bool]string{true: "brief ", false: "whole "}[q.Brief] + strconv.Itoa(count))
	}
	if got := save(t, s, run, some(0, n)); got.New != 0 || got.Again != n {
		t.Errorf("the same again: %+v", got)
	}
	step("again")
	if _, err := s.Forget(t.Context(), "karen7@maplewood.example", false); err != nil {
		t.Fatal(err)
	}
	step("forget")
	run.Keep = time.Duration(n) * time.Minute / 2
	if got := save(t, s, run, some(0, 0)); got.Pruned < n/2-1 || got.Pruned > n/2+1 {
		t.Errorf("half of them are too old: %+v", got)
	}
	step("prune half")
}

// mostMemory is the largest resident size of this process so far, where the system tells (proc_pid_status(5), VmHWM).
func mostMemory() string {
	status, _ := os.ReadFile("/proc/self/status")
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSpace(line)
}
