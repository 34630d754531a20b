package evaluate

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// CrossEntropy returns the loss [B] of each image: −ln softmax(logits)[label]; labels [B] int32.
func CrossEntropy(logits, labels *Node) *Node {
	hot := OneHot(labels, logits.Shape().Dim(-1), logits.DType())
	return Neg(ReduceSum(Mul(hot, LogSoftmax(logits)), -1))
}

// SGD is stochastic gradient descent as torch.optim.SGD does it: without Nesterov's look ahead or
// dampening, the decay on all parameters.
type SGD struct {
	Momentum float64 // μ
	Decay    float64 // δ
}

// scope of the momenta m among the weights; they start at 0.
const momentum = "momentum"

// Step sets every parameter asked for so far, and its momentum, to what follows from loss, a scalar,
// with rate η. It returns the gradients ∂L/∂w, in the order of p.Unset.
func (s SGD) Step(p engine.Params, loss, rate *Node) []*Node {
	specs := p.Unset()
	params := make([]*Node, len(specs))
	for i, spec := range specs {
		params[i] = p.Get(spec.Name, spec.Shape...)
	}
	gradients := Gradient(loss, params...)
	for i, spec := range specs {
		slope := Add(gradients[i], MulScalar(params[i], s.Decay))
		m := Add(MulScalar(p.In(momentum).Get(spec.Name, spec.Shape...), s.Momentum), slope)
		p.In(momentum).Set(spec.Name, m)
		p.Set(spec.Name, Sub(params[i], Mul(rate, m)))
	}
	return gradients
}

// TrainStep is an [engine.Func] of images x [B, 3, S, S], labels [B] and the rate η: one step of s. It
// returns the mean loss before the step, and the logits [B, classes].
func TrainStep(net Net, s SGD) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		x, labels, rate := in[0], in[1], in[2]
		logits := net.Forward(p, x, true)
		loss := ReduceAllMean(CrossEntropy(logits, labels))
		s.Step(p, loss, rate)
		return []*Node{loss, logits}
	}
}
