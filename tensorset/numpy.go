package tensorset

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mgd3/store"
	"mgd3/weights"
)

// NumPy's format (numpy.lib.format):
//
//	"\x93NUMPY" ‖ major, minor ‖ length, uint16 or from version 2 on uint32 ‖ a dict of Python ‖ the elements
//
// The dict has descr, as "<f4"; fortran_order, True where the first index runs fastest; and shape.

const npyMagic = "\x93NUMPY"

// mostNumPy bounds what is read of one array, in bytes.
const mostNumPy = 8 << 30

var (
	npyType  = regexp.MustCompile(`'descr':\s*'([<>|=])([fiub])(\d)'`)
	npyDescr = regexp.MustCompile(`'descr':\s*('[^']{0,20}')`)
	npyText  = regexp.MustCompile(`'descr':\s*'<U(\d{1,4})'`)
	npyOrder = regexp.MustCompile(`'fortran_order':\s*(True|False)`)
	npyShape = regexp.MustCompile(`'shape':\s*\(([0-9, L]*)\)`)
)

var npyTypes = map[string]weights.DType{"f4": "F32", "f2": "F16", "f8": "F64", "u1": "U8", "i1": "I8", "i2": "I16",
	"i4": "I32", "i8": "I64", "u2": "U16", "u4": "U32", "b1": "U8"}

// errObjects says that an array is one of Python's objects, which are a pickle.
var errObjects = errors.New("its elements are objects of Python (a list or a dict that was saved as one array), " +
	"which are not read: save the arrays by numpy.savez(FILE, images=…, labels=…)")

// readNumPy reads an array, or all that are in a zip, as a tree. Arrays of objects that lie beside others are left.
func (f *found) readNumPy(path string, k kind) (any, error) {
	file, err := store.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if k == npy {
		return readArray(file, info.Size())
	}
	archive, err := zip.NewReader(file, info.Size())
	switch {
	case store.Failed(err):
		return nil, err
	case err != nil:
		return nil, errors.New("it is a zip without its end: the file is cut short, or damaged there")
	}
	var items []weights.Item
	var objects error
	for _, file := range archive.File {
		name, ok := strings.CutSuffix(file.Name, ".npy")
		if !ok {
			continue
		}
		r, err := file.Open()
		if err != nil {
			return nil, fmt.Errorf("%q: %w", file.Name, err)
		}
		t, err := readArray(r, int64(min(file.UncompressedSize64, mostNumPy)))
		r.Close()
		if errors.Is(err, errObjects) {
			f.note("%q in it is left: it is of Python's objects", name)
			objects = fmt.Errorf("%q: %w", file.Name, err)
			items = append(items, weights.Item{Key: name})
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%q: %w", file.Name, err)
		}
		items = append(items, weights.Item{Key: name, Value: t})
	}
	if len(tensorsOf(items, 0)) == 0 && objects != nil {
		return nil, objects
	}
	return items, nil
}

// readArray reads an array from a file of size bytes.
func readArray(r io.Reader, size int64) (any, error) {
	head := make([]byte, len(npyMagic)+4)
	if _, err := io.ReadFull(r, head); err != nil || string(head[:len(npyMagic)]) != npyMagic {
		return nil, errors.New("no array of NumPy: its beginning is another one")
	}
	n := int(binary.LittleEndian.Uint16(head[8:]))
	if head[6] > 1 {
		more := make([]byte, 2)
		if _, err := io.ReadFull(r, more); err != nil {
			return nil, errors.New("it ends in its header")
		}
		n |= int(binary.LittleEndian.Uint16(more)) << 16
	}
	const longest = 1 << 16
	if n > longest {
		return nil, fmt.Errorf("a header of %d bytes, want at most %d", n, longest)
	}
	header := make([]byte, n)
	if _, err := io.ReadFull(r, header); err != nil {
		return nil, errors.New("it ends in its header")
	}
	kind, order, shape := npyType.FindSubmatch(header), npyOrder.FindSubmatch(header), npyShape.FindSubmatch(header)
	if order == nil || shape == nil {
		return nil, errors.New("its header has no order and shape")
	}
	if text := npyText.FindSubmatch(header); text != nil {
		return readText(r, string(text[1]), string(shape[1]), size)
	}
	if kind == nil || npyTypes[string(kind[2])+string(kind[3])] == "" {
		descr := npyDescr.FindSubmatch(header)
		if descr != nil && string(descr[1]) == "'|O'" {
			return nil, errObjects
		}
		if descr == nil {
			descr = [][]byte{nil, header}
		}
		return nil, fmt.Errorf("its elements are of type %.60s, want floats, whole numbers or booleans: "+
			"astype('float32') makes these", descr[1])
	}
	width, _ := strconv.Atoi(string(kind[3])) // one digit
	dims, count, err := shapeOf(string(shape[1]), size/int64(width))
	if err != nil {
		return nil, err
	}
	var data bytes.Buffer
	if _, err := io.CopyN(&data, r, int64(count*width)); err != nil {
		return nil, fmt.Errorf("it ends before the last of its %d elements: %w", count, err)
	}
	elements := data.Bytes()
	if string(kind[1]) == ">" {
		for element := range slices.Chunk(elements, width) {
			slices.Reverse(element)
		}
	}
	if string(order[1]) == "True" && len(dims) > 1 {
		elements = weights.RowMajor(elements, dims)
	}
	return weights.Raw("", npyTypes[string(kind[2])+string(kind[3])], dims, elements), nil
}

// readText reads strings of so many characters, UTF-32 with zeros behind the last, as a list.
func readText(r io.Reader, width, shape string, size int64) (any, error) {
	n, _ := strconv.Atoi(width) // four digits
	if n == 0 {
		return []any{}, nil
	}
	_, count, err := shapeOf(shape, size/int64(4*n))
	if err != nil {
		return nil, err
	}
	var list []any
	for range count {
		units := make([]uint32, n)
		if err := binary.Read(r, binary.LittleEndian, units); err != nil {
			return nil, fmt.Errorf("it ends before the last of its %d strings: %w", count, err)
		}
		var text strings.Builder
		for _, unit := range units {
			if unit > 0 {
				text.WriteRune(rune(unit)) // one that is no character becomes U+FFFD
			}
		}
		list = append(list, text.String())
	}
	return list, nil
}

// shapeOf reads "3, 4," and returns the number of elements, which must be at most most.
func shapeOf(text string, most int64) (dims []int, count int, err error) {
	count = 1
	for part := range strings.SplitSeq(text, ",") {
		part = strings.TrimSuffix(strings.TrimSpace(part), "L")
		if part == "" {
			continue
		}
		n, err := strconv.Atoi(part)
		if err != nil || n > 0 && int64(count) > most/int64(n) {
			return nil, 0, fmt.Errorf("shape (%.60s) is larger than the file", text)
		}
		dims, count = append(dims, n), count*n
	}
	return dims, count, nil
}
