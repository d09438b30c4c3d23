package trace

import (
	"net/netip"
	"slices"
	"strings"

	"ndrscan/internal/header"
)

// weak looks for an origin where no Received line gives one (METHOD 3.5): a result that the reporter recorded, then
// Received-From-MTA of software that fills it from the connection.
func (w *walk) weak() {
	if w.in.Reporter.Own {
		return
	}
	for _, source := range []struct {
		field string
		via   Via
	}{{"Received-SPF", ViaReceivedSPF}, {"Authentication-Results", ViaAuthResults}} {
		if ip, ok := w.recorded(source.field); ok {
			w.takeWeak(ip, source.via)
			return
		}
	}
	if fromConnection[strings.ToLower(w.in.Software)] {
		if ip, ok := bracketedEnd(withoutType(w.in.ReceivedFromMTA)); ok {
			w.takeWeak(ip, ViaDSN)
		}
	}
}

func (w *walk) takeWeak(ip netip.Addr, via Via) {
	w.o.IP, w.o.Via, w.o.Trust = ip, via, Weak
	if w.t.isOurs(w.ctx, ip, &w.o.OwnUnknown) {
		w.o.Own, w.o.Entry = true, EntryUnknown
	}
}

// fromConnection fill Received-From-MTA with the address of the connection. Sendmail gives a reverse name, maddy the
// HELO, Gmail the sender.
var fromConnection = map[string]bool{"courier": true}

// bracketedEnd reads the address in the last comment: NAME (RDNS [ADDR]). What stands before it may be the HELO's.
func bracketedEnd(value string) (netip.Addr, bool) {
	list := tokens(value, nil)
	if len(list) == 0 {
		return noAddr, false
	}
	last := list[len(list)-1]
	if !last.comment || last.glued || strings.IndexByte(last.text, '[') < 0 {
		return noAddr, false
	}
	c := clientOf(last.text)
	return c.ip, c.ip.IsValid() && !inner(c.ip)
}

// recorded reads the client address of the topmost field of that name, if it stands in the trace block above the
// sender's own fields and names a host of the reporting site as its writer.
func (w *walk) recorded(field string) (netip.Addr, bool) {
	if len(w.site.orgs) == 0 {
		w.newSite()
	}
	for _, f := range w.in.Original {
		if f.Is(field) {
			value := f.Value()
			if !slices.Contains(w.site.orgs, OrgDomain(recordedBy(field, value))) {
				return noAddr, false
			}
			return recordedClient(value)
		}
		if sendersField(f) {
			return noAddr, false
		}
	}
	return noAddr, false
}

// sendersField tells a field that the sender's program writes: what stands below is the sender's, too.
func sendersField(f header.Field) bool {
	for _, name := range []string{"From", "To", "Subject", "Date", "Message-ID"} {
		if f.Is(name) {
			return true
		}
	}
	return false
}

// recordedBy gives the host that a recorded result names as its writer: the authserv-id (RFC 8601 section 2.2), or
// Received-SPF's receiver= or the first word of its comment (RFC 7208 section 9.1).
func recordedBy(field, value string) string {
	if strings.EqualFold(field, "Authentication-Results") {
		id, _, _ := strings.Cut(value, ";")
		return firstWord(header.StripComments(id))
	}
	if _, after, ok := strings.Cut(value, "receiver="); ok {
		return strings.Trim(firstWord(after), ";\"<>")
	}
	if _, after, ok := strings.Cut(value, "("); ok {
		return strings.TrimSuffix(firstWord(after), ":")
	}
	return ""
}

// recordedMarks stand before the client's address in a recorded result.
var recordedMarks = []string{"client-ip=", "smtp.remote-ip=", "policy.iprev=", "sender IP is "}

func recordedClient(value string) (netip.Addr, bool) {
	for _, mark := range recordedMarks {
		if _, after, ok := strings.Cut(value, mark); ok {
			end := strings.IndexAny(after, " \t;,)")
			if end < 0 {
				end = len(after)
			}
			ip, ok := parseAddr(strings.Trim(after[:end], `"`))
			return ip, ok && !inner(ip)
		}
	}
	return noAddr, false
}
