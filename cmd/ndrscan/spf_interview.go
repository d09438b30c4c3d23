package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"ndrscan/spf"
)

// interview asks who sends for a domain. It needs a terminal: nobody answers a pipe.
func (a *app) interview(ctx context.Context, dns spf.Resolver, w *spf.Wish, f *composeFlags) error {
	if _, ok := terminalFD(a.stdin); !ok {
		return hint(misused("nobody to ask who sends for %s: standard input is no terminal", w.Domain),
			"name the sources (--mx, --host, --provider), or --no-mail if there are none")
	}
	return newInterviewer(a.stdin, a.stderr).ask(ctx, dns, w, f)
}

// interviewer puts questions on one stream and reads answers from another.
type interviewer struct {
	in  *bufio.Scanner
	out io.Writer
}

func newInterviewer(in io.Reader, out io.Writer) *interviewer {
	return &interviewer{bufio.NewScanner(in), out}
}

var errNoAnswer = errors.New("no answer: nothing was composed")

const answered = "your answer"

func (i *interviewer) ask(ctx context.Context, dns spf.Resolver, w *spf.Wish, f *composeFlags) error {
	fmt.Fprintf(i.out, "Who sends mail with addresses of %s? An empty line takes what stands in brackets.\n\n", w.Domain)
	hosts, err := dns.LookupMX(ctx, w.Domain)
	if err == nil && len(hosts) > 0 && hosts[0] != "" {
		yes, err := i.yes(fmt.Sprintf("Do the hosts that take its mail (%s) send it, too?", safe(strings.Join(hosts, ", "))), true)
		if err != nil {
			return err
		}
		if yes {
			w.Senders = append(w.Senders, spf.Sender{Kind: spf.MailHosts, Proof: answered})
		}
	}
	more, err := i.list("Other hosts of yours that send: web server with forms or a shop, ticket system, scanner.\nAddress, network or name, one a line")
	if err != nil {
		return err
	}
	for _, host := range more {
		w.Senders = append(w.Senders, sender(host, answered))
	}
	providers, err := i.list("Providers that send for it: " + strings.Join(spf.Providers(), ", ") + ",\nor the domain that yours tells you to include. One a line")
	if err != nil {
		return err
	}
	for _, p := range providers {
		w.Senders = append(w.Senders, spf.Sender{Kind: spf.Provider, Value: p, Proof: answered})
	}
	return i.rest(w, f)
}

// rest asks what is to happen to mail from elsewhere.
func (i *interviewer) rest(w *spf.Wish, f *composeFlags) error {
	if len(w.Senders) == 0 {
		yes, err := i.yes("Nothing at all sends mail for "+w.Domain+"?", false)
		if err == nil && !yes {
			err = errNoAnswer
		}
		return err
	}
	if f.all != "" {
		return nil
	}
	fmt.Fprintln(i.out, "\nIs that everybody? People in hotels, phones, forms on other people's sites?", spf.WaysOut)
	yes, err := i.yes("Shall mail from anywhere else be refused (-all)? No: it is marked (~all)", !enforced(w.DMARC))
	w.Soft = !yes
	return err
}

func (i *interviewer) line(question string) (string, error) {
	fmt.Fprint(i.out, question+" ")
	if !i.in.Scan() {
		fmt.Fprintln(i.out)
		if err := i.in.Err(); err != nil {
			return "", fmt.Errorf("reading the answer: %w", err)
		}
		return "", errNoAnswer
	}
	return strings.TrimSpace(i.in.Text()), nil
}

func (i *interviewer) yes(question string, preset bool) (bool, error) {
	choices := "[y/N]"
	if preset {
		choices = "[Y/n]"
	}
	for {
		answer, err := i.line(question + " " + choices)
		switch strings.ToLower(answer) {
		case "":
			return preset, err
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
}

// maxAnswers bounds a list.
const maxAnswers = 100

func (i *interviewer) list(question string) (list []string, err error) {
	fmt.Fprintf(i.out, "\n%s, an empty line ends the list:\n", question)
	for len(list) < maxAnswers {
		answer, err := i.line(">")
		if err != nil || answer == "" {
			return list, err
		}
		list = append(list, answer)
	}
	return list, nil
}
