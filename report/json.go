package report

import (
	"encoding/json"
	"io"
)

// JSON writes the result as indented JSON, in the order of the fields; equal results give equal bytes. A value
// that is no finite number is an error.
func JSON(w io.Writer, r Result) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
