// Package report writes what classify found: for a terminal, as JSON, JSONL, CSV and Markdown, and one message explained
// hop by hop; and it reads back what it saved.
//
// In goes classify's data, out comes text. Nearly every string in it was written by a stranger: subjects, host names,
// diagnostics, even message ids. So each writer begins with tidy (clean.go), which walks the whole value and passes every
// string through one cleaner; nothing reaches a terminal or a file around it. Each format then guards what is special in it:
// formulas in CSV (csv.go), links, mentions and HTML in Markdown (markdown.go). Nothing here judges: sentences about a
// verdict come with the data, and the same data gives the same bytes.
package report

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"path/filepath"
	"slices"
	"strings"

	"ndrscan/classify"
)

// Format is a way to write a report.
type Format string

// The formats.
const (
	Table       Format = "table"        // for people, on a terminal
	JSON        Format = "json"         // the whole report: classify.Report
	JSONL       Format = "jsonl"        // one classify.Finding a line, one for every message read
	CSV         Format = "csv"          // one row an origin address
	FindingsCSV Format = "findings-csv" // one row for every message read
	Markdown    Format = "markdown"     // for a ticket
	Page        Format = "html"         // one page for a browser; files only
)

// formats are all of them, with the end of a file's name that chooses each. Of several that fit a name, the first counts.
var formats = []struct {
	format Format
	ending string // of a file's name; "": no file is written in it
	holds  string // what it holds, for a flag's help
	each   bool   // it holds every message, so the findings have to be kept
	file   bool   // it is for files only
}{
	{format: Table},
	{format: JSON, ending: ".json", holds: "report"},
	{format: JSONL, ending: ".jsonl", holds: "one line a message", each: true},
	{format: FindingsCSV, ending: "findings.csv", holds: "one row a message", each: true},
	{format: CSV, ending: ".csv", holds: "one row an origin"},
	{format: Markdown, ending: ".md", holds: "for a ticket"},
	{format: Page, ending: ".html", holds: "a page for a browser", file: true},
}

// Formats lists the formats for standard output by name.
func Formats() []Format {
	var list []Format
	for _, f := range formats {
		if !f.file {
			list = append(list, f.format)
		}
	}
	return list
}

// FormatNames lists them in a sentence: table, json or jsonl.
func FormatNames() string {
	var names []string
	for _, f := range Formats() {
		names = append(names, string(f))
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " or " + names[last]
}

// FileEndings lists the ends of files' names and what each file holds.
func FileEndings() string {
	var list []string
	for _, f := range formats {
		if f.ending != "" {
			list = append(list, fmt.Sprintf("%s (%s)", f.ending, f.holds))
		}
	}
	return strings.Join(list, ", ")
}

// HoldsFindings says that the format has something for every message, so that the findings have to be kept.
func (f Format) HoldsFindings() bool {
	for _, row := range formats {
		if row.format == f {
			return row.each
		}
	}
	return false
}

// ParseFormat reads the value of --format.
func ParseFormat(name string) (Format, error) {
	if slices.Contains(Formats(), Format(name)) {
		return Format(name), nil
	}
	if name == string(Page) {
		return "", errors.New("format html is for a file: -o report.html")
	}
	return "", fmt.Errorf("format %q is unknown: choose %s", Clean(name), FormatNames())
}

// FormatOf tells the format of a file to be written from the end of its name.
func FormatOf(path string) (Format, error) {
	name := strings.ToLower(filepath.Base(path))
	for _, f := range formats {
		if f.ending != "" && strings.HasSuffix(name, f.ending) {
			return f.format, nil
		}
	}
	return "", fmt.Errorf("%s: the end of the name decides the format: %s", Clean(path), FileEndings())
}

// Content is what can be written.
type Content struct {
	Report   *classify.Report
	Findings func() iter.Seq2[classify.Finding, error] // nil: they were not kept
}

// ErrNoFindings is the error of a format that shows every message, where only the report was kept.
var ErrNoFindings = errors.New("there is only the report, without its findings")

// Write writes content in a format. Only the table has a style.
func Write(w io.Writer, format Format, c Content, s Style) error {
	if format.HoldsFindings() && c.Findings == nil {
		return fmt.Errorf("format %s: %w", format, ErrNoFindings)
	}
	switch format {
	case Table:
		return Terminal(w, c.Report, s)
	case JSON:
		return WriteJSON(w, c.Report)
	case JSONL:
		return WriteJSONL(w, c.Findings())
	case CSV:
		return WriteOriginsCSV(w, c.Report)
	case FindingsCSV:
		return WriteFindingsCSV(w, c.Findings())
	case Markdown:
		return WriteMarkdown(w, c.Report)
	case Page:
		return HTML(w, c.Report)
	}
	return fmt.Errorf("format %q is unknown: choose %s", Clean(string(format)), FormatNames())
}
