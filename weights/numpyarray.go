package weights

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"
)

// NumPy's arrays are pickled as
//
//	_reconstruct(ndarray, (0,), b"b") with the state (version, shape, dtype, Fortran's order, bytes)
//	_frombuffer(bytes, dtype, shape, "C" or "F")                                   from protocol 5 on
//
// and dtype as dtype("f4", False, True) with the state (version, byte order, …). [Tree] has such arrays as tensors; in
// a state_dict they are none.

// ndarray is an array of NumPy as a pickle has it; one of Python's objects has no elements here.
type ndarray struct {
	dtype    *numpyType
	shape    []int
	fortran  bool // the first index runs fastest
	elements bytesOf
}

// state takes what BUILD gives an array; a state of another form leaves it without elements.
func (a *ndarray) state(v any) {
	state, ok := v.(*types.Tuple)
	if !ok || state.Len() != 5 {
		return
	}
	a.set(state.Get(4), state.Get(2), state.Get(1), state.Get(3) == true)
}

func (a *ndarray) set(elements, dtype, shape any, fortran bool) {
	bytes, okBytes := elements.(bytesOf)
	kind, okKind := dtype.(*numpyType)
	dims, okShape := lengths(shape)
	if okBytes && okKind && okShape {
		*a = ndarray{kind, dims, fortran, bytes}
	}
}

// numpyFromBuffer is _frombuffer.
func numpyFromBuffer(args []any) (any, error) {
	o := &instance{class: numpyArray, array: &ndarray{}}
	if len(args) >= 4 && (args[3] == "C" || args[3] == "F") {
		o.array.set(args[0], args[1], args[2], args[3] == "F")
	}
	return o, nil
}

// numpyTypes are the types of elements that are read.
var numpyTypes = map[string]DType{"f2": "F16", "f4": "F32", "f8": "F64", "u1": "U8", "u2": "U16", "u4": "U32",
	"u8": "U64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64", "b1": "BOOL"}

// tensor returns the array as a tensor, and how many bytes were copied for it; ok is false if it has no numbers.
func (a *ndarray) tensor(room int) (t Tensor, copied int, ok bool, err error) {
	if a.dtype == nil || numpyTypes[a.dtype.name] == "" || a.dtype.big {
		return t, 0, false, nil
	}
	t = Raw("", numpyTypes[a.dtype.name], a.shape, nil)
	size, err := t.size()
	if err != nil {
		return t, 0, false, err
	}
	if size != len(a.elements) {
		return t, 0, false, fmt.Errorf("an array of NumPy of shape %v has %d bytes, want %d", a.shape, len(a.elements),
			size)
	}
	if size > room {
		return t, 0, false, fmt.Errorf("its arrays of NumPy are there more than once, with %d bytes and more", size)
	}
	data := []byte(a.elements)
	if a.fortran {
		data = RowMajor(data, a.shape)
	}
	return Raw("", t.DType, a.shape, data), size, true, nil
}

// RowMajor returns the elements of an array of Fortran's order, whose first index runs fastest, in the order in which
// the last one does. They have all the same number of bytes.
func RowMajor(data []byte, shape []int) []byte {
	count := 1
	for _, n := range shape {
		count *= n
	}
	if count == 0 {
		return nil
	}
	width := len(data) / count
	out := make([]byte, 0, len(data))
	index := make([]int, len(shape))
	for range count {
		from, step := 0, 1
		for axis, i := range index {
			from += i * step
			step *= shape[axis]
		}
		out = append(out, data[from*width:(from+1)*width]...)
		for axis := len(index) - 1; axis >= 0; axis-- {
			if index[axis]++; index[axis] < shape[axis] {
				break
			}
			index[axis] = 0
		}
	}
	return out
}
