package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ndrscan/bundle"
	"ndrscan/classify"
	"ndrscan/report"
	"ndrscan/trace"
)

// reading are the flags of every command that reads mail. Their names are frozen.
type reading struct {
	own, ownNet  []string
	sent         string
	mailboxes    []string
	all          bool
	since, until string
	dns          string
	dnsTimeout   time.Duration
	noPTR        bool
	ca           string
	insecure     bool
	jobs         int
	passwordCmd  string
	config       string
	verbose      bool
	quiet        bool
	noColor      bool

	from, to time.Time // since and until, read by check

	records
}

func (r *reading) addFlags(f *pflag.FlagSet) {
	f.StringArrayVar(&r.own, "own", nil, "a `SERVER` of yours: host, address, CIDR, domain, tenant:ID, or @FILE.json that ndrscan own wrote (repeatable)")
	f.StringArrayVar(&r.ownNet, "own-net", nil, "a client `NETWORK` of yours, such as an office: CIDR or address (repeatable)")
	f.StringVar(&r.sent, "sent", "", "your sent mail: `MAILBOX` or path (default over IMAP: the one marked as Sent)")
	r.records.addFlags(f)
	f.StringArrayVar(&r.mailboxes, "mailbox", nil, "mailboxes to read over IMAP: `GLOB` with * and ? (default: the one in the address, else INBOX and Junk; repeatable)")
	f.BoolVar(&r.all, "all", false, "read every mailbox, and of a Maildir its subfolders; over IMAP mail of any age unless --since is given")
	f.StringVar(&r.since, "since", "", "only mail since then: `WHEN` is a date in UTC (2026-11-01), days (7d) or hours (12h) (default: 30d over IMAP, all of a file)")
	f.StringVar(&r.until, "until", "", "only mail until then: `WHEN` as for --since; a date counts to its end")
	f.StringVar(&r.dns, "dns", "system", "`SERVER` to ask: system, HOST[:PORT] or zone:FILE")
	f.DurationVar(&r.dnsTimeout, "dns-timeout", 5*time.Second, "how long one DNS query may take: `TIME` such as 5s")
	f.BoolVar(&r.noPTR, "no-ptr", false, "look up no reverse names")
	f.StringVar(&r.ca, "ca", "", "trust the certificates in this PEM `FILE`")
	f.BoolVar(&r.insecure, "insecure", false, "accept any certificate, and imap:// without TLS")
	f.IntVar(&r.jobs, "jobs", 0, "`NUMBER` of messages judged at the same time (default: by the number of CPUs)")
	f.StringVar(&r.passwordCmd, "password-command", "", "`COMMAND` that prints the IMAP password")
	f.StringVar(&r.config, "config", "", "TOML `FILE` with flags by their names; those given here win")
	f.BoolVarP(&r.verbose, "verbose", "v", false, "show all rows and reason codes, and what is retried")
	f.BoolVarP(&r.quiet, "quiet", "q", false, "no progress and no remarks; with -o no report on the terminal")
	f.BoolVar(&r.noColor, "no-color", false, "no colours (NO_COLOR does the same)")
}

// check reads the values that only make sense in a certain form.
func (r *reading) check(now time.Time) error {
	var err error
	if r.from, err = parseWhen("since", r.since, now, false); err != nil {
		return err
	}
	if r.to, err = parseWhen("until", r.until, now, true); err != nil {
		return err
	}
	switch {
	case !r.to.IsZero() && !r.from.IsZero() && !r.from.Before(r.to):
		return misused("--since %s is not before --until %s", r.since, r.until)
	case r.jobs < 0:
		return misused("--jobs %d: give a number above 0", r.jobs)
	case r.dnsTimeout <= 0:
		return misused("--dns-timeout %s: give a time above 0", r.dnsTimeout)
	case r.all && len(r.mailboxes) > 0:
		return misused("--all and --mailbox exclude each other")
	}
	if err := r.expandOwn(); err != nil {
		return err
	}
	if _, err := trace.NewOwn(r.own, r.ownNet, nil); err != nil {
		return withCode(exitUsage, err)
	}
	return nil
}

// writing are the flags of the commands that write reports.
type writing struct {
	files     []string
	format    string
	failOn    []string
	dnsRecord string
	bundle    string
	redacting
	storing
}

// allFiles are the files that a run writes.
func (w *writing) allFiles() []string {
	files := w.files[:len(w.files):len(w.files)]
	for _, file := range []string{w.dnsRecord, w.bundle} {
		if file != "" {
			files = append(files, file)
		}
	}
	return files
}

func (w *writing) addFlags(f *pflag.FlagSet) {
	w.addFormat(f)
	f.StringSliceVar(&w.failOn, "fail-on", nil, "exit with 3 on one of these `VERDICTS`, separated by commas")
	f.StringVar(&w.dnsRecord, "dns-record", "", "write every DNS answer to `FILE`, for --dns zone:FILE")
	f.StringVar(&w.bundle, "bundle", "", "write an evidence bundle: `FILE.zip` with the report, the bounces and DNS answers that it rests on; ndrscan scan FILE.zip judges it again")
	w.redacting.addFlags(f)
	w.storing.addFlags(f)
}

// addFormat adds the flags of every command that writes a report: where, and in which format.
func (w *writing) addFormat(f *pflag.FlagSet) {
	f.StringArrayVarP(&w.files, "output", "o", nil, "write `FILE`, too; the end of its name decides what it holds: "+report.FileEndings()+" (repeatable)")
	f.StringVar(&w.format, "format", string(report.Table), "`FORMAT` of standard output: "+report.FormatNames())
}

func (w *writing) check() error {
	if err := w.redacting.check(); err != nil {
		return err
	}
	if w.bundle != "" && !bundle.Named(w.bundle) {
		return misused("--bundle %s: the name of a bundle ends in .zip", w.bundle)
	}
	if _, err := report.ParseFormat(w.format); err != nil {
		return withCode(exitUsage, fmt.Errorf("--format: %w", err))
	}
	for _, file := range w.files {
		if _, err := report.FormatOf(file); err != nil {
			return withCode(exitUsage, fmt.Errorf("-o: %w", err))
		}
	}
	for _, name := range w.failOn {
		if !slices.Contains(verdicts, classify.Judgement(name)) {
			return misused("--fail-on %s: there is no such verdict; there are %s", name, joined(verdicts))
		}
	}
	return w.storing.check()
}

// verdicts are those that --fail-on knows.
var verdicts = []classify.Judgement{classify.JoeJob, classify.Compromise, classify.Both, classify.CompromiseSuspected,
	classify.MisconfiguredSender, classify.OwnBackscatterFlood, classify.OrdinaryBounces, classify.Inconclusive, classify.NoBounces}

// hits says whether a verdict is one of those asked for. "both" is a joe-job and a compromise.
func (w *writing) hits(v classify.Verdict) bool {
	holds := append([]classify.Judgement{v.Verdict}, v.Also...)
	if v.Verdict == classify.Both {
		holds = append(holds, classify.JoeJob, classify.Compromise)
	}
	return slices.ContainsFunc(w.failOn, func(name string) bool { return slices.Contains(holds, classify.Judgement(name)) })
}

// completions offers the values that a flag knows.
func completions[T ~string](cmd *cobra.Command, flag string, values []T) {
	var list []string
	for _, v := range values {
		list = append(list, string(v))
	}
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(list, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // the flag doesn't exist: a mistake in the program
	}
}

// misused is an error of the user's: exit code 2.
func misused(format string, args ...any) error {
	return withCode(exitUsage, fmt.Errorf(format, args...))
}

func joined[T ~string](list []T) string {
	var parts []string
	for _, v := range list {
		parts = append(parts, string(v))
	}
	return strings.Join(parts, ", ")
}

var errWhen = errors.New("write a date (2026-11-01), a time (2026-11-01T08:00:00Z), days (7d) or hours (12h)")

// parseWhen reads a point in time: a date in UTC, RFC 3339, or how long ago. A date as an end means the end of that day.
func parseWhen(flag, text string, now time.Time, end bool) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if day, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			day = day.AddDate(0, 0, 1)
		}
		return day, nil
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	age, ok := parseAge(text)
	if !ok {
		return time.Time{}, misused("--%s %q: %w", flag, text, errWhen)
	}
	return now.Add(-age), nil
}

// parseAge reads days (7d) or hours (12h).
func parseAge(text string) (age time.Duration, ok bool) {
	if text == "" {
		return 0, false
	}
	unit := map[byte]time.Duration{'d': 24 * time.Hour, 'h': time.Hour}[text[len(text)-1]]
	n, err := strconv.ParseUint(text[:len(text)-1], 10, 16)
	return time.Duration(n) * unit, unit != 0 && err == nil
}

// given lists the flags that were set, for the report. The password command stays out: it may hold a secret.
func given(f *pflag.FlagSet) map[string]string {
	list := map[string]string{}
	f.Visit(func(flag *pflag.Flag) {
		if flag.Name == "password-command" {
			return
		}
		value := flag.Value.String()
		if many, ok := flag.Value.(pflag.SliceValue); ok {
			value = strings.Join(many.GetSlice(), ", ")
		}
		list[flag.Name] = value
	})
	return list
}

// commandLine writes the sources and flags of the command that was given, for a run with more of them or for another command,
// which takes some. Flags that only say where the output goes are left out, and so is the password command.
func commandLine(cmd *cobra.Command, args []string, takes func(flag string) bool) string {
	words := []string{quoted(args)}
	cmd.Flags().Visit(func(flag *pflag.Flag) {
		switch flag.Name {
		case "password-command", "output", "format", "dns-record", "bundle", "redact", "fail-on", "verbose", "quiet", "no-color":
			return
		}
		if !takes(flag.Name) {
			return
		}
		values := []string{flag.Value.String()}
		if many, ok := flag.Value.(pflag.SliceValue); ok {
			values = many.GetSlice()
		}
		for _, value := range values {
			words = append(words, "--"+flag.Name)
			if flag.Value.Type() != "bool" {
				words = append(words, quote(value))
			}
		}
	})
	return strings.Join(words, " ")
}

func anyFlag(string) bool { return true }

func quoted(words []string) string {
	var list []string
	for _, word := range words {
		list = append(list, quote(word))
	}
	return strings.Join(list, " ")
}

// quote makes one word of a POSIX shell.
func quote(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%+=:,./_-", r)
	}
	if word != "" && strings.IndexFunc(word, func(r rune) bool { return !plain(r) }) < 0 {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
