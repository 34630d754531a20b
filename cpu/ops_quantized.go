package cpu

import (
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/pkg/errors"

	"mgd3/cpu/internal/ir"
)

// QuantizedEmbeddingLookup implements [compute.FusedOps] for the formats of ggml.
func (f *Function) QuantizedEmbeddingLookup(data, indices compute.Value,
	q *compute.Quantization) (compute.Value, error) {
	op := compute.OpTypeQuantizedEmbeddingLookup
	in, err := f.nodes(op, data, indices)
	if err != nil {
		return nil, err
	}
	if q == nil || q.Scheme != compute.QuantGGML {
		return nil, errors.Wrapf(compute.ErrNotImplemented, "%s of a scheme other than GGML", op)
	}
	width, err := ggmlWidth(q.GGMLType, in[0].Shape)
	if err != nil {
		return nil, errors.WithMessage(err, op.String())
	}
	at := in[1].Shape
	if !at.DType.IsInt() || at.Rank() < 1 || at.Dimensions[at.Rank()-1] != 1 {
		return nil, errors.Errorf("%s: want integer indices whose last axis is 1, got %s", op, at)
	}
	shape := shapes.Make(dtypes.Float32, append(slices.Clone(at.Dimensions[:at.Rank()-1]), width)...)
	return f.one(op, shape, nil, ir.Quantized{Scheme: q.Scheme, GGMLType: q.GGMLType}, in...)
}

// ggmlWidth is the number of values in a row of blocks.
func ggmlWidth(t compute.GGMLQuantType, data shapes.Shape) (int, error) {
	known := []compute.GGMLQuantType{compute.GGMLQ4_0, compute.GGMLQ8_0, compute.GGMLIQ4NL, compute.GGMLQ4_K,
		compute.GGMLQ6_K}
	if !slices.Contains(known, t) {
		return 0, errors.Wrapf(compute.ErrNotImplemented, "format %s", t)
	}
	if data.DType != dtypes.Uint8 || data.Rank() != 2 || data.Dimensions[1]%t.BytesPerBlock() != 0 {
		return 0, errors.Errorf("want uint8 rows of blocks of %d bytes, got %s", t.BytesPerBlock(), data)
	}
	return data.Dimensions[1] / t.BytesPerBlock() * t.ValuesPerBlock(), nil
}

// FusedQuantizedDense implements [compute.FusedOps].
func (f *Function) FusedQuantizedDense(x, weights, bias compute.Value, q *compute.Quantization,
	activation compute.ActivationType) (compute.Value, error) {
	op := compute.OpTypeFusedQuantizedDense
	if q == nil {
		return nil, errors.Errorf("%s: there is no quantization", op)
	}
	scale, zero := q.Scale, q.ZeroPoint
	if q.Scheme == compute.QuantGGML {
		scale = nil
	} else if scale == nil {
		return nil, errors.Errorf("%s: scheme %s needs a scale", op, q.Scheme)
	}
	if zero != nil && q.Scheme != compute.QuantLinear {
		return nil, errors.Errorf("%s: scheme %s has no zero point", op, q.Scheme)
	}
	in, err := f.nodes(op, and([]compute.Value{x, weights}, scale, zero, bias)...)
	if err != nil {
		return nil, err
	}
	a := ir.Quantized{Scheme: q.Scheme, GGMLType: q.GGMLType, BlockSize: q.BlockSize, HasZeroPoint: zero != nil,
		HasBias:    bias != nil,
		Activation: activation}
	shape, err := quantizedShape(a, q.BlockAxis, in)
	return f.one(op, shape, err, a, in...)
}

// quantizedShape is the shape of x times the quantized weights.
func quantizedShape(a ir.Quantized, blockAxis int, in []*ir.Node) (shapes.Shape, error) {
	x, w := in[0].Shape, in[1].Shape
	if x.DType != dtypes.Float32 || x.Rank() < 1 || w.Rank() != 2 {
		return x, errors.Errorf("no product of %s and weights %s", x, w)
	}
	depth, width := w.Dimensions[0], w.Dimensions[1]
	if a.Scheme == compute.QuantGGML {
		values, err := ggmlWidth(a.GGMLType, w)
		if err != nil {
			return x, err
		}
		depth, width = values, w.Dimensions[0]
	} else {
		if !w.DType.IsInt() || blockAxis != 1 || a.BlockSize < 1 {
			return x, errors.Errorf("want integer weights in blocks along axis 1, got %s in blocks of %d along axis %d",
				w, a.BlockSize, blockAxis)
		}
		blocks := (width + a.BlockSize - 1) / a.BlockSize
		for _, p := range in[2:][:1+bit(a.HasZeroPoint)] {
			if err := p.Shape.Check(dtypes.Float32, depth, blocks); err != nil {
				return x, errors.WithMessage(err, "scale or zero point")
			}
		}
	}
	if x.Dimensions[x.Rank()-1] != depth {
		return x, errors.Errorf("the last axis of %s does not match weights %s", x, w)
	}
	if a.HasBias {
		if err := in[len(in)-1].Shape.Check(dtypes.Float32, width); err != nil {
			return x, errors.WithMessage(err, "bias")
		}
	}
	return shapes.Make(dtypes.Float32, append(slices.Clone(x.Dimensions[:x.Rank()-1]), width)...), nil
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
