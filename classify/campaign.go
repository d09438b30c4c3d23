package classify

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// A campaign is what a wave of mail has in common (METHOD 6): its subject without what changes from copy to copy, or the
// hosts that it links to; where it has neither, the shape of its body. Mail that shares either belongs together, so that
// neither a random subject nor changing links make every copy a campaign of its own. Both are nodes here; a message that
// has both joins them.

// campaigns joins the marks of messages into campaigns (union by age, so that the oldest node stands for all).
type campaigns struct {
	nodes  map[uint64]int32 // mark -> node
	parent []int32          // a node of 0 or less than itself; node 0 is mail of which nothing came back
	names  []uint64         // of a root: the least of its marks, whatever the order they came in
}

func newCampaigns() campaigns {
	return campaigns{nodes: map[uint64]int32{}, parent: []int32{0}, names: []uint64{0}}
}

// find gives the node that stands for a campaign.
func (c *campaigns) find(node int32) int32 {
	for c.parent[node] != node {
		c.parent[node] = c.parent[c.parent[node]]
		node = c.parent[node]
	}
	return node
}

// id names a campaign for people and for joins: the same in every run.
func (c *campaigns) id(node int32) string {
	if node = c.find(node); node == 0 {
		return ""
	}
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, c.names[node])[:6])
}

// join makes two campaigns one.
func (c *campaigns) join(a, b int32) int32 {
	a, b = c.find(a), c.find(b)
	if a > b {
		a, b = b, a
	}
	if a == b {
		return a
	}
	c.parent[b] = a
	c.names[a] = min(c.names[a], c.names[b])
	return a
}

// node finds or makes the node of a mark; without room all further marks share one.
func (f *Flood) node(mark uint64) int32 {
	c := &f.campaigns
	node, known := c.nodes[mark]
	if known {
		return node
	}
	if !f.room() {
		if mark = overflowMark; c.nodes[mark] > 0 {
			return c.nodes[mark]
		}
	}
	node = int32(len(c.parent))
	c.nodes[mark] = node
	c.parent, c.names = append(c.parent, node), append(c.names, mark)
	return node
}

var overflowMark = hash64("campaign: overflow")

// campaign finds the campaign of a message by its marks.
func (f *Flood) campaign(e *Evidence) int32 {
	o := &e.Bounce.Original
	if o.Returned == "none" || o.Returned == "" {
		return 0
	}
	node := int32(0)
	if subject := normalSubject(o.Subject); subject != "" {
		node = f.node(hash64("subject " + subject))
	}
	if hosts := linkHosts(o.Body); len(hosts) > 0 {
		links := f.node(hash64("links " + strings.Join(hosts, " ")))
		if node == 0 {
			node = links
		}
		node = f.campaigns.join(node, links)
	}
	if node == 0 {
		node = f.node(hash64("shape " + bodyShape(o.Body)))
	}
	return node
}

// maxSubjectWords bounds what of a subject makes a campaign: spam pads its subjects.
const maxSubjectWords = 12

// normalSubject leaves out prefixes, words with digits, punctuation and case.
func normalSubject(subject string) string {
	var words []string
	for word := range strings.FieldsSeq(strings.ToLower(subject)) {
		if strings.ContainsFunc(word, unicode.IsDigit) || strings.HasSuffix(word, ":") && len(word) <= 4 {
			continue
		}
		word = strings.TrimFunc(word, func(r rune) bool { return !unicode.IsLetter(r) })
		if word == "" {
			continue
		}
		if words = append(words, word); len(words) == maxSubjectWords {
			break
		}
	}
	return strings.Join(words, " ")
}

// Bounds of the search for links: bytes of a body that are looked at, and distinct hosts that make a mark.
const (
	maxLinkBytes = 32 << 10
	maxLinkHosts = 4
)

// linkHosts lists the first hosts that a body links to, without the labels that change from copy to copy, sorted.
func linkHosts(body []byte) []string {
	body = body[:min(len(body), maxLinkBytes)]
	var hosts []string
	for len(hosts) < maxLinkHosts {
		at := bytes.Index(body, []byte("://"))
		if at < 0 {
			break
		}
		web := at >= 4 && (bytes.EqualFold(body[at-4:at], []byte("http")) || at >= 5 && bytes.EqualFold(body[at-5:at], []byte("https")))
		body = body[at+3:]
		if host := registered(hostOf(body)); web && host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	slices.Sort(hosts)
	return hosts
}

// maxHost is the longest host name (RFC 1035 section 2.3.4).
const maxHost = 255

func hostOf(text []byte) string {
	end := bytes.IndexFunc(text[:min(len(text), maxHost)], func(r rune) bool {
		return !(r == '.' || r == '-' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9')
	})
	if end < 0 {
		end = min(len(text), maxHost)
	}
	return strings.ToLower(strings.Trim(string(text[:end]), "."))
}

// registered gives the end of a host name that somebody had to register, as far as its labels tell: two of them, three
// below short ones such as co.uk.
func registered(host string) string {
	labels := strings.Split(host, ".")
	n := 2
	if len(labels) > 2 && len(labels[len(labels)-1]) == 2 && len(labels[len(labels)-2]) <= 3 {
		n = 3
	}
	if len(labels) < 2 {
		return ""
	}
	return strings.Join(labels[max(0, len(labels)-n):], ".")
}

// bodyShape describes a body by how many lines and bytes it has, in powers of two.
func bodyShape(body []byte) string {
	return strconv.Itoa(bits.Len(uint(bytes.Count(body, []byte("\n"))))) + " " + strconv.Itoa(bits.Len(uint(len(body))))
}

// networkOf is the network that stands for an address: /24 for IPv4, /48 for IPv6 (METHOD 6); "" for none.
func networkOf(ip netip.Addr) string {
	if !ip.IsValid() {
		return ""
	}
	bits := 48
	if ip.Unmap().Is4() {
		bits = 24
	}
	prefix, err := ip.Unmap().WithZone("").Prefix(bits)
	if err != nil {
		return ""
	}
	return prefix.String()
}

// witnessOf names who reported: an organisation, ourselves, or nobody that can be named.
func witnessOf(e *Evidence) string {
	switch {
	case e.ownReport():
		return "own"
	case e.Reporter.Organisation != "":
		return e.Reporter.Organisation
	case e.Reporter.IP.IsValid():
		return networkOf(e.Reporter.IP)
	}
	return ""
}

// shortHash makes a stable id of 12 hex digits from parts.
func shortHash(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:6])
}

// Network is the network that stands for an address in cells: /24 for IPv4, /48 for IPv6; "" for what is no address.
func Network(ip string) string {
	addr, _ := netip.ParseAddr(ip)
	return networkOf(addr)
}
