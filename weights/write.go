package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"unicode/utf8"
)

// Write writes one safetensors file: the tensors in the order given, the metadata sorted.
// Equal arguments give equal bytes. Put types of larger elements first if every element is to
// lie at a multiple of its size.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	out, err := NewWriter(w, tensors, metadata)
	if err != nil {
		return err
	}
	for _, t := range tensors {
		if want, _ := t.size(); len(t.Bytes()) != want {
			return fmt.Errorf("tensor %q: has %d bytes of data, want %d for shape %v of %s", t.Name, len(t.Bytes()),
				want, t.Shape, t.DType)
		}
		if _, err := out.Write(t.Bytes()); err != nil {
			return err
		}
	}
	return out.Close()
}

// Writer writes one safetensors file whose data need not be in memory: first the layout of
// all tensors, then their elements in the same order, in pieces of any size.
type Writer struct {
	w    io.Writer
	left int64 // bytes of data still to come
	buf  []byte
}

// NewWriter writes the header of a file that will hold the given tensors; their data, if any,
// is not looked at. The header is padded with spaces so that the data begin at a multiple of
// eight bytes.
func NewWriter(w io.Writer, layout []Tensor, metadata map[string]string) (*Writer, error) {
	text, size, err := header(layout, metadata)
	if err != nil {
		return nil, err
	}
	prefix := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	if _, err := w.Write(append(prefix, text...)); err != nil {
		return nil, err
	}
	return &Writer{w: w, left: size}, nil
}

// Write writes the next elements, in little-endian order. More than the layout holds is an
// error.
func (w *Writer) Write(data []byte) (int, error) {
	if int64(len(data)) > w.left {
		return 0, fmt.Errorf("%d bytes of data, want at most %d: the layout holds no more", len(data), w.left)
	}
	n, err := w.w.Write(data)
	w.left -= int64(n)
	return n, err
}

// WriteFloat32s writes the next elements of an F32 tensor.
func (w *Writer) WriteFloat32s(data []float32) error {
	w.buf = w.buf[:0]
	for _, v := range data {
		w.buf = binary.LittleEndian.AppendUint32(w.buf, math.Float32bits(v))
	}
	_, err := w.Write(w.buf)
	return err
}

// Close reports data that never came. It leaves the writer below open.
func (w *Writer) Close() error {
	if w.left > 0 {
		return fmt.Errorf("the file is not complete: %d bytes of data are missing", w.left)
	}
	return nil
}

// header returns the padded JSON of a file and the size of the data that follow it.
func header(layout []Tensor, metadata map[string]string) (text []byte, size int64, err error) {
	for key, value := range metadata {
		if !utf8.ValidString(key) || !utf8.ValidString(value) {
			return nil, 0, fmt.Errorf("metadata %q: %q: want UTF-8", key, value)
		}
	}
	var entries [][]byte
	if len(metadata) > 0 {
		entries = append(entries, field(metaKey, metadata))
	}
	seen := map[string]bool{metaKey: true}
	for _, t := range layout {
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, 0, fmt.Errorf("tensor %q: want a name of its own, in UTF-8", t.Name)
		}
		seen[t.Name] = true
		n, err := t.size()
		if err == nil && int64(n) > math.MaxInt64-size {
			err = errors.New("the data before it leave no room")
		}
		if err != nil {
			return nil, 0, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		begin := size
		size += int64(n)
		entries = append(entries, field(t.Name, struct {
			DType   DType    `json:"dtype"`
			Shape   []int    `json:"shape"`
			Offsets [2]int64 `json:"data_offsets"`
		}{t.DType, append([]int{}, t.Shape...), [2]int64{begin, size}})) // a scalar's shape is [], not null
	}
	text = append([]byte{'{'}, bytes.Join(entries, []byte{','})...)
	text = append(text, '}')
	for len(text)%8 != 0 {
		text = append(text, ' ')
	}
	if len(text) > maxHeader {
		return nil, 0, fmt.Errorf("the header has %d bytes, want at most %d", len(text), maxHeader)
	}
	return text, size, nil
}

// field returns one key and value of a JSON object; strings and the entries of header can
// always be written as JSON.
func field(key string, value any) []byte {
	k, _ := json.Marshal(key)
	v, _ := json.Marshal(value)
	return append(append(k, ':'), v...)
}
