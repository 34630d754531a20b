package evaluate

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/optim"
	"mgd3/weights"
)

// Loss returns the loss [B] of each image from the logits [B, classes] and its label.
type Loss func(logits, labels *Node) *Node

// CrossEntropy is the loss −Σ label·ln softmax(logits); labels are [B] int32, or [B, classes] with the share of
// each class. Shares that sum to w count an image w-fold.
func CrossEntropy(logits, labels *Node) *Node {
	if labels.DType().IsInt() {
		labels = OneHot(labels, logits.Shape().Dim(-1), logits.DType())
	}
	return Neg(ReduceSum(Mul(labels, LogSoftmax(logits)), -1))
}

// Divergence returns the loss Σ label·(ln label − ln softmax(logits/temperature)): the divergence of Kullback and
// Leibler from what a teacher says, softmax(teacher/temperature), as RDED takes it, without the factor
// temperature² of Hinton et al. 2015. Labels are [B, classes].
func Divergence(temperature float64) Loss {
	return func(logits, labels *Node) *Node {
		positive := GreaterThan(labels, ScalarZero(labels.Graph(), labels.DType()))
		entropy := Mul(labels, Log(Where(positive, labels, OnesLike(labels)))) // 0·ln 0 = 0
		return ReduceSum(Sub(entropy, Mul(labels, LogSoftmax(DivScalar(logits, temperature)))), -1)
	}
}

// Stepper is [optim.SGD] or [optim.AdamW].
type Stepper interface {
	Step(p engine.Params, specs []weights.Spec, gradients []*Node, at *Node) []*Node
}

// TrainStep is an [engine.Func] of images x [B, 3, S, S], labels, and what o's Step takes last: one step. It
// returns the mean loss before the step, and the logits [B, classes].
func TrainStep(net Net, loss Loss, o Stepper) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		logits := net.Forward(p, in[0], true)
		mean := ReduceAllMean(loss(logits, in[1]))
		specs, gradients := optim.Gradients(p, mean)
		o.Step(p, specs, gradients, in[2])
		return []*Node{mean, logits}
	}
}
