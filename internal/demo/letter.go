package demo

import (
	"fmt"
	"strings"
	"time"
)

// letter is a message as its writer made it.
type letter struct {
	from      person
	to        []string
	subject   string
	messageID string
	agent     string // its header line, "User-Agent: ..." or "X-Mailer: ...", or none
	extra     string // further header lines
	date      time.Time
	body      string
	claimed   string // Received lines that its writer put into it
}

// header gives the header section without trace fields.
func (l *letter) header() string {
	var b strings.Builder
	b.WriteString(l.claimed)
	fmt.Fprintf(&b, "From: %s\nTo: %s\nSubject: %s\nDate: %s\nMessage-ID: %s\n",
		l.from, strings.Join(l.to, ", "), l.subject, l.date.Format(plainDate), l.messageID)
	b.WriteString(l.agent)
	b.WriteString(l.extra)
	b.WriteString("MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 7bit\n")
	return b.String()
}

// campaign is one spam; %s is a number that changes from mail to mail.
type campaign struct{ subject, body string }

var (
	forgedCampaigns = []campaign{
		{"Parcel %s is held at customs", "Dear customer,\n\nparcel %[1]s is waiting for a fee of 2.95.\nPay now: http://customs-fee.parcelhub.example/p/%[1]s\n\nThe parcel service\n"},
		{"Final notice: invoice %s is overdue", "Your invoice %[1]s is 30 days overdue.\nSee http://billing.ledgerdesk.example/i/%[1]s before legal steps are taken.\n"},
		{"Your mailbox is 98%% full (case %s)", "Mail to you will be returned from tomorrow.\nKeep your mailbox: http://quota.webmail-help.example/v/%[1]s\n\nHelp desk\n"},
	}
	stolenCampaigns = []campaign{
		{"Updated bank details, order %s", "Hello,\n\nplease use our new account for order %[1]s. The details are here:\nhttp://docs.sharefile-view.example/d/%[1]s\n\nNora Vance\nTidewater Books\n"},
		{"Nora Vance shared remittance %s with you", "Open the document: http://docs.sharefile-view.example/r/%[1]s\nThe link ends tomorrow.\n"},
	}
	spamAgents = []string{"", "X-Mailer: Microsoft Outlook Express 6.00.2900.5931\n", "", "X-Mailer: The Bat! (v3.99.29) Professional\n"}
)

// fill puts the number into a campaign's text.
func fill(format, number string) string { return fmt.Sprintf(format, number) }

// forged makes a spam that some bot sends with the owner's address. One in thirty frames her server with a Received
// line of its own, as spammers do.
func (g *generator) forged(to string, at time.Time) *letter {
	c, number := pick(g.rand, forgedCampaigns), g.text(digits, 6)
	l := &letter{
		from: person{"Nora Vance", owner.addr}, to: []string{"<" + to + ">"}, date: at.Add(-g.seconds(90)),
		subject: fill(c.subject, number), body: fill(c.body, number), agent: pick(g.rand, spamAgents),
		messageID: fmt.Sprintf("<%s.%s@%s>", g.text(hexLow, 12), g.text(digits, 5), ownDomain),
	}
	if g.rand.IntN(30) == 0 {
		l.claimed = postfixReceived(g, hop{client: homeLine, by: ownSMTP.name, to: to, login: owner.addr, tls: true,
			id: g.queueID("postfix", at), at: l.date})
	}
	return l
}

// stolen makes a spam that the thief sends through the owner's account.
func (g *generator) stolen(to string, at time.Time) *letter {
	c, number := pick(g.rand, stolenCampaigns), g.text(digits, 5)
	return &letter{
		from: owner, to: []string{to}, date: at.Add(-g.seconds(5)),
		subject: fill(c.subject, number), body: fill(c.body, number), agent: "X-Mailer: Leaf PHPMailer 2.8\n",
		messageID: fmt.Sprintf("<%s@%s>", g.text(hexLow, 32), thief.helo),
	}
}

// The people the owner writes to, and her subjects.
var (
	friends = []person{
		{"Ingrid Solheim", "ingrid.solheim@gullviknews.example"}, {"Theo Marsh", "theo@cobaltcycles.example"},
		{"Ada Quill", "ada.quill@lumenatlas.example"}, {"Piet Janssen", "piet@northglass.example"},
		{"Rosa Delgado", "rosa.delgado@ridgecollege.example"}, {"Walter Finch", "walter@oldmillinn.example"},
		{"Mina Aoki", "mina@vendelacare.example"}, {"Parish office", "office@pinewoodparish.example"},
	}
	subjects = []string{
		"Your order of maps", "Reading on Thursday", "New titles in spring", "Signed copies", "Opening hours in the holidays",
		"The atlas you asked for", "Invoice for the window display", "Book club in January",
	}
)

// genuine makes a mail of the owner's own and puts it into Sent.
func (g *generator) genuine(to string, at time.Time) *letter {
	subject := pick(g.rand, subjects)
	l := &letter{
		from: owner, to: []string{to}, date: at.Add(-g.seconds(5)), subject: subject,
		body:  "Hello,\n\n" + strings.ToLower(subject[:1]) + subject[1:] + ": see you soon, and many thanks.\n\nNora\nTidewater Books, Harbour Row 4\n",
		agent: "User-Agent: Mozilla Thunderbird\n",
		messageID: fmt.Sprintf("<%s-%s-4%s-a%s-%s@%s>", g.text(hexLow, 8), g.text(hexLow, 4), g.text(hexLow, 3),
			g.text(hexLow, 3), g.text(hexLow, 12), ownDomain),
	}
	g.flood.Sent = append(g.flood.Sent, Message{Raw: toCRLF(l.header() + "\n" + l.body), Date: l.date})
	return l
}

// submitted writes the line by which the owner's server took a letter from a client with her login.
func (g *generator) submitted(client host, to string, at time.Time) (line, id string) {
	id = g.queueID("postfix", at)
	return postfixReceived(g, hop{client: client, by: ownSMTP.name, to: to, login: owner.addr, tls: true, id: id, at: at}), id
}

var (
	givenNames = strings.Fields("anna ben carla david elin farid greta hassan ida jonas karin luis maya nils oona pavel rita sven tara urs vera wim yara zoe")
	surnames   = strings.Fields("abbott berg costa dahl eriksen fischer grant hughes ivarsson jones keller lund moreno nash olsen price quinn reyes stone tanner ueda voss wells young")
)

// stranger makes an address at a site that was not used before.
func (g *generator) stranger(s *site) string {
	for {
		addr := pick(g.rand, givenNames) + "." + pick(g.rand, surnames)
		if g.rand.IntN(2) == 0 {
			addr += g.text("123456789", 1) + g.text(digits, 1)
		}
		addr += "@" + s.domain
		if !g.used[addr] {
			g.used[addr] = true
			return addr
		}
	}
}
