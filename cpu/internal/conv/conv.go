// Package conv computes convolutions of channels-last images, their gradients by the kernel, and pooling, in float32.
//
// A convolution (a cross-correlation, as networks have it) of x [B, H, W, C] with a kernel k [K, C/G, kh, kw] in G
// groups, written here for one dimension, with stride s, padding p, and dilations dx of the input and dk of the
// kernel:
//
//	y[i, o] = Σ_t Σ_c x̂[i·s + t·dk − p, c] · k[o, c, t]     x̂[j·dx] = x[j], and 0 elsewhere
//
// The gradient by x is a convolution as well: of ∂y, with the kernel reversed, its channels exchanged, and
// dx = s. There only every s-th tap meets a number that is not padding, and which ones depends on
// i mod s, so the outputs fall into s phases per dimension, each of which is a convolution of
// the undilated input with part of the kernel. Nothing is multiplied by the zeros between.
//
// Three ways to compute it, chosen by the shape of one image alone, so that an image has the same bytes in every batch:
//
//	direct       the implicit matrix product [pixels, taps·C]·[taps·C, K], without a matrix of windows in memory
//	winograd     3×3, stride 1: products in a transformed space, 4 or 2.25 times fewer; docs/notes/winograd.md
//	depthwise    one channel per group: a multiply-add per tap and channel
//
// Work is cut in tasks of whole rows of outputs, over the images of the batch; each worker has its own scratch.
package conv

import "fmt"

// Geometry of a convolution. Bottom and right padding follow from OutH and OutW; PadTop and PadLeft may be
// negative (cropping). Strides, dilations and Groups are at least 1.
type Geometry struct {
	Batch, InH, InW, InC     int
	OutH, OutW, OutC, KH, KW int
	StrideH, StrideW         int
	PadTop, PadLeft          int
	InDilH, InDilW           int
	KerDilH, KerDilW         int
	Groups                   int
	// Upsample says that x is [B, InH/2, InW/2, InC], and each of its pixels stands for 2×2 inputs (nearest neighbour),
	// which are never in memory. Only of a Forward without input dilation.
	Upsample bool
}

// KernelLayout holds the distances, in elements, of neighbours in a kernel [out, in/groups, kh, kw] that may lie in
// any order in memory, and the position of element (0, 0, 0, 0). H and W are negative for a reversed kernel.
type KernelLayout struct{ Base, Out, In, H, W int }

// OIHW is the layout of PyTorch's kernels [out, in, kh, kw].
func OIHW(in, kh, kw int) KernelLayout { return KernelLayout{0, in * kh * kw, kh * kw, kw, 1} }

// HWIO is the layout of kernels [kh, kw, in, out].
func HWIO(in, out, kw int) KernelLayout { return KernelLayout{0, 1, out, kw * in * out, in * out} }

// Reversed is the layout of the same memory seen as the kernel of the gradient by the input: rotated by
// half a turn, and with in and out exchanged. Of a convolution without groups.
func (l KernelLayout) Reversed(kh, kw int) KernelLayout {
	return KernelLayout{l.Base + (kh-1)*l.H + (kw-1)*l.W, l.In, l.Out, -l.H, -l.W}
}

// check panics if g makes no sense.
func (g Geometry) check() {
	if min(g.StrideH, g.StrideW, g.InDilH, g.InDilW, g.KerDilH, g.KerDilW, g.Groups) < 1 || g.InC%g.Groups != 0 ||
		g.OutC%g.Groups != 0 {
		panic(fmt.Sprintf("conv: bad geometry %+v", g))
	}
	if g.Upsample && (g.InH%2 != 0 || g.InW%2 != 0 || g.InDilH*g.InDilW != 1) {
		panic(fmt.Sprintf("conv: bad geometry to upsample %+v", g))
	}
}

// inLen is the length of x.
func (g Geometry) inLen() int {
	return g.Batch * (g.InH >> g.up()) * (g.InW >> g.up()) * g.InC
}

// up is by how many bits the rows and columns of inputs are to be shifted to find them in x.
func (g Geometry) up() int {
	if g.Upsample {
		return 1
	}
	return 0
}

func (g Geometry) outLen() int    { return g.Batch * g.OutH * g.OutW * g.OutC }
func (g Geometry) groupIn() int   { return g.InC / g.Groups }
func (g Geometry) groupOut() int  { return g.OutC / g.Groups }
func (g Geometry) kernelLen() int { return g.OutC * g.groupIn() * g.KH * g.KW }

// empty reports whether there is nothing to multiply.
func (g Geometry) empty() bool { return g.inLen() == 0 || g.outLen() == 0 || g.kernelLen() == 0 }

// want panics if the slice called name is too short.
func want(name string, have, need int) {
	if have < need {
		panic(fmt.Sprintf("conv: %s has %d elements, want %d", name, have, need))
	}
}

func ceil(a, b int) int { return (a + b - 1) / b }
