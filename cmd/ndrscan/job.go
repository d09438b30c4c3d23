package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ndrscan"
	"ndrscan/bundle"
	"ndrscan/classify"
	"ndrscan/mailbox"
	"ndrscan/proof"
	"ndrscan/report"
	"ndrscan/resolve"
	"ndrscan/store"
)

// job is one scan from the names on the command line to its result; scan, explain and demo run it alike.
type job struct {
	*app
	reading
	enriching
	names   []string  // sources
	record  bool      // keep DNS answers
	keep    bool      // keep findings
	noNotes bool      // nothing is written that shows a message line by line
	raw     *rawSpool // keeps what is read; nil: not
	flags   map[string]string
	rerun   string // the command line, to be completed with what would confirm the assumptions
	steps   pasted // what completes the next steps

	bundle   *bundling // nil: none is written
	redact   string
	accounts []string // addresses of the mailboxes that are read

	all     *opened       // what run read; nil: a bundle
	memory  *store.Store  // nil: no --store
	forget  time.Duration // how old what the store keeps may be; 0: any age
	dns     *resolve.Client
	mailLog *proof.MailLog // nil: none
	tagKeys proof.Keys
}

// newJob reads the flags that a command has been given, and those of its configuration file.
func (a *app) newJob(cmd *cobra.Command, flags *reading, names []string) (*job, error) {
	if err := applyConfig(flags.config, cmd.Flags()); err != nil {
		return nil, err
	}
	if err := flags.check(a.now()); err != nil {
		return nil, err
	}
	return &job{app: a, reading: *flags, names: names, flags: given(cmd.Flags())}, nil
}

// run opens the sources and judges what they hold. An interrupted run returns what was read and the context's error. The
// caller closes the result.
func (j *job) run(ctx context.Context) (*ndrscan.Result, error) {
	if slices.ContainsFunc(j.names, bundle.Named) {
		if len(j.names) > 1 {
			return nil, misused("a bundle (.zip) is read by itself: it brings its own clock and DNS")
		}
		return j.runBundle(ctx)
	}
	if err := j.openDNS(j.reading.dns); err != nil {
		return nil, err
	}
	if err := j.openRecords(ctx); err != nil {
		return nil, err
	}
	keys := &passwords{app: j.app, command: j.passwordCmd, stdinBusy: j.sent == "-" || slices.Contains(j.names, "-")}
	o := opener{app: j.app, flags: &j.reading, passwords: keys}
	all, err := o.open(ctx, j.names)
	if err != nil {
		return nil, err
	}
	j.all = all
	defer all.close()
	if all.window != "" {
		j.flags["since"] = all.window
	}
	return j.judge(ctx, all)
}

func (j *job) openDNS(spec string) (err error) {
	j.dns, err = resolve.Open(spec, resolve.Options{Timeout: j.dnsTimeout, Record: j.record, Now: j.now})
	if err != nil {
		return fmt.Errorf("--dns %s: %w", spec, err)
	}
	return nil
}

// judge scans what was opened, and adds to the report what was not.
func (j *job) judge(ctx context.Context, all *opened) (*ndrscan.Result, error) {
	result, err := j.scan(ctx, all)
	if result == nil {
		return nil, err
	}
	j.complete(result.Report, all)
	j.enrichReport(ctx, result.Report)
	if err == nil {
		err = nothingRead(result.Report, all.sources)
	}
	if err != nil && ctx.Err() == nil {
		result.Close()
		return nil, err
	}
	return result, err
}

// whole is for commands that can't use half a result: an interrupted run is only its error.
func whole(result *ndrscan.Result, err error) (*ndrscan.Result, error) {
	if err != nil && result != nil {
		result.Close()
		result = nil
	}
	return result, err
}

func (j *job) scan(ctx context.Context, all *opened) (*ndrscan.Result, error) {
	bar := j.newBar()
	defer bar.finish()
	opts := ndrscan.Options{
		Own: j.own, OwnNet: j.ownNet, Accounts: all.accounts,
		Sent: j.sentSources(all), MailLog: j.mailLog, Keys: j.tagKeys, Resolver: j.dns, DNS: j.reading.dns, NoPTR: j.noPTR,
		Since: j.from, Until: j.to, Jobs: j.jobs, Now: j.now,
		Version: version(), Flags: j.flags, Progress: bar.update(), KeepFindings: j.keep, NoNotes: j.noNotes,
	}
	sources := all.sources
	if j.raw != nil {
		sources = j.raw.wrap(sources)
	}
	if j.accounts = all.accounts; j.collects() {
		opts.Each = j.bundle.keep
	}
	return ndrscan.Scan(ctx, sources, opts)
}

// complete adds to the report what the pipeline can't know: the command line, and what never became a source.
func (j *job) complete(r *classify.Report, all *opened) {
	r.Sources = all.names
	if failed := all.leftOut(); len(failed) > 0 {
		r.LeftOut = append(failed, r.LeftOut...)
		r.Complete = false
	}
	if r.Run.Rerun != "" && j.rerun != "" {
		r.Run.Rerun = j.rerun + " " + strings.TrimSpace(r.Run.Rerun)
	}
	j.steps.complete(r)
	if j.mailLog != nil && j.mailLog.LeftOut() > 0 {
		r.LeftOut = append(r.LeftOut, classify.LeftOut{Source: strings.Join(j.mailLogs, ", "), Count: j.mailLog.LeftOut(),
			Why: "the mail log holds more messages than are kept: the first were dropped; give a log of the flood's days only"})
		r.Complete = false
	}
	for _, s := range all.sources {
		if skipper, ok := s.(mailbox.Skipper); ok && !j.quiet {
			if n, first := skipper.Skipped(); n > 0 {
				j.note("%s: passed over %d files that are no mail, the first is %s", s.Name(), n, first)
			}
		}
	}
}

// nothingRead is the error of a run whose every source failed: there is nothing to judge, so it is no report.
func nothingRead(r *classify.Report, sources []mailbox.Source) error {
	if r.Read > 0 {
		return nil
	}
	var failed []string
	for _, s := range sources {
		i := slices.IndexFunc(r.LeftOut, func(l classify.LeftOut) bool { return l.Source == s.Name() && l.ID == "" })
		if i < 0 {
			return nil
		}
		failed = append(failed, r.LeftOut[i].Source+": "+r.LeftOut[i].Why)
	}
	return errors.New(strings.Join(failed, "; "))
}

// style is how reports look on standard output.
func (j *job) style() report.Style { return j.app.style(j.verbose, j.noColor) }
