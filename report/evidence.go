package report

import (
	"slices"
	"strconv"
	"time"

	"ndrscan/classify"
)

// evidence writes the tables. Rows keep the order of the data, which classify sorts by weight.
func (p *printer) evidence() {
	p.accounts()
	p.impersonated()
	p.origins()
	p.witnesses()
	p.campaigns()
	p.episodes()
	p.domains()
}

// table writes a heading, the first rows and, if there are more, how many.
func (p *printer) table(title string, g *grid) {
	total := len(g.rows)
	if total == 0 {
		return
	}
	if !p.Verbose && total > maxRows {
		g.rows, g.ids = g.rows[:maxRows], g.ids[:maxRows]
	}
	p.heading(title)
	fitted, under := g.layout(p.width() - len(indent))
	if err := fitted.draw(&p.b, p.Style); err != nil && p.err == nil {
		p.err = err
	}
	if rest := total - len(g.rows); rest > 0 {
		p.line("%s", p.paint(quiet, "  and "+strconv.Itoa(rest)+" more (-v shows all)"))
	}
	if under {
		p.idsUnder(g)
	}
}

// idsUnder lists one message a row, for ids that are too long to stand in the table.
func (p *printer) idsUnder(g *grid) {
	p.line("%s", p.paint(quiet, "  one message of each:"))
	for i, row := range g.rows {
		if len(g.ids[i]) > 0 {
			p.line("    %s: %s", row[0].text, g.ids[i][0])
		}
	}
}

func number(n int) cell { return cell{text: strconv.Itoa(n)} }

func class(c classify.Class) cell { return cell{text: string(c), tone: classTone[c]} }

func when(t *time.Time) cell {
	if t == nil {
		return cell{}
	}
	return cell{text: stamp(*t)}
}

// accounts splits what entered through us: what somebody else used, and the owner's own mail, which is no trouble.
func (p *printer) accounts() {
	var used, usual []classify.Account
	for _, a := range p.r.Accounts {
		if a.Class == classify.Genuine || a.Class == classify.Forwarded {
			usual = append(usual, a)
		} else {
			used = append(used, a)
		}
	}
	p.accountTable("Accounts of yours it went through", used)
	p.accountDetails(p.shown(used))
	p.accountTable("Your own mail that bounced", usual)
}

// shown are the rows that a table shows.
func (p *printer) shown(list []classify.Account) []classify.Account {
	if p.Verbose {
		return list
	}
	return list[:min(len(list), maxRows)]
}

func (p *printer) accountTable(title string, list []classify.Account) {
	g := &grid{columns: []column{{head: "login"}, {head: "host", min: 24, name: true, drop: 1}, {head: "entry"}, {head: "class"},
		{head: "messages", right: true}, {head: "failed", right: true}, {head: "first (UTC)", drop: 3}, {head: "last (UTC)", drop: 2}}}
	for _, a := range list {
		login := a.Login
		if login == "" {
			login = "(not logged)"
		}
		g.add(a.Evidence, cell{text: login}, cell{text: a.Host}, cell{text: a.Entry}, class(a.Class), number(a.Messages),
			number(a.FailedRecipients), when(a.First), when(a.Last))
	}
	p.table(title, g)
}

// accountDetails gives what the log search needs, once for each login or host: the clients and the queue ids.
func (p *printer) accountDetails(list []classify.Account) {
	var names []string
	clients, queueIDs := map[string][]string{}, map[string][]string{}
	for _, a := range list {
		name := a.Login
		if name == "" {
			name = a.Host
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
		clients[name] = union(clients[name], a.ClientIPs)
		queueIDs[name] = union(queueIDs[name], a.QueueIDs)
	}
	for _, name := range names {
		if ips := clients[name]; len(ips) > 0 {
			p.para(indent, name+" came from "+p.several(ips), "")
		}
		if ids := queueIDs[name]; len(ids) > 0 {
			p.para(indent, name+" in your mail log: queue id "+p.several(ids), "")
		}
	}
}

// union appends what is new.
func union(list, more []string) []string {
	for _, v := range more {
		if !slices.Contains(list, v) {
			list = append(list, v)
		}
	}
	return list
}

func (p *printer) impersonated() {
	g := &grid{columns: []column{{head: "address"}, {head: "messages", right: true}}}
	for _, i := range p.r.Impersonated {
		g.add(nil, cell{text: i.Address}, number(i.Messages))
	}
	p.table("Impersonated senders", g)
}

var spfTone = map[string]tone{"pass": fine, "fail": warn, "softfail": warn, "permerror": warn, "temperror": quiet}

func (p *printer) origins() {
	g := &grid{columns: []column{{head: "address"}, {head: "network", drop: 2}, {head: "reverse name", min: 24, name: true, drop: 1},
		{head: "messages", right: true}, {head: "SPF"}, {head: "class"}}}
	for _, o := range p.r.Origins {
		g.add(o.Evidence, cell{text: o.IP}, cell{text: o.Network}, cell{text: o.RDNS}, number(o.Messages),
			cell{text: o.SPF, tone: spfTone[o.SPF]}, class(o.Class))
	}
	p.table("Where it came from: "+count(len(p.r.Origins), "origin"), g)
}

func (p *printer) witnesses() {
	g := &grid{columns: []column{{head: "witness"}, {head: "standing"}, {head: "software", min: 15, drop: 1},
		{head: "messages", right: true}}}
	for _, w := range p.r.Witnesses {
		standing := cell{text: "unverified", tone: quiet}
		switch {
		case w.Own:
			standing = cell{text: "ours", tone: strong}
		case w.Verified:
			standing = cell{text: "verified", tone: fine}
		}
		g.add(w.Evidence, cell{text: w.Witness}, standing, cell{text: w.Software}, number(w.Messages))
	}
	p.table("Who reports it: "+count(len(p.r.Witnesses), "witness"), g)
}

func (p *printer) campaigns() {
	g := &grid{columns: []column{{head: "campaign", drop: 1}, {head: "subject", min: 30}, {head: "messages", right: true},
		{head: "class"}}}
	for _, c := range p.r.Campaigns {
		g.add(c.Evidence, cell{text: c.Campaign}, cell{text: c.Subject}, number(c.Messages), class(c.Class))
	}
	p.table("What it says: "+count(len(p.r.Campaigns), "campaign"), g)
}

// episodes stand in the report only if there is more than one; else they repeat the verdict.
func (p *printer) episodes() {
	if len(p.r.Episodes) < 2 {
		return
	}
	g := &grid{columns: []column{{head: "first (UTC)"}, {head: "last (UTC)"}, {head: "verdict"}, {head: "bounces", right: true}}}
	for _, e := range p.r.Episodes {
		g.add(nil, when(&e.First), when(&e.Last), cell{text: string(e.Verdict), tone: verdicts[e.Verdict].tone}, number(e.Messages))
	}
	p.table("Episodes", g)
}

func (p *printer) domains() {
	if len(p.r.Domains) == 0 {
		return
	}
	p.heading("Your domains")
	for _, d := range p.r.Domains {
		p.line("  %s", p.paint(strong, d.Domain))
		record := d.Record
		if record == "" {
			record = "none"
		}
		p.command("    SPF    ", record)
		p.command("    DMARC  ", d.DMARC)
		for _, issue := range d.Issues {
			p.para("    - ", issue, warn)
		}
	}
}
