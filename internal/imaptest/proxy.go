package imaptest

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
)

// Fault is what befalls one connection.
type Fault struct {
	After int64 // bytes of the server's that still get through; 0: the connection is left alone
	Stall bool  // then nothing more comes, instead of a cut
}

// Proxy passes TCP connections on to a server, the first with the first fault, and so on; later ones are left alone.
type Proxy struct {
	Addr  string
	Conns atomic.Int64 // connections so far

	backend  string
	listener net.Listener
	mu       sync.Mutex
	open     []net.Conn
}

// NewProxy listens on loopback until the test ends.
func NewProxy(t TB, backend string, faults ...Fault) *Proxy {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("starting the proxy: %v", err)
	}
	p := &Proxy{Addr: listener.Addr().String(), backend: backend, listener: listener}
	go p.serve(faults)
	t.Cleanup(p.close)
	return p
}

func (p *Proxy) serve(faults []Fault) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		var fault Fault
		if n := p.Conns.Add(1); n <= int64(len(faults)) {
			fault = faults[n-1]
		}
		server, err := net.Dial("tcp", p.backend)
		if err != nil {
			client.Close()
			continue
		}
		p.mu.Lock()
		p.open = append(p.open, client, server)
		p.mu.Unlock()
		go io.Copy(server, client)
		go pass(client, server, fault)
	}
}

// pass copies the server's bytes until the fault.
func pass(client, server net.Conn, fault Fault) {
	if fault.After == 0 {
		io.Copy(client, server)
	} else {
		io.CopyN(client, server, fault.After)
	}
	if fault.Stall {
		io.Copy(io.Discard, server)
		return
	}
	client.Close()
	server.Close()
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range p.open {
		conn.Close()
	}
}
