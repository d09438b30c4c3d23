package report

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ndrscan/classify"
)

// Letters to those who can stop a flood: the networks that forged mail came from (letter_abuse.go, in the forms of arf.go
// and xarf.go), and the sites that bounced it instead of refusing it (letter_backscatter.go).
//
// A complaint about the wrong party does harm, and a bounce is text that a stranger wrote. So a network is only written to
// for bounces of class forged whose origin was read from Received lines that are believed, at least one of them handed
// over by a witness that DNS verifies; never for an address of ours, and never for one that also reported to us.
//
// Letters name nobody: local parts of addresses become tokens (letter_redact.go), and only our domain is said, for without
// it nobody can look for the mail.

// Complaints is what there is to write about, gathered from the findings of a run.
type Complaints struct {
	networks  map[netip.Prefix]*complaint // by origin network
	sites     map[string]*complaint       // by organisation that bounced; by address where it has no name
	own       map[netip.Addr]bool
	reporters map[netip.Addr]bool
	names     map[string]bool // of people, from local parts of our addresses: kept out of letters
	left      map[string]int  // messages that no letter is written for, by the reason
}

// NewComplaints begins; hosts are addresses of ours, beside those that findings mark as ours.
func NewComplaints(hosts ...netip.Addr) *Complaints {
	c := &Complaints{
		networks: map[netip.Prefix]*complaint{}, sites: map[string]*complaint{}, own: map[netip.Addr]bool{},
		reporters: map[netip.Addr]bool{}, names: map[string]bool{}, left: map[string]int{},
	}
	for _, ip := range hosts {
		c.own[ip.Unmap()] = true
	}
	return c
}

// complaint is what one letter is about.
type complaint struct {
	messages, verified int
	first, last        time.Time
	sources            map[netip.Addr]*sourceRow
	witnesses          map[string]bool // verified organisations
	spf                map[string]int  // messages by result
	missing            map[string]int  // messages by fact that XARF wants and that is not known
	incidents          []*classify.Finding
	software, site     string
	reporter           netip.Addr
}

// sourceRow is one address of a network.
type sourceRow struct {
	IP          netip.Addr
	RDNS        string
	Messages    int
	First, Last time.Time
}

// Bounds of what is kept.
const (
	maxComplaints = 50_000
	maxIncidents  = 20 // messages kept for a letter: those with most facts first
	maxAddresses  = 2_000
)

// Why no letter is written.
const (
	leftOwn       = "the address is yours"
	leftWeak      = "where they came from rests on something weaker than a Received line"
	leftReporter  = "the address also reported to you: a relay or a forwarder, not the source"
	leftNoOrigin  = "nobody knows where they came from"
	leftFew       = "fewer from their network than --min asks for"
	leftUnproved  = "no verified witness reports their network"
	leftSoFew     = "fewer bounces from their site than --min asks for"
	leftTooMany   = "more networks than are kept"
	leftAnonymous = "no verified witness: nobody knows whose site bounced them"
)

// Add takes one finding. Only forged bounces count; every finding says which addresses and names are ours.
func (c *Complaints) Add(f *classify.Finding) {
	if f.Kind != "bounce" || f.Origin == nil || f.Reporter == nil {
		return
	}
	ip, _ := netip.ParseAddr(f.Origin.IP)
	ip = ip.Unmap()
	if f.Origin.Own {
		c.own[ip] = true
	}
	reporter, _ := netip.ParseAddr(f.Reporter.IP)
	reporter = reporter.Unmap()
	if reporter.IsValid() {
		c.reporters[reporter] = true
	}
	c.addNames(f)
	if f.Class != classify.Forged {
		return
	}
	kept := trimmed(f)
	switch {
	case !ip.IsValid():
		c.left[leftNoOrigin]++
	case f.Origin.Own:
		c.left[leftOwn]++
	case f.Origin.Via != "received" || f.Origin.Trust == "weak":
		c.left[leftWeak]++
	case len(c.networks) >= maxComplaints && c.networks[networkOf(ip)] == nil:
		c.left[leftTooMany]++
	default:
		entryOf(c.networks, networkOf(ip)).add(kept, ip)
	}
	c.addSite(kept, ip, reporter)
}

// addSite counts a bounce for the site that sent it. Where the message began at that site (via reporter), the bounce went
// to its own customer's sender address: another matter.
func (c *Complaints) addSite(f *classify.Finding, ip, reporter netip.Addr) {
	site := f.Reporter.Witness
	switch {
	case f.Reporter.Own || f.Origin.Via != "received" || !reporter.IsValid():
		return
	case !f.Reporter.Verified:
		c.left[leftAnonymous]++
		return
	case !isHostName(site):
		site = reporter.String()
	case len(c.sites) >= maxComplaints && c.sites[site] == nil:
		return
	}
	k := entryOf(c.sites, site)
	k.site, k.reporter = site, reporter
	k.software = cmp.Or(k.software, f.Reporter.Software)
	k.add(f, ip)
}

func entryOf[K comparable](table map[K]*complaint, key K) *complaint {
	if table[key] == nil {
		table[key] = &complaint{sources: map[netip.Addr]*sourceRow{}, witnesses: map[string]bool{}, spf: map[string]int{}, missing: map[string]int{}}
	}
	return table[key]
}

// trimmed copies what letters need of a finding, cleaned.
func trimmed(f *classify.Finding) *classify.Finding {
	small := classify.Finding{Received: f.Received, Reporter: f.Reporter, Original: f.Original, SPF: f.SPF, Recipients: f.Recipients[:min(1, len(f.Recipients))]}
	origin := *f.Origin
	origin.Steps = nil
	small.Origin = &origin
	small = tidy(small)
	if small.Original == nil {
		small.Original = &classify.Original{}
	}
	return &small
}

func (k *complaint) add(f *classify.Finding, ip netip.Addr) {
	k.messages++
	if f.Reporter.Verified {
		k.verified++
		k.witnesses[f.Reporter.Witness] = true
	}
	if f.SPF != nil {
		k.spf[f.SPF.Result]++
	}
	for _, fact := range missingFacts(f) {
		k.missing[fact]++
	}
	when := stamped(f)
	k.first, k.last = widen(k.first, k.last, when)
	row := k.sources[ip]
	if row == nil && len(k.sources) < maxAddresses {
		row = &sourceRow{IP: ip, RDNS: f.Origin.RDNS}
		k.sources[ip] = row
	}
	if row != nil {
		row.Messages++
		row.First, row.Last = widen(row.First, row.Last, when)
	}
	k.keep(f)
}

// keep holds on to the messages that show most.
func (k *complaint) keep(f *classify.Finding) {
	k.incidents = append(k.incidents, f)
	if len(k.incidents) > 2*maxIncidents {
		k.incidents = k.best()
	}
}

func (k *complaint) best() []*classify.Finding {
	slices.SortStableFunc(k.incidents, func(a, b *classify.Finding) int { return showing(b) - showing(a) })
	return k.incidents[:min(len(k.incidents), maxIncidents)]
}

// showing weighs how much a message shows to somebody who looks for it in a log.
func showing(f *classify.Finding) (n int) {
	for _, has := range []bool{f.Reporter.Verified, f.Reporter.Verified, f.Origin.Port > 0, f.Origin.Time != nil, f.Origin.Trust == "direct", f.Original.MessageID != ""} {
		if has {
			n++
		}
	}
	return n
}

// stamped is when the reporting site took the message, by the line that is believed; else when its bounce reached us.
func stamped(f *classify.Finding) time.Time {
	switch {
	case f.Origin.Time != nil:
		return f.Origin.Time.UTC()
	case f.Received != nil:
		return f.Received.UTC()
	}
	return time.Time{}
}

func widen(first, last, t time.Time) (time.Time, time.Time) {
	if t.IsZero() {
		return first, last
	}
	if first.IsZero() || t.Before(first) {
		first = t
	}
	if t.After(last) {
		last = t
	}
	return first, last
}

func networkOf(ip netip.Addr) netip.Prefix {
	bits := 24
	if ip.Is6() {
		bits = 48
	}
	network, _ := ip.Prefix(bits)
	return network
}

// isHostName tells a name of DNS that has a dot and nothing that means anything elsewhere.
func isHostName(name string) bool {
	if len(name) > 253 || !strings.Contains(name, ".") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) == 0 || len(label) > 63 || strings.Trim(strings.ToLower(label), "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// writable gives the networks and the sites that letters go to, the largest first, and counts what is left out.
func (c *Complaints) writable(least int) (networks []netip.Prefix, sites []string, left map[string]int) {
	left = map[string]int{}
	for why, n := range c.left {
		left[why] += n
	}
	for network, k := range c.networks {
		for ip, row := range k.sources {
			why := ""
			switch {
			case c.own[ip]:
				why = leftOwn
			case c.reporters[ip]:
				why = leftReporter
			}
			if why != "" {
				left[why] += row.Messages
				k.drop(ip)
			}
		}
		switch {
		case k.messages == 0:
		case k.messages < least:
			left[leftFew] += k.messages
		case k.verified == 0:
			left[leftUnproved] += k.messages
		default:
			networks = append(networks, network)
		}
	}
	for site, k := range c.sites {
		if k.messages < least {
			left[leftSoFew] += k.messages
			continue
		}
		sites = append(sites, site)
	}
	slices.SortFunc(networks, func(a, b netip.Prefix) int {
		return cmp.Or(c.networks[b].messages-c.networks[a].messages, a.Addr().Compare(b.Addr()))
	})
	slices.SortFunc(sites, func(a, b string) int { return cmp.Or(c.sites[b].messages-c.sites[a].messages, strings.Compare(a, b)) })
	return networks, sites, left
}

// drop takes an address out of a complaint.
func (k *complaint) drop(ip netip.Addr) {
	k.messages -= k.sources[ip].Messages
	delete(k.sources, ip)
	k.incidents = slices.DeleteFunc(k.incidents, func(f *classify.Finding) bool { return f.Origin.IP == ip.String() })
	if len(k.incidents) == 0 {
		k.messages = 0
	}
	k.verified = 0
	for _, f := range k.incidents {
		if f.Reporter.Verified {
			k.verified++
		}
	}
}

// rows are the addresses of a complaint, the busiest first.
func (k *complaint) rows() []sourceRow {
	var list []sourceRow
	for _, row := range k.sources {
		list = append(list, *row)
	}
	slices.SortFunc(list, func(a, b sourceRow) int { return cmp.Or(b.Messages-a.Messages, a.IP.Compare(b.IP)) })
	return list
}

// Addresses are those whose abuse contacts are wanted: of each network that is written to the busiest, and of each site
// without a name the one that bounced.
func (c *Complaints) Addresses(least int) (ips []netip.Addr) {
	networks, sites, _ := c.writable(least)
	for _, n := range networks {
		ips = append(ips, c.networks[n].rows()[0].IP)
	}
	for _, s := range sites {
		if !isHostName(s) {
			ips = append(ips, c.sites[s].reporter)
		}
	}
	return ips
}
