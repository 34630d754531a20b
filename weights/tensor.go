package weights

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
	"slices"
)

// Tensor is one tensor of a File, or one to be written. It is a view: the bytes stay in the
// mapped file until they are converted, and are gone when the File is closed.
//
// A Tensor without data, a literal of Name, DType and Shape, describes one to NewWriter.
type Tensor struct {
	Name  string
	DType DType
	Shape []int // empty for a scalar

	src        *source
	begin, end int       // of the elements in src
	sum        *checksum // of what the elements lie in, nil if there is none
	rows       []float32 // factors of the rows, see fold; nil for none
	fault      string    // why it cannot be read, "" if it can
}

// F32 returns a tensor that holds a copy of data; len(data) is the product of shape.
func F32(name string, shape []int, data []float32) Tensor {
	b := make([]byte, 0, 4*len(data))
	for _, v := range data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return Raw(name, "F32", shape, b)
}

// F16 returns a tensor of data rounded to the nearest binary16, halves to even; numbers of 65520 and above become
// infinite. len(data) is the product of shape.
func F16(name string, shape []int, data []float32) Tensor {
	b := make([]byte, 0, 2*len(data))
	for _, v := range data {
		b = binary.LittleEndian.AppendUint16(b, toHalf(v))
	}
	return Raw(name, "F16", shape, b)
}

// F64 returns a tensor that holds a copy of data; len(data) is the product of shape.
func F64(name string, shape []int, data []float64) Tensor {
	b := make([]byte, 0, 8*len(data))
	for _, v := range data {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return Raw(name, "F64", shape, b)
}

// I64 returns a tensor that holds a copy of data; len(data) is the product of shape.
func I64(name string, shape []int, data []int64) Tensor {
	b := make([]byte, 0, 8*len(data))
	for _, v := range data {
		b = binary.LittleEndian.AppendUint64(b, uint64(v))
	}
	return Raw(name, "I64", shape, b)
}

// Raw returns a tensor over data, the elements in little-endian order; it keeps data, and
// Write finds out whether its length is right.
func Raw(name string, dtype DType, shape []int, data []byte) Tensor {
	return Tensor{Name: name, DType: dtype, Shape: slices.Clone(shape), src: &source{name: "memory", data: data},
		end: len(data)}
}

// Bytes returns the elements in little-endian order, without copying them: read only, and
// only until the File is closed, and not of a file that another program may cut short. It is nil for a tensor
// without data. Checksums are not compared, nor are factors of [DiT] multiplied.
func (t Tensor) Bytes() []byte {
	if t.src == nil || t.src.data == nil || t.fault != "" {
		return nil
	}
	return t.src.data[t.begin:t.end:t.end]
}

// Float32s returns the elements of an F32, F16, BF16 or F64 tensor in a fresh slice; an F64
// is rounded to the nearest float32, the others are exact.
func (t Tensor) Float32s() ([]float32, error) {
	return convert(fillFloat32s, "a float type", t)
}

// Float64s is Float32s without the rounding.
func (t Tensor) Float64s() ([]float64, error) {
	return convert(fillFloat64s, "a float type", t)
}

// Int64s returns the elements of a U8, I8, U16, I16, U32, I32 or I64 tensor in a fresh slice.
func (t Tensor) Int64s() ([]int64, error) {
	return convert(fillInt64s, "an integer type", t)
}

// convert returns the elements of all tensors, one after the other, by one of the fill
// functions; want says which types that can read.
func convert[T any](fill func([]T, DType, []byte) bool, want string, tensors ...Tensor) ([]T, error) {
	n := 0
	for _, t := range tensors {
		if err := t.usable(); err != nil {
			return nil, err
		}
		if size, err := t.size(); err != nil || t.Bytes() == nil || len(t.Bytes()) != size {
			return nil, fmt.Errorf("tensor %q has %d bytes of data, want those of shape %v of %s; is its file closed?",
				t.Name, len(t.Bytes()), t.Shape, t.DType)
		}
		n += t.count()
	}
	all := make([]T, n)
	at := 0
	for _, t := range tensors {
		part := all[at : at+t.count()]
		err := t.read(func(data []byte) error {
			if !fill(part, t.DType, data) {
				return fmt.Errorf("%s: tensor %q has type %s, want %s", t.src.name, t.Name, t.DType, want)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		switch part := any(part).(type) {
		case []float32:
			multiply(t, 0, part)
		case []float64:
			multiply(t, 0, part)
		}
		at += t.count()
	}
	return all, nil
}

// ReadFloat32s writes the elements of a float tensor from the first on to dst.
func (t Tensor) ReadFloat32s(dst []float32, first int) error {
	if err := t.usable(); err != nil {
		return err
	}
	if t.Bytes() == nil || first < 0 || first > t.count()-len(dst) {
		return fmt.Errorf("tensor %q: want %d elements from %d on, have %d; is its file closed?", t.Name, len(dst),
			first, t.count())
	}
	err := t.read(func(data []byte) error {
		element := sizes[t.DType]
		if !fillFloat32s(dst, t.DType, data[first*element:(first+len(dst))*element]) {
			return fmt.Errorf("%s: tensor %q has type %s, want a float type", t.src.name, t.Name, t.DType)
		}
		return nil
	})
	multiply(t, first, dst)
	return err
}

// read calls use with the elements, once they are known to be those that were written.
func (t Tensor) read(use func(data []byte) error) error {
	if err := t.usable(); err != nil {
		return err
	}
	defer t.src.letGo(t.Bytes())
	return t.src.read(func() error {
		if err := t.sum.check(); err != nil {
			return fmt.Errorf("%s: %w: tensor %q: %w", t.src.name, ErrFormat, t.Name, err)
		}
		return use(t.Bytes())
	})
}

// count returns the number of elements of a tensor with data.
func (t Tensor) count() int { return (t.end - t.begin) / max(sizes[t.DType], 1) }

// size returns the bytes that a tensor of this type and shape has.
func (t Tensor) size() (int, error) {
	size, known := sizes[t.DType]
	if !known {
		return 0, fmt.Errorf("unknown type %q", t.DType)
	}
	for _, d := range t.Shape {
		high, low := bits.Mul64(uint64(size), uint64(d))
		if d < 0 || high != 0 || low > math.MaxInt {
			return 0, fmt.Errorf("shape %v of %s is no size of memory", t.Shape, t.DType)
		}
		size = int(low)
	}
	return size, nil
}
