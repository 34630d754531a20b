package compile

import (
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/conv"
	"mgd3/cpu/internal/ir"
)

// conv brings a convolution over one or two dimensions into the form of opConv, or of opKernelGradient if that is what
// it computes. It returns nil for others.
func (r *rewriter) conv(n *ir.Node, a ir.Conv) *ir.Node {
	spatial := len(a.Strides)
	if spatial < 1 || spatial > 2 || a.BatchGroupCount > 1 {
		return nil
	}
	if k := r.kernelGradient(n, a); k != nil {
		return k
	}
	x := transposed(n.In[0], axesOrder(a.Axes.InputBatch, a.Axes.InputSpatial, a.Axes.InputChannels))
	k := transposed(n.In[1], slices.Concat([]int{a.Axes.KernelOutputChannels, a.Axes.KernelInputChannels},
		a.Axes.KernelSpatial))
	in, ker, out := dims4(x, 1), dims4(k, 2), n.Shape.Dimensions
	g := conv.Geometry{
		Batch: in[0], InH: in[1], InW: in[2], InC: in[3],
		OutH: 1, OutW: out[a.Axes.OutputSpatial[spatial-1]], OutC: ker[0], KH: ker[2], KW: ker[3],
		StrideH: 1, StrideW: a.Strides[spatial-1], PadLeft: a.Paddings[spatial-1][0],
		InDilH: 1, InDilW: a.InputDilations[spatial-1], KerDilH: 1, KerDilW: a.KernelDilations[spatial-1],
		Groups: a.ChannelGroupCount,
	}
	if spatial == 2 {
		g.OutH, g.StrideH, g.PadTop = out[a.Axes.OutputSpatial[0]], a.Strides[0], a.Paddings[0][0]
		g.InDilH, g.KerDilH = a.InputDilations[0], a.KernelDilations[0]
	}
	y := r.convProduct(reshaped(x, in), reshaped(k, ker), g, k == n.In[1])
	if y == nil {
		if small := upsampled(x); small != nil && spatial == 2 {
			g.Upsample = true
			x, in = small, small.Shape.Dimensions
		}
		y = node(opConv, g, []int{g.Batch, g.OutH, g.OutW, g.OutC}, reshaped(x, in), reshaped(k, ker))
	}
	y = reshaped(y, slices.Concat([]int{g.Batch}, gather(out, a.Axes.OutputSpatial), []int{g.OutC}))
	return transposed(y, inverse(axesOrder(a.Axes.OutputBatch, a.Axes.OutputSpatial, a.Axes.OutputChannels)))
}

// upsampled returns the image [B, H, W, C] of which x is the one of twice the height and width, each pixel four times:
// its pixels spread over new dimensions of 2, and those merged again. For other x it returns nil.
func upsampled(x *ir.Node) *ir.Node {
	if x.Op != compute.OpTypeReshape || x.Shape.Rank() != 4 || x.In[0].Op != compute.OpTypeBroadcastInDim {
		return nil
	}
	spread := x.In[0]
	d, small := spread.Shape.Dimensions, spread.In[0]
	want := x.Shape.Dimensions
	if len(d) != 6 || d[2] != 2 || d[4] != 2 || d[0] != want[0] || 2*d[1] != want[1] || 2*d[3] != want[2] ||
		d[5] != want[3] {
		return nil
	}
	strides := make([]int, 6)
	for i, axis := range spread.Attr.(ir.Broadcast).Axes {
		if small.Shape.Dimensions[i] == d[axis] {
			strides[axis] = rowMajor(small.Shape.Dimensions)[i]
		}
	}
	dense := rowMajor([]int{d[0], d[1], d[3], d[5]})
	for i, axis := range []int{0, 1, 3, 5} {
		if d[axis] != 1 && strides[axis] != dense[i] {
			return nil
		}
	}
	if strides[2] != 0 || strides[4] != 0 {
		return nil
	}
	return reshaped(small, []int{d[0], d[1], d[3], d[5]})
}

func axesOrder(first int, middle []int, last int) []int {
	return slices.Concat([]int{first}, middle, []int{last})
}

func gather(from, at []int) []int {
	var out []int
	for _, i := range at {
		out = append(out, from[i])
	}
	return out
}

func inverse(perm []int) []int {
	out := make([]int, len(perm))
	for i, p := range perm {
		out[p] = i
	}
	return out
}

// dims4 is the shape of n with a first spatial dimension of 1, at the given axis, if it has only one.
func dims4(n *ir.Node, axis int) []int {
	if n.Shape.Rank() == 4 {
		return n.Shape.Dimensions
	}
	return slices.Insert(slices.Clone(n.Shape.Dimensions), axis, 1)
}

// kernelGradient recognises the convolution that automatic differentiation makes for the gradient by the
// kernel: of channels-last images, whose channels are its batch and whose batch is summed over.
func (r *rewriter) kernelGradient(n *ir.Node, a ir.Conv) *ir.Node {
	last := []int{1, 2}
	if len(a.Strides) != 2 || a.ChannelGroupCount > 1 || !slices.Equal(a.InputDilations, []int{1, 1}) ||
		a.Axes.InputBatch != 3 || a.Axes.InputChannels != 0 || !slices.Equal(a.Axes.InputSpatial, last) ||
		a.Axes.KernelInputChannels != 0 || a.Axes.KernelOutputChannels != 3 ||
		!slices.Equal(a.Axes.KernelSpatial, last) {
		return nil
	}
	x, dy, out := n.In[0].Shape.Dimensions, n.In[1].Shape.Dimensions, n.Shape.Dimensions
	g := conv.Geometry{
		Batch: x[0], InH: x[1], InW: x[2], InC: x[3],
		OutH: dy[1], OutW: dy[2], OutC: dy[3], KH: out[a.Axes.OutputSpatial[0]], KW: out[a.Axes.OutputSpatial[1]],
		StrideH: a.KernelDilations[0], StrideW: a.KernelDilations[1], PadTop: a.Paddings[0][0],
		PadLeft: a.Paddings[1][0],
		InDilH:  1, InDilW: 1, KerDilH: a.Strides[0], KerDilW: a.Strides[1], Groups: 1,
	}
	k := node(opKernelGradient, g, []int{g.OutC, g.InC, g.KH, g.KW}, n.In[0], n.In[1])
	perm := slices.Concat([]int{a.Axes.OutputChannels, a.Axes.OutputBatch}, a.Axes.OutputSpatial)
	return transposed(k, inverse(perm))
}
