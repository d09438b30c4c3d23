package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ndrscan/bundle"
	"ndrscan/classify"
	"ndrscan/imapfetch"
	"ndrscan/report"
	"ndrscan/store"
)

// storing are the flags of the commands that remember what they find.
type storing struct {
	path, keep string
	age        time.Duration // keep, read by check; 0: for ever
}

func (s *storing) addFlags(f *pflag.FlagSet) {
	f.StringVar(&s.path, "store", "", "remember the findings in this SQLite `FILE`, to compare weeks; made if it isn't there")
	f.StringVar(&s.keep, "keep", "", "delete from the store what reached the mailbox longer ago than this `TIME`: days (90d) or hours")
}

func (s *storing) check() error {
	if s.keep == "" {
		return nil
	}
	if s.path == "" {
		return misused("--keep says what a store keeps: give --store, too")
	}
	age, ok := parseAge(s.keep)
	if !ok || age == 0 {
		return misused("--keep %q: write days (90d) or hours (12h)", s.keep)
	}
	s.age = age
	return nil
}

// defaultStore is where the commands that need a store have it unless told otherwise.
func defaultStore() (string, error) {
	dir, err := stateDir()
	if err != nil {
		return "", fmt.Errorf("no place for the store: %w; or name one with --store", err)
	}
	return filepath.Join(dir, "store.db"), nil
}

// openStore opens a store, and says where it is when it is new: nobody's mail is kept unnoticed.
func (a *app) openStore(ctx context.Context, path string, create bool) (*store.Store, error) {
	s, err := store.Open(ctx, path, store.Options{Create: create, Waiting: func() {
		a.note("waiting for another process that uses %s", path)
	}})
	if err != nil {
		return nil, storeError(err)
	}
	if s.Created() {
		a.note("findings are kept in %s from now on, readable by you only; ndrscan forget erases an address from it", path)
	}
	return s, nil
}

// storeError is an error of the store with the way out of it as the hint.
func storeError(err error) error {
	var e *store.Error
	if errors.As(err, &e) && e.Do != "" {
		return hint(err, e.Do)
	}
	return err
}

// openMemory opens the store that --store names, if it does.
func (j *job) openMemory(ctx context.Context, s *storing) (err error) {
	if s.path == "" {
		return nil
	}
	if slices.ContainsFunc(j.names, bundle.Named) {
		return misused("--store remembers mailboxes; a bundle (.zip) is a copy of what was in one")
	}
	j.forget = s.age
	j.memory, err = j.openStore(ctx, s.path, true)
	return err
}

// remember saves a finished run as it may be shown. An interrupted one is not saved: what it judged with half the flood at
// hand would replace what earlier runs knew.
func (j *job) remember(ctx context.Context, c report.Content, hide *report.Redactor) error {
	if ctx.Err() != nil {
		j.note("interrupted: %s is as it was before", j.memory.Path())
		return nil
	}
	run := store.Run{At: c.Report.Generated, Report: c.Report, Sources: storedSources(j.all, hide), Keep: j.forget}
	saved, err := j.memory.Save(ctx, run, c.Findings())
	if err != nil {
		return storeError(err)
	}
	if j.verbose && !j.quiet {
		j.note("%s: %d messages new, %d known before, %d too old to be kept; %d older ones deleted",
			j.memory.Path(), saved.New, saved.Again, saved.Outside, saved.Pruned)
	}
	return nil
}

// storedSources names the sources of a run as the store knows them, which is as findings name them: redacted, too.
func storedSources(all *opened, hide *report.Redactor) []store.Source {
	var list []store.Source
	shown := func(source, mailbox string) classify.Finding {
		return hide.Finding(classify.Finding{Source: source, Mailbox: mailbox})
	}
	for _, source := range all.sources {
		name := source.Name()
		stored := store.Source{Name: shown(name, "").Source, Key: shown(sourceKey(name), "").Source}
		if account, ok := source.(*imapfetch.Source); ok {
			stored.Validity = map[string]uint32{}
			for mailbox, validity := range account.Validity() {
				stored.Validity[shown(name, mailbox).Mailbox] = validity
			}
		}
		list = append(list, stored)
	}
	return list
}

// sourceKey is the name of a source that stays the same however it is called: an account without its mailbox and usual port,
// for a message that is moved to another mailbox is the same message; a file by its whole path.
func sourceKey(name string) string {
	if name == "-" {
		return name
	}
	if !isURL(name) {
		if abs, err := filepath.Abs(name); err == nil {
			return abs
		}
		return name
	}
	cfg, err := imapfetch.ParseURL(name)
	if err != nil {
		return accountURL(name)
	}
	scheme, _, _ := strings.Cut(name, "://")
	host := strings.ToLower(cfg.Host)
	if _, port, _ := net.SplitHostPort(cfg.Addr); port != usualPort[scheme] {
		host = net.JoinHostPort(host, port)
	}
	return scheme + "://" + cfg.User + "@" + host
}

var usualPort = map[string]string{"imaps": "993", "imap": "143"}
