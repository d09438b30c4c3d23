package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ndrscan"
	"ndrscan/bundle"
	"ndrscan/classify"
	"ndrscan/mailbox"
	"ndrscan/proof"
	"ndrscan/report"
	"ndrscan/resolve"
)

// This file writes evidence bundles (scan --bundle) and reads them (scan BUNDLE.zip).

// bundling is a bundle under way.
type bundling struct {
	*bundle.Writer
	ids map[string]bool // queue and message ids of the bounces kept, to be found in the mail log; nil: there is none
}

// keep takes a message, and notes the ids that the log may name.
func (b *bundling) keep(m mailbox.Message, e *classify.Evidence, r *classify.Record) {
	if kept := b.Keep(m, e, r); !kept || b.ids == nil || r.Finding.Kind != "bounce" {
		return
	}
	ids := []string{e.Origin.QueueID, strings.Trim(e.Bounce.Original.MessageID, "<>")}
	if e.Log != nil {
		ids = append(ids, e.Log.QueueID)
	}
	for _, id := range ids {
		if id != "" {
			b.ids[id] = true
		}
	}
}

// readable are the formats of the report inside a bundle.
var readable = []struct {
	name   string
	format report.Format
}{
	{bundle.ReportFile, report.JSON}, {bundle.FindingsFile, report.JSONL}, {"report.txt", report.Table}, {"report.md", report.Markdown},
	{"report.html", report.Page}, {"origins.csv", report.CSV},
}

// startBundle begins a bundle, if one was asked for. Of a redacted one the mail stays out.
func (j *job) startBundle(w *writing) error {
	if w.bundle == "" {
		return nil
	}
	j.record, j.keep = true, true
	out, err := bundle.Create(w.bundle)
	if err != nil {
		return err
	}
	j.bundle = &bundling{Writer: out}
	if len(j.mailLogs) > 0 {
		j.bundle.ids = map[string]bool{}
	}
	return nil
}

// collects tells that the mail itself goes into a bundle.
func (j *job) collects() bool { return j.bundle != nil && j.redact == string(report.RedactNone) }

// sentSources are the Sent mailboxes; a bundle keeps what is read from them.
func (j *job) sentSources(all *opened) []mailbox.Source {
	if !j.collects() {
		return all.sent
	}
	var list []mailbox.Source
	for _, source := range all.sent {
		list = append(list, j.bundle.Sent(source))
	}
	return list
}

// finishBundle adds what is known at the end. A redacted bundle holds neither mail, nor DNS, nor log: they name people.
func (j *job) finishBundle(ctx context.Context, result *ndrscan.Result, c report.Content) error {
	b := j.bundle
	if b == nil {
		return nil
	}
	for _, f := range readable {
		if err := b.Add(f.name, func(w io.Writer) error { return report.Write(w, f.format, c, report.Style{}) }); err != nil {
			return err
		}
	}
	if j.collects() {
		if err := b.Add(bundle.ZoneFile, j.dns.WriteZone); err != nil {
			return err
		}
		if err := j.bundleLogs(ctx); err != nil {
			return err
		}
	}
	manifest := bundle.Manifest{Tool: c.Report.Tool, Generated: c.Report.Generated, Redact: j.redact}
	if j.collects() {
		manifest.Run = bundle.Run{Own: j.own, OwnNet: j.ownNet, Accounts: j.accounts, Domains: result.Domains, DNS: j.reading.dns, NoPTR: j.noPTR,
			Sent: result.Report.Run.Sent != "", MailLog: j.mailLog != nil, TagKeys: len(j.tagKeys.BATV)+len(j.tagKeys.SRS) > 0}
	}
	return b.Close(manifest)
}

// maxLogBytes bounds what of a mail log a bundle takes.
const maxLogBytes = 64 << 20

// logFile names the nth log in a bundle.
func logFile(n int) string { return fmt.Sprintf("maillog/%d.log", n+1) }

// bundleLogs takes of each mail log the lines that name a message of the flood; the first and the last line show what the log
// covers.
func (j *job) bundleLogs(ctx context.Context) error {
	for n, path := range j.mailLogs {
		ids, err := j.widened(ctx, path)
		if err != nil {
			return err
		}
		err = j.bundle.Add(logFile(n), func(w io.Writer) error { return j.copyLog(ctx, w, path, ids) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (j *job) copyLog(ctx context.Context, w io.Writer, path string, ids map[string]bool) error {
	var last []byte
	size, first := 0, true
	write := func(line []byte) error {
		size += len(line) + 1
		_, err := w.Write(append(line, '\n'))
		return err
	}
	for line, err := range proof.EachLogLine(ctx, path) {
		if err != nil {
			return err
		}
		last = append(last[:0], line...)
		if !first && (!namesOne(line, ids) || size > maxLogBytes) {
			continue
		}
		first = false
		if err := write(last); err != nil {
			return err
		}
		last = last[:0]
	}
	if size > maxLogBytes {
		j.note("%s: the bundle takes the first %d MB of the lines about this flood", path, maxLogBytes>>20)
	}
	if len(last) == 0 {
		return nil
	}
	return write(last)
}

// widened are the ids of the flood and those that log lines about them name: a message has another queue id behind a
// content filter.
func (j *job) widened(ctx context.Context, path string) (map[string]bool, error) {
	ids := maps.Clone(j.bundle.ids)
	for line, err := range proof.EachLogLine(ctx, path) {
		if err != nil {
			return nil, err
		}
		if !namesOne(line, j.bundle.ids) {
			continue
		}
		for _, mark := range []string{"]: ", "queued as "} {
			if _, rest, found := bytes.Cut(line, []byte(mark)); found {
				if words := bytes.FieldsFunc(rest, notInID); len(words) > 0 && len(words[0]) >= 6 {
					ids[string(words[0])] = true
				}
			}
		}
	}
	return ids, nil
}

func notInID(r rune) bool { return strings.ContainsRune(" \t,;:()<>[]\"'=", r) }

func namesOne(line []byte, ids map[string]bool) bool {
	return slices.ContainsFunc(bytes.FieldsFunc(line, notInID), func(word []byte) bool { return ids[string(word)] })
}

// openBundle makes a job of a bundle: its mail, its DNS, its clock, and what it says of the run, unless flags say otherwise.
func (j *job) openBundle(ctx context.Context, b *bundle.Bundle) (*opened, error) {
	run := b.Manifest.Run
	if _, given := j.flags["own"]; !given {
		j.own = run.Own
	}
	if _, given := j.flags["own-net"]; !given {
		j.ownNet = run.OwnNet
	}
	if run.TagKeys && len(j.tagKeys.BATV)+len(j.tagKeys.SRS) == 0 {
		j.note("the run had keys of BATV or SRS tags, which are no part of a bundle: give --batv-key or --srs-key, or tags count as unverified")
	}
	j.noPTR = j.noPTR || run.NoPTR
	j.app = &app{stdin: j.stdin, stdout: j.stdout, stderr: j.stderr, now: func() time.Time { return b.Manifest.Generated }}
	if err := j.bundledDNS(b); err != nil {
		return nil, err
	}
	if err := j.bundledLogs(ctx, b); err != nil {
		return nil, err
	}
	all := &opened{sources: []mailbox.Source{b.Mail()}, names: []string{b.Mail().Name()}, accounts: run.Accounts}
	for _, domain := range run.Domains {
		all.accounts = append(all.accounts, "postmaster@"+domain)
	}
	if j.sent == "" && run.Sent {
		all.sent = []mailbox.Source{b.Sent()}
		return all, nil
	}
	o := opener{app: j.app, flags: &j.reading}
	return all, o.openSent(ctx, all)
}

// bundledDNS answers from the bundle, for the policy of that day is what counts. Without --dns nobody else is asked: whoever
// made the bundle chose the names.
func (j *job) bundledDNS(b *bundle.Bundle) error {
	if _, given := j.flags["dns"]; given {
		return j.openDNS(j.reading.dns)
	}
	if !b.Has(bundle.ZoneFile) {
		return fmt.Errorf("%s holds no DNS answers: name a resolver with --dns", j.names[0])
	}
	in, err := b.File(bundle.ZoneFile)
	if err != nil {
		return err
	}
	defer in.Close()
	zone, err := resolve.ParseZone(in, bundle.ZoneFile)
	if err != nil {
		return err
	}
	j.dns = resolve.FromZone(zone, resolve.Options{Record: j.record, Now: j.now})
	j.reading.dns = "as recorded in the bundle"
	return nil
}

// bundledLogs reads the logs of the bundle. They are unpacked under names of ours, for as long as they are read.
func (j *job) bundledLogs(ctx context.Context, b *bundle.Bundle) (err error) {
	if len(j.mailLogs) > 0 || !b.Has(logFile(0)) {
		return j.openRecords(ctx)
	}
	dir, err := os.MkdirTemp("", "ndrscan-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for n := 0; b.Has(logFile(n)); n++ {
		path := filepath.Join(dir, fmt.Sprintf("%d.log", n+1))
		if err := unpack(b, logFile(n), path); err != nil {
			return err
		}
		j.mailLogs = append(j.mailLogs, path)
	}
	err = j.openRecords(ctx)
	j.mailLogs = nil
	return err
}

func unpack(b *bundle.Bundle, name, path string) error {
	in, err := b.File(name)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(out, io.LimitReader(in, 2*maxLogBytes))
	if err == nil && n == 2*maxLogBytes {
		err = fmt.Errorf("%s in the bundle is larger than any that is written", name)
	}
	return errors.Join(err, out.Close())
}

// runBundle judges a bundle's mail again.
func (j *job) runBundle(ctx context.Context) (*ndrscan.Result, error) {
	b, err := bundle.Open(j.names[0])
	if err != nil {
		return nil, err
	}
	defer b.Close()
	if !b.Raw() {
		return nil, fmt.Errorf("%s: this bundle was redacted: it holds findings, not the mail; ndrscan scan and ndrscan show read it, other commands need the mail", j.names[0])
	}
	all, err := j.openBundle(ctx, b)
	if err != nil {
		return nil, err
	}
	defer all.close()
	return j.judge(ctx, all)
}

// isRedacted tells a bundle that holds findings only.
func isRedacted(names []string) bool {
	if len(names) != 1 || !bundle.Named(names[0]) {
		return false
	}
	b, err := bundle.Open(names[0])
	if err != nil {
		return false // whoever opens it says why
	}
	defer b.Close()
	return !b.Raw()
}

// recount judges a redacted bundle from its findings, and writes the report.
func (j *job) recount(ctx context.Context, w *writing) error {
	path := j.names[0]
	saved, err := report.OpenSaved(path)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	defer saved.Close()
	if err := unchanged(saved, path, true); err != nil {
		return err
	}
	c, err := saved.Recounted()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if !j.quiet {
		j.note("%s was redacted: it is judged by its findings, for the mail is not in it", path)
	}
	if err := j.writeContent(c, w); err != nil {
		return err
	}
	return verdictCode(ctx, c.Report, w)
}
