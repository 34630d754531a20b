package evaluate

import (
	"math"
	"math/rand/v2"
	"strings"

	"mgd3/engine"
	"mgd3/optim"
	"mgd3/rng"
	"mgd3/weights"
)

// Start fills a tensor of an untrained net from a stream of its own.
type Start func(r *rand.Rand, data []float32)

// Fresh returns untrained weights on e's device for a program of net's that asks for specs: what the
// published programs start from, drawn from streams of seed.
//
//	convolutions, linear layers   as the net's Start says
//	norms                         weight and running variance 1, bias and running mean 0
//	the key of dropout            uniform
//	the optimiser's state         0
func Fresh(e *engine.Engine, net Net, specs []weights.Spec, seed uint64) (engine.Weights, error) {
	shapes := map[string][]int{}
	for _, spec := range specs {
		shapes[spec.Name] = spec.Shape
	}
	w := engine.Weights{}
	for i, spec := range specs {
		data := make([]float32, size(spec.Shape))
		startOf(net, spec.Name, shapes)(rng.Stream(seed, "weights", uint64(i)), data)
		tensor, err := e.Tensor(data, spec.Shape...)
		if err != nil {
			return nil, err
		}
		w[spec.Name] = tensor
	}
	return w, nil
}

// startOf says how the tensor of that name begins, among others of these shapes.
func startOf(net Net, name string, shapes map[string][]int) Start {
	dot := strings.LastIndexByte(name, '.')
	switch {
	case name == classToken:
		return normal(1e-6)
	case dot < 0: // positions of a transformer
		return normal(0.02)
	case strings.HasSuffix(name, "."+positionTable):
		return normal(0.02)
	}
	layer, part := name[:dot], name[dot+1:]
	weight := shapes[layer+".weight"]
	switch {
	case optim.IsState(name):
		return zeros
	case name == dropoutState:
		return func(r *rand.Rand, data []float32) { data[0] = float32(r.Uint32N(1 << 24)) }
	case len(weight) == 1 && (part == "weight" || part == "running_var"): // of a norm, whose weight is a vector
		return ones
	case len(weight) == 1:
		return zeros
	}
	return net.Start(weight, part == "bias")
}

func zeros(*rand.Rand, []float32) {}

func ones(_ *rand.Rand, data []float32) {
	for i := range data {
		data[i] = 1
	}
}

// uniform draws from ±1/√n for a layer with a weight [out, …], where n is the inputs of one output: PyTorch's
// default.
func uniform(weight []int) Start {
	return evenly(1 / math.Sqrt(float64(size(weight)/weight[0])))
}

// evenly draws from ±bound.
func evenly(bound float64) Start {
	return func(r *rand.Rand, data []float32) {
		for i := range data {
			data[i] = float32((2*r.Float64() - 1) * bound)
		}
	}
}

// normal draws normal numbers of standard deviation sigma.
func normal(sigma float64) Start {
	return func(r *rand.Rand, data []float32) {
		rng.Normals(r, data)
		for i := range data {
			data[i] *= float32(sigma)
		}
	}
}

// fanOut draws normal numbers for a convolution [out, in, k, k]: σ² = 2/(k·k·out), He et al. 2015, section 2.2.
func fanOut(weight []int) Start {
	return normal(math.Sqrt(2 / float64(weight[0]*weight[2]*weight[3])))
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
