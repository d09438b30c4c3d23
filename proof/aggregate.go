package proof

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/emersion/go-message/charset"
)

// Bounds of one DMARC aggregate report: bytes of XML, once unpacked; rows; depth of its elements; bytes of one value. What
// is beyond the first two is left out, and Problem says so.
const (
	maxAggregateXML   = 16 << 20
	maxAggregateRows  = 50_000
	maxAggregateDepth = 16
	maxAggregateText  = 512
)

// Aggregate is a DMARC aggregate report (RFC 9990, and RFC 7489 appendix C before it): what one receiver saw in the name of
// a domain, by source address. Anybody can send one: who wrote it is his own word (Aggregates.Add asks for a witness).
type Aggregate struct {
	Org      string // who says that he reports
	Contact  string // his address
	ID       string
	Domain   string // whose policy it is about, lower case
	Policy   string // p= as he found it
	From, To time.Time
	Rows     []AggregateRow
	Problem  string // what was left out; "" if nothing was
}

// AggregateRow counts messages from one address with the same results.
type AggregateRow struct {
	IP           netip.Addr
	Count        int
	Disposition  string // none, pass, quarantine or reject: what the receiver did by the policy
	DKIM, SPF    bool   // passed, and aligned with HeaderFrom
	HeaderFrom   string // domain of From, lower case
	EnvelopeFrom string // domain of MAIL FROM, lower case; "" for the null reverse-path or if not reported
	SPFDomain    string // domain that SPF was checked for, whether aligned or not
	SPFResult    string // pass, fail, softfail, ...
}

var errNoAggregate = errors.New("this is no DMARC aggregate report: no element feedback")

// ParseAggregate reads a report as it is attached: XML, gzip or zip, told by its first bytes. What is hostile in XML does
// nothing here: no entity is expanded, nothing is fetched, and every bound is one of the constants above.
func ParseAggregate(data []byte) (Aggregate, error) {
	in, err := unpack(data)
	if err != nil {
		return Aggregate{}, err
	}
	limited := &io.LimitedReader{R: in, N: maxAggregateXML}
	d := xml.NewDecoder(limited)
	d.Strict = false // reports with bare & in names of organisations are seen
	d.CharsetReader = func(name string, in io.Reader) (io.Reader, error) {
		if decoded, err := charset.Reader(name, in); err == nil {
			return decoded, nil
		}
		return in, nil
	}
	var r aggregateReader
	err = r.read(d)
	switch {
	case !r.started:
		return Aggregate{}, errNoAggregate
	case limited.N <= 0:
		r.out.Problem = fmt.Sprintf("the report is longer than %d MB: its end is left out", maxAggregateXML>>20)
	case err != nil:
		r.out.Problem = "the report breaks off: " + err.Error()
	}
	if r.out.Domain == "" && len(r.out.Rows) == 0 {
		return Aggregate{}, errors.New("the report names no domain and no source")
	}
	return r.out, nil
}

// unpack tells gzip (RFC 1952 section 2.3.1) and zip by their first bytes. Of a zip the first file counts: RFC 9990 has one
// file in it.
func unpack(data []byte) (io.Reader, error) {
	switch {
	case bytes.HasPrefix(data, []byte{0x1f, 0x8b}):
		in, err := gzip.NewReader(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("the gzip data is damaged: %w", err)
		}
		return in, nil
	case bytes.HasPrefix(data, []byte("PK\x03\x04")):
		archive, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, fmt.Errorf("the zip is damaged: %w", err)
		}
		for _, file := range archive.File {
			if !file.FileInfo().IsDir() {
				return file.Open()
			}
		}
		return nil, errors.New("the zip is empty")
	}
	return bytes.NewReader(data), nil
}

// aggregateReader walks the elements of one report.
type aggregateReader struct {
	out     Aggregate
	row     AggregateRow
	started bool
	path    []string
	text    strings.Builder
}

// aggregateFields are the elements that are read, by their parent's name and their own; RFC 9990 puts them in a namespace,
// which does not matter here.
var aggregateFields = map[string]func(r *aggregateReader, value string){
	"report_metadata/org_name":     func(r *aggregateReader, v string) { r.out.Org = v },
	"report_metadata/email":        func(r *aggregateReader, v string) { r.out.Contact = strings.ToLower(v) },
	"report_metadata/report_id":    func(r *aggregateReader, v string) { r.out.ID = v },
	"date_range/begin":             func(r *aggregateReader, v string) { r.out.From = aggregateTime(v) },
	"date_range/end":               func(r *aggregateReader, v string) { r.out.To = aggregateTime(v) },
	"policy_published/domain":      func(r *aggregateReader, v string) { r.out.Domain = domainText(v) },
	"policy_published/p":           func(r *aggregateReader, v string) { r.out.Policy = strings.ToLower(v) },
	"row/source_ip":                func(r *aggregateReader, v string) { r.row.IP = parseIP(v) },
	"row/count":                    func(r *aggregateReader, v string) { r.row.Count = aggregateCount(v) },
	"policy_evaluated/disposition": func(r *aggregateReader, v string) { r.row.Disposition = strings.ToLower(v) },
	"policy_evaluated/dkim":        func(r *aggregateReader, v string) { r.row.DKIM = strings.EqualFold(v, "pass") },
	"policy_evaluated/spf":         func(r *aggregateReader, v string) { r.row.SPF = strings.EqualFold(v, "pass") },
	"identifiers/header_from":      func(r *aggregateReader, v string) { r.row.HeaderFrom = domainText(v) },
	"identifiers/envelope_from":    func(r *aggregateReader, v string) { r.row.EnvelopeFrom = domainText(v) },
	"spf/domain":                   func(r *aggregateReader, v string) { r.row.SPFDomain = domainText(v) },
	"spf/result":                   func(r *aggregateReader, v string) { r.row.SPFResult = strings.ToLower(v) },
}

func (r *aggregateReader) read(d *xml.Decoder) error {
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		switch t := token.(type) {
		case xml.StartElement:
			if err := r.open(t.Name.Local); err != nil {
				return err
			}
		case xml.CharData:
			if r.text.Len()+len(t) <= maxAggregateText {
				r.text.Write(t)
			}
		case xml.EndElement:
			if err := r.close(); err != nil {
				return err
			}
		}
	}
}

func (r *aggregateReader) open(name string) error {
	if len(r.path) == 0 {
		if name != "feedback" {
			return errNoAggregate
		}
		r.started = true
	}
	if len(r.path) == maxAggregateDepth {
		return fmt.Errorf("elements are nested more than %d deep", maxAggregateDepth)
	}
	r.path = append(r.path, name)
	r.text.Reset()
	if name == "record" {
		r.row = AggregateRow{}
	}
	return nil
}

func (r *aggregateReader) close() error {
	n := len(r.path)
	if n == 0 {
		return errors.New("an element is closed that was not open")
	}
	name := r.path[n-1]
	if n > 1 {
		if set, ok := aggregateFields[r.path[n-2]+"/"+name]; ok {
			set(r, strings.TrimSpace(r.text.String()))
		}
	}
	r.path = r.path[:n-1]
	r.text.Reset()
	if name != "record" || !r.row.IP.IsValid() || r.row.Count == 0 {
		return nil
	}
	if len(r.out.Rows) == maxAggregateRows {
		return fmt.Errorf("it has more than %d rows", maxAggregateRows)
	}
	r.out.Rows = append(r.out.Rows, r.row)
	return nil
}

// aggregateTime reads seconds since 1970.
func aggregateTime(value string) time.Time {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil || n <= 0 || n > 1<<40 {
		return time.Time{}
	}
	return time.Unix(n, 0).UTC()
}

// maxAggregateCount bounds what one row may claim, so that sums stay sums.
const maxAggregateCount = 1_000_000_000

func aggregateCount(value string) int {
	n, err := strconv.ParseUint(value, 10, 63)
	if err != nil {
		return 0
	}
	return int(min(n, maxAggregateCount))
}

// domainText gives a domain as it is compared: QUIRK: some reporters put a whole address where RFC 9990 has a domain.
func domainText(value string) string {
	value = value[strings.LastIndexByte(value, '@')+1:]
	return strings.ToLower(strings.TrimSuffix(strings.TrimSpace(value), "."))
}
