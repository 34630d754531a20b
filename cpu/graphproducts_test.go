package cpu_test

import (
	"fmt"
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/layers/activation"
	"github.com/gomlx/gomlx/ml/nn"
)

func (b *builder) dense() *val {
	x := b.pickFloat(2)
	if x == nil {
		return nil
	}
	in, out := x.Shape().Dim(-1), 1+b.IntN(b.dim+10)
	if x.Shape().Size()/in*out > b.limit || in*out > b.limit {
		return nil
	}
	layout, dims := compute.DenseLayoutInputOutputs, []int{in, out}
	if b.IntN(2) == 0 {
		layout, dims = compute.DenseLayoutOutputsInput, []int{out, in}
	}
	w := b.weight(dims...)
	var bias *Node
	if b.IntN(3) > 0 {
		bias = b.weight(out).Node
	}
	acts := []activation.Type{activation.TypeNone, activation.TypeNone, activation.TypeGelu, activation.TypeSwish,
		activation.TypeTanh}
	act := acts[b.IntN(len(acts))]
	return &val{Node: nn.Dense(x.Node, w.Node, bias, layout, act), bound: 2*x.bound*float64(in) + 2,
		text: fmt.Sprint("Dense ", layout, act, bias != nil)}
}

// dot contracts and batches random axes of x with a weight, or another value, whose axes come in any order.
func (b *builder) dot() *val {
	x := b.pickFloat(1)
	if x == nil {
		return nil
	}
	perm := b.Perm(x.Rank())
	contract := perm[:b.IntN(min(2, x.Rank())+1)]
	batch := perm[len(contract) : len(contract)+b.IntN(x.Rank()-len(contract)+1)]
	kinds := slices.Concat(contract, batch)
	var dims []int
	for _, a := range kinds {
		dims = append(dims, x.Shape().Dimensions[a])
	}
	size := x.Shape().Size()
	for range b.IntN(3) {
		dims = append(dims, 1+b.IntN(b.dim))
	}
	bound := 2 * x.bound
	for i, d := range dims {
		if i < len(contract) {
			size /= d
			bound *= float64(d)
		}
		if i >= len(kinds) {
			size *= d
		}
	}
	if size > b.limit || product(dims) > b.limit {
		return nil
	}
	order := b.Perm(len(dims)) // axis i of y is dims[order[i]]
	place := make([]int, len(dims))
	ydims := make([]int, len(dims))
	for i, o := range order {
		ydims[i], place[o] = dims[o], i
	}
	y := b.fresh(ydims, x.whole)
	b.addInput(y)
	ycontract, ybatch := place[:len(contract)], place[len(contract):len(kinds)]
	v := &val{bound: bound * 2, whole: x.whole, text: fmt.Sprint("DotGeneral ", contract, batch, ycontract, ybatch)}
	if b.IntN(2) == 0 {
		v.Node = DotGeneral(x.Node, contract, batch, y.Node, ycontract, ybatch)
	} else {
		v.Node, v.text = DotGeneral(y.Node, ycontract, ybatch, x.Node, contract, batch), v.text+" swapped"
	}
	return v
}

// gram multiplies a value with itself, transposed.
func (b *builder) gram() *val {
	x := b.pickFloat(2)
	if x == nil || x.Rank() > 3 {
		return nil
	}
	d := x.Shape().Dimensions
	rank := len(d)
	if x.Shape().Size()/d[rank-1]*d[rank-2] > b.limit {
		return nil
	}
	batch := []int{0}[:rank-2]
	y := DotGeneral(x.Node, []int{rank - 1}, batch, x.Node, []int{rank - 1}, batch)
	return &val{Node: y, bound: x.bound * x.bound * float64(d[rank-1]), whole: x.whole}
}

// conv convolves over one or two dimensions, with axes in any order, and perhaps a bias and an activation.
func (b *builder) conv() *val {
	x := b.pick(func(v *val) bool { return v.DType() == b.float && v.Rank() >= 3 && v.Rank() <= 4 })
	if x == nil || b.IntN(4) == 0 {
		x = b.image()
	}
	spatial := x.Rank() - 2
	inAxes, kerAxes, outAxes := b.Perm(x.Rank()), b.Perm(x.Rank()), b.Perm(x.Rank())
	if b.IntN(3) > 0 { // channels last
		inAxes, outAxes = []int{0, 3, 1, 2}[:x.Rank()], []int{0, 3, 1, 2}[:x.Rank()]
		kerAxes = []int{2, 3, 0, 1}
		if spatial == 1 {
			inAxes, outAxes, kerAxes = []int{0, 2, 1}, []int{0, 2, 1}, []int{1, 2, 0}
		}
	}
	if b.seed%2 == 0 { // as networks store them: output channels first
		kerAxes = []int{1, 0, 2, 3}[:x.Rank()]
	}
	c := compute.ConvolveAxesConfig{InputBatch: inAxes[0], InputChannels: inAxes[1], InputSpatial: inAxes[2:],
		KernelInputChannels:  kerAxes[0],
		KernelOutputChannels: kerAxes[1], KernelSpatial: kerAxes[2:], OutputBatch: outAxes[0],
		OutputChannels: outAxes[1], OutputSpatial: outAxes[2:]}
	d := x.Shape().Dimensions
	in, out, groups, batches := d[c.InputChannels], 1+b.IntN(10), 1, 1
	switch b.IntN(6) {
	case 0:
		groups = 1 + b.IntN(in)
		for in%groups != 0 {
			groups--
		}
		out = groups * (1 + b.IntN(3))
	case 1:
		batches = 1 + b.IntN(d[c.InputBatch])
		for d[c.InputBatch]%batches != 0 {
			batches--
		}
		out = batches * (1 + b.IntN(3))
	}
	strides, pads := make([]int, spatial), make([][2]int, spatial)
	inDil, kerDil := make([]int, spatial), make([]int, spatial)
	kernel := make([]int, x.Rank())
	kernel[c.KernelInputChannels], kernel[c.KernelOutputChannels] = in/groups, out
	odd := b.IntN(3) == 0
	size := []int{1, 3, 3, 3, 3, 2, 5, 7}[b.IntN(8)]
	count := in / groups
	for i := range spatial {
		k := size
		strides[i], inDil[i], kerDil[i] = 1, 1, 1
		pads[i] = [2]int{k / 2, k / 2}
		if odd {
			k = 1 + b.IntN(4)
			strides[i], pads[i] = 1+b.IntN(3), [2]int{b.IntN(3), b.IntN(3)}
			inDil[i], kerDil[i] = 1+b.IntN(2)*b.IntN(2), 1+b.IntN(2)*b.IntN(2)
		}
		if padded := (d[c.InputSpatial[i]]-1)*inDil[i] + 1 + pads[i][0] + pads[i][1]; padded < (k-1)*kerDil[i]+1 {
			return nil
		}
		kernel[c.KernelSpatial[i]] = k
		count *= k
	}
	if !odd && b.IntN(3) == 0 {
		for i := range spatial {
			strides[i] = 2
		}
	}
	if product(kernel) > b.limit {
		return nil
	}
	w := b.weight(kernel...)
	y := b.convolve(batches, x.Node, w.Node, c, func(x, w *Node, batches int) *Node {
		return ConvGeneral(x, w, c, strides, pads, inDil, kerDil, groups, batches)
	})
	v := &val{bound: 2 * x.bound * float64(count),
		text: fmt.Sprintf("Conv kernel %v, in %v, ker %v, out %v, strides %v, pads %v, dilations %v %v, groups %d %d",
			kernel, inAxes, kerAxes, outAxes, strides, pads, inDil, kerDil, groups, batches)}
	if b.IntN(2) == 0 {
		dims := slices.Repeat([]int{1}, x.Rank())
		dims[c.OutputChannels] = out
		y = Add(y, Reshape(b.weight(out).Node, dims...))
		v.bound += 2
		v.text += " +bias"
		if b.IntN(2) == 0 {
			y = Mul(y, Sigmoid(y))
			v.text += " silu"
		}
	}
	v.Node = y
	return v
}

// convolve convolves groups of the batch; the portable backend, which takes the wrong ones, one by one.
func (b *builder) convolve(batches int, x, w *Node, c compute.ConvolveAxesConfig,
	conv func(x, w *Node, batches int) *Node) *Node {
	if batches == 1 || !b.portable {
		return conv(x, w, batches)
	}
	var parts []*Node
	xs, ws := Split(x, c.InputBatch, batches), Split(w, c.KernelOutputChannels, batches)
	for i := range batches {
		parts = append(parts, conv(xs[i], ws[i], 1))
	}
	return Concatenate(parts, c.OutputChannels)
}

func (b *builder) pool() *val {
	x := b.image()
	d := x.Shape().Dimensions
	window := []int{1 + b.IntN(min(3, d[1])), 1 + b.IntN(min(3, d[2]))}
	strides := []int{1 + b.IntN(3), 1 + b.IntN(3)}
	kinds := []func(*Node) *PoolBuilder{MaxPool, MeanPool, SumPool, MinPool}
	kind := b.IntN(4)
	if kind%3 == 0 {
		b.guardWindow(x, window)
	}
	if kind%3 != 0 { // the gradient of the portable backend is wrong where windows leave gaps
		strides = []int{min(strides[0], window[0]), min(strides[1], window[1])}
	}
	p := kinds[kind](x.Node).WindowPerAxis(window...).StridePerAxis(strides...)
	text := []string{"MaxPool", "MeanPool", "SumPool", "MinPool"}[kind] + fmt.Sprint(window, strides)
	if b.IntN(2) == 0 {
		p, text = p.PadSame(), text+" same"
	} else {
		p = p.NoPadding()
	}
	return &val{Node: p.Done(), bound: 9 * x.bound, whole: x.whole && kind != 1, text: text}
}

// guardWindow guards the differences between neighbours.
func (b *builder) guardWindow(x *val, window []int) {
	if b.float != dtypes.Float64 || x.whole {
		return
	}
	d := x.Shape().Dimensions
	for dy := range window[0] {
		for dx := 1 - window[1]; dx < window[1]; dx++ {
			if dy == 0 && dx <= 0 {
				continue
			}
			low, high := max(0, -dx), max(0, dx)
			a := Slice(x.Node, AxisRange(), AxisRange(0, d[1]-dy), AxisRange(low, d[2]-high), AxisRange())
			c := Slice(x.Node, AxisRange(), AxisRange(dy, d[1]), AxisRange(high, d[2]-low), AxisRange())
			b.guard(Sub(a, c), false)
		}
	}
}

// attention of a value [batch, tokens, heads·width], the reference by products and softmax.
func (b *builder) attention() *val {
	x := b.pick(func(v *val) bool { return v.DType() == b.float && v.Rank() == 3 })
	// by one token it is an identity, and its gradient all roundings
	if x == nil || x.bound > 100 || x.Shape().Dim(1) == 1 {
		return nil
	}
	d := x.Shape().Dimensions
	if 24*d[2] > b.limit || d[0]*d[1]*d[1] > b.limit {
		return nil
	}
	heads := 1 + b.IntN(3)
	width := 1 + b.IntN(8)
	part := func() *Node {
		y := nn.Dense(x.Node, MulScalar(b.weight(heads*width, d[2]).Node, 1/math.Sqrt(float64(d[2]))), nil,
			compute.DenseLayoutOutputsInput)
		return Reshape(y, d[0], d[1], heads, width)
	}
	q, k, v := part(), part(), part()
	scale := float64(float32(1 / math.Sqrt(float64(width)) / (1 + x.bound/4)))
	var y *Node
	if b.portable { // has no such operation
		scores := MulScalar(Einsum("bqhd,bkhd->bhqk", q, k), scale)
		y = Einsum("bhqk,bkhd->bqhd", Softmax(scores, -1), v)
	} else {
		y, _ = BackendFusedScaledDotProductAttention(q, k, v, compute.AttentionAxesLayoutBSHD,
			&compute.ScaledDotProductAttentionConfig{Scale: scale})
	}
	return &val{Node: Reshape(y, d[0], d[1], heads*width), bound: 2 * x.bound * math.Sqrt(float64(d[2])),
		text: fmt.Sprintf("Attention of %d×%d", heads, width)}
}

// residual adds to x a function of x.
func (b *builder) residual() *val {
	x := b.pickFloat(2)
	if x == nil {
		return nil
	}
	d := x.Shape().Dimensions
	h := x.Node
	width := d[x.Rank()-1]
	if 2*width*width > b.limit {
		return nil
	}
	if width > 2 {
		h = nn.LayerNorm(h, []int{-1}, 1e-3, nil, nil, nil)
	}
	h = nn.Dense(h, b.weight(2*width, width).Node, b.weight(2*width).Node, compute.DenseLayoutOutputsInput)
	h = activation.GeluApproximate(h)
	h = nn.Dense(h, b.weight(width, 2*width).Node, b.weight(width).Node, compute.DenseLayoutOutputsInput)
	return &val{Node: Add(x.Node, h), bound: x.bound + 8*math.Pow(float64(width), 2.5) + 8, text: "x + mlp(x)"}
}
