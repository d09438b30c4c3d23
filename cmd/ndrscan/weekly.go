package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"time"

	"github.com/spf13/cobra"

	"ndrscan/internal/netinfo"
	"ndrscan/report"
	"ndrscan/store"
	"ndrscan/weekly"
)

// weeklyFlags are the flags of weekly.
type weeklyFlags struct {
	week, since string
	store       string
	files       []string
	format      string
	redacting
	mailTo   []string
	mailFrom string
	mailFile string
	sendmail string
	submitting
	ca, passwordCmd, config   string
	insecure, verbose, simple bool
}

// newWeekly compares a period with the one before, from the store alone: no mailbox, no DNS.
func (a *app) newWeekly() *cobra.Command {
	var f weeklyFlags
	cmd := &cobra.Command{
		Use:   "weekly",
		Short: "Compare the last week with the one before: what is gone, what is new, what to do",
		Long: `Makes a report of a period from the store, where ndrscan scan --store keeps what it finds: in one sentence what is gone, new
and to be done; then bounces by day, new and gone origin networks, accounts at risk, senders missing from SPF, what changed in
your policies, sites that bounce forged mail, and what could not be read. No mailbox and no DNS is asked.

The period is the last ISO week that is over (Monday to Sunday, UTC), or the one named. Made again, it is the same, byte for
byte. It comes in a quiet week too: that it doesn't come is the alarm. Where nothing was read, it says so, and the exit code
is 4, as where something could not be read.

--mail-to makes a mail of it (text and HTML), into a file, or on its way by sendmail or a submission server.`,
		Example: `  ndrscan weekly
  ndrscan weekly --week 2026-W47 -o week.html -o week.md
  ndrscan weekly --mail-to postmaster@example.com --sendmail /usr/sbin/sendmail
  ndrscan weekly --mail-to boss@example.com --smtp smtp://me@example.com@smtp.example.com --password-command 'pass mail'`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := applyConfig(f.config, cmd.Flags()); err != nil {
				return err
			}
			span, err := f.check(a.now())
			if err != nil {
				return err
			}
			if span.To.After(a.now()) {
				a.note("the week is not over: its report will change")
			}
			silent := len(f.mailTo) > 0 && !cmd.Flags().Changed("format")
			return a.weekly(cmd.Context(), &f, span, silent)
		},
	}
	f.addFlags(cmd)
	return cmd
}

func (f *weeklyFlags) addFlags(cmd *cobra.Command) {
	fl := cmd.Flags()
	fl.StringVar(&f.week, "week", "", "the ISO `WEEK`, such as 2026-W47 (default: the last one that is over)")
	fl.StringVar(&f.since, "since", "", "instead of a week, the whole days since then, without today: `WHEN` is a date in UTC (2026-11-01) or days (30d)")
	fl.StringVar(&f.store, "store", "", "the `FILE` that scan --store wrote (default: ndrscan/store.db in the folder for state, XDG_STATE_HOME)")
	fl.StringArrayVarP(&f.files, "output", "o", nil, "write `FILE`, too: .html (a page for a browser), .md (for a ticket) or .json (repeatable)")
	fl.StringVar(&f.format, "format", string(report.Table), "`FORMAT` of standard output: table, json or markdown; with --mail-to nothing, unless it is given")
	f.redacting.addFlags(fl)
	fl.StringSliceVar(&f.mailTo, "mail-to", nil, "make a mail to this `ADDRESS` (repeatable)")
	fl.StringVar(&f.mailFrom, "mail-from", "", "`ADDRESS` that it comes from (default: the user of --smtp, else the first --mail-to)")
	fl.StringVar(&f.mailFile, "mail-file", "", "write the mail into `FILE.eml`; - is standard output")
	fl.StringVar(&f.sendmail, "sendmail", "", "hand the mail to this `PROGRAM`, such as /usr/sbin/sendmail")
	f.submitting.addFlags(fl)
	fl.StringVar(&f.passwordCmd, "password-command", "", "`COMMAND` that prints the password, or the token, for --smtp")
	fl.StringVar(&f.ca, "ca", "", "trust the certificates in this PEM `FILE`")
	fl.BoolVar(&f.insecure, "insecure", false, "accept any certificate of --smtp")
	fl.StringVar(&f.config, "config", "", "TOML `FILE` with flags by their names; those given here win")
	fl.BoolVarP(&f.verbose, "verbose", "v", false, "show all rows")
	fl.BoolVar(&f.simple, "no-color", false, "no colours (NO_COLOR does the same)")
	completions(cmd, "format", report.WeeklyFormats)
}

// check reads what only makes sense in a certain form, and gives the period.
func (f *weeklyFlags) check(now time.Time) (weekly.Span, error) {
	var none weekly.Span
	if err := f.redacting.check(); err != nil {
		return none, err
	}
	if format, err := report.ParseFormat(f.format); err != nil || !report.HasWeekly(format) {
		return none, misused("--format %s: there are table, json and markdown", f.format)
	}
	for _, file := range f.files {
		if format, err := report.FormatOf(file); err != nil || !report.HasWeekly(format) {
			return none, misused("-o %s: the end of the name decides the format: .html, .md or .json", file)
		}
	}
	if err := f.checkMail(); err != nil {
		return none, err
	}
	return f.span(now)
}

func (f *weeklyFlags) checkMail() error {
	ways := 0
	for _, way := range []string{f.mailFile, f.sendmail, f.smtp} {
		if way != "" {
			ways++
		}
	}
	switch {
	case len(f.mailTo) == 0 && ways > 0:
		return misused("who is the mail for? name them with --mail-to")
	case len(f.mailTo) > 0 && ways != 1:
		return hint(misused("--mail-to needs one way to go"), "--mail-file FILE.eml, --sendmail /usr/sbin/sendmail, or --smtp smtp://USER@HOST")
	case len(f.mailTo) == 0:
		return nil
	}
	if err := f.submitting.check(); err != nil {
		return err
	}
	if f.mailFrom == "" {
		f.mailFrom = f.mailTo[0]
		if srv, _ := parseSMTP(f.smtp); f.smtp != "" && netinfo.IsMailAddress(srv.user) {
			f.mailFrom = srv.user
		}
	}
	for _, address := range append([]string{f.mailFrom}, f.mailTo...) {
		if !netinfo.IsMailAddress(address) {
			return misused("%q is no mail address", address)
		}
	}
	return nil
}

// span is the period that was asked for: days that are over, so that what it says of them stays.
func (f *weeklyFlags) span(now time.Time) (weekly.Span, error) {
	today := now.UTC().Truncate(24 * time.Hour)
	switch {
	case f.week != "" && f.since != "":
		return weekly.Span{}, misused("--week and --since exclude each other")
	case f.week != "":
		span, err := weekly.ParseWeek(f.week)
		if err != nil {
			return span, misused("--week: %w", err)
		}
		if span.From.After(now) {
			return span, misused("--week %s has not begun", f.week)
		}
		return span, nil
	case f.since != "":
		from, err := parseWhen("since", f.since, now, false)
		if err != nil {
			return weekly.Span{}, err
		}
		span := weekly.Span{From: from.UTC().Truncate(24 * time.Hour), To: today}
		if !span.From.Before(span.To) {
			return span, hint(misused("--since %s: no whole day has passed since then", f.since), "ndrscan scan shows what came today")
		}
		return span, nil
	}
	return weekly.LastWeek(now), nil
}

// weekly makes the report and brings it to where it was asked for.
func (a *app) weekly(ctx context.Context, f *weeklyFlags, span weekly.Span, silent bool) error {
	if err := checkFolders(f.files); err != nil {
		return err
	}
	hide, err := a.redactor(f.redacting)
	if err != nil {
		return err
	}
	in, done, err := a.weeklyInput(ctx, f, span, hide)
	if err != nil {
		return err
	}
	defer done()
	r, err := weekly.Build(in)
	if err != nil {
		return err
	}
	for _, file := range f.files {
		format, err := report.FormatOf(file)
		if err == nil {
			err = writeFile(file, func(w io.Writer) error { return report.WriteWeekly(w, format, r, report.Style{}) })
		}
		if err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	if err := a.mailWeekly(ctx, f, r); err != nil {
		return err
	}
	if !silent {
		style := a.style(f.verbose, f.simple)
		if err := toStdout(func() error { return report.WriteWeekly(a.stdout, report.Format(f.format), r, style) }); err != nil {
			return err
		}
	}
	if len(r.Unread) > 0 || r.Runs == 0 {
		return withCode(exitLeftOut, nil)
	}
	return nil
}

// mailWeekly writes the mail, or sends it.
func (a *app) mailWeekly(ctx context.Context, f *weeklyFlags, r *weekly.Report) error {
	if len(f.mailTo) == 0 {
		return nil
	}
	mail, err := report.MailWeekly(r, report.WeeklyMail{From: f.mailFrom, To: f.mailTo})
	if err != nil {
		return fmt.Errorf("making the mail: %w", err)
	}
	write := func(w io.Writer) error {
		_, err := w.Write(mail)
		return err
	}
	var m mailer = sendmail{f.sendmail, f.mailFrom}
	switch {
	case f.mailFile == "-":
		return toStdout(func() error { return write(a.stdout) })
	case f.mailFile != "":
		if err := writeFile(f.mailFile, write); err != nil {
			return fmt.Errorf("writing %s: %w", f.mailFile, err)
		}
		return nil
	case f.smtp != "":
		if m, err = f.newSubmission(f.mailFrom, f.ca, f.insecure, &passwords{app: a, command: f.passwordCmd}); err != nil {
			return err
		}
	}
	if err := m.Send(ctx, mail); err != nil {
		return fmt.Errorf("sending the report: %w", err)
	}
	return nil
}

// weeklyInput opens the store, if there is one: without one there is a report, too, and it says that nothing was read. People are
// hidden before anything is counted, so that no sentence can name them.
func (a *app) weeklyInput(ctx context.Context, f *weeklyFlags, span weekly.Span, hide *report.Redactor) (weekly.Input, func(), error) {
	in := weekly.Input{Tool: "ndrscan " + version(), Span: span, Findings: func(weekly.Span) iter.Seq2[weekly.Finding, error] {
		return func(func(weekly.Finding, error) bool) {}
	}}
	path := f.store
	if path == "" {
		var err error
		if path, err = defaultStore(); err != nil {
			return in, nil, err
		}
	}
	s, err := a.openStore(ctx, path, false)
	if errors.Is(err, fs.ErrNotExist) {
		a.note("there is no store yet, so nothing is known; begin one: ndrscan scan --store %s SOURCE", quote(path))
		return in, func() {}, nil
	}
	if err != nil {
		return in, nil, err
	}
	runs, err := s.Runs(ctx, span.Before().From, span.To.Add(weekly.Grace))
	if err != nil {
		s.Close()
		return in, nil, storeError(err)
	}
	letters, err := s.Letters(ctx, span.Before().From, span.To)
	if err != nil {
		s.Close()
		return in, nil, storeError(err)
	}
	for _, l := range letters {
		in.Letters = append(in.Letters, weekly.Letter{At: l.At, Site: l.Site, Sent: l.Sent})
	}
	for _, run := range runs {
		in.Runs = append(in.Runs, weekly.Run{At: run.At, Report: hide.Report(&run.Report)})
	}
	in.Findings = func(part weekly.Span) iter.Seq2[weekly.Finding, error] {
		return func(yield func(weekly.Finding, error) bool) {
			q := store.Query{From: part.From, To: part.To, Brief: part != span} // of the period before only sums are shown
			for found, err := range s.Findings(ctx, q) {
				if !yield(weekly.Finding{Finding: hide.Finding(found.Finding), Arrived: found.Arrived}, err) {
					return
				}
			}
		}
	}
	return in, func() { s.Close() }, nil
}
