package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/report"
)

// newScan is the main job: mail in, verdict out.
func (a *app) newScan() *cobra.Command {
	var r reading
	var w writing
	var e enriching
	cmd := &cobra.Command{
		Use:   "scan SOURCE...",
		Short: "Read mailboxes and say where the bounced mail came from",
		Long: `Reads every message of the sources, judges the bounces among them, and says what they prove together.

A SOURCE is imaps://USER@HOST[:PORT][/MAILBOX], imap://... (with STARTTLS), an mbox file, a Maildir, an .eml file, a folder
of them, or - for standard input. On a server nothing is changed, not even the flag "seen".
The password comes from --password-command, NDRSCAN_PASSWORD, the keyring (service "ndrscan", user USER@HOST), or a prompt.
` + exitHelp,
		Example: `  ndrscan scan imaps://you@mail.example.com
  ndrscan scan --own 192.0.2.1 --own mx.example.com --sent Sent.mbox -o report.json flood.mbox
  ndrscan scan --format jsonl --dns zone:zone.db Maildir | jq .class`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			j, err := a.newJob(cmd, &r, names)
			if err != nil {
				return err
			}
			if err := e.check(); err != nil {
				return err
			}
			j.enriching = e
			j.rerun = cmd.CommandPath() + " " + commandLine(cmd, names, anyFlag)
			j.steps = pastedFrom(cmd, names, w.files)
			return j.report(cmd.Context(), &w)
		},
	}
	r.addFlags(cmd.Flags())
	w.addFlags(cmd.Flags())
	e.addFlags(cmd)
	completions(cmd, "format", report.Formats())
	completions(cmd, "fail-on", verdicts)
	return cmd
}

// report runs the job, writes all that was asked for, and turns the outcome into an exit code.
func (j *job) report(ctx context.Context, w *writing) error {
	if err := w.check(); err != nil {
		return err
	}
	if err := checkFolders(w.allFiles()); err != nil {
		return err
	}
	if err := j.openMemory(ctx, &w.storing); err != nil { // before an hour's scan
		return err
	}
	if j.memory != nil {
		defer j.memory.Close()
	}
	if isRedacted(j.names) {
		return j.recount(ctx, w)
	}
	j.record, j.keep, j.redact = w.dnsRecord != "", w.holdFindings() || j.memory != nil, w.redact
	j.noNotes = w.format == string(report.Table) && len(w.files) == 0 && w.bundle == ""
	if err := j.startBundle(w); err != nil {
		return err
	}
	if j.bundle != nil {
		defer j.bundle.Discard()
	}
	result, err := j.run(ctx)
	if result == nil {
		return err
	}
	defer result.Close()
	if err := j.write(ctx, result, w); err != nil {
		return err
	}
	return verdictCode(ctx, result.Report, w)
}

// write redacts what was found, and writes it everywhere. A store that fails is told of when the report is out.
func (j *job) write(ctx context.Context, result *ndrscan.Result, w *writing) error {
	hide, err := j.redactor(w.redacting)
	if err != nil {
		return err
	}
	c := redactContent(content(result, j.keep), hide)
	if err := j.finishBundle(ctx, result, c); err != nil {
		return err
	}
	err = j.writeContent(c, w)
	if j.memory == nil {
		return err
	}
	if failed := j.remember(ctx, c, hide); err == nil {
		err = failed
	} else if failed != nil {
		j.note("%v", failed)
	}
	return err
}

// writeContent fills the files first: whoever reads standard output may go away.
func (j *job) writeContent(c report.Content, w *writing) error {
	if err := w.writeFiles(c); err != nil {
		return err
	}
	if w.dnsRecord != "" {
		if err := writeFile(w.dnsRecord, j.dns.WriteZone); err != nil {
			return fmt.Errorf("writing %s: %w", w.dnsRecord, err)
		}
	}
	if j.quiet && len(w.files) > 0 && w.format == string(report.Table) {
		return nil
	}
	return toStdout(func() error { return report.Write(j.stdout, report.Format(w.format), c, j.style()) })
}

// verdictCode is the exit code of a run that has written its report.
func verdictCode(ctx context.Context, r *classify.Report, w *writing) error {
	switch {
	case ctx.Err() != nil:
		return withCode(exitInterrupted, errors.New("interrupted: the report covers what was read until then"))
	case w.hits(r.Verdict):
		return withCode(exitFailOn, nil)
	case len(r.LeftOut) > 0:
		return withCode(exitLeftOut, nil)
	}
	return nil
}
