package resolve

import (
	"bufio"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"
)

// recordedTTL stands in every recorded line: the TTL a cache hands out counts down, and two runs would differ.
const recordedTTL = 3600

// maxString is the length of one string of a TXT record, RFC 1035 section 3.3.
const maxString = 255

// recorder keeps what was answered, as the lines of a zone file. An alias chain is written out: the records stand under
// the name that was asked, because servers may answer differently by type. An empty answer needs no line.
type recorder struct {
	mu   sync.Mutex
	seen map[question][]string
}

func newRecorder() *recorder { return &recorder{seen: make(map[question][]string)} }

// add records one answer; of a question asked twice (its TTL ran out) the later one stays.
func (r *recorder) add(q question, rrs []dns.RR, err error) {
	var lines []string
	if err != nil {
		lines = []string{failureLine(q, err)}
	}
	for _, rr := range rrs {
		rr = dns.Copy(rr)
		*rr.Header() = dns.RR_Header{Name: presentation(q.name), Rrtype: q.qtype, Class: dns.ClassINET, Ttl: recordedTTL}
		lines = append(lines, rr.String())
	}
	if q.qtype != dns.TypePTR { // whose order is part of the answer
		slices.Sort(lines)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen[q] = lines
}

func (r *recorder) write(w io.Writer) error {
	r.mu.Lock()
	answers := slices.Collect(maps.Values(r.seen))
	r.mu.Unlock()
	slices.SortFunc(answers, slices.Compare)

	out := bufio.NewWriter(w)
	out.WriteString("; DNS answers recorded by ndrscan; replay them with --dns zone:FILE. Names that are absent did not exist;\n" +
		"; a line of " + errorOwner + " is a look-up that failed.\n")
	for _, lines := range answers {
		for _, l := range lines {
			out.WriteString(l + "\n")
		}
	}
	return out.Flush()
}

// failureLine writes a look-up that failed (errorOwner).
func failureLine(q question, err error) string {
	reason := err.Error()
	txt := &dns.TXT{Hdr: dns.RR_Header{Name: errorOwner, Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: recordedTTL}}
	txt.Txt = append(txt.Txt, dns.TypeToString[q.qtype], escape(reason[:min(len(reason), maxString)]))
	for name := presentation(q.name); name != ""; {
		n := min(len(name), maxString)
		txt.Txt = append(txt.Txt, escape(name[:n]))
		name = name[n:]
	}
	return txt.String()
}

// presentation writes a key so that a zone parser reads it back: every octet that isn't harmless as \DDD.
func presentation(key string) string {
	var out strings.Builder
	for i := 0; i < len(key); i++ {
		c := key[i]
		if c == '\\' && i+1 < len(key) { // a dot or a backslash inside a label
			c, i = escaped(key, i)
			writeOctet(&out, c)
			continue
		}
		if c == '.' || c == '-' || c == '_' || isDigit(c) || 'a' <= c && c <= 'z' {
			out.WriteByte(c)
			continue
		}
		writeOctet(&out, c)
	}
	return out.String()
}

// escape is the reverse of unescape for the string of a TXT record.
func escape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			writeOctet(&out, c)
		} else {
			out.WriteByte(c)
		}
	}
	return out.String()
}

func writeOctet(out *strings.Builder, c byte) {
	out.Write([]byte{'\\', '0' + c/100, '0' + c/10%10, '0' + c%10})
}
