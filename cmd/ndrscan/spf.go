package main

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/idna"

	"ndrscan/report"
	"ndrscan/resolve"
	"ndrscan/spf"
)

// newSPF is the bench for SPF records: try, read, mend, write and rehearse them.
func (a *app) newSPF() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "spf COMMAND",
		Short: "The SPF bench: check, explain, lint, compose and test records",
		Long: `The SPF bench. SPF (RFC 7208) says in a TXT record of your domain which hosts may send its mail; receivers compare it with
the address that connects to them. It is the remedy for a Joe-Job, and a broken record is worse than none.

  check     may this address send for that domain, and why
  explain   the policy in plain words, as the tree of records it is
  lint      what is wrong with it, why it hurts, how to mend it
  compose   write a record, with every choice explained
  test      what a new record would have done to a scan's messages`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.newSPFCheck(), a.newSPFExplain(), a.newSPFLint(), a.newSPFCompose(), a.newSPFTest())
	return cmd
}

// benchFlags are the flags that all commands of the bench know.
type benchFlags struct {
	record     recordFlag
	overlay    string
	dns        string
	dnsTimeout time.Duration
	format     string
	noColor    bool

	client *resolve.Client // opened by open
}

func (b *benchFlags) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&b.overlay, "overlay", "", "records of this zone `FILE` stand for what DNS has at their names")
	f.StringVar(&b.dns, "dns", "system", "whom to ask: system, `HOST[:PORT]` or zone:FILE")
	f.DurationVar(&b.dnsTimeout, "dns-timeout", 5*time.Second, "how long one DNS query may take")
	f.StringVar(&b.format, "format", string(report.Table), "what goes to standard output: `table` or json")
	f.BoolVar(&b.noColor, "no-color", false, "no colours (NO_COLOR does the same)")
	completions(cmd, "format", []report.Format{report.Table, report.JSON})
}

func (b *benchFlags) addRecord(cmd *cobra.Command, help string) {
	cmd.Flags().Var(&b.record, "record", help)
}

// recordFlag is a record given on the command line. One that is empty would silently be the one published.
type recordFlag string

func (r *recordFlag) String() string { return string(*r) }
func (r *recordFlag) Type() string   { return "string" }

// Set takes a record that is none, too: what is wrong with it is what the bench is for.
func (r *recordFlag) Set(text string) error {
	if strings.TrimSpace(text) == "" {
		return errors.New("it is empty; write it like 'v=spf1 mx -all'")
	}
	*r = recordFlag(text)
	return nil
}

// open reads the flags and opens DNS; with --record the domain's own record is the one given.
func (b *benchFlags) open(domain string) (spf.Resolver, error) {
	if b.format != string(report.Table) && b.format != string(report.JSON) {
		return nil, misused("--format %s: this command writes table or json", b.format)
	}
	if b.dnsTimeout <= 0 {
		return nil, misused("--dns-timeout %s: give a time above 0", b.dnsTimeout)
	}
	var err error
	if b.client, err = resolve.Open(b.dns, resolve.Options{Timeout: b.dnsTimeout}); err != nil {
		if b.dns != "system" && !strings.HasPrefix(b.dns, "zone:") || b.dns == "zone:" {
			return nil, misused("%w", err) // not a way to name a server
		}
		return nil, fmt.Errorf("--dns %s: %w", b.dns, err)
	}
	if b.overlay != "" {
		zone, err := readZone(b.overlay)
		if err != nil {
			return nil, fmt.Errorf("--overlay: %w", err)
		}
		b.client = resolve.Overlay(zone, b.client)
	}
	if b.record == "" {
		return b.client, nil
	}
	return b.propose(domain, string(b.record))
}

// propose is DNS with one record of ours published.
func (b *benchFlags) propose(domain, record string) (spf.Resolver, error) {
	parts, err := spf.ReadRecord(record)
	if err != nil {
		return nil, misused("--record: %w", err)
	}
	return &spf.Proposed{Resolver: b.client, Domain: domain, Strings: parts}, nil
}

func readZone(file string) (*resolve.Zone, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return resolve.ParseZone(f, file)
}

// print writes the outcome in the format asked for.
func (b *benchFlags) print(a *app, value any, table func(w io.Writer, s report.Style) error) error {
	return toStdout(func() error {
		if b.format == string(report.JSON) {
			return report.WriteValue(a.stdout, value)
		}
		return table(a.stdout, a.style(false, b.noColor))
	})
}

// domainName reads a domain as people type it: with a dot at the end, in their own letters, as an address of it.
func domainName(text string) (string, error) {
	name := text[strings.LastIndexByte(text, '@')+1:]
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	ascii, err := idna.Lookup.ToASCII(name)
	if err != nil && isASCII(name) { // names of records may have underscores, which IDNA doesn't know
		ascii, err = name, nil
	}
	_, notIP := netip.ParseAddr(name)
	switch {
	case notIP == nil:
		return "", hint(misused("%q is an address, not a domain name", text), "ndrscan spf check --ip "+name+" --from SENDER asks about an address")
	case err != nil:
		return "", misused("%q is no domain name: %w", text, err)
	case !strings.Contains(ascii, ".") || strings.ContainsAny(ascii, " /:[]\\\"'") || strings.Contains(ascii, "..") || strings.HasPrefix(ascii, "."):
		return "", hint(misused("%q is no domain name", text), "write it like example.com")
	}
	return ascii, nil
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r >= 0x80 }) < 0
}

// domainArg is the argument check of the commands that take one domain.
func domainArg(cmd *cobra.Command, args []string) error {
	return usage(cobra.ExactArgs(1))(cmd, args)
}
