// Package report writes what classify found: a terminal report, JSON, JSONL, and one message explained hop by hop.
//
// In goes classify's data, out comes text. Nearly every string in it was written by a stranger: subjects, host names,
// diagnostics, even message ids. So each writer begins with tidy (clean.go), which walks the whole value and passes every
// string through one cleaner; nothing reaches a terminal or a file around it. Nothing here judges: sentences about a
// verdict come with the data, and the same data gives the same bytes.
package report

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Format is a way to write a report.
type Format string

// The formats.
const (
	Table Format = "table" // for people, on a terminal
	JSON  Format = "json"  // the whole report: classify.Report
	JSONL Format = "jsonl" // one classify.Finding a line, one for every message read
)

var (
	formats = []Format{Table, JSON, JSONL}

	// later are formats whose names are settled, and that no writer exists for yet.
	later = []string{"csv", "markdown", "md", "html"}

	// extensions of files that a format is chosen by.
	extensions = map[string]Format{".json": JSON, ".jsonl": JSONL}
)

// ParseFormat reads the value of --format.
func ParseFormat(name string) (Format, error) {
	for _, f := range formats {
		if name == string(f) {
			return f, nil
		}
	}
	for _, l := range later {
		if name == l {
			return "", fmt.Errorf("format %q: not yet; there are table, json and jsonl", name)
		}
	}
	return "", fmt.Errorf("format %q is unknown: choose table, json or jsonl", Clean(name))
}

// FormatOf tells the format of a file to be written from its extension.
func FormatOf(path string) (Format, error) {
	ext := strings.ToLower(filepath.Ext(path))
	if f, ok := extensions[ext]; ok {
		return f, nil
	}
	for _, l := range later {
		if ext == "."+l {
			return "", fmt.Errorf("%s: %s is not written yet; name the file .json or .jsonl", Clean(path), ext)
		}
	}
	return "", fmt.Errorf("%s: the extension decides the format, name the file .json or .jsonl", Clean(path))
}
