// Command ndrscan reads a mailbox full of bounces and says whether its owner was Joe-Jobbed or hacked.
//
// One file holds one command; each turns flags into a call of the packages and the outcome into an exit code. What the
// commands share stands beside them: flags.go and config.go (what was asked for), sources.go and password.go (what is
// read), job.go (the scan itself), output.go and progress.go (what is written where). Errors are returned up to run, which
// alone prints them: one line and, where there is one, a hint.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ndrscan/report"
)

func main() {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(memoryGoal)
	}
	os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}

// memoryGoal is what the program means to get along with, in bytes. It is soft: near it garbage is collected earlier. A flood
// of a million messages fits; a larger one takes what it needs.
const memoryGoal = 300 << 20

// collectLate is for commands that read findings by the million and leave little garbage: it is collected when lateGoal is near,
// in bytes, and seldom before. The process takes some 20 MB more than that.
func collectLate() {
	if os.Getenv("GOMEMLIMIT") == "" && os.Getenv("GOGC") == "" {
		debug.SetMemoryLimit(lateGoal)
		debug.SetGCPercent(400)
	}
}

const lateGoal = 260 << 20

// app is the world that the commands see.
type app struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	now            func() time.Time
}

// run is the program without the process: arguments in, exit code out.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	// A reader that goes away (| head) is no failure: with a handler set, writes return EPIPE instead of ending us.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // the second signal ends the process at once

	a := &app{stdin: stdin, stdout: stdout, stderr: stderr, now: time.Now}
	root := a.command()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		err = withCode(exitInterrupted, errors.New("interrupted"))
	}
	a.complain(err)
	return exitCode(err)
}

// command builds the tree of commands.
func (a *app) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "ndrscan",
		Short: "Is it a Joe-Job or were you hacked? Reads a mailbox full of bounces and says which",
		Long: `ndrscan reads a mailbox full of bounces for mail you never wrote and says where that mail came from:
from strangers who forged your address (a Joe-Job), or from your own systems (a compromise).

Try it:   ndrscan demo
Then:     ndrscan scan imaps://you@mail.example.com`,
		Args:          noCommand,
		SilenceErrors: true,
		SilenceUsage:  true,

		SuggestionsMinimumDistance: 2,
		Version:                    version(),
		RunE:                       func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	width := max(a.style(false, true).Width, report.MinWidth)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages ", fmt.Sprintf(".FlagUsagesWrapped %d ", width)))
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return hint(withCode(exitUsage, err), cmd.Root().Name()+" help"+strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name())+" lists the flags")
	})
	root.AddCommand(a.newScan(), a.newExplain(), a.newShow(), a.newDemo(), a.newSPF(), a.newDoctor(), a.newOwn(), a.newAbuse(),
		a.newFilter(), a.newWeekly(), a.newForget(), a.newVersion())
	return root
}

// usage marks the errors of an argument check as wrong usage.
func usage(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return hint(withCode(exitUsage, err), "usage: "+cmd.UseLine())
		}
		return nil
	}
}

// noCommand refuses a first word that is no command, and guesses what was meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	err := misused("there is no command %q", args[0])
	if like := cmd.SuggestionsFor(args[0]); len(like) > 0 {
		return hint(err, "did you mean "+strings.Join(like, " or ")+"?")
	}
	if isURL(args[0]) || isThere(args[0]) {
		return hint(err, "to read a mailbox: ndrscan scan "+quote(args[0]))
	}
	return hint(err, "ndrscan help lists the commands")
}

// The exit codes.
const (
	exitDone        = 0
	exitFailed      = 1
	exitUsage       = 2
	exitFailOn      = 3
	exitLeftOut     = 4
	exitInterrupted = 130
)

const exitHelp = `
Exit code: 0 done; 1 failed; 2 wrong usage; 3 a verdict named by --fail-on; 4 done, but something was left out;
130 interrupted, with the report of what was read.`

// outcome is an error that knows its exit code. Without a cause it says nothing: the report has said it.
type outcome struct {
	code  int
	cause error
}

func (o *outcome) Error() string {
	if o.cause == nil {
		return fmt.Sprintf("exit code %d", o.code)
	}
	return o.cause.Error()
}

func (o *outcome) Unwrap() error { return o.cause }

func withCode(code int, cause error) error { return &outcome{code, cause} }

func exitCode(err error) int {
	var o *outcome
	if errors.As(err, &o) {
		return o.code
	}
	return exitFailed
}

// hinted is an error with the way out of it.
type hinted struct {
	error
	hint string
}

func (h *hinted) Unwrap() error { return h.error }

func hint(err error, text string) error { return &hinted{err, text} }

// complain is the one place that prints errors.
func (a *app) complain(err error) {
	var o *outcome
	if errors.As(err, &o) && o.cause == nil {
		return
	}
	fmt.Fprintf(a.stderr, "ndrscan: %s\n", safe(err.Error()))
	var h *hinted
	if errors.As(err, &h) {
		fmt.Fprintf(a.stderr, "  %s\n", safe(h.hint))
	}
}

// note tells something beside the data.
func (a *app) note(format string, args ...any) {
	fmt.Fprintf(a.stderr, "ndrscan: %s\n", safe(fmt.Sprintf(format, args...)))
}

// passwordInURL finds the password in an address that somebody typed; typedPassword finds it where a slash or the scheme is
// missing, or the colon is escaped.
var (
	passwordInURL = regexp.MustCompile(`(://[^\s":]*):[^\s"]*@`)
	typedPassword = regexp.MustCompile(`((?:^|[\s"])(?:[A-Za-z]+:/+)?[^\s":/@]+?)(?::|%3[Aa])[^\s"/][^\s"]*@`)
)

// safe makes one line of a text that may hold a server's words or a mistyped address.
func safe(text string) string {
	text = passwordInURL.ReplaceAllString(text, "$1:***@")
	return report.Clean(typedPassword.ReplaceAllString(text, "$1:***@"))
}

// terminalFD says whether a stream is a terminal, and gives its descriptor.
func terminalFD(stream any) (int, bool) {
	f, ok := stream.(*os.File)
	if !ok {
		return 0, false
	}
	fd := int(f.Fd())
	return fd, term.IsTerminal(fd)
}
