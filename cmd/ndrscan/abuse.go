package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"ndrscan/classify"
	"ndrscan/internal/netinfo"
	"ndrscan/report"
	"ndrscan/store"
)

// abuseFlags are the flags of abuse beside those of reading.
type abuseFlags struct {
	enriching
	contacts bool
	out      string
	from     string
	org      string
	least    int
	send     bool
	sendmail string
	submitting
	store string
}

// newAbuse writes letters to the networks that forged mail came from, and to the sites that bounced it.
func (a *app) newAbuse() *cobra.Command {
	var r reading
	var f abuseFlags
	cmd := &cobra.Command{
		Use:   "abuse SOURCE... | FINDINGS.jsonl",
		Short: "Draft letters to the networks forged mail came from, and to the sites that bounced it",
		Long: `Writes a draft (.eml) for each network that mail with your forged address came from: a report in the Abuse Reporting Format
(RFC 5965), and for each message of which everything is known that XARF 4.2 requires, an XARF report. A second kind of
letter goes to the sites that took the forged mail and bounced it later: it says what SPF would have told them, and how
their mail server is told to refuse.

Only origins of class forged are written about, reported by a verified witness; never your own hosts. Local parts of mail
addresses become tokens. Nothing is sent without --send: read the drafts first.

--contacts asks DNS (Abusix) who takes complaints about each network; it learns which addresses you look at. Without it
the drafts to networks have no recipient.`,
		Example: `  ndrscan scan -o findings.jsonl flood.mbox
  ndrscan abuse findings.jsonl --out letters --from abuse@example.com --org 'Example Ltd'
  ndrscan abuse --own example.com --contacts flood.mbox`,
		Args: usage(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, names []string) error {
			j, err := a.newJob(cmd, &r, names)
			if err != nil {
				return err
			}
			if err := f.check(); err != nil {
				return err
			}
			return j.abuse(cmd.Context(), &f)
		},
	}
	r.addFlags(cmd.Flags())
	f.addFlags(cmd)
	return cmd
}

func (f *abuseFlags) addFlags(cmd *cobra.Command) {
	fl := cmd.Flags()
	f.enriching.addFlags(cmd)
	fl.BoolVar(&f.contacts, "contacts", false, "ask DNS who takes complaints about each network (the same as --enrich contacts)")
	fl.StringVar(&f.out, "out", "letters", "write the drafts into this `FOLDER`; nothing in it is overwritten")
	fl.StringVar(&f.from, "from", "", "who writes: a role `ADDRESS` such as abuse@example.com (default: the drafts have no From)")
	fl.StringVar(&f.org, "org", "", "whose letters they are: `NAME` of the organisation")
	fl.IntVar(&f.least, "min", 5, "write about a network or site from this `NUMBER` of messages on")
	fl.BoolVar(&f.send, "send", false, "hand the letters to sendmail, or to --smtp, as well")
	fl.StringVar(&f.sendmail, "sendmail", "/usr/sbin/sendmail", "`PROGRAM` that --send hands each letter to")
	f.submitting.addFlags(fl)
	fl.StringVar(&f.store, "store", "", "note in this `FILE`, the store of scan --store, which letters were written, for ndrscan weekly")
}

func (f *abuseFlags) check() error {
	switch {
	case f.from != "" && !netinfo.IsMailAddress(f.from):
		return misused("--from %q is no mail address", f.from)
	case f.send && f.from == "":
		return misused("--send needs --from, the address that answers go to")
	case f.smtp != "" && !f.send:
		return misused("--smtp says how letters go: give --send, too")
	case f.least < 1:
		return misused("--min %d: give a number above 0", f.least)
	}
	if err := f.submitting.check(); err != nil {
		return err
	}
	if f.contacts && !slices.Contains(f.enrich, "contacts") {
		f.enrich = append(f.enrich, "contacts")
	}
	return f.enriching.check()
}

// abuse gathers what there is to complain about, writes the drafts, and sends them if that was asked for.
func (j *job) abuse(ctx context.Context, f *abuseFlags) error {
	if err := emptyName(f.out); err != nil {
		return err
	}
	var notes *store.Store
	if f.store != "" {
		var err error
		if notes, err = j.openStore(ctx, f.store, true); err != nil {
			return err
		}
		defer notes.Close()
	}
	gathered, records, err := j.complaints(ctx)
	if err != nil {
		return err
	}
	if gathered.Names(f.from) {
		j.note("--from %s is an address that was forged, or like one: letters hide these. A role address (abuse@...) tells less", f.from)
	}
	opts := report.LetterOptions{From: f.from, Org: f.org, Agent: "ndrscan/" + version(), Now: j.now(), Least: f.least,
		Random: rand.Reader, Records: records}
	key, err := j.pseudonymKey()
	if err != nil {
		return fmt.Errorf("the key of the pseudonyms: %w", err)
	}
	opts.Redact = report.NewRedactor(report.RedactAll, key)
	if opts.Facts, err = j.facts(ctx, f, gathered); err != nil {
		return err
	}
	letters, left, err := gathered.Letters(opts)
	if err != nil {
		return err
	}
	if len(letters) > 0 {
		if err := writeDrafts(f.out, letters); err != nil {
			return err
		}
	}
	if err := toStdout(func() error { return report.Drafts(j.stdout, letters, left, f.out) }); err != nil {
		return err
	}
	sent := map[string]bool{}
	failed := j.send(ctx, f, letters, sent)
	if err := j.noteLetters(ctx, notes, letters, sent); err != nil && failed == nil {
		return err
	}
	return failed
}

// send sends the letters if that was asked for.
func (j *job) send(ctx context.Context, f *abuseFlags, letters []report.Letter, sent map[string]bool) error {
	if !f.send {
		return nil
	}
	m, err := f.mailer(j)
	if err != nil {
		return err
	}
	return j.sendAll(ctx, letters, m, sent)
}

// noteLetters writes down which letters there are now, and which of them were sent: also when the rest could not be.
func (j *job) noteLetters(ctx context.Context, s *store.Store, letters []report.Letter, sent map[string]bool) error {
	if s == nil {
		return nil
	}
	var notes []store.Letter
	for _, l := range letters {
		notes = append(notes, store.Letter{At: j.now(), Site: l.Site, About: l.About, Messages: l.Messages, Sent: sent[l.Name]})
	}
	return storeError(s.AddLetters(context.WithoutCancel(ctx), notes))
}

// mailer is the way that --send takes.
func (f *abuseFlags) mailer(j *job) (mailer, error) {
	if f.smtp == "" {
		return sendmail{f.sendmail, f.from}, nil
	}
	return f.newSubmission(f.from, j.ca, j.insecure, &passwords{app: j.app, command: j.passwordCmd})
}

// complaints reads saved findings, or scans the sources. From a scan come the SPF records of our domains, too.
func (j *job) complaints(ctx context.Context) (*report.Complaints, map[string]string, error) {
	if len(j.names) == 1 && strings.HasSuffix(strings.ToLower(j.names[0]), ".jsonl") {
		gathered := report.NewComplaints(namedAddresses(j.own)...)
		err := readFindings(j.names[0], func(f classify.Finding) { gathered.Add(&f) })
		return gathered, nil, err
	}
	for _, name := range j.names {
		if ext := strings.ToLower(filepath.Ext(name)); ext == ".json" || ext == ".jsonl" {
			return nil, nil, hint(misused("%s: letters are written from sources, or from one file of findings (.jsonl)", name),
				"a report holds sums and samples only: ndrscan scan -o findings.jsonl SOURCE, then ndrscan abuse findings.jsonl")
		}
	}
	j.keep = true
	result, err := whole(j.run(ctx))
	if err != nil {
		return nil, nil, err
	}
	defer result.Close()
	own := namedAddresses(j.own)
	for _, h := range result.Report.OwnSeen {
		if ip, _ := ownAddress(h.Host); ip.IsValid() {
			own = append(own, ip)
		}
	}
	gathered := report.NewComplaints(own...)
	for finding, err := range result.Findings() {
		if err != nil {
			return nil, nil, fmt.Errorf("reading the findings: %w", err)
		}
		gathered.Add(&finding)
	}
	records := map[string]string{}
	for _, d := range result.Report.Domains {
		records[strings.ToLower(d.Domain)] = d.Record
	}
	return gathered, records, nil
}

// namedAddresses are the values of --own that are addresses.
func namedAddresses(own []string) (ips []netip.Addr) {
	for _, name := range own {
		if ip := address(name); ip.IsValid() {
			ips = append(ips, ip)
		}
	}
	return ips
}

// facts asks about the networks that are written to, if that was asked for.
func (j *job) facts(ctx context.Context, f *abuseFlags, c *report.Complaints) (map[netip.Addr]*classify.Enrichment, error) {
	if len(f.enrich) == 0 {
		return nil, nil
	}
	if j.dns == nil {
		if err := j.openDNS(j.reading.dns); err != nil {
			return nil, err
		}
	}
	ips := c.Addresses(f.least)
	if len(ips) > maxEnriched {
		j.note("--enrich looks at the largest %d of %d networks and sites", maxEnriched, len(ips))
		ips = ips[:maxEnriched]
	}
	facts, problems := f.ask(ctx, j.dns, ips)
	for _, p := range problems {
		j.note("%s", p)
	}
	return facts, ctx.Err()
}

// emptyName finds out before the work that drafts can't be written.
func emptyName(folder string) error {
	info, err := os.Stat(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return checkFolders([]string{folder})
	case err != nil:
		return fmt.Errorf("--out %s: %w", folder, err)
	case !info.IsDir():
		return misused("--out %s is no folder", folder)
	}
	return nil
}

// writeDrafts writes the letters into a folder of their own, readable by their owner only. A draft that is there already
// was perhaps corrected by hand: then none is written.
func writeDrafts(folder string, letters []report.Letter) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("--out %s: %w", folder, err)
	}
	files := map[string][]byte{}
	var names []string
	add := func(name string, body []byte) {
		names = append(names, name)
		files[name] = body
	}
	for _, l := range letters {
		add(l.Name+".eml", draft(l.Mail))
		for i, x := range l.XARF {
			name := fmt.Sprintf("%s-xarf-%02d", l.Name, i+1)
			add(name+".json", x.JSON)
			add(name+".eml", draft(x.Mail))
		}
	}
	for _, name := range names {
		if _, err := os.Lstat(filepath.Join(folder, name)); err == nil {
			return hint(fmt.Errorf("%s is there already: nothing was written", filepath.Join(folder, name)), "name another folder with --out")
		}
	}
	for _, name := range names {
		if err := writeNew(filepath.Join(folder, name), files[name]); err != nil {
			return err
		}
	}
	return nil
}

func writeNew(path string, body []byte) error {
	out, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("writing a draft: %w", err)
	}
	_, err = out.Write(body)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("writing a draft: %w", err)
	}
	return nil
}

// draft marks a letter as not sent yet: Outlook opens it for editing then.
func draft(mail []byte) []byte { return append([]byte("X-Unsent: 1\r\n"), mail...) }

// sendAll hands over every letter that has a recipient, and marks them by name.
func (j *job) sendAll(ctx context.Context, letters []report.Letter, m mailer, done map[string]bool) error {
	sent, without := 0, 0
	for _, l := range letters {
		if len(l.To) == 0 {
			without++
			continue
		}
		mails := [][]byte{l.Mail}
		for _, x := range l.XARF {
			mails = append(mails, x.Mail)
		}
		for _, mail := range mails {
			if err := m.Send(ctx, mail); err != nil {
				return hint(fmt.Errorf("sending %s.eml: %w", l.Name, err), fmt.Sprintf("%d letters were sent before it; send the rest yourself, or they go twice", sent))
			}
			sent++
			done[l.Name] = true
		}
	}
	j.note("%d letters were handed to the mail server", sent)
	if without > 0 {
		j.note("%d letters have no recipient and were not sent: --contacts asks for them", without)
	}
	return nil
}
