package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	resolvConf  = "/etc/resolv.conf"
	minAttempts = 2    // UDP loses packets
	udpSize     = 1232 // EDNS buffer that is never fragmented (DNS flag day 2020)

	// A server is taken for dead after maxTimeouts timeouts in a row and one more for a question that every living
	// server answers at once. Single dead zones among a bounce flood's reverse names must not do that.
	maxTimeouts = 10
	deadPause   = 30 * time.Second
)

// servers asks name servers: UDP with EDNS, TCP where the answer was cut. Each server is asked once and at least two
// attempts are made before a question has failed.
//
// A server that has stopped answering must not make a scan take hours: after maxTimeouts timeouts in a row it is asked
// for the root's name servers, and if that fails, too, it is left alone for deadPause, during which its questions fail
// at once.
type servers struct {
	timeout time.Duration
	now     func() time.Time
	all     []*server
}

type server struct {
	addr string

	mu       sync.Mutex
	timeouts int       // in a row
	deadTill time.Time // zero: alive
}

func newServers(addrs []string, opts Options) *servers {
	s := &servers{timeout: opts.Timeout, now: opts.Now}
	if s.timeout <= 0 {
		s.timeout = defaultTimeout
	}
	if s.now == nil {
		s.now = time.Now
	}
	for _, a := range addrs {
		s.all = append(s.all, &server{addr: a})
	}
	return s
}

// serverAddrs reads "system" or HOST[:PORT].
func serverAddrs(spec string) ([]string, error) {
	if spec != "system" {
		addr, err := hostPort(spec)
		return []string{addr}, err
	}
	conf, err := dns.ClientConfigFromFile(resolvConf)
	if err != nil {
		return nil, fmt.Errorf("finding the system's name servers: %w; name one with --dns HOST", err)
	}
	if len(conf.Servers) == 0 {
		return nil, fmt.Errorf("%s names no server; name one with --dns HOST", resolvConf)
	}
	var addrs []string
	for _, host := range conf.Servers {
		addrs = append(addrs, net.JoinHostPort(host, conf.Port))
	}
	return addrs, nil
}

// hostPort completes HOST[:PORT] with DNS's port. A host name is looked up here and now, so that a misspelt flag is an
// error at the start and not a temperror for every name.
func hostPort(spec string) (string, error) {
	const want = "want system, HOST[:PORT] or zone:FILE"
	host, port := strings.Trim(spec, "[]"), "53"
	if _, err := netip.ParseAddr(host); err != nil && strings.Contains(spec, ":") {
		if host, port, err = net.SplitHostPort(spec); err != nil {
			return "", fmt.Errorf("--dns %q: %w; %s", spec, err, want)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("--dns %q: %q is no port; %s", spec, port, want)
	}
	if _, err := netip.ParseAddr(host); err != nil {
		found, err := net.LookupHost(host)
		if err != nil || len(found) == 0 {
			return "", fmt.Errorf("--dns %q: there is no host %q; %s", spec, host, want)
		}
		host = found[0]
	}
	return net.JoinHostPort(host, port), nil
}

// ask follows the aliases of a question; a resolver sends the whole chain at once, an authoritative server may not. All
// of it may take as long as one question that no server answers, however slow each step of a chain is.
func (s *servers) ask(ctx context.Context, q question) ([]dns.RR, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(s.attempts())*s.timeout)
	defer cancel()
	ttl := maxTTL
	for aliases := 0; ; {
		reply, err := s.query(ctx, q)
		if err != nil {
			return nil, 0, err
		}
		records, target, steps, held := follow(reply, q)
		ttl = min(ttl, held)
		if aliases += steps; aliases > maxAliases {
			return nil, 0, errAliasLoop
		}
		if len(records) > 0 {
			return records, ttl, nil
		}
		if none, held := negative(reply); steps == 0 || none {
			return nil, min(ttl, held), nil
		}
		q.name = target
	}
}

// follow walks the aliases inside one reply: the records at their end, the name there, the aliases passed and how long
// all of it holds.
func follow(reply *dns.Msg, q question) (records []dns.RR, target string, steps int, ttl time.Duration) {
	byOwner := make(map[string][]dns.RR)
	for _, rr := range reply.Answer {
		owner := key(rr.Header().Name)
		byOwner[owner] = append(byOwner[owner], rr)
	}
	target, ttl = q.name, maxTTL
	for {
		found, alias := pick(byOwner[target], q.qtype)
		for _, rr := range found {
			ttl = min(ttl, seconds(rr.Header().Ttl))
		}
		if alias == nil || len(found) > 0 || steps > maxAliases {
			return found, target, steps, ttl
		}
		ttl = min(ttl, seconds(alias.Hdr.Ttl))
		target = key(alias.Target)
		steps++
	}
}

// negative says whether a reply without records is final, and for how long (RFC 2308 sections 2 and 5).
func negative(reply *dns.Msg) (bool, time.Duration) {
	for _, rr := range reply.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return true, min(seconds(soa.Hdr.Ttl), seconds(soa.Minttl))
		}
	}
	return reply.Rcode == dns.RcodeNameError, negativeTTL
}

func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }

func (s *servers) attempts() int { return max(minAttempts, len(s.all)) }

// query puts one question to the servers in turn until one answers. The error is that of the first, whether it was asked
// or is left alone.
func (s *servers) query(ctx context.Context, q question) (reply *dns.Msg, first error) {
	for i := range s.attempts() {
		srv := s.all[i%len(s.all)]
		err := srv.dead(s.now())
		if err == nil {
			reply, err = s.exchange(ctx, srv.addr, q)
			s.note(ctx, srv, err)
		}
		if err == nil {
			return reply, nil
		}
		if first == nil {
			first = err
		}
	}
	return nil, first
}

// exchange asks one server once. A reply that is no answer (SERVFAIL, REFUSED) is an error.
func (s *servers) exchange(ctx context.Context, addr string, q question) (*dns.Msg, error) {
	reply, err := s.send(ctx, "udp", addr, q, true)
	if err == nil && (reply.Rcode == dns.RcodeFormatError || reply.Rcode == dns.RcodeNotImplemented) {
		reply, err = s.send(ctx, "udp", addr, q, false) // a server older than EDNS, RFC 6891 section 7
	}
	if err == nil && reply.Truncated {
		reply, err = s.send(ctx, "tcp", addr, q, true)
	}
	if err != nil {
		return nil, plainError(addr, err)
	}
	if reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError {
		return nil, fmt.Errorf("%s answered %s", addr, dns.RcodeToString[reply.Rcode])
	}
	return reply, nil
}

func (s *servers) send(ctx context.Context, network, addr string, q question, edns bool) (*dns.Msg, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.name, q.qtype)
	if edns {
		m.SetEdns0(udpSize, false)
	}
	client := &dns.Client{Net: network, Timeout: s.timeout}
	reply, _, err := client.ExchangeContext(ctx, m, addr)
	if err != nil {
		return nil, err
	}
	if len(reply.Question) != 1 || key(reply.Question[0].Name) != q.name || reply.Question[0].Qtype != q.qtype {
		return nil, errors.New("the reply is to another question")
	}
	return reply, nil
}

// plainError says in plain words what the net package says in its own, without ports that change from run to run.
func plainError(addr string, err error) error {
	if isTimeout(err) {
		return &timeoutError{addr}
	}
	var sys *os.SyscallError
	if errors.As(err, &sys) {
		err = sys.Err
	}
	return fmt.Errorf("asking %s: %w", addr, err)
}

type timeoutError struct{ addr string }

func (e *timeoutError) Error() string { return e.addr + " did not answer in time" }
func (e *timeoutError) Timeout() bool { return true }

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// dead gives the error of a server that is left alone for now, or nil. Its words are those of a server that is asked in
// vain: which of two questions came first must not show.
func (srv *server) dead(now time.Time) error {
	srv.mu.Lock()
	defer srv.mu.Unlock()
	if now.Before(srv.deadTill) {
		return &timeoutError{srv.addr}
	}
	return nil
}

// note counts timeouts in a row; any other reply, even a refusal, proves a server alive.
func (s *servers) note(ctx context.Context, srv *server, err error) {
	srv.mu.Lock()
	if !isTimeout(err) {
		srv.timeouts = 0
		srv.mu.Unlock()
		return
	}
	srv.timeouts++
	suspect := srv.timeouts >= maxTimeouts
	if suspect {
		srv.timeouts = 0 // one of the waiting looks after it
	}
	srv.mu.Unlock()
	if !suspect {
		return
	}
	ctx = context.WithoutCancel(ctx) // the question's own time may be over
	if _, err := s.exchange(ctx, srv.addr, question{".", dns.TypeNS}); isTimeout(err) {
		srv.mu.Lock()
		srv.deadTill = s.now().Add(deadPause)
		srv.mu.Unlock()
	}
}
