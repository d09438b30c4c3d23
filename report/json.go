package report

import (
	"encoding/json"
	"fmt"
	"io"

	"ndrscan/classify"
)

// WriteJSON writes the whole report, indented.
func WriteJSON(w io.Writer, r *classify.Report) error { return writeJSON(w, r) }

func writeJSON[T any](w io.Writer, r *T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(tidy(r)); err != nil {
		return fmt.Errorf("writing the report as JSON: %w", err)
	}
	return nil
}
