package cpu

import (
	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// BatchNormForInference implements [compute.StandardOps].
func (f *Function) BatchNormForInference(x, scale, offset, mean, variance compute.Value, epsilon float32,
	featureAxis int) (compute.Value, error) {
	op := compute.OpTypeBatchNormForInference
	in, err := f.nodes(op, x, scale, offset, mean, variance)
	if err != nil {
		return nil, err
	}
	_, err = featureShape(in[0].Shape, featureAxis, in[1:]...)
	return f.one(op, in[0].Shape, err, ir.BatchNorm{Epsilon: epsilon, FeatureAxis: featureAxis}, in...)
}

// BatchNormForTraining implements [compute.StandardOps]. The variance is the biased one.
func (f *Function) BatchNormForTraining(x, scale, offset compute.Value, epsilon float32, featureAxis int) (
	normalized, mean, variance compute.Value, err error) {
	op := compute.OpTypeBatchNormForTraining
	in, err := f.nodes(op, x, scale, offset)
	if err != nil {
		return nil, nil, nil, err
	}
	feature, err := featureShape(in[0].Shape, featureAxis, in[1:]...)
	if err != nil {
		return nil, nil, nil, errors.WithMessage(err, op.String())
	}
	out := f.several(op, []shapes.Shape{in[0].Shape, feature, feature},
		ir.BatchNorm{Epsilon: epsilon, FeatureAxis: featureAxis}, in...)
	return out[0], out[1], out[2], nil
}

// BatchNormGradient implements [compute.StandardOps].
func (f *Function) BatchNormGradient(x, scale, mean, variance, gradOutput compute.Value, epsilon float32,
	featureAxis int) (
	gradX, gradScale, gradOffset compute.Value, err error) {
	op := compute.OpTypeBatchNormGradient
	in, err := f.nodes(op, x, scale, mean, variance, gradOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	feature, err := featureShape(in[0].Shape, featureAxis, in[1:4]...)
	if err == nil && !in[4].Shape.Equal(in[0].Shape) {
		err = errors.Errorf("the gradient of the output has shape %s, want %s", in[4].Shape, in[0].Shape)
	}
	if err != nil {
		return nil, nil, nil, errors.WithMessage(err, op.String())
	}
	out := f.several(op, []shapes.Shape{in[0].Shape, feature, feature},
		ir.BatchNorm{Epsilon: epsilon, FeatureAxis: featureAxis}, in...)
	return out[0], out[1], out[2], nil
}

// featureShape is the shape of one number per feature, which the parameters must have.
func featureShape(x shapes.Shape, axis int, parameters ...*ir.Node) (shapes.Shape, error) {
	if !x.DType.IsFloat() || axis < 0 || axis >= x.Rank() {
		return x, errors.Errorf("want floats with a feature axis, got %s and axis %d", x, axis)
	}
	feature := shapes.Make(x.DType, x.Dimensions[axis])
	for i, p := range parameters {
		if !p.Shape.Equal(feature) {
			return x, errors.Errorf("parameter %d has shape %s, want %s", i, p.Shape, feature)
		}
	}
	return feature, nil
}
