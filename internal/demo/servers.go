package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"ndrscan/internal/dnstest"
	"ndrscan/internal/imaptest"
)

// Servers hold a flood on loopback: an IMAP server with TLS and a name server.
type Servers struct {
	IMAPAddr string // 127.0.0.1:port
	CAFile   string // the certificate to trust, in PEM
	CAPEM    []byte // the same
	User     string
	Password string
	DNSAddr  string // 127.0.0.1:port, UDP and TCP

	close func() error
}

// Start runs the servers until Close or the end of the context. The password is made up for this run.
func Start(ctx context.Context, flood *Flood) (*Servers, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	names, err := dnstest.Start(strings.NewReader(flood.Zone))
	if err != nil {
		return nil, fmt.Errorf("starting the demo's name server: %w", err)
	}
	password := rand.Text()
	box, err := imaptest.Start(flood.User, password, map[string][]imaptest.Message{
		"INBOX": stored(flood.Inbox),
		"Sent":  stored(flood.Sent),
	}, imaptest.Options{})
	if err != nil {
		names.Close()
		return nil, fmt.Errorf("starting the demo's IMAP server: %w", err)
	}
	closeOnce := sync.OnceValue(func() error {
		names.Close()
		return box.Close()
	})
	context.AfterFunc(ctx, func() { closeOnce() })
	return &Servers{
		IMAPAddr: box.Addr, CAFile: box.CAFile, CAPEM: box.CAPEM, User: flood.User, Password: password, DNSAddr: names.Addr,
		close: closeOnce,
	}, nil
}

// Close ends both servers and removes the certificate file.
func (s *Servers) Close() error {
	if err := s.close(); err != nil {
		return fmt.Errorf("closing the demo's IMAP server: %w", err)
	}
	return nil
}

func stored(messages []Message) []imaptest.Message {
	list := make([]imaptest.Message, 0, len(messages))
	for _, m := range messages {
		list = append(list, imaptest.Message{Raw: m.Raw, Date: m.Date})
	}
	return list
}
