package weights

import (
	"encoding/binary"
	"math"

	"github.com/nlpodyssey/gopickle/types"
)

// NumPy's scalars, numpy.float64(0.1) say, are pickled as scalar(dtype("f8"), encode(text, "latin1")): the characters
// of the text are the bytes of the number, in the order of the machine that wrote it, which is little-endian.

// bytesOf is Python's bytes, as protocol 2 writes them: a text in Latin-1.
type bytesOf string

// codecsEncode takes a text and the name of its encoding.
func codecsEncode(args []any) (any, error) {
	if len(args) == 2 && args[1] == "latin1" {
		if text, ok := args[0].(string); ok {
			var b []byte
			for _, r := range text {
				if r > 0xff {
					return &instance{class: "_codecs.encode"}, nil
				}
				b = append(b, byte(r))
			}
			return bytesOf(b), nil
		}
	}
	return &instance{class: "_codecs.encode"}, nil
}

// ourBytes is the name by which tame has bytes made that are in the pickle.
const ourBytes = "mgd3.bytes"

func bytesAsTheyAre(args []any) (any, error) {
	if len(args) == 1 {
		if text, ok := args[0].(string); ok {
			return bytesOf(text), nil
		}
	}
	return nil, nil
}

// numpyType is a dtype, "f8" say.
type numpyType struct {
	name string
	big  bool // the first byte of a number is the largest
}

// state takes what BUILD gives a dtype: (version, byte order, …).
func (t *numpyType) state(v any) {
	if state, ok := v.(*types.Tuple); ok && state.Len() > 1 {
		t.big = state.Get(1) == ">"
	}
}

func numpyDType(args []any) (any, error) {
	if len(args) > 0 {
		if name, ok := args[0].(string); ok {
			return &numpyType{name: name}, nil
		}
	}
	return &instance{class: "numpy.dtype"}, nil
}

// numpyScalar is an int, a float64 or a bool; one of another type is nothing.
func numpyScalar(args []any) (any, error) {
	if len(args) == 2 {
		kind, isType := args[0].(*numpyType)
		text, isBytes := args[1].(bytesOf)
		if isType && isBytes && !kind.big {
			if v := numpyNumber(kind.name, []byte(text)); v != nil {
				return v, nil
			}
		}
	}
	return &instance{class: "numpy.core.multiarray.scalar"}, nil
}

func numpyNumber(kind string, b []byte) any {
	le := binary.LittleEndian
	switch {
	case kind == "f8" && len(b) == 8:
		return math.Float64frombits(le.Uint64(b))
	case kind == "f4" && len(b) == 4:
		return float64(math.Float32frombits(le.Uint32(b)))
	case kind == "f2" && len(b) == 2:
		return float64(half(le.Uint16(b)))
	case kind == "b1" && len(b) == 1:
		return b[0] != 0
	case kind == "i8" && len(b) == 8:
		return int(int64(le.Uint64(b)))
	case kind == "i4" && len(b) == 4:
		return int(int32(le.Uint32(b)))
	case kind == "i2" && len(b) == 2:
		return int(int16(le.Uint16(b)))
	case kind == "u1" && len(b) == 1:
		return int(b[0])
	case kind == "u2" && len(b) == 2:
		return int(le.Uint16(b))
	case kind == "u4" && len(b) == 4:
		return int(le.Uint32(b))
	}
	return nil
}
