package dnstest

import (
	"net"
	"testing"
	"time"

	"github.com/miekg/dns"
)

const zone = `
$ORIGIN example.com.
@        3600 IN SOA ns hostmaster 1 3600 600 86400 60
@        IN MX  10 mail
mail     IN A   192.0.2.25
www      IN CNAME web
web      IN CNAME mail
loop     IN CNAME loop2
loop2    IN CNAME loop
deep.under IN TXT "below an empty name"
out      IN CNAME elsewhere.example.net.
_temperror.invalid. IN TXT "A" "SERVFAIL" "broken.example.com."
`

func TestAnswers(t *testing.T) {
	s := Serve(t, zone)
	tests := []struct {
		name    string
		qtype   uint16
		rcode   int
		answers int
		soa     bool
	}{
		{"mail.example.com.", dns.TypeA, dns.RcodeSuccess, 1, false},
		{"MAIL.example.COM.", dns.TypeA, dns.RcodeSuccess, 1, false},
		{"mail.example.com.", dns.TypeAAAA, dns.RcodeSuccess, 0, true},
		{"under.example.com.", dns.TypeA, dns.RcodeSuccess, 0, true},
		{"absent.example.com.", dns.TypeA, dns.RcodeNameError, 0, true},
		{"absent.example.net.", dns.TypeA, dns.RcodeNameError, 0, false},
		{"www.example.com.", dns.TypeA, dns.RcodeSuccess, 3, false},
		{"www.example.com.", dns.TypeMX, dns.RcodeSuccess, 2, true},
		{"out.example.com.", dns.TypeA, dns.RcodeNameError, 1, false},
		{"loop.example.com.", dns.TypeA, dns.RcodeSuccess, 10, false},
		{"broken.example.com.", dns.TypeA, dns.RcodeServerFailure, 0, false},
		{"broken.example.com.", dns.TypeTXT, dns.RcodeNameError, 0, true},
	}
	for _, network := range []string{"udp", "tcp"} {
		for _, tt := range tests {
			reply, err := ask(network, s.Addr, tt.name, tt.qtype)
			if err != nil {
				t.Errorf("%s %s: %v", network, tt.name, err)
				continue
			}
			if reply.Rcode != tt.rcode || len(reply.Answer) != tt.answers || len(reply.Ns) > 0 != tt.soa {
				t.Errorf("%s %s %s: got %v", network, tt.name, dns.TypeToString[tt.qtype], reply)
			}
		}
	}
	if got, want := s.Queries(), 2*len(tests); got != want {
		t.Errorf("Queries() = %d, want %d", got, want)
	}
	if got := s.Asked("www.example.com", "MX"); got != 2 {
		t.Errorf("Asked(www, MX) = %d, want 2", got)
	}
}

func TestFaults(t *testing.T) {
	s := Serve(t, zone)
	s.Fault("mail.example.com", Timeout, "AAAA")
	s.Fault("example.com", ServFail)
	s.Fault("www.example.com", Truncate, "A")

	if reply, err := ask("udp", s.Addr, "mail.example.com.", dns.TypeA); err != nil || len(reply.Answer) != 1 {
		t.Errorf("the other type: %v, %v", reply, err)
	}
	if _, err := ask("udp", s.Addr, "mail.example.com.", dns.TypeAAAA); !isTimeout(err) {
		t.Errorf("silent name: %v", err)
	}
	if reply, err := ask("udp", s.Addr, "example.com.", dns.TypeMX); err != nil || reply.Rcode != dns.RcodeServerFailure {
		t.Errorf("failing name: %v, %v", reply, err)
	}
	if reply, err := ask("udp", s.Addr, "www.example.com.", dns.TypeA); err != nil || !reply.Truncated || len(reply.Answer) != 0 {
		t.Errorf("cut name over UDP: %v, %v", reply, err)
	}
	if reply, err := ask("tcp", s.Addr, "www.example.com.", dns.TypeA); err != nil || reply.Truncated || len(reply.Answer) != 3 {
		t.Errorf("cut name over TCP: %v, %v", reply, err)
	}
}

func ask(network, addr, name string, qtype uint16) (*dns.Msg, error) {
	client := &dns.Client{Net: network, Timeout: 200 * time.Millisecond}
	reply, _, err := client.Exchange(new(dns.Msg).SetQuestion(name, qtype), addr)
	return reply, err
}

func isTimeout(err error) bool {
	t, ok := err.(net.Error)
	return ok && t.Timeout()
}
