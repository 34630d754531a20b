package plain

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"

	"mgd3/cpu/internal/ir"
)

// tensor is a tensor of flat data.
func tensor(flat any, dims ...int) ir.Tensor {
	return ir.Tensor{Shape: shapes.Make(dtypes.FromGoType(reflect.TypeOf(flat).Elem()), dims...), Flat: flat}
}

// vector is a tensor of one axis.
func vector[T any](x ...T) ir.Tensor { return tensor(x, len(x)) }

// evalOne runs an operation of one output of the type and size of want.
func evalOne(t *testing.T, op compute.OpType, attr any, want ir.Tensor, in ...ir.Tensor) any {
	t.Helper()
	out := ir.Tensor{Shape: want.Shape, Flat: dtypes.MakeAnySlice(want.Shape.DType, want.Shape.Size())}
	garbage := dtypes.UnsafeByteSliceFromAny(out.Flat)
	for i := range garbage {
		if want.Shape.DType != dtypes.Bool {
			garbage[i] = 0xa5 // outputs hold anything
		}
	}
	if err := Eval(&ir.Node{Op: op, Shape: want.Shape, Attr: attr}, in, []ir.Tensor{out}); err != nil {
		t.Fatalf("%s: %v", op, err)
	}
	return out.Flat
}

var inf, nan = math.Inf(1), math.NaN()

// bitsOf makes NaNs comparable, and tells zeros apart.
func bitsOf(flat any) any {
	switch x := flat.(type) {
	case []float32:
		bits := make([]uint32, len(x))
		for i, v := range x {
			if bits[i] = math.Float32bits(v); v != v {
				bits[i] = math.Float32bits(float32(nan))
			}
		}
		return bits
	case []float64:
		bits := make([]uint64, len(x))
		for i, v := range x {
			if bits[i] = math.Float64bits(v); v != v {
				bits[i] = math.Float64bits(nan)
			}
		}
		return bits
	}
	return flat
}

func f32s(x ...float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

func halves(x ...float32) []bfloat16.BFloat16 { return bfloat16.FromFloat32s(x...) }

func TestKnownAnswers(t *testing.T) {
	minus0 := math.Copysign(0, -1)
	for _, c := range []struct {
		op   compute.OpType
		attr any
		in   []ir.Tensor
		want ir.Tensor
	}{
		// Elements.
		{compute.OpTypeAbs, nil, []ir.Tensor{vector[int8](-128, -3, 5)}, vector[int8](-128, 3, 5)},
		{compute.OpTypeAbs, nil, []ir.Tensor{vector[uint8](0, 200)}, vector[uint8](0, 200)},
		{compute.OpTypeAbs, nil, []ir.Tensor{vector(minus0, -2, -inf)}, vector(0, 2, inf)},
		{compute.OpTypeNeg, nil, []ir.Tensor{vector(0.0, minus0, 3)}, vector(minus0, 0, -3)},
		{compute.OpTypeSign, nil, []ir.Tensor{vector(-2, minus0, 0, 7, nan)}, vector(-1, minus0, 0, 1, nan)},
		{compute.OpTypeSign, nil, []ir.Tensor{vector[uint16](0, 9)}, vector[uint16](0, 1)},
		{compute.OpTypeRound, nil, []ir.Tensor{vector(0.5, 1.5, 2.5, -0.5, -1.6)}, vector(0, 2, 2, minus0, -2)},
		{compute.OpTypeRsqrt, nil, []ir.Tensor{vector(4, 0, -1.0)}, vector(0.5, inf, nan)},
		{compute.OpTypeLogistic, nil, []ir.Tensor{vector(0, inf, -inf, -1000)}, vector(0.5, 1, 0, 0)},
		{compute.OpTypeExpm1, nil, []ir.Tensor{vector(1e-20, -inf)}, vector(1e-20, -1)},
		{compute.OpTypeBitCount, nil, []ir.Tensor{vector[int16](-1, 7)}, vector[int16](16, 3)},
		{compute.OpTypeClz, nil, []ir.Tensor{vector[int16](-1, 7, 0)}, vector[int16](0, 13, 16)},
		{compute.OpTypeBitwiseNot, nil, []ir.Tensor{vector[uint8](0x0f)}, vector[uint8](0xf0)},
		{compute.OpTypeLogicalNot, nil, []ir.Tensor{vector(true, false)}, vector(false, true)},
		{compute.OpTypeIsFinite, nil, []ir.Tensor{vector(1, inf, nan)}, vector(true, false, false)},
		{compute.OpTypeIsNaN, nil, []ir.Tensor{vector(1, inf, nan)}, vector(false, false, true)},

		// Pairs.
		{compute.OpTypeAdd, nil, []ir.Tensor{tensor([]int8{100, 1}, 2, 1), tensor([]int8{100, 10}, 1, 2)},
			tensor([]int8{-56, 110, 101, 11}, 2, 2)},
		{compute.OpTypeAdd, nil, []ir.Tensor{vector(halves(256)...), vector(halves(1)...)}, vector(halves(256)...)},
		{compute.OpTypeSub, nil, []ir.Tensor{tensor([]float64{10}), vector(1.0, 2)}, vector(9.0, 8)},
		{compute.OpTypeDiv, nil, []ir.Tensor{vector[int32](7, -7, 5, math.MinInt32), vector[int32](2, 2, 0, -1)},
			vector[int32](3, -3, -1, math.MinInt32)},
		{compute.OpTypeDiv, nil, []ir.Tensor{vector[uint8](7), vector[uint8](0)}, vector[uint8](255)},
		{compute.OpTypeRem, nil, []ir.Tensor{vector[int32](7, -7, 5, math.MinInt32), vector[int32](4, 4, 0, -1)},
			vector[int32](3, -3, 5, 0)},
		{compute.OpTypeRem, nil, []ir.Tensor{vector(7.5, -7.5, 7.5), vector(2, 2, -2.0)}, vector(1.5, -1.5, 1.5)},
		{compute.OpTypePow, nil, []ir.Tensor{vector[int32](3, 2, 2, 1, -1, -1), vector[int32](4, 31, -1, -9, -3, -4)},
			vector[int32](81, math.MinInt32, 0, 1, -1, 1)},
		{compute.OpTypePow, nil, []ir.Tensor{vector(2.0, -8), vector(0.5, 1.0/3)}, vector(math.Sqrt2, nan)},
		{compute.OpTypeMax, nil, []ir.Tensor{vector(1, nan, minus0), vector(2, 3, 0.0)}, vector(2, nan, 0.0)},
		{compute.OpTypeMin, nil, []ir.Tensor{vector(1, nan, 0.0), vector(2, 3, minus0)}, vector(1, nan, minus0)},
		{compute.OpTypeAtan2, nil, []ir.Tensor{vector(1, minus0), vector(-1, -1.0)}, vector(3*math.Pi/4, -math.Pi)},
		{compute.OpTypeShiftLeft, nil, []ir.Tensor{vector[int8](-1, 1, 1), vector[int8](1, 7, 8)},
			vector[int8](-2, -128, 0)},
		{compute.OpTypeShiftRightArithmetic, nil, []ir.Tensor{vector[int8](-2, -2), vector[int8](1, 99)},
			vector[int8](-1, -1)},
		{compute.OpTypeShiftRightLogical, nil, []ir.Tensor{vector[int8](-2, -2), vector[int8](1, 99)},
			vector[int8](127, 0)},
		{compute.OpTypeLogicalXor, nil, []ir.Tensor{vector(true, true), vector(false, true)}, vector(true, false)},
		{compute.OpTypeEqual, nil, []ir.Tensor{vector(0.0, nan), vector(minus0, nan)}, vector(true, false)},
		{compute.OpTypeNotEqual, nil, []ir.Tensor{vector(true, false), tensor([]bool{true})}, vector(false, true)},
		{compute.OpTypeLessThan, nil, []ir.Tensor{vector[uint64](1, math.MaxUint64), vector[uint64](2, 3)},
			vector(true, false)},
		{compute.OpTypeLessThanTotalOrder, nil, []ir.Tensor{vector(minus0, -nan, nan, -inf, inf),
			vector(0.0, nan, nan, -1, nan)}, vector(true, true, false, true, true)},
		{compute.OpTypeEqualTotalOrder, nil, []ir.Tensor{vector(minus0, nan), vector(0.0, nan)}, vector(false, true)},
		{compute.OpTypeWhere, nil, []ir.Tensor{vector(true, false), vector(halves(1, 2)...), tensor(halves(9))},
			vector(halves(1, 9)...)},
		{compute.OpTypeWhere, nil, []ir.Tensor{tensor([]bool{false}), vector(true, false), vector(false, true)},
			vector(false, true)},
		{compute.OpTypeClamp, nil, []ir.Tensor{tensor([]float64{-1}), vector(-5, 0.5, 5), tensor([]float64{1})},
			vector(-1, 0.5, 1)},

		// Types.
		{compute.OpTypeConvertDType, nil, []ir.Tensor{vector(-1.9, 300, -inf, inf, nan)},
			vector[int8](-1, 127, -128, 127, 0)},
		{compute.OpTypeConvertDType, nil, []ir.Tensor{vector(1e30, -1, 3.9)}, vector[uint64](math.MaxUint64, 0, 3)},
		{compute.OpTypeConvertDType, nil, []ir.Tensor{vector(1e30, -1e30)},
			vector[int64](math.MaxInt64, math.MinInt64)},
		{compute.OpTypeConvertDType, nil, []ir.Tensor{vector[int32](300, -1)}, vector[uint8](44, 255)},
		{compute.OpTypeConvertDType, nil, []ir.Tensor{vector(0, 0.1, nan)}, vector(false, true, true)},
		{compute.OpTypeConvertDType, nil, []ir.Tensor{vector(true, false)}, vector(halves(1, 0)...)},
		{compute.OpTypeConvertDType, nil, []ir.Tensor{vector(float16.FromFloat32s(1.5, 70000)...)},
			vector(halves(1.5, float32(inf))...)},
		{compute.OpTypeBitcast, nil, []ir.Tensor{vector[uint32](0x3f800000)}, vector[float32](1)},

		// Movements.
		{compute.OpTypeTranspose, ir.Permutation{1, 0}, []ir.Tensor{tensor([]int8{1, 2, 3, 4, 5, 6}, 2, 3)},
			tensor([]int8{1, 4, 2, 5, 3, 6}, 3, 2)},
		{compute.OpTypeBroadcastInDim, ir.Broadcast{Axes: []int{1}}, []ir.Tensor{vector[int8](1, 2)},
			tensor([]int8{1, 2, 1, 2, 1, 2}, 3, 2)},
		{compute.OpTypeBroadcastInDim, ir.Broadcast{Axes: []int{0, 1}}, []ir.Tensor{tensor([]int8{1, 2}, 2, 1)},
			tensor([]int8{1, 1, 2, 2}, 2, 2)},
		{compute.OpTypeSlice, ir.Slice{Starts: []int{1}, Limits: []int{6}, Strides: []int{2}},
			[]ir.Tensor{vector[int8](0, 1, 2, 3, 4, 5, 6)}, vector[int8](1, 3, 5)},
		{compute.OpTypeReverse, ir.Axes{0}, []ir.Tensor{tensor([]int8{1, 2, 3, 4}, 2, 2)},
			tensor([]int8{3, 4, 1, 2}, 2, 2)},
		{compute.OpTypePad, ir.Pad{{Start: 1, End: 2, Interior: 1}}, []ir.Tensor{vector[int8](1, 2, 3),
			tensor([]int8{9})}, vector[int8](9, 1, 9, 2, 9, 3, 9, 9)},
		{compute.OpTypePad, ir.Pad{{Start: -1, End: -1}}, []ir.Tensor{vector[int8](1, 2, 3), tensor([]int8{9})},
			vector[int8](2)},
		{compute.OpTypePad, ir.Pad{{Start: -2, End: 1, Interior: 2}}, []ir.Tensor{vector[int8](1, 2, 3),
			tensor([]int8{9})}, vector[int8](9, 2, 9, 9, 3, 9)},
		{compute.OpTypePad, ir.Pad{{Start: 2, End: -5}}, []ir.Tensor{vector[int8](1, 2, 3, 4), tensor([]int8{9})},
			vector[int8](9)},
		{compute.OpTypePad, ir.Pad{{Start: 1}}, []ir.Tensor{vector[int8](), tensor([]int8{9})}, vector[int8](9)},
		{compute.OpTypeConcatenate, ir.Axis(1), []ir.Tensor{tensor([]bool{true, false}, 2, 1),
			tensor([]bool{false, false, true, true}, 2, 2)},
			tensor([]bool{true, false, false, false, true, true}, 2, 3)},
		{compute.OpTypeIota, ir.Axis(0), nil, tensor([]int8{0, 0, 1, 1, 2, 2}, 3, 2)},
		{compute.OpTypeIota, ir.Axis(1), nil, tensor(halves(0, 1, 0, 1), 2, 2)},
		{compute.OpTypeDynamicSlice, nil, []ir.Tensor{vector[int8](1, 2, 3, 4), tensor([]int32{9})},
			vector[int8](3, 4)},
		{compute.OpTypeDynamicUpdateSlice, nil, []ir.Tensor{vector[int8](1, 2, 3, 4), vector[int8](8, 9),
			tensor([]int64{-7})}, vector[int8](8, 9, 3, 4)},
		{compute.OpTypeGather, ir.Gather{IndexVectorAxis: 1, OffsetOutputAxes: []int{1}, CollapsedSliceAxes: []int{0},
			StartIndexMap: []int{0}, SliceSizes: []int{1, 2}},
			[]ir.Tensor{tensor([]int8{1, 2, 3, 4}, 2, 2), vector[int32](1, 0, 5, -5)},
			tensor([]int8{3, 4, 1, 2, 3, 4, 1, 2}, 4, 2)},
		{compute.OpTypeScatterSum, ir.Scatter{IndexVectorAxis: 1, UpdateWindowAxes: []int{1},
			InsertedWindowAxes: []int{0}, ScatterAxesToOperandAxes: []int{0}},
			[]ir.Tensor{tensor([]int8{1, 2, 3, 4}, 2, 2), vector[uint8](1, 1, 7),
				tensor([]int8{10, 20, 30, 40, 50, 60}, 3, 2)}, tensor([]int8{1, 2, 43, 64}, 2, 2)},

		// Reductions.
		{compute.OpTypeReduceSum, ir.Axes{0}, []ir.Tensor{tensor([]int8{100, 1, 100, 2}, 2, 2)}, vector[int8](-56, 3)},
		{compute.OpTypeReduceSum, ir.Axes{0, 2}, []ir.Tensor{tensor([]int32{1, 2, 3, 4, 5, 6, 7, 8}, 2, 2, 2)},
			vector[int32](14, 22)},
		{compute.OpTypeReduceSum, ir.Axes{0}, []ir.Tensor{vector(f32s(1e8, 1, -1e8)...)}, tensor(f32s(1))},
		{compute.OpTypeReduceSum, ir.Axes{0}, []ir.Tensor{tensor([]float64{}, 0, 2)}, vector(0.0, 0)},
		{compute.OpTypeReduceMax, ir.Axes{0}, []ir.Tensor{tensor([]float64{}, 0, 2)}, vector(-inf, -inf)},
		{compute.OpTypeReduceMax, ir.Axes{1}, []ir.Tensor{tensor([]float64{1, nan, 3, 4}, 2, 2)}, vector(nan, 4)},
		{compute.OpTypeReduceMin, ir.Axes{0}, []ir.Tensor{vector[uint8](7, 3)}, tensor([]uint8{3})},
		{compute.OpTypeReduceProduct, ir.Axes{0}, []ir.Tensor{vector[int8](7, 3)}, tensor([]int8{21})},
		{compute.OpTypeReduceLogicalAnd, ir.Axes{0}, []ir.Tensor{tensor([]bool{true, true, false, true}, 2, 2)},
			vector(false, true)},
		{compute.OpTypeReduceBitwiseAnd, ir.Axes{0}, []ir.Tensor{vector[uint8](6, 3)}, tensor([]uint8{2})},
		{compute.OpTypeReduceBitwiseXor, ir.Axes{0}, []ir.Tensor{vector[uint8](6, 3)}, tensor([]uint8{5})},
		{compute.OpTypeArgMinMax, ir.ArgMinMax{Axis: 1}, []ir.Tensor{tensor([]float64{1, 3, 3, nan, 9, nan}, 2, 3)},
			vector[int32](1, 0)},
		{compute.OpTypeArgMinMax, ir.ArgMinMax{Axis: 0, Min: true}, []ir.Tensor{tensor([]float64{1, 3, 0, 3}, 2, 2)},
			vector[uint8](1, 0)},
		{compute.OpTypeCumSum, ir.CumSum{Axis: 0, Options: compute.CumSumOptions{Exclusive: true, Reverse: true}},
			[]ir.Tensor{vector(1.0, 2, 3)}, vector(5.0, 3, 0)},

		// Windows.
		{compute.OpTypeReduceWindow, ir.Window{Reduce: compute.ReduceOpSum, Dims: []int{2}, Strides: []int{1},
			InputDilations: []int{1}, WindowDilations: []int{2}, Paddings: [][2]int{{1, 0}}},
			[]ir.Tensor{vector[int32](1, 2, 3, 4)}, vector[int32](2, 4, 6)},
		{compute.OpTypeReduceWindow, ir.Window{Reduce: compute.ReduceOpMin, Dims: []int{1}, Strides: []int{1},
			InputDilations: []int{2}, WindowDilations: []int{1}, Paddings: [][2]int{{0, 0}}},
			[]ir.Tensor{vector(1.0, 2)}, vector(1, inf, 2)},
		{compute.OpTypeSelectAndScatterMax, ir.Window{Reduce: compute.ReduceOpMax, Dims: []int{2}, Strides: []int{1},
			InputDilations: []int{1}, WindowDilations: []int{1}, Paddings: [][2]int{{1, 0}}},
			[]ir.Tensor{vector(3.0, 3, 1), vector(10.0, 20, 40)}, vector(30.0, 40, 0)},

		// Products.
		{compute.OpTypeDotGeneral, ir.Dot{LHSContract: []int{0}, RHSContract: []int{1}, LHSBatch: []int{1},
			RHSBatch: []int{0}, Accumulator: dtypes.Int32},
			[]ir.Tensor{tensor([]int8{100, 1, 100, 2}, 2, 2), tensor([]int8{2, 3, 4, 5}, 2, 2)},
			vector[int32](500, 14)},
		{compute.OpTypeDotGeneral, ir.Dot{LHSContract: []int{0}, RHSContract: []int{0}, Accumulator: dtypes.Float32},
			[]ir.Tensor{vector(halves(256, 1, 1)...), vector(halves(1, 1, 1)...)}, tensor(halves(258))},
		{compute.OpTypeFusedGelu, ir.Gelu{Exact: true}, []ir.Tensor{vector(f32s(0, 1, -1, inf)...)},
			vector(f32s(0, 0.8413447460685429, -0.15865525393145707, inf)...)},
		{compute.OpTypeFusedSoftmax, ir.Axis(0), []ir.Tensor{tensor([]float64{1000, 0, 1000, 0}, 2, 2)},
			tensor([]float64{0.5, 0.5, 0.5, 0.5}, 2, 2)},
		{compute.OpTypeFusedLayerNorm, ir.LayerNorm{Axes: []int{1}, HasGamma: true, HasBeta: true},
			[]ir.Tensor{tensor([]float64{1, 3, 10, 30}, 2, 2), vector(1.0, 2), vector(0.0, 10)},
			tensor([]float64{-1, 12, -1, 12}, 2, 2)},
		{compute.OpTypeFusedLayerNorm, ir.LayerNorm{Axes: []int{0}, HasBeta: true},
			[]ir.Tensor{vector(1.0, 3), vector(5.0, 6)}, vector(4.0, 7)},
		{compute.OpTypeFusedDense, ir.Dense{Config: compute.DenseConfig{Activation: compute.ActivationRelu,
			WeightLayout: compute.DenseLayoutOutputsInput}},
			[]ir.Tensor{tensor([]float64{1, 2}, 1, 2), tensor([]float64{1, 1, -1, -1}, 2, 2), vector(0.5, 0)},
			tensor([]float64{3.5, 0}, 1, 2)},
		{compute.OpTypeFusedDense, ir.Dense{Config: compute.DenseConfig{Activation: compute.ActivationHardSwish}},
			[]ir.Tensor{tensor([]float64{1}, 1, 1), tensor([]float64{-4, -1.5, 1, 9}, 1, 4)},
			tensor([]float64{minus0, -0.375, 4.0 / 6, 9}, 1, 4)},
		{compute.OpTypeBatchNormForInference, ir.BatchNorm{FeatureAxis: 0},
			[]ir.Tensor{tensor([]float64{1, 2, 3, 4}, 2, 2), vector(2.0, 1), vector(0.0, 1), vector(1.0, 3),
				vector(4.0, 1)},
			tensor([]float64{0, 1, 1, 2}, 2, 2)},
	} {
		got := evalOne(t, c.op, c.attr, c.want, c.in...)
		if !reflect.DeepEqual(bitsOf(got), bitsOf(c.want.Flat)) {
			t.Errorf("%s %+v of %v: got %v, want %v", c.op, c.attr, c.in, got, c.want.Flat)
		}
	}
}

func TestNotThere(t *testing.T) {
	out := vector(1.0)
	for _, n := range []*ir.Node{{Op: compute.OpTypeFFT, Shape: out.Shape},
		{Op: compute.OpTypeAdd, Attr: "strange", Shape: out.Shape}} {
		if err := Eval(n, []ir.Tensor{out}, []ir.Tensor{vector(0.0)}); !compute.IsNotImplemented(err) {
			t.Errorf("%s: error %v", n.Op, err)
		}
	}
}

// The answers of Random123 1.14 (kat_vectors: philox4x32 10).
func TestPhilox(t *testing.T) {
	for _, c := range []struct {
		key, low, high uint64
		want           [4]uint32
	}{
		{0, 0, 0, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{math.MaxUint64, math.MaxUint64, math.MaxUint64, [4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
		{0x299f31d0_a4093822, 0x85a308d3_243f6a88, 0x03707344_13198a2e,
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
	} {
		if got := philox(c.key, c.low, c.high); got != c.want {
			t.Errorf("philox(%#x, %#x, %#x) = %#x, want %#x", c.key, c.low, c.high, got, c.want)
		}
	}
}

// The state goes on where the bits ended, over the carry of its words.
func TestRandomBitsInPieces(t *testing.T) {
	draw := func(state []uint64, n int) (next []uint64, bits []uint32) {
		next, bits = make([]uint64, 3), make([]uint32, n)
		n0 := &ir.Node{Op: compute.OpTypeRNGBitGenerator}
		if err := Eval(n0, []ir.Tensor{vector(state...)}, []ir.Tensor{vector(next...), vector(bits...)}); err != nil {
			t.Fatal(err)
		}
		return next, bits
	}
	start := []uint64{7, math.MaxUint64 - 1, 3}
	end, all := draw(start, 16)
	middle, first := draw(start, 8)
	end2, second := draw(middle, 8)
	if !slices.Equal(all, slices.Concat(first, second)) || !slices.Equal(end, end2) {
		t.Errorf("16 numbers at once %v, state %v; in pieces %v, %v, state %v", all, end, first, second, end2)
	}
	if !slices.Equal(end, []uint64{7, 2, 4}) {
		t.Errorf("state after four blocks: %v", end)
	}
	if _, odd := draw(start, 5); !slices.Equal(odd, all[:5]) {
		t.Errorf("the first 5 of 16 are %v, 5 alone %v", all[:5], odd)
	}
}

func TestSmallIntegers(t *testing.T) {
	packed := []uint8{0xf8, 0x07} // -8, -1, 7, 0
	in := ir.Tensor{Shape: shapes.Make(dtypes.Int4, 4), Flat: packed}
	if got := evalOne(t, compute.OpTypeConvertDType, nil, vector[int32](0, 0, 0, 0),
		in); !reflect.DeepEqual(got, []int32{-8, -1, 7, 0}) {
		t.Errorf("int4 to int32: %v", got)
	}
	for dtype, want := range map[dtypes.DType][]uint8{dtypes.Int4: {0xe0, 0x0e}, dtypes.Uint4: {0xe0, 0x0e}} {
		in.Shape.DType = dtype
		if got := evalOne(t, compute.OpTypeAdd, nil, in, in, in); !reflect.DeepEqual(got, want) {
			t.Errorf("x + x of %s: %#v", dtype, got)
		}
	}
	two := ir.Tensor{Shape: shapes.Make(dtypes.Int2, 5), Flat: []uint8{0b11_10_01_00, 0b01}}
	if got := evalOne(t, compute.OpTypeConvertDType, nil, vector[int8](0, 0, 0, 0, 0),
		two); !reflect.DeepEqual(got, []int8{0, 1, -2, -1, 1}) {
		t.Errorf("int2 to int8: %v", got)
	}
	if got := evalOne(t, compute.OpTypeReverse, ir.Axes{0}, two,
		two); !reflect.DeepEqual(got, []uint8{0b01_10_11_01, 0}) {
		t.Errorf("reversed: %#v", got)
	}
}

func TestMoments(t *testing.T) {
	mean, variance := vector(0.0, 0), vector(0.0, 0)
	n := &ir.Node{Op: ir.OpMoments, Attr: ir.Axes{0}}
	if err := Eval(n, []ir.Tensor{tensor([]float64{1, 5, 3, 5}, 2, 2)}, []ir.Tensor{mean, variance}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(mean.Flat, []float64{2, 5}) || !reflect.DeepEqual(variance.Flat, []float64{1, 0}) {
		t.Errorf("mean %v, variance %v", mean.Flat, variance.Flat)
	}
}

func TestSort(t *testing.T) {
	keys, values := tensor([]int8{3, 1, 2, 1}, 4), vector(halves(0, 1, 2, 3)...)
	outs := []ir.Tensor{vector[int8](0, 0, 0, 0), vector(halves(0, 0, 0, 0)...)}
	Sort([]ir.Tensor{keys, values}, outs, 0,
		func(a, b int) bool { return keys.Flat.([]int8)[a] < keys.Flat.([]int8)[b] })
	if !reflect.DeepEqual(outs[0].Flat, []int8{1, 1, 2, 3}) || !reflect.DeepEqual(outs[1].Flat, halves(1, 3, 2, 0)) {
		t.Errorf("sorted to %v and %v", outs[0].Flat, outs[1].Flat)
	}
}
