package train

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/checkpoint"
	"mgd3/weights"
)

// task is one network to train.
type task struct {
	network string
	key     string   // names all that the result depends on
	terms   []string // what loss returns, by name
	size    int      // images to draw batches from

	// loss builds the graph: from the tensors of a batch, the loss and then its terms, all scalars.
	loss func(p engine.Params, in []*Node) []*Node
	// batch makes the tensors of the n-th step, from 1, of the images at.
	batch func(ctx context.Context, n int, at []int) ([]*tensors.Tensor, error)
	// fresh fills a new parameter.
	fresh initialiser
	// names gives the tensors of a file our names, and optional are those that it may have beside the parameters.
	names    func(*weights.File) (*weights.Set, error)
	optional []weights.Spec
	// frozen tensors of the loss, by their names without the scope.
	frozen engine.Weights
	// sample draws a sheet with the running means of the parameters.
	sample func(ctx context.Context, mean engine.Weights) (*dataset.RGB, error)
	// config, if not nil, is the network's config.json: then its file of weights stands beside each checkpoint.
	config []byte
}

// extra is what a checkpoint remembers beside the tensors.
type extra struct {
	Sums  []float64          `json:"sums"`  // of the curve's columns since its last row
	Count int                `json:"count"` // of steps in them
	Rows  int                `json:"rows"`  // of the curve
	Last  map[string]float64 `json:"last"`  // the last row
}

// trained is the outcome of a loop.
type trained struct {
	specs []weights.Spec // the parameters
	mean  engine.Weights // their running means, by the parameters' names
	last  map[string]float64
}

// loop takes all steps of t, from where an earlier call was stopped.
//
// The graph is one for all steps: a batch's tensors and at [4] of [Protocol.at] come in, the loss, its terms and the
// norm of the gradients go out as one vector, so that a step costs one transfer. Parameters, AdamW's state and the
// running means stay on the device; each step is given the old ones and leaves the new ones in their place.
//
// The first batch is made twice, here for its shapes and again by steps: batches are functions of their number.
func (o *Options) loop(ctx context.Context, t task) (*trained, error) {
	r := o.Protocol
	graph := func(p engine.Params, in []*Node) []*Node {
		terms := t.loss(p, in[:len(in)-1])
		return []*Node{scalars(append(terms, r.descend(p, terms[0], in[len(in)-1]))...)}
	}
	first, err := t.batch(ctx, 1, order{t.size, r.Seed}.batch(1, r.Batch))
	if err != nil {
		return nil, err
	}
	var inputs []shapes.Shape
	for _, x := range first {
		inputs = append(inputs, x.Shape())
	}
	specs, err := o.Engine.Declare(graph, append(inputs, shapes.Make(dtypes.Float32, 4))...)
	if err != nil {
		return nil, err
	}
	s, err := o.state(t, specs)
	if err != nil {
		return nil, err
	}
	defer s.curve.Close()
	program, err := o.Engine.Compile(t.network, graph, s.weights)
	if err != nil {
		return nil, err
	}
	err = o.steps(ctx, t, s, program)
	if err != nil {
		return nil, err
	}
	return &trained{specs: s.specs, mean: s.means(), last: s.curve.last}, nil
}

// state is a training between two steps.
type state struct {
	path    string         // of the checkpoint
	step    int            // steps taken
	specs   []weights.Spec // the parameters
	weights engine.Weights
	curve   *curve
}

const stateName = "state.safetensors"

func statePath(dir string) string { return filepath.Join(dir, stateName) }

// state returns the state on disk, or that before the first step. A checkpoint under another key is a [stage.ErrOther];
// a damaged one is a warning, and the training begins anew, to the same bytes.
func (o *Options) state(t task, specs []weights.Spec) (*state, error) {
	dir := o.workDir(t.network)
	s := &state{path: statePath(dir)}
	for _, spec := range specs {
		if isParameter(spec.Name) {
			s.specs = append(s.specs, spec)
		}
	}
	var x extra
	var found bool
	var err error
	s.step, s.weights, found, err = checkpoint.Read(o.Engine, s.path, t.key, &x)
	damaged := errors.Is(err, checkpoint.ErrDamaged)
	if damaged {
		o.report(Event{Event: stage.Event{Warning: fmt.Sprintf("%v; there is no other, so the training of this "+
			"network begins anew", err)}})
	} else if err != nil {
		return nil, err
	}
	if there, err := atomicfile.Exists(s.path); err == nil && there && !found && !damaged {
		return nil, fmt.Errorf("%s: %w", dir, stage.ErrOther)
	}
	if !found {
		if s.weights, err = o.fresh(t, specs); err != nil {
			return nil, err
		}
	}
	for name, tensor := range t.frozen {
		s.weights[frozenScope+"."+name] = tensor
	}
	s.curve, err = openCurve(filepath.Join(dir, "loss.csv"),
		append([]string{"loss"}, append(t.terms, "gradient norm")...), x)
	return s, err
}

// save writes the checkpoint, without the frozen tensors, which the task brings again. The curve is synced first: the
// checkpoint says how many rows it has, and a power cut must not leave it with fewer.
func (s *state) save(key string) error {
	if err := s.curve.file.Sync(); err != nil {
		return err
	}
	kept := engine.Weights{}
	for name, tensor := range s.weights {
		if !strings.HasPrefix(name, frozenScope+".") {
			kept[name] = tensor
		}
	}
	return checkpoint.Write(s.path, key, s.step, kept, s.curve.extra())
}

// save writes the checkpoint and then, where it can be used already, the network as it is, in the same folder. After a
// kill between the two, the network is that of the checkpoint before.
func (o *Options) save(t task, s *state) error {
	if err := s.save(t.key); err != nil || t.config == nil {
		return err
	}
	list, err := o.list(s.specs, s.means())
	if err != nil {
		return err
	}
	dir := o.workDir(t.network)
	if err := writeFile(filepath.Join(dir, configName), t.config); err != nil {
		return err
	}
	_, err = o.writeWeights(filepath.Join(dir, weightsName(t.network)), list)
	return err
}

// means returns the running means under the names of their parameters.
func (s *state) means() engine.Weights {
	w := engine.Weights{}
	for name, tensor := range s.weights {
		if parameter, ok := strings.CutPrefix(name, emaScope+"."); ok {
			w[parameter] = tensor
		}
	}
	return w
}

// steps takes the steps that are left. The batch of the next one is made while the device is at work.
func (o *Options) steps(ctx context.Context, t task, s *state, program *engine.Program) error {
	r := o.Protocol
	before, saved := s.step, s.step
	stop := func(err error) error { // after Ctrl-C, nothing is lost
		if s.step > saved {
			err = errors.Join(err, o.save(t, s))
		}
		return err
	}
	next := o.prepare(ctx, t, s.step+1)
	defer func() { <-next }() // no goroutine outlives the loop; there is always one batch that nobody has fetched
	for s.step < r.Steps {
		if err := ctx.Err(); err != nil {
			return stop(err)
		}
		b := <-next
		next = o.prepare(ctx, t, s.step+2)
		if b.err != nil {
			return stop(b.err)
		}
		loss, err := s.take(t, program, append(b.tensors, tensors.FromValue(r.at(s.step+1))))
		if err != nil {
			return err
		}
		last := s.step == r.Steps
		if s.step%r.LogEvery == 0 || last {
			if err := s.curve.row(s.step); err != nil {
				return err
			}
		}
		// Before the checkpoint, behind which a kill would leave it out.
		if o.SampleEvery > 0 && (s.step%o.SampleEvery == 0 || last) {
			if err := o.sheet(ctx, t, s); err != nil {
				return err
			}
		}
		if s.step%o.CheckpointEvery == 0 || last {
			if err := o.save(t, s); err != nil {
				return err
			}
			saved = s.step
		}
		o.report(Event{stage.Event{Stage: StageTrain, Done: s.step * r.Batch, Total: r.Steps * r.Batch,
			Kept: before * r.Batch}, s.step, loss})
	}
	return nil
}

// take takes one step and returns its loss. A term or a norm that is not finite is an [ErrDiverged]: the weights are
// lost then, and the last checkpoint stays, from which the same call would come here again.
func (s *state) take(t task, program *engine.Program, in []*tensors.Tensor) (float64, error) {
	defer func() {
		for _, x := range in { // device memory is not left to the garbage collector
			x.FinalizeAll()
		}
	}()
	out, err := program.Run1(in...)
	if err != nil {
		return 0, fmt.Errorf("%s, step %d: %w", t.network, s.step+1, err)
	}
	defer out.FinalizeAll()
	values, err := tensors.CopyFlatData[float32](out)
	if err != nil {
		return 0, err
	}
	for i, v := range values {
		if v-v != 0 {
			return 0, fmt.Errorf("%s, step %d: %w: the %s is %v, want a finite number", t.network, s.step+1,
				ErrDiverged, s.curve.columns[i], v)
		}
	}
	s.step++
	s.curve.add(values)
	return float64(values[0]), nil
}

// prepared is a batch that is being made.
type prepared struct {
	tensors []*tensors.Tensor
	err     error
}

// prepare starts to make the batch of the n-th step, if there is such a step; else the channel is closed at once, so
// that waiting for it never blocks.
func (o *Options) prepare(ctx context.Context, t task, n int) <-chan prepared {
	made := make(chan prepared, 1)
	if n > o.Protocol.Steps {
		close(made)
		return made
	}
	go func() {
		defer close(made)
		b, err := t.batch(ctx, n, order{t.size, o.Protocol.Seed}.batch(n, o.Protocol.Batch))
		made <- prepared{b, err}
	}()
	return made
}

// sheet draws samples with the running means, which are what is kept in the end, into samples/STEP.png.
func (o *Options) sheet(ctx context.Context, t task, s *state) error {
	im, err := t.sample(ctx, s.means())
	if err != nil {
		return fmt.Errorf("%s, samples of step %d: %w", t.network, s.step, err)
	}
	path := filepath.Join(o.workDir(t.network), "samples", fmt.Sprintf("%07d.png", s.step))
	return writePNG(path, im)
}
