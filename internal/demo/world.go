package demo

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// host is a machine: how it is called and where it is.
type host struct {
	helo string     // how it greets; name if empty
	name string     // its PTR; none if empty
	ip   netip.Addr // the one it connects from
	ip6  netip.Addr // another one it has
	lies bool       // its PTR name does not lead back to it
}

func (h host) greeting() string {
	if h.helo != "" {
		return h.helo
	}
	return h.name
}

// verified is the name that a careful receiver writes for the host.
func (h host) verified() string {
	if h.lies {
		return ""
	}
	return h.name
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// The owner and her servers.
const ownDomain = "tidewaterbooks.example"

// person is somebody with a mailbox.
type person struct{ name, addr string }

func (p person) String() string {
	if p.name == "" {
		return p.addr
	}
	return p.name + " <" + p.addr + ">"
}

var (
	owner    = person{"Nora Vance", "nora@" + ownDomain}
	shop     = person{"Tidewater Books", "shop@" + ownDomain}
	ownMX    = host{name: "mx1." + ownDomain, ip: addr("198.51.100.10"), ip6: addr("2001:db8:b00c::10")}
	ownSMTP  = host{name: "smtp." + ownDomain, ip: addr("198.51.100.11"), ip6: addr("2001:db8:b00c::11")}
	homeLine = host{helo: "[192.168.178.24]", name: "dsl-170.harbornet.example", ip: addr("198.51.100.170")}
	thief    = host{helo: "WIN-5TQ0LKD", name: "vps200.cloudrow.example", ip: addr("203.0.113.200")}
)

// site is an organisation that gets the spam and bounces it.
type site struct {
	domain   string
	software string
	mx       host // takes the mail from outside and writes the Received line
	out      host // brings the bounce; mx if it has no name
	store    host // refuses the mail behind them
	zone     *time.Location
}

// reporter is the host that brings a bounce.
func (s *site) reporter() host {
	if s.out.name != "" {
		return s.out
	}
	return s.mx
}

func zoneAt(name string, hours int) *time.Location { return time.FixedZone(name, hours*3600) }

var sites = []*site{
	{domain: "cobaltcycles.example", software: "postfix", zone: zoneAt("UTC", 0),
		mx:    host{name: "mx.cobaltcycles.example", ip: addr("192.0.2.31"), ip6: addr("2001:db8:31::25")},
		store: host{name: "store.cobaltcycles.example", ip: addr("192.0.2.131")}},
	{domain: "vendelacare.example", software: "postfix", zone: zoneAt("CET", 1),
		mx:    host{name: "mail2.vendelacare.example", ip: addr("192.0.2.37")},
		store: host{name: "imap.vendelacare.example", ip: addr("192.0.2.137")}},
	{domain: "gullviknews.example", software: "exim", zone: zoneAt("CET", 1),
		mx:    host{name: "mail.gullviknews.example", ip: addr("192.0.2.32"), ip6: addr("2001:db8:32::25")},
		store: host{name: "boxes.gullviknews.example", ip: addr("192.0.2.132")}},
	{domain: "pinewoodparish.example", software: "exim", zone: zoneAt("GMT", 0),
		mx:    host{name: "server7.pinewoodparish.example", ip: addr("192.0.2.38")},
		store: host{name: "lists.pinewoodparish.example", ip: addr("192.0.2.138")}},
	{domain: "oldmillinn.example", software: "qmail", zone: zoneAt("UTC", 0),
		mx:    host{name: "mail.oldmillinn.example", ip: addr("192.0.2.33")},
		store: host{name: "pop.oldmillinn.example", ip: addr("192.0.2.133")}},
	{domain: "ridgecollege.example", software: "sendmail", zone: zoneAt("EST", -5),
		mx:    host{name: "smtp-in.ridgecollege.example", ip: addr("192.0.2.34"), ip6: addr("2001:db8:34::25")},
		store: host{name: "cyrus.ridgecollege.example", ip: addr("192.0.2.134")}},
	{domain: "northglass.example", software: "exchange", zone: zoneAt("UTC", 0),
		mx:    exchangeDoor,
		out:   host{name: "mail-bn8nam04on2071.outbound.protection.outlook.com", helo: "NAM04-BN8-obe.outbound.protection.outlook.com", ip: addr("192.0.2.91")},
		store: exchangeStore},
	{domain: "lumenatlas.example", software: "gmail", zone: zoneAt("PST", -8),
		mx:    host{name: "aspmx.l.google.com", ip: addr("192.0.2.66")},
		out:   host{name: "mail-lf1-f72.google.com", ip: addr("192.0.2.72")},
		store: host{name: "legacy.lumenatlas.example", ip: addr("192.0.2.166")}},
}

// siteOf finds the site of an address.
func siteOf(addr string) *site {
	for _, s := range sites {
		if s.domain == domainOf(addr) {
			return s
		}
	}
	panic("no site of " + addr) // the addresses are ours
}

// sitesWith are those that run one of these mail systems.
func sitesWith(software ...string) []*site {
	var list []*site
	for _, s := range sites {
		if slices.Contains(software, s.software) {
			list = append(list, s)
		}
	}
	return list
}

// Hosts of Exchange Online: the front door under its outer and its inner name, and the mailbox server behind it.
var (
	exchangeDoor  = host{name: "BN8NAM04FT012.mail.protection.outlook.com", ip: addr("192.0.2.82")}
	exchangeFront = host{name: "BN8NAM04FT012.eop-nam04.prod.protection.outlook.com", ip: addr("2001:db8:e0:cafe::12")}
	exchangeStore = host{name: "BN9PR03MB5178.namprd03.prod.outlook.com", ip: addr("192.0.2.84"), ip6: addr("2001:db8:e0:106::84")}
)

// bots are infected machines on access lines: some have a dynamic name, some none, some one that leads nowhere.
var bots = makeBots()

func makeBots() []host {
	var list []host
	networks := []struct{ format, helo string }{
		{"203-0-113-%d.dyn.metronet.example", "DESKTOP-%04X"},
		{"", "localhost"},
		{"host-%d.cable.lakeline.example", "PC-%d"},
		{"", "[192.168.1.%d]"},
		{"p%d.dip.ostnet.example", "User"},
	}
	for i := range 26 {
		network := networks[i%len(networks)]
		last := 11 + i*7
		bot := host{ip: addr(fmt.Sprintf("203.0.113.%d", last)), lies: i%10 == 2}
		if i%4 == 3 {
			bot.ip = addr(fmt.Sprintf("2001:db8:d0%02x::%x", i, last))
		} else if network.format != "" {
			bot.name = fmt.Sprintf(network.format, last)
		}
		bot.helo = network.helo
		if strings.Contains(bot.helo, "%") {
			bot.helo = fmt.Sprintf(bot.helo, last)
		}
		list = append(list, bot)
	}
	return list
}

// zone writes the DNS of this world.
func zone() string {
	z := &zoneWriter{}
	z.add("$TTL 3600")
	z.add("example. IN SOA ns.%s. hostmaster.%s. 1 3600 600 86400 60", ownDomain, ownDomain)
	z.add("%s. IN MX 10 %s.", ownDomain, ownMX.name)
	z.add(`%s. IN TXT "v=spf1 ip4:%s ip6:%s -all"`, ownDomain, ownSMTP.ip, ownSMTP.ip6)
	z.add(`_dmarc.%s. IN TXT "v=DMARC1; p=none"`, ownDomain)
	z.add(`%s. IN TXT "v=spf1 a -all"`, ownMX.name)
	z.add(`%s. IN TXT "v=spf1 a -all"`, ownSMTP.name)
	z.hosts(ownMX, ownSMTP, homeLine, thief, exchangeFront)
	for _, s := range sites {
		z.add("%s. IN MX 10 %s.", s.domain, s.mx.name)
		switch s.software {
		case "gmail":
			z.add(`%s. IN TXT "v=spf1 include:_spf.google.com ~all"`, s.domain)
		case "exchange":
			z.add(`%s. IN TXT "v=spf1 include:spf.protection.outlook.com -all"`, s.domain)
		default:
			z.add(`%s. IN TXT "v=spf1 mx -all"`, s.domain)
			z.add(`%s. IN TXT "v=spf1 a -all"`, s.mx.name)
		}
		z.hosts(s.mx, s.out, s.store)
	}
	z.add(`_spf.google.com. IN TXT "v=spf1 ip4:192.0.2.64/28 ~all"`)
	z.add(`spf.protection.outlook.com. IN TXT "v=spf1 ip4:192.0.2.80/28 -all"`)
	z.hosts(bots...)
	slices.Sort(z.lines[1:])
	return strings.Join(z.lines, "\n") + "\n"
}

type zoneWriter struct{ lines []string }

func (z *zoneWriter) add(format string, args ...any) {
	z.lines = append(z.lines, fmt.Sprintf(format, args...))
}

// hosts writes the addresses of named hosts and the names of their addresses.
func (z *zoneWriter) hosts(hosts ...host) {
	for _, h := range hosts {
		if h.name == "" {
			continue
		}
		for _, ip := range []netip.Addr{h.ip, h.ip6} {
			if !ip.IsValid() {
				continue
			}
			reverse, err := dns.ReverseAddr(ip.String())
			if err != nil {
				panic(err) // the addresses are ours
			}
			z.add("%s IN PTR %s.", reverse, h.name)
			kind := "AAAA"
			if ip.Is4() {
				kind = "A"
			}
			if !h.lies {
				z.add("%s. IN %s %s", h.name, kind, ip)
			}
		}
		if h.helo != "" && strings.HasSuffix(h.helo, ".com") { // Exchange's outbound hosts greet by the name of their pool
			z.add("%s. IN A %s", h.helo, h.ip)
		}
	}
}
