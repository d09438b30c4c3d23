package resolve_test

import (
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"ndrscan/internal/dnstest"
	"ndrscan/resolve"
)

// endless is a name server that knows only that each name is an alias of another, and takes its time to say so.
func endless(t *testing.T, delay time.Duration, next func(n int64) string) (addr string, asked *atomic.Int64) {
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	asked = new(atomic.Int64)
	ready := make(chan struct{})
	srv := &dns.Server{PacketConn: conn, NotifyStartedFunc: func() { close(ready) }}
	srv.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, req *dns.Msg) {
		n := asked.Add(1)
		time.Sleep(delay)
		reply := new(dns.Msg).SetReply(req)
		rr, err := dns.NewRR(fmt.Sprintf("%s 60 IN CNAME %s", req.Question[0].Name, next(n)))
		if err != nil {
			t.Error(err)
		}
		reply.Answer = []dns.RR{rr}
		w.WriteMsg(reply)
	})
	go srv.ActivateAndServe()
	<-ready
	t.Cleanup(func() { srv.Shutdown() })
	return conn.LocalAddr().String(), asked
}

func TestAliasChainsEnd(t *testing.T) {
	for name, next := range map[string]func(int64) string{
		"loop":    func(n int64) string { return fmt.Sprintf("n%d.example.com.", n%2) },
		"endless": func(n int64) string { return fmt.Sprintf("n%d.example.com.", n) },
	} {
		addr, asked := endless(t, 0, next)
		_, err := look(open(t, addr, resolve.Options{}), "A", "n0.example.com")
		if err == nil || !strings.Contains(err.Error(), "CNAME chain") {
			t.Errorf("%s: got %v", name, err)
		}
		if n := asked.Load(); n > 11 {
			t.Errorf("%s: %d queries", name, n)
		}
	}
}

// However slow each step of a chain is, all of it takes no longer than a question that nobody answers.
func TestSlowAliasChainEnds(t *testing.T) {
	const timeout = 200 * time.Millisecond
	addr, _ := endless(t, timeout*3/4, func(n int64) string { return fmt.Sprintf("n%d.example.com.", n) })
	start := time.Now()
	_, err := look(open(t, addr, resolve.Options{Timeout: timeout}), "A", "n0.example.com")
	if err == nil || !strings.Contains(err.Error(), "did not answer in time") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(start); took > 3*timeout { // two attempts, and room for a slow machine
		t.Errorf("took %s", took)
	}
}

// The largest answer there can be costs two queries, one of them over TCP.
func TestLargestText(t *testing.T) {
	var text strings.Builder
	for range 250 {
		fmt.Fprintf(&text, ` "%s"`, strings.Repeat("x", 255))
	}
	srv := dnstest.Serve(t, "big.example.com. IN TXT"+text.String())
	got, err := look(open(t, srv.Addr, resolve.Options{}), "TXT", "big.example.com")
	if err != nil || len(got) != 1 || len(got[0]) != 250*255 || srv.Queries() != 2 {
		t.Errorf("%d records, %v, %d queries", len(got), err, srv.Queries())
	}
}
