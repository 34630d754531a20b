package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"

	"mgd3/internal/foreign"
)

// ErrForeign marks what a download or a checkout left in the place of a file: a pointer, an error page.
var ErrForeign = errors.New("not the file itself")

// foreignError says what lies in the place of a file, nil if that may be the file.
func foreignError(data []byte) error {
	if d := foreign.Describe(data[:min(len(data), foreign.HeadSize)], int64(len(data))); d != "" {
		return fmt.Errorf("%w: it is %s", ErrForeign, d)
	}
	return nil
}

// UnmarshalJSON reads the text of a config.json, or another file of a model, into v. A mark of the byte order before it
// goes. Errors are in words for the user.
func UnmarshalJSON(text []byte, v any) error {
	if err := foreignError(text); err != nil {
		return err
	}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if len(bytes.TrimSpace(text)) == 0 {
		return errors.New("it is empty, want a JSON object")
	}
	err := json.Unmarshal(text, v)
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field == "":
		return fmt.Errorf("it is a JSON %s, want %s", kind.Value, wanted(kind.Type))
	case errors.As(err, &kind):
		return fmt.Errorf("field %q is a JSON %s, want %s", kind.Field, kind.Value, wanted(kind.Type))
	case err != nil && errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("bad JSON: it ends within a value; the file may be cut short")
	}
	return jsonError(err)
}

// wanted names what JSON must have for a Go type.
func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64, reflect.Uint:
		return "a whole number"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.String:
		return "text"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Pointer:
		return wanted(t.Elem())
	}
	return "an object"
}
