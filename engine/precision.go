package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/internal/words"
)

// Precision is the type of the numbers inside the denoiser and the autoencoder.
//
//	float32   all of them, products and convolutions too
//	tf32      on NVIDIA GPUs only: float32, but what enters a product or a convolution is rounded to 10 bits of
//	          fraction, as in the
//	          released programs on such cards
//	bf16      weights with more than one axis, activations, and what enters products and convolutions: 7 bits of
//	          fraction. Sums of
//	          products, the statistics of norms, softmax, activation functions, the conditioning on time and class,
//	          and each network's
//	          first and last layer stay float32, as does all that is outside networks: schedule, guidance, step
//
// A result depends on it, so the engine's name holds it where it is not float32.
type Precision string

// The precisions.
const (
	Float32 Precision = "float32" // "" too
	TF32    Precision = "tf32"
	BF16    Precision = "bf16"
)

// Precisions are all there are.
var Precisions = []Precision{Float32, TF32, BF16}

// Check names a precision that is none.
func (p Precision) Check() error {
	if p != "" && !slices.Contains(Precisions, p) {
		return fmt.Errorf("precision is %q, want %s", p, words.Or(Precisions))
	}
	return nil
}

// On says why a backend of this name cannot compute in p; nil where it can, or knows better when it is opened.
func (p Precision) On(backend string) error {
	if p == BF16 && backend == "go" {
		return errors.New("the backend go cannot compute in bf16: cpu and xla can")
	}
	return nil
}

func (p Precision) dtype() dtypes.DType {
	if p == BF16 {
		return dtypes.BFloat16
	}
	return dtypes.Float32
}

// Cast returns x in the precision of the engine; what a network computes from it is of its type until Wide.
func (p Params) Cast(x *Node) *Node { return ConvertDType(x, p.binding.precision.dtype()) }

// Wide returns x as float32.
func Wide(x *Node) *Node { return ConvertDType(x, dtypes.Float32) }

// like returns x in the type of y.
func like(y, x *Node) *Node { return ConvertDType(x, y.DType()) }

// Mixed returns p for a network that is computed in float32 but for its linear layers and convolutions: there the
// input and the weight are rounded to bf16, and so is their product, before the bias is added (OpenXLA may leave out
// that rounding). Tensors and gradients stay float32, and what goes back through such a layer is rounded like what came
// forward: mixed precision with master weights (Micikevicius et al. 2018, §3.1), in bf16, which needs no scaling of the
// loss (Kalamkar et al. 2019).
func (p Params) Mixed() Params {
	p.mixed = true
	return p
}

// product computes y from x in the type that p's layers have.
func (p Params) product(x *Node, y func(x *Node) *Node) *Node {
	if !p.mixed {
		return y(x)
	}
	return like(x, y(ConvertDType(x, dtypes.BFloat16)))
}
