package dataset

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf16"
)

// A MAT-file of level 5 (MathWorks, "MAT-File Format", 1999–2024) is a header of 128 bytes and elements
//
//	type, n (uint32 each), n bytes, zeros up to 8 bytes     or, of at most 4 bytes: n, type (uint16 each), 4 bytes
//
// An element of type miCOMPRESSED is another in zlib; miMATRIX is a variable: flags, dimensions, name, and what is in
// it, which are elements again. Arrays are stored column by column. Numbers may have a smaller type than their array.

const (
	miInt8, miUint8, miInt16, miUint16, miInt32, miUint32 = 1, 2, 3, 4, 5, 6
	miSingle, miDouble, miInt64, miUint64                 = 7, 9, 12, 13
	miMatrix, miCompressed, miUTF8, miUTF16               = 14, 15, 16, 17

	mxCell, mxStruct, mxChar, mxDouble, mxUint64 = 1, 2, 4, 6, 15
)

// matVar is a variable of a MAT-file.
type matVar struct {
	name   string
	class  byte
	dims   []int
	kind   uint32              // of the numbers or letters in data
	data   []byte              // as in the file
	order  binary.ByteOrder    // of data
	cells  []matVar            // of a cell array
	fields map[string][]matVar // of an array of structs: the values of each field
}

// matFile reads the variables of a MAT-file by their names.
type matFile struct {
	order binary.ByteOrder
	vars  map[string]matVar
}

// maxMatDepth bounds cells in cells.
const maxMatDepth = 8

func readMat(data []byte) (map[string]matVar, error) {
	const head = 128
	switch {
	case bytes.HasPrefix(data, []byte("MATLAB 7.3")), bytes.HasPrefix(data, []byte("\x89HDF")):
		return nil, errors.New("is a MAT-file of version 7.3 (HDF5), want version 5 to 7: MATLAB writes it with " +
			"save -v7")
	case len(data) < head:
		return nil, errors.New("is no MAT-file of version 5 to 7: it is too short")
	}
	m := matFile{binary.LittleEndian, map[string]matVar{}}
	switch string(data[126:128]) {
	case "IM":
	case "MI":
		m.order = binary.BigEndian
	default:
		return nil, errors.New("is no MAT-file of version 5 to 7")
	}
	if version := m.order.Uint16(data[124:]); version != 0x0100 {
		return nil, fmt.Errorf("is a MAT-file of version %#x, want version 5 to 7", version)
	}
	for data = data[head:]; len(data) > 0; {
		kind, body, rest, err := m.element(data)
		if err != nil {
			return nil, err
		}
		data = rest
		if kind == miCompressed {
			if kind, body, err = m.inflate(body); err != nil {
				return nil, err
			}
		}
		if kind != miMatrix {
			continue
		}
		v, err := m.matrix(body, 0)
		if err != nil {
			return nil, err
		}
		m.vars[v.name] = v
	}
	return m.vars, nil
}

// element parts the first element from the rest.
func (m matFile) element(data []byte) (kind uint32, body, rest []byte, err error) {
	if len(data) < 8 {
		return 0, nil, nil, errors.New("ends within an element")
	}
	kind, n := m.order.Uint32(data), m.order.Uint32(data[4:])
	if small := kind >> 16; small != 0 {
		if small > 4 {
			return 0, nil, nil, fmt.Errorf("a small element has %d bytes, want at most 4", small)
		}
		return kind & 0xffff, data[4 : 4+small], data[8:], nil
	}
	data = data[8:]
	if uint64(n) > uint64(len(data)) {
		return 0, nil, nil, fmt.Errorf("ends within an element: has %d of %d bytes", len(data), n)
	}
	end := uint64(n)
	if kind != miCompressed {
		end = min((end+7)&^7, uint64(len(data)))
	}
	return kind, data[:n], data[end:], nil
}

// inflate returns the element that is in a compressed one.
func (m matFile) inflate(body []byte) (kind uint32, content []byte, err error) {
	z, err := zlib.NewReader(bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	defer z.Close()
	head := make([]byte, 8)
	if _, err := io.ReadFull(z, head); err != nil {
		return 0, nil, err
	}
	const ratio = 1032 // the most that deflate can do
	kind, n := m.order.Uint32(head), int64(m.order.Uint32(head[4:]))
	switch {
	case kind>>16 != 0:
		return kind & 0xffff, nil, nil // too small for a variable
	case n > maxFile:
		return 0, nil, fmt.Errorf("a variable has %d bytes, want at most %d", n, maxFile)
	case n > ratio*int64(len(body)):
		return 0, nil, fmt.Errorf("a variable of %d bytes cannot be in %d compressed ones", n, len(body))
	}
	content = make([]byte, n)
	if _, err := io.ReadFull(z, content); err != nil {
		return 0, nil, fmt.Errorf("a compressed variable ends early: %w", err)
	}
	if _, err := io.Copy(io.Discard, io.LimitReader(z, 8)); err != nil { // the checksum is at the end
		return 0, nil, err
	}
	return kind, content, nil
}

// next is the body of the first element, which must have one of the types.
func (m matFile) next(data *[]byte, what string, kinds ...uint32) ([]byte, error) {
	kind, body, rest, err := m.element(*data)
	if err != nil {
		return nil, err
	}
	*data = rest
	for _, k := range kinds {
		if k == kind {
			return body, nil
		}
	}
	return nil, fmt.Errorf("%s has elements of type %d, want one of %v", what, kind, kinds)
}

func (m matFile) matrix(data []byte, depth int) (matVar, error) {
	v := matVar{order: m.order}
	if len(data) == 0 {
		return v, nil // an empty array within another
	}
	if depth > maxMatDepth {
		return v, fmt.Errorf("has cells more than %d deep", maxMatDepth)
	}
	flags, err := m.next(&data, "the flags of an array", miUint32)
	if err != nil {
		return v, err
	}
	if len(flags) < 8 {
		return v, errors.New("the flags of an array are too short")
	}
	v.class = byte(m.order.Uint32(flags))
	dims, err := m.next(&data, "the dimensions of an array", miInt32)
	if err != nil {
		return v, err
	}
	for ; len(dims) >= 4; dims = dims[4:] {
		v.dims = append(v.dims, int(int32(m.order.Uint32(dims))))
	}
	name, err := m.next(&data, "the name of an array", miInt8)
	if err != nil {
		return v, err
	}
	v.name = string(name)
	if err := m.content(&v, data, depth); err != nil {
		return v, fmt.Errorf("%.60q: %w", v.name, err)
	}
	return v, nil
}

// content reads what follows the name of an array.
func (m matFile) content(v *matVar, data []byte, depth int) (err error) {
	n := 1
	for _, d := range v.dims {
		if d < 0 || d > 0 && n > math.MaxInt32/d {
			return fmt.Errorf("has dimensions %v", v.dims)
		}
		n *= d
	}
	switch {
	case v.class == mxCell:
		v.cells, err = m.matrices(&data, n, depth)
		return err
	case v.class == mxStruct:
		return m.structs(v, data, n, depth)
	case v.class == mxChar || v.class >= mxDouble && v.class <= mxUint64:
		v.kind, v.data, _, err = m.element(data)
		return err
	}
	return nil // sparse arrays, objects and functions: nobody asks for them
}

// matrices reads n arrays.
func (m matFile) matrices(data *[]byte, n, depth int) ([]matVar, error) {
	if n > len(*data)/8 { // each has 8 bytes at least
		return nil, fmt.Errorf("has %d cells in %d bytes", n, len(*data))
	}
	cells := make([]matVar, n)
	for i := range cells {
		body, err := m.next(data, "a cell", miMatrix)
		if err != nil {
			return nil, err
		}
		if cells[i], err = m.matrix(body, depth+1); err != nil {
			return nil, err
		}
	}
	return cells, nil
}

func (m matFile) structs(v *matVar, data []byte, n, depth int) error {
	size, err := m.next(&data, "the length of the fields' names", miInt32)
	if err != nil {
		return err
	}
	names, err := m.next(&data, "the fields' names", miInt8)
	if err != nil {
		return err
	}
	if len(size) < 4 || m.order.Uint32(size) == 0 || m.order.Uint32(size) > 1<<10 {
		return errors.New("has fields' names of no length")
	}
	length := int(m.order.Uint32(size))
	count := len(names) / length
	if count > 0 && n > len(data)/8/count {
		return fmt.Errorf("has %d structs of %d fields in %d bytes", n, count, len(data))
	}
	values, err := m.matrices(&data, n*count, depth)
	if err != nil {
		return err
	}
	v.fields = map[string][]matVar{}
	for i := range count {
		name, _, _ := strings.Cut(string(names[i*length:(i+1)*length]), "\x00")
		for j := i; j < len(values); j += count {
			v.fields[name] = append(v.fields[name], values[j])
		}
	}
	return nil
}

// matSizes are the bytes of a number.
var matSizes = map[uint32]int{
	miInt8: 1, miUint8: 1, miInt16: 2, miUint16: 2, miInt32: 4, miUint32: 4, miInt64: 8, miUint64: 8,
	miSingle: 4, miDouble: 8,
}

// ints returns whole numbers, column by column.
func (v matVar) ints() ([]int, error) {
	size := matSizes[v.kind]
	if size == 0 || v.class == mxChar {
		return nil, fmt.Errorf("%q holds no numbers", v.name)
	}
	list := make([]int, len(v.data)/size)
	for i := range list {
		b := v.data[i*size:]
		real := 0.0
		switch v.kind {
		case miInt8:
			list[i] = int(int8(b[0]))
		case miUint8:
			list[i] = int(b[0])
		case miInt16:
			list[i] = int(int16(v.order.Uint16(b)))
		case miUint16:
			list[i] = int(v.order.Uint16(b))
		case miInt32:
			list[i] = int(int32(v.order.Uint32(b)))
		case miUint32:
			list[i] = int(v.order.Uint32(b))
		case miInt64, miUint64: // of these only small ones
			list[i] = int(int64(v.order.Uint64(b)))
		case miSingle:
			real = float64(math.Float32frombits(v.order.Uint32(b)))
		case miDouble:
			real = math.Float64frombits(v.order.Uint64(b))
		}
		if v.kind == miSingle || v.kind == miDouble {
			if real != math.Trunc(real) || math.Abs(real) > math.MaxInt32 {
				return nil, fmt.Errorf("%q: number %d is %v, want a whole number", v.name, i, real)
			}
			list[i] = int(real)
		}
	}
	return list, nil
}

// text returns a row of letters.
func (v matVar) text() (string, error) {
	switch {
	case v.class != mxChar:
		return "", fmt.Errorf("%q holds no letters", v.name)
	case v.kind == miUint16 || v.kind == miUTF16:
		units := make([]uint16, len(v.data)/2)
		for i := range units {
			units[i] = v.order.Uint16(v.data[2*i:])
		}
		return string(utf16.Decode(units)), nil
	}
	return string(v.data), nil
}
