package optim

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/testengine"
	"mgd3/weights"
)

// The loss of the tests is ½·Σ c·(w − target)², whose gradient is c·(w − target).
var (
	start  = []float64{0.5, -1.5, 2}
	target = []float64{0.25, 1, 2.5}
	curve  = []float64{1, 3, 0.01}
)

// descend takes steps with what step sets up, and compares the parameters after each with next on paper: next
// returns the new value of the i-th element of w from its old one and its gradient at step t.
func descend(t *testing.T, step func(p engine.Params, loss, in *Node), in func(t int) *tensors.Tensor, state []string,
	next func(t, i int, w, g float64) float64) {
	t.Helper()
	e := testengine.Open(t)
	f := func(p engine.Params, in []*Node) []*Node {
		w := Reshape(p.Get("layer.weight", 1, 2), 2)
		b := p.Get("layer.bias", 1)
		loss := func(x *Node, lo, hi int) *Node {
			target, curve := Const(x.Graph(), singles(target[lo:hi])), Const(x.Graph(), singles(curve[lo:hi]))
			return MulScalar(ReduceAllSum(Mul(curve, Square(Sub(x, target)))), 0.5)
		}
		total := Add(loss(w, 0, 2), loss(b, 2, 3))
		step(p, total, in[0])
		return []*Node{total}
	}
	w := engine.Weights{
		"layer.weight": tensors.FromFlatDataAndDimensions(singles(start[:2]), 1, 2),
		"layer.bias":   tensors.FromFlatDataAndDimensions(singles(start[2:]), 1),
	}
	for _, scope := range state {
		w[scope+".layer.weight"] = tensors.FromFlatDataAndDimensions(make([]float32, 2), 1, 2)
		w[scope+".layer.bias"] = tensors.FromFlatDataAndDimensions(make([]float32, 1), 1)
		if !IsState(scope + ".layer.bias") {
			t.Errorf("%s is not known as state", scope)
		}
	}
	program, err := e.Compile("step", f, w)
	if err != nil {
		t.Fatal(err)
	}
	want := append([]float64{}, start...)
	for n := 1; n <= 5; n++ {
		for i, v := range want {
			want[i] = next(n, i, v, curve[i]*(v-target[i]))
		}
		if _, err := program.Run(in(n)); err != nil {
			t.Fatal(err)
		}
		got := append(tensors.MustCopyFlatData[float32](w["layer.weight"]),
			tensors.MustCopyFlatData[float32](w["layer.bias"])...)
		for i := range want {
			// A step rounds some ten numbers of at most 4, and what one step errs by, the next multiply by less than 2.
			if tol := 10 * 4 * 0x1p-24 * math.Pow(2, float64(n)); math.Abs(float64(got[i])-want[i]) > tol {
				t.Errorf("step %d: element %d is %v, want %v ± %.0e", n, i, got[i], want[i], tol)
			}
		}
	}
}

func singles(x []float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(v)
	}
	return y
}

func TestSGD(t *testing.T) {
	const rate, mu, decay = 0.1, 0.9, 0.01
	m := make([]float64, 3)
	descend(t,
		func(p engine.Params, loss, in *Node) {
			specs, gradients := Gradients(p, loss)
			SGD{mu, decay}.Step(p, specs, gradients, in)
		},
		func(int) *tensors.Tensor { return tensors.FromScalar(float32(rate)) },
		[]string{"momentum"},
		func(_, i int, w, g float64) float64 {
			m[i] = mu*m[i] + g + decay*w
			return w - rate*m[i]
		})
}

// TestAdamW: all parameters decay, or the matrix alone.
func TestAdamW(t *testing.T) {
	const rate, decay = 0.1, 0.5
	for name, decays := range map[string]func(weights.Spec) bool{"all": nil, "matrices": Matrices} {
		t.Run(name, func(t *testing.T) {
			a := AdamW{Beta1: 0.9, Beta2: 0.999, Epsilon: 1e-2, Decay: decay, Decays: decays}
			m, v := make([]float64, 3), make([]float64, 3)
			descend(t,
				func(p engine.Params, loss, in *Node) {
					specs, gradients := Gradients(p, loss)
					a.Step(p, specs, gradients, in)
				},
				func(n int) *tensors.Tensor { return tensors.FromValue(a.At(rate, n)) },
				[]string{"adam.m", "adam.v"},
				func(n, i int, w, g float64) float64 {
					m[i] = a.Beta1*m[i] + (1-a.Beta1)*g
					v[i] = a.Beta2*v[i] + (1-a.Beta2)*g*g
					if decays == nil || i < 2 {
						w -= rate * decay * w
					}
					mean, square := m[i]/(1-math.Pow(a.Beta1, float64(n))), v[i]/(1-math.Pow(a.Beta2, float64(n)))
					return w - rate*mean/(math.Sqrt(square)+a.Epsilon)
				})
		})
	}
}
