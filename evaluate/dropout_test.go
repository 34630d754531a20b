package evaluate

import (
	"math"
	"slices"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/optim"
	"mgd3/rng"
)

// drops runs two layers of dropout on ones, and returns what each leaves, and the gradient of the first.
func drops(t *testing.T, state []float32, training bool) (first, second, slope []float32, w engine.Weights) {
	w = engine.Weights{dropoutState: tensor(state, 2)}
	out := run(t, func(p engine.Params, in []*Node) []*Node {
		d := newDropout(p, training)
		a := d.half(in[0])
		return []*Node{a, d.half(OnesLike(a)), Gradient(ReduceAllSum(a), in[0])[0]}
	}, w, tensor(slices.Repeat([]float32{1}, 64*64), 64, 64))
	return flat(out[0]), flat(out[1]), flat(out[2]), w
}

func TestDropout(t *testing.T) {
	first, second, slope, w := drops(t, []float32{12345, 7}, true)
	for name, x := range map[string][]float32{"first": first, "second": second} {
		twos := 0
		for _, v := range x {
			if v != 0 && v != 2 {
				t.Fatalf("%s layer: %v of 1, want 0 or 2", name, v)
			}
			twos += int(v / 2)
		}
		if d := math.Abs(float64(twos) - 2048); d > 4*32 { // four standard deviations, √4096/2 each
			t.Errorf("%s layer: keeps %d of 4096, want about half", name, twos)
		}
	}
	if !slices.Equal(slope, first) {
		t.Error("the gradient goes another way than the numbers")
	}
	if got := flat(w[dropoutState]); !slices.Equal(got, []float32{12345, 8}) {
		t.Errorf("the state becomes %v, want the next step", got)
	}
	if again, _, _, _ := drops(t, []float32{12345, 7}, true); !slices.Equal(again, first) {
		t.Error("the same state drops others")
	}
	nextStep, _, _, _ := drops(t, []float32{12345, 8}, true)
	otherKey, _, _, _ := drops(t, []float32{12346, 7}, true)
	for name, x := range map[string][]float32{"layer": second, "step": nextStep, "key": otherKey} {
		same := 0
		for i := range x {
			if x[i] == first[i] {
				same++
			}
		}
		if d := math.Abs(float64(same) - 2048); d > 4*32 {
			t.Errorf("another %s drops as the first does in %d places of 4096, want half", name, same)
		}
	}
	if still, _, _, w := drops(t, []float32{1, 7}, false); slices.Contains(still, 0) ||
		!slices.Equal(flat(w[dropoutState]), []float32{1, 7}) {
		t.Error("drops outside training")
	}
}

// TestDropoutTrains: the state is no parameter, and training continues from a copy of the weights as it
// would have without one.
func TestDropoutTrains(t *testing.T) {
	const size = smallestAlexNet
	e := openEngine(t)
	net := AlexNet{Width: 1, Classes: 3}
	f := TrainStep(net, CrossEntropy, optim.SGD{Momentum: 0.9, Decay: 5e-4})
	x := make([]float32, 2*3*size*size)
	rng.Normals(rng.Stream(1, "x"), x)
	in := []*tensors.Tensor{tensor(x, 2, 3, size, size), tensors.FromValue([]int32{2, 0}),
		tensors.FromScalar(float32(0.01))}
	specs, err := e.Declare(f, in[0].Shape(), in[1].Shape(), shapes.Make(dtypes.Float32))
	if err != nil {
		t.Fatal(err)
	}
	w, err := Fresh(e, net, specs, 1)
	if err != nil {
		t.Fatal(err)
	}
	train := func(w engine.Weights, steps int) {
		program, err := e.Compile("step", f, w)
		if err != nil {
			t.Fatal(err)
		}
		for range steps {
			if _, err := program.Run(in...); err != nil {
				t.Fatal(err)
			}
		}
	}
	train(w, 2)
	copied := engine.Weights{}
	for name, v := range w {
		copied[name] = tensor(flat(v), v.Shape().Dimensions...)
	}
	train(w, 2)
	train(copied, 2)
	if state := flat(w[dropoutState]); state[1] != 4 || state[0] != float32(int(state[0])) {
		t.Errorf("the state is %v after four steps", state)
	}
	for name := range w {
		if !slices.Equal(flat(w[name]), flat(copied[name])) {
			t.Errorf("%s differs when training continues from a copy", name)
		}
	}
	if _, stepped := w["momentum."+dropoutState]; stepped {
		t.Error("the state has a momentum: it is taken for a parameter")
	}
}
