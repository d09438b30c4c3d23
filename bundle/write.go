package bundle

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"ndrscan/classify"
	"ndrscan/internal/header"
	"ndrscan/mailbox"
)

// Bounds of a bundle. Up to wholeBounces and wholeBytes every bounce is kept; beyond, cellSamples of each cell and case, and
// all that went through our own servers, up to maxMessages and maxBytes.
const (
	wholeBounces = 5000
	wholeBytes   = 64 << 20
	cellSamples  = 3
	maxMessages  = 50_000
	maxBytes     = 512 << 20
	maxOther     = 5000
	maxReports   = 500
	maxSent      = 50_000
)

// Writer writes a bundle. It appears under its name when Close has succeeded; until then there is a temporary file beside it.
type Writer struct {
	path  string
	file  *os.File
	zip   *zip.Writer
	index bytes.Buffer
	made  Manifest
	err   error // the first error of writing a message

	bytes   int64
	reports int
	places  map[place]int // cell and case -> bounces kept
}

// place is a cell (METHOD 6) and a case.
type place struct {
	witness, network string
	campaign         int32
	codes            classify.Codes
}

// Create begins a bundle.
func Create(path string) (*Writer, error) {
	file, err := os.CreateTemp(filepath.Dir(path), ".ndrscan-*") // mode 0600
	if err != nil {
		return nil, fmt.Errorf("writing the bundle: %w", err)
	}
	return &Writer{path: path, file: file, zip: zip.NewWriter(file), places: map[place]int{}}, nil
}

// Keep takes a message of the scan, if the verdict may rest on it: bounces, DMARC reports, and of mail that an account of
// ours sent the header fields that show from where. It tells whether it did.
func (w *Writer) Keep(m mailbox.Message, e *classify.Evidence, r *classify.Record) bool {
	switch {
	case r.Finding.Kind == "bounce":
		w.made.Kept.OfBounces++
		if !w.wants(m, r) {
			return false
		}
		w.made.Kept.Bounces++
		w.add(m, whatBounce, m.Raw)
	case r.Finding.Kind == "dmarc-report" && w.reports < maxReports:
		w.reports++
		w.made.Kept.Other++
		w.add(m, whatReport, m.Raw)
	case e.Submission.Account != "" && w.made.Kept.Other-w.reports < maxOther:
		w.made.Kept.Other++
		w.add(m, whatOwn, fields(m.Raw))
	default:
		return false
	}
	return true
}

func (w *Writer) wants(m mailbox.Message, r *classify.Record) bool {
	if w.made.Kept.Bounces >= maxMessages || w.bytes+int64(len(m.Raw)) > maxBytes {
		return false
	}
	at := place{campaign: r.Campaign, codes: r.Case}
	if r.Finding.Reporter != nil && r.Finding.Origin != nil {
		at.witness, at.network = r.Finding.Reporter.Witness, classify.Network(r.Finding.Origin.IP)
	}
	w.places[at]++
	return r.Habit != "" || w.places[at] <= cellSamples || w.made.Kept.Bounces < wholeBounces && w.bytes < wholeBytes
}

// Sent gives the source again, and keeps the header fields of what is read from it.
func (w *Writer) Sent(source mailbox.Source) mailbox.Source { return &tee{source, w} }

type tee struct {
	mailbox.Source
	w *Writer
}

func (t *tee) Messages(ctx context.Context) iter.Seq2[mailbox.Message, error] {
	return func(yield func(mailbox.Message, error) bool) {
		for m, err := range t.Source.Messages(ctx) {
			if err == nil {
				t.w.keepSent(m)
			}
			if !yield(m, err) {
				return
			}
		}
	}
}

func (w *Writer) keepSent(m mailbox.Message) {
	w.made.Kept.OfSent++
	if w.made.Kept.Sent < maxSent && w.bytes < maxBytes {
		w.made.Kept.Sent++
		w.add(m, whatSent, fields(m.Raw))
	}
}

// evident are the header fields that say who sent a message from where, and to whom. Subjects and bodies stay out.
var evident = []string{"received", "return-path", "from", "sender", "to", "cc", "bcc", "date", "message-id", "user-agent", "x-mailer",
	"x-originating-ip", "delivered-to", "x-original-to", "authentication-results"}

// fields gives those header fields of a message, byte for byte.
func fields(raw []byte) []byte {
	section, _ := header.Split(header.CRToLF(raw))
	var kept []byte
	for _, f := range section {
		if slices.ContainsFunc(evident, f.Is) {
			kept = append(append(kept, f.Raw...), '\n')
		}
	}
	return append(kept, '\n')
}

// add writes one message. After an error nothing more is written; Close returns it.
func (w *Writer) add(m mailbox.Message, what string, raw []byte) {
	if w.err != nil {
		return
	}
	line := entry{File: fmt.Sprintf("%s%06d.eml", folder, w.messages()), What: what, Source: m.Source, Mailbox: m.Mailbox, ID: m.ID,
		Received: m.Received, Truncated: m.Truncated && what != whatSent && what != whatOwn, SHA256: sum(raw)}
	if line.Truncated {
		line.Size = m.Size
	}
	w.bytes += int64(len(raw))
	out, err := w.zip.Create(line.File)
	if err == nil {
		_, err = out.Write(raw)
	}
	w.err = errors.Join(err, json.NewEncoder(&w.index).Encode(line))
}

func (w *Writer) messages() int { return w.made.Kept.Bounces + w.made.Kept.Sent + w.made.Kept.Other }

// Add writes a file of the bundle.
func (w *Writer) Add(name string, write func(io.Writer) error) error {
	out, err := w.zip.Create(name)
	if err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	counted := &counter{out: out, hash: sha256.New()}
	if err := write(counted); err != nil {
		return fmt.Errorf("writing %s into the bundle: %w", name, err)
	}
	w.made.Files = append(w.made.Files, File{Name: name, Size: counted.n, SHA256: hex.EncodeToString(counted.hash.Sum(nil))})
	return nil
}

// Close writes index and manifest, and gives the bundle its name.
func (w *Writer) Close(m Manifest) error {
	if w.err != nil {
		return fmt.Errorf("writing the bundle: %w", w.err)
	}
	if w.messages() > 0 {
		if err := w.Add(indexFile, func(out io.Writer) error { _, err := w.index.WriteTo(out); return err }); err != nil {
			return err
		}
	}
	m.Schema, m.Kept, m.Files = Schema, w.made.Kept, w.made.Files
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := w.Add(ManifestFile, func(out io.Writer) error { _, err := out.Write(append(text, '\n')); return err }); err != nil {
		return err
	}
	if err := errors.Join(w.zip.Close(), w.file.Close()); err != nil {
		return fmt.Errorf("writing the bundle: %w", err)
	}
	return os.Rename(w.file.Name(), w.path)
}

// Discard removes a bundle that was not closed. After Close it does nothing.
func (w *Writer) Discard() {
	w.file.Close()
	os.Remove(w.file.Name())
}

type counter struct {
	out  io.Writer
	hash hash.Hash
	n    int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.out.Write(p)
	c.n += int64(n)
	c.hash.Write(p[:n])
	return n, err
}

func sum(raw []byte) string {
	digest := sha256.Sum256(raw)
	return hex.EncodeToString(digest[:])
}

// Named tells a bundle by its name.
func Named(path string) bool { return strings.EqualFold(filepath.Ext(path), ".zip") }
