package train

import (
	"slices"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/optim"
	"mgd3/weights"
)

// Scopes among the weights of a training.
const (
	emaScope    = "ema"    // the running mean of each parameter
	frozenScope = "frozen" // tensors of a loss that are not trained
)

// isParameter reports whether the tensor of this name is one of the network itself.
func isParameter(name string) bool {
	return !optim.IsState(name) && !strings.HasPrefix(name, emaScope+".") && !strings.HasPrefix(name, frozenScope+".")
}

// descend sets all that follows from loss, a scalar: parameters, the state of AdamW and the running means. at is
// [4], from [Protocol.at]. It returns the norm of the gradients before they are clipped.
//
//	g   ← g·min(1, clip/(‖g‖ + 1e-6)),   ‖g‖ over all parameters together
//	w   ← AdamW(w, g)
//	ema ← ema + (1 − d)·(w − ema)
//
// The mean is written as a difference: (1 − d)·w + d·ema would round d, which is near 1, to float32.
func (r Protocol) descend(p engine.Params, loss, at *Node) (norm *Node) {
	specs := slices.DeleteFunc(p.Unset(), func(s weights.Spec) bool { return !isParameter(s.Name) })
	params := make([]*Node, len(specs))
	for i, spec := range specs {
		params[i] = p.Get(spec.Name, spec.Shape...)
	}
	gradients := Gradient(loss, params...)
	norm = globalNorm(gradients)
	if r.Clip > 0 {
		// The small number is torch.nn.utils.clip_grad_norm_'s.
		factor := MinScalar(MulScalar(Reciprocal(AddScalar(norm, 1e-6)), r.Clip), 1)
		for i, g := range gradients {
			gradients[i] = Mul(g, factor)
		}
	}
	stepped := r.adam().Step(p, specs, gradients, Slice(at, AxisRange(0, 3)))
	forget := Reshape(Slice(at, AxisElem(3)))
	for i, spec := range specs {
		mean := p.In(emaScope).Get(spec.Name, spec.Shape...)
		p.In(emaScope).Set(spec.Name, Add(mean, Mul(forget, Sub(stepped[i], mean))))
	}
	return norm
}

// globalNorm is the Euclidean norm of all elements of all x.
func globalNorm(x []*Node) *Node {
	sum := ReduceAllSum(Square(x[0]))
	for _, v := range x[1:] {
		sum = Add(sum, ReduceAllSum(Square(v)))
	}
	return Sqrt(sum)
}

// scalars puts scalars into one vector.
func scalars(x ...*Node) *Node {
	parts := make([]*Node, len(x))
	for i, v := range x {
		parts[i] = Reshape(v, 1)
	}
	return Concatenate(parts, 0)
}
