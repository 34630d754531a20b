package evaluate

import (
	"math"
	"strings"

	"mgd3/engine"
	"mgd3/optim"
	"mgd3/rng"
	"mgd3/weights"
)

// Fresh returns untrained weights on e's device for a program of net's that asks for specs: what the
// published programs start from, drawn from streams of seed.
//
//	ConvNet              every weight and bias uniform in ±1/√n, n = inputs of one output
//	ResNet               convolutions normal, σ² = 2/(k·k·out); the linear layer as above
//	norms                weight and running variance 1, bias and running mean 0
//	the optimiser's state 0
func Fresh(e *engine.Engine, net Net, specs []weights.Spec, seed uint64) (engine.Weights, error) {
	_, residual := net.(ResNet)
	w := engine.Weights{}
	inputs := 1 // of one output, of the last layer with a matrix
	for i, spec := range specs {
		data := make([]float32, size(spec.Shape))
		name := spec.Name[strings.LastIndexByte(spec.Name, '.')+1:]
		if name == "weight" && len(spec.Shape) > 1 {
			inputs = len(data) / spec.Shape[0]
		}
		stream := rng.Stream(seed, "weights", uint64(i))
		switch {
		case optim.IsState(spec.Name):
		case isNorm(spec, specs):
			if name == "weight" || name == "running_var" {
				for j := range data {
					data[j] = 1
				}
			}
		case residual && len(spec.Shape) == 4:
			rng.Normals(stream, data)
			sigma := math.Sqrt(2 / float64(spec.Shape[0]*spec.Shape[2]*spec.Shape[3]))
			for j := range data {
				data[j] *= float32(sigma)
			}
		default:
			bound := 1 / math.Sqrt(float64(inputs))
			for j := range data {
				data[j] = float32((2*stream.Float64() - 1) * bound)
			}
		}
		tensor, err := e.Tensor(data, spec.Shape...)
		if err != nil {
			return nil, err
		}
		w[spec.Name] = tensor
	}
	return w, nil
}

// isNorm reports whether the tensor belongs to a norm: to a layer whose weight is a vector.
func isNorm(spec weights.Spec, specs []weights.Spec) bool {
	layer := spec.Name[:strings.LastIndexByte(spec.Name, '.')]
	for _, s := range specs {
		if s.Name == layer+".weight" {
			return len(s.Shape) == 1
		}
	}
	return false
}

func size(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}
