package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/support/testutil"
)

// differential are graphs that GoMLX's portable backend computes too, with the types it has them for.
var differential = []struct {
	name   string
	dtypes []dtypes.DType
	in     func(d dtypes.DType) []input
	build  build
}{
	{"x+y, spread", allNumber, pairOf([]int{3, 1, 4}, []int{1, 5, 4}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Add(p[0], p[1]) }},
	{"x-y", allNumber, pairOf([]int{30}, []int{30}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Sub(p[0], p[1]) }},
	{"x·y", allNumber, pairOf([]int{}, []int{30}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Mul(p[0], p[1]) }},
	{"max", allNumber, pairOf([]int{5, 6}, []int{5, 6}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Max(p[0], p[1]) }},
	{"min", allNumber, pairOf([]int{5, 6}, []int{1, 6}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Min(p[0], p[1]) }},
	{"x<y", allNumber, pairOf([]int{5, 6}, []int{5, 1}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.LessThan(p[0], p[1]) }},
	{"x/y", wide, pairOf([]int{30}, []int{30}), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		y, err := f.Exp(p[1])
		if err != nil {
			return nil, err
		}
		return f.Div(p[0], y)
	}},
	{"abs", allFloats, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Abs(p[0])
	}},
	{"sign", allNumber, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Sign(p[0])
	}},
	{"exp", allFloats, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Exp(p[0])
	}},
	{"expm1", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Expm1(p[0])
	}},
	{"log of abs", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.Log1p(testutil.Must1(f.Abs(p[0])))
	}},
	{"tanh", allFloats, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Tanh(p[0])
	}},
	{"logistic", allFloats, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Logistic(p[0])
	}},
	{"erf", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Erf(p[0]) }},
	{"sin", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Sin(p[0]) }},
	{"cos", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Cos(p[0]) }},
	{"round", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Round(p[0])
	}},
	{"floor", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.Floor(p[0])
	}},
	{"bits", allInts, pairOf([]int{30}, []int{30}), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.BitwiseXor(testutil.Must1(f.BitwiseAnd(p[0], p[1])),
			testutil.Must1(f.BitwiseOr(p[0], testutil.Must1(f.BitwiseNot(p[1])))))
	}},
	{"count of bits", allInts, one(30), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.Add(testutil.Must1(f.BitCount(p[0])), testutil.Must1(f.Clz(p[0])))
	}},
	{"shifts", []dtypes.DType{dtypes.Int32, dtypes.Uint8},
		func(d dtypes.DType) []input { return []input{{d, []int{30}, 0}, {d, []int{30}, 7}} },
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.Add(testutil.Must1(f.ShiftLeft(p[0], p[1])), testutil.Must1(f.ShiftRightLogical(p[0], p[1])))
		}},
	{"where", allNumber, func(d dtypes.DType) []input {
		return []input{{dtypes.Bool, []int{4, 5}, 0}, {d, []int{4, 5}, 0}, {d, nil, 0}}
	},
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Where(p[0], p[1], p[2]) }},
	{"to int8", allNumber, one(40), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.ConvertDType(p[0], dtypes.Int8)
	}},
	{"to float32", allNumber, one(40), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.ConvertDType(p[0], dtypes.Float32)
	}},
	{"to bool", allNumber, one(40), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.ConvertDType(p[0], dtypes.Bool)
	}},
	{"transpose", allNumber, one(2, 3, 4, 5), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.Transpose(p[0], 2, 0, 3, 1)
	}},
	{"reverse", allNumber, one(2, 3, 4),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.Reverse(p[0], 0, 2) }},
	{"slice", allNumber, one(7, 8), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.Slice(p[0], []int{1, 2}, []int{7, 8}, []int{2, 3})
	}},
	{"pad", allNumber, pairOf([]int{3, 4}, []int{}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.Pad(p[0], p[1], compute.PadAxis{Start: 1, End: 2, Interior: 1}, compute.PadAxis{Start: 3})
		}},
	{"concatenate", allNumber, pairOf([]int{2, 3, 2}, []int{2, 1, 2}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.Concatenate(1, p[0], p[1], p[0])
		}},
	{"gather", allNumber, func(d dtypes.DType) []input {
		return []input{{d, []int{5, 3, 4}, 0}, {dtypes.Int32, []int{2, 6, 2}, 5}}
	},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.Gather(p[0], p[1], 2, []int{1}, []int{0, 1}, []int{0, 1}, []int{1, 1, 4}, false)
		}},
	{"scatter sum", noFloat16, func(d dtypes.DType) []input {
		return []input{{d, []int{5, 4}, 0}, {dtypes.Int64, []int{7, 1}, 5}, {d, []int{7, 4}, 0}}
	}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.ScatterSum(p[0], p[1], p[2], 1, []int{1}, []int{0}, []int{0}, false, false)
	}},
	{"sum", allNumber, one(3, 4, 5), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.ReduceSum(p[0], 0, 2)
	}},
	{"sum of all", allNumber, one(3, 4),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.ReduceSum(p[0], 0, 1) }},
	{"largest", allNumber, one(3, 4, 5),
		func(f compute.Function, p []compute.Value) (compute.Value, error) { return f.ReduceMax(p[0], 1) }},
	{"product", wide, one(3, 4), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.ReduceProduct(p[0], 1)
	}},
	{"argmax", allNumber, one(3, 4, 5), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.ArgMinMax(p[0], 1, dtypes.Int32, false)
	}},
	{"cumulative sum", allNumber, one(3, 4, 2), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.CumSum(p[0], 1, compute.CumSumOptions{Reverse: true})
	}},
	{"max pool", allNumber, one(2, 6, 6, 3), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.ReduceWindow(p[0], compute.ReduceOpMax, []int{1, 3, 3, 1}, []int{1, 2, 2, 1}, nil, nil,
			[][2]int{{}, {1, 1}, {1, 0}, {}})
	}},
	{"sum pool", wide, one(2, 6, 6, 3), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.ReduceWindow(p[0], compute.ReduceOpSum, []int{1, 2, 2, 1}, nil, nil, nil, nil)
	}},
	{"max pool, back", wide, pairOf([]int{2, 6, 6, 3}, []int{2, 3, 3, 3}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.SelectAndScatterMax(p[0], p[1], []int{1, 3, 3, 1}, []int{1, 2, 2, 1},
				[][2]int{{}, {1, 1}, {1, 0}, {}})
		}},
	{"product of matrices", allNumber, pairOf([]int{5, 6}, []int{6, 7}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.DotGeneral(p[0], []int{1}, nil, p[1], []int{0}, nil, compute.DotGeneralConfig{})
		}},
	{"batched product", wide, pairOf([]int{3, 5, 2, 6}, []int{2, 6, 7, 3}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.DotGeneral(p[0], []int{3}, []int{0, 2}, p[1], []int{1}, []int{3, 0}, compute.DotGeneralConfig{})
		}},
	{"convolution", wide, pairOf([]int{2, 7, 6, 4}, []int{3, 3, 2, 6}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.ConvGeneral(p[0], p[1], channelsLast, []int{2, 1}, [][2]int{{1, 1}, {1, 2}}, []int{1, 2},
				[]int{2, 1},
				2, 1)
		}},
	{"total order", allNumber, pairOf([]int{30}, []int{30}),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			less, equal := testutil.Must1(f.LessThanTotalOrder(p[0], p[1])),
				testutil.Must1(f.EqualTotalOrder(p[0], p[1]))
			more, atMost := testutil.Must1(f.GreaterThanTotalOrder(p[0], p[1])),
				testutil.Must1(f.LessOrEqualTotalOrder(p[0], p[1]))
			atLeast, other := testutil.Must1(f.GreaterOrEqualTotalOrder(p[0], p[1])),
				testutil.Must1(f.NotEqualTotalOrder(p[0], p[1]))
			var columns []compute.Value
			for _, v := range []compute.Value{less, equal, more, atMost, atLeast, other,
				testutil.Must1(f.NotEqual(p[0], p[1]))} {
				columns = append(columns, testutil.Must1(f.Reshape(v, 30, 1)))
			}
			return f.Concatenate(1, columns...)
		}},
	{"dynamic slice", allNumber, func(d dtypes.DType) []input {
		return []input{{d, []int{6, 7}, 0}, {dtypes.Int32, nil, 9}, {dtypes.Int64, nil, 9}}
	},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.DynamicSlice(p[0], p[1:], []int{2, 3})
		}},
	{"dynamic update", allNumber, func(d dtypes.DType) []input {
		return []input{{d, []int{6}, 0}, {d, []int{4}, 0}, {dtypes.Int32, nil, 9}}
	},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.DynamicUpdateSlice(p[0], p[1], p[2:])
		}},
	{"scatter min", noFloat16, func(d dtypes.DType) []input {
		return []input{{d, []int{5}, 0}, {dtypes.Int64, []int{7}, 5}, {d, []int{7}, 0}}
	},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.ScatterMin(p[0], p[1], p[2], 1, nil, []int{0}, []int{0}, false, false)
		}},
	{"batch norm, training", allFloats, batchNormIn,
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			y, mean, variance, err := f.BatchNormForTraining(p[0], p[1], p[2], 1e-2, 2)
			if err != nil {
				return nil, err
			}
			return f.BatchNormForInference(y, mean, variance, p[1], testutil.Must1(f.Mul(p[2], p[2])), 1, 2)
		}},
	{"batch norm, back", wide, batchNormIn, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		dx, dScale, dOffset, err := f.BatchNormGradient(p[0], p[1], p[2], testutil.Must1(f.Mul(p[1], p[1])), p[0], 1, 2)
		if err != nil {
			return nil, err
		}
		return f.BatchNormForInference(dx, dScale, dOffset, p[1], testutil.Must1(f.Mul(p[2], p[2])), 1, 2)
	}},
	{"attention, causal", allFloats, attentionIn(0),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			out, _, err := f.FusedScaledDotProductAttention(p[0], p[1], p[2], compute.AttentionAxesLayoutBSHD,
				&compute.ScaledDotProductAttentionConfig{Causal: true, Scale: 0.1})
			return out, err
		}},
	{"attention, mask, bias", allFloats, attentionIn(1),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			out, _, err := f.FusedScaledDotProductAttention(p[0], p[1], p[2], compute.AttentionAxesLayoutBHSD,
				&compute.ScaledDotProductAttentionConfig{Mask: p[3], Bias: p[4], Scale: 0.1})
			return out, err
		}},
	{"attention, lengths", allFloats, attentionIn(2),
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			out, _, err := f.FusedScaledDotProductAttention(p[0], p[1], p[2], compute.AttentionAxesLayoutBSHD,
				&compute.ScaledDotProductAttentionConfig{QuerySeqLen: p[3], KeyValueSeqLen: p[4], Scale: 0.1})
			return out, err
		}},
	{"attention, back", wide, attentionIn(0), func(f compute.Function, p []compute.Value) (compute.Value, error) {
		o := &compute.ScaledDotProductAttentionConfig{Scale: 0.1, Causal: true}
		out, states, err := f.FusedScaledDotProductAttention(p[0], p[1], p[2], compute.AttentionAxesLayoutBSHD, o)
		if err != nil {
			return nil, err
		}
		dq, dk, dv, err := f.FusedScaledDotProductAttentionVJP(p[0], p[1], p[2], compute.AttentionAxesLayoutBSHD, o,
			out, states, p[0])
		if err != nil {
			return nil, err
		}
		return f.Concatenate(2, dq, dk, dv)
	}},
	{"softmax", wide, one(4, 5, 3), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.FusedSoftmax(p[0], 1)
	}},
	{"layer norm", wide, func(d dtypes.DType) []input {
		return []input{{d, []int{4, 5}, 0}, {d, []int{5}, 0},
			{d, []int{5}, 0}}
	},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.FusedLayerNorm(p[0], []int{1}, 1e-5, p[1], p[2])
		}},
	{"gelu", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.FusedGelu(p[0], true)
	}},
	{"gelu by tanh", wide, one(40), func(f compute.Function, p []compute.Value) (compute.Value,
		error) {
		return f.FusedGelu(p[0], false)
	}},
	{"dense", wide, func(d dtypes.DType) []input {
		return []input{{d, []int{2, 4, 5}, 0}, {d, []int{5, 6}, 0}, {d, []int{6}, 0}}
	},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			return f.FusedDense(p[0], p[1], p[2], compute.DenseConfig{Activation: compute.ActivationSilu})
		}},
	{"dense, quantized", []dtypes.DType{dtypes.Int8, dtypes.Uint8}, func(d dtypes.DType) []input {
		f32 := dtypes.Float32
		return []input{{f32, []int{3, 4}, 0}, {d, []int{4, 6}, 0}, {f32, []int{4, 2}, 0}, {f32, []int{4, 2}, 0},
			{f32, []int{6}, 0}}
	}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.FusedQuantizedDense(p[0], p[1], p[4], &compute.Quantization{Scale: p[2], ZeroPoint: p[3], BlockAxis: 1,
			BlockSize: 3}, compute.ActivationNone)
	}},
	{"dense, NF4", []dtypes.DType{dtypes.Uint8}, func(d dtypes.DType) []input {
		return []input{{dtypes.Float32, []int{3, 4}, 0}, {d, []int{4, 3, 1}, 256}, {dtypes.Float32, []int{4, 2}, 0}}
	}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		nibbles := testutil.Must1(f.Reshape(testutil.Must1(f.Bitcast(p[1], dtypes.Int4)), 4, 6))
		return f.FusedQuantizedDense(p[0], nibbles, nil, &compute.Quantization{Scheme: compute.QuantNF4, Scale: p[2],
			BlockAxis: 1, BlockSize: 3}, compute.ActivationNone)
	}},
	ggmlDense(compute.GGMLQ4_0), ggmlDense(compute.GGMLQ8_0), ggmlDense(compute.GGMLIQ4NL), ggmlDense(compute.GGMLQ4_K),
	ggmlDense(compute.GGMLQ6_K),
	{"lookup, quantized", []dtypes.DType{dtypes.Int32}, func(d dtypes.DType) []input {
		return []input{{dtypes.Uint8, []int{5, 34}, 60}, {d, []int{2, 3, 1}, 5}}
	}, func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.QuantizedEmbeddingLookup(p[0], p[1], &compute.Quantization{Scheme: compute.QuantGGML,
			GGMLType: compute.GGMLQ8_0})
	}},
}

var channelsLast = compute.ConvolveAxesConfig{InputBatch: 0, InputChannels: 3, InputSpatial: []int{1, 2},
	KernelInputChannels:  2,
	KernelOutputChannels: 3, KernelSpatial: []int{0, 1}, OutputBatch: 0, OutputChannels: 3, OutputSpatial: []int{1, 2}}

func one(dims ...int) func(dtypes.DType) []input {
	return func(d dtypes.DType) []input { return []input{{d, dims, 0}} }
}

func pairOf(x, y []int) func(dtypes.DType) []input {
	return func(d dtypes.DType) []input { return []input{{d, x, 0}, {d, y, 0}} }
}

// batchNormIn are x with features on the last axis, and two numbers for each.
func batchNormIn(d dtypes.DType) []input {
	return []input{{d, []int{3, 4, 5}, 0}, {d, []int{5}, 0}, {d, []int{5}, 0}}
}

// attentionIn are query, key and value, [2, 3, 4, 8] and half the heads, and two more of the kind: a mask and a bias,
// or lengths.
func attentionIn(kind int) func(dtypes.DType) []input {
	return func(d dtypes.DType) []input {
		if kind == 1 { // [batch, head, position, channel]
			return []input{{d, []int{2, 4, 3, 8}, 0}, {d, []int{2, 2, 5, 8}, 0}, {d, []int{2, 2, 5, 8}, 0},
				{dtypes.Bool, []int{2, 1, 3, 5}, 0}, {d, []int{4, 3, 1}, 0}}
		}
		in := []input{{d, []int{2, 3, 4, 8}, 0}, {d, []int{2, 3, 2, 8}, 0}, {d, []int{2, 3, 2, 8}, 0}}
		if kind == 2 {
			in = append(in, input{dtypes.Int32, []int{2}, 4}, input{dtypes.Int32, []int{2}, 4})
		}
		return in
	}
}

// ggmlDense has bytes below 60, so that factors are small numbers.
func ggmlDense(format compute.GGMLQuantType) (c struct {
	name   string
	dtypes []dtypes.DType
	in     func(d dtypes.DType) []input
	build  build
}) {
	c.name, c.dtypes = "dense, "+format.String(), []dtypes.DType{dtypes.Uint8}
	c.in = func(d dtypes.DType) []input {
		return []input{{dtypes.Float32, []int{2, format.ValuesPerBlock()}, 0},
			{d, []int{3, format.BytesPerBlock()}, 60}}
	}
	c.build = func(f compute.Function, p []compute.Value) (compute.Value, error) {
		return f.FusedQuantizedDense(p[0], p[1], nil, &compute.Quantization{Scheme: compute.QuantGGML,
			GGMLType: format}, compute.ActivationNone)
	}
	return c
}
