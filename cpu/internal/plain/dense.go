package plain

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/shapes"

	"mgd3/cpu/internal/ir"
)

// gelu sets out to x·Φ(x), or to its approximation by tanh (Hendrycks and Gimpel 2016).
func (of[T]) gelu(exact bool, x, out ir.Tensor) {
	f := geluErf
	if !exact {
		f = geluTanh
	}
	dst := out.Flat.([]T)
	for i, v := range x.Flat.([]T) {
		dst[i] = T(f(float64(v)))
	}
}

// geluErf uses Φ(x) = ½·erfc(−x/√2): 1 + erf would lose all digits where x is far below 0.
func geluErf(x float64) float64 { return 0.5 * x * math.Erfc(-x/math.Sqrt2) }

func geluTanh(x float64) float64 {
	return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
}

// activations are the functions that may follow a dense layer.
var activations = map[compute.ActivationType]func(float64) float64{
	compute.ActivationGelu:      geluErf,
	compute.ActivationRelu:      func(x float64) float64 { return max(0, x) },
	compute.ActivationSilu:      func(x float64) float64 { return x * logistic(x) },
	compute.ActivationHardSwish: func(x float64) float64 { return x * min(max(0, x+3), 6) / 6 },
	compute.ActivationTanh:      math.Tanh,
}

func (of[T]) activate(a compute.ActivationType, out ir.Tensor) {
	if f := activations[a]; f != nil {
		dst := out.Flat.([]T)
		for i, v := range dst {
			dst[i] = T(f(float64(v)))
		}
	}
}

// fusedDense sets out to activation(x·W + bias).
func fusedDense(k kind, config compute.DenseConfig, in []ir.Tensor, out ir.Tensor) {
	x, w := in[0], in[1]
	// W is [in, out…], or [out…, in]
	contract := 0
	if config.WeightLayout == compute.DenseLayoutOutputsInput {
		contract = len(w.Dims()) - 1
	}
	// With W of more than two axes, out has all but the contracted one behind those of x, as dot has them.
	dot(ir.Dot{LHSContract: []int{len(x.Dims()) - 1}, RHSContract: []int{contract}, Accumulator: out.Shape.DType}, x, w,
		out)
	if len(in) > 2 {
		addBias(k, in[2], out)
	}
	k.activate(config.Activation, out)
}

// addBias adds bias to the last axes of out.
func addBias(k kind, bias, out ir.Tensor) {
	// a bias without elements belongs to an empty out
	n := max(1, bias.Shape.Size())
	rows := ir.Tensor{Shape: shapes.Make(out.Shape.DType, out.Shape.Size()/n, n), Flat: out.Flat}
	row := ir.Tensor{Shape: shapes.Make(out.Shape.DType, 1, n), Flat: bias.Flat}
	k.binary(compute.OpTypeAdd, rows, row, rows)
}

// fusedQKV sets the three outputs to x times their columns of W, plus their biases.
func fusedQKV(k kind, a ir.QKV, in, out []ir.Tensor) {
	x, w, biases := in[0], in[1], in[2:]
	column := 0
	for i := range out {
		dims := []int{w.Dims()[0], out[i].Dims()[1]}
		// Query, key and value lie side by side in the columns of W; their biases are inputs of their own.
		part := like(w, dims)
		k.copyFrom(part, w, dense(w.Dims()).sliced([]int{0, column}, dims, nil))
		dot(ir.Dot{LHSContract: []int{1}, RHSContract: []int{0}, Accumulator: out[i].Shape.DType}, x, part, out[i])
		if a.Has[i] {
			addBias(k, biases[0], out[i])
			biases = biases[1:]
		}
		column += dims[1]
	}
}
