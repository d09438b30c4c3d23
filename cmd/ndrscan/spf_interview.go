package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"ndrscan/report"
	"ndrscan/spf"
)

// interview asks who sends for a domain. It needs a terminal: nobody answers a pipe.
func (a *app) interview(ctx context.Context, dns spf.Resolver, w *spf.Wish, f *composeFlags) error {
	if _, ok := terminalFD(a.stdin); !ok {
		return hint(misused("nobody to ask who sends for %s: standard input is no terminal", w.Domain),
			"name the sources (--mx, --host, --provider), or --no-mail if there are none")
	}
	return newInterviewer(ctx, a.stdin, a.stderr).ask(dns, w, f)
}

// interviewer puts questions on one stream and takes answers, a line each, from another. Reading goes on beside it, so
// that an interrupt ends the interview and not the next line.
type interviewer struct {
	ctx     context.Context
	answers <-chan string // closed at the end of the input
	out     io.Writer
}

func newInterviewer(ctx context.Context, in io.Reader, out io.Writer) *interviewer {
	answers := make(chan string)
	go func() {
		defer close(answers)
		for lines := bufio.NewScanner(in); lines.Scan(); {
			select {
			case answers <- lines.Text():
			case <-ctx.Done():
				return
			}
		}
	}()
	return &interviewer{ctx, answers, out}
}

var errNoAnswer = errors.New("no answer: nothing was composed")

const answered = "your answer"

// say writes a paragraph.
func (i *interviewer) say(format string, args ...any) {
	fmt.Fprintln(i.out, report.Paragraph(fmt.Sprintf(format, args...)))
}

func (i *interviewer) ask(dns spf.Resolver, w *spf.Wish, f *composeFlags) error {
	i.say("Who sends mail with addresses of %s? Answer line by line; an empty line takes the choice in capitals, and ends a list.", w.Domain)
	hosts, err := dns.LookupMX(i.ctx, w.Domain)
	if err == nil && len(hosts) > 0 && hosts[0] != "" {
		yes, err := i.yes("Do the hosts that take its mail ("+strings.Join(hosts, ", ")+") send it, too?", true)
		if err != nil {
			return err
		}
		if yes {
			w.Senders = append(w.Senders, spf.Sender{Kind: spf.MailHosts, Proof: answered})
		}
	}
	good := func(s spf.Sender) error { return s.Check(i.ctx, dns, w.Domain) }
	more, err := i.list("Other hosts of yours that send: a web server with forms or a shop, a ticket system, a scanner. Addresses, networks or names:",
		func(text string) spf.Sender { return sender(text, answered) }, good)
	w.Senders = append(w.Senders, more...)
	if err != nil {
		return err
	}
	providers, err := i.list("Providers that send for it: "+strings.Join(spf.Providers(), ", ")+", or the domain that yours tells you to include:",
		func(text string) spf.Sender { return spf.Sender{Kind: spf.Provider, Value: text, Proof: answered} }, good)
	w.Senders = append(w.Senders, providers...)
	if err != nil {
		return err
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
	i.say("Is that everybody? People in hotels, phones, forms on other people's sites? %s", spf.WaysOut)
	yes, err := i.yes("Shall mail from anywhere else be refused (-all)? No: it is marked (~all)", !enforced(w.DMARC))
	w.Soft = !yes
	return err
}

// line prompts and takes an answer.
func (i *interviewer) line(prompt string) (string, error) {
	fmt.Fprint(i.out, prompt+" ")
	select {
	case answer, ok := <-i.answers:
		if !ok {
			fmt.Fprintln(i.out)
			return "", errNoAnswer
		}
		return strings.TrimSpace(answer), nil
	case <-i.ctx.Done():
		fmt.Fprintln(i.out)
		return "", i.ctx.Err()
	}
}

func (i *interviewer) yes(question string, preset bool) (bool, error) {
	choices := "[y/N]"
	if preset {
		choices = "[Y/n]"
	}
	i.say("%s", question)
	for {
		answer, err := i.line(choices)
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

// list takes senders until an empty line. One that can't enter a record is said at once, and asked for again.
func (i *interviewer) list(question string, read func(string) spf.Sender, good func(spf.Sender) error) (list []spf.Sender, err error) {
	i.say("%s", question)
	for range maxAnswers {
		answer, err := i.line(">")
		if err != nil || answer == "" {
			return list, err
		}
		s := read(answer)
		if err := good(s); err != nil {
			i.say("Not taken: %v.", err)
			continue
		}
		list = append(list, s)
	}
	return list, nil
}
