package engine

import (
	"context"
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
	"golang.org/x/sync/errgroup"

	"mgd3/weights"
)

// Func builds a network's graph: from in, and from the tensors it asks p for. Like all graph
// functions it panics on wrong shapes; [Program.Run] and [Engine.Declare] return that as an error.
type Func func(p Params, in []*Node) []*Node

// Params hands a network its tensors by name while its graph is being built.
type Params struct {
	binding *binding
	prefix  string
	mixed   bool
}

// In returns the tensors whose names start with scope and a dot, under their names after it.
func (p Params) In(scope string) Params {
	p.prefix += scope + "."
	return p
}

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
	types     map[string]shapes.Shape // of the weights; nil while nothing is known but what the network asks for
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
		if t, ok := b.types[spec.Name]; ok {
			dtype = t.DType
		}
		node = ConvertDType(Parameter(b.graph, spec.Name, shapes.Make(dtype, spec.Shape...)), dtypes.Float32)
		b.nodes[spec.Name] = node
		b.specs = append(b.specs, spec)
	}
	return node
}

func (e *Engine) bind(g *Graph, types map[string]shapes.Shape) *binding {
	return &binding{graph: g, precision: e.Precision, types: types, nodes: map[string]*Node{}}
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

// Upload moves the tensors that specs name from set to the device: the next one is read while one is moved, so at most
// two are here in float32. Those that the file has in half precision stay so if e.KeepHalf, and those that a network
// rounds to bf16 are rounded. A set that does not fit the specs is a [weights.ErrMismatch].
func (e *Engine) Upload(set *weights.Set, specs []weights.Spec) (Weights, error) {
	w := make(Weights, len(specs))
	moving, failed := errgroup.WithContext(context.Background())
	moving.SetLimit(1)
	err := set.Each(specs, func(spec weights.Spec, data []float32) error {
		moving.Go(func() error {
			tensor, err := e.Weight(data, set.DType(spec.Name), spec.Shape...)
			if err != nil {
				return fmt.Errorf("tensor %s: to the device: %w", spec.Name, err)
			}
			w[spec.Name] = tensor
			return nil
		})
		return failed.Err()
	})
	if errM := moving.Wait(); errM != nil { // then Each was told to end
		err = errM
	}
	return w, err
}

// UploadHashed is Upload of a set of file, with the file's SHA-256, which is made meanwhile: both read all of it.
func (e *Engine) UploadHashed(ctx context.Context, file *weights.File, set *weights.Set,
	specs []weights.Spec) (w Weights, sum string, err error) {
	inner, stop := context.WithCancel(ctx)
	defer stop()
	var hashing errgroup.Group
	hashing.Go(func() (err error) {
		sum, err = file.SHA256(inner)
		return err
	})
	if w, err = e.Upload(set, specs); err != nil {
		stop() // no hash is wanted of what does not fit
	}
	if errH := hashing.Wait(); err == nil {
		err = errH
	}
	return w, sum, err
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
	*graphs
	weights Weights
}

// graphs are what a network was compiled to, for all weights of the same shapes and types.
type graphs struct {
	exec     *Exec
	types    map[string]shapes.Shape // of the weights
	bindings sync.Map                // of GraphId to *binding
}

// Compile binds f to its weights. The graph is built at the first Run of each input shape.
func (e *Engine) Compile(name string, f Func, w Weights) (*Program, error) {
	c := &graphs{types: map[string]shapes.Shape{}}
	for name, t := range w {
		c.types[name] = t.Shape()
	}
	build := func(g *Graph, in []*Node) []*Node {
		b := e.bind(g, c.types)
		out := f(Params{binding: b}, in)
		for i, name := range b.setNames {
			alias(b.nodes[name], len(out)+i)
		}
		c.bindings.Store(g.GraphId(), b)
		return slices.Concat(out, b.setValues)
	}
	exec, err := NewExecCanonical(e.backend, build, 0, 0, false, true, true)
	if err != nil {
		return nil, err
	}
	c.exec = exec.WithName(name).SetMaxCache(-1)
	return &Program{c, w}, nil
}

// With is the network with other weights, of the same names, shapes and types. What one of the two compiles, the other
// runs too.
func (p *Program) With(w Weights) (*Program, error) {
	for name, shape := range p.types {
		switch t, ok := w[name]; {
		case !ok:
			return nil, fmt.Errorf("tensor %s is not among the weights", name)
		case !t.Shape().Equal(shape):
			return nil, fmt.Errorf("tensor %s is %s, want %s", name, t.Shape(), shape)
		}
	}
	return &Program{p.graphs, w}, nil
}

// alias tells the backend that an output of the graph takes the place of a parameter; nothing where it needs no word.
var alias = func(parameter *Node, output int) {}

// buffers are those of the inputs and, behind them in the order of their creation, of the weights. The buffers of the
// weights that the graph sets are given away for the new values.
func (p *Program) buffers(b *binding, in []*tensors.Tensor) (buffers []compute.Buffer, donate []bool, err error) {
	take := func(name string, buffer func(compute.Backend, compute.DeviceNum) (compute.Buffer, error), gone bool) {
		taken, errT := buffer(b.graph.Backend(), 0)
		if errT != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", name, errT))
		}
		buffers, donate = append(buffers, taken), append(donate, gone)
	}
	for i, t := range in {
		take(fmt.Sprintf("input %d", i), t.Buffer, false)
	}
	for _, spec := range b.specs {
		tensor, ok := p.weights[spec.Name]
		switch {
		case !ok:
			return nil, nil, fmt.Errorf("tensor %s is not among the weights", spec.Name)
		case slices.Contains(b.setNames, spec.Name):
			take("tensor "+spec.Name, tensor.DonateBuffer, true)
		default:
			take("tensor "+spec.Name, tensor.Buffer, false)
		}
	}
	return buffers, donate, err
}

// Run runs the program. The outputs belong to the caller.
func (p *Program) Run(in ...*tensors.Tensor) (out []*tensors.Tensor, err error) {
	defer recoverInto(&err)
	inputs := make([]shapes.Shape, len(in))
	for i, t := range in {
		inputs[i] = t.Shape()
	}
	g, err := p.exec.Compile(inputs...)
	if err != nil {
		return nil, err
	}
	stored, _ := p.bindings.Load(g.GraphId())
	b := stored.(*binding)
	buffers, donate, err := p.buffers(b, in)
	if err != nil {
		return nil, err
	}
	all := g.RunWithBuffers(buffers, donate, 0)
	out, set := all[:len(all)-len(b.setNames)], all[len(all)-len(b.setNames):]
	for i, name := range b.setNames {
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
	p.bindings.Range(func(_, stored any) bool {
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
