// Package resolve asks DNS for the rest of the house: TXT, A, AAAA, MX and PTR, nothing else.
//
// A question goes in as a name and a type. It is answered from an overlay (Overlay), from the cache, from a look-up of the same question that is
// already under way, or by a backend: name servers (servers.go) or a zone file (zone.go). What comes out is one of
// three things, and callers build on the difference:
//
//   - records and a nil error: the answer, in a fixed order, so that two runs over the same data agree to the byte
//     (reverse names stay in the server's order);
//   - no records and a nil error: the name or the type does not exist (NXDOMAIN, NODATA), or the name can't stand in
//     DNS at all (an empty label, more than 63 octets in one); RFC 7208 section 4.6.4 calls it a void look-up;
//   - an *Error: DNS could not answer (timeout, SERVFAIL, REFUSED, an alias loop). It says nothing about the name.
//
// Every name comes out of mail that strangers wrote, so each resource has a bound: queries in flight, the time of a
// query, the length of an alias chain, the size of the cache, and how long a dead server may cost time (servers.go).
//
// Departures from the RFCs: a TTL below a minute counts as a minute and one above a day as a day, so that hostile zones
// can't make every message ask again; a wildcard owner in a zone file is an ordinary name.
package resolve

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

const (
	defaultTimeout     = 5 * time.Second
	defaultConcurrency = 32
	defaultCacheSize   = 100_000
)

// Options tunes a Client; the zero value works.
type Options struct {
	Timeout     time.Duration    // for one query to one server; 0: 5 s
	Concurrency int              // queries in flight; 0: 32
	CacheSize   int              // answers kept; 0: 100,000
	Now         func() time.Time // clock for TTLs and for the pause of a dead server; nil: time.Now
	Record      bool             // keep every answer for WriteZone; memory grows with the distinct questions
}

// Error says that DNS gave no answer to a question: RFC 7208's temperror.
type Error struct {
	Name string // as asked
	Type string // "TXT", "A", ...
	Err  error
}

func (e *Error) Error() string { return fmt.Sprintf("looking up %s of %q: %v", e.Type, e.Name, e.Err) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Client answers look-ups. It is safe for concurrent use. Names are plain text: dots separate labels, any other octet
// stands for itself, a dot at the end changes nothing. In names that come back an octet is itself, too, except that a
// dot or a backslash inside a label is written with a backslash before it.
type Client struct {
	backend backend
	cache   *cache
	flights singleflight.Group
	slots   chan struct{} // one for each query in flight
	record  *recorder     // nil: nothing is recorded

	over *Zone   // of an overlay, which has nothing else but
	base *Client // what it lies on
}

// backend puts one question to whoever knows the answer.
type backend interface {
	// ask follows aliases and returns the records of the type asked for and how long they hold. No records and a nil
	// error mean that there are none.
	ask(ctx context.Context, q question) ([]dns.RR, time.Duration, error)
}

// question is what is asked and, as such, the key of the cache.
type question struct {
	name  string // lower case, fully qualified, escaped as miekg/dns wants it
	qtype uint16
}

func (q question) String() string { return dns.TypeToString[q.qtype] + " " + q.name }

// Open makes a client from the text of the flag --dns:
//
//	system          the name servers of /etc/resolv.conf
//	HOST[:PORT]     one name server, by address or name; an IPv6 address with a port stands in brackets
//	zone:FILE       no network: the answers of an RFC 1035 master file (ParseZone); any other name does not exist
func Open(spec string, opts Options) (*Client, error) {
	if file, ok := strings.CutPrefix(spec, "zone:"); ok {
		zone, err := openZone(file)
		if err != nil {
			return nil, err
		}
		return FromZone(zone, opts), nil
	}
	addrs, err := serverAddrs(spec)
	if err != nil {
		return nil, err
	}
	return newClient(newServers(addrs, opts), opts), nil
}

// FromZone makes a client that answers from the zone and nothing else.
func FromZone(zone *Zone, opts Options) *Client { return newClient(zone, opts) }

// Overlay makes a client that shows DNS as it would be with the records of the zone published: they stand for all
// records of their name and type, an alias for all of its name, and base answers everything else, so that a zone with
// one TXT record leaves its domain's MX alone. Nothing can be taken away. Aliases that base follows don't come back to
// the zone.
func Overlay(zone *Zone, base *Client) *Client { return &Client{over: zone, base: base} }

func newClient(b backend, opts Options) *Client {
	if opts.Concurrency <= 0 {
		opts.Concurrency = defaultConcurrency
	}
	if opts.CacheSize <= 0 {
		opts.CacheSize = defaultCacheSize
	}
	if opts.Now == nil {
		opts.Now = time.Now
	}
	c := &Client{backend: b, cache: newCache(opts.CacheSize, opts.Now), slots: make(chan struct{}, opts.Concurrency)}
	if opts.Record {
		c.record = newRecorder()
	}
	return c
}

func openZone(file string) (*Zone, error) {
	if file == "" {
		return nil, fmt.Errorf("--dns zone: names no file; write zone:FILE")
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("opening the zone file: %w", err)
	}
	defer f.Close()
	return ParseZone(f, file)
}

// LookupTXT returns the TXT records of a name, the strings of each joined without a space (RFC 7208 section 3.3), as
// the octets they are: presentation escapes such as \150 are undone.
func (c *Client) LookupTXT(ctx context.Context, name string) ([]string, error) {
	a, _, err := c.lookup(ctx, name, dns.TypeTXT)
	return slices.Clone(a.texts), err
}

// LookupA returns the IPv4 addresses of a name, in ascending order.
func (c *Client) LookupA(ctx context.Context, name string) ([]netip.Addr, error) {
	a, _, err := c.lookup(ctx, name, dns.TypeA)
	return slices.Clone(a.addrs), err
}

// LookupAAAA returns the IPv6 addresses of a name, in ascending order.
func (c *Client) LookupAAAA(ctx context.Context, name string) ([]netip.Addr, error) {
	a, _, err := c.lookup(ctx, name, dns.TypeAAAA)
	return slices.Clone(a.addrs), err
}

// LookupMX returns the mail hosts of a name by preference, then by name, without a trailing dot. The null MX of
// RFC 7505 ("takes no mail") comes as one empty string, which tells it from a name that has no MX record.
func (c *Client) LookupMX(ctx context.Context, name string) ([]string, error) {
	a, _, err := c.lookup(ctx, name, dns.TypeMX)
	return slices.Clone(a.texts), err
}

// LookupPTR returns the names an address claims for itself, in the order of the answer, without a trailing dot. They
// are claims: whoever runs the address wrote them, and nothing is confirmed before A or AAAA of the name holds the
// address.
func (c *Client) LookupPTR(ctx context.Context, ip netip.Addr) ([]string, error) {
	if !ip.IsValid() {
		return nil, nil
	}
	name, err := dns.ReverseAddr(ip.Unmap().WithZone("").String())
	if err != nil {
		return nil, fmt.Errorf("reverse name of %s: %w", ip, err)
	}
	a, _, err := c.lookup(ctx, name, dns.TypePTR)
	return slices.Clone(a.texts), err
}

// WriteZone writes every answer seen so far, errors too, as a zone file that zone:FILE replays answer for answer. The
// same answers give the same bytes. It needs Options.Record. Of an overlay it writes what base was asked.
func (c *Client) WriteZone(w io.Writer) error {
	if c.base != nil {
		return c.base.WriteZone(w)
	}
	if c.record == nil {
		return fmt.Errorf("no DNS answers were recorded: open the client with Options.Record")
	}
	return c.record.write(w)
}

// Lookup is all the look-ups in one, for callers that keep what they make of an answer: qtype is "TXT", "A", "AAAA",
// "MX" or "PTR" (by name, not by address), and ttl is how long the client itself will give this answer, an empty one
// and a failure, too. The slices belong to the cache: don't change them.
func (c *Client) Lookup(ctx context.Context, qtype, name string) (texts []string, addrs []netip.Addr, ttl time.Duration, err error) {
	a, ttl, err := c.lookup(ctx, name, dns.StringToType[qtype])
	return a.texts, a.addrs, ttl, err
}

func (c *Client) lookup(ctx context.Context, name string, qtype uint16) (answer, time.Duration, error) {
	fqdn, ok := askable(name)
	if !ok {
		return answer{}, maxTTL, nil // such a name can't exist
	}
	a, ttl, err := c.find(ctx, question{name: fqdn, qtype: qtype})
	if err != nil {
		return answer{}, 0, err
	}
	if a.err != nil {
		return answer{}, ttl, &Error{Name: strings.TrimSuffix(name, "."), Type: dns.TypeToString[qtype], Err: a.err}
	}
	return a, ttl, nil
}

// found is an answer and how long it holds.
type found struct {
	answer
	ttl time.Duration
}

// find is the way of every question: overlay, cache, shared flight, backend. An error is the caller's: he gave up.
func (c *Client) find(ctx context.Context, q question) (answer, time.Duration, error) {
	if c.over != nil {
		a, target := c.over.first(q)
		if target == "" {
			return a, maxTTL, nil
		}
		return c.base.find(ctx, question{target, q.qtype})
	}
	if a, ttl, ok := c.cache.get(q); ok {
		return a, ttl, nil
	}
	if err := ctx.Err(); err != nil {
		return answer{}, 0, err
	}
	// The flight outlives a caller that gives up: others may wait for it, and its time is bounded.
	flight := c.flights.DoChan(q.String(), func() (any, error) { return c.fetch(context.WithoutCancel(ctx), q), nil })
	select {
	case r := <-flight:
		f := r.Val.(found)
		return f.answer, f.ttl, nil
	case <-ctx.Done():
		return answer{}, 0, ctx.Err()
	}
}

func (c *Client) fetch(ctx context.Context, q question) found {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	if a, ttl, ok := c.cache.get(q); ok { // a flight that landed between our look and our take-off
		return found{a, ttl}
	}
	rrs, ttl, err := c.backend.ask(ctx, q)
	a := newAnswer(rrs, err)
	ttl = c.cache.put(q, a, ttl)
	if c.record != nil {
		c.record.add(q, rrs, err)
	}
	return found{a, ttl}
}
