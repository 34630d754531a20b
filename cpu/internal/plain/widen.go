package plain

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"

	"mgd3/cpu/internal/ir"
)

func bytesOf(flat any) []byte { return dtypes.UnsafeByteSliceFromAny(flat) }

// widen returns t in one of the types of kinds: itself where it is of one, a view of the same bytes for bool,
// else a converted copy.
func widen(t ir.Tensor) ir.Tensor {
	switch flat := t.Flat.(type) {
	case []bool:
		// The same bytes: what is written to the view is written to t, and narrow has nothing to do.
		return retyped(t, dtypes.Uint8, bytesOf(flat))
	case []float16.Float16:
		wide := make([]float32, len(flat))
		for i, x := range flat {
			wide[i] = x.Float32()
		}
		return retyped(t, dtypes.Float32, wide)
	case []bfloat16.BFloat16:
		wide := make([]float32, len(flat))
		for i, x := range flat {
			wide[i] = x.Float32()
		}
		return retyped(t, dtypes.Float32, wide)
	case []uint8:
		if t.Shape.DType.IsPacked() {
			return unpacked(t, flat)
		}
	}
	return t
}

// narrow writes wide, which widen made from t, back into t.
func narrow(t, wide ir.Tensor) {
	switch flat := t.Flat.(type) {
	case []float16.Float16:
		for i, x := range wide.Flat.([]float32) {
			flat[i] = float16.FromFloat32(x)
		}
	case []bfloat16.BFloat16:
		for i, x := range wide.Flat.([]float32) {
			flat[i] = bfloat16.FromFloat32(x)
		}
	case []uint8:
		if t.Shape.DType.IsPacked() {
			pack(flat, t.Shape.DType.Bits(), bytesOf(wide.Flat))
		}
	}
}

func retyped(t ir.Tensor, dtype dtypes.DType, flat any) ir.Tensor {
	t.Shape.DType, t.Flat = dtype, flat
	return t
}

// unpacked spreads the numbers of 1, 2 or 4 bits in packed, lowest bits first, over bytes.
func unpacked(t ir.Tensor, packed []uint8) ir.Tensor {
	bits := t.Shape.DType.Bits()
	wide := make([]uint8, t.Shape.Size())
	for i := range wide {
		wide[i] = packed[i*bits/8] >> (i * bits % 8) & (1<<bits - 1)
	}
	if t.Shape.DType.IsUnsigned() {
		return retyped(t, dtypes.Uint8, wide)
	}
	signed := make([]int8, len(wide))
	for i, x := range wide {
		// the highest of the bits is the sign
		signed[i] = int8(x<<(8-bits)) >> (8 - bits)
	}
	return retyped(t, dtypes.Int8, signed)
}

// pack is the inverse of unpacked: it keeps the low bits of each byte of wide, so that integers wrap around.
func pack(packed []uint8, bits int, wide []uint8) {
	clear(packed)
	for i, x := range wide {
		packed[i*bits/8] |= x & (1<<bits - 1) << (i * bits % 8)
	}
}
