// Package netinfo asks DNS what third parties know about an address: the network that announces it (origin.go), who takes
// complaints about it (contact.go), and whether block lists have it (dnsbl.go).
//
// In goes an address, out comes what was answered, and in words what was not. Facts for people: nothing here decides what
// a message is. Answers are text by strangers, too: each is read as the form its service documents, and anything else is
// passed over. Each question tells whoever runs the service which addresses are looked at, so nothing here happens unless
// it is asked for (--enrich).
package netinfo

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// Resolver is the DNS that is needed. No records and a nil error mean that the name doesn't exist. It should keep answers:
// the same question comes up for each address.
type Resolver interface {
	LookupA(ctx context.Context, name string) ([]netip.Addr, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// Questions are what to ask about an address.
type Questions struct {
	AS       bool // which network announces it
	Lists    bool // whether block lists have it
	Contacts bool // who takes reports of abuse
}

// Info is what was answered about an address; a zero field is unknown.
type Info struct {
	AS       AS
	Listed   []string // zones of the block lists that have it
	Contacts []string // mail addresses

	// Problems says which service gave no answer, and why. Each is worth saying once, not for each address.
	Problems []string
}

const (
	atOnce  = 8                // addresses asked about at the same time
	maxTime = 60 * time.Second // for all of them together
)

// All asks about each address. Past a bounded time, or when ctx ends, the rest is left out: an address that was not asked
// about has no entry.
func (q Questions) All(ctx context.Context, dns Resolver, ips []netip.Addr) map[netip.Addr]Info {
	ctx, stop := context.WithTimeout(ctx, maxTime)
	defer stop()
	var group errgroup.Group
	group.SetLimit(atOnce)
	var mu sync.Mutex
	all := map[netip.Addr]Info{}
	for _, ip := range ips {
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil
			}
			info := q.Ask(ctx, dns, ip)
			if ctx.Err() != nil {
				return nil // half an answer is none
			}
			mu.Lock()
			defer mu.Unlock()
			all[ip] = info
			return nil
		})
	}
	group.Wait()
	return all
}

// Ask asks about one address. About one that is nobody's in particular (private, loopback and the like) nobody is asked.
func (q Questions) Ask(ctx context.Context, dns Resolver, ip netip.Addr) (info Info) {
	ip = ip.Unmap()
	if !public(ip) {
		return info
	}
	problem := func(service string, err error) {
		if err != nil {
			info.Problems = append(info.Problems, service+" gave no answer: "+err.Error())
		}
	}
	var err error
	if q.AS {
		info.AS, err = Origin(ctx, dns, ip)
		problem("the AS look-up", err)
	}
	if q.Contacts {
		info.Contacts, err = Contacts(ctx, dns, ip)
		problem("the look-up of abuse contacts", err)
	}
	if q.Lists {
		for _, l := range BlockLists(ctx, dns, ip) {
			if l.Listed {
				info.Listed = append(info.Listed, l.List)
			}
			if l.Err != "" {
				info.Problems = append(info.Problems, "block list "+l.List+" gave no answer: "+l.Err)
			}
		}
	}
	return info
}

// shared is RFC 6598's space behind carriers' NAT: private in all but name.
var shared = netip.MustParsePrefix("100.64.0.0/10")

func public(ip netip.Addr) bool {
	return ip.IsValid() && ip.IsGlobalUnicast() && !ip.IsPrivate() && !shared.Contains(ip)
}

// reversed writes an address as such services want it (RFC 5782 sections 2.1 and 2.4): the octets, or the nibbles,
// backwards.
func reversed(ip netip.Addr) string {
	var parts []string
	if ip.Is4() {
		for _, b := range ip.As4() {
			parts = append(parts, strconv.Itoa(int(b)))
		}
	} else {
		for _, b := range ip.As16() {
			parts = append(parts, strconv.FormatInt(int64(b>>4), 16), strconv.FormatInt(int64(b&15), 16))
		}
	}
	slices.Reverse(parts)
	return strings.Join(parts, ".")
}
