// Package dnstest is a name server on loopback, UDP and TCP, for tests and for the demo.
//
// It answers real packets from zone text with the semantics of resolve.Zone: absent names are NXDOMAIN, absent types
// NODATA, aliases are followed inside the zone. On request it misbehaves for single names: SERVFAIL, silence, answers
// cut so that TCP is needed. It counts what it was asked.
//
//	srv := dnstest.Serve(t, `example.com. TXT "v=spf1 ip4:192.0.2.0/24 -all"`) // in a test
//	srv, err := dnstest.Start(strings.NewReader(zone))                         // elsewhere; Close it
package dnstest

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"ndrscan/resolve"
)

// Fault is a way to misbehave.
type Fault int

const (
	ServFail Fault = iota + 1 // answers SERVFAIL
	Timeout                   // does not answer
	Truncate                  // over UDP an empty answer with the TC bit; over TCP all of it
)

// Server answers from one zone. Addr is its "127.0.0.1:port", the same for UDP and TCP.
type Server struct {
	Addr string

	zone     *resolve.Zone
	udp, tcp *dns.Server

	mu     sync.Mutex
	faults map[question]Fault
	asked  map[question]int
	total  int
}

// question is a name in lower case, fully qualified, and a type; TypeANY in faults stands for all.
type question struct {
	name  string
	qtype uint16
}

// Start serves the zone on a free port of 127.0.0.1 until Close.
func Start(zone io.Reader) (*Server, error) {
	z, err := resolve.ParseZone(zone, "zone")
	if err != nil {
		return nil, err
	}
	packets, streams, err := listen()
	if err != nil {
		return nil, fmt.Errorf("starting a name server on loopback: %w", err)
	}
	s := &Server{
		Addr: streams.Addr().String(), zone: z,
		faults: make(map[question]Fault), asked: make(map[question]int),
	}
	s.udp = &dns.Server{PacketConn: packets, Handler: dns.HandlerFunc(s.serve)}
	s.tcp = &dns.Server{Listener: streams, Handler: dns.HandlerFunc(s.serve)}
	for _, srv := range []*dns.Server{s.udp, s.tcp} {
		ready := make(chan struct{})
		srv.NotifyStartedFunc = func() { close(ready) }
		go srv.ActivateAndServe()
		<-ready
	}
	return s, nil
}

// listen finds a port that is free for UDP and TCP alike.
func listen() (packets net.PacketConn, streams net.Listener, err error) {
	for range 10 {
		if streams, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			return nil, nil, err
		}
		if packets, err = net.ListenPacket("udp", streams.Addr().String()); err == nil {
			return packets, streams, nil
		}
		streams.Close()
	}
	return nil, nil, err
}

// Close stops the server.
func (s *Server) Close() {
	s.udp.Shutdown()
	s.tcp.Shutdown()
}

// Fault makes the server misbehave for a name, for the given types ("TXT", "A", ...) or, if there are none, for all.
func (s *Server) Fault(name string, fault Fault, types ...string) {
	if len(types) == 0 {
		types = []string{"ANY"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range types {
		qtype, ok := dns.StringToType[t]
		if !ok {
			panic("dnstest: no such record type: " + t)
		}
		s.faults[question{canonical(name), qtype}] = fault
	}
}

// Queries is the number of questions so far, over UDP and TCP together.
func (s *Server) Queries() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Asked is the number of questions so far for one name and type.
func (s *Server) Asked(name, rrtype string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[question{canonical(name), dns.StringToType[rrtype]}]
}

// canonical brings a name written in a test or seen in a packet to one form.
func canonical(name string) string { return strings.ToLower(dns.Fqdn(name)) }

// serve answers one packet.
func (s *Server) serve(w dns.ResponseWriter, req *dns.Msg) {
	reply := new(dns.Msg).SetReply(req)
	reply.RecursionAvailable = true
	if len(req.Question) != 1 {
		reply.Rcode = dns.RcodeFormatError
		w.WriteMsg(reply)
		return
	}
	_, overUDP := w.LocalAddr().(*net.UDPAddr)
	switch s.note(req.Question[0]) {
	case Timeout:
		return
	case ServFail:
		reply.Rcode = dns.RcodeServerFailure
	case Truncate:
		if reply.Truncated = overUDP; overUDP {
			break
		}
		fallthrough
	default:
		s.answer(reply)
	}
	if opt := req.IsEdns0(); opt != nil {
		reply.SetEdns0(opt.UDPSize(), false)
	}
	if overUDP && !reply.Truncated {
		reply.Truncate(udpRoom(req))
	}
	w.WriteMsg(reply)
}

// udpRoom is the largest answer the asker takes over UDP.
func udpRoom(req *dns.Msg) int {
	if opt := req.IsEdns0(); opt != nil {
		return int(max(opt.UDPSize(), dns.MinMsgSize))
	}
	return dns.MinMsgSize
}

// note counts a question and says how to misbehave.
func (s *Server) note(q dns.Question) Fault {
	name := canonical(q.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total++
	s.asked[question{name, q.Qtype}]++
	if fault, ok := s.faults[question{name, q.Qtype}]; ok {
		return fault
	}
	return s.faults[question{name, dns.TypeANY}]
}

// answer fills in what the zone says. In an alias loop the chain is sent as far as it was followed, as servers do.
func (s *Server) answer(reply *dns.Msg) {
	q := reply.Question[0]
	found, err := s.zone.Lookup(q.Name, q.Qtype)
	reply.Answer = append(found.Aliases, found.Records...)
	if err != nil {
		if len(found.Aliases) == 0 {
			reply.Rcode = dns.RcodeServerFailure
		}
		return
	}
	if len(found.Records) == 0 && found.SOA != nil {
		reply.Ns = []dns.RR{found.SOA}
	}
	if !found.Exists {
		reply.Rcode = dns.RcodeNameError
	}
}
