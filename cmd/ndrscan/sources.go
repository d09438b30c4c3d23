package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
	"ndrscan/imapfetch"
	"ndrscan/mailbox"
)

// opened is what a command reads: its sources, its Sent mailboxes, and what could not be opened.
type opened struct {
	sources  []mailbox.Source
	names    []string // what is looked through, as the report lists it
	sent     []mailbox.Source
	accounts []string // addresses whose mailboxes are read, where the login is one
	failed   []error
	window   string // how far back IMAP mailboxes are read where nobody said it
}

// close ends the connections.
func (o *opened) close() {
	for _, s := range o.sources {
		if account, ok := s.(*imapfetch.Source); ok {
			account.Close()
		}
	}
}

// leftOut is how the report names what could not be opened.
func (o *opened) leftOut() []classify.LeftOut {
	var list []classify.LeftOut
	for _, err := range o.failed {
		var failed *mailbox.ReadError
		if errors.As(err, &failed) {
			list = append(list, classify.LeftOut{Source: failed.Source, ID: failed.ID, Why: failed.Err.Error()})
			continue
		}
		list = append(list, classify.LeftOut{Why: err.Error()})
	}
	return list
}

// opener opens sources by their names.
type opener struct {
	*app
	flags     *reading
	passwords *passwords
}

// open opens every source. One that can't be opened does not stop the others; if none can, it is an error.
func (o *opener) open(ctx context.Context, names []string) (*opened, error) {
	if err := o.checkNames(names); err != nil {
		return nil, err
	}
	all := &opened{}
	for _, name := range names {
		var err error
		if isURL(name) {
			err = o.openIMAP(ctx, name, all)
		} else {
			err = o.openFile(ctx, name, all)
		}
		if ctx.Err() != nil {
			all.close()
			return nil, ctx.Err()
		}
		if err != nil {
			all.failed = append(all.failed, err)
		}
	}
	if len(all.sources) == 0 {
		return nil, o.noneOpened(all.failed)
	}
	if err := o.openSent(ctx, all); err != nil {
		all.close()
		return nil, err
	}
	return all, nil
}

// noneOpened returns the only error; of several, all but the last are printed here.
func (o *opener) noneOpened(failed []error) error {
	for _, err := range failed[:len(failed)-1] {
		o.note("%v", err)
	}
	return failed[len(failed)-1]
}

// checkNames finds what is wrong with the names themselves: wrong usage, whatever the other sources are.
func (o *opener) checkNames(names []string) error {
	if n := slices.Index(names, "-"); n >= 0 && (o.flags.sent == "-" || slices.Contains(names[n+1:], "-")) {
		return misused("standard input (-) can be read only once")
	}
	for _, name := range names {
		scheme, rest, found := strings.Cut(name, "://")
		switch {
		case !found || !isURL(name):
			continue
		case hasPassword(rest):
			return misused("the %s address holds a password, which shell histories and process lists keep: leave it out and use the prompt, "+
				"NDRSCAN_PASSWORD or --password-command", scheme)
		case scheme != "imaps" && scheme != "imap":
			return misused("%s:// is no source: there are imaps://, imap://, files, folders and - (standard input)", scheme)
		}
	}
	return nil
}

var scheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

func isURL(name string) bool { return scheme.MatchString(name) }

// hasPassword says whether the part of an address after :// holds user:password@. Better refuse too much than print one:
// a password may hold a slash, and a user name an '@'.
func hasPassword(rest string) bool {
	authority, _, _ := strings.Cut(rest, "/")
	last, first := strings.LastIndexByte(authority, '@'), strings.IndexByte(rest, '@')
	return last >= 0 && strings.Contains(authority[:last], ":") || first >= 0 && strings.Contains(rest[:first], ":")
}

func (o *opener) openFile(ctx context.Context, path string, all *opened) error {
	src, err := mailbox.Open(path, mailbox.Options{Stdin: interruptible{ctx, o.stdin}, All: o.flags.all})
	if err != nil {
		return err
	}
	all.sources = append(all.sources, src)
	all.names = append(all.names, src.Name())
	return nil
}

func (o *opener) openIMAP(ctx context.Context, name string, all *opened) error {
	cfg, err := imapfetch.ParseURL(name)
	if err != nil {
		return withCode(exitUsage, err) // without the address: what is wrong with it may be a password
	}
	cfg.Password = func(ctx context.Context) (string, error) { return o.passwords.get(ctx, cfg.User, cfg.Host) }
	cfg.CAFile, cfg.Insecure = o.flags.ca, o.flags.insecure
	cfg.Since, cfg.Until, cfg.All, cfg.Now = o.flags.from, o.flags.to, o.flags.all, o.now
	if cfg.Mailboxes = o.flags.mailboxes; o.flags.all {
		cfg.Mailboxes = []string{"*"}
	}
	if o.flags.verbose {
		cfg.Log = func(format string, args ...any) { o.note(format, args...) }
	}
	src, err := imapfetch.Open(ctx, cfg)
	if err != nil {
		return err
	}
	all.sources = append(all.sources, src)
	all.names = append(all.names, boxNames(name, cfg.Mailbox != "" && len(cfg.Mailboxes) == 0, src.Scanned())...)
	if strings.Contains(cfg.User, "@") {
		all.accounts = append(all.accounts, cfg.User)
	}
	if since, _ := src.Window(); o.flags.since == "" && !since.IsZero() {
		all.window = since.UTC().Format(time.DateOnly) + " (the last 30 days)"
		if !o.flags.quiet {
			o.note("%s: reading %s since %s; --since changes that", name, strings.Join(src.Scanned(), ", "), all.window)
		}
	}
	return nil
}

// boxNames writes the mailboxes of an account as sources of their own.
func boxNames(url string, named bool, boxes []string) []string {
	if named {
		return []string{url}
	}
	var names []string
	for _, box := range boxes {
		names = append(names, accountURL(url)+"/"+box)
	}
	return names
}

// accountURL is an address without its mailbox.
func accountURL(url string) string {
	prefix, rest, _ := strings.Cut(url, "://")
	account, _, _ := strings.Cut(rest, "/")
	return prefix + "://" + account
}

// openSent finds the sent mail: the path or mailbox that --sent names, which must be there, or each account's own, which
// may fail.
func (o *opener) openSent(ctx context.Context, all *opened) error {
	var accounts []*imapfetch.Source
	for _, s := range all.sources {
		if account, ok := s.(*imapfetch.Source); ok {
			accounts = append(accounts, account)
		}
	}
	if o.flags.sent == "" {
		for _, account := range accounts {
			name, found, err := account.SentMailbox(ctx)
			if err != nil && !o.flags.quiet {
				o.note("looking for sent mail: %v", err)
			}
			if found {
				all.sent = append(all.sent, sentBox{account, name})
			}
		}
		return ctx.Err()
	}
	if len(accounts) > 0 && !isThere(o.flags.sent) {
		return o.namedSent(ctx, accounts, all)
	}
	src, err := mailbox.Open(o.flags.sent, mailbox.Options{Stdin: interruptible{ctx, o.stdin}})
	if err != nil {
		return fmt.Errorf("--sent: %w", err)
	}
	all.sent = append(all.sent, src)
	return nil
}

// namedSent takes the mailbox called so in every account that has it.
func (o *opener) namedSent(ctx context.Context, accounts []*imapfetch.Source, all *opened) error {
	var known []string
	for _, account := range accounts {
		boxes, err := account.Mailboxes(ctx)
		if err != nil {
			return fmt.Errorf("--sent: %w", err)
		}
		if slices.Contains(boxes, o.flags.sent) {
			all.sent = append(all.sent, sentBox{account, o.flags.sent})
		}
		known = append(known, boxes...)
	}
	if len(all.sent) == 0 {
		return fmt.Errorf("--sent %s: no such file or mailbox; there are %s", o.flags.sent, strings.Join(known, ", "))
	}
	return nil
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return path == "-" || !errors.Is(err, fs.ErrNotExist)
}

// sentBox reads the header fields of one mailbox of an account.
type sentBox struct {
	account *imapfetch.Source
	box     string
}

func (s sentBox) Name() string { return accountURL(s.account.Name()) + "/" + s.box }

func (s sentBox) Messages(ctx context.Context) iter.Seq2[mailbox.Message, error] {
	return s.account.Headers(ctx, s.box)
}

// interruptible ends a read that waits for input, as standard input does when nobody writes to it, once the context is
// done. The read itself goes on behind, so it has a buffer of its own.
type interruptible struct {
	ctx context.Context
	in  io.Reader
}

func (r interruptible) Read(p []byte) (int, error) {
	type result struct {
		data []byte
		err  error
	}
	done := make(chan result, 1)
	go func() {
		buf := make([]byte, len(p))
		n, err := r.in.Read(buf)
		done <- result{buf[:n], err}
	}()
	select {
	case got := <-done:
		return copy(p, got.data), got.err
	case <-r.ctx.Done():
		return 0, r.ctx.Err()
	}
}
