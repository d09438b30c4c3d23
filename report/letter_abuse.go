package report

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

// abuseFacts is what the letter to a network says.
type abuseFacts struct {
	Network     string
	AS          string
	Domains     []string
	Messages    int
	Verified    int
	Witnesses   []string
	First, Last time.Time
	Sources     []sourceLine
	More        int // addresses that are not listed
	SPF         []string
	Example     example
	XARF        int
	Missing     []string
	Signature   string
	Agent       string

	to     []string
	sample *classify.Finding
}

// sourceLine is one address in the letter's list.
type sourceLine struct{ IP, Messages, Times, RDNS string } // IP and Messages padded to columns

const (
	maxListed     = 30 // addresses in a letter
	maxXARF       = 10 // incidents of one network
	maxShownSites = 8
)

// toNetwork writes to whoever runs the network that forged mail came from.
func (w *writer) toNetwork(network netip.Prefix, k *complaint) (Letter, error) {
	k.incidents = k.best()
	rows := k.rows()
	facts := abuseFacts{
		Network: network.String(), Domains: forgedDomains(k.incidents), Messages: k.messages, Verified: k.verified,
		First: k.first, Last: k.last, SPF: results(k.spf), Signature: w.signature(), Agent: w.Agent,
		sample: k.incidents[0], Example: w.example(k.incidents[0]),
	}
	for _, row := range rows[:min(len(rows), maxListed)] {
		facts.Sources = append(facts.Sources, w.sourceLine(row))
	}
	align(facts.Sources)
	facts.More = len(rows) - len(facts.Sources)
	for _, name := range slices.Sorted(maps.Keys(k.witnesses)) {
		if len(facts.Witnesses) < maxShownSites {
			facts.Witnesses = append(facts.Witnesses, ascii(name))
		}
	}
	if e := w.Facts[rows[0].IP]; e != nil {
		facts.to, facts.AS = e.Abuse, asName(e)
	}
	letter := Letter{Name: fileName("abuse", facts.Network, k.first, k.last), About: facts.Network, To: facts.to, Messages: k.messages}
	if err := w.incidents(&letter, k); err != nil {
		return letter, err
	}
	facts.XARF, facts.Missing = len(letter.XARF), letter.Missing
	var err error
	letter.Mail, err = w.abuseLetter(k, facts)
	return letter, err
}

// incidents adds XARF reports for those messages of which everything is known, and says what the others lack.
func (w *writer) incidents(letter *Letter, k *complaint) error {
	for _, f := range k.incidents {
		report, err := w.xarf(f)
		if err != nil {
			return err
		}
		if report == nil || len(letter.XARF) == maxXARF {
			continue
		}
		mail, err := w.xarfLetter(f, letter.To, report)
		if err != nil {
			return err
		}
		letter.XARF = append(letter.XARF, XARF{report, mail})
	}
	if w.From == "" || w.Org == "" {
		letter.Missing = append(letter.Missing, factWho)
	}
	for _, fact := range slices.Sorted(maps.Keys(k.missing)) {
		letter.Missing = append(letter.Missing, fmt.Sprintf("%s (not known of %d of %d messages)", fact, k.missing[fact], k.messages))
	}
	return nil
}

func (w *writer) sourceLine(row sourceRow) sourceLine {
	l := sourceLine{IP: row.IP.String(), Messages: countOf(row.Messages, "message", "messages")}
	if !row.First.IsZero() {
		l.Times = fromTo(row.First, row.Last, time.DateTime)
	}
	if isHostName(row.RDNS) {
		l.RDNS = row.RDNS
	}
	return l
}

// fromTo writes from when to when, once where both look the same.
func fromTo(from, to time.Time, form string) string {
	if from.Format(form) == to.Format(form) {
		return from.Format(form)
	}
	return from.Format(form) + " to " + to.Format(form)
}

func align(lines []sourceLine) {
	ip, messages := 0, 0
	for _, l := range lines {
		ip, messages = max(ip, len(l.IP)), max(messages, len(l.Messages))
	}
	for i := range lines {
		lines[i].IP = fmt.Sprintf("%-*s", ip, lines[i].IP)
		lines[i].Messages = fmt.Sprintf("%*s", messages, lines[i].Messages)
	}
}

func (a abuseFacts) subject() string {
	subject := "Spam with forged sender from " + a.Network + ": " + countOf(a.Messages, "bounced message", "bounced messages")
	if !a.First.IsZero() {
		subject += ", " + fromTo(a.First, a.Last, time.DateOnly)
	}
	return subject
}

// results lists SPF results with their counts, the most frequent first.
func results(counts map[string]int) (list []string) {
	names := slices.Sorted(maps.Keys(counts))
	slices.SortStableFunc(names, func(a, b string) int { return counts[b] - counts[a] })
	for _, name := range names {
		list = append(list, fmt.Sprintf("%s for %d", ascii(name), counts[name]))
	}
	return list
}

func asName(e *classify.Enrichment) string {
	if e.ASN == 0 {
		return ""
	}
	return strings.TrimSpace(fmt.Sprintf("AS%d %s", e.ASN, bounded(Clean(e.ASName))))
}

func (w *writer) signature() string {
	if w.Org != "" {
		return Clean(w.Org)
	}
	return ""
}
