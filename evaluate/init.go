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

// Fresh returns untrained weights on e's device for a program of net's that asks for specs: what the
// published programs start from, drawn from streams of seed.
//
//	ConvNet, AlexNet     every weight and bias uniform in ±1/√n, n = inputs of one output
//	ResNet               convolutions normal, σ² = 2/(k·k·out); the linear layer as above
//	VGG11                convolutions as ResNet's; linear layers normal, σ = 0.01; biases 0
//	the key of dropout   uniform
//	norms                weight and running variance 1, bias and running mean 0
//	the optimiser's state 0
func Fresh(e *engine.Engine, net Net, specs []weights.Spec, seed uint64) (engine.Weights, error) {
	_, residual := net.(ResNet)
	_, vgg := net.(VGG11)
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
		case spec.Name == dropoutState:
			data[0] = float32(stream.Uint32N(1 << 24))
		case (residual || vgg) && len(spec.Shape) == 4:
			normals(stream, data, math.Sqrt(2/float64(spec.Shape[0]*spec.Shape[2]*spec.Shape[3])))
		case vgg && len(spec.Shape) == 2:
			normals(stream, data, 0.01)
		case vgg:
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

// normals fills data with normal numbers of standard deviation sigma.
func normals(r *rand.Rand, data []float32, sigma float64) {
	rng.Normals(r, data)
	for j := range data {
		data[j] *= float32(sigma)
	}
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
