package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan"
	"ndrscan/classify"
	"ndrscan/report"
	"ndrscan/trace"
)

// ownSchema names the form of the file that own writes and --own @FILE reads.
const ownSchema = "ndrscan.own/1"

// ownFile is what is ours, for later runs. Own holds the values of --own that stand for it; Hosts says why, and what might be.
type ownFile struct {
	Schema string             `json:"schema"`
	Own    []string           `json:"own"`
	OwnNet []string           `json:"own_net"`
	Hosts  []classify.OwnHost `json:"hosts"`
}

// newOwn shows what counts as ours.
func (a *app) newOwn() *cobra.Command {
	var r reading
	var file, format string
	cmd := &cobra.Command{
		Use:   "own SOURCE|DOMAIN...",
		Short: "Show which servers count as yours and why, and write that down for later runs",
		Long: `Shows what scan takes as yours, and by which rule: named by --own; or by a forward-confirmed name under a domain of yours.
Other hosts that DNS names for your domains (MX, SPF) are candidates: each is shown with the flag that confirms it. Services
that many owners share are named as such and never count as yours.

A DOMAIN is looked up in DNS. A SOURCE is read as scan reads it, to learn your domains and the hosts that your mail passed.

-o FILE.json writes down what counts as yours; ndrscan scan --own @FILE.json reads it again. Candidates do not count until you
confirm them, by --own here or by moving them into "own" in that file.`,
		Example: `  ndrscan own example.com
  ndrscan own imaps://you@mail.example.com --own 192.0.2.7 -o own.json
  ndrscan scan --own @own.json imaps://you@mail.example.com`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if format != string(report.Table) && format != string(report.JSON) {
				return misused("--format %s: there are table and json", format)
			}
			domains, sources, err := splitOwnArgs(args)
			if err != nil {
				return err
			}
			j, err := a.newJob(cmd, &r, sources)
			if err != nil {
				return err
			}
			out, err := j.survey(cmd.Context(), domains)
			if err != nil {
				return err
			}
			return a.printOwn(out, file, format)
		},
	}
	r.addFlags(cmd.Flags())
	cmd.Flags().StringVarP(&file, "output", "o", "", "write what counts as yours to `FILE`.json, for --own @FILE.json")
	cmd.Flags().StringVar(&format, "format", string(report.Table), "`FORMAT` of standard output: table or json")
	completions(cmd, "format", []report.Format{report.Table, report.JSON})
	return cmd
}

// splitOwnArgs tells domains from sources: a name with a dot that is no URL and no file.
func splitOwnArgs(args []string) (domains, sources []string, err error) {
	for _, arg := range args {
		if isURL(arg) || isThere(arg) || arg == "-" {
			sources = append(sources, arg)
			continue
		}
		if !strings.Contains(arg, ".") {
			return nil, nil, misused("%s is neither a file nor a domain", arg)
		}
		if _, err := trace.NewOwn([]string{arg}, nil, nil); err != nil {
			return nil, nil, withCode(exitUsage, err)
		}
		domains = append(domains, arg)
	}
	return domains, sources, nil
}

// survey reads the sources, if any, and looks the domains up.
func (j *job) survey(ctx context.Context, domains []string) (*ownFile, error) {
	given := slices.Concat(j.own, domains)
	out := &ownFile{Schema: ownSchema, OwnNet: slices.Concat([]string{}, j.ownNet)}
	var seen []classify.OwnHost
	if len(j.names) > 0 {
		j.own = given
		result, err := whole(j.run(ctx))
		if err != nil {
			return nil, err
		}
		seen, domains = result.Report.OwnSeen, append(domains, result.Report.Run.Assumed...)
		if err := result.Close(); err != nil {
			return nil, err
		}
	} else if err := j.openDNS(j.reading.dns); err != nil {
		return nil, err
	}
	own, err := trace.NewOwn(given, j.ownNet, domains)
	if err != nil {
		return nil, withCode(exitUsage, err)
	}
	if err := own.Resolve(ctx, j.dns); err != nil {
		return nil, fmt.Errorf("%w; run again, or name another resolver with --dns", err)
	}
	ndrscan.SurveyOwn(ctx, own, j.dns, own.Domains())
	for _, host := range own.Seen() {
		seen = addOwnHost(seen, ndrscan.OwnHost(host))
	}
	slices.SortStableFunc(seen, func(x, y classify.OwnHost) int { return rank(x.Rule) - rank(y.Rule) })
	out.Hosts = seen
	out.Own = ownValues(given, own.Domains(), seen)
	return out, ctx.Err()
}

// ownRules are the rules in the order of their worth, with their headings.
var ownRules = []struct{ rule, heading string }{
	{trace.RuleFlag, "Yours, as told (--own)"},
	{trace.RuleConfirmedName, "Yours, by a name under your domain that is confirmed both ways"},
	{trace.RuleCandidate, "Candidates: named by your DNS, not taken as yours until confirmed"},
	{trace.RuleShared, "Shared with other owners: never yours"},
}

func rank(rule string) int {
	for i, r := range ownRules {
		if r.rule == rule {
			return i
		}
	}
	return len(ownRules)
}

// addOwnHost adds a host that is not there yet.
func addOwnHost(list []classify.OwnHost, host classify.OwnHost) []classify.OwnHost {
	if slices.ContainsFunc(list, func(h classify.OwnHost) bool { return h.Host == host.Host }) {
		return list
	}
	return append(list, host)
}

// ownValues are the --own values that stand for what counts as ours: what was given, the domains, and the confirmed hosts by
// address, so that a later run does not hang on reverse names.
func ownValues(given, domains []string, hosts []classify.OwnHost) []string {
	values := []string{}
	add := func(value string) {
		if value != "" && !slices.Contains(values, value) {
			values = append(values, value)
		}
	}
	for _, value := range slices.Concat(given, domains) {
		add(value)
	}
	for _, h := range hosts {
		if h.Rule == trace.RuleConfirmedName {
			add(addressOf(h.Host))
		}
	}
	return values
}

// addressOf takes the address from "name [address]".
func addressOf(host string) string {
	_, address, ok := strings.Cut(host, "[")
	if !ok {
		return host
	}
	return strings.TrimSuffix(address, "]")
}

// printOwn writes the file first, then shows.
func (a *app) printOwn(out *ownFile, file, format string) error {
	encode := func(w io.Writer) error {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(out)
	}
	if file != "" {
		if err := checkFolders([]string{file}); err != nil {
			return err
		}
		if err := writeFile(file, encode); err != nil {
			return fmt.Errorf("writing %s: %w", file, err)
		}
	}
	return toStdout(func() error {
		if format == string(report.JSON) {
			return encode(a.stdout)
		}
		return a.ownTable(out, file)
	})
}

func (a *app) ownTable(out *ownFile, file string) error {
	fmt.Fprintf(a.stdout, "Counts as yours: --own %s\n", report.Clean(strings.Join(out.Own, " --own ")))
	for _, rule := range ownRules {
		first := true
		for _, h := range out.Hosts {
			if h.Rule != rule.rule {
				continue
			}
			if first {
				fmt.Fprintf(a.stdout, "\n%s\n", rule.heading)
				first = false
			}
			fmt.Fprintf(a.stdout, "  %s%s\n", report.Clean(h.Host), report.Clean(remark(h)))
		}
	}
	if file != "" {
		fmt.Fprintf(a.stdout, "\nWritten to %s; use it with --own @%s\n", file, file)
	}
	return nil
}

// remark says what names a host, and for a candidate what would confirm it.
func remark(h classify.OwnHost) string {
	text := ""
	if h.Why != "" {
		text = " (" + h.Why + ")"
	}
	if h.Rule == trace.RuleCandidate {
		text += ": --own " + addressOf(h.Host)
	}
	return text
}

// expandOwn replaces @FILE among the values of --own by what own wrote there.
func (r *reading) expandOwn() error {
	var own []string
	for _, value := range r.own {
		name, isFile := strings.CutPrefix(value, "@")
		if !isFile {
			own = append(own, value)
			continue
		}
		content, err := readOwn(name)
		if err != nil {
			return hint(err, "ndrscan own SOURCE|DOMAIN -o "+quote(name)+" writes one")
		}
		own = append(own, content.Own...)
		r.ownNet = append(r.ownNet, content.OwnNet...)
	}
	r.own = own
	return nil
}

// maxOwnFile bounds the file, in bytes.
const maxOwnFile = 1 << 20

func readOwn(name string) (*ownFile, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("--own @%s: %w", name, err)
	}
	defer f.Close()
	var content ownFile
	if err := json.NewDecoder(io.LimitReader(f, maxOwnFile)).Decode(&content); err != nil {
		return nil, fmt.Errorf("--own @%s: no JSON as own writes it: %w", name, err)
	}
	if content.Schema != ownSchema {
		return nil, fmt.Errorf("--own @%s: its schema is %q, not %s", name, content.Schema, ownSchema)
	}
	return &content, nil
}
