package compile

import (
	"github.com/gomlx/compute"

	"mgd3/cpu/internal/conv"
	"mgd3/cpu/internal/ir"
)

// fewPixels of an image, and ManyKernels of 3×3 or so, are where reading the kernels takes as long as the products:
// Winograd's forms of them, 1.8 and 4 times as large, cost more than their fewer products save.
const fewPixels = 64

// ManyKernels is lower in tests, whose graphs are small.
var ManyKernels = 1 << 20

// convProduct is the convolution as the product of its windows [B·OH·OW, I·kh·kw] with the kernel, which is packed in
// place as the weight of a product is; nil for those that are better off as opConv. x is [B, H, W, I], k
// [O, I, kh, kw], as it lies in memory if stored. The choice depends on the shape of one image alone, as package
// conv's.
func (r *rewriter) convProduct(x, k *ir.Node, g conv.Geometry, stored bool) *ir.Node {
	taps, pixels := g.KH*g.KW, g.OutH*g.OutW
	if g.Groups*g.InDilH*g.InDilW*g.KerDilH*g.KerDilW != 1 {
		return nil
	}
	switch {
	case taps == 1 && g.StrideH*g.StrideW == 1 && g.PadTop == 0 && g.PadLeft == 0 && g.InH == g.OutH && g.InW == g.OutW:
		x = reshaped(x, []int{g.Batch * pixels, g.InC})
	case taps > 1 && stored && pixels <= fewPixels && g.InC*g.OutC >= ManyKernels && min(g.PadTop, g.PadLeft) >= 0:
		x = windows(x, g)
	default:
		return nil
	}
	a := ir.Dot{LHSContract: []int{1}, RHSContract: []int{1}}
	dims := []int{g.Batch * pixels, g.OutC}
	k = reshaped(k, []int{g.OutC, g.InC * taps})
	return reshaped(r.product(node(compute.OpTypeDotGeneral, a, dims, x, k), a),
		[]int{g.Batch, g.OutH, g.OutW, g.OutC})
}

// windows are the inputs of each output, [B·OH·OW, I·kh·kw], in the order of the kernel.
func windows(x *ir.Node, g conv.Geometry) *ir.Node {
	after := func(out, stride, kernel, pad, in int) int { return max(0, (out-1)*stride+kernel-pad-in) }
	pad := ir.Pad{{}, {Start: g.PadTop, End: after(g.OutH, g.StrideH, g.KH, g.PadTop, g.InH)},
		{Start: g.PadLeft, End: after(g.OutW, g.StrideW, g.KW, g.PadLeft, g.InW)}, {}}
	h, w := g.InH+pad[1].Start+pad[1].End, g.InW+pad[2].Start+pad[2].End
	x = node(compute.OpTypePad, pad, []int{g.Batch, h, w, g.InC}, x, constant(0))
	dims := []int{g.Batch, g.OutH, g.OutW, g.InC}
	var taps []*ir.Node
	for i := range g.KH * g.KW {
		at := ir.Slice{Starts: []int{0, i / g.KW, i % g.KW, 0}, Strides: []int{1, g.StrideH, g.StrideW, 1}}
		at.Limits = []int{g.Batch, at.Starts[1] + (g.OutH-1)*g.StrideH + 1, at.Starts[2] + (g.OutW-1)*g.StrideW + 1,
			g.InC}
		taps = append(taps, reshaped(node(compute.OpTypeSlice, at, dims, x), append(dims[:4:4], 1)))
	}
	x = node(compute.OpTypeConcatenate, ir.Axis(4), append(dims[:4:4], len(taps)), taps...)
	return reshaped(x, []int{g.Batch * g.OutH * g.OutW, g.InC * len(taps)})
}
