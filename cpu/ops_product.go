package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapeinference"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// DotGeneral implements [compute.StandardOps]. Half types are summed in float32.
func (f *Function) DotGeneral(x compute.Value, xContract, xBatch []int, y compute.Value, yContract, yBatch []int,
	config compute.DotGeneralConfig) (compute.Value, error) {
	op := compute.OpTypeDotGeneral
	in, err := f.nodes(op, x, y)
	if err != nil {
		return nil, err
	}
	a := ir.Dot{LHSContract: slices.Clone(xContract), LHSBatch: slices.Clone(xBatch),
		RHSContract: slices.Clone(yContract),
		RHSBatch:    slices.Clone(yBatch), Accumulator: accumulator(config.AccumulatorDType, in[0].Shape.DType)}
	shape, err := shapeinference.DotGeneral(in[0].Shape, xContract, xBatch, in[1].Shape, yContract, yBatch, config)
	if err == nil && (in[0].Shape.DType == dtypes.Bool || a.Accumulator == dtypes.Bool) {
		err = errors.New("there are no products of bools")
	}
	for _, dtype := range []dtypes.DType{a.Accumulator, shape.DType} {
		if err == nil {
			err = checkShape(op, shapes.Make(dtype))
		}
	}
	return f.one(op, shape, err, a, in...)
}

// accumulator is the type of sums of products of dtype.
func accumulator(asked, dtype dtypes.DType) dtypes.DType {
	if asked == dtypes.InvalidDType {
		asked = dtype
	}
	switch {
	case asked.IsHalfPrecision() && dtype == dtypes.Float64:
		return dtypes.Float64
	case asked.IsHalfPrecision():
		return dtypes.Float32
	case asked.IsPacked():
		return dtypes.Int32
	}
	return asked
}

// ConvGeneral implements [compute.StandardOps].
func (f *Function) ConvGeneral(x, kernel compute.Value, axes compute.ConvolveAxesConfig, strides []int,
	paddings [][2]int,
	inputDilations, kernelDilations []int, channelGroupCount, batchGroupCount int) (compute.Value, error) {
	op := compute.OpTypeConvGeneral
	in, err := f.nodes(op, x, kernel)
	if err != nil {
		return nil, err
	}
	spatial := max(0, in[0].Shape.Rank()-2)
	a := ir.Conv{Axes: axes.Clone(), Strides: orOnes(strides, spatial), Paddings: slices.Clone(paddings),
		InputDilations: orOnes(inputDilations, spatial), KernelDilations: orOnes(kernelDilations, spatial),
		ChannelGroupCount: max(1, channelGroupCount), BatchGroupCount: max(1, batchGroupCount)}
	if len(paddings) == 0 {
		a.Paddings = make([][2]int, spatial)
	}
	shape, err := infer(func() (shapes.Shape, error) {
		return shapeinference.ConvGeneral(in[0].Shape, in[1].Shape, a.Axes, a.Strides, a.Paddings, a.InputDilations,
			a.KernelDilations, a.ChannelGroupCount, a.BatchGroupCount)
	})
	if dtype := in[0].Shape.DType; err == nil && (dtype != in[1].Shape.DType || dtype == dtypes.Bool) {
		err = errors.Errorf("cannot convolve %s with %s", in[0].Shape, in[1].Shape)
	}
	return f.one(op, shape, err, a, in...)
}
