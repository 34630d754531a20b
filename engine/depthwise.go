package engine

import (
	. "github.com/gomlx/gomlx/core/graph"
)

// Depthwise is the k×k convolution of each channel of x [B, H, W, C] by its own kernel, weight [C, 1, k, k], without
// bias, that keeps the size up to its stride. Where gradients are wanted it is a sum over the kernel's places,
//
//	y[h, w] = Σ_ij x[s·h + i − ⌊k/2⌋, s·w + j − ⌊k/2⌋] · weight[i, j]
//
// since gomlx makes gradients of a convolution in C groups as C convolutions.
func Depthwise(p Params, x *Node, k, stride int, gradients bool) *Node {
	h, w, c := x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	weight, pad := like(x, p.Get("weight", c, 1, k, k)), k/2
	if !gradients {
		return ConvGeneral(x, weight, channelsLast, []int{stride, stride}, [][2]int{{pad, pad}, {pad, pad}}, nil, nil,
			c, 1)
	}
	taps := TransposeAllDims(Reshape(weight, c, k*k), 1, 0)
	x = ZeroPad(ZeroPad(x, 1, pad, pad), 2, pad, pad)
	from := func(i, n int) SliceAxisSpec { return AxisRange(i, i+(n-1)/stride*stride+1).Stride(stride) }
	var y *Node
	for i := range k {
		for j := range k {
			tap := Reshape(Slice(taps, AxisRange(i*k+j, i*k+j+1)), 1, 1, 1, c)
			part := Mul(Slice(x, AxisRange(), from(i, h), from(j, w)), tap)
			if y == nil {
				y = part
			} else {
				y = Add(y, part)
			}
		}
	}
	return y
}

// ZeroPad adds zeros before and after x along an axis. gomlx knows no gradient of Pad.
func ZeroPad(x *Node, axis, before, after int) *Node {
	var parts []*Node
	zeros := func(n int) {
		if n > 0 {
			shape := x.Shape().Clone()
			shape.Dimensions[axis] = n
			parts = append(parts, Zeros(x.Graph(), shape))
		}
	}
	zeros(before)
	parts = append(parts, x)
	zeros(after)
	if len(parts) == 1 {
		return x
	}
	return Concatenate(parts, axis)
}
