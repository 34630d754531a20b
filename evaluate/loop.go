package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/matrix"
	"mgd3/stage/atomicfile"
	"mgd3/stage/checkpoint"
	"mgd3/stage/cost"
)

// training is a run at work.
type training struct {
	*Run
	key     string
	net     Net
	weights engine.Weights // of the net and its optimiser
	step    *engine.Program
	test    *engine.Program
	teach   *engine.Program // nil without a teacher
	soften  *engine.Program // nil without stored labels
	counts  []float32       // weights of the images
	saved   time.Time       // of the last checkpoint
	meter   *cost.Meter
	state
}

// state is what a checkpoint remembers beside the tensors.
type state struct {
	Steps int     `json:"steps"`
	Loss  float64 `json:"loss"` // sums over the epoch so far: of losses, of hits, of images
	Hits  int     `json:"hits"`
	Seen  int     `json:"seen"`
	Score Score   `json:"score"`
}

// start builds the programs, and the weights or those of the checkpoint.
func (r *Run) start(key string) (*training, error) {
	p := r.Protocol
	net, err := New(r.Net, p.Size, len(r.Train.Classes), p.Norm)
	if err != nil {
		return nil, err
	}
	t := &training{Run: r, key: key, net: net, counts: r.Train.weights(), saved: time.Now(), meter: cost.Begin()}
	made := r.programs
	if made == nil {
		made = &programs{}
	}
	if r.Stored != nil {
		if t.soften, err = made.of(r, "stored labels", softened(p.Temperature), nil, p.Temperature); err != nil {
			return nil, err
		}
	} else if r.Teacher != nil {
		if t.teach, err = made.of(r, "teacher", r.Teacher.labels(p.Temperature), r.Teacher.Weights, p.Temperature,
			r.Teacher.ID, r.Teacher.Known.Net); err != nil {
			return nil, err
		}
	}
	found := false
	if r.Dir != "" {
		if _, t.weights, found, err = checkpoint.Read(r.Engine, t.checkpoint(), key,
			&t.state); errors.Is(err, checkpoint.ErrDamaged) {
			r.warn(fmt.Sprintf("%v; there is no other, so the training begins anew", err))
		} else if err != nil {
			return nil, err
		}
	}
	f := p.net(TrainStep(net, p.loss(), p.stepper()))
	if !found {
		specs, err := r.Engine.Declare(f, shapes.Make(dtypes.Float32, 1, 3, p.Size, p.Size),
			shapes.Make(dtypes.Float32, 1, len(r.Train.Classes)), p.at(0, 1).Shape())
		if err != nil {
			return nil, err
		}
		if t.weights, err = Fresh(r.Engine, net, specs, r.Seed); err != nil {
			return nil, err
		}
		t.Score = r.untrained()
	}
	p.Optimiser.Rate = 0 // no part of the graph
	if t.step, err = made.of(r, "step", f, t.weights, p.Labels, p.Temperature, p.Optimiser); err != nil {
		return nil, err
	}
	t.test, err = made.of(r, "test", p.net(Logits(net)), t.weights)
	return t, err
}

// end frees the training's memory on the device.
func (t *training) end() error {
	var errs []error
	for _, tensor := range t.weights {
		errs = append(errs, tensor.FinalizeAll())
	}
	clear(t.weights)
	return errors.Join(errs...)
}

func (r *Run) checkpoint() string { return filepath.Join(r.Dir, checkpointName) }

// waiting is how many batches are made ahead of the device.
const waiting = 2

// train takes the steps that are left. Stopped between any two of them, it leaves a checkpoint.
func (t *training) train(ctx context.Context) error {
	err := t.takeAll(ctx)
	switch {
	case err != nil && errors.Is(err, ctx.Err()):
		return errors.Join(err, t.save())
	case t.Dir != "" && errors.Is(err, ErrDiverged): // as it would from there again
		return errors.Join(err, atomicfile.Remove(t.checkpoint()))
	}
	return err
}

func (t *training) takeAll(ctx context.Context) error {
	if t.Seen > 0 && t.Steps%t.steps() == 0 { // it was stopped while it validated
		if err := t.endEpoch(ctx, t.Steps/t.steps()); err != nil {
			return err
		}
	}
	for b, err := range ahead(ctx, t.plans(t.Steps), waiting, t.fill) {
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			err = t.take(b)
		}
		if err == nil && b.index == t.steps()-1 {
			err = t.endEpoch(ctx, b.epoch+1)
		}
		if err != nil {
			return err
		}
		if t.Dir != "" && time.Since(t.saved) > t.every() {
			if err := t.save(); err != nil {
				return err
			}
		}
	}
	return ctx.Err()
}

func (t *training) every() time.Duration {
	if t.Every > 0 {
		return t.Every
	}
	return 30 * time.Second
}

// save writes the checkpoint.
func (t *training) save() error {
	if t.Dir == "" {
		return nil
	}
	t.clock()
	err := checkpoint.Write(t.checkpoint(), t.key, t.Steps, t.weights, t.state)
	t.saved = time.Now()
	return err
}

// clock adds the cost since it was last called to the score's.
func (t *training) clock() { t.Score.Cost = t.Score.Add(t.meter.Lap()) }

// take takes one step.
func (t *training) take(b *batch) error {
	t.meter.Look()
	p, n := t.Protocol, len(b.rows)
	x, err := t.Engine.Tensor(b.x, n, 3, p.Size, p.Size)
	if err != nil {
		return err
	}
	defer x.FinalizeAll()
	targets := tensors.FromFlatDataAndDimensions(b.targets, n, len(t.Train.Classes))
	switch {
	case t.soften != nil:
		logits, err := t.Stored.of(b, b.index*p.Batch)
		if err != nil {
			return err
		}
		if targets, err = t.soften.Run1(logits); err != nil {
			return err
		}
	case t.teach != nil:
		if targets, err = t.teach.Run1(x); err != nil {
			return err
		}
	}
	defer targets.FinalizeAll()
	out, err := t.step.Run(x, targets, p.at(b.epoch, t.Steps+1))
	if err != nil {
		return err
	}
	loss, err := tensors.CopyFlatData[float32](out[0])
	if err != nil {
		return err
	}
	if v := float64(loss[0]); math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("epoch %d, step %d: %w: the loss is %v", b.epoch+1, t.Steps+1, ErrDiverged, v)
	}
	logits, err := tensors.CopyFlatData[float32](out[1])
	if err != nil {
		return err
	}
	for i, label := range b.labels {
		if matrix.ArgMax(logits[i*len(t.Train.Classes):(i+1)*len(t.Train.Classes)]) == int(label) {
			t.Hits++
		}
	}
	t.Loss += float64(loss[0]) * float64(n)
	t.Seen += n
	t.Steps++
	return nil
}
