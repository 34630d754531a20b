package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"sync"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/weights"
)

// Func builds a network's graph: from in, and from the tensors it asks p for. Like all graph
// functions it panics on wrong shapes; [Program.Run] and [Engine.Declare] return that as an error.
type Func func(p Params, in []*Node) []*Node

// Params hands a network its tensors by name while its graph is being built.
type Params struct {
	binding *binding
	prefix  string
}

// In returns the tensors whose names start with scope and a dot, under their names after it.
func (p Params) In(scope string) Params { return Params{p.binding, p.prefix + scope + "."} }

// At is In for the i-th of a list: its names start with scope, a dot, i and a dot.
func (p Params) At(scope string, i int) Params { return p.In(scope).In(strconv.Itoa(i)) }

// Get returns the tensor of the given name and shape, float32.
func (p Params) Get(name string, dims ...int) *Node {
	return p.binding.get(weights.Spec{Name: p.prefix + name, Shape: dims})
}

// Set makes value the tensor of the given name after each run of the [Program]: the next step's
// parameters, momenta, running means. The network must have asked for it; its shape stays.
func (p Params) Set(name string, value *Node) {
	old, ok := p.binding.nodes[p.prefix+name]
	if !ok {
		panic(fmt.Errorf("tensor %s is set but was not asked for", p.prefix+name))
	}
	if !value.Shape().Equal(old.Shape()) {
		panic(fmt.Errorf("tensor %s is set to %s, want %s", p.prefix+name, value.Shape(), old.Shape()))
	}
	p.binding.set(p.prefix+name, value)
}

// Unset lists what was asked for so far and not Set, whatever the scope: after a forward pass, the
// parameters that gradient descent may step.
func (p Params) Unset() []weights.Spec {
	var specs []weights.Spec
	for _, spec := range p.binding.specs {
		if !slices.Contains(p.binding.setNames, spec.Name) {
			specs = append(specs, spec)
		}
	}
	return specs
}

// binding collects the tensors that one graph asks for, in the order it asks, and those it sets.
type binding struct {
	graph     *Graph
	precision Precision
	weights   Weights // nil while nothing is known but names and shapes
	specs     []weights.Spec
	nodes     map[string]*Node
	setNames  []string
	setValues []*Node
}

func (b *binding) set(name string, value *Node) {
	if slices.Contains(b.setNames, name) {
		panic(fmt.Errorf("tensor %s is set twice", name))
	}
	b.setNames = append(b.setNames, name)
	b.setValues = append(b.setValues, value)
}

func (b *binding) get(spec weights.Spec) *Node {
	node, ok := b.nodes[spec.Name]
	if !ok {
		dtype := dtypes.Float32
		if t, ok := b.weights[spec.Name]; ok {
			dtype = t.DType()
		}
		node = ConvertDType(Parameter(b.graph, spec.Name, shapes.Make(dtype, spec.Shape...)), dtypes.Float32)
		b.nodes[spec.Name] = node
		b.specs = append(b.specs, spec)
	}
	return node
}

func (e *Engine) bind(g *Graph, w Weights) *binding {
	return &binding{graph: g, precision: e.Precision, weights: w, nodes: map[string]*Node{}}
}

// Declare lists the tensors that f asks for when its inputs have the given shapes.
func (e *Engine) Declare(f Func, in ...shapes.Shape) (specs []weights.Spec, err error) {
	defer recoverInto(&err)
	g := NewGraph(e.backend, "declare")
	defer g.Finalize()
	inputs := make([]*Node, len(in))
	for i, shape := range in {
		inputs[i] = Parameter(g, fmt.Sprintf("input %d", i), shape)
	}
	b := e.bind(g, nil)
	f(Params{binding: b}, inputs)
	return b.specs, nil
}

// recoverInto turns the panic of a graph function into an error.
func recoverInto(err *error) {
	switch r := recover().(type) {
	case nil:
	case error:
		*err = r
	default:
		*err = fmt.Errorf("building the graph: %v", r)
	}
}

// Weights are named tensors on the device of an engine, in float32 or in half precision; networks get them as
// float32. Programs that share them see what one of them sets.
type Weights map[string]*tensors.Tensor

// Upload moves the tensors that specs name from set to the device, one at a time; those that the file has in half
// precision stay so if e.KeepHalf, and those that a network rounds to bf16 are rounded. A set that does not fit the
// specs is a [weights.ErrMismatch].
func (e *Engine) Upload(set *weights.Set, specs []weights.Spec) (Weights, error) {
	w := make(Weights, len(specs))
	err := set.Each(specs, func(spec weights.Spec, data []float32) error {
		tensor, err := e.Weight(data, set.DType(spec.Name), spec.Shape...)
		if err != nil {
			return fmt.Errorf("tensor %s: to the device: %w", spec.Name, err)
		}
		w[spec.Name] = tensor
		return nil
	})
	return w, err
}

// Weight moves a network's numbers, which a file has as stored, to the device; those of half precision are exact as
// they are.
func (e *Engine) Weight(data []float32, stored weights.DType, dims ...int) (*tensors.Tensor, error) {
	switch {
	case e.Precision == BF16 && len(dims) > 1:
		return e.tensor(narrowed(data, func(i int) bfloat16.BFloat16 { return bfloat16.FromFloat32(data[i]) }),
			dtypes.BFloat16, dims)
	case e.KeepHalf && stored == "F16":
		bits := weights.F16("", dims, data).Bytes() // float16.FromFloat32 of compute v0.1.6 makes zeros of subnormals
		half := func(i int) float16.Float16 { return float16.FromBits(binary.LittleEndian.Uint16(bits[2*i:])) }
		return e.tensor(narrowed(data, half), dtypes.Float16, dims)
	case e.KeepHalf && stored == "BF16":
		half := func(i int) bfloat16.BFloat16 { return bfloat16.FromBits(uint16(math.Float32bits(data[i]) >> 16)) }
		return e.tensor(narrowed(data, half), dtypes.BFloat16, dims)
	}
	return e.Tensor(data, dims...)
}

func narrowed[T any](data []float32, at func(i int) T) []T {
	out := make([]T, len(data))
	for i := range out {
		out[i] = at(i)
	}
	return out
}

// Tensor moves data of the given shape to the device. It is a buffer that only the device writes to, which lets
// package cpu keep weights rearranged.
func (e *Engine) Tensor(data []float32, dims ...int) (*tensors.Tensor, error) {
	return e.tensor(data, dtypes.Float32, dims)
}

func (e *Engine) tensor(data any, dtype dtypes.DType, dims []int) (*tensors.Tensor, error) {
	buffer, err := e.backend.BufferFromFlatData(0, data, shapes.Make(dtype, dims...))
	if err != nil {
		return nil, err
	}
	return tensors.FromBuffer(buffer)
}

// Program is a network with its weights: compiled once per shape of its inputs. It may be used
// by many goroutines at once, unless it sets tensors: then nothing else may use its weights
// while it runs.
type Program struct {
	exec    *Exec
	weights Weights
	graphs  sync.Map // of GraphId to *binding
}

// Compile binds f to its weights. The graph is built at the first Run of each input shape.
func (e *Engine) Compile(name string, f Func, w Weights) (*Program, error) {
	p := &Program{weights: w}
	build := func(g *Graph, in []*Node) []*Node {
		b := e.bind(g, w)
		out := f(Params{binding: b}, in)
		for i, name := range b.setNames {
			alias(b.nodes[name], len(out)+i)
		}
		p.graphs.Store(g.GraphId(), b)
		return slices.Concat(out, b.setValues)
	}
	exec, err := NewExecCanonical(e.backend, build, 0, 0, false, true, true)
	if err != nil {
		return nil, err
	}
	p.exec = exec.WithName(name)
	p.exec.SetSideParamsHook(p.fill)
	return p, nil
}

// alias tells the backend that an output of the graph takes the place of a parameter; nothing where it needs no word.
var alias = func(parameter *Node, output int) {}

// fill hands the weights of graph g to its side parameters, which stand last, in the order of
// their creation. The buffers of those that g sets are given away for the new values.
func (p *Program) fill(g *Graph, buffers []compute.Buffer, donate []bool) error {
	b := p.bindingOf(g)
	first := len(buffers) - len(b.specs)
	for i, spec := range b.specs {
		tensor, ok := p.weights[spec.Name]
		if !ok {
			return fmt.Errorf("tensor %s is not among the weights", spec.Name)
		}
		buffer := tensor.Buffer
		if donate[first+i] = slices.Contains(b.setNames, spec.Name); donate[first+i] {
			buffer = tensor.DonateBuffer
		}
		var err error
		if buffers[first+i], err = buffer(g.Backend(), 0); err != nil {
			return fmt.Errorf("tensor %s: %w", spec.Name, err)
		}
	}
	return nil
}

func (p *Program) bindingOf(g *Graph) *binding {
	stored, _ := p.graphs.Load(g.GraphId())
	return stored.(*binding)
}

// Run runs the program. The outputs belong to the caller.
func (p *Program) Run(in ...*tensors.Tensor) (out []*tensors.Tensor, err error) {
	defer recoverInto(&err)
	args := make([]any, len(in))
	for i, t := range in {
		args[i] = t
	}
	all, g, err := p.exec.CallWithGraph(args...)
	if err != nil {
		return nil, err
	}
	names := p.bindingOf(g).setNames
	out, set := all[:len(all)-len(names)], all[len(all)-len(names):]
	for i, name := range names {
		p.weights[name] = set[i]
	}
	return out, nil
}

// Run1 is Run of a program with one output.
func (p *Program) Run1(in ...*tensors.Tensor) (*tensors.Tensor, error) {
	out, err := p.Run(in...)
	if err != nil {
		return nil, err
	}
	if len(out) != 1 {
		return nil, fmt.Errorf("engine: the program %s has %d outputs, want 1", p.exec.Name(), len(out))
	}
	return out[0], nil
}

// Into is Run of a program with one float32 output, copied to dst, which must have its length.
func (p *Program) Into(dst []float32, in ...*tensors.Tensor) error {
	out, err := p.Run1(in...)
	if err != nil {
		return err
	}
	if out.Size() != len(dst) {
		return fmt.Errorf("engine: the program %s gives %s, want %d numbers", p.exec.Name(), out.Shape(), len(dst))
	}
	return errors.Join(
		tensors.ConstFlatData(out, func(flat []float32) { copy(dst, flat) }),
		out.FinalizeAll())
}

// Take is [Program.Into] of inputs that nobody needs afterwards: their memory on the device is freed at once, not when
// the garbage collector comes.
func (p *Program) Take(dst []float32, in ...*tensors.Tensor) error {
	errs := []error{p.Into(dst, in...)}
	for _, t := range in {
		errs = append(errs, t.FinalizeAll())
	}
	return errors.Join(errs...)
}

// Explainer is what the executables of some backends are: they can say what they do.
type Explainer interface {
	// Explain writes the plan: its kernels with shapes, operations, bytes, and the time each took in
	// the runs so far.
	Explain(w io.Writer) error
}

// Explain writes the plan of each graph that was compiled so far. A backend without plans is an
// [ErrBackend] that says so.
func (p *Program) Explain(w io.Writer) (err error) {
	p.graphs.Range(func(_, stored any) bool {
		g := stored.(*binding).graph
		plan, ok := g.Executable().(Explainer)
		if !ok {
			err = fmt.Errorf("%w %q has no plans to show", ErrBackend, g.Backend().Name())
			return false
		}
		fmt.Fprintf(w, "%s\n", g.Name())
		err = plan.Explain(w)
		return err == nil
	})
	return err
}
