package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

const (
	maxCards    = 8 // campaigns shown with a sample
	maxJourneys = 5
	maxHops     = 30 // Received lines drawn of one message
)

// sample is a typical message of a campaign, as its card shows it.
type sampleView struct {
	ID, Source         string
	From, MailFrom, To string
	Date               *time.Time
	Origin, SPF        string
	Recipient, Refusal string
	Reporter           string
}

// campaign is a card: what a campaign says, and one of its messages.
func (p *pager) campaign(c classify.CampaignRow) campaignView {
	p.cards++
	card := campaignView{CampaignRow: c, Anchor: fmt.Sprintf("campaign-%d", p.cards)}
	for i := range p.r.Samples {
		f := &p.r.Samples[i]
		if c.Campaign == "" || f.Campaign != c.Campaign || f.Original == nil || f.Class != c.Class && card.Sample != nil {
			continue
		}
		card.Sample = cardSample(f)
		if f.Class == c.Class {
			break
		}
	}
	if card.Sample != nil {
		p.link(card.Sample.Source, card.Sample.ID, "#"+card.Anchor)
	}
	card.IDs = p.refs(c.Evidence, min(p.rows, idColumns))
	card.Evidence = nil
	return card
}

// link says where the page shows a message. Rows name it by its id, and by source and id where there are several sources.
func (p *pager) link(source, id, anchor string) {
	name := id
	if len(p.r.Sources) > 1 {
		name = source + " " + id
	}
	if p.links[name] == "" {
		p.links[name] = anchor
	}
}

func cardSample(f *classify.Finding) *sampleView {
	o := f.Original
	s := &sampleView{ID: f.ID, Source: f.Source, From: o.From, MailFrom: o.MailFrom, To: some(o.To, 1), Date: o.Date}
	if f.Origin != nil {
		s.Origin = f.Origin.IP
		if f.Origin.Own && f.Origin.ClientIP != "" {
			s.Origin = f.Origin.ClientIP
		}
	}
	if f.SPF != nil {
		s.SPF = f.SPF.Result
	}
	if f.Reporter != nil {
		s.Reporter = cmp.Or(f.Reporter.MTA, f.Reporter.IP)
	}
	if len(f.Recipients) > 0 {
		r := f.Recipients[0]
		s.Recipient, s.Refusal = r.Address, cmp.Or(r.Diagnostic, strings.TrimSpace(r.Status+" "+r.Reason))
	}
	return s
}

// journey is the way of one message, in the order of travel: from what nobody vouches for to our mailbox.
type journey struct {
	Anchor, ID, Source string
	Class              classify.Class
	Subject            string
	Claims             []hop // below the trust boundary
	Hops               []hop // above it
	MoreHops           int
	Boundary           string
	SPF                string
	SPFResult          string
	Refusals           []string
	Reporter           string
	ReporterNote       string
	Account            string
	Reasons            excerpt[classify.Reason]
	CouldBe            string
	Settle             string
	Remedy             string
}

// hop is one hand-over: a Received line of the returned message.
type hop struct {
	Line          int
	From, By      string
	Note          string // what is known about the client
	Why           string
	Border, Frame bool
}

// journeys draws a typical message of each class, the urgent ones first.
func (p *pager) journeys() []journey {
	var list []journey
	for _, class := range classOrder {
		i := slices.IndexFunc(p.r.Samples, func(f classify.Finding) bool { return f.Class == class && f.Origin != nil })
		if i < 0 || len(list) >= min(maxJourneys, p.rows) {
			continue
		}
		f := &p.r.Samples[i]
		anchor := fmt.Sprintf("message-%d", i+1)
		p.link(f.Source, f.ID, "#"+anchor)
		list = append(list, p.journey(f, anchor))
	}
	return list
}

func (p *pager) journey(f *classify.Finding, anchor string) journey {
	o := f.Origin
	j := journey{Anchor: anchor, ID: f.ID, Source: f.Source, Class: f.Class, Account: f.Account, Boundary: boundary(o),
		Reasons: firstRows(f.Reasons, p.rows/5, same), CouldBe: join(f.CouldBe, ", "), Settle: f.Settle, Remedy: f.Remedy}
	if f.Original != nil {
		j.Subject = f.Original.Subject
	}
	j.walk(o, min(maxHops, p.rows))
	if f.SPF != nil && f.SPF.Result != "" {
		j.SPFResult = f.SPF.Result
		j.SPF = "SPF " + f.SPF.Result + by(" for ", f.SPF.Domain) + by(", matched ", f.SPF.Mechanism)
	}
	for _, r := range f.Recipients[:min(len(f.Recipients), p.rows, idColumns)] {
		j.Refusals = append(j.Refusals, r.Address+by(": ", cmp.Or(r.Diagnostic, strings.TrimSpace(r.Status+" "+r.Reason))))
	}
	j.reporter(f.Reporter)
	return j
}

// walk turns the lines round: they stand newest first, the message travelled the other way.
func (j *journey) walk(o *classify.Origin, n int) {
	steps := o.Steps[:min(len(o.Steps), n)]
	j.MoreHops = len(o.Steps) - len(steps)
	for _, s := range slices.Backward(steps) {
		h := hop{Line: s.Line, From: s.Client, By: s.By, Why: cmp.Or(whys[s.Why], s.Why), Border: s.Why == "border", Frame: s.Why == "framing"}
		switch {
		case h.From != "" && h.From == o.IP:
			h.Note = clientNote(o)
		case h.From != "" && h.From == o.ClientIP && o.AuthUser != "":
			h.Note = "login " + o.AuthUser
		}
		if s.Believed {
			j.Hops = append(j.Hops, h)
		} else {
			j.Claims = append(j.Claims, h)
		}
	}
}

// clientNote is what is known about the address that connected.
func clientNote(o *classify.Origin) string {
	var parts []string
	switch {
	case o.RDNS == "":
		parts = append(parts, "no reverse name")
	case o.RDNSConfirmed:
		parts = append(parts, o.RDNS)
	default:
		parts = append(parts, o.RDNS+" (not confirmed)")
	}
	if o.HELO != "" && o.HELO != o.RDNS {
		parts = append(parts, "called itself "+o.HELO)
	}
	if o.Own {
		parts = append(parts, "a server of yours")
	}
	return strings.Join(parts, ", ")
}

// boundary says what the trust boundary parts (METHOD 3.2 to 3.4).
func boundary(o *classify.Origin) string {
	switch {
	case o.IP == "":
		return "nothing that can be believed names where it came from"
	case o.Own && (o.ClientIP != "" || o.AuthUser != ""):
		return "from here on your own servers wrote the lines; what the client handed in before is its own word"
	case o.Own:
		return "from here on a server of yours wrote the lines"
	}
	return "from here on the reporting site wrote the lines; whatever stands before them, the sender wrote"
}

func (j *journey) reporter(r *classify.Reporter) {
	if r == nil {
		return
	}
	j.Reporter = cmp.Or(r.MTA, r.Witness, r.IP)
	switch {
	case r.Own:
		j.ReporterNote = "one of your servers"
	case r.IP == "":
		j.ReporterNote = "no host of yours stamped who handed it over"
	case r.Witness != "" && r.Verified:
		j.ReporterNote = "handed over by " + r.IP + ", verified as " + r.Witness
	default:
		j.ReporterNote = "handed over by " + r.IP + ", unverified" + by(" as ", r.Witness)
	}
}
