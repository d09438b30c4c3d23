package proof

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/netip"
	"slices"
	"strings"
	"time"

	"ndrscan/internal/header"
)

// Bounds of the index: addresses kept, receivers told apart for one address, reports remembered so that none counts twice.
const (
	maxAggregateAddrs     = 200_000
	maxAggregateReceivers = 200
	maxAggregateReports   = 100_000
)

// Aggregates adds up DMARC aggregate reports about our domains: for each address, what how many receivers saw come from it
// in our name. They are witnesses that have nothing to do with the bounces (METHOD 4). One goroutine adds; what is asked
// afterwards may be asked by many.
type Aggregates struct {
	own     func(domain string) bool
	byAddr  map[netip.Addr]*addrCounts
	seen    map[[16]byte]bool
	reports int
	left    int
}

// AddrResults is what receivers report about one address, in messages. Both is part of SPF and of DKIM:
// Messages = SPF + DKIM - Both + Neither.
type AddrResults struct {
	IP         netip.Addr
	Receivers  int // verified organisations that saw it, at most 200
	Messages   int // as the verified ones count
	SPF, DKIM  int // passed and aligned with our domain
	Both       int // both did
	Neither    int // none did: forged, or a source of ours that neither signs nor is permitted
	Unverified int // in reports that nothing but their own word ascribes to somebody; not part of Messages
	From, To   time.Time
}

type addrCounts struct {
	results   AddrResults
	receivers map[string]bool
}

// NewAggregates makes an index of reports about domains that own accepts (lower case).
func NewAggregates(own func(domain string) bool) *Aggregates {
	return &Aggregates{own: own, byAddr: map[netip.Addr]*addrCounts{}, seen: map[[16]byte]bool{}}
}

// Add takes a report. witness is the organisation that proved to have sent it, by its handing address (METHOD 6) or a DKIM
// signature; "" if nobody did: then it counts apart. A report that came before is not counted again. It gives the number
// of rows that are about our domains.
func (a *Aggregates) Add(report Aggregate, witness string) (rows int) {
	key := idKey(strings.Join([]string{witness, report.Org, report.ID, report.Domain}, "\x00"))
	if a.seen[key] || len(a.seen) >= maxAggregateReports {
		if !a.seen[key] {
			a.left++
		}
		return 0
	}
	for i := range report.Rows {
		row := &report.Rows[i]
		from := cmp.Or(row.HeaderFrom, report.Domain)
		if !a.own(from) {
			continue
		}
		if counts := a.counts(row.IP); counts != nil {
			counts.add(row, &report, witness)
			rows++
		}
	}
	if rows > 0 {
		a.seen[key] = true
		a.reports++
	}
	return rows
}

func (a *Aggregates) counts(ip netip.Addr) *addrCounts {
	c, ok := a.byAddr[ip]
	if !ok && len(a.byAddr) >= maxAggregateAddrs {
		a.left++
		return nil
	}
	if !ok {
		c = &addrCounts{results: AddrResults{IP: ip}, receivers: map[string]bool{}}
		a.byAddr[ip] = c
	}
	return c
}

func (c *addrCounts) add(row *AggregateRow, report *Aggregate, witness string) {
	r := &c.results
	if !report.From.IsZero() && (r.From.IsZero() || report.From.Before(r.From)) {
		r.From = report.From
	}
	if report.To.After(r.To) {
		r.To = report.To
	}
	if witness == "" {
		r.Unverified += row.Count
		return
	}
	if len(c.receivers) < maxAggregateReceivers {
		c.receivers[strings.Clone(witness)] = true
	}
	r.Receivers = len(c.receivers)
	r.Messages += row.Count
	switch {
	case row.SPF && row.DKIM:
		r.SPF, r.DKIM, r.Both = r.SPF+row.Count, r.DKIM+row.Count, r.Both+row.Count
	case row.SPF:
		r.SPF += row.Count
	case row.DKIM:
		r.DKIM += row.Count
	default:
		r.Neither += row.Count
	}
}

// Of gives what is reported about an address.
func (a *Aggregates) Of(ip netip.Addr) (AddrResults, bool) {
	c, ok := a.byAddr[ip.Unmap().WithZone("")]
	if !ok {
		return AddrResults{}, false
	}
	return c.results, true
}

// All gives what is reported, the addresses with most messages first.
func (a *Aggregates) All() []AddrResults {
	list := make([]AddrResults, 0, len(a.byAddr))
	for _, c := range a.byAddr {
		list = append(list, c.results)
	}
	slices.SortFunc(list, func(x, y AddrResults) int {
		return cmp.Or(cmp.Compare(y.Messages, x.Messages), cmp.Compare(y.Unverified, x.Unverified), x.IP.Compare(y.IP))
	})
	return list
}

// Reports gives the number of reports about our domains.
func (a *Aggregates) Reports() int { return a.reports }

// LeftOut gives the number of reports and rows beyond the bounds.
func (a *Aggregates) LeftOut() int { return a.left }

// Bounds of the walk through a message that brings a report.
const (
	maxReportParts = 20
	maxReportDepth = 4
	maxReportPart  = 8 << 20 // bytes, packed
)

// FindAggregates reads the reports attached to a message: a whole message is in most cases one packed part, alone or beside a
// text (RFC 9990 section 3.5). The error is that of the last part that looked like a report and could not be read.
func FindAggregates(section header.Section, body []byte) (reports []Aggregate, err error) {
	w := reportWalker{}
	w.walk(section.Get("Content-Type"), section.Get("Content-Transfer-Encoding"), bytes.NewReader(body), 0)
	for _, part := range w.found {
		report, failed := ParseAggregate(part)
		if failed != nil {
			err = failed
			continue
		}
		reports = append(reports, report)
	}
	return reports, err
}

type reportWalker struct {
	parts int
	found [][]byte
}

func (w *reportWalker) walk(contentType, encoding string, body io.Reader, depth int) {
	if w.parts++; w.parts > maxReportParts || depth > maxReportDepth {
		return
	}
	kind, params, err := mime.ParseMediaType(contentType)
	if err == nil && strings.HasPrefix(kind, "multipart/") {
		parts := multipart.NewReader(body, params["boundary"])
		for w.parts <= maxReportParts {
			part, err := parts.NextRawPart()
			if err != nil {
				return
			}
			w.walk(part.Header.Get("Content-Type"), part.Header.Get("Content-Transfer-Encoding"), part, depth+1)
		}
		return
	}
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	data, _ := io.ReadAll(io.LimitReader(body, maxReportPart)) // of a part that breaks off, what is there
	if looksLikeReport(data) {
		w.found = append(w.found, data)
	}
}

// looksLikeReport tells gzip, zip and XML from the text beside them.
func looksLikeReport(data []byte) bool {
	start := bytes.TrimLeft(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), " \t\r\n")
	return bytes.HasPrefix(data, []byte{0x1f, 0x8b}) || bytes.HasPrefix(data, []byte("PK\x03\x04")) ||
		bytes.HasPrefix(start, []byte("<?xml")) || bytes.HasPrefix(start, []byte("<feedback"))
}
