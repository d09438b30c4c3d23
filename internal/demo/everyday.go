package demo

import (
	"fmt"
	"time"
)

// everyday makes the mail that has nothing to do with the flood: what the owner sent, and what she got.
func (g *generator) everyday(p plan) {
	for range 24 {
		g.genuine(pick(g.rand, friends).addr, g.between(21*24*time.Hour, 3*24*time.Hour))
	}
	for i := range p.ordinary {
		at := g.between(12*24*time.Hour, 2*time.Hour)
		if i%4 == 3 {
			g.newsletter(at)
			continue
		}
		g.letterFrom(friends[i%len(friends)], at)
	}
	for range p.ownInternal {
		g.copyToSelf(g.between(14*24*time.Hour, 12*time.Hour))
	}
}

// letterFrom is an ordinary mail of a contact.
func (g *generator) letterFrom(who person, at time.Time) {
	s := siteOf(who.addr)
	l := letter{
		from: who, to: []string{owner.String()}, subject: "Re: " + pick(g.rand, subjects), date: at.In(s.zone),
		messageID: fmt.Sprintf("<%s@%s>", g.text(hexLow, 20), s.domain), body: "Dear Nora,\n\nthank you, that would be lovely.\n\n" + who.name + "\n",
	}
	g.deliver(g.arrival(s.reporter(), who.addr, owner.addr, at)+l.header()+"\n"+l.body, at, "other")
}

// newsletter is a mail of a mailing list.
func (g *generator) newsletter(at time.Time) {
	who := person{"Parish news", "news@pinewoodparish.example"}
	s := siteOf(who.addr)
	l := letter{
		from: who, to: []string{who.addr}, subject: "Parish news, number " + g.text("123456789", 2), date: at.In(s.zone),
		extra:     "List-Id: Parish news <news." + s.domain + ">\nList-Unsubscribe: <mailto:news-leave@" + s.domain + ">\nPrecedence: list\n",
		messageID: fmt.Sprintf("<%s.news@%s>", g.text(digits, 14), s.domain), body: "Choir on Friday, jumble sale on Saturday.\n",
	}
	g.deliver(g.arrival(s.reporter(), "news-bounces@"+s.domain, owner.addr, at)+l.header()+"\n"+l.body, at, "other")
}

// copyToSelf is a mail of the owner's to the shop's shared address, which shows where she usually sends from.
func (g *generator) copyToSelf(at time.Time) {
	l := g.genuine(shop.addr, at)
	below, _ := g.submitted(homeLine, shop.addr, at)
	g.deliver(g.arrival(ownSMTP, owner.addr, owner.addr, at)+below+l.header()+"\n"+l.body, at, "other")
}

// autoreply is a holiday notice: as Exchange writes it for its own, as Sieve's vacation does (RFC 5230) elsewhere.
func (g *generator) autoreply(s *site, a attempt) error {
	at := a.at.Add(g.seconds(20))
	who := person{"", a.to}
	l := letter{
		from: who, to: []string{owner.addr}, date: at.In(s.zone), messageID: fmt.Sprintf("<dovecot-sieve-%s-%s-0@%s>", g.text(digits, 10), g.text(digits, 6), s.mx.name),
		subject: "Auto: " + a.letter.subject, body: "I am away and back on Monday. Your mail will not be forwarded.\n",
		extra: fmt.Sprintf("X-Sieve: Pigeonhole Sieve 2.3.21\nPrecedence: bulk\nX-Auto-Response-Suppress: All\nAuto-Submitted: auto-replied (vacation)\nIn-Reply-To: %s\nReferences: %[1]s\n", a.letter.messageID),
	}
	if s.software == "exchange" {
		l.subject = "Automatic reply: " + a.letter.subject
		l.messageID = fmt.Sprintf("<%s@%s>", g.text(hexLow, 32), exchangeStore.name)
		l.extra = fmt.Sprintf("X-MS-Has-Attach:\nX-Auto-Response-Suppress: All\nX-MS-Exchange-Inbox-Rules-Loop: %s\nAuto-Submitted: auto-generated\nIn-Reply-To: %s\nReferences: %[2]s\n", a.to, a.letter.messageID)
	}
	g.deliver(g.arrival(s.reporter(), "", owner.addr, at)+l.header()+"\n"+l.body, at, "autoreply")
	return nil
}
