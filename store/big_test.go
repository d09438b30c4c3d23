package store

import (
	"os"
	"runtime"
	"strconv"
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
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		info, _ := os.Stat(s.Path())
		t.Logf("%-14s %6.1f s, %4d MB taken from the system, file %4d MB", what, time.Since(began).Seconds(), m.Sys>>20, info.Size()>>20)
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
