package trace

import (
	"net/netip"
	"slices"
	"strings"
)

// site is the reporting site of one bounce, as far as the walk knows it. It is the union of three organisations, which
// often differ (a smart host hands over what an inner server bounced): that of the handing address' confirmed name,
// that of Reporting-MTA, and that of the host that wrote the topmost line of the original. The last two are text, but
// text of the same site: whoever controls them wrote the bounce, and could as well have written its addresses.
type site struct {
	orgs     []string
	top      int          // the topmost line that names its writer, -1 if none does
	from     netip.Addr   // client of the line above: an address of the site
	gateways []netip.Addr // addresses of the recipients' MX hosts
	mxOrgs   []string     // their organisations
	asked    bool         // the recipients' MX have been looked up
	inside   bool         // the walk has entered the gateway

	ownUnknown bool // whether the last client is ours could not be asked

	usualOrgs, usualMX [4]string // room for the slices above
	usualGateways      [8]netip.Addr
}

// leaveGateway goes back into the site behind its gateway, which the gateway had the message from: the next line is the
// site's, not the gateway's.
func (s *site) leaveGateway(h *Hop) { s.from, s.inside = h.IP, false }

// Where a client stands, seen from the site.
type place int

const (
	placeOutside place = iota
	placeInside
	placeGateway
	placeLoop
	placeOurs
)

func (w *walk) newSite() {
	s := &w.site
	*s = site{}
	s.from, s.orgs, s.mxOrgs, s.gateways = w.in.Reporter.IP, s.usualOrgs[:0], s.usualMX[:0], s.usualGateways[:0]
	if w.in.Reporter.RDNSConfirmed {
		s.orgs = addOrg(s.orgs, OrgDomain(w.in.Reporter.RDNS))
	}
	s.orgs = addOrg(s.orgs, OrgDomain(firstWord(withoutType(w.in.ReportingMTA))))
	s.top = w.namedLine()
	if s.top >= 0 {
		s.orgs = addOrg(s.orgs, OrgDomain(w.lines.at(s.top).By))
	}
}

// addOrg adds a known organisation.
func addOrg(orgs []string, org string) []string {
	if org == "" || slices.Contains(orgs, org) {
		return orgs
	}
	return append(orgs, org)
}

func (s *site) enterGateway(h *Hop) { s.from, s.inside = h.IP, true }

// writtenBySite tells whether the line under the finger was written by the site. The topmost named one always counts,
// unless it names our servers: a reporter that is not ours did not write that. Further down a line must name a host of
// the site (inside its gateway: of that), have an inner or no name, or have the address that the line above saw.
func (w *walk) writtenBySite(h *Hop) bool {
	if h.By == "" {
		return h.kind != fromNetwork || w.at == 0
	}
	if w.t.Own.namesOurs(h.By) || w.t.Own.flagged(h.ByIP) {
		return false
	}
	if w.at == w.site.top || innerName(h.By) || inner(h.ByIP) || h.ByIP.IsValid() && h.ByIP == w.site.from {
		return true
	}
	orgs := w.site.orgs
	if w.site.inside {
		orgs = w.site.mxOrgs
	}
	if w.t.lacks(DefenceLoop) {
		orgs = slices.Concat(orgs, w.site.mxOrgs)
	}
	return slices.Contains(orgs, OrgDomain(h.By)) || w.pointsTo(h.By, w.site.from)
}

// innerSuffixes end names that the open network doesn't know (RFC 6761, RFC 6762, RFC 8375, and custom).
var innerSuffixes = []string{".local", ".localdomain", ".lan", ".internal", ".intern", ".intra", ".corp", ".home.arpa", ".dmz", ".localhost"}

// innerName tells a name for use inside a site: a single label or a suffix of its own.
func innerName(name string) bool {
	name = cleanName(name)
	if strings.IndexByte(name, '.') < 0 {
		return strings.IndexByte(name, ':') < 0
	}
	return slices.ContainsFunc(innerSuffixes, func(s string) bool { return strings.HasSuffix(name, s) })
}

// placeOf tells where the client of a believed line stands. A client that logged in is never inside: it is a customer.
func (w *walk) placeOf(h *Hop) place {
	if inner(h.IP) {
		return placeInside
	}
	w.site.ownUnknown = false
	if w.t.isOurs(w.ctx, h.IP, &w.site.ownUnknown) || w.t.lacks(DefenceAddress) && w.t.Own.namesOurs(h.HELO) {
		return placeOurs
	}
	if h.Auth {
		return placeOutside
	}
	names := w.names(h)
	if w.ofSite(h, names) {
		if w.site.inside {
			return placeLoop
		}
		if w.isGateway(h.IP, names) {
			return placeGateway
		}
		return placeInside
	}
	if w.isGateway(h.IP, names) {
		return placeGateway
	}
	if h.IP == h.ByIP || microsoftInner(h) || w.pointsTo(h.By, h.IP) {
		return placeInside
	}
	return placeOutside
}

// microsoftNets are those of the hosts of Exchange Online that hand mail to each other and have no reverse names (seen in
// their Received lines, by region; Microsoft's customers get addresses of others).
var microsoftNets = []netip.Prefix{
	netip.MustParsePrefix("2603:1096::/32"), netip.MustParsePrefix("2603:10a6::/32"),
	netip.MustParsePrefix("2603:10b6::/32"), netip.MustParsePrefix("2603:10c6::/32"),
}

// microsoftInner tells a hand-over between hosts of Exchange Online; the one to the mailbox is by HTTPS.
func microsoftInner(h *Hop) bool {
	return (h.Software == "exchange" || strings.EqualFold(h.Protocol, "HTTPS")) && microsoftName(h.By) && microsoftName(h.HELO) &&
		slices.ContainsFunc(microsoftNets, func(p netip.Prefix) bool { return p.Contains(h.IP) })
}

func microsoftName(name string) bool {
	name = cleanName(name)
	return slices.ContainsFunc([]string{"outlook.com", "outlook.office365.com", "prod.exchangelabs.com"}, func(d string) bool { return under(name, d) })
}

// ofSite tells an address of the site: the handing address, or a confirmed name in one of its organisations that is
// no access line's.
func (w *walk) ofSite(h *Hop, names []string) bool {
	if h.IP == w.in.Reporter.IP {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(w.site.orgs, OrgDomain(name)) && !AccessLine(name, h.IP)
	})
}

// isGateway tells the inbound gateway of a failed recipient: one of its MX hosts, or a confirmed name in their
// organisation that is no access line's.
func (w *walk) isGateway(ip netip.Addr, names []string) bool {
	if w.t.lacks(DefenceGateway) {
		return false
	}
	w.askMX()
	if slices.Contains(w.site.gateways, ip) {
		return true
	}
	return slices.ContainsFunc(names, func(name string) bool {
		return slices.Contains(w.site.mxOrgs, OrgDomain(name)) && !AccessLine(name, ip)
	})
}

// names gives the forward-confirmed names of a client: its reverse names, and what the line calls it if that lies in an
// organisation of the site and has this address. The site's own DNS says so then; Microsoft's inner hosts have names and
// public IPv6 addresses, but no reverse names. Where the reverse name can't be asked or confirmed, what the line calls it
// stands for it, in the gateway's organisation, too. Only if that can't be asked either could the answer have changed who
// is inside; a stranger's broken reverse zone changes nothing.
func (w *walk) names(h *Hop) []string {
	if w.t.Resolver == nil {
		return nil
	}
	found := w.t.host(w.ctx, h.IP)
	names, orgs := slices.Clip(found.names), w.site.orgs // the names are other walks', too
	if found.err != nil {
		w.askMX()
		orgs = slices.Concat(orgs, w.site.mxOrgs)
	}
	for _, name := range []string{h.HELO, h.RDNS, found.first} {
		if slices.Contains(orgs, OrgDomain(name)) && !slices.Contains(names, name) && w.pointsTo(name, h.IP) {
			names = append(names, name)
		}
	}
	return names
}

func (w *walk) pointsTo(name string, ip netip.Addr) bool {
	return w.t.pointsTo(w.ctx, name, ip, &w.o.DNSFailed)
}
