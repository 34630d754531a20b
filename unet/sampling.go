package unet

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/engine"
)

// Conditioned is a network that is told what to draw by a label: the label picks a row of two tables that lie beside
// the weights, one row for every class and a last one for none.
//
//	name               shape                 a row holds
//	condition.context  [classes + 1, T, D]   the tokens of the class's prompt; of the empty prompt
//	condition.added    [classes + 1, P + 6]  what Forward's added is; only where AddedLen is not 0
type Conditioned struct {
	Config
	Classes int // without the row for none
	Tokens  int // T
}

// Names of the tables among the weights.
const (
	ContextTable = "condition.context"
	AddedTable   = "condition.added"
)

// LabelType is what Forward expects of y.
const LabelType = dtypes.Int32

// Null is the label that stands for "no class".
func (c Conditioned) Null() int32 { return int32(c.Classes) }

// Forward is [Config.Forward] of x [B, C, h, w], t [B] and the labels y [B].
func (c Conditioned) Forward(p engine.Params, x, t, y *Node) *Node {
	row := ExpandAxes(y, -1)
	context := Gather(p.Get(ContextTable, c.Classes+1, c.Tokens, c.ContextDim), row)
	var added *Node
	if c.AddedLen() > 0 {
		added = Gather(p.Get(AddedTable, c.Classes+1, c.AddedLen()), row)
	}
	return c.Config.Forward(p, x, t, context, added)
}

// Func is [Conditioned.Forward] as an [engine.Func] of x, t and y.
func (c Conditioned) Func(p engine.Params, in []*Node) []*Node {
	return []*Node{c.Forward(p, in[0], in[1], in[2])}
}

// Step is an [engine.Func]: one step of the sampler with this network, see [diffusion.Sampler.Graph].
func (c Conditioned) Step(s *diffusion.Sampler) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		denoise := func(x, t, y *Node) *Node { return c.Forward(p, x, t, y) }
		return []*Node{s.Graph(denoise, c.Null(), in[0], in[1], in[2], in[3], in[4])}
	}
}

// Stepper runs a compiled [Conditioned.Step] for [diffusion.Sampler.Run].
func Stepper(step *engine.Program) diffusion.Stepper {
	return func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
		return step.Run1(x, label, mode, z, coef)
	}
}

// Func is [Config.Forward] as an [engine.Func] of x, t, context and, where AddedLen is not 0, added.
func (c Config) Func(p engine.Params, in []*Node) []*Node {
	if c.AddedLen() == 0 {
		return []*Node{c.Forward(p, in[0], in[1], in[2], nil)}
	}
	return []*Node{c.Forward(p, in[0], in[1], in[2], in[3])}
}
