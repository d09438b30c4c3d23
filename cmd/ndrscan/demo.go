package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ndrscan/imapfetch"
	"ndrscan/internal/demo"
	"ndrscan/mailbox"
	"ndrscan/report"
)

// demoNow is the demo's clock: the same seed gives the same screen, whatever the day.
var demoNow = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// demoFlags are the flags of demo.
type demoFlags struct {
	reading
	writing
	flood string
	seed  uint64
}

// newDemo runs the whole job on a made-up mailbox: an IMAP server and a DNS server on loopback, no network.
func (a *app) newDemo() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show the whole job on a made-up mailbox; needs no network and no arguments",
		Long: `Makes up a mailbox with a flood of bounces, puts it on an IMAP server inside this program, puts the DNS zone that belongs
to it on a DNS server inside this program, and scans both over loopback, exactly as scan does. The same seed gives the
same screen.`,
		Args: usage(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(demo.Kinds, f.flood) {
				return misused("--flood %s: there are %s", f.flood, strings.Join(demo.Kinds, ", "))
			}
			if err := f.writing.check(); err != nil {
				return err
			}
			return a.runDemo(cmd.Context(), &f)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&f.flood, "flood", demo.Kinds[0], "what happened: `KIND` is "+strings.Join(demo.Kinds, ", "))
	flags.Uint64Var(&f.seed, "seed", 1, "another `NUMBER` makes another flood of the same kind")
	flags.StringVar(&f.format, "format", string(report.Table), "`FORMAT` of standard output: "+report.FormatNames())
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "show all rows and reason codes")
	flags.BoolVar(&f.noColor, "no-color", false, "no colours (NO_COLOR does the same)")
	completions(cmd, "flood", demo.Kinds)
	completions(cmd, "format", report.Formats())
	return cmd
}

func (a *app) runDemo(ctx context.Context, f *demoFlags) error {
	flood, err := demo.Generate(f.flood, f.seed, demoNow)
	if err != nil {
		return err
	}
	servers, err := demo.Start(ctx, flood)
	if err != nil {
		return err
	}
	defer servers.Close()

	world := *a
	world.now = func() time.Time { return demoNow }
	j := &job{app: &world, reading: f.reading, keep: f.holdFindings()}
	j.own, j.dnsTimeout, j.quiet = flood.Own, 5*time.Second, true
	if err := j.openDNS(servers.DNSAddr); err != nil {
		return err
	}
	j.reading.dns = "the demo's own name server"
	all, err := j.openDemo(ctx, flood, servers)
	if err != nil {
		return err
	}
	defer all.close()
	result, err := whole(j.judge(ctx, all))
	if err != nil {
		return err
	}
	defer result.Close()
	if err := j.write(ctx, result, &f.writing); err != nil || f.format != string(report.Table) {
		return err
	}
	return toStdout(func() error { return afterDemo(a.stdout, f.flood, flood) })
}

// openDemo logs in to the demo's server. The name of the source leaves the port out, which is another every time.
func (j *job) openDemo(ctx context.Context, flood *demo.Flood, servers *demo.Servers) (*opened, error) {
	user, _, _ := strings.Cut(flood.User, "@")
	cfg := imapfetch.Config{
		URL: "imaps://" + user + "@mail." + flood.Domain, Addr: servers.IMAPAddr, User: servers.User, CAFile: servers.CAFile,
		Password: func(context.Context) (string, error) { return servers.Password, nil }, Now: j.now,
	}
	src, err := imapfetch.Open(ctx, cfg)
	if err != nil {
		return nil, fmt.Errorf("opening the demo's mailbox: %w", err)
	}
	all := &opened{sources: []mailbox.Source{src}, names: boxNames(cfg.URL, false, src.Scanned()), accounts: []string{flood.User}}
	o := opener{app: j.app, flags: &j.reading}
	return all, o.openSent(ctx, all)
}

// afterDemo says what was really in the mailbox, and how to go on.
func afterDemo(w io.Writer, kind string, flood *demo.Flood) error {
	var made []string
	for _, class := range []string{"forged", "compromised", "genuine"} {
		if n := flood.Truth[class]; n > 0 {
			made = append(made, fmt.Sprintf("%d %s", n, class))
		}
	}
	others := slices.DeleteFunc(slices.Clone(demo.Kinds), func(other string) bool { return other == kind })
	_, err := fmt.Fprintf(w, `
This mailbox was made up: %d messages, of them bounces: %s.
On your own mailbox, in which nothing is changed, not even the flag "seen":
  ndrscan scan imaps://you@mail.example.com
  ndrscan scan --own YOUR-SERVER --sent Sent.mbox flood.mbox
Other floods: ndrscan demo --flood %s
`, len(flood.Inbox), strings.Join(made, ", "), strings.Join(others, "|"))
	return err
}
