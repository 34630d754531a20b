package cpu

import (
	"reflect"
	"strings"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

func dtypeOf(flat any) dtypes.DType { return dtypes.FromGoType(reflect.TypeOf(flat).Elem()) }

// TestWrongUse: each is an error that names the operation, and none a panic.
func TestWrongUse(t *testing.T) {
	b := newBackend(t, "")
	other := b.Builder("other").Main()
	foreign, _ := other.Parameter("x", shapes.Make(dtypes.Float32, 2, 3), nil)

	builder := b.Builder("wrong")
	f := builder.Main()
	param := func(dtype dtypes.DType, dims ...int) compute.Value {
		v, err := f.Parameter("p", shapes.Make(dtype, dims...), nil)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	x, y, scalar := param(dtypes.Float32, 2, 3), param(dtypes.Float32, 4, 5), param(dtypes.Float32)
	ints, bools, image := param(dtypes.Int32, 2), param(dtypes.Bool, 2, 3), param(dtypes.Float32, 1, 8, 8, 3)
	state := param(dtypes.Uint64, 3)
	sibling, _ := f.Closure()
	inside, _ := sibling.Parameter("s", shapes.Make(dtypes.Float32), nil)

	one := func(_ compute.Value, err error) error { return err }
	two := func(_, _ compute.Value, err error) error { return err }
	three := func(_, _, _ compute.Value, err error) error { return err }
	many := func(_ []compute.Value, err error) error { return err }
	attended := func(_ compute.Value, _ []compute.Value, err error) error { return err }
	axes := compute.ConvolveAxesConfig{InputBatch: 0, InputChannels: 3, InputSpatial: []int{1, 2},
		KernelInputChannels:  2,
		KernelOutputChannels: 3, KernelSpatial: []int{0, 1}, OutputBatch: 0, OutputChannels: 3,
		OutputSpatial: []int{1, 2}}

	for _, c := range []struct {
		op  string
		err error
	}{
		{"Add", one(f.Add(x, y))},
		{"Add", one(f.Add(x, foreign))},
		{"Add", one(f.Add(x, nil))},
		{"Add", one(f.Add(x, 7))},
		{"Add", one(f.Add(x, ints))},
		{"Add", one(f.Add(bools, bools))},
		{"Add", one(f.Add(x, inside))},
		{"Atan2", one(f.Atan2(ints, ints))},
		{"BitwiseAnd", one(f.BitwiseAnd(x, x))},
		{"LogicalNot", one(f.LogicalNot(x))},
		{"Exp", one(f.Exp(ints))},
		{"IsNaN", one(f.IsNaN(ints))},
		{"LessThan", one(f.LessThan(x, y))},
		{"Clamp", one(f.Clamp(scalar, x, y))},
		{"Where", one(f.Where(x, x, x))},
		{"Where", one(f.Where(bools, x, y))},
		{"ConvertDType", one(f.ConvertDType(x, dtypes.Complex64))},
		{"ConvertDType", one(f.ConvertDType(x, dtypes.InvalidDType))},
		{"Bitcast", one(f.Bitcast(bools, dtypes.Uint8))},
		{"Bitcast", one(f.Bitcast(scalar, dtypes.Float64))},
		{"BroadcastInDim", one(f.BroadcastInDim(x, shapes.Make(dtypes.Float32, 3, 2), []int{0, 1}))},
		{"BroadcastInDim", one(f.BroadcastInDim(x, shapes.Make(dtypes.Float32, 3, 2), []int{1, 0}))},
		{"BroadcastInDim", one(f.BroadcastInDim(x, shapes.Make(dtypes.Int32, 2, 3), []int{0, 1}))},
		{"Concatenate", one(f.Concatenate(0, x, y))},
		{"Concatenate", one(f.Concatenate(9, x, x))},
		{"Concatenate", one(f.Concatenate(0))},
		{"Concatenate", one(f.Concatenate(0, scalar, scalar))},
		{"Constant", one(f.Constant([]float32{1, 2}, 3))},
		{"Constant", one(f.Constant("text"))},
		{"Constant", one(f.Constant(nil))},
		{"Constant", one(f.Constant([]float32{1}, -1))},
		{"Constant", one(f.Constant([]complex64{1}, 1))},
		{"Parameter", one(f.Parameter("c", shapes.Make(dtypes.Complex64), nil))},
		{"Parameter", one(f.Parameter("d", shapes.MakeDynamic(dtypes.Float32, []int{-1}, []string{"batch"}), nil))},
		{"Parameter", one(f.Parameter("s", shapes.Make(dtypes.Float32), &compute.ShardingSpec{}))},
		{"Parameter", one(f.Parameter("i", shapes.Invalid(), nil))},
		{"DynamicSlice", one(f.DynamicSlice(x, []compute.Value{ints}, []int{1, 1}))},
		{"DynamicSlice", one(f.DynamicSlice(x, nil, []int{1, 1}))},
		{"DynamicSlice", one(f.DynamicSlice(x, []compute.Value{scalar, scalar}, []int{1, 1}))},
		{"DynamicUpdateSlice", one(f.DynamicUpdateSlice(x, y, nil))},
		{"Iota", one(f.Iota(shapes.Make(dtypes.Float32), 0))},
		{"Iota", one(f.Iota(shapes.Make(dtypes.Float32, 3), 1))},
		{"Pad", one(f.Pad(x, x))},
		{"Pad", one(f.Pad(x, scalar, compute.PadAxis{Start: -5}))},
		{"Pad", one(f.Pad(x, scalar, make([]compute.PadAxis, 3)...))},
		{"Reshape", one(f.Reshape(x, 7))},
		{"Reshape", one(f.Reshape(x, -1))},
		{"Reverse", one(f.Reverse(x, 2))},
		{"Slice", one(f.Slice(x, []int{0}, []int{1}, nil))},
		{"Slice", one(f.Slice(x, []int{0, 0}, []int{3, 3}, nil))},
		{"Transpose", one(f.Transpose(x, 0))},
		{"Transpose", one(f.Transpose(x, 0, 0))},
		{"ReduceSum", one(f.ReduceSum(x, 2))},
		{"ReduceSum", one(f.ReduceSum(x, 1, 1))},
		{"ReduceSum", one(f.ReduceSum(bools, 1))},
		{"ReduceLogicalOr", one(f.ReduceLogicalOr(x, 1))},
		{"ReduceBitwiseXor", one(f.ReduceBitwiseXor(x, 1))},
		{"ArgMinMax", one(f.ArgMinMax(x, 2, dtypes.Int32, true))},
		{"ArgMinMax", one(f.ArgMinMax(x, 1, dtypes.Float32, true))},
		{"CumSum", one(f.CumSum(scalar, 0, compute.CumSumOptions{}))},
		{"ReduceWindow", one(f.ReduceWindow(x, compute.ReduceOpMax, []int{5, 5}, nil, nil, nil, nil))},
		{"ReduceWindow", one(f.ReduceWindow(x, compute.ReduceOpUndefined, []int{1, 1}, nil, nil, nil, nil))},
		{"SelectAndScatterMax", one(f.SelectAndScatterMax(x, y, []int{1, 1}, nil, nil))},
		{"DotGeneral", one(f.DotGeneral(x, []int{1}, nil, y, []int{0}, nil, compute.DotGeneralConfig{}))},
		{"DotGeneral", one(f.DotGeneral(x, []int{7}, nil, y, []int{0}, nil, compute.DotGeneralConfig{}))},
		{"DotGeneral", one(f.DotGeneral(bools, []int{1}, nil, bools, []int{1}, nil, compute.DotGeneralConfig{}))},
		{"DotGeneral", one(f.DotGeneral(x, []int{1}, nil, x, []int{1}, nil,
			compute.DotGeneralConfig{OutputDType: dtypes.Complex64}))},
		{"ConvGeneral", one(f.ConvGeneral(image, image, axes, nil, nil, nil, nil, 1, 1))},
		{"ConvGeneral", one(f.ConvGeneral(x, x, axes, nil, nil, nil, nil, 1, 1))},
		{"ConvGeneral", one(f.ConvGeneral(image, image, compute.ConvolveAxesConfig{InputChannels: 9}, nil, nil, nil,
			nil, 1, 1))},
		{"Gather", one(f.Gather(x, ints, 9, nil, nil, nil, nil, false))},
		{"Gather", one(f.Gather(x, x, 1, []int{1}, []int{0}, []int{0}, []int{1, 3}, false))},
		{"ScatterSum", one(f.ScatterSum(x, ints, y, 1, nil, nil, nil, false, false))},
		{"RNGBitGenerator", two(f.RNGBitGenerator(ints, shapes.Make(dtypes.Uint32, 3)))},
		{"RNGBitGenerator", two(f.RNGBitGenerator(state, shapes.Make(dtypes.Float32, 3)))},
		{"BatchNormForTraining", three(f.BatchNormForTraining(x, scalar, scalar, 1e-5, 1))},
		{"BatchNormForInference", one(f.BatchNormForInference(x, scalar, scalar, scalar, scalar, 1e-5, 9))},
		{"BatchNormGradient", three(f.BatchNormGradient(x, scalar, scalar, scalar, x, 1e-5, 1))},
		{"FusedSoftmax", one(f.FusedSoftmax(x, 2))},
		{"FusedSoftmax", one(f.FusedSoftmax(ints, 0))},
		{"FusedGelu", one(f.FusedGelu(ints, true))},
		{"FusedLayerNorm", one(f.FusedLayerNorm(x, []int{5}, 1e-5, nil, nil))},
		{"FusedLayerNorm", one(f.FusedLayerNorm(x, nil, 1e-5, nil, nil))},
		{"FusedLayerNorm", one(f.FusedLayerNorm(nil, []int{1}, 1e-5, scalar, nil))},
		{"FusedDense", one(f.FusedDense(nil, x, nil, compute.DenseConfig{}))},
		{"FusedDense", one(f.FusedDense(x, y, nil, compute.DenseConfig{}))},
		{"FusedAttentionQKVProjection", three(f.FusedAttentionQKVProjection(x, y, nil, nil, nil, 1, 2))},
		{"FusedScaledDotProductAttention", attended(f.FusedScaledDotProductAttention(x, x, x, 0, nil))},
		{"FusedScaledDotProductAttention", attended(f.FusedScaledDotProductAttention(image, image, image, 0,
			&compute.ScaledDotProductAttentionConfig{Mask: y}))},
		{"FusedScaledDotProductAttention", attended(f.FusedScaledDotProductAttention(image, image, image, 0,
			&compute.ScaledDotProductAttentionConfig{QuerySeqLen: ints}))},
		{"FusedScaledDotProductAttentionVJP",
			three(f.FusedScaledDotProductAttentionVJP(image, image, image, 0, nil, image, nil, image))},
		{"FusedQuantizedDense", one(f.FusedQuantizedDense(x, x, nil, nil, 0))},
		{"FusedQuantizedDense", one(f.FusedQuantizedDense(x, x, nil, &compute.Quantization{}, 0))},
		{"QuantizedEmbeddingLookup", one(f.QuantizedEmbeddingLookup(x, ints, &compute.Quantization{}))},
		{"If", many(f.If(x, sibling, sibling))},
		{"While", many(f.While(sibling, sibling))},
		{"While", many(f.While(sibling, sibling, x))},
		{"Sort", many(f.Sort(sibling, 0, true))},
		{"Sort", many(f.Sort(nil, 0, true, x))},
		{"Call", many(f.Call(sibling))},
		{"Call", many(f.Call(f))},
		{"FFT", one(f.FFT(x, compute.FFTForward, nil))},
		{"Complex", one(f.Complex(x, x))},
		{"Imag", one(f.Imag(x))},
		{"AllReduce", many(f.AllReduce([]compute.Value{x}, compute.ReduceOpSum, nil))},
		{"DynamicReshape", one(f.DynamicReshape(x))},
		{"Return", f.Return(nil, nil)},
		{"Return", f.Return([]compute.Value{foreign}, nil)},
		{"OpShape", func() error { _, err := builder.OpShape(foreign); return err }()},
	} {
		if c.err == nil || !strings.Contains(c.err.Error(), c.op) {
			t.Errorf("%s: error %v", c.op, c.err)
		}
	}
	for _, err := range []error{one(f.FFT(x, compute.FFTForward, nil)), one(f.Complex(x, x)), one(f.DynamicReshape(x)),
		many(f.AllReduce([]compute.Value{x}, compute.ReduceOpSum, nil)), builder.DistributedSPMD(2),
		builder.DistributedAutoSharding(),
		builder.DeviceAssignment(1), one(f.Parameter("d",
			shapes.MakeDynamic(dtypes.Float32, []int{-1}, []string{"batch"}), nil))} {
		if !compute.IsNotImplemented(err) {
			t.Errorf("%v does not say that it is not implemented", err)
		}
	}
}

func TestBuilderStates(t *testing.T) {
	b := newBackend(t, "")
	builder := b.Builder("states")
	f := builder.Main()
	_, err := builder.Compile()
	wantError(t, err, `Compile: the main function of "states" has not returned`)
	x, _ := f.Parameter("x", shapes.Make(dtypes.Float32), nil)
	if err := f.Return([]compute.Value{x}, nil); err != nil {
		t.Fatal(err)
	}
	wantError(t, f.Return([]compute.Value{x}, nil), `Return: the function "main" has returned already`)
	_, err = f.Neg(x)
	wantError(t, err, `Neg: the function "main" has returned already`)
	_, err = builder.NewFunction("main")
	wantError(t, err, `NewFunction: the name "main"`)
	if _, err := builder.Compile(); err != nil {
		t.Fatal(err)
	}
	_, err = builder.Compile()
	wantError(t, err, `Compile: the computation "states" is compiled already`)
	_, err = builder.NewFunction("late")
	wantError(t, err, `NewFunction: the computation "states" is compiled already`)
}

func TestWrongInputs(t *testing.T) {
	b, b2 := newBackend(t, ""), newBackend(t, "")
	exe := compiled(t, b, func(f compute.Function) []compute.Value {
		x, _ := f.Parameter("images", shapes.Make(dtypes.Float32, 2), nil)
		y, _ := f.Parameter("labels", shapes.Make(dtypes.Int32, 2), nil)
		return []compute.Value{x, y}
	})
	x, y := upload(t, b, []float32{1, 2}), upload(t, b, []int32{1, 2})
	run := func(donate []bool, in ...compute.Buffer) error {
		_, err := exe.Execute(in, donate, 0)
		return err
	}
	gone := upload(t, b, []int32{1, 2})
	gone.Finalize()
	for want, err := range map[string]error{
		"have 1 inputs, want 2":             run(nil, x),
		"have 2 inputs but donations of 1":  run([]bool{true}, x, y),
		`input 1, "labels": have (Float32)`: run(nil, x, x),
		`input 0, "images": have (Float32)`: run(nil,
			upload(t, b, []float32{1, 2, 3}), y),
		`input 1, "labels": Execute: the buffer of (Int32)[2] is finalized`: run(nil, x, gone),
		`input 0, "images": a buffer of another backend of this kind`: run(nil,
			upload(t, b2, []float32{1, 2}), y),
		`input 1, "labels": a buffer of another backend, a <nil>`: run(nil, x, nil),
		`input 1, "labels": Execute: the buffer is nil`:           run(nil, x, (*Buffer)(nil)),
	} {
		wantError(t, err, want)
		wantError(t, err, "Execute")
	}
	if err := run([]bool{true, false}, x, upload(t, b, []int32{1, 2, 3})); err == nil {
		t.Error("a wrong input was taken")
	}
	if _, err := x.Data(); err != nil {
		t.Errorf("a call that failed took what was donated: %v", err)
	}
	exe.Finalize()
	wantError(t, run(nil, x, y), "the executable is finalized")
	names, _ := exe.Inputs()
	if !reflect.DeepEqual(names, []string{"images", "labels"}) || len(exe.Outputs()) != 2 {
		t.Errorf("inputs %q, outputs %s", names, exe.Outputs())
	}
}

// Outputs are the caller's alone: copies of inputs that were not donated, of constants, and of each other.
func TestOutputsShareNothing(t *testing.T) {
	b := newBackend(t, "")
	exe := compiled(t, b, func(f compute.Function) []compute.Value {
		x, _ := f.Parameter("x", shapes.Make(dtypes.Float32, 2), nil)
		c, _ := f.Constant([]float32{7, 8}, 2)
		y, _ := f.Neg(x)
		r, _ := f.Reshape(y, 2, 1)
		return []compute.Value{x, x, c, c, y, y, r}
	})
	want := [][]float32{{1, 2}, {1, 2}, {7, 8}, {7, 8}, {-1, -2}, {-1, -2}, {-1, -2}}
	for _, donate := range []bool{false, true} {
		for range 2 {
			x := upload(t, b, []float32{1, 2})
			outs, err := exe.Execute([]compute.Buffer{x}, []bool{donate}, 0)
			if err != nil {
				t.Fatal(err)
			}
			for i, out := range outs {
				data, err := out.Data()
				if err != nil || !reflect.DeepEqual(data, want[i]) {
					t.Errorf("output %d is %v, %v, want %v", i, data, err, want[i])
				}
				clear(data.([]float32)) // must not reach the others, nor the next run
			}
			if _, err := x.Data(); (err != nil) != donate {
				t.Errorf("donated: %v, but reading it gives %v", donate, err)
			}
		}
	}
}

func TestDonatedTwice(t *testing.T) {
	b := newBackend(t, "")
	exe := compiled(t, b, func(f compute.Function) []compute.Value {
		x, _ := f.Parameter("x", shapes.Make(dtypes.Float32, 2), nil)
		y, _ := f.Parameter("y", shapes.Make(dtypes.Float32, 2), nil)
		z, _ := f.Add(x, y)
		return []compute.Value{z, x, y}
	})
	x := upload(t, b, []float32{1, 2})
	outs, err := exe.Execute([]compute.Buffer{x, x}, []bool{true, true}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{2, 4}, {1, 2}, {1, 2}} {
		if data, _ := outs[i].Data(); !reflect.DeepEqual(data, want) {
			t.Errorf("output %d is %v, want %v", i, data, want)
		}
		outs[i].Finalize()
	}
}
