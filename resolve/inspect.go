package resolve

import (
	"context"
	"strings"

	"github.com/miekg/dns"
)

// What a linter wants to know of a name beyond the answers: how the strings of a record are cut, and whether there are
// records that no verifier asks for. These questions are put anew each time; the cache holds answers only.

// LookupStrings returns the TXT records of a name with their strings apart, as the octets they are.
func (c *Client) LookupStrings(ctx context.Context, name string) ([][]string, error) {
	return inspect(ctx, c, name, dns.TypeTXT, func(rr *dns.TXT) []string { return plainStrings(rr.Txt) })
}

// LookupType99 returns the records of the type SPF that RFC 7208 section 3.1 has given up.
func (c *Client) LookupType99(ctx context.Context, name string) ([]string, error) {
	return inspect(ctx, c, name, dns.TypeSPF, func(rr *dns.SPF) string { return strings.Join(plainStrings(rr.Txt), "") })
}

// LookupCNAME returns what a name is an alias of; more than one is against the rules.
func (c *Client) LookupCNAME(ctx context.Context, name string) ([]string, error) {
	return inspect(ctx, c, name, dns.TypeCNAME, func(rr *dns.CNAME) string { return plainName(rr.Target) })
}

// LookupNS returns the name servers of a zone, if the name is the top of one.
func (c *Client) LookupNS(ctx context.Context, name string) ([]string, error) {
	return inspect(ctx, c, name, dns.TypeNS, func(rr *dns.NS) string { return plainName(rr.Ns) })
}

// inspect asks the backend and decodes the records of one type.
func inspect[R dns.RR, T any](ctx context.Context, c *Client, name string, qtype uint16, decode func(R) T) (list []T, err error) {
	fqdn, ok := askable(name)
	if !ok {
		return nil, nil
	}
	q := question{name: fqdn, qtype: qtype}
	for ; c.base != nil; c = c.base {
		if reply, err := c.over.Lookup(q.name, qtype); err == nil && len(reply.Records) > 0 {
			return decoded(reply.Records, decode), nil
		}
	}
	rrs, _, err := c.backend.ask(ctx, q)
	if c.record != nil && ctx.Err() == nil {
		c.record.add(q, rrs, err)
	}
	if err != nil {
		return nil, &Error{Name: strings.TrimSuffix(name, "."), Type: dns.TypeToString[qtype], Err: err}
	}
	return decoded(rrs, decode), nil
}

func decoded[R dns.RR, T any](rrs []dns.RR, decode func(R) T) (list []T) {
	for _, rr := range rrs {
		if r, ok := rr.(R); ok {
			list = append(list, decode(r))
		}
	}
	return list
}

func plainStrings(list []string) []string {
	plain := make([]string, 0, len(list))
	for _, s := range list {
		plain = append(plain, unescape(s, ""))
	}
	return plain
}
