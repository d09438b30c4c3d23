package report

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ndrscan/classify"
)

// Findings are counted again by the million, so they are read by several goroutines, and of each only what counting needs. A
// message that may be shown as a sample is read whole: the first of its campaign and class.

// maxSources bounds the sources of a recounted report.
const maxSources = 1000

// recount makes a report from findings alone.
func recount(in io.Reader, now time.Time) (*classify.Report, error) {
	c := classify.Context{Tool: "ndrscan show", Now: now, Complete: true}
	c.Run.Limits = []string{"counted from saved findings: the state of your domains, what was left out and what was assumed yours are known to the run alone"}
	flood, err := floodOf(in, func(f *classify.Finding) {
		if !slices.Contains(c.Sources, f.Source) && len(c.Sources) < maxSources {
			c.Sources = append(c.Sources, f.Source)
		}
		for _, r := range f.Reasons {
			c.SentAtHand = c.SentAtHand || strings.HasPrefix(r.Code, "sent-")
			c.LogAtHand = c.LogAtHand || strings.HasPrefix(r.Code, "log-")
		}
	})
	if err != nil {
		return nil, err
	}
	return flood.Report(c), nil
}

// Recounted is a bundle's content with its report made anew from its findings, as of the run.
func (s *Saved) Recounted() (Content, error) {
	c, err := s.bundled()
	if err != nil {
		return c, err
	}
	entry, err := s.entry(BundleFindings, maxFindings)
	if err != nil || entry == nil {
		return c, errors.Join(err, fmt.Errorf("there is no %s in it", BundleFindings))
	}
	in, err := entry.Open()
	if err != nil {
		return c, fmt.Errorf("%s: %w", BundleFindings, err)
	}
	defer in.Close()
	flood, err := floodOf(in, func(*classify.Finding) {})
	if err != nil {
		return c, fmt.Errorf("%s: %w", BundleFindings, err)
	}
	c.Report = flood.Report(classify.ContextOf(c.Report))
	return c, nil
}

// floodOf counts findings and tells of each.
func floodOf(in io.Reader, told func(*classify.Finding)) (*classify.Flood, error) {
	flood := classify.NewFlood(classify.FloodOptions{})
	for f, err := range countable(in) {
		if err != nil {
			return nil, err
		}
		flood.Recount(f)
		told(f)
	}
	return flood, nil
}

// sampleKey tells messages apart of which a report may show one.
type sampleKey struct {
	campaign string
	class    classify.Class
}

// maxSampleKeys bounds how many are read whole.
const maxSampleKeys = 10_000

// countable yields findings with what counting needs, in the order of their lines; the first bad line ends them. A finding is
// good until the next one.
func countable(in io.Reader) iter.Seq2[*classify.Finding, error] {
	return func(yield func(*classify.Finding, error) bool) {
		stop := make(chan struct{})
		defer close(stop)
		seen := map[sampleKey]bool{}
		for slot := range batches(in, stop) {
			b := <-slot
			for i := range b.findings {
				if err := b.readWhole(i, seen); err != nil {
					yield(nil, fmt.Errorf("line %d is no finding: %w", b.lines[i].number, err))
					return
				}
				if !yield(&b.findings[i], nil) {
					return
				}
			}
			if b.err != nil {
				yield(nil, b.err)
				return
			}
			spent.Put(b)
		}
	}
}

// readWhole reads a finding with all its fields, if it is the first bounce of its campaign and class.
func (b *batch) readWhole(i int, seen map[sampleKey]bool) error {
	f := &b.findings[i]
	key := sampleKey{f.Campaign, f.Class}
	if f.Kind != "bounce" || seen[key] || len(seen) >= maxSampleKeys {
		return nil
	}
	seen[key] = true
	*f = classify.Finding{}
	return jsonv2.Unmarshal(b.line(i), f, lenient)
}

// lenient reads JSON as encoding/json does: a name given twice and odd bytes are no errors.
var lenient = jsonv2.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// batch is some lines, and the findings in them up to the first bad one.
type batch struct {
	text     []byte // the lines, one after the other
	lines    []span
	findings []classify.Finding // of lines, one each
	err      error
}

// span is where a line lies in its batch, and its number in the file.
type span struct{ start, end, number int }

func (b *batch) line(i int) []byte { return b.text[b.lines[i].start:b.lines[i].end] }

// spent are batches to be filled again: a large file would else make as many bytes of garbage.
var spent = sync.Pool{New: func() any { return new(batch) }}

// batchBytes is how much text one goroutine takes at a time.
const batchBytes = 256 << 10

// batches reads lines and has them decoded side by side; the batches come in order.
func batches(in io.Reader, stop <-chan struct{}) <-chan chan *batch {
	queue := make(chan chan *batch, runtime.GOMAXPROCS(0))
	go func() {
		defer close(queue)
		scan := bufio.NewScanner(in)
		scan.Buffer(nil, maxLine)
		for n, more := 0, true; more; {
			b := spent.Get().(*batch)
			b.text, b.lines, b.findings, b.err = b.text[:0], b.lines[:0], b.findings[:0], nil
			for len(b.text) < batchBytes && more {
				if more = scan.Scan(); !more {
					if err := scan.Err(); err != nil {
						b.err = fmt.Errorf("line %d: %w", n+1, err)
					}
					break
				}
				n++
				if text := scan.Bytes(); len(bytes.TrimSpace(text)) > 0 {
					b.lines = append(b.lines, span{len(b.text), len(b.text) + len(text), n})
					b.text = append(b.text, text...)
				}
			}
			slot := make(chan *batch, 1)
			go func() {
				b.decode()
				slot <- b
			}()
			select {
			case queue <- slot:
			case <-stop:
				return
			}
		}
	}()
	return queue
}

func (b *batch) decode() {
	for i := range b.lines {
		var f counted
		err := jsonv2.Unmarshal(b.line(i), &f, lenient)
		if err == nil {
			err = known(f.Schema, classify.FindingSchema)
		}
		if err != nil {
			b.err = fmt.Errorf("line %d is no finding: %w", b.lines[i].number, err)
			return
		}
		b.findings = append(b.findings, f.finding())
	}
}

// counted is what counting needs of a finding. Its fields are those of classify.Finding.
type counted struct {
	Schema     string     `json:"schema"`
	Source     string     `json:"source"`
	ID         string     `json:"id"`
	Kind       string     `json:"kind"`
	Received   *time.Time `json:"received"`
	Date       *time.Time `json:"date"`
	Handed     *time.Time `json:"handed"`
	Campaign   string     `json:"campaign"`
	Recipients []struct {
		Address string `json:"address"`
	} `json:"recipients"`
	Reporter *classify.Reporter `json:"reporter"`
	Original *struct {
		MailFrom string `json:"mail_from"`
		Subject  string `json:"subject"`
	} `json:"original"`
	Origin *struct {
		IP            string     `json:"ip"`
		RDNS          string     `json:"rdns"`
		RDNSConfirmed bool       `json:"rdns_confirmed"`
		Own           bool       `json:"own"`
		AuthUser      string     `json:"auth_user"`
		ClientIP      string     `json:"client_ip"`
		Entry         string     `json:"entry"`
		EntryHost     string     `json:"entry_host"`
		QueueID       string     `json:"queue_id"`
		Time          *time.Time `json:"time"`
	} `json:"origin"`
	SPF *struct {
		Result string `json:"result"`
	} `json:"spf"`
	DKIM    []classify.DKIM `json:"dkim"`
	Class   classify.Class  `json:"class"`
	Reasons []struct {
		Code string `json:"code"`
	} `json:"reasons"`
	Misconfiguration classify.SourceKind `json:"misconfiguration"`
	Remedy           string              `json:"remedy"`
}

func (b *counted) finding() classify.Finding {
	f := classify.Finding{Schema: b.Schema, Source: b.Source, ID: b.ID, Kind: b.Kind, Received: b.Received, Date: b.Date, Handed: b.Handed,
		Campaign: b.Campaign, Reporter: b.Reporter, DKIM: b.DKIM, Class: b.Class, Misconfiguration: b.Misconfiguration, Remedy: b.Remedy}
	for _, r := range b.Recipients {
		f.Recipients = append(f.Recipients, classify.Recipient{Address: r.Address})
	}
	for _, r := range b.Reasons {
		f.Reasons = append(f.Reasons, classify.Reason{Code: r.Code})
	}
	if o := b.Original; o != nil {
		f.Original = &classify.Original{MailFrom: o.MailFrom, Subject: o.Subject}
	}
	if o := b.Origin; o != nil {
		f.Origin = &classify.Origin{IP: o.IP, RDNS: o.RDNS, RDNSConfirmed: o.RDNSConfirmed, Own: o.Own, AuthUser: o.AuthUser, ClientIP: o.ClientIP,
			Entry: o.Entry, EntryHost: o.EntryHost, QueueID: o.QueueID, Time: o.Time}
	}
	if b.SPF != nil {
		f.SPF = &classify.SPF{Result: b.SPF.Result}
	}
	return f
}
