package evaluate

import (
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// dropoutState is among the weights of a net in training, [2]: a key, whole, below 2²⁴, and the number of steps
// taken, which each step raises. So a checkpoint has it, and what is dropped depends on the seed of the
// weights, the step and the place.
const dropoutState = "dropout.state"

// dropout draws what one pass drops, by Philox: its key is the state's, its counter begins with the step. The zero
// value drops nothing.
type dropout struct{ state *Node }

func newDropout(p engine.Params, training bool) *dropout {
	if !training {
		return &dropout{}
	}
	state := p.Get(dropoutState, 2)
	p.Set(dropoutState, Add(state, Const(state.Graph(), []float32{0, 1})))
	word := func(i int) *Node { return ConvertDType(Slice(state, AxisRange(i, i+1)), dtypes.Uint64) }
	key, step := word(0), word(1)
	return &dropout{Concatenate([]*Node{key, ZerosLike(key), step}, 0)}
}

// half drops each element of x with probability 1/2, and doubles the others (Srivastava et al. 2014).
func (d *dropout) half(x *Node) *Node { return d.drop(x, 0.5) }

// drop drops each element of x with probability share, and divides the others by what is left, 1 − share.
func (d *dropout) drop(x *Node, share float64) *Node {
	if d.state == nil || share == 0 {
		return x
	}
	var u *Node
	d.state, u = RandomUniform(d.state, x.Shape())
	return Where(LessThan(u, Scalar(x.Graph(), x.DType(), share)), ZerosLike(x), MulScalar(x, 1/(1-share)))
}

// rows drops all of an image, row by row of x [B, …]: stochastic depth (Huang et al. 2016, arXiv:1603.09382), of what a
// block adds, as torchvision and timm have it.
func (d *dropout) rows(x *Node, share float64) *Node {
	if d.state == nil || share == 0 {
		return x
	}
	shape := x.Shape().Clone()
	for i := range shape.Dimensions[1:] {
		shape.Dimensions[i+1] = 1
	}
	return Mul(x, d.drop(Ones(x.Graph(), shape), share))
}
