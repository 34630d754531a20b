// Package plain evaluates every operation of the backend in plain Go, as one would write it on
// paper. It is the specification and the oracle of the compiler's kernels, and what runs for types and
// shapes that have none.
//
//	type                 how it is computed
//	float32              element by element in float64, rounded once; sums and products in float64, rounded at the end
//	float64, integers    in their own type; integers wrap around
//	float16, bfloat16    converted to float32, computed as above, rounded once more
//	bool                 a byte, 0 or 1
//	int4, uint4, int2 …  unpacked to int8 or uint8, and packed again
//
// A sum adds its terms one after the other, the last axis fastest, and no result depends on the
// rows beside it. Integer division by zero gives all bits set, its remainder the dividend; a float that
// does not fit an integer type becomes the nearest end of the range, and NaN becomes 0 (both as in XLA).
package plain

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// kind evaluates the operations on one numeric type.
type kind interface {
	// elementwise.go and convert.go. Those that return a bool report whether the type has such an operation.
	unary(op compute.OpType, x, out ir.Tensor) bool
	binary(op compute.OpType, x, y, out ir.Tensor) bool
	compare(op compute.OpType, x, y, out ir.Tensor) bool
	selects(cond, x, y, out ir.Tensor)
	clamp(lo, x, hi, out ir.Tensor)
	convert(x, out ir.Tensor)

	// move.go and gather.go: elements change their places only. integers reads the indices, of any integer type.
	copyFrom(out, x ir.Tensor, v view)
	copyTo(out ir.Tensor, v view, x ir.Tensor)
	fill(out, value ir.Tensor)
	iota(out ir.Tensor, axis int)
	gather(a ir.Gather, x, indices, out ir.Tensor)
	scatter(op compute.OpType, a ir.Scatter, x, indices, updates, out ir.Tensor)
	integers(x ir.Tensor) []int

	// reduce.go, sort.go, window.go, dot.go and conv.go: sums and choices of several elements
	reduce(op compute.OpType, axes []int, x, out ir.Tensor) bool
	argMinMax(a ir.ArgMinMax, x, out ir.Tensor)
	putIntegers(out ir.Tensor, values []int)
	cumSum(a ir.CumSum, x, out ir.Tensor)
	reduceWindow(a ir.Window, x, out ir.Tensor)
	selectAndScatter(a ir.Window, x, source, out ir.Tensor)
	dot(a ir.Dot, x, y, out ir.Tensor)
	conv(a ir.Conv, x, kernel, out ir.Tensor)
	pick(x, out ir.Tensor, sources []int)

	// norm.go, dense.go and attention.go: what GoMLX has as one operation, though it could be put together from the
	// above
	softmax(axis int, x, out ir.Tensor)
	gelu(exact bool, x, out ir.Tensor)
	activate(a compute.ActivationType, out ir.Tensor)
	moments(axes []int, x, mean, variance ir.Tensor)
	layerNorm(a ir.LayerNorm, in []ir.Tensor, out ir.Tensor)
	batchNormInference(a ir.BatchNorm, in []ir.Tensor, out ir.Tensor)
	batchNormTraining(a ir.BatchNorm, in, out []ir.Tensor)
	batchNormGradient(a ir.BatchNorm, in, out []ir.Tensor)
	attention(a ir.Attention, in, out []ir.Tensor)
	attentionVJP(a ir.Attention, in, out []ir.Tensor)
}

// of implements kind for T.
type of[T number] struct{}

type (
	integer interface {
		int8 | int16 | int32 | int64 | uint8 | uint16 | uint32 | uint64
	}
	float  interface{ float32 | float64 }
	number interface{ integer | float }
)

// kinds lacks the types that widen turns into one of these. Only integers have bits, shifts and a division that wraps:
// ofInteger.
var kinds = map[dtypes.DType]kind{
	dtypes.Int8: ofInteger[int8]{}, dtypes.Int16: ofInteger[int16]{}, dtypes.Int32: ofInteger[int32]{},
	dtypes.Int64: ofInteger[int64]{},
	dtypes.Uint8: ofInteger[uint8]{}, dtypes.Uint16: ofInteger[uint16]{}, dtypes.Uint32: ofInteger[uint32]{},
	dtypes.Uint64:  ofInteger[uint64]{},
	dtypes.Float32: of[float32]{}, dtypes.Float64: of[float64]{},
}

// Eval computes the outputs of n from its inputs. The outputs are allocated and hold anything. They
// share no memory with the inputs. An operation with functions (If, While, Sort, Call) is not one for Eval.
func Eval(n *ir.Node, in, out []ir.Tensor) error {
	switch n.Op {
	case compute.OpTypeIdentity, compute.OpTypeReshape, compute.OpTypeBitcast, compute.OpTypeOptimizationBarrier,
		compute.OpTypeSchedulingBarrier:
		copy(bytesOf(out[0].Flat), bytesOf(in[0].Flat))
		return nil
	case compute.OpTypeConstant:
		copy(bytesOf(out[0].Flat), bytesOf(n.Attr.(ir.Const).Flat))
		return nil
	case compute.OpTypeConvertDType:
		Convert(in[0], out[0])
		return nil
	case compute.OpTypeRNGBitGenerator:
		randomBits(in[0], out[0], out[1])
		return nil
	}
	// What is above moves bytes or has types of its own. From here on all is in one of the types of kinds.
	wideIn := make([]ir.Tensor, len(in))
	for i := range in {
		wideIn[i] = widen(in[i])
	}
	wideOut := make([]ir.Tensor, len(out))
	for i := range out {
		wideOut[i] = widen(out[i])
	}
	ok, err := eval(n, wideIn, wideOut)
	if err == nil && !ok {
		err = errors.Wrapf(compute.ErrNotImplemented, "%s of %s", n.Op, n.Shape)
	}
	if err != nil {
		return err
	}
	for i := range out {
		narrow(out[i], wideOut[i])
	}
	return nil
}

// eval is Eval on the types of kinds. It reports whether there is such an operation.
func eval(n *ir.Node, in, out []ir.Tensor) (bool, error) {
	// The inputs decide where there are any: IsNaN of floats and ArgMin have another type at their outputs.
	k := kinds[out[0].Shape.DType]
	if len(in) > 0 {
		k = kinds[in[0].Shape.DType]
	}
	if k == nil {
		return false, nil
	}
	switch a := n.Attr.(type) {
	case nil:
		return evalSimple(n.Op, k, in, out), nil
	case ir.Axes:
		switch n.Op {
		case compute.OpTypeReverse:
			k.copyFrom(out[0], in[0], reversed(in[0].Dims(), a))
		case ir.OpMoments:
			k.moments(a, in[0], out[0], out[1])
		default:
			return k.reduce(n.Op, a, in[0], out[0]), nil
		}
	case ir.Axis:
		switch n.Op {
		case compute.OpTypeIota:
			k.iota(out[0], int(a))
		case compute.OpTypeConcatenate:
			concatenate(k, int(a), in, out[0])
		default:
			k.softmax(int(a), in[0], out[0])
		}
	case ir.Broadcast:
		k.copyFrom(out[0], in[0], broadcast(in[0].Dims(), out[0].Dims(), a.Axes))
	case ir.Permutation:
		k.copyFrom(out[0], in[0], dense(in[0].Dims()).transposed(a))
	case ir.Slice:
		k.copyFrom(out[0], in[0], dense(in[0].Dims()).sliced(a.Starts, out[0].Dims(), a.Strides))
	case ir.Pad:
		pad(k, a, in[0], in[1], out[0])
	case ir.ArgMinMax:
		k.argMinMax(a, in[0], out[0])
	case ir.CumSum:
		k.cumSum(a, in[0], out[0])
	case ir.Dot:
		dot(a, in[0], in[1], out[0])
	case ir.Conv:
		k.conv(a, in[0], in[1], out[0])
	case ir.Window:
		if n.Op == compute.OpTypeReduceWindow {
			k.reduceWindow(a, in[0], out[0])
		} else {
			k.selectAndScatter(a, in[0], in[1], out[0])
		}
	case ir.Gather:
		k.gather(a, in[0], in[1], out[0])
	case ir.Scatter:
		k.scatter(n.Op, a, in[0], in[1], in[2], out[0])
	default:
		return evalFused(n, k, in, out)
	}
	return true, nil
}

func evalSimple(op compute.OpType, k kind, in, out []ir.Tensor) bool {
	switch op {
	case compute.OpTypeWhere:
		// in[0] is the condition, a bool; the type that counts is that of the values
		kinds[in[1].Shape.DType].selects(in[0], in[1], in[2], out[0])
		return true
	case compute.OpTypeClamp:
		k.clamp(in[0], in[1], in[2], out[0])
		return true
	case compute.OpTypeDynamicSlice:
		start := clampedStarts(in[1:], in[0].Dims(), out[0].Dims())
		k.copyFrom(out[0], in[0], dense(in[0].Dims()).sliced(start, out[0].Dims(), nil))
		return true
	case compute.OpTypeDynamicUpdateSlice:
		start := clampedStarts(in[2:], in[0].Dims(), in[1].Dims())
		copy(bytesOf(out[0].Flat), bytesOf(in[0].Flat))
		k.copyTo(out[0], dense(out[0].Dims()).sliced(start, in[1].Dims(), nil), in[1])
		return true
	}
	switch len(in) {
	case 1:
		return k.unary(op, in[0], out[0])
	case 2:
		// the two know different operations, so the order decides nothing
		return k.binary(op, in[0], in[1], out[0]) || k.compare(op, in[0], in[1], out[0])
	}
	return false
}

func evalFused(n *ir.Node, k kind, in, out []ir.Tensor) (bool, error) {
	switch a := n.Attr.(type) {
	case ir.BatchNorm:
		switch n.Op {
		case compute.OpTypeBatchNormForInference:
			k.batchNormInference(a, in, out[0])
		case compute.OpTypeBatchNormForTraining:
			k.batchNormTraining(a, in, out)
		default:
			k.batchNormGradient(a, in, out)
		}
	case ir.LayerNorm:
		k.layerNorm(a, in, out[0])
	case ir.Gelu:
		k.gelu(a.Exact, in[0], out[0])
	case ir.Dense:
		fusedDense(k, a.Config, in, out[0])
	case ir.QKV:
		fusedQKV(k, a, in, out)
	case ir.Attention:
		if n.Op == compute.OpTypeFusedScaledDotProductAttention {
			k.attention(a, in, out)
		} else {
			k.attentionVJP(a, in, out)
		}
	case ir.Quantized:
		if n.Op == compute.OpTypeQuantizedEmbeddingLookup {
			return true, embeddingLookup(a, in[0], in[1], out[0])
		}
		quantizedDense(a, in, out[0])
	default:
		return false, nil
	}
	return true, nil
}
