// Package ndrscan says whether a flood of bounces is a Joe-Job or a compromise.
//
// The life of a bounce: a mailbox.Source hands out one raw message. Package dsn reads it and brings the returned original
// back. Package trace finds who handed the report to us, and walks the original's Received lines to the address that
// handed the original to the reporting site. Package spf asks whether that address may send for the sender's domain;
// package proof looks for what a stranger can't make: a signature of ours, the message in our Sent mailbox. All that is a
// classify.Evidence. The flood counts it in its case and cell, and when everything is read, classify judges each case and
// the whole, and package report prints it.
//
// Scan is that pipeline. Sources are read one after the other; a bounded pool of workers takes messages from bytes to
// evidence; one goroutine counts them, in the order they were read, so that a run can be repeated to the byte. Clock and
// DNS are inputs.
package ndrscan

import (
	"context"
	"iter"
	"runtime"
	"time"

	"ndrscan/classify"
	"ndrscan/mailbox"
	"ndrscan/proof"
	"ndrscan/spf"
	"ndrscan/trace"
)

// Resolver is the DNS that a scan needs; a *resolve.Client has it.
type Resolver interface {
	spf.Resolver
	trace.Resolver
	proof.Resolver
}

// Options say how to scan. The zero value works: nothing named as ours but the accounts' own domains, no DNS.
type Options struct {
	Own, OwnNet  []string         // our servers; our client networks (METHOD 2)
	Accounts     []string         // addresses of mailboxes that are read, where known: their domains are ours
	Sent         []mailbox.Source // our Sent mailboxes; their header fields are indexed first
	MailLog      *proof.MailLog   // our servers' mail log; nil: none
	Keys         proof.Keys       // of our BATV and SRS tags
	Resolver     Resolver         // nil: no DNS
	DNS          string           // how the report names it
	NoPTR        bool             // no look-ups of reverse names
	Since, Until time.Time        // messages outside are passed over; zero: no bound
	Jobs         int              // workers; 0: four for each CPU, for most of them wait for DNS
	Now          func() time.Time // nil: time.Now
	Version      string
	Flags        map[string]string // how the run was called, for the report; no secrets
	Progress     func(Progress)    // told now and then, by one goroutine
	KeepFindings bool              // keep findings for Result.Findings, in a private temporary file
	NoNotes      bool              // leave out of findings and samples what only explains: claims below the border

	// Each is told of every message, in order, by one goroutine; the record has no class yet.
	Each func(mailbox.Message, *classify.Evidence, *classify.Record)

	Thresholds classify.Thresholds
	Without    []string // for tests: codes of rules, and defences, to switch off
}

// Progress is how far a scan is. Total is 0 where nobody knows.
type Progress struct {
	Read, Total int
	Source      string
}

// Result is what a scan found.
type Result struct {
	Report   *classify.Report
	Domains  []string // that count as ours
	flood    *classify.Flood
	findings *spool // nil: not kept
}

// Scan reads the sources and judges what they hold. What can't be read is left out, named in the report, and does not stop
// the run; an error is a mistake in the options, or the context's: then the Result holds what was read.
func Scan(ctx context.Context, sources []mailbox.Source, opts Options) (*Result, error) {
	run, err := newRun(ctx, sources, opts)
	if err != nil {
		return nil, err
	}
	flood := classify.NewFlood(classify.FloodOptions{Thresholds: opts.Thresholds, Without: withoutRules(opts.Without), Several: len(sources) > 1, Own: run.own.Domain})
	result := &Result{flood: flood}
	if opts.KeepFindings {
		if result.findings, err = newSpool(); err != nil {
			run.stop()
			return nil, err
		}
	}
	for judged := range inOrder(ctx, run.messages(ctx), run.jobs(), run.judged) {
		if judged.evidence == nil {
			continue // interrupted half-way
		}
		run.noteLost(judged.evidence)
		run.sampler.add(judged.evidence)
		record := flood.Add(judged.evidence)
		if opts.Each != nil {
			opts.Each(judged.message, judged.evidence, &record)
		}
		if err := result.findings.add(&record); err != nil {
			run.leave(classify.LeftOut{Source: "findings", Why: err.Error()})
		}
		run.tell()
	}
	result.Report, result.Domains = flood.Report(run.context(ctx)), run.own.Domains()
	return result, ctx.Err()
}

// Findings yields the finding of every message read, in order, with its class. Only with Options.KeepFindings.
func (r *Result) Findings() iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		for record, err := range r.findings.records() {
			if err == nil {
				r.flood.Judge(&record)
			}
			if !yield(record.Finding, err) {
				return
			}
		}
	}
}

// Close removes what was kept.
func (r *Result) Close() error { return r.findings.close() }

func (r *run) jobs() int {
	if r.opts.Jobs > 0 {
		return r.opts.Jobs
	}
	return 4 * runtime.NumCPU()
}
