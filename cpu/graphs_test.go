package cpu_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
)

// A spec says which random graph to build. Every step takes its decisions from a generator of its own, so the first
// steps do not change with their number, and a graph is the same for every type of its floats.
type spec struct {
	seed     uint64
	steps    int
	cut      map[int]bool // steps whose value is an input instead
	only     bool         // the last value is the only output, and no gradient is taken
	gradient bool         // only, of the gradients
}

func specOf(seed uint64) spec {
	r := rand.New(rand.NewPCG(seed, 1<<40))
	return spec{seed: seed, steps: 1 + r.IntN(3+r.IntN(16))}
}

// val is a value of a graph under construction.
type val struct {
	*Node
	name  string
	from  []*val
	text  string
	bound float64 // no element is larger; infinite if nothing is known
	whole bool    // whole numbers, which float32 holds, as it holds everything they are computed from
}

// given is an input: whole numbers from -4 to 4, or others up to 2; for integers in [0, among) if that is not 0.
type given struct {
	dtype dtypes.DType
	dims  []int
	whole bool
	among int
}

// values returns the elements, and nudged ones, which differ by a rounding, of those that are not whole.
func (in given) values(r *rand.Rand) (exact, nudged []float64) {
	exact = make([]float64, shapes.Make(in.dtype, in.dims...).Size())
	nudged = make([]float64, len(exact))
	for i := range exact {
		switch {
		case in.among > 0:
			exact[i] = float64(r.IntN(in.among))
		case in.dtype == dtypes.Bool:
			exact[i] = float64(r.IntN(2))
		case in.whole:
			exact[i] = float64(r.IntN(9) - 4)
		default:
			exact[i] = float64(float32(4*r.Float64() - 2))
			nudged[i] = exact[i] * (1 + 0x1p-23*float64(2*r.IntN(2)-1))
			continue
		}
		nudged[i] = exact[i]
	}
	return exact, nudged
}

// builder builds a graph.
type builder struct {
	*rand.Rand // of the step
	spec
	g        *Graph
	float    dtypes.DType // Float64 in the reference
	portable bool         // the portable backend is to run it
	limit    int          // elements of a value
	dim      int          // largest random dimension
	vals     []*val
	inputs   []given
	lines    []string
	used     []*val  // by the step
	guards   []*Node // scalars: how near, relative to its size, something is to where its function jumps
}

// build builds the graph in g and returns its outputs.
func (s spec) build(g *Graph, float dtypes.DType, portable bool) (b *builder, outs []*val) {
	b = &builder{spec: s, g: g, float: float, portable: portable, limit: 2000, dim: 7}
	b.Rand = rand.New(rand.NewPCG(s.seed, 1<<41))
	if b.IntN(8) == 0 {
		b.limit, b.dim = 40_000, 70
	}
	b.start()
	for i := range s.steps {
		b.Rand = rand.New(rand.NewPCG(s.seed, uint64(i)))
		b.step(i)
	}
	b.Rand = rand.New(rand.NewPCG(s.seed, 1<<42))
	if s.only {
		return b, b.vals[len(b.vals)-1:]
	}
	if !s.gradient {
		outs = b.outputs()
	}
	if s.gradient || b.IntN(2) == 0 {
		outs = append(outs, b.gradients()...)
	}
	if len(outs) == 0 {
		outs = b.vals[len(b.vals)-1:]
	}
	return b, outs
}

// start puts some inputs in place.
func (b *builder) start() {
	for range 1 + b.IntN(3) {
		b.add(b.fresh(b.dims(b.IntN(5)), b.IntN(3) == 0))
	}
}

// step adds one value.
func (b *builder) step(i int) {
	total := 0
	for _, m := range makers {
		total += m.weight
	}
	for {
		b.used = nil
		n, m := b.IntN(total), 0
		for n >= makers[m].weight {
			n -= makers[m].weight
			m++
		}
		inputs, guards := len(b.inputs), len(b.guards)
		v := makers[m].make(b)
		if v == nil || v.Shape().Size() > 4*b.limit {
			if len(b.inputs) > inputs { // they are parameters already, and so have to stay
				v = nil
			}
			b.guards = b.guards[:guards]
			continue
		}
		if v.text == "" {
			v.text = makers[m].name
		}
		v.from = b.used
		b.tame(v)
		if b.cut[i] {
			in := b.fresh(v.Shape().Dimensions, v.whole)
			if v.DType() != b.float {
				in = b.freshOf(given{dtype: v.DType(), dims: v.Shape().Dimensions, among: 2})
			}
			in.text, in.bound = "input instead of "+v.text, v.bound
			v = in
		}
		b.add(v)
		return
	}
}

// tame scales what could become too large.
func (b *builder) tame(v *val) {
	if v.DType() != b.float || v.bound <= 1000 || math.IsInf(v.bound, 1) || v.whole && v.bound < 1<<20 {
		return
	}
	k := math.Ceil(math.Log2(v.bound / 16))
	v.Node, v.bound, v.whole = MulScalar(v.Node, math.Exp2(-k)), v.bound*math.Exp2(-k), false
	v.text += fmt.Sprintf(" · 2^-%g", k)
}

func (b *builder) add(v *val) {
	v.name = fmt.Sprintf("v%d", len(b.vals))
	b.vals = append(b.vals, v)
	var from []string
	for _, f := range v.from {
		from = append(from, f.name)
	}
	kind := ""
	if v.whole {
		kind = " whole"
	}
	b.lines = append(b.lines, fmt.Sprintf("%s = %s (%s)  %s%s", v.name, v.text, strings.Join(from, ", "), v.Shape(),
		kind))
}

// dump lists what v needs.
func (b *builder) dump(outs []*val) string {
	needed := map[*val]bool{}
	var visit func(v *val)
	visit = func(v *val) {
		if !needed[v] {
			needed[v] = true
			for _, f := range v.from {
				visit(f)
			}
		}
	}
	var text strings.Builder
	for _, o := range outs {
		visit(o)
	}
	for i, v := range b.vals {
		if needed[v] {
			fmt.Fprintln(&text, "   ", b.lines[i])
		}
	}
	for _, o := range outs {
		fmt.Fprintln(&text, "    output", o.name, o.text, o.Shape())
	}
	return text.String()
}

// dims returns random dimensions of at most limit elements.
func (b *builder) dims(rank int) []int {
	for {
		dims, n := make([]int, rank), 1
		for i := range dims {
			dims[i] = 1 + b.IntN(b.dim)
			if b.IntN(5) == 0 {
				dims[i] = 1
			}
			n *= dims[i]
		}
		if n <= b.limit {
			return dims
		}
	}
}

// freshOf returns a new input.
func (b *builder) freshOf(in given) *val {
	p := Parameter(b.g, fmt.Sprintf("in%d", len(b.inputs)), shapes.Make(in.dtype, in.dims...))
	b.inputs = append(b.inputs, in)
	v := &val{Node: p, text: "input", bound: 2}
	if in.whole {
		v.bound, v.whole = 4, true
	}
	return v
}

// fresh returns a new input of floats.
func (b *builder) fresh(dims []int, whole bool) *val {
	return b.freshOf(given{dtype: b.float, dims: slices.Clone(dims), whole: whole})
}

// pick returns a value that is wanted, the later the more likely, or nil.
func (b *builder) pick(want func(*val) bool) *val {
	for range 20 {
		v := b.vals[max(b.IntN(len(b.vals)), b.IntN(len(b.vals)))]
		if !math.IsInf(v.bound, 1) && want(v) {
			b.used = append(b.used, v)
			return v
		}
	}
	return nil
}

// pickFloat returns a float of at least the given rank.
func (b *builder) pickFloat(rank int) *val {
	return b.pick(func(v *val) bool { return v.DType() == b.float && v.Rank() >= rank && v.Shape().Size() > 0 })
}

// partner returns a value that can be combined with x element by element, if need be after spreading either.
func (b *builder) partner(x *val) *val {
	if b.IntN(3) > 0 {
		y := b.pick(func(y *val) bool {
			if y.DType() != x.DType() {
				return false
			}
			n, ok := spread(x.Shape().Dimensions, y.Shape().Dimensions)
			return ok && n <= b.limit
		})
		if y != nil {
			return y
		}
	}
	dims := slices.Clone(x.Shape().Dimensions)
	switch b.IntN(4) {
	case 0: // a scalar
		dims = nil
	case 1: // a vector along one axis
		if x.Rank() > 0 {
			keep := b.IntN(x.Rank())
			for i := range dims {
				if i != keep {
					dims[i] = 1
				}
			}
		}
	case 2: // whatever
		for i := range dims {
			if b.IntN(2) == 0 {
				dims[i] = 1
			}
		}
	}
	y := b.fresh(dims, x.whole && b.IntN(3) > 0)
	if b.IntN(4) == 0 && len(dims) > 0 && x.Rank() > 0 { // a constant instead
		y.Node, y.bound, y.whole = ConvertDType(Iota(b.g, shapes.Make(dtypes.Int32, dims...), b.IntN(len(dims))),
			b.float), float64(b.dim), true
	}
	b.addInput(y)
	return y
}

// addInput lists an input that a step needed, before the step.
func (b *builder) addInput(v *val) {
	b.add(v)
	b.used = append(b.used, v)
}

// weight returns a new input for a step.
func (b *builder) weight(dims ...int) *val {
	w := b.fresh(dims, false)
	b.addInput(w)
	return w
}

// spread returns the size of the common shape.
func spread(x, y []int) (size int, ok bool) {
	if len(x) == 0 || len(y) == 0 {
		x, y = slices.Concat(x, y), nil
	}
	size = 1
	for i, d := range x {
		if y != nil {
			if len(x) != len(y) || d != y[i] && d != 1 && y[i] != 1 {
				return 0, false
			}
			d = max(d, y[i])
		}
		size *= d
	}
	return size, true
}

// guard remembers how near d comes to zero, beside the size of what it was computed from. Exact zeros are fine.
func (b *builder) guard(d *Node, whole bool) {
	if b.float != dtypes.Float64 || whole || d.Shape().Size() == 0 {
		return
	}
	a := StopGradient(Abs(d))
	most := AddScalar(ReduceAllMax(a), 1e-3)
	b.guards = append(b.guards, ReduceAllMin(Div(Where(Equal(a, ZerosLike(a)), OnesLike(a), a), most)))
}

// outputs chooses some values.
func (b *builder) outputs() []*val {
	outs := []*val{b.vals[len(b.vals)-1]}
	for range b.IntN(4) {
		v := b.vals[max(b.IntN(len(b.vals)), b.IntN(len(b.vals)))]
		if b.IntN(4) == 0 {
			w := *v
			w.Node, w.text, w.from = Reshape(v.Node, v.Shape().Size()), "reshaped "+v.name, []*val{v}
			v = &w
		}
		outs = append(outs, v)
	}
	return outs
}
