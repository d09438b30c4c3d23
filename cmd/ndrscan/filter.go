package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan/filter"
)

// filterFlags say what to write, and for whom.
type filterFlags struct {
	reading
	engines []string
	action  string
	file    string
}

// newFilter is first aid: rules that put this flood's bounces aside.
func (a *app) newFilter() *cobra.Command {
	var f filterFlags
	cmd := &cobra.Command{
		Use:   "filter SOURCE...",
		Short: "Write rules that put this flood's bounces aside, and nothing else",
		Long: `Scans the sources as scan does and writes rules that take the backscatter among the mail: reports that bear marks of this
flood, or that return an original without any mark of your servers. The rules are tried on every message that was read
before they are printed. One that takes a genuine bounce, a delay or ordinary mail, or a bounce that could be of your own
mail, is not written; if none is left, ndrscan says which messages stand in the way.

Name your servers with --own and your Sent mailbox with --sent: the better both are known, the more can be told apart.
What the rules take goes to a folder or into quarantine, unless you ask for --action discard.`,
		Example: `  ndrscan filter --own 192.0.2.1 --sent Sent.mbox flood.mbox > backscatter.sieve
  ndrscan filter --for postfix,exim -o backscatter imaps://you@mail.example.com`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			if err := f.check(); err != nil {
				return err
			}
			if err := needsMail(names); err != nil {
				return err
			}
			j, err := a.newJob(cmd, &f.reading, names)
			if err != nil {
				return err
			}
			return j.filter(cmd.Context(), &f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.engines, "for", []string{string(filter.Sieve)}, "write the rules for `ENGINE`: "+joined(filter.Engines)+"; several with commas")
	fl.StringVar(&f.action, "action", string(filter.Junk), "what becomes of the mail: `ACTION` is junk (a folder, or quarantine) or discard")
	fl.StringVarP(&f.file, "output", "o", "", "write to `FILE` instead of standard output; for several engines to FILE.ENGINE")
	f.reading.addFlags(fl)
	completions(cmd, "for", filter.Engines)
	completions(cmd, "action", filter.Actions)
	return cmd
}

func (f *filterFlags) check() error {
	for _, engine := range f.engines {
		if !slices.Contains(filter.Engines, filter.Engine(engine)) {
			return misused("--for %s: choose %s", engine, joined(filter.Engines))
		}
	}
	if !slices.Contains(filter.Actions, filter.Action(f.action)) {
		return misused("--action %s: choose %s", f.action, joined(filter.Actions))
	}
	if f.file == "" {
		return nil
	}
	return checkFolders([]string{f.file})
}

// needsMail refuses what was saved of a scan: rules are tried on the messages themselves, and findings don't hold them.
func needsMail(names []string) error {
	for _, name := range names {
		switch strings.ToLower(filepath.Ext(name)) {
		case ".json", ".jsonl":
			return hint(misused("%s holds no messages, and rules are tried on the messages themselves", name), "give the mailbox that it was made from, or its bundle (scan --bundle FILE.zip)")
		}
	}
	return nil
}

// filter scans, builds the rules and writes them.
func (j *job) filter(ctx context.Context, f *filterFlags) error {
	spool, err := newRawSpool()
	if err != nil {
		return err
	}
	defer spool.close()
	j.raw, j.keep = spool, true
	result, err := whole(j.run(ctx))
	if err != nil {
		return err
	}
	defer result.Close()
	rules, err := filter.Build(result.Report, spool.mail(result))
	if err != nil {
		return explainNoFilter(err)
	}
	if !j.quiet {
		for _, line := range rules.Summary() {
			j.note("%s", line)
		}
	}
	if err := j.writeFilter(rules, f); err != nil {
		return err
	}
	if len(result.Report.LeftOut) > 0 {
		return withCode(exitLeftOut, fmt.Errorf("some mail was not read, the rules are not tried on it; ndrscan scan says what"))
	}
	return nil
}

func (j *job) writeFilter(rules *filter.Filter, f *filterFlags) error {
	for _, engine := range f.engines {
		write := func(w io.Writer) error { return rules.Text(w, filter.Engine(engine), filter.Action(f.action)) }
		if f.file == "" {
			if err := toStdout(func() error { return write(j.stdout) }); err != nil {
				return err
			}
			continue
		}
		file := f.file
		if len(f.engines) > 1 {
			file += "." + engine
		}
		if err := writeFile(file, write); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	return nil
}

// explainNoFilter adds the way out.
func explainNoFilter(err error) error {
	refusal := new(filter.Refusal)
	switch {
	case errors.Is(err, filter.ErrNoFlood):
		return hint(err, "ndrscan scan shows what the bounces are; --own and --sent let it tell more of them")
	case errors.As(err, &refusal):
		return hint(err, "ndrscan explain SOURCE ID shows such a message; --own NAME of every server that sends your mail, and --sent, let rules tell more apart")
	}
	return err
}
