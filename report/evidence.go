package report

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/classify"
)

// section is one table of the evidence with its title, and what is said below it.
type section struct {
	title string
	grid  *grid
	below []string
}

// sections are the tables of a report, those left out that would be empty. Rows keep the order of the data, which classify
// sorts by weight. Names that are listed below a table are bounded by most.
func sections(r *classify.Report, most int) []section {
	used, usual := splitAccounts(r.Accounts)
	list := []section{
		{"Accounts of yours it went through", accountGrid(used), accountDetails(used, most)},
		{"Where it came from: " + count(len(r.Origins), "origin"), originGrid(r.Origins), nil},
		{"Impersonated senders", impersonatedGrid(r.Impersonated), nil},
		{"What it says: " + count(len(r.Campaigns), "campaign"), campaignGrid(r.Campaigns), nil},
		{"Who reports it: " + count(len(r.Witnesses), "witness"), witnessGrid(r.Witnesses), nil},
		{"Sources of yours that SPF does not permit", sourceGrid(r.Origins), remedies(r)},
		{"Your own mail that bounced", accountGrid(usual), nil},
	}
	if len(r.Episodes) > 1 { // one alone repeats the verdict
		list = append(list, section{"Episodes", episodeGrid(r.Episodes), nil})
	}
	return slices.DeleteFunc(list, func(s section) bool { return len(s.grid.rows) == 0 })
}

func number(n int) cell { return cell{text: strconv.Itoa(n)} }

func class(c classify.Class) cell { return cell{text: string(c), tone: classTone[c]} }

func when(t *time.Time) cell {
	if t == nil {
		return cell{}
	}
	return cell{text: stamp(*t)}
}

// splitAccounts splits what entered through us: what somebody else used, and the owner's own mail, which is no trouble.
func splitAccounts(list []classify.Account) (used, usual []classify.Account) {
	for _, a := range list {
		if a.Class == classify.Genuine || a.Class == classify.Forwarded {
			usual = append(usual, a)
		} else {
			used = append(used, a)
		}
	}
	return used, usual
}

func accountGrid(list []classify.Account) *grid {
	g := &grid{columns: []column{{head: "login", data: true}, {head: "host", min: 18, name: true, drop: 1, data: true}, {head: "entry"},
		{head: "class"}, {head: "messages", right: true}, {head: "failed", right: true}, {head: "first (UTC)", drop: 3},
		{head: "last (UTC)", drop: 2}}}
	for _, a := range list {
		login := cell{text: a.Login}
		if a.Login == "" {
			login = cell{text: "(not logged)", ours: true}
		}
		g.add(a.Evidence, login, cell{text: a.Host}, cell{text: a.Entry}, class(a.Class), number(a.Messages),
			number(a.FailedRecipients), when(a.First), when(a.Last))
	}
	return g
}

// accountDetails gives what the log search needs, once for each login or host: the clients and the queue ids.
func accountDetails(list []classify.Account, most int) []string {
	var names, says []string
	clients, queueIDs := map[string][]string{}, map[string][]string{}
	for _, a := range list[:min(len(list), most)] {
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
			says = append(says, name+" came from "+some(ips, most))
		}
		if ids := queueIDs[name]; len(ids) > 0 {
			says = append(says, name+" in your mail log: queue id "+some(ids, most))
		}
	}
	return says
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

func impersonatedGrid(list []classify.Impersonated) *grid {
	g := &grid{columns: []column{{head: "address", data: true}, {head: "messages", right: true}}}
	for _, i := range list {
		g.add(i.Evidence, cell{text: i.Address}, number(i.Messages))
	}
	return g
}

var spfTone = map[string]tone{"pass": fine, "fail": warn, "softfail": warn, "permerror": warn, "temperror": quiet}

// originGrid lists the origins. Where there is no room for the whole network, its length stands beside the address.
func originGrid(list []classify.OriginRow) *grid {
	note := ""
	if slices.ContainsFunc(list, func(o classify.OriginRow) bool { return o.RDNS != "" && !o.RDNSConfirmed }) {
		note = unconfirmed + " marks a reverse name that does not point back to its address: its owner may write anything there."
	}
	g := &grid{columns: []column{{head: "address", data: true}, {head: "network", data: true, short: netLength, shortHead: "net"}, {head: "AS", min: 16, drop: 2, data: true},
		{head: "cc", drop: 1}, {head: "reverse name", min: 18, name: true, drop: 3, data: true, note: note}, {head: "block lists", min: 12, drop: 4, data: true},
		{head: "messages", right: true}, {head: "SPF"}, {head: "class"}}}
	for _, o := range list {
		e := enriched(o)
		as := strings.TrimSpace(asn(o.Enriched) + " " + e.ASName)
		g.add(o.Evidence, cell{text: o.IP}, cell{text: o.Network}, cell{text: as}, cell{text: e.Country}, reverseName(o),
			cell{text: strings.Join(e.Listed, ", "), tone: warn}, number(o.Messages), cell{text: o.SPF, tone: spfTone[o.SPF]}, class(o.Class))
	}
	return g
}

// netLength shortens 203.0.113.0/24 to /24: the address stands beside it.
func netLength(network string) string {
	if p, err := netip.ParsePrefix(network); err == nil {
		return "/" + strconv.Itoa(p.Bits())
	}
	return network
}

// unconfirmed marks a reverse name that does not point back to its address: whoever holds the address wrote it, and may
// have written anything (METHOD 3.7).
const unconfirmed = "?"

func reverseName(o classify.OriginRow) cell {
	if o.RDNS == "" || o.RDNSConfirmed {
		return cell{text: o.RDNS}
	}
	return cell{text: o.RDNS + unconfirmed, tone: quiet}
}

// sourceGrid lists origins that are ours and fail SPF: what they are, and the term to add where one may be proposed.
func sourceGrid(list []classify.OriginRow) *grid {
	g := &grid{columns: []column{{head: "address", data: true}, {head: "reverse name", min: 18, name: true, drop: 1, data: true}, {head: "what it is"},
		{head: "messages", right: true}, {head: "SPF term", data: true}}}
	for _, o := range list {
		if missingFromSPF(o) {
			g.add(o.Evidence, cell{text: o.IP}, reverseName(o), cell{text: string(o.Misconfiguration), tone: classTone[o.Class]},
				number(o.Messages), cell{text: o.SPFTerm})
		}
	}
	return g
}

func missingFromSPF(o classify.OriginRow) bool {
	return o.Misconfiguration != "" && o.Class != classify.OwnBackscatter
}

// remedies says what to do about each kind of source, unless the next steps say it.
func remedies(r *classify.Report) []string {
	var says []string
	for _, o := range r.Origins {
		said := func(a classify.Action) bool { return strings.Contains(a.Do, o.Remedy) }
		line := string(o.Misconfiguration) + ": " + o.Remedy
		if missingFromSPF(o) && o.Remedy != "" && !slices.Contains(says, line) && !slices.ContainsFunc(r.Actions, said) {
			says = append(says, line)
		}
	}
	return says
}

func witnessGrid(list []classify.WitnessRow) *grid {
	g := &grid{columns: []column{{head: "witness", data: true}, {head: "standing"}, {head: "software", min: 15, drop: 1, data: true},
		{head: "messages", right: true}}}
	for _, w := range list {
		standing := cell{text: "unverified", tone: quiet}
		switch {
		case w.Own:
			standing = cell{text: "ours", tone: strong}
		case w.Verified:
			standing = cell{text: "verified", tone: fine}
		}
		g.add(w.Evidence, cell{text: w.Witness}, standing, cell{text: w.Software}, number(w.Messages))
	}
	return g
}

func campaignGrid(list []classify.CampaignRow) *grid {
	g := &grid{columns: []column{{head: "campaign", drop: 1, data: true}, {head: "subject", min: 30, most: maxSubject, data: true},
		{head: "messages", right: true}, {head: "class"}}}
	for _, c := range list {
		g.add(c.Evidence, cell{text: c.Campaign}, cell{text: c.Subject}, number(c.Messages), class(c.Class))
	}
	return g
}

// maxSubject bounds a subject in a table, in columns: it is there to be recognised.
const maxSubject = 100

func episodeGrid(list []classify.Episode) *grid {
	g := &grid{columns: []column{{head: "first (UTC)"}, {head: "last (UTC)"}, {head: "verdict"}, {head: "bounces", right: true}}}
	for _, e := range list {
		g.add(nil, when(&e.First), when(&e.Last), cell{text: string(e.Verdict), tone: verdicts[e.Verdict].tone}, number(e.Messages))
	}
	return g
}
