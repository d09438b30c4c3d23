package trace

import (
	"net/netip"
	"strings"

	"ndrscan/internal/header"
)

// deliveredFields name the address a message came to; the delivery agent writes them on top. The first one wins: what
// follows may be an alias' target.
var deliveredFields = []string{"X-Original-To", "Delivered-To", "Envelope-To"}

// Account gives the address that a message came to, in lower case, from what only the receiving side can have written: the
// Received lines from the top down to the first whose client is a public address. Their "for" clause says it (RFC 5321
// section 4.4), the topmost first; else X-Original-To, Delivered-To or Envelope-To above the last of these lines. It is ""
// if they don't say: what stands below, and To, are the sender's.
func Account(bounce header.Section) string {
	var above, believed [3]string // of deliveredFields; above: since the last believed line
	found := ""
	walk := receiving{left: maxLines}
	for _, f := range bounce {
		if !f.Is("Received") {
			noteDelivered(&above, f)
			continue
		}
		h := ParseReceived(f.Value())
		if !walk.believes(h) {
			break
		}
		believed = above
		if found == "" {
			found = accountAddress(h.For)
		}
		if walk.ended {
			break
		}
	}
	for _, address := range believed {
		if found == "" {
			found = address
		}
	}
	return found
}

// receiving walks down the lines of the receiving side, by what the lines say alone.
type receiving struct {
	left   int
	writer string
	client netip.Addr // inner client of the line above
	ended  bool       // the last believed line shows who connected
}

// believes tells whether a line is still the receiving side's. Below an inner client that takes the same host or
// organisation: behind NAT or a container's proxy the next line is a stranger's.
func (r *receiving) believes(h Hop) bool {
	if r.left--; r.left < 0 {
		return false
	}
	if r.client.IsValid() && !r.sameSite(h.By) {
		return false
	}
	if h.By != "" && !strings.EqualFold(h.By, "localhost") {
		r.writer = h.By
	}
	if r.client = noAddr; h.kind == fromNetwork && inner(h.IP) {
		r.client = h.IP
	}
	r.ended = h.kind != handover && h.IP.IsValid() && !inner(h.IP) || h.kind == fromNetwork && !h.IP.IsValid()
	return true
}

func (r *receiving) sameSite(by string) bool {
	if strings.EqualFold(by, r.writer) || r.client.IsLoopback() && strings.EqualFold(by, "localhost") {
		return true
	}
	org := OrgDomain(by)
	return org != "" && org == OrgDomain(r.writer)
}

// noteDelivered keeps the first address of each of deliveredFields.
func noteDelivered(above *[3]string, f header.Field) {
	for i, name := range deliveredFields {
		if above[i] == "" && f.Is(name) {
			above[i] = accountAddress(f.Address())
		}
	}
}

// accountAddress gives an address whose domain the world may know: fetchmail says for <user@localhost>.
func accountAddress(s string) string {
	domain := header.Domain(s)
	if strings.IndexByte(s, '@') < 1 || strings.IndexByte(domain, '.') < 1 || strings.ContainsAny(s, "<>[] ") {
		return ""
	}
	return header.LowerASCII([]byte(s))
}
