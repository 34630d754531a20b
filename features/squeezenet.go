package features

import (
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// MinSize is the least side of an image: of a smaller one nothing is left after the last pool.
const MinSize = 17

// fires are the modules by their names in the file: slice, place in torchvision's list, width of the squeeze and of
// each expansion. A pool comes before those with pool set.
var fires = []struct {
	slice, place, squeeze, expand int
	pool                          bool
}{
	{2, 3, 16, 64, true}, {2, 4, 16, 64, false},
	{3, 6, 32, 128, true}, {3, 7, 32, 128, false},
	{4, 9, 48, 192, true},
	{5, 10, 48, 192, false},
	{6, 11, 64, 256, false},
	{7, 12, 64, 256, false},
}

// maps returns the seven maps [B, h, w, C] of images [B, 3, S, S] in [-1, 1].
func maps(p engine.Params, image *Node) []*Node {
	checkImage(image)
	scaling := p.In("scaling_layer")
	x := Div(Sub(image, scaling.Get("shift", 1, 3, 1, 1)), scaling.Get("scale", 1, 3, 1, 1))
	x = TransposeAllDims(x, 0, 2, 3, 1)
	x = engine.ReLU(engine.Conv2D(slice(p, 1).In("0"), x, 64, 3, 2, [2]int{}))
	out := []*Node{x}
	for i, f := range fires {
		if f.pool {
			x = maxPool(x)
		}
		x = fire(slice(p, f.slice).In(fmt.Sprint(f.place)), x, f.squeeze, f.expand)
		if i+1 == len(fires) || fires[i+1].slice > f.slice {
			out = append(out, x)
		}
	}
	return out
}

func slice(p engine.Params, i int) engine.Params { return p.In("net").In(fmt.Sprintf("slice%d", i)) }

func checkImage(image *Node) {
	s := image.Shape()
	if s.Rank() != 4 || s.Dim(1) != 3 || min(s.Dim(2), s.Dim(3)) < MinSize {
		panic(fmt.Errorf("features: images have shape %s, want [B, 3, S, S] with S at least %d", s, MinSize))
	}
}

func fire(p engine.Params, x *Node, squeeze, expand int) *Node {
	s := engine.ReLU(engine.Conv2D(p.In("squeeze"), x, squeeze, 1, 1, [2]int{}))
	return Concatenate([]*Node{
		engine.ReLU(engine.Conv2D(p.In("expand1x1"), s, expand, 1, 1, [2]int{})),
		engine.ReLU(engine.Conv2D(p.In("expand3x3"), s, expand, 3, 1, [2]int{1, 1})),
	}, -1)
}

// maxPool takes the largest of 3×3 squares, every second row and column. The last square may reach over the edge by
// one, PyTorch's ceil_mode.
func maxPool(x *Node) *Node {
	over := func(n int) [2]int { return [2]int{0, (n + 1) % 2} }
	return MaxPool(x).Window(3).Strides(2).PaddingPerDim([][2]int{over(x.Shape().Dim(1)),
		over(x.Shape().Dim(2))}).Done()
}

// Features returns the features [B, Width] of images [B, 3, S, S] in [-1, 1].
func Features(p engine.Params, image *Node) *Node {
	all := maps(p, image)
	return ReduceMean(all[len(all)-1], 1, 2)
}
