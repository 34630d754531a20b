package weights

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
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

// mostText is how many bytes a config.json, an index of shards or a list of classes may have. The largest we know, the
// index of a model of 160 thousand tensors, has 9 million.
const mostText = 10 << 20

// ReadText reads the text at a path that is named or lies beside a network: a config.json, say. A folder, a pipe, a
// device or more than 10 MiB are an ErrUnreadable.
func ReadText(fsys fs.FS, path string) ([]byte, error) {
	f, err := fsys.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, notFile(path, info.Mode())
	}
	text, err := io.ReadAll(io.LimitReader(f, mostText+1))
	if err == nil && len(text) > mostText {
		err = fmt.Errorf("%q %w: it has %d bytes, want a text of at most %d", path, ErrUnreadable,
			max(info.Size(), mostText+1), mostText)
	}
	return text, err
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
