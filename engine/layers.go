package engine

import (
	"math"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/nn"
)

// The layers compute in the type of x, and have their weights converted to it.

// Linear returns x·Wᵀ + b over the last axis of x; the tensors are weight [out, in] and bias [out].
func Linear(p Params, x *Node, out int) *Node {
	in := x.Shape().Dim(-1)
	weight, bias := p.Get("weight", out, in), p.Get("bias", out)
	if p.mixed {
		return Add(Product(p, x, out), ExpandLeftToRank(bias, x.Rank()))
	}
	return nn.Dense(x, like(x, weight), like(x, bias), compute.DenseLayoutOutputsInput)
}

// Product is Linear without a bias.
func Product(p Params, x *Node, out int) *Node {
	weight := p.Get("weight", out, x.Shape().Dim(-1))
	return p.product(x, func(x *Node) *Node {
		return nn.Dense(x, like(x, weight), nil, compute.DenseLayoutOutputsInput)
	})
}

// Conv2D is [Conv] plus bias [out].
func Conv2D(p Params, x *Node, out, k, stride int, pads [2]int) *Node {
	y := Conv(p, x, out, k, stride, pads)
	return Add(y, like(y, Reshape(p.Get("bias", out), 1, 1, 1, out)))
}

// Conv returns the cross-correlation of x [B, H, W, C] with weight [out, C, k, k].
// pads are the rows added at top and bottom, and alike the columns at left and right.
func Conv(p Params, x *Node, out, k, stride int, pads [2]int) *Node {
	channels := x.Shape().Dim(-1)
	weight := p.Get("weight", out, channels, k, k)
	return p.product(x, func(x *Node) *Node {
		return ConvGeneral(x, like(x, weight), channelsLast, []int{stride, stride}, [][2]int{pads, pads}, nil, nil,
			1, 1)
	})
}

// channelsLast pairs images [B, H, W, C] with kernels in PyTorch's layout [out, in, kh, kw].
var channelsLast = ConvolveAxesConfig{
	InputBatch: 0, InputSpatial: []int{1, 2}, InputChannels: 3,
	KernelOutputChannels: 0, KernelInputChannels: 1, KernelSpatial: []int{2, 3},
	OutputBatch: 0, OutputSpatial: []int{1, 2}, OutputChannels: 3,
}

// LayerNorm normalises the last axis of x to mean 0 and variance 1, without weights
// (Ba et al. 2016, eq. 4).
func LayerNorm(x *Node, epsilon float64) *Node {
	return nn.LayerNorm(x, []int{-1}, epsilon, nil, nil, nil)
}

// AffineLayerNorm is LayerNorm, times weight [C] plus bias [C], in float32.
func AffineLayerNorm(p Params, x *Node, epsilon float64) *Node {
	c := x.Shape().Dim(-1)
	return like(x, nn.LayerNorm(Wide(x), []int{-1}, epsilon, p.Get("weight", c), p.Get("bias", c), nil))
}

// GroupNorm normalises x [B, H, W, C] over positions and the channels of each group, then scales
// and shifts each channel (Wu and He 2018, eq. 1 and 7).
func GroupNorm(p Params, x *Node, groups int, epsilon float64) *Node {
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	g := Reshape(Wide(x), b, h, w, groups, c/groups)
	g = nn.LayerNorm(g, []int{1, 2, 4}, epsilon, nil, nil, nil)
	y := Reshape(g, b, h, w, c)
	return like(x, Add(Mul(y, Reshape(p.Get("weight", c), 1, 1, 1, c)), Reshape(p.Get("bias", c), 1, 1, 1, c)))
}

// Attention returns softmax(q·kᵀ/√d)·v per head (Vaswani et al. 2017, eq. 1); q, k, v and the result
// are [B, tokens, heads, d].
func Attention(q, k, v *Node) *Node {
	scale := 1 / math.Sqrt(float64(q.Shape().Dim(-1)))
	fused := func() *Node {
		y, _ := BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD,
			&compute.ScaledDotProductAttentionConfig{Scale: scale})
		return y
	}
	decomposed := func() *Node {
		product := Dot(q, k)
		if q.DType() != dtypes.Float32 {
			product = product.WithOutputDType(dtypes.Float32)
		}
		scores := MulScalar(product.Einsum("bqhd,bkhd->bhqk"), scale)
		return Einsum("bhqk,bkhd->bqhd", like(v, Softmax(scores, -1)), v)
	}
	backend := q.Graph().Backend()
	xla := backend.Name() == xlaName
	// cuDNN's kernel takes no longer heads, and XLA finds that out only when it compiles the graph.
	if q.Shape().Dim(-1) > 128 && xla {
		return decomposed()
	}
	// The gradient of cuDNN's kernel has not been compared with anything yet.
	gradient := !xla && backend.Capabilities().Operations[compute.OpTypeFusedScaledDotProductAttentionVJP]
	y, _ := InternalFusedOpCaller(fused, decomposed, !gradient)
	return y
}

// SiLU returns x·σ(x) (Elfwing et al. 2017).
func SiLU(x *Node) *Node { return like(x, Mul(Wide(x), Sigmoid(Wide(x)))) }

// GELU returns the tanh approximation of x·Φ(x) (Hendrycks and Gimpel 2016).
func GELU(x *Node) *Node {
	return gelu(x, false, func(x *Node) *Node {
		return Tanh(MulScalar(Add(x, MulScalar(Mul(x, Square(x)), 0.044715)), math.Sqrt(2/math.Pi)))
	})
}

// ExactGELU returns x·Φ(x) (Hendrycks and Gimpel 2016).
func ExactGELU(x *Node) *Node {
	return gelu(x, true, func(x *Node) *Node { return Erf(MulScalar(x, math.Sqrt(0.5))) })
}

// gelu returns x·Φ(x) for a function 2·Φ − 1.
func gelu(narrow *Node, exact bool, odd func(x *Node) *Node) *Node {
	x := Wide(narrow)
	fused := func() *Node { return BackendFusedGelu(x, exact) }
	decomposed := func() *Node { return Mul(MulScalar(x, 0.5), OnePlus(odd(x))) }
	y, _ := InternalFusedOpCaller(fused, decomposed, true)
	return like(narrow, y)
}

// Waves returns sin(t·ω) and cos(t·ω), [B, n] each, for t [B] and ω_i = 10000^(-i/(n − shift)), i < n. The exponent is
// rounded to float32 after each step, as the original programs do: at t = 999 a last bit of ω moves the angle by 6e-5.
func Waves(t *Node, n int, shift float64) (sin, cos *Node) {
	omega := make([]float32, n)
	for i := range omega {
		exponent := float32(-math.Log(10000)) * float32(i) / float32(float64(n)-shift)
		omega[i] = float32(math.Exp(float64(exponent)))
	}
	angle := Mul(ExpandAxes(t, -1), Const(t.Graph(), [][]float32{omega}))
	return Sin(angle), Cos(angle)
}

// ReLU is max(x, 0), with PyTorch's derivative: 0 at 0, and NaN stays NaN.
func ReLU(x *Node) *Node {
	zero := ScalarZero(x.Graph(), x.DType())
	return Where(LessOrEqual(x, zero), ZerosLike(x), x)
}
