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
				if !yield(&b.findings[i].Finding, nil) {
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
	f := &b.findings[i].Finding
	key := sampleKey{f.Campaign, f.Class}
	if f.Kind != "bounce" || seen[key] || len(seen) >= maxSampleKeys {
		return nil
	}
	seen[key] = true
	*f = classify.Finding{}
	return jsonv2.Unmarshal(b.line(i), f, lenient)
}

// batch is some lines, and the findings in them up to the first bad one.
type batch struct {
	text     []byte // the lines, one after the other
	lines    []span
	findings []skimmed // of lines, one each
	err      error
	skimmer  *skimmer
}

// span is where a line lies in its batch, and its number in the file.
type span struct{ start, end, number int }

func (b *batch) line(i int) []byte { return b.text[b.lines[i].start:b.lines[i].end] }

// spent are batches to be filled again: a large file would else make as many bytes of garbage.
var spent = sync.Pool{New: func() any { return &batch{skimmer: newSkimmer()} }}

// Bounds of what one goroutine takes at a time: the bytes of the text, but for its last line, and the lines.
const (
	batchBytes = 256 << 10
	batchLines = 512
)

// batches reads lines and has them decoded side by side; the batches come in order.
func batches(in io.Reader, stop <-chan struct{}) <-chan chan *batch {
	queue := make(chan chan *batch, runtime.GOMAXPROCS(0))
	go func() {
		defer close(queue)
		scan := bufio.NewScanner(in)
		scan.Buffer(make([]byte, batchBytes), maxLine)
		for n, more := 0, true; more; {
			b := spent.Get().(*batch)
			b.text, b.lines, b.err = b.text[:0], b.lines[:0], nil
			for len(b.text) < batchBytes && len(b.lines) < batchLines && more {
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
	n := len(b.lines)
	b.findings = slices.Grow(b.findings[:0], n)[:n]
	for i := range b.lines {
		if err := b.skimmer.finding(b.line(i), &b.findings[i]); err != nil {
			b.findings, b.err = b.findings[:i], fmt.Errorf("line %d is no finding: %w", b.lines[i].number, err)
			return
		}
	}
}
