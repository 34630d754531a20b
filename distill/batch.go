package distill

import (
	"context"
	"errors"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/stage"
)

// Auto as a [Run]'s Batch leaves it to the run: UsualBatch where the batch does not matter to the bytes; elsewhere
// what the stage's folder was begun with, and in a new folder the largest batch that the device has memory for, 64 at
// most.
const (
	Auto       = 0
	UsualBatch = 8
	mostBatch  = 64
)

// settle decides on the batch of a stage and locks the stage's folder, with what record makes of the batch if bytes
// depend on it, or of 0. ours is that of [stage.LockSettings], after record; try does the stage's work once on so
// many rows, to see whether they fit.
func (r *Run) settle(ctx context.Context, name, dir string, rows int, record func(batch int) any,
	ours func() (bool, error),
	try func(batch int) error) (batch int, err error) {
	for first := true; ; first = false {
		if batch, err = r.batch(ctx, name, dir, rows, try); err != nil {
			return 0, err
		}
		recorded := 0
		if r.Engine.FixedRows && batch > 1 { // one by one, rows cannot depend on each other
			recorded = batch
		}
		err = r.lockSettings(name, dir, record(recorded), ours)
		if r.Batch == Auto && first && errors.Is(err, stage.ErrOther) {
			continue // perhaps another process settled it in the meantime
		}
		return batch, err
	}
}

// batch returns how many of a stage's rows are at work at once.
func (r *Run) batch(ctx context.Context, name, dir string, rows int, try func(batch int) error) (int, error) {
	switch {
	case r.Batch != Auto:
		return r.Batch, nil
	case !r.Engine.FixedRows:
		return UsualBatch, nil
	}
	var begun struct {
		Batch int `json:"batch"`
	}
	err := stage.ReadLocked(dir, &begun)
	if errors.Is(err, stage.ErrDamaged) {
		return 0, fmt.Errorf("%w, and with it is the batch that bytes depend on here: give it as --batch", err)
	}
	if !errors.Is(err, stage.ErrStage) {
		return max(1, begun.Batch), err
	}
	batch := 1
	for batch < min(rows, mostBatch) {
		batch *= 2
	}
	p := r.progress(name, rows)
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		err := try(batch)
		if err == nil || batch == 1 || !engine.OutOfMemory(err) {
			return batch, tooMany(batch, err)
		}
		p.Warn("", "the device has too little memory for a batch of %d: trying %d", batch, batch/2)
		batch /= 2
	}
}

// tooMany makes an [engine.ErrMemory] that names the batch of an error that means one.
func tooMany(batch int, err error) error {
	if engine.OutOfMemory(err) {
		return fmt.Errorf("%w: with a batch of %d: %w", engine.ErrMemory, batch, err)
	}
	return err
}

// tryEncode encodes so many grey images.
func (r *Run) tryEncode(batch int, shape []int) error {
	s := r.Settings.Encode
	pixels := make([]float32, batch*3*s.Size*s.Size)
	latents := make([]float32, batch*shape[0]*shape[1]*shape[2])
	if s.FromSample {
		return r.Autoencoder.EncodeSample(latents, pixels, latents, s.Size)
	}
	return r.Autoencoder.EncodeMean(latents, pixels, s.Size)
}

// try takes one step with so many latents and decodes them.
func (s *sampling) try(batch int) error {
	l := s.record.Modes.Latents
	latents := make([]float32, batch*l.Shape[0]*l.Shape[1]*l.Shape[2])
	dims := append([]int{batch}, l.Shape...)
	zero := func() *tensors.Tensor { return tensors.FromFlatDataAndDimensions(latents, dims...) }
	labels := tensors.FromFlatDataAndDimensions(make([]int32, batch), batch)
	if err := s.step.Take(latents, zero(), labels, zero(), zero(),
		tensors.FromValue(s.sampler.Steps()[0].Coef)); err != nil {
		return err
	}
	return s.run.Autoencoder.DecodeTo(make([]float32, batch*3*l.Settings.Size*l.Settings.Size),
		make([]float32, len(latents)), l.Settings.Size)
}
