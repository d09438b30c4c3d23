package report

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"ndrscan/classify"
)

// maxLine bounds one finding of a file that is read back.
const maxLine = 4 << 20

// Saved is what a file written by WriteJSON or WriteJSONL holds: Report is set, or Findings is.
type Saved struct {
	Report   *classify.Report
	Findings iter.Seq2[classify.Finding, error]
}

// Decode reads back what WriteJSON and WriteJSONL wrote. The schema of the first value tells which it is. Fields that
// are unknown here are passed over: the contract lets later versions add some. Findings come one at a time from in,
// which has to stay open meanwhile; the first bad line ends them with an error that names its number.
func Decode(in io.Reader) (*Saved, error) {
	buf := bufio.NewReaderSize(in, 64<<10)
	dec := json.NewDecoder(buf)
	var first json.RawMessage
	if err := dec.Decode(&first); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty: nothing was saved in it")
		}
		return nil, fmt.Errorf("not a report of ndrscan: %w", err)
	}
	var head struct{ Schema string }
	if err := json.Unmarshal(first, &head); err != nil {
		return nil, fmt.Errorf("not a report of ndrscan: %w", err)
	}
	switch head.Schema {
	case classify.ReportSchema:
		r := new(classify.Report)
		if err := json.Unmarshal(first, r); err != nil {
			return nil, fmt.Errorf("reading the report: %w", err)
		}
		return &Saved{Report: r}, nil
	case classify.FindingSchema:
		return &Saved{Findings: lines(first, io.MultiReader(dec.Buffered(), buf))}, nil
	}
	return nil, fmt.Errorf("schema %q is none that this version reads (%s, %s)",
		Clean(head.Schema), classify.ReportSchema, classify.FindingSchema)
}

func lines(first []byte, rest io.Reader) iter.Seq2[classify.Finding, error] {
	return func(yield func(classify.Finding, error) bool) {
		scan := bufio.NewScanner(rest)
		scan.Buffer(nil, maxLine)
		for n, line := 1, first; ; n++ {
			var f classify.Finding
			if len(line) > 0 {
				if err := json.Unmarshal(line, &f); err != nil {
					yield(f, fmt.Errorf("finding in line %d: %w", n, err))
					return
				}
				if !yield(f, nil) {
					return
				}
			}
			if n == 1 {
				scan.Scan() // what is left of the first line
			}
			if !scan.Scan() {
				break
			}
			line = scan.Bytes()
		}
		if err := scan.Err(); err != nil {
			yield(classify.Finding{}, fmt.Errorf("reading the findings: %w", err))
		}
	}
}
