package report

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/classify"
)

const (
	// maxHTML bounds the page in bytes: what a browser opens at once and a ticket takes as an attachment.
	maxHTML = 2 << 20

	// htmlRows are the rows of the longest table; other lists show a part of them.
	htmlRows = 50

	// maxProseHTML bounds a text of mail that nobody must copy, in columns.
	maxProseHTML = 300

	maxBeside = 5 // names of block lists or abuse desks beside an address
)

// HTML writes the report as one page that needs nothing else: no script, no font, no picture from anywhere, and a content
// security policy that would stop them. It shows the first rows of each table and says how many more there are; a page
// that would be larger than 2 MB is made again with fewer rows, so its size and the time it takes have bounds whatever the
// report holds.
func HTML(w io.Writer, r *classify.Report) error {
	return writePage(w, "page.html", maxHTML, func(rows int) any { return newPage(r, rows) })
}

// writePage fills a template with a page of that many rows at most, or of fewer, so that it has room.
func writePage(w io.Writer, name string, room int, page func(rows int) any) error {
	for rows := htmlRows; ; rows /= 2 {
		b := boundedBuffer{room: room}
		err := pageTemplate.ExecuteTemplate(&b, name, page(max(rows, 1)))
		switch {
		case errors.Is(err, errTooLarge) && rows > 1:
			continue
		case err != nil:
			return fmt.Errorf("making the page: %w", err)
		}
		_, err = w.Write(b.buf.Bytes())
		return err
	}
}

// boundedBuffer takes no more than it has room for, so that a page that gets too large ends there.
type boundedBuffer struct {
	buf  bytes.Buffer
	room int
}

var errTooLarge = errors.New("larger than its bound")

func (b *boundedBuffer) Write(p []byte) (int, error) {
	if b.buf.Len()+len(p) > b.room {
		return 0, errTooLarge
	}
	return b.buf.Write(p)
}

//go:embed html
var htmlFiles embed.FS

var pageTemplate = template.Must(template.New("page.html").Funcs(template.FuncMap{
	"css":      func() template.CSS { return template.CSS(pageCSS()) },
	"csp":      contentPolicy,
	"short":    func(s string) string { return cut(s, maxProseHTML) },
	"shorter":  func(s string) string { return cut(s, maxProseHTML/2) },
	"urgent":   classify.MostUrgent,
	"brief":    func(s string) string { return cut(s, maxProseHTML/3) },
	"stamp":    stampHTML,
	"count":    count,
	"number":   thousands,
	"noun":     noun,
	"capital":  capital,
	"sentence": func(s string) string { return ended(capital(s)) },
	"ended":    ended,
	"classTag": classTag,
	"spfTag":   spfTag,
	"tone":     func(c classify.Class) string { return toneName(classTone[c]) },
	"color":    classColor,
	"args":     func(args ...any) []any { return args },
}).ParseFS(htmlFiles, "html/*.html"))

func pageCSS() string {
	text, err := htmlFiles.ReadFile("html/page.css")
	if err != nil {
		panic(err) // it is embedded
	}
	return string(text)
}

// contentPolicy lets the page's own style through by its hash and nothing else: not even a style attribute (CSP level 3,
// section 6.7.3). img-src is for the empty icon, without which a browser asks a server for one.
func contentPolicy() string {
	sum := sha256.Sum256([]byte(pageCSS()))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; base-uri 'none'; form-action 'none'"
}

// page is what the template shows. It is made of the first rows of the report and cleaned as a whole.
type page struct {
	Tool      string
	Generated time.Time
	Period    string
	Sources   excerpt[string]

	Assumed bool
	Ours    string // what was assumed ours
	Rerun   string

	Label, Sentence, Tone string
	Also                  []string
	Active                bool
	Bounces               int
	Figures               []figureView
	Reasons               excerpt[classify.Reason]
	Evidence              []messageRef
	HowToOpen             string
	Missing               excerpt[classify.Missing]

	Timeline timeline
	Shares   []classShare
	Episodes excerpt[episodeView]

	Networks     excerpt[networkBar]
	Origins      excerpt[originView]
	Accounts     excerpt[accountView] // what went through us and should not have
	Usual        excerpt[accountView] // our own mail that bounced
	Impersonated excerpt[senderView]
	Campaigns    excerpt[campaignView]
	Journeys     []journey
	Witnesses    excerpt[witnessView]
	Domains      excerpt[domainView]
	Actions      excerpt[classify.Action]

	Sum        string
	Complete   bool
	LeftOut    excerpt[string]
	Limits     excerpt[string]
	Own        excerpt[ownView]
	Sent, DNS  string
	Flags      []pair
	Thresholds []pair
}

// excerpt is the first rows of a list, and how many more there are.
type excerpt[T any] struct {
	Rows []T
	More int
}

// firstRows takes the first rows of a list and puts each into the form that the page shows.
func firstRows[T, U any](list []T, n int, form func(T) U) excerpt[U] {
	n = min(len(list), max(n, 1))
	p := excerpt[U]{More: len(list) - n}
	for _, row := range list[:n] {
		p.Rows = append(p.Rows, form(row))
	}
	return p
}

func same[T any](v T) T { return v }

// figure is one of the numbers that carry the verdict.
type figureView struct{ Value, What, Note, Tone string }

// ref names a message, and the place of the page that shows it, if there is one.
type messageRef struct{ ID, Link string }

type pair struct{ Name, Value string }

type (
	originView struct {
		classify.OriginRow
		AS, Listed, Abuse string
		IDs               []messageRef
	}
	accountView struct {
		classify.Account
		Clients   excerpt[string]
		Queue     excerpt[string]
		Campaigns int
		IDs       []messageRef
	}
	campaignView struct {
		classify.CampaignRow
		IDs    []messageRef
		Anchor string
		Sample *sampleView
	}
	witnessView struct {
		classify.WitnessRow
		Standing, Tone string
		IDs            []messageRef
	}
	senderView struct {
		classify.Impersonated
		IDs []messageRef
	}
	episodeView struct {
		classify.Episode
		Label, Tone string
	}
	domainView struct {
		classify.Domain
		Issues excerpt[string]
		Tree   []*termView
		More   int
	}
	ownView struct {
		classify.OwnHost
		Words, Listed string
	}
)

// pager puts a page together; links tell which messages it shows.
type pager struct {
	r     *classify.Report
	rows  int
	cards int // campaigns so far
	links map[string]string
}

func newPage(r *classify.Report, rows int) *page {
	p := &pager{r: r, rows: rows, links: map[string]string{}}
	journeys := p.journeys()
	campaigns := firstRows(r.Campaigns, min(rows, maxCards), p.campaign)
	label, sentence, t := headline(r)
	used, usual := p.accounts()
	return tidy(&page{
		Tool: r.Tool, Generated: r.Generated, Period: period(r.Period), Sources: firstRows(r.Sources, rows/5, same),
		Assumed: len(r.Run.Assumed) > 0 || r.Run.Rerun != "", Ours: some(r.Run.Assumed, rows), Rerun: r.Run.Rerun,
		Label: label, Sentence: capital(sentence), Tone: toneName(t), Also: p.also(), Active: r.Verdict.Active,
		Bounces: r.Kinds["bounce"], Figures: figureViews(r),
		Reasons: firstRows(r.Verdict.Reasons, rows, same), Evidence: p.refs(r.Verdict.Evidence, min(rows, maxRows)), HowToOpen: howToOpen(r),
		Missing:  firstRows(r.Verdict.Missing, rows, same),
		Timeline: newTimeline(r.Timeline), Shares: newShares(r.Classes),
		Episodes: p.episodes(), Networks: firstRows(networks(r.Origins), rows/5, same),
		Origins: firstRows(r.Origins, rows, p.origin), Accounts: firstRows(used, rows/4, p.account), Usual: firstRows(usual, rows/2, p.account),
		Impersonated: firstRows(r.Impersonated, rows/2, p.sender), Campaigns: campaigns, Journeys: journeys,
		Witnesses: firstRows(r.Witnesses, rows/2, p.witness), Domains: firstRows(r.Domains, rows/5, p.domain),
		Actions: firstRows(r.Actions, rows, same),
		Sum:     strings.TrimPrefix(sum(r), "Read "), Complete: r.Complete, LeftOut: firstRows(r.LeftOut, rows/2, leftOut), Limits: firstRows(r.Run.Limits, rows/2, same),
		Own: firstRows(r.OwnSeen, rows, ownHostOf), Sent: r.Run.Sent, DNS: r.Run.DNS,
		Flags: pairs(r.Run.Flags, rows, same), Thresholds: pairs(r.Verdict.Thresholds, rows, strconv.Itoa),
	})
}

// capital begins a sentence; words of other scripts and escapes stay as they are.
func capital(s string) string {
	if s != "" && 'a' <= s[0] && s[0] <= 'z' {
		return string(s[0]-'a'+'A') + s[1:]
	}
	return s
}

// ended ends a sentence with a full stop, once.
func ended(s string) string { return strings.TrimRight(s, ".") + "." }

func (p *pager) also() []string {
	var list []string
	for _, j := range p.r.Verdict.Also {
		list = append(list, cmp.Or(verdicts[j].label, string(j)))
	}
	return list[:min(len(list), p.rows)]
}

// figureViews are the numbers that carry the verdict, the same as in every format, each with a few words below it and the
// rest of its text in small letters.
func figureViews(r *classify.Report) []figureView {
	var list []figureView
	for i, f := range figures(r) {
		v := figureView{Value: f.value, What: f.text}
		if at := strings.IndexAny(f.text, ",:("); at > 0 {
			v.What, v.Note = strings.TrimSpace(f.text[:at]), strings.TrimSpace(f.text[at+1:])
			if f.text[at] == '(' {
				v.Note = strings.TrimSuffix(v.Note, ")")
			}
		}
		if i == 1 {
			v.Tone = toneName(classTone[classify.Class(v.What)])
		}
		if s := r.Verdict; i == 4 && len(s.Interval) == 2 { // what a cell is stands further below
			v.Note = fmt.Sprintf("%d; %s", s.Witnesses.Cells, interval(s))
		}
		list = append(list, v)
	}
	return list
}

// refs link the ids of messages that the page shows.
func (p *pager) refs(ids []string, n int) []messageRef {
	var list []messageRef
	for _, id := range ids[:min(len(ids), n)] {
		list = append(list, messageRef{id, p.links[id]})
	}
	return list
}

func (p *pager) origin(o classify.OriginRow) originView {
	row := originView{OriginRow: o, AS: asOf(o.Enriched), IDs: p.refs(o.Evidence, min(p.rows, idColumns))}
	if e := o.Enriched; e != nil {
		row.Listed, row.Abuse = some(e.Listed, maxBeside), some(e.Abuse, maxBeside)
	}
	row.Evidence, row.Enriched = nil, nil
	return row
}

// asOf names the network that announces an address, as far as it was asked for.
func asOf(e *classify.Enrichment) string {
	if e == nil {
		return ""
	}
	var parts []string
	if e.ASN != 0 {
		parts = append(parts, fmt.Sprintf("AS%d", e.ASN))
	}
	for _, s := range []string{cut(Clean(e.ASName), maxASName), e.Country} {
		if s != "" {
			parts = append(parts, s)
		}
	}
	return strings.Join(parts, " ")
}

const maxASName = 40

// accounts parts what should not have gone through us from our own mail that bounced.
func (p *pager) accounts() (used, usual []classify.Account) {
	for _, a := range p.r.Accounts {
		if a.Class == classify.Genuine || a.Class == classify.Forwarded {
			usual = append(usual, a)
		} else {
			used = append(used, a)
		}
	}
	return used, usual
}

func (p *pager) account(a classify.Account) accountView {
	row := accountView{Account: a, Clients: firstRows(a.ClientIPs, p.rows/4, same), Queue: firstRows(a.QueueIDs, min(p.rows, maxRows), same),
		Campaigns: len(a.Campaigns), IDs: p.refs(a.Evidence, min(p.rows, idColumns))}
	row.Account.ClientIPs, row.Account.QueueIDs, row.Account.Campaigns, row.Account.Evidence = nil, nil, nil, nil
	return row
}

func (p *pager) sender(i classify.Impersonated) senderView {
	row := senderView{i, p.refs(i.Evidence, min(p.rows, idColumns))}
	row.Evidence = nil
	return row
}

func (p *pager) witness(w classify.WitnessRow) witnessView {
	row := witnessView{WitnessRow: w, Standing: "unverified", Tone: "quiet", IDs: p.refs(w.Evidence, min(p.rows, idColumns))}
	switch {
	case w.Own:
		row.Standing, row.Tone = "ours", "strong"
	case w.Verified:
		row.Standing, row.Tone = "verified", "fine"
	}
	row.Evidence = nil
	return row
}

// episodes stand in the report only if there is more than one; else they repeat the verdict.
func (p *pager) episodes() excerpt[episodeView] {
	if len(p.r.Episodes) < 2 {
		return excerpt[episodeView]{}
	}
	return firstRows(p.r.Episodes, p.rows/2, func(e classify.Episode) episodeView {
		known := verdicts[e.Verdict]
		e.Classes = nil
		return episodeView{e, cmp.Or(known.label, string(e.Verdict)), toneName(known.tone)}
	})
}

// term is one term of a policy with those of the record that it includes.
type termView struct {
	classify.PolicyTerm
	Of       string // whose record the terms below are
	Included []*termView
}

const maxProblems = 5

func (p *pager) domain(d classify.Domain) domainView {
	terms := d.Policy[:min(len(d.Policy), max(p.rows, 1))]
	row := domainView{Domain: d, Issues: firstRows(d.Issues, p.rows/5, same), Tree: policyTree(terms), More: len(d.Policy) - len(terms)}
	row.Policy, row.Domain.Issues = nil, nil
	return row
}

// policyTree puts included records below the terms that include them.
func policyTree(terms []classify.PolicyTerm) []*termView {
	root := &termView{}
	path := []*termView{root} // the term of each depth that was met last, below the root
	for _, t := range terms {
		depth := min(max(t.Depth, 0), len(path)-1)
		t.Problems = t.Problems[:min(len(t.Problems), maxProblems)]
		node, above := &termView{PolicyTerm: t}, path[depth]
		above.Of, above.Included = t.Domain, append(above.Included, node)
		path = append(path[:depth+1], node)
	}
	return root.Included
}

func ownHostOf(o classify.OwnHost) ownView {
	words := o.Rule
	for _, r := range rules {
		if r.rule == o.Rule {
			words = r.words
		}
	}
	listed := some(o.Listed, maxBeside)
	o.Listed = nil
	return ownView{o, words, listed}
}

func pairs[V any](m map[string]V, n int, write func(V) string) []pair {
	var list []pair
	for _, k := range slices.Sorted(maps.Keys(m)) {
		list = append(list, pair{k, write(m[k])})
	}
	return list[:min(len(list), n)]
}

// toneName is what the style sheet calls the meaning of a colour.
func toneName(t tone) string {
	switch t {
	case alarm:
		return "alarm"
	case warn:
		return "warn"
	case fine:
		return "fine"
	}
	return "quiet"
}

// classTag is what the style sheet calls a class; one that it does not know looks undetermined.
func classTag(c classify.Class) string {
	if !slices.Contains(classOrder, c) {
		c = classify.Undetermined
	}
	return "c-" + string(c)
}

// spfTag is what the style sheet calls a result.
func spfTag(result string) string {
	if _, ok := spfTone[result]; !ok {
		return ""
	}
	return "spf-" + result
}

// thousands writes a number with thin spaces, which no screen reader and no language takes for a decimal point.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
		digits = digits[:i] + "\u202f" + digits[i:]
	}
	return digits
}

// stampHTML writes a time, or nothing where it is unknown.
func stampHTML(t any) string {
	switch t := t.(type) {
	case time.Time:
		return stamp(t)
	case *time.Time:
		if t != nil {
			return stamp(*t)
		}
	}
	return ""
}
