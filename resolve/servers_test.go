package resolve

import (
	"context"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// answering is a name server on loopback that answers by a function; nil is no answer.
func answering(t *testing.T, answer func(req *dns.Msg) *dns.Msg) (addr string, asked *atomic.Int64) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked = new(atomic.Int64)
	ready := make(chan struct{})
	srv := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(ready) }}
	srv.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		asked.Add(1)
		if reply := answer(req); reply != nil {
			w.WriteMsg(reply)
		}
	})
	go srv.ActivateAndServe()
	<-ready
	t.Cleanup(func() { srv.Shutdown() })
	return conn.LocalAddr().String(), asked
}

func one(req *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(req)
	reply.Answer = []dns.RR{&dns.A{
		Hdr: dns.RR_Header{Name: req.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 1),
	}}
	return reply
}

func rcode(code int) func(*dns.Msg) *dns.Msg {
	return func(req *dns.Msg) *dns.Msg { return new(dns.Msg).SetRcode(req, code) }
}

func silent(*dns.Msg) *dns.Msg { return nil }

// beforeEDNS knows no EDNS and says so with a code of its own time (RFC 6891 section 7).
func beforeEDNS(code int) func(*dns.Msg) *dns.Msg {
	return func(req *dns.Msg) *dns.Msg {
		if req.IsEdns0() != nil {
			return rcode(code)(req)
		}
		return one(req)
	}
}

// toAnother answers what nobody asked.
func toAnother(req *dns.Msg) *dns.Msg {
	reply := one(req)
	reply.Question[0].Name = "other.example."
	return reply
}

func TestServers(t *testing.T) {
	tests := []struct {
		name    string
		servers []func(*dns.Msg) *dns.Msg
		asked   []int64
		err     string // what is wrong with the first server; "": there is an answer
	}{
		{"before EDNS, FORMERR", []func(*dns.Msg) *dns.Msg{beforeEDNS(dns.RcodeFormatError)}, []int64{2}, ""},
		{"before EDNS, NOTIMP", []func(*dns.Msg) *dns.Msg{beforeEDNS(dns.RcodeNotImplemented)}, []int64{2}, ""},
		{"second answers", []func(*dns.Msg) *dns.Msg{rcode(dns.RcodeServerFailure), one}, []int64{1, 1}, ""},
		{"second answers, first is silent", []func(*dns.Msg) *dns.Msg{silent, one}, []int64{1, 1}, ""},
		{"all refuse", []func(*dns.Msg) *dns.Msg{rcode(dns.RcodeRefused), rcode(dns.RcodeServerFailure), silent}, []int64{1, 1, 1}, "answered REFUSED"},
		{"one refuses", []func(*dns.Msg) *dns.Msg{rcode(dns.RcodeRefused)}, []int64{2}, "answered REFUSED"},
		{"another question", []func(*dns.Msg) *dns.Msg{toAnother}, []int64{2}, "the reply is to another question"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var addrs []string
			var asked []*atomic.Int64
			for _, s := range tt.servers {
				addr, n := answering(t, s)
				addrs, asked = append(addrs, addr), append(asked, n)
			}
			opts := Options{Timeout: 100 * time.Millisecond}
			got, err := newClient(newServers(addrs, opts), opts).LookupA(context.Background(), "host.example")
			switch {
			case tt.err == "" && (err != nil || !reflect.DeepEqual(got, []netip.Addr{netip.MustParseAddr("192.0.2.1")})):
				t.Errorf("got %v, %v", got, err)
			case tt.err != "" && (err == nil || !strings.Contains(err.Error(), addrs[0]) || !strings.Contains(err.Error(), tt.err)):
				t.Errorf("got %v, want %q of %s", err, tt.err, addrs[0])
			}
			for i, n := range asked {
				if n.Load() != tt.asked[i] {
					t.Errorf("server %d was asked %d times, want %d", i, n.Load(), tt.asked[i])
				}
			}
		})
	}
}

// A refused connection is named without the port of our own side, which changes from run to run.
func TestErrorsAreTheSameInEachRun(t *testing.T) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := conn.LocalAddr().String()
	conn.Close()
	want := `looking up A of "host.example": asking ` + addr + ": connection refused"
	for range 3 {
		opts := Options{Timeout: time.Second}
		_, err := newClient(newServers([]string{addr}, opts), opts).LookupA(context.Background(), "host.example")
		if err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
