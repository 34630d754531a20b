package evaluate

import (
	"math"
	"strconv"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// SwinT is the transformer of Liu et al. 2021, arXiv:2103.14030, as torchvision has it (swin_t): patches of 4×4, then
// stages of blocks that attend within windows of 7×7, in every second block shifted by 3, between which 2×2 patches
// become one.
//
//	x                                    [B, h, w, C]
//	attention: a = softmax(q·kᵀ/√d + bias + mask)·v of each window, bias by the place of key to query,
//	           mask −100 between parts that the shift has brought together
type SwinT struct {
	Classes int
	Drop    float64 // of the last block's rows, of earlier ones in proportion; 0.2 as published
}

const (
	swinPatch     = 4
	swinWindow    = 7
	swinWidth     = 96
	swinHeads     = 3 // of the first stage; each further stage has twice those of the one before, and the width too
	positionTable = "relative_position_bias_table"
)

var swinBlocks = [4]int{2, 2, 6, 2}

// Start implements [Net]: the patches' convolution is PyTorch's default; linear weights are normal with σ = 0.02, their
// biases 0.
func (SwinT) Start(weight []int, bias bool) Start { return transformerStart(weight, bias) }

// Forward implements [Net].
func (s SwinT) Forward(p engine.Params, x *Node, training bool) *Node {
	mustBeAtLeast(x, swinPatch)
	drop, done, width, heads := newDropout(p, training && s.Drop > 0), 0, swinWidth, swinHeads
	patches := p.At("features", 0)
	x = engine.Conv2D(patches.In("0"), channelsLast(x), width, swinPatch, swinPatch, [2]int{})
	x = engine.AffineLayerNorm(patches.In("2"), x, epsilon)
	for stage, blocks := range swinBlocks {
		if stage > 0 {
			width, heads = 2*width, 2*heads
			x = s.merge(p.At("features", 2*stage), x)
		}
		for i := range blocks {
			share := s.Drop * float64(done) / 11 // twelve blocks, from 0 to Drop
			block := p.At("features", 2*stage+1).In(strconv.Itoa(i))
			y := s.attention(block.In("attn"), engine.AffineLayerNorm(block.In("norm1"), x, epsilon), heads, i%2 == 1)
			x = Add(x, drop.rows(y, share))
			y = engine.AffineLayerNorm(block.In("norm2"), x, epsilon)
			y = engine.ExactGELU(engine.Linear(block.In("mlp").In("0"), y, 4*width))
			x = Add(x, drop.rows(engine.Linear(block.In("mlp").In("3"), y, width), share))
			done++
		}
	}
	x = ReduceMean(engine.AffineLayerNorm(p.In("norm"), x, epsilon), 1, 2)
	return engine.Linear(p.In("head"), x, s.Classes)
}

// merge makes one place of 2×2, of twice the width; odd sides get a row or column of zeros.
func (SwinT) merge(p engine.Params, x *Node) *Node {
	c := x.Shape().Dim(3)
	x = padTo(x, 2)
	at := func(i, j int) *Node {
		return Slice(x, AxisRange(), AxisRange(i).Stride(2), AxisRange(j).Stride(2), AxisRange())
	}
	x = Concatenate([]*Node{at(0, 0), at(1, 0), at(0, 1), at(1, 1)}, -1)
	return engine.Product(p.In("reduction"), engine.AffineLayerNorm(p.In("norm"), x, epsilon), 2*c)
}

// padTo adds zeros below and to the right so that n divides both sides.
func padTo(x *Node, n int) *Node {
	for axis := 1; axis <= 2; axis++ {
		x = engine.ZeroPad(x, axis, 0, (n-x.Shape().Dim(axis)%n)%n)
	}
	return x
}

// attention is of windows of x [B, h, w, C].
func (SwinT) attention(p engine.Params, x *Node, heads int, shifted bool) *Node {
	const side, n = swinWindow, swinWindow * swinWindow
	b, h, w, c := x.Shape().Dim(0), x.Shape().Dim(1), x.Shape().Dim(2), x.Shape().Dim(3)
	x = padTo(x, side)
	rows, cols := x.Shape().Dim(1), x.Shape().Dim(2)
	shift := [2]int{}
	if shifted { // not along a side that is one window
		for i, size := range []int{rows, cols} {
			if size > side {
				shift[i] = side / 2
			}
		}
	}
	x = roll(roll(x, 1, shift[0]), 2, shift[1])
	windows := rows / side * (cols / side)
	x = Reshape(x, b, rows/side, side, cols/side, side, c)
	x = Reshape(TransposeAllDims(x, 0, 1, 3, 2, 4, 5), b*windows, n, c)
	qkv := Reshape(engine.Linear(p.In("qkv"), x, 3*c), b*windows, n, 3, heads, c/heads)
	part := func(i int) *Node {
		one := Slice(qkv, AxisRange(), AxisRange(), AxisRange(i, i+1), AxisRange(), AxisRange())
		return Reshape(one, b*windows, n, heads, c/heads)
	}
	scores := MulScalar(Einsum("bqhd,bkhd->bhqk", part(0), part(1)), 1/math.Sqrt(float64(c/heads)))
	table := p.Get(positionTable, (2*side-1)*(2*side-1), heads)
	bias := TransposeAllDims(Reshape(Gather(table, Const(x.Graph(), places())), n, n, heads), 2, 0, 1)
	scores = Add(scores, ExpandAxes(bias, 0))
	if shift != [2]int{} {
		mask := Const(x.Graph(), masks(rows, cols, shift)) // [windows·n·n]
		scores = Reshape(scores, b, windows, heads, n, n)
		scores = Add(scores, Reshape(mask, 1, windows, 1, n, n))
		scores = Reshape(scores, b*windows, heads, n, n)
	}
	y := Reshape(Einsum("bhqk,bkhd->bqhd", Softmax(scores, -1), part(2)), b*windows, n, c)
	y = engine.Linear(p.In("proj"), y, c)
	y = Reshape(y, b, rows/side, cols/side, side, side, c)
	y = Reshape(TransposeAllDims(y, 0, 1, 3, 2, 4, 5), b, rows, cols, c)
	y = roll(roll(y, 1, (rows-shift[0])%rows), 2, (cols-shift[1])%cols)
	if rows != h || cols != w {
		y = Slice(y, AxisRange(), AxisRange(0, h), AxisRange(0, w), AxisRange())
	}
	return y
}

// roll moves x along an axis towards 0 by n places, around the end.
func roll(x *Node, axis, n int) *Node {
	if n == 0 {
		return x
	}
	part := func(spec SliceAxisSpec) *Node {
		specs := []SliceAxisSpec{AxisRange(), AxisRange(), AxisRange(), AxisRange()}
		specs[axis] = spec
		return Slice(x, specs...)
	}
	return Concatenate([]*Node{part(AxisRange(n)), part(AxisRange(0, n))}, axis)
}

// places returns for query and key, [n·n, 1], the row of the table of their distance.
func places() [][]int32 {
	const side, n = swinWindow, swinWindow * swinWindow
	list := make([][]int32, 0, n*n)
	for q := range n {
		for k := range n {
			dy, dx := q/side-k/side+side-1, q%side-k%side+side-1
			list = append(list, []int32{int32(dy*(2*side-1) + dx)})
		}
	}
	return list
}

// masks returns, [windows·n·n], −100 where query and key of a window are of different parts of the image.
func masks(rows, cols int, shift [2]int) []float32 {
	const side, n = swinWindow, swinWindow * swinWindow
	part := func(at, size, shift int) int { // before the last window, in it, and what came around
		switch {
		case at < size-side:
			return 0
		case at < size-shift:
			return 1
		}
		return 2
	}
	var list []float32
	for top := 0; top < rows; top += side {
		for left := 0; left < cols; left += side {
			var parts [n]int
			for i := range parts {
				parts[i] = 3*part(top+i/side, rows, shift[0]) + part(left+i%side, cols, shift[1])
			}
			for q := range n {
				for k := range n {
					value := float32(0)
					if parts[q] != parts[k] {
						value = -100
					}
					list = append(list, value)
				}
			}
		}
	}
	return list
}
