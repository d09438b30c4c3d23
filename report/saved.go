package report

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"ndrscan/classify"
)

// What was saved is read back here, to be shown again: a report (WriteJSON), findings (WriteJSONL), or an evidence bundle that
// holds both. A saved file may come from anybody, so it is as hostile as mail: its size, the number of its objects and the
// length of its lines are bounded, unknown fields are passed over, and every writer cleans what it shows.

// Bounds of a file that is read back. An object of three bytes ({},) takes some hundred in memory, so objects are counted.
const (
	maxReport   = 256 << 20 // bytes of a report
	maxObjects  = 2_000_000 // of a report
	maxLine     = 16 << 20  // bytes of one finding: a stranger's mail decides how many recipients it has
	maxParts    = 300_000   // of one finding: a report of 20,000 recipients, as many as are kept of one, has half as many
	maxFindings = 64 << 30  // bytes of all findings in a bundle
	maxRatio    = 200       // by which an entry of a bundle may grow; text like ours grows twentyfold
)

// The names of a bundle's entries that are shown again.
const (
	BundleReport   = "report.json"
	BundleFindings = "findings.jsonl"
)

// Saved is an open file that a run wrote. Close it when nothing is read from it any more.
type Saved struct {
	file   *os.File
	size   int64
	remove bool        // the file is our own copy
	bundle *zip.Reader // nil: no bundle
}

// OpenSaved opens a report, findings or a bundle.
func OpenSaved(path string) (*Saved, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = errors.New("a folder; name a file that ndrscan scan wrote (.json, .jsonl or .zip)")
	case !info.Mode().IsRegular():
		defer f.Close()
		return ReadSaved(f)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return newSaved(f, info.Size(), false)
}

// ReadSaved reads the same from a stream, through a private temporary file: findings are read more than once.
func ReadSaved(in io.Reader) (*Saved, error) {
	f, err := os.CreateTemp("", "ndrscan-show-*")
	if err != nil {
		return nil, err
	}
	size, err := io.Copy(f, in)
	if err != nil {
		f.Close()
		os.Remove(f.Name())
		return nil, fmt.Errorf("keeping the input: %w", err)
	}
	return newSaved(f, size, true)
}

func newSaved(f *os.File, size int64, remove bool) (*Saved, error) {
	s := &Saved{file: f, size: size, remove: remove}
	var magic [4]byte
	if n, _ := f.ReadAt(magic[:], 0); n < len(magic) || string(magic[:2]) != "PK" {
		return s, nil
	}
	var err error
	if s.bundle, err = zip.NewReader(f, size); err != nil {
		s.Close()
		return nil, fmt.Errorf("not a bundle of ndrscan: %w", err)
	}
	return s, nil
}

// Close closes the file. It may be called more than once.
func (s *Saved) Close() error {
	err := s.file.Close()
	if s.remove {
		err = errors.Join(err, os.Remove(s.file.Name()))
		s.remove = false
	}
	return err
}

// Content reads the report, and finds the findings if there are any. From findings alone the report is made anew, as of now.
func (s *Saved) Content(now time.Time) (Content, error) {
	if s.bundle != nil {
		return s.bundled()
	}
	schema, err := schemaOf(s.whole())
	if err != nil {
		return Content{}, err
	}
	if schema == classify.FindingSchema {
		c := Content{Findings: func() iter.Seq2[classify.Finding, error] { return ReadFindings(s.whole()) }}
		c.Report, err = recount(s.whole(), now)
		return c, err
	}
	r, err := readReport(s.whole())
	return Content{Report: r}, err
}

func (s *Saved) whole() io.Reader { return io.NewSectionReader(s.file, 0, s.size) }

// bundled reads a bundle: its report, and its findings where it has them.
func (s *Saved) bundled() (Content, error) {
	entry, err := s.entry(BundleReport, maxReport)
	if err != nil {
		return Content{}, err
	}
	if entry == nil {
		return Content{}, fmt.Errorf("not a bundle of ndrscan: no %s in it", BundleReport)
	}
	in, err := entry.Open()
	if err != nil {
		return Content{}, fmt.Errorf("%s: %w", BundleReport, err)
	}
	defer in.Close()
	r, err := readReport(in)
	if err != nil {
		return Content{}, fmt.Errorf("%s: %w", BundleReport, err)
	}
	c := Content{Report: r}
	if entry, err = s.entry(BundleFindings, maxFindings); err != nil || entry == nil {
		return c, err
	}
	c.Findings = func() iter.Seq2[classify.Finding, error] { return bundledFindings(entry) }
	return c, nil
}

// entry finds an entry, nil if there is none. The reader of archive/zip gives no more bytes than the entry declares, so what it
// declares is what is bounded.
func (s *Saved) entry(name string, most uint64) (*zip.File, error) {
	var found *zip.File
	for _, f := range s.bundle.File {
		if f.Name != name {
			continue
		}
		if found != nil {
			return nil, fmt.Errorf("the bundle holds %s twice", name)
		}
		found = f
	}
	if found == nil {
		return nil, nil
	}
	if n := found.UncompressedSize64; n > most || n > 1<<20 && n/maxRatio > found.CompressedSize64 {
		return nil, fmt.Errorf("%s grows from %d to %d bytes: refused, no run writes that", name, found.CompressedSize64, n)
	}
	return found, nil
}

func bundledFindings(entry *zip.File) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		in, err := entry.Open()
		if err != nil {
			yield(classify.Finding{}, fmt.Errorf("%s: %w", BundleFindings, err))
			return
		}
		defer in.Close()
		ReadFindings(in)(yield)
	}
}

// schemaOf reads the schema of the first value of a file.
func schemaOf(in io.Reader) (string, error) {
	dec := json.NewDecoder(io.LimitReader(in, maxReport))
	switch token, err := dec.Token(); {
	case errors.Is(err, io.EOF):
		return "", errors.New("the file is empty: nothing was saved in it")
	case err != nil:
		return "", fmt.Errorf("not a report of ndrscan: %w", err)
	case token != json.Delim('{'):
		return "", errors.New("not a report of ndrscan: it is JSON, but no object")
	}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return "", fmt.Errorf("not a report of ndrscan: %w", err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return "", fmt.Errorf("not a report of ndrscan: %w", err)
		}
		if key == "schema" {
			var schema string
			if err := json.Unmarshal(value, &schema); err != nil {
				return "", fmt.Errorf("not a report of ndrscan: its schema is no text")
			}
			return schema, known(schema, classify.ReportSchema, classify.FindingSchema)
		}
	}
	return "", errors.New("not a report of ndrscan: it names no schema")
}

// known refuses every schema but those given, and says what to do about a later one.
func known(schema string, schemas ...string) error {
	if slices.Contains(schemas, schema) {
		return nil
	}
	name, version, _ := strings.Cut(schema, "/")
	for _, s := range schemas {
		mine, number, _ := strings.Cut(s, "/")
		n, err := strconv.Atoi(version)
		if m, _ := strconv.Atoi(number); name == mine && err == nil && n > m {
			return fmt.Errorf("schema %s was written by a later ndrscan; this one reads %s: take the later one to show it", Clean(schema), s)
		}
	}
	return fmt.Errorf("schema %q is none that this version reads (%s)", Clean(schema), strings.Join(schemas, ", "))
}

// readReport reads a whole report.
func readReport(in io.Reader) (*classify.Report, error) {
	text, err := io.ReadAll(io.LimitReader(in, maxReport+1))
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	if len(text) > maxReport {
		return nil, fmt.Errorf("the report is larger than %d MB", maxReport>>20)
	}
	if n := countBytes(text, '{', '['); n > maxObjects {
		return nil, fmt.Errorf("the report holds more than %d objects", maxObjects)
	}
	r := new(classify.Report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	return r, known(r.Schema, classify.ReportSchema)
}

// tooManyParts refuses a finding of too many members and items. A short line can't have so many.
func tooManyParts(line []byte) error {
	if len(line) > maxParts && countBytes(line, ',', ',') > maxParts {
		return fmt.Errorf("it has more than %d parts", maxParts)
	}
	return nil
}

// countBytes counts two bytes in a JSON text outside of its strings: what opens objects and lists, or what parts their members.
func countBytes(text []byte, a, b byte) int {
	n := 0
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case a, b:
			n++
		case '"':
			for i++; i < len(text) && text[i] != '"'; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		}
	}
	return n
}

// ReadFindings yields one finding a line; the first bad line ends them with an error that names its number.
func ReadFindings(in io.Reader) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		scan := bufio.NewScanner(in)
		scan.Buffer(nil, maxLine)
		n := 0
		for scan.Scan() {
			n++
			if len(bytes.TrimSpace(scan.Bytes())) == 0 {
				continue
			}
			var f classify.Finding
			err := tooManyParts(scan.Bytes())
			if err == nil {
				err = json.Unmarshal(scan.Bytes(), &f)
			}
			if err == nil {
				err = known(f.Schema, classify.FindingSchema)
			}
			if err != nil {
				yield(f, fmt.Errorf("line %d is no finding: %w", n, err))
				return
			}
			if !yield(f, nil) {
				return
			}
		}
		if err := scan.Err(); err != nil {
			yield(classify.Finding{}, fmt.Errorf("line %d: %w", n+1, err))
		}
	}
}
