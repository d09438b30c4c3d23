package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"

	"ndrscan/classify"
)

// WriteJSONL writes one finding a line. It ends at the first error, of the findings or of the writer.
func WriteJSONL(w io.Writer, findings iter.Seq2[classify.Finding, error]) error {
	out := bufio.NewWriter(w)
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	for f, err := range findings {
		if err != nil {
			return fmt.Errorf("reading the findings: %w", err)
		}
		if err := enc.Encode(tidy(f)); err != nil {
			return fmt.Errorf("writing the finding for %s: %w", Clean(f.ID), err)
		}
	}
	return out.Flush()
}
