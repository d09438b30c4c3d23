package report

import (
	"bytes"
	"embed"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"text/template"
	"time"

	"ndrscan/classify"
)

//go:embed letter_abuse.tmpl letter_backscatter.tmpl
var letterFiles embed.FS

var letterTexts = template.Must(template.New("").Funcs(template.FuncMap{"utc": utc, "count": countOf, "join": strings.Join, "bullet": bullet}).ParseFS(letterFiles, "*.tmpl"))

// LetterOptions say who writes, and to whom.
type LetterOptions struct {
	From   string // a role address; "": the draft has no From
	Org    string // whose it is
	Agent  string // "ndrscan VERSION"
	Now    time.Time
	Least  int       // messages that a network or a site must have sent
	Redact *Redactor // makes the tokens that stand for local parts
	Random io.Reader // for boundaries and ids

	Records map[string]string                   // SPF records of our domains, where known
	Facts   map[netip.Addr]*classify.Enrichment // what was asked about addresses, where it was
}

// Letter is one draft.
type Letter struct {
	Name     string   // of its file, without extension; made from network and dates, never from mail
	Site     bool     // it goes to a site that bounced, not to a network that forged mail came from
	About    string   // the network, or the site
	To       []string // nil: nobody is known
	Messages int
	Mail     []byte // CRLF line ends
	XARF     []XARF // the incidents of which everything is known that XARF requires
	Missing  []string
}

// XARF is one incident: the JSON, and the mail that takes it there.
type XARF struct{ JSON, Mail []byte }

// LeftOut is why no letter is written for so many messages.
type LeftOut struct {
	Messages int
	Why      string
}

// writer writes the letters of one run.
type writer struct {
	LetterOptions
	hidden
}

// Letters writes a draft for each network and each site that has sent enough, and says what no letter is written for.
func (c *Complaints) Letters(opts LetterOptions) ([]Letter, []LeftOut, error) {
	w := &writer{LetterOptions: opts, hidden: hidden{opts.Redact, c.names}}
	networks, sites, left := c.writable(opts.Least)
	var list []Letter
	for _, n := range networks {
		l, err := w.toNetwork(n, c.networks[n])
		if err != nil {
			return nil, nil, fmt.Errorf("writing the letter about %s: %w", n, err)
		}
		list = append(list, l)
	}
	for _, s := range sites {
		l, err := w.toSite(c.sites[s])
		if err != nil {
			return nil, nil, fmt.Errorf("writing the letter to %s: %w", s, err)
		}
		list = append(list, l)
	}
	var out []LeftOut
	for why, n := range left {
		out = append(out, LeftOut{n, why})
	}
	slices.SortFunc(out, func(a, b LeftOut) int { return strings.Compare(a.Why, b.Why) })
	return list, out, nil
}

func (w *writer) render(name string, data any) ([]byte, error) {
	var out bytes.Buffer
	if err := letterTexts.ExecuteTemplate(&out, "letter_"+name+".tmpl", data); err != nil {
		return nil, err
	}
	return []byte(reflow(out.String())), nil
}

// fileName makes a name of what we know ourselves: digits, letters and dashes.
func fileName(kind, about string, first, last time.Time) string {
	plain := func(r rune) rune {
		switch {
		case r >= '0' && r <= '9', r >= 'a' && r <= 'z', r == '.':
			return r
		case r == '/':
			return '_'
		}
		return '-'
	}
	name := kind + "-" + strings.Map(plain, strings.ToLower(about))
	if !first.IsZero() {
		name += "-" + first.Format("20060102") + "-" + last.Format("20060102")
	}
	return name
}

func countOf(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// example is one message as a letter shows it.
type example struct {
	IP, RDNS, HELO, By, QueueID       string
	Port                              int
	At                                string
	MailFrom, Recipient               string
	Subject, MessageID, Said, Returns string
	SPF                               string
}

func (w *writer) example(f *classify.Finding) example {
	e := example{
		IP: f.Origin.IP, Port: f.Origin.Port, HELO: ascii(f.Origin.HELO), By: ascii(f.Origin.By), QueueID: ascii(f.Origin.QueueID),
		MailFrom: w.mailFrom(f), Subject: bounded(Clean(w.text(f.Original.Subject))), MessageID: ascii(w.words(f.Original.MessageID)),
	}
	if isHostName(f.Origin.RDNS) {
		e.RDNS = f.Origin.RDNS
	}
	if f.Origin.Time != nil {
		e.At = utc(*f.Origin.Time)
	}
	if f.Received != nil {
		e.Returns = utc(*f.Received)
	}
	if f.SPF != nil {
		e.SPF = spfSays(f.SPF)
	}
	for _, r := range f.Recipients {
		e.Recipient = w.address(r.Address)
		e.Said = bounded(Clean(strings.Join(strings.Fields(w.text(r.Diagnostic)), " ")))
	}
	return e
}

func spfSays(s *classify.SPF) string {
	if s.Mechanism == "" {
		return s.Result
	}
	return s.Result + " (matched " + ascii(s.Mechanism) + ")"
}

// domains are those that the messages forged.
func forgedDomains(list []*classify.Finding) (names []string) {
	for _, f := range list {
		address := f.Original.MailFrom
		if !strings.Contains(address, "@") {
			address = f.Original.From
		}
		if !strings.Contains(address, "@") {
			continue
		}
		if name := asciiDomain(domainOf(address)); name != "redacted.invalid" && !slices.Contains(names, name) && len(names) < maxTo {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}
