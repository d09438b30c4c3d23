package resolve

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// errorOwner is the name under which a zone file says that a look-up fails: a TXT record of type, reason and name,
//
//	_temperror.invalid. IN TXT "TXT" "SERVFAIL" "broken.example."
//
// so that a recorded run replays its failures, too. It stands at one reserved name (RFC 6761 section 6.4) and not under
// the name that fails, which may be too long for another label. A long name goes on in further strings.
const errorOwner = "_temperror.invalid."

// maxAliases bounds a chain of CNAME records (RFC 1034 section 3.6.2 asks for loops to be signalled as an error).
const maxAliases = 10

var errAliasLoop = fmt.Errorf("CNAME chain loops or is longer than %d", maxAliases)

// Zone is a set of DNS records that answers questions. It doesn't change once it is read.
type Zone struct {
	records map[string][]dns.RR // by key of the owner
	inner   map[string]bool     // names that have no records but others below them (empty non-terminals)
	fails   map[question]string // look-ups that fail, with the reason
}

// ParseZone reads an RFC 1035 master file; name stands for it in errors. Relative names end at the root unless there is
// an $ORIGIN; a missing TTL is an hour; $INCLUDE is refused. See errorOwner for look-ups that are to fail.
func ParseZone(r io.Reader, name string) (*Zone, error) {
	z := &Zone{records: map[string][]dns.RR{}, inner: map[string]bool{}, fails: map[question]string{}}
	zp := dns.NewZoneParser(r, ".", name)
	zp.SetDefaultTTL(3600)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		owner := key(rr.Header().Name)
		if owner == errorOwner {
			if err := z.addFailure(rr); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			continue
		}
		z.records[owner] = append(z.records[owner], rr)
		for up := parent(owner); up != "" && !z.inner[up]; up = parent(up) {
			z.inner[up] = true
		}
	}
	if err := zp.Err(); err != nil {
		return nil, fmt.Errorf("reading the zone file: %w", err)
	}
	return z, nil
}

func (z *Zone) addFailure(rr dns.RR) error {
	txt, ok := rr.(*dns.TXT)
	if !ok || len(txt.Txt) < 3 {
		return fmt.Errorf(`%s: want TXT "TYPE" "REASON" "NAME"`, rr)
	}
	qtype, ok := dns.StringToType[strings.ToUpper(txt.Txt[0])]
	if !ok {
		return fmt.Errorf("%s: no such record type: %s", rr, txt.Txt[0])
	}
	name := key(unescape(strings.Join(txt.Txt[2:], ""), ""))
	z.fails[question{name, qtype}] = unescape(txt.Txt[1], "")
	return nil
}

// parent cuts the first label of a key; the root has no parent.
func parent(owner string) string {
	for i := 0; i < len(owner); i++ {
		switch owner[i] {
		case '\\':
			i++
		case '.':
			return owner[i+1:]
		}
	}
	return ""
}

// Reply is what a zone has to say to one question.
type Reply struct {
	Aliases []dns.RR // the CNAME records on the way, first to last
	Records []dns.RR // of the type asked for, at the end of the aliases
	Exists  bool     // the name there exists, with or without records; false is NXDOMAIN
	SOA     *dns.SOA // of the nearest zone at or above the name, where there is one
}

// Lookup answers a question like an authoritative server that has all of the data: aliases are followed inside the
// zone; a loop is the error. So is a look-up that the zone says fails.
func (z *Zone) Lookup(name string, qtype uint16) (Reply, error) {
	var reply Reply
	owner := key(name)
	for {
		if reason, ok := z.fails[question{owner, qtype}]; ok {
			return reply, errors.New(reason)
		}
		var alias *dns.CNAME
		reply.Records, alias = pick(z.records[owner], qtype)
		if alias == nil || len(reply.Records) > 0 {
			break
		}
		if len(reply.Aliases) >= maxAliases {
			return reply, errAliasLoop
		}
		reply.Aliases = append(reply.Aliases, alias)
		owner = key(alias.Target)
	}
	reply.Exists = len(z.records[owner]) > 0 || z.inner[owner]
	reply.SOA = z.soa(owner)
	return reply, nil
}

// pick takes the records of one type, and the alias if there is one.
func pick(rrs []dns.RR, qtype uint16) (found []dns.RR, alias *dns.CNAME) {
	for _, rr := range rrs {
		if rr.Header().Rrtype == qtype {
			found = append(found, rr)
		} else if cname, ok := rr.(*dns.CNAME); ok {
			alias = cname
		}
	}
	return found, alias
}

func (z *Zone) soa(owner string) *dns.SOA {
	for ; owner != ""; owner = parent(owner) {
		if found, _ := pick(z.records[owner], dns.TypeSOA); len(found) > 0 {
			return found[0].(*dns.SOA)
		}
	}
	return nil
}

// first is what a zone that overlays another source says to a question. target != "": it has nothing, and the other is to
// be asked for that name, at the end of the zone's aliases.
func (z *Zone) first(q question) (a answer, target string) {
	reply, err := z.Lookup(q.name, q.qtype)
	if err != nil || len(reply.Records) > 0 {
		return newAnswer(reply.Records, err), ""
	}
	if n := len(reply.Aliases); n > 0 {
		return answer{}, key(reply.Aliases[n-1].(*dns.CNAME).Target)
	}
	return answer{}, q.name
}

// ask makes a Zone a backend.
func (z *Zone) ask(_ context.Context, q question) ([]dns.RR, time.Duration, error) {
	reply, err := z.Lookup(q.name, q.qtype)
	return reply.Records, maxTTL, err
}
