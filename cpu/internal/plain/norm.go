package plain

import (
	"math"
	"slices"

	"mgd3/cpu/internal/ir"
)

// softmax sets out to exp(x − m) / Σ exp(x − m) along axis, m being the largest x.
func (of[T]) softmax(axis int, x, out ir.Tensor) {
	src, dst := x.Flat.([]T), out.Flat.([]T)
	kept, along := split(x.Dims(), []int{axis})
	n, stride := along.dims[0], along.strides[0]
	// lane has the exponentials between the two passes: what is divided is not rounded to T yet.
	lane := make([]float64, n)
	for _, place := range kept.places() {
		for i := range lane {
			lane[i] = float64(src[place+i*stride])
		}
		sum := expSum(lane, slices.Max(lane))
		for i, e := range lane {
			dst[place+i*stride] = T(e / sum)
		}
	}
}

// expSum sets each x to exp(x − m) and returns their sum.
func expSum(x []float64, m float64) float64 {
	sum := 0.0
	for i, v := range x {
		x[i] = math.Exp(v - m)
		sum += x[i]
	}
	return sum
}

// layerNorm sets out to (x − mean) / √(variance + ε) · gamma + beta, with the moments over the axes.
func (of[T]) layerNorm(a ir.LayerNorm, in []ir.Tensor, out ir.Tensor) {
	src, dst := in[0].Flat.([]T), out.Flat.([]T)
	var gamma, beta []T
	if rest := in[1:]; a.HasGamma {
		gamma = rest[0].Flat.([]T)
	}
	if a.HasBeta {
		// the last of what there is: x, gamma, beta
		beta = in[len(in)-1].Flat.([]T)
	}
	kept, over := split(in[0].Dims(), a.Axes)
	offsets := over.places()
	for _, place := range kept.places() {
		mean, variance := momentsOf(src, place, offsets)
		scale := 1 / math.Sqrt(variance+a.Epsilon)
		for i, o := range offsets {
			// gamma and beta are dense over the axes, in the order of offsets
			y := (float64(src[place+o]) - mean) * scale
			if gamma != nil {
				y *= float64(gamma[i])
			}
			if beta != nil {
				y += float64(beta[i])
			}
			dst[place+o] = T(y)
		}
	}
}

// features returns where the elements of each feature lie.
func features(a ir.BatchNorm, dims []int) (starts, offsets []int) {
	// split with its results exchanged: what lies on the other axes is reduced, all but the feature
	over, kept := split(dims, []int{a.FeatureAxis})
	return kept.places(), over.places()
}

// batchNormInference sets out to (x − mean) / √(variance + ε) · scale + offset, feature by feature. The inputs
// are x, scale, offset, mean, variance.
func (of[T]) batchNormInference(a ir.BatchNorm, in []ir.Tensor, out ir.Tensor) {
	scale, offset, mean, variance := in[1].Flat.([]T), in[2].Flat.([]T), in[3].Flat.([]T), in[4].Flat.([]T)
	starts, offsets := features(a, in[0].Dims())
	for f, start := range starts {
		normalize(a, in[0].Flat.([]T), out.Flat.([]T), start, offsets, float64(mean[f]), float64(variance[f]), scale[f],
			offset[f])
	}
}

func normalize[T number](a ir.BatchNorm, src, dst []T, start int, offsets []int, mean, variance float64, scale,
	offset T) {
	factor := float64(scale) / math.Sqrt(variance+float64(a.Epsilon))
	for _, o := range offsets {
		dst[start+o] = T((float64(src[start+o])-mean)*factor + float64(offset))
	}
}

// batchNormTraining is batchNormInference with the mean and the biased variance of x, which are outputs too.
func (of[T]) batchNormTraining(a ir.BatchNorm, in, out []ir.Tensor) {
	src, scale, offset := in[0].Flat.([]T), in[1].Flat.([]T), in[2].Flat.([]T)
	starts, offsets := features(a, in[0].Dims())
	for f, start := range starts {
		mean, variance := momentsOf(src, start, offsets)
		// rounded as outputs, but not in what follows
		out[1].Flat.([]T)[f], out[2].Flat.([]T)[f] = T(mean), T(variance)
		normalize(a, src, out[0].Flat.([]T), start, offsets, mean, variance, scale[f], offset[f])
	}
}

// batchNormGradient sets, with r = 1/√(variance + ε), x̂ = (x − mean)·r and sums over the n elements of a feature,
//
//	dScale = Σ dy·x̂    dOffset = Σ dy    dx = scale·r·(dy − dOffset/n − x̂·dScale/n)
//
// from x, scale, mean, variance and dy.
func (of[T]) batchNormGradient(a ir.BatchNorm, in, out []ir.Tensor) {
	src, scale, mean, variance, dy := in[0].Flat.([]T), in[1].Flat.([]T), in[2].Flat.([]T), in[3].Flat.([]T),
		in[4].Flat.([]T)
	dx := out[0].Flat.([]T)
	starts, offsets := features(a, in[0].Dims())
	n := float64(len(offsets))
	for f, start := range starts {
		r := 1 / math.Sqrt(float64(variance[f])+float64(a.Epsilon))
		// x̂ of the formula
		normal := func(o int) float64 { return (float64(src[start+o]) - float64(mean[f])) * r }
		var dScale, dOffset float64
		for _, o := range offsets {
			dScale += float64(dy[start+o]) * normal(o)
			dOffset += float64(dy[start+o])
		}
		for _, o := range offsets {
			dx[start+o] = T(float64(scale[f]) * r * (float64(dy[start+o]) - dOffset/n - normal(o)*dScale/n))
		}
		out[1].Flat.([]T)[f], out[2].Flat.([]T)[f] = T(dScale), T(dOffset)
	}
}
