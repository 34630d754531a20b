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
func (d *dropout) half(x *Node) *Node {
	if d.state == nil {
		return x
	}
	var u *Node
	d.state, u = RandomUniform(d.state, x.Shape())
	return Where(LessThan(u, Scalar(x.Graph(), x.DType(), 0.5)), ZerosLike(x), MulScalar(x, 2))
}
