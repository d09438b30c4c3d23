package main

import (
	"time"

	"github.com/schollz/progressbar/v3"

	"ndrscan"
)

// bar shows on standard error how far a scan is; only where that is a terminal and nobody asked for quiet.
type bar struct {
	*app
	shown bool
	bar   *progressbar.ProgressBar
	total int
}

func (j *job) newBar() *bar {
	_, terminal := terminalFD(j.stderr)
	return &bar{app: j.app, shown: terminal && !j.quiet}
}

// update is what the scan calls; nil if nothing is to be shown.
func (b *bar) update() func(ndrscan.Progress) {
	if !b.shown {
		return nil
	}
	return func(p ndrscan.Progress) {
		if b.bar == nil {
			b.total = -1 // unknown: a spinner
			b.bar = progressbar.NewOptions(-1, progressbar.OptionSetWriter(b.stderr), progressbar.OptionSetDescription("reading"),
				progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("messages"),
				progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(), progressbar.OptionSetWidth(24))
		}
		if p.Total > 0 && p.Total != b.total {
			b.total = p.Total
			b.bar.ChangeMax(p.Total)
		}
		// A count that was too low must not end the bar, nor be an error.
		if b.total > 0 && p.Read > b.total {
			b.total = p.Read
			b.bar.ChangeMax(p.Read)
		}
		b.bar.Set(p.Read)
	}
}

// finish takes the bar away before the report is printed.
func (b *bar) finish() {
	if b.bar != nil {
		b.bar.Clear()
		b.bar.Exit()
	}
}
