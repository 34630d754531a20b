package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

const (
	prefixLen = 8           // the header's length, before the header
	maxHeader = 100_000_000 // bytes; the reference reader's limit. The largest known header has a few million.
	metaKey   = "__metadata__"
)

// parseHeader returns the tensors and metadata of a file, in the order of their data. It
// believes nothing: on success every tensor has a known type, a shape whose size in bytes is
// that of its range, and the ranges cover the data exactly, one after the other.
func parseHeader(src *source) ([]Tensor, map[string]string, error) {
	text, data, err := split(src.data)
	if err != nil {
		return nil, nil, err
	}
	var tensors []Tensor
	var metadata map[string]string
	dec := json.NewDecoder(bytes.NewReader(text))
	err = object(dec, func(key string) (err error) {
		if key == metaKey {
			if metadata, err = parseMetadata(dec); err != nil {
				return fmt.Errorf("%q: %w", metaKey, err)
			}
			return nil
		}
		t, err := parseTensor(dec, key, len(data))
		if err != nil {
			return fmt.Errorf("tensor %q: %w", key, err)
		}
		tensors = append(tensors, t)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, nil, errors.New("the header holds more than one JSON value")
	}
	if err := checkCover(tensors, len(data)); err != nil {
		return nil, nil, err
	}
	for i := range tensors {
		t := &tensors[i]
		t.src, t.begin, t.end = src, t.begin+prefixLen+len(text), t.end+prefixLen+len(text)
	}
	return tensors, metadata, nil
}

// split cuts a file into its header and its data.
func split(file []byte) (text, data []byte, err error) {
	if len(file) < prefixLen {
		return nil, nil, fmt.Errorf("%w: it is %d bytes, too few for any weights; %s", ErrKind, len(file), beginning)
	}
	n, rest := binary.LittleEndian.Uint64(file), file[prefixLen:]
	if n > uint64(len(rest)) && (len(rest) == 0 || rest[0] != '{') {
		return nil, nil, fmt.Errorf("%w: it begins with the bytes % x; %s", ErrKind, file[:prefixLen], beginning)
	}
	if n > uint64(len(rest)) {
		return nil, nil, fmt.Errorf("its header should have %d bytes, the file has %d from there on: it is cut short",
			n, len(rest))
	}
	if n > maxHeader {
		return nil, nil, fmt.Errorf("the header's length is given as %d bytes, want at most %d", n, maxHeader)
	}
	text, data = rest[:n], rest[n:]
	if n == 0 || text[0] != '{' || !utf8.Valid(text) {
		return nil, nil, errors.New("the header is not a JSON object in UTF-8")
	}
	return text, data, nil
}

// object reads one JSON object. It calls value with each key in turn, which must read the
// value that follows; a key that comes twice is an error.
func object(dec *json.Decoder, value func(key string) error) error {
	token, err := dec.Token()
	if err != nil {
		return jsonError(err)
	}
	return objectFrom(dec, token, value)
}

// objectFrom is object of which the first token is read.
func objectFrom(dec *json.Decoder, token json.Token, value func(key string) error) error {
	if token != json.Delim('{') {
		return fmt.Errorf("have %s, want a JSON object", inWords(token))
	}
	seen := map[string]bool{}
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return jsonError(err)
		}
		key := token.(string) // the decoder lets nothing else stand here
		if seen[key] {
			return fmt.Errorf("%q is given twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	_, err := dec.Token() // the closing brace
	return jsonError(err)
}

// inWords says what a token is that does not belong where it is.
func inWords(token json.Token) string {
	switch t := token.(type) {
	case nil:
		return "null"
	case json.Delim:
		return "an array"
	case string:
		return fmt.Sprintf("the text %.50q", t)
	}
	return fmt.Sprint(token) // a number, true or false
}

// decode reads one JSON value into v; want says what that must be.
func decode(dec *json.Decoder, v any, want string) error {
	err := dec.Decode(v)
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		article := "a"
		if kind.Value == "array" || kind.Value == "object" {
			article = "an"
		}
		return fmt.Errorf("have %s %s, want %s", article, kind.Value, want)
	}
	return jsonError(err)
}

// jsonError marks an error of the JSON; a bare "EOF" would read like the end of the file.
func jsonError(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("bad JSON: %w", err)
	}
	return nil
}

// parseMetadata reads the strings stored beside the tensors; null stands for none, as in the reference reader.
func parseMetadata(dec *json.Decoder) (map[string]string, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, jsonError(err)
	}
	metadata := map[string]string{}
	if token == nil {
		return metadata, nil
	}
	err = objectFrom(dec, token, func(key string) error {
		const want = "text"
		var value *string
		if err := decode(dec, &value, want); err != nil {
			return fmt.Errorf("%.100q: %w", key, err)
		}
		if value == nil {
			return fmt.Errorf("%.100q: have null, want %s", key, want)
		}
		metadata[key] = *value
		return nil
	})
	return metadata, err
}

// parseTensor reads one tensor's entry and checks it against the size of the data. begin and
// end of the result count from the start of the data.
func parseTensor(dec *json.Decoder, name string, size int) (Tensor, error) {
	t := Tensor{Name: name}
	var shape, offsets []*uint64 // pointers tell null from 0
	err := object(dec, func(key string) error {
		switch key {
		case "dtype":
			return decode(dec, &t.DType, "the name of a type, such as \"F32\"")
		case "shape":
			return decode(dec, &shape, "a shape: a list of lengths")
		case "data_offsets":
			return decode(dec, &offsets, "data_offsets: a list of two numbers")
		}
		return fmt.Errorf("have field %q, want dtype, shape and data_offsets", key)
	})
	if err != nil {
		return t, err
	}
	if t.Shape, err = dims(shape); err != nil {
		return t, err
	}
	want, err := t.size()
	if err != nil {
		return t, err
	}
	if len(offsets) != 2 || offsets[0] == nil || offsets[1] == nil {
		return t, errors.New("want two data_offsets, begin and end")
	}
	begin, end := *offsets[0], *offsets[1]
	if begin > end || end > uint64(size) {
		return t, fmt.Errorf("data_offsets are [%d %d], want begin ≤ end ≤ %d, the bytes of data in the file; it may "+
			"be cut short", begin, end, size)
	}
	if end-begin != uint64(want) {
		return t, fmt.Errorf("data_offsets span %d bytes, want %d for shape %v of %s", end-begin, want, t.Shape,
			t.DType)
	}
	t.begin, t.end = int(begin), int(end)
	return t, nil
}

// dims returns a shape from the file's JSON; nil stands for null or a missing field.
func dims(raw []*uint64) ([]int, error) {
	if raw == nil {
		return nil, errors.New("has no shape")
	}
	shape := make([]int, len(raw))
	for i, d := range raw {
		if d == nil || *d > math.MaxInt {
			return nil, fmt.Errorf("axis %d of its shape is not a length", i)
		}
		shape[i] = int(*d)
	}
	return shape, nil
}

// checkCover sorts the tensors by their data and checks that they cover all of it, each
// beginning where the one before ends.
func checkCover(tensors []Tensor, size int) error {
	slices.SortFunc(tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end), cmp.Compare(a.Name, b.Name))
	})
	at := 0
	for _, t := range tensors {
		switch {
		case t.begin < at:
			return fmt.Errorf("tensor %q: its data begins at %d, within the tensor before it, which ends at %d", t.Name,
				t.begin, at)
		case t.begin > at:
			return fmt.Errorf("tensor %q: its data begins at %d, want %d, where the tensor before it ends", t.Name,
				t.begin, at)
		}
		at = t.end
	}
	if at != size {
		return fmt.Errorf("the tensors end at byte %d of the data, the file at %d", at, size)
	}
	return nil
}
