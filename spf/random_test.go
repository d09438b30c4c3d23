package spf

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
)

// world makes random zones whose policies are rich in matches, limits and trouble: few names, few networks inside each
// other, hosts that are missing or can't be looked up.
type world struct {
	*rand.Rand
	dynamic bool // also terms that depend on sender and client
	failing bool // also look-ups that fail

	at int // the domain whose record is being written
}

const worldDomains = 8

func (w *world) pick(of ...string) string { return of[w.IntN(len(of))] }

// zone is the text of a zone file.
func (w *world) zone() string {
	var out strings.Builder
	for d := range worldDomains {
		w.at = d
		if w.IntN(20) > 0 {
			fmt.Fprintf(&out, "d%d.example. IN TXT %q\n", d, w.record())
		}
		if w.IntN(60) == 0 {
			fmt.Fprintf(&out, "d%d.example. IN TXT %q\n", d, w.record())
		}
		for range w.IntN(3) {
			fmt.Fprintf(&out, "d%d.example. IN A %s\n", d, w.v4())
		}
		for range w.IntN(4) {
			fmt.Fprintf(&out, "d%d.example. IN MX %d m%d.example.\n", d, w.IntN(3), w.IntN(7))
		}
		fmt.Fprintf(&out, "e%d.example. IN TXT %q\n", d, "%{i} is not of %{d}, %{s}")
	}
	for h := range 6 { // one more of each is named and doesn't exist
		for _, kind := range "hm" { // m: of MX records only
			for range w.IntN(4) {
				fmt.Fprintf(&out, "%c%d.example. IN A %s\n", kind, h, w.v4())
			}
			for range w.IntN(3) {
				fmt.Fprintf(&out, "%c%d.example. IN AAAA %s\n", kind, h, w.v6())
			}
		}
	}
	for i := range 12 {
		fmt.Fprintf(&out, "many.example. IN MX 1 m%d.example.\n", i)
	}
	out.WriteString("null.example. IN MX 0 .\nin-addr.d1.example. IN A 127.0.0.2\nd2.example.x.example. IN A 127.0.0.2\n")
	if w.failing {
		fmt.Fprintf(&out, "_temperror.invalid. IN TXT %q SERVFAIL %q\n", w.pick("A", "AAAA", "MX", "TXT"), w.host())
	}
	if w.dynamic {
		fmt.Fprintf(&out, "%s.in-addr.arpa. IN PTR h1.d0.example.\nh1.d0.example. IN A 10.0.0.1\n", "1.0.0.10")
	}
	return out.String()
}

func (w *world) host() string {
	if w.IntN(3) == 0 {
		return fmt.Sprintf("d%d.example", w.IntN(worldDomains))
	}
	return fmt.Sprintf("h%d.example", w.IntN(7))
}

// later is a domain that comes later, so that most chains of includes end.
func (w *world) later() string {
	if w.at == worldDomains-1 || w.IntN(20) == 0 {
		return fmt.Sprintf("d%d.example", w.IntN(worldDomains))
	}
	return fmt.Sprintf("d%d.example", w.at+1+w.IntN(worldDomains-1-w.at))
}

// v4 and v6 are addresses of which many are equal, and many more in one small network.
func (w *world) v4() netip.Addr {
	return netip.AddrFrom4([4]byte{10, 0, byte(w.IntN(2)), byte(w.IntN(4)*64 + w.IntN(4))})
}

func (w *world) v6() netip.Addr {
	a := [16]byte{0x20, 1, 0xd, 0xb8, 7: byte(w.IntN(2)), 15: byte(w.IntN(4)*64 + w.IntN(4))}
	return netip.AddrFrom16(a)
}

func (w *world) addr() netip.Addr {
	switch w.IntN(8) {
	case 0:
		return netip.AddrFrom4([4]byte{10, 0, byte(w.IntN(4)), byte(w.IntN(256))})
	case 1:
		return netip.MustParseAddr(w.pick("192.0.2.1", "2001:db8:ffff::1", "10.1.0.1", "::1"))
	case 2, 3:
		return w.v6()
	}
	return w.v4()
}

func (w *world) record() string {
	terms := []string{"v=spf1"}
	for range w.IntN(7) {
		terms = append(terms, w.pick("", "", "", "+", "-", "?", "~")+w.mechanism())
	}
	switch w.IntN(4) {
	case 0:
		terms = append(terms, w.pick("+all", "-all", "?all", "~all"))
	case 1:
		terms = append(terms, "redirect="+w.later())
	case 2:
		terms = append(terms, "-all", fmt.Sprintf("exp=e%d.example", w.IntN(worldDomains)))
	}
	if w.IntN(80) == 0 {
		terms = append(terms, w.pick("ip4:10.0.0.1/33", "al", "x=%{i}", "redirect=d1.example"))
	}
	return strings.Join(terms, " ")
}

func (w *world) mechanism() string {
	if w.dynamic && w.IntN(8) == 0 {
		return w.pick("exists:%{i}.x.example", "exists:%{l}.x.example", "ptr", "ptr:d0.example", "a:%{o}", "include:d%{l1r-}.example", "a:%{p}")
	}
	switch w.IntN(14) {
	case 0, 1, 2:
		return fmt.Sprintf("ip4:%s/%d", w.v4(), 22+w.IntN(11))
	case 3, 4:
		return fmt.Sprintf("ip6:%s/%d", w.v6(), w.IntN(129))
	case 5:
		return w.pick("a", "a", "mx", "a/24", "mx/26//120", "a//64")
	case 6:
		return fmt.Sprintf("a:%s/%d//%d", w.host(), 20+w.IntN(13), 100+w.IntN(29))
	case 7:
		return w.pick("mx:many.example", "mx:null.example", "mx:"+w.host(), "mx:"+w.host()+"/25")
	case 8:
		return w.pick("exists:%{v}.%{d}", "exists:%{d}.x.example", "exists:absent.x.example")
	case 9:
		return "a:" + w.host()
	}
	return "include:" + w.later()
}
