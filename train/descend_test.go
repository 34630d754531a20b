package train

import (
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/testengine"
)

func open(t *testing.T) *engine.Engine {
	t.Helper()
	return testengine.Open(t)
}

// TestDescend takes steps for the loss ½·Σ(w − target)² beside the same on paper: the norm of all gradients, the
// clipped gradients, AdamW and the running means. A frozen tensor has a gradient and stays.
func TestDescend(t *testing.T) {
	start, target := []float64{3, -1, 0.5}, []float64{-1, 2, 0.25}
	r := Protocol{Steps: 5, Rate: 0.1, Schedule: Constant, Beta1: 0.9, Beta2: 0.99, Epsilon: 1e-3, Decay: 0.5, EMA: 0.5}
	for _, clip := range []float64{0, 0.7, 100} {
		r.Clip = clip
		one := func(v float64) *tensors.Tensor { return tensors.FromValue([]float32{float32(v)}) }
		w := engine.Weights{
			"a": one(start[0]), "b": tensors.FromValue([]float32{float32(start[1]), float32(start[2])}),
			"frozen.c": one(2),
			"ema.a":    one(start[0]), "ema.b": tensors.FromValue([]float32{float32(start[1]), float32(start[2])}),
			"adam.m.a": one(0), "adam.v.a": one(0),
			"adam.m.b": tensors.FromValue([]float32{0, 0}), "adam.v.b": tensors.FromValue([]float32{0, 0}),
		}
		program, err := open(t).Compile("step", func(p engine.Params, in []*Node) []*Node {
			all := Concatenate([]*Node{p.Get("a", 1), p.Get("b", 2)}, 0)
			d := Sub(all, Const(all.Graph(), []float32{float32(target[0]), float32(target[1]), float32(target[2])}))
			loss := Add(MulScalar(ReduceAllSum(Square(d)), 0.5), ReduceAllSum(p.In(frozenScope).Get("c", 1)))
			return []*Node{r.descend(p, loss, in[0])}
		}, w)
		if err != nil {
			t.Fatal(err)
		}
		want, mean := append([]float64{}, start...), append([]float64{}, start...)
		m, v := make([]float64, 3), make([]float64, 3)
		for n := 1; n <= r.Steps; n++ {
			var norm float64
			for i := range want {
				norm += (want[i] - target[i]) * (want[i] - target[i])
			}
			norm = math.Sqrt(norm)
			for i := range want {
				g := want[i] - target[i]
				if clip > 0 {
					g *= min(1, clip/(norm+1e-6))
				}
				m[i] = r.Beta1*m[i] + (1-r.Beta1)*g
				v[i] = r.Beta2*v[i] + (1-r.Beta2)*g*g
				want[i] -= r.Rate * r.Decay * want[i]
				want[i] -= r.Rate * m[i] / (1 - math.Pow(r.Beta1, float64(n))) /
					(math.Sqrt(v[i]/(1-math.Pow(r.Beta2, float64(n)))) + r.Epsilon)
				d := min(r.EMA, float64(1+n)/float64(10+n))
				mean[i] = d*mean[i] + (1-d)*want[i]
			}
			out, err := program.Run1(tensors.FromValue(r.at(n)))
			if err != nil {
				t.Fatal(err)
			}
			// Some twenty roundings of numbers below 8 in a step, and five steps.
			const tol = 20 * 5 * 8 * 0x1p-24
			if got := float64(tensors.ToScalar[float32](out)); math.Abs(got-norm) > tol {
				t.Errorf("clip %v, step %d: norm %v, want %v", clip, n, got, norm)
			}
			got, gotMean := append(flat(w["a"]), flat(w["b"])...), append(flat(w["ema.a"]), flat(w["ema.b"])...)
			for i := range want {
				if math.Abs(float64(got[i])-want[i]) > tol || math.Abs(float64(gotMean[i])-mean[i]) > tol {
					t.Errorf("clip %v, step %d: parameter %d is %v, its mean %v, want %v and %v", clip, n, i, got[i],
						gotMean[i], want[i], mean[i])
				}
			}
		}
		if got := flat(w["frozen.c"])[0]; got != 2 {
			t.Errorf("the frozen tensor became %v", got)
		}
	}
}

func flat(t *tensors.Tensor) []float32 { return tensors.MustCopyFlatData[float32](t) }
