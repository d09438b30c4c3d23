package store

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Letters come back by time, those of other periods don't, and go with the age that is kept.
func TestLetters(t *testing.T) {
	s := reopen(t, filepath.Join(t.TempDir(), "store.db"))
	at := func(days int) time.Time { return start.AddDate(0, 0, days) }
	letters := []Letter{{at(1), false, "203.0.113.0/24", 77, true}, {at(1), true, "maplewood.example", 9, false}, {at(9), true, "maplewood.example", 3, true}}
	if err := s.AddLetters(t.Context(), letters); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ from, to, first, n int }{{0, 20, 0, 3}, {1, 2, 0, 2}, {2, 9, 0, 0}, {9, 10, 2, 1}} {
		got, err := s.Letters(t.Context(), at(tc.from), at(tc.to))
		if err != nil || !slices.Equal(got, letters[tc.first:tc.first+tc.n]) {
			t.Errorf("days %d to %d: %+v, %v", tc.from, tc.to, got, err)
		}
	}
	run := runAt(10 * day)
	run.Keep = 5 * day
	save(t, s, run, some(0, 1))
	if got, err := s.Letters(t.Context(), at(0), at(20)); err != nil || !slices.Equal(got, letters[2:]) {
		t.Errorf("after five days: %+v, %v", got, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.AddLetters(ctx, letters); err == nil {
		t.Error("written without a context")
	}
}
