package filter

import (
	"bytes"
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"ndrscan/classify"
	"ndrscan/internal/header"
)

// Bounds. A mark must be long enough to mean something; a script must stay readable, and below the 8 KB that Exchange
// Online allows a rule.
const (
	minMark      = 6
	maxMark      = 100
	maxOurs      = 60
	maxTo        = 10
	maxDoubtful  = 20
	maxGathered  = 20_000 // origins, and campaigns, that are looked at
	maxCandidate = 400    // marks that are tried, the commonest first
)

// candidates is what the flood offers as marks.
type candidates struct {
	forged   int
	to       map[string]int // the addresses it came to
	origins  map[netip.Addr]int
	helos    map[string]int
	subjects map[string]*common // by campaign
	doubtful map[netip.Addr]int // origins of mail that must be kept and came from outside

	ours  []string
	spam  []mark   // the commonest first
	names []string // To of the filter
	// known: the servers that our mail leaves through are known, so that a report without their marks is not about it.
	known bool
}

// common is the beginning that the subjects of one campaign share, as they stand in the returned originals.
type common struct {
	text     string
	messages int
}

// kind is what a mark of the flood rests on; the surer ones come first. An address was stamped by the reporting site, a
// subject and a HELO name are the sender's choice.
type kind byte

const (
	address kind = iota
	subject
	helo
	kinds
)

type mark struct {
	text string
	kind kind
}

func newCandidates() candidates {
	return candidates{to: map[string]int{}, origins: map[netip.Addr]int{}, helos: map[string]int{}, subjects: map[string]*common{},
		doubtful: map[netip.Addr]int{}}
}

// add takes what one forged bounce offers.
func (c *candidates) add(m Message) {
	c.forged++
	f := m.Finding
	if to := strings.ToLower(f.Account); usable(to) && strings.Contains(to, "@") && len(c.to) < maxGathered {
		c.to[to]++
	}
	if ip, ok := outside(f); ok && len(c.origins) < maxGathered {
		c.origins[ip]++
		if len(c.helos) < maxGathered {
			c.helos[strings.ToLower(f.Origin.HELO)]++
		}
	}
	if line := returnedSubject(m.Raw); line != "" {
		c.addSubject(f.Campaign, line)
	}
}

// addKept notes where a message came from that must be kept, and whose way in is none of ours.
func (c *candidates) addKept(f classify.Finding) {
	if ip, ok := outside(f); ok && len(c.doubtful) < maxGathered {
		c.doubtful[ip]++
	}
}

// outside is the origin of a message, where it is no host of ours.
func outside(f classify.Finding) (netip.Addr, bool) {
	if f.Origin == nil || f.Origin.Own {
		return netip.Addr{}, false
	}
	ip, err := netip.ParseAddr(f.Origin.IP)
	return ip.Unmap(), err == nil
}

func (c *candidates) addSubject(campaign, line string) {
	s := c.subjects[campaign]
	if s == nil {
		if len(c.subjects) >= maxGathered {
			return
		}
		s = &common{text: line}
		c.subjects[campaign] = s
	}
	s.messages++
	n := 0
	for n < len(s.text) && n < len(line) && s.text[n] == line[n] {
		n++
	}
	s.text = s.text[:n]
}

// returnedSubject is the Subject line of the returned original, as it stands in the body: the last one there, for reports
// quote it above.
func returnedSubject(raw []byte) string {
	_, body := header.Split(raw)
	at := bytes.LastIndex(body, []byte("\nSubject: "))
	if at < 0 {
		return ""
	}
	line, _, _ := bytes.Cut(body[at+1:min(len(body), at+1+maxMark)], []byte("\n"))
	return printable(string(bytes.TrimRight(line, "\r ")))
}

// printable cuts a text before its first byte that is not printable ASCII.
func printable(text string) string {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return text[:i]
		}
	}
	return text
}

// usable tells a text that may be a mark.
func usable(mark string) bool {
	return len(mark) >= minMark && len(mark) <= maxMark && printable(mark) == mark && strings.TrimSpace(mark) == mark
}

// prepare turns what was gathered into marks.
func (c *candidates) prepare(r *classify.Report) {
	c.names = c.addressees()
	c.ours, c.known = c.ourMarks(r, c.domains())
	count := map[mark]int{}
	for text, n := range originMarks(c.origins) {
		count[mark{text, address}] += n
	}
	for _, s := range c.subjects {
		if text := wholeWords(s.text); len(text) >= len("Subject: ")+minMark {
			count[mark{text, subject}] += s.messages
		}
	}
	for name, n := range c.helos {
		for _, text := range heloMarks(name, c.domains()) {
			count[mark{text, helo}] += n
		}
	}
	maps.DeleteFunc(count, func(m mark, n int) bool { return n < minSupport || !usable(m.text) })
	c.spam = slices.SortedFunc(maps.Keys(count), func(a, b mark) int {
		return cmp.Or(count[b]-count[a], strings.Compare(a.text, b.text))
	})
	c.spam = c.spam[:min(len(c.spam), maxCandidate)]
}

// heloMarks are the ways in which servers write the name that a client gave itself: sendmail, Postfix and many more; qmail;
// Exim. Names that honest clients use inside their own site are none.
func heloMarks(name string, domains []string) []string {
	if len(name) < 4 || strings.HasPrefix(name, "localhost") || strings.HasPrefix(name, "[") || strings.Contains(name, " ") ||
		slices.ContainsFunc(domains, func(d string) bool { return name == d || strings.HasSuffix(name, "."+d) }) {
		return nil
	}
	return []string{"from " + name + " (", "(helo " + name + ")", "helo=" + name + ")"}
}

// wholeWords cuts a beginning of subjects back to where a word ends: "Your invoice 91" is what numbers have in common by
// chance. An encoded word (RFC 2047) is taken as far as it goes.
func wholeWords(text string) string {
	if strings.Contains(text, "=?") {
		return strings.TrimRight(text, " ")
	}
	if i := strings.LastIndexByte(text, ' '); i > 0 {
		text = text[:i]
	}
	return strings.TrimRight(text, " ")
}

// addressees are those that the flood came to; the domains of them where they are many.
func (c *candidates) addressees() []string {
	if len(c.to) <= maxTo {
		return slices.Sorted(maps.Keys(c.to))
	}
	var list []string
	for _, domain := range c.domains() {
		list = append(list, "@"+domain)
	}
	return list
}

func (c *candidates) domains() []string {
	set := map[string]bool{}
	for to := range c.to {
		set[header.Domain(to)] = true
	}
	return slices.Sorted(maps.Keys(set))
}

// originMarks writes addresses as the mail servers do. Where several of one network sent, the network is the mark: the
// next ones will be its neighbours. The addresses alone are offered beside it, for where it takes too much.
func originMarks(origins map[netip.Addr]int) map[string]int {
	marks := map[string]int{}
	networks := map[string][]netip.Addr{}
	for ip := range origins {
		networks[networkText(ip)] = append(networks[networkText(ip)], ip)
	}
	for network, members := range networks {
		for _, ip := range members {
			if len(members) > 1 && network != "" {
				marks[network] += origins[ip]
			}
			for _, text := range addressTexts(ip) {
				marks[text] += origins[ip]
			}
		}
	}
	return marks
}

// networkText is what the texts of all addresses of a /24, or of a /48, begin with; "" where they have no such text.
func networkText(ip netip.Addr) string {
	if ip.Is4() {
		return prefixText(netip.PrefixFrom(ip, 24))
	}
	return prefixText(netip.PrefixFrom(ip, 48))
}

// prefixText is a text that stands in the text of every address of the network, however it is written: whole octets, or
// the groups before the first that is zero (RFC 5952 leaves those out). "" if there is none of use.
func prefixText(p netip.Prefix) string {
	var b strings.Builder
	if p.Addr().Is4() {
		octets := p.Addr().As4()
		for _, o := range octets[:p.Bits()/8] {
			b.WriteString(strconv.Itoa(int(o)))
			b.WriteByte('.')
		}
		if p.Bits() == 32 {
			return p.Addr().String()
		}
		return b.String()
	}
	bytes := p.Addr().As16()
	for i := 0; i+1 < len(bytes) && (i+2)*8 <= p.Bits(); i += 2 {
		group := int(bytes[i])<<8 | int(bytes[i+1])
		if group == 0 {
			break
		}
		b.WriteString(strconv.FormatInt(int64(group), 16))
		b.WriteByte(':')
	}
	return b.String()
}

// addressTexts are the ways to write one address where it ends: a bracket after it keeps 192.0.2.1 from being 192.0.2.17.
// Sendmail writes the groups of an IPv6 address out.
func addressTexts(ip netip.Addr) []string {
	if ip.Is4() {
		return []string{ip.String() + "]", ip.String() + ")"}
	}
	texts := []string{ip.String() + "]", ip.String() + ")"}
	bytes := ip.As16()
	var groups []string
	for i := 0; i < len(bytes); i += 2 {
		groups = append(groups, strconv.FormatInt(int64(bytes[i])<<8|int64(bytes[i+1]), 16))
	}
	if full := strings.Join(groups, ":"); full != ip.String() {
		texts = append(texts, full+"]")
	}
	return texts
}

// marksOfOurs gathers the names and addresses of our servers.
type marksOfOurs struct {
	list    []string
	domains []string // of the addressees
	flagged bool     // somebody named servers with --own
	whole   bool     // every SPF policy is enumerated
	open    bool     // mail of ours leaves through hosts that no text stands for
}

// ourMarks are the marks of our servers: what --own names, what the scan found confirmed or possible, and what our SPF
// records permit; and hosts outside that sent, or may have sent, mail of ours. A name below a domain of ours is a mark in
// itself: our own servers write theirs into Received lines and reports. More marks keep more mail, so doubt adds one.
//
// known is false where our mail may leave through hosts that none of the marks stands for.
func (c *candidates) ourMarks(r *classify.Report, domains []string) (marks []string, known bool) {
	m := marksOfOurs{domains: domains, whole: len(r.Domains) > 0}
	for _, domain := range domains {
		m.addDomain(domain)
	}
	for _, host := range r.OwnSeen {
		m.addHost(host)
	}
	for _, text := range strings.Split(r.Run.Flags["own"], ", ") {
		m.addFlag(text)
	}
	for _, d := range r.Domains {
		m.addPolicy(d)
	}
	if len(c.doubtful) > maxDoubtful {
		return nil, false
	}
	for ip := range c.doubtful {
		if c.origins[ip] == 0 {
			m.add(ip.String())
		}
	}
	marks = shortest(m.list)
	if m.open || !m.flagged && !m.whole || len(marks) == 0 || len(marks) > maxOurs {
		return nil, false
	}
	return marks, true
}

func (m *marksOfOurs) add(mark string) {
	mark = strings.ToLower(mark)
	if usable(mark) && !slices.Contains(m.list, mark) {
		m.list = append(m.list, mark)
	}
}

// addDomain adds what a host of the domain looks like in a line; not the domain itself, which every address of it holds.
func (m *marksOfOurs) addDomain(domain string) {
	m.add("." + domain)
	if mark := "by " + domain; usable(mark) {
		m.list = append(m.list, mark)
	}
}

func (m *marksOfOurs) addHost(host classify.OwnHost) {
	name, address, _ := strings.Cut(host.Host, " [")
	for _, text := range []string{name, strings.TrimSuffix(address, "]")} {
		if ip, err := netip.ParseAddr(text); err == nil {
			m.addAddress(ip)
		} else if !slices.Contains(m.domains, text) {
			m.add(text)
		}
	}
	m.flagged = m.flagged || host.Rule == "flag"
}

// addFlag adds a value of --own. A tenant's mail leaves through hosts that it shares.
func (m *marksOfOurs) addFlag(text string) {
	if text == "" {
		return
	}
	m.flagged = true
	if p, err := netip.ParsePrefix(text); err == nil {
		m.addNetwork(p)
	} else if ip, err := netip.ParseAddr(text); err == nil {
		m.addAddress(ip)
	} else if strings.HasPrefix(text, "tenant:") {
		m.open = true
	} else {
		m.addDomain(strings.ToLower(strings.TrimSuffix(text, "."))) // or a host, which is in OwnSeen, too
	}
}

func (m *marksOfOurs) addNetwork(p netip.Prefix) {
	if text := prefixText(p.Masked()); usable(text) {
		m.add(text)
		return
	}
	m.open = true
}

func (m *marksOfOurs) addAddress(ip netip.Addr) {
	ip = ip.Unmap()
	m.add(ip.String())
	if ip.Is6() {
		m.add(prefixText(netip.PrefixFrom(ip, 48)))
		for _, text := range addressTexts(ip) {
			m.add(text[:len(text)-1])
		}
	}
}

// addPolicy adds the addresses that an SPF policy permits. Hosts that it names by a and mx are in OwnSeen, as far as DNS
// knew them; whom exists, ptr and records that were not read let in, no text says.
func (m *marksOfOurs) addPolicy(d classify.Domain) {
	if d.Record == "" || d.Broken {
		m.whole = false
		return
	}
	terms := d.Policy
	if len(terms) == 0 {
		for _, term := range strings.Fields(d.Record) {
			terms = append(terms, classify.PolicyTerm{Term: term})
		}
	}
	read := slices.ContainsFunc(terms, func(t classify.PolicyTerm) bool { return t.Depth > 0 })
	for _, t := range terms {
		if strings.HasPrefix(t.Term, "-") || strings.HasPrefix(t.Term, "~") || strings.HasPrefix(t.Term, "?") {
			continue
		}
		name, value, _ := strings.Cut(strings.ToLower(strings.TrimLeft(t.Term, "+")), ":")
		mechanism, _, _ := strings.Cut(name, "/")
		switch {
		case name == "ip4", name == "ip6":
			m.addPermitted(value)
		case mechanism == "a", mechanism == "mx":
			m.whole = false
		case name == "all", name == "exists", name == "ptr":
			m.open = true
		case (name == "include" || strings.HasPrefix(name, "redirect=")) && !read:
			m.open = true
		}
	}
}

func (m *marksOfOurs) addPermitted(value string) {
	if p, err := netip.ParsePrefix(value); err == nil {
		m.addNetwork(p)
	} else if ip, err := netip.ParseAddr(value); err == nil {
		m.addAddress(ip)
	}
}

// shortest leaves out what holds another mark: the other one is found wherever it is.
func shortest(marks []string) []string {
	slices.SortFunc(marks, func(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) })
	var list []string
	for _, mark := range marks {
		if !slices.ContainsFunc(list, func(short string) bool { return strings.Contains(mark, short) }) {
			list = append(list, mark)
		}
	}
	slices.Sort(list)
	return list
}
