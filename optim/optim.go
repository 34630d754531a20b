// Package optim is how parameters step down a gradient, as graphs.
//
//	g = ∂L/∂w                                                          Gradients
//
//	m ← μ·m + g + δ·w,   w ← w − η·m                                   SGD as PyTorch has it
//
//	m ← β1·m + (1−β1)·g,   v ← β2·v + (1−β2)·g²                        AdamW: Loshchilov and Hutter 2019,
//	w ← w − η·δ·w − η/(1−β1ᵗ) · m/(√v/√(1−β2ᵗ) + ε)                    arXiv:1711.05101, as PyTorch has it
//
// The state m and v has the shapes of the parameters. It lies beside them among the weights, below the scopes
// that [IsState] knows, and starts at 0.
//
//	name  shape         meaning
//	L     scalar        loss
//	η     scalar        rate, an input of the graph
//	t     1, 2, …       number of the step
//	δ                   decay; AdamW multiplies it by η, SGD through m
package optim

import (
	"math"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/weights"
)

// Scopes of the state among the weights.
const (
	momentum = "momentum"
	adam     = "adam"
)

// IsState reports whether the tensor of this name is the state of an optimiser.
func IsState(name string) bool {
	return strings.HasPrefix(name, momentum+".") || strings.HasPrefix(name, adam+".")
}

// Gradients returns the parameters that p was asked for so far and that nobody set, and ∂L/∂w for each.
// p must be the whole network's, without a scope.
func Gradients(p engine.Params, loss *Node) ([]weights.Spec, []*Node) {
	specs := p.Unset()
	params := make([]*Node, len(specs))
	for i, spec := range specs {
		params[i] = p.Get(spec.Name, spec.Shape...)
	}
	return specs, Gradient(loss, params...)
}

// SGD is stochastic gradient descent as torch.optim.SGD does it: without Nesterov's look ahead or
// dampening, the decay on all parameters.
type SGD struct {
	Momentum float64 // μ
	Decay    float64 // δ
}

// Step sets the parameters and their momenta to what follows from the gradients with rate η, a scalar. It returns
// the new parameters.
func (s SGD) Step(p engine.Params, specs []weights.Spec, gradients []*Node, rate *Node) []*Node {
	stepped := make([]*Node, len(specs))
	for i, spec := range specs {
		w := p.Get(spec.Name, spec.Shape...)
		slope := Add(gradients[i], MulScalar(w, s.Decay))
		m := Add(MulScalar(p.In(momentum).Get(spec.Name, spec.Shape...), s.Momentum), slope)
		p.In(momentum).Set(spec.Name, m)
		stepped[i] = Sub(w, Mul(rate, m))
		p.Set(spec.Name, stepped[i])
	}
	return stepped
}

// AdamW is Adam with the decay apart from the gradient, as torch.optim.AdamW does it.
type AdamW struct {
	Beta1, Beta2 float64                 // 0.9 and 0.999 as published
	Epsilon      float64                 // 1e-8 as published
	Decay        float64                 // δ
	Decays       func(weights.Spec) bool // the parameters that decay; nil is all
}

// Matrices is a choice for [AdamW.Decays]: the weights of layers, not biases and norms.
func Matrices(spec weights.Spec) bool { return len(spec.Shape) > 1 }

// At returns what [AdamW.Step] takes for the t-th step, from 1, with rate η. Numbers near 1 lose their digits in
// float32, so that the differences to 1 are made here.
func (a AdamW) At(rate float64, t int) []float32 {
	return []float32{
		float32(rate * a.Decay),
		float32(rate / (1 - math.Pow(a.Beta1, float64(t)))),
		float32(math.Sqrt(1 - math.Pow(a.Beta2, float64(t)))),
	}
}

// Step sets the parameters, m and v to what follows from the gradients; at is [3], from [AdamW.At]. It returns the
// new parameters.
func (a AdamW) Step(p engine.Params, specs []weights.Spec, gradients []*Node, at *Node) []*Node {
	stepped := make([]*Node, len(specs))
	coef := func(i int) *Node { return Reshape(Slice(at, AxisElem(i))) }
	decay, rate, scale := coef(0), coef(1), coef(2)
	for i, spec := range specs {
		w, g := p.Get(spec.Name, spec.Shape...), gradients[i]
		m := a.mean(p.In(adam).In("m"), spec, g, a.Beta1)
		v := a.mean(p.In(adam).In("v"), spec, Square(g), a.Beta2)
		if a.Decay != 0 && (a.Decays == nil || a.Decays(spec)) {
			w = Sub(w, Mul(decay, w))
		}
		stepped[i] = Sub(w, Mul(rate, Div(m, AddScalar(Div(Sqrt(v), scale), a.Epsilon))))
		p.Set(spec.Name, stepped[i])
	}
	return stepped
}

// mean moves the running mean of the spec's name in p by x, and returns it.
func (a AdamW) mean(p engine.Params, spec weights.Spec, x *Node, beta float64) *Node {
	mean := Add(MulScalar(p.Get(spec.Name, spec.Shape...), beta), MulScalar(x, 1-beta))
	p.Set(spec.Name, mean)
	return mean
}
