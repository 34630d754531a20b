package cpu

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// and appends those of the optional values that are there.
func and(values []compute.Value, optional ...compute.Value) []compute.Value {
	for _, v := range optional {
		if v != nil {
			values = append(values, v)
		}
	}
	return values
}

// FusedSoftmax implements [compute.FusedOps].
func (f *Function) FusedSoftmax(x compute.Value, axis int) (compute.Value, error) {
	op := compute.OpTypeFusedSoftmax
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape
	if axis < 0 || axis >= shape.Rank() || !shape.DType.IsFloat() || shape.Dimensions[axis] == 0 {
		err = errors.Errorf("no softmax of %s along axis %d", shape, axis)
	}
	return f.one(op, shape, err, ir.Axis(axis), in...)
}

// FusedGelu implements [compute.FusedOps].
func (f *Function) FusedGelu(x compute.Value, exact bool) (compute.Value, error) {
	op := compute.OpTypeFusedGelu
	in, err := f.nodes(op, x)
	if err != nil {
		return nil, err
	}
	if !in[0].Shape.DType.IsFloat() {
		err = errors.Errorf("want floats, got %s", in[0].Shape)
	}
	return f.one(op, in[0].Shape, err, ir.Gelu{Exact: exact}, in...)
}

// FusedLayerNorm implements [compute.FusedOps]. With gamma or beta, the axes must be the last ones.
func (f *Function) FusedLayerNorm(x compute.Value, axes []int, epsilon float64, gamma,
	beta compute.Value) (compute.Value, error) {
	op := compute.OpTypeFusedLayerNorm
	in, err := f.nodes(op, and([]compute.Value{x}, gamma, beta)...)
	if err != nil {
		return nil, err
	}
	shape := in[0].Shape
	a := ir.LayerNorm{Axes: slices.Clone(axes), Epsilon: epsilon, HasGamma: gamma != nil, HasBeta: beta != nil}
	size := 1
	for i, axis := range a.Axes {
		if axis < 0 {
			axis += shape.Rank()
		}
		if axis < 0 || axis >= shape.Rank() {
			return nil, errors.Errorf("%s: %s has no axis %d", op, shape, axes[i])
		}
		a.Axes[i] = axis
		size *= shape.Dimensions[axis]
	}
	slices.Sort(a.Axes)
	if !shape.DType.IsFloat() || len(a.Axes) == 0 || len(slices.Compact(slices.Clone(a.Axes))) < len(a.Axes) {
		return nil, errors.Errorf("%s: no layer norm of %s over axes %v", op, shape, axes)
	}
	for _, p := range in[1:] {
		if p.Shape.Size() != size || p.Shape.DType != shape.DType || a.Axes[0] != shape.Rank()-len(a.Axes) {
			return nil, errors.Wrapf(compute.ErrNotImplemented, "%s of %s over axes %v with gamma or beta of %s", op,
				shape, axes, p.Shape)
		}
	}
	return f.one(op, shape, nil, a, in...)
}

// FusedDense implements [compute.FusedOps].
func (f *Function) FusedDense(x, weight, bias compute.Value, config compute.DenseConfig) (compute.Value, error) {
	op := compute.OpTypeFusedDense
	in, err := f.nodes(op, and([]compute.Value{x, weight}, bias)...)
	if err != nil {
		return nil, err
	}
	shape, err := denseShape(in, config)
	return f.one(op, shape, err, ir.Dense{Config: config}, in...)
}

// denseShape is the shape of x·W, given x, W and perhaps a bias.
func denseShape(in []*ir.Node, config compute.DenseConfig) (shapes.Shape, error) {
	x, w := in[0].Shape, in[1].Shape
	if x.Rank() < 1 || w.Rank() < 2 || x.DType != w.DType || !x.DType.IsFloat() {
		return x, errors.Errorf("no product of %s and weights %s", x, w)
	}
	depth, outputs := w.Dimensions[0], w.Dimensions[1:]
	if config.WeightLayout == compute.DenseLayoutOutputsInput {
		depth, outputs = w.Dimensions[w.Rank()-1], w.Dimensions[:w.Rank()-1]
	}
	if x.Dimensions[x.Rank()-1] != depth {
		return x, errors.Errorf("the last axis of %s does not match weights %s", x, w)
	}
	if len(in) > 2 && (in[2].Shape.DType != x.DType || !slices.Equal(in[2].Shape.Dimensions, outputs)) {
		return x, errors.Errorf("a bias of %s does not match weights %s", in[2].Shape, w)
	}
	return shapes.Make(x.DType, slices.Concat(x.Dimensions[:x.Rank()-1], outputs)...), nil
}

// FusedAttentionQKVProjection implements [compute.FusedOps].
func (f *Function) FusedAttentionQKVProjection(x, wQKV, biasQ, biasK, biasV compute.Value, queryDim, keyValueDim int) (
	query, key, val compute.Value, err error) {
	op := compute.OpTypeFusedAttentionQKVProjection
	in, err := f.nodes(op, and([]compute.Value{x, wQKV}, biasQ, biasK, biasV)...)
	if err != nil {
		return nil, nil, nil, err
	}
	xs, w := in[0].Shape, in[1].Shape
	if xs.Rank() != 2 || !xs.DType.IsFloat() || queryDim < 1 || keyValueDim < 1 ||
		w.Check(xs.DType, xs.Dimensions[1], queryDim+2*keyValueDim) != nil {
		return nil, nil, nil, errors.Errorf("%s: x of %s and weights of %s do not fit dimensions %d and %d", op, xs, w,
			queryDim, keyValueDim)
	}
	a := ir.QKV{QueryDim: queryDim, KeyValueDim: keyValueDim, Has: [3]bool{biasQ != nil, biasK != nil, biasV != nil}}
	outs := make([]shapes.Shape, 3)
	biases := in[2:]
	for i, dim := range []int{queryDim, keyValueDim, keyValueDim} {
		outs[i] = shapes.Make(xs.DType, xs.Dimensions[0], dim)
		if a.Has[i] {
			if err := biases[0].Shape.Check(xs.DType, dim); err != nil {
				return nil, nil, nil, errors.WithMessagef(err, "%s: bias %d", op, i)
			}
			biases = biases[1:]
		}
	}
	out := f.several(op, outs, a, in...)
	return out[0], out[1], out[2], nil
}

// FusedScaledDotProductAttention implements [compute.FusedOps]. The state for the gradient is a pair m, f for each row
// of scores, [batch, head, query, 2], such that exp(s − m)·f are its weights. A row that may attend to nothing is zero.
//
// A mask is [query, key], [batch, query, key] or has all four axes in the order of the layout; a bias is [batch, head,
// query, key] without some of the first axes. Axes of 1 are spread.
func (f *Function) FusedScaledDotProductAttention(query, key, val compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) (output compute.Value, states []compute.Value, err error) {
	op := compute.OpTypeFusedScaledDotProductAttention
	in, a, err := f.attention(op, query, key, val, layout, options)
	if err != nil {
		return nil, nil, err
	}
	out := f.several(op, []shapes.Shape{in[0].Shape, sumsShape(in[0].Shape, layout)}, a, in...)
	return out[0], out[1:], nil
}

// FusedScaledDotProductAttentionVJP implements [compute.FusedOps].
func (f *Function) FusedScaledDotProductAttentionVJP(query, key, val compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig, output compute.Value, states []compute.Value,
	dOutput compute.Value) (
	dQuery, dKey, dValue compute.Value, err error) {
	op := compute.OpTypeFusedScaledDotProductAttentionVJP
	if len(states) != 1 {
		return nil, nil, nil, errors.Errorf("%s: want the one state of the forward pass, got %d", op, len(states))
	}
	in, a, err := f.attention(op, query, key, val, layout, options)
	if err != nil {
		return nil, nil, nil, err
	}
	more, err := f.nodes(op, output, states[0], dOutput)
	if err != nil {
		return nil, nil, nil, err
	}
	for i, want := range []shapes.Shape{in[0].Shape, sumsShape(in[0].Shape, layout), in[0].Shape} {
		if !more[i].Shape.Equal(want) {
			return nil, nil, nil, errors.Errorf("%s: output, state or gradient is %s, want %s", op, more[i].Shape, want)
		}
	}
	out := f.several(op, shapesOf(in[:3]), a, append(in, more...)...)
	return out[0], out[1], out[2], nil
}

// attention checks the operands of attention and returns them in the order of [ir.Attention].
func (f *Function) attention(op compute.OpType, query, key, val compute.Value, layout compute.AttentionAxesLayout,
	options *compute.ScaledDotProductAttentionConfig) ([]*ir.Node, ir.Attention, error) {
	if options == nil {
		options = &compute.ScaledDotProductAttentionConfig{}
	}
	a := ir.Attention{Layout: layout, Scale: options.Scale, Causal: options.Causal, HasMask: options.Mask != nil,
		HasLengths: options.QuerySeqLen != nil || options.KeyValueSeqLen != nil, HasBias: options.Bias != nil}
	if a.HasLengths && (options.QuerySeqLen == nil || options.KeyValueSeqLen == nil) {
		return nil, a, errors.Errorf("%s: there is only one of QuerySeqLen and KeyValueSeqLen", op)
	}
	in, err := f.nodes(op, and([]compute.Value{query, key, val}, options.Mask, options.QuerySeqLen,
		options.KeyValueSeqLen, options.Bias)...)
	if err != nil {
		return nil, a, err
	}
	if err := checkAttention(a, in); err != nil {
		return nil, a, errors.WithMessage(err, op.String())
	}
	if a.Scale == 0 {
		a.Scale = 1 / math.Sqrt(float64(in[0].Shape.Dimensions[3]))
	}
	return in, a, nil
}

func checkAttention(a ir.Attention, in []*ir.Node) error {
	q, k, v := in[0].Shape, in[1].Shape, in[2].Shape
	if q.Rank() != 4 || !q.DType.IsFloat() || k.DType != q.DType || k.Rank() != 4 || !v.Equal(k) {
		return errors.Errorf("want query, key and value of four axes, got %s, %s, %s", q, k, v)
	}
	heads, seq := a.Layout.HeadsAxis(), a.Layout.SeqAxis()
	if q.IsZeroSize() || k.IsZeroSize() || q.Dimensions[0] != k.Dimensions[0] || q.Dimensions[3] != k.Dimensions[3] ||
		q.Dimensions[heads]%k.Dimensions[heads] != 0 {
		return errors.Errorf("query %s does not fit key %s", q, k)
	}
	scores := []int{q.Dimensions[0], q.Dimensions[heads], q.Dimensions[seq], k.Dimensions[seq]}
	rest := in[3:]
	if a.HasMask {
		if err := checkSpread(rest[0].Shape, maskDims(a.Layout, rest[0].Shape.Rank(), scores)); err != nil {
			return errors.WithMessage(err, "mask")
		}
		if dtype := rest[0].Shape.DType; dtype != dtypes.Bool && !dtype.IsFloat() {
			return errors.Errorf("a mask of %s is neither bool nor float", rest[0].Shape)
		}
		rest = rest[1:]
	}
	if a.HasLengths {
		for _, lengths := range rest[:2] {
			if lengths.Shape.Rank() != 1 || lengths.Shape.Dimensions[0] != scores[0] || !lengths.Shape.DType.IsInt() {
				return errors.Errorf("lengths must be integers [%d], got %s", scores[0], lengths.Shape)
			}
		}
		rest = rest[2:]
	}
	if a.HasBias {
		bias := rest[0].Shape
		if bias.Rank() > 4 || !bias.DType.IsFloat() {
			return errors.Errorf("bias: cannot add %s to scores", bias)
		}
		return errors.WithMessage(checkSpread(bias, scores[4-bias.Rank():]), "bias")
	}
	return nil
}

// maskDims is the largest shape that a mask of the given rank can have.
func maskDims(layout compute.AttentionAxesLayout, rank int, scores []int) []int {
	switch {
	case rank == 2:
		return scores[2:]
	case rank == 3:
		return []int{scores[0], scores[2], scores[3]}
	case layout == compute.AttentionAxesLayoutBSHD:
		return []int{scores[0], scores[2], scores[1], scores[3]}
	}
	return scores
}

// checkSpread checks that each axis of shape is that of dims, or 1.
func checkSpread(shape shapes.Shape, dims []int) error {
	ok := shape.Rank() == len(dims)
	for axis := 0; ok && axis < len(dims); axis++ {
		ok = shape.Dimensions[axis] == 1 || shape.Dimensions[axis] == dims[axis]
	}
	if !ok {
		return errors.Errorf("cannot spread %s to %v", shape, dims)
	}
	return nil
}

// sumsShape is the shape of two numbers for each row of scores: [batch, head, query, 2].
func sumsShape(query shapes.Shape, layout compute.AttentionAxesLayout) shapes.Shape {
	dtype := dtypes.Float32
	if query.DType == dtypes.Float64 {
		dtype = dtypes.Float64
	}
	return shapes.Make(dtype, query.Dimensions[0], query.Dimensions[layout.HeadsAxis()],
		query.Dimensions[layout.SeqAxis()], 2)
}
