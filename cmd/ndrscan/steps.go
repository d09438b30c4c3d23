package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ndrscan/classify"
	"ndrscan/report"
)

// pasted is what the next steps lack to be run as they stand: a report names ndrscan's commands, and only the command line
// knows what was read, and how. The zero value lacks it, too.
type pasted struct {
	scan     string // the command that was given, for a rerun with more flags
	mail     string // its sources and how they are read, for other commands
	sources  string
	findings string // a file of findings that the run writes, or that was read
}

// pastedFrom takes it from a command line. Standard input can't be read a second time.
func pastedFrom(cmd *cobra.Command, names, files []string) pasted {
	var known reading
	reads := pflag.NewFlagSet("", pflag.ContinueOnError)
	known.addFlags(reads)
	if slices.Contains(names, "-") || cmd.Flag("sent").Value.String() == "-" {
		return pasted{}
	}
	p := pasted{scan: cmd.CommandPath() + " " + commandLine(cmd, names, anyFlag),
		mail:    commandLine(cmd, names, func(flag string) bool { return reads.Lookup(flag) != nil }),
		sources: quoted(names)}
	for _, file := range files {
		if format, _ := report.FormatOf(file); format == report.JSONL {
			p.findings = quote(file)
		}
	}
	return p
}

// complete writes the commands of a report's next steps whole. What only the user knows stays a name in capitals.
func (p pasted) complete(r *classify.Report) {
	for i := range r.Actions {
		r.Actions[i].Command = p.whole(r.Actions[i].Command)
	}
	for i := range r.Verdict.Missing {
		r.Verdict.Missing[i].Command = p.whole(r.Verdict.Missing[i].Command)
	}
}

// The commands of classify.Report that lack something.
const (
	scanMore    = "ndrscan scan "
	filterMail  = "ndrscan filter ..."
	abuseMail   = "ndrscan abuse ..."
	ownSource   = "ndrscan own SOURCE"
	theFindings = " findings.jsonl"
)

func (p pasted) whole(command string) string {
	more, lacks := strings.CutSuffix(command, " ...")
	switch {
	case p.findings != "" && command == abuseMail:
		return "ndrscan abuse " + p.findings
	case p.findings != "" && strings.HasPrefix(command, "ndrscan ") && strings.HasSuffix(command, theFindings):
		return strings.TrimSuffix(command, theFindings) + " " + p.findings
	case p.mail != "" && command == abuseMail:
		return "ndrscan abuse " + p.mail
	case p.mail != "" && strings.HasPrefix(command, filterMail):
		return "ndrscan filter " + p.mail + strings.TrimPrefix(command, filterMail)
	case p.scan != "" && lacks && strings.HasPrefix(more, scanMore):
		return p.scan + " " + strings.TrimPrefix(more, scanMore)
	case p.sources != "" && command == ownSource:
		return "ndrscan own " + p.sources
	}
	return command
}
