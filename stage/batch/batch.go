// Package batch decides how many rows of a stage are on the device at once.
//
// Where [engine.Engine.FixedRows] the bytes depend on it, so that it is a part of what the stage's folder was begun
// with; elsewhere, on cpu, it decides the speed and the memory alone.
package batch

import (
	"context"
	"errors"
	"fmt"

	"mgd3/engine"
	"mgd3/stage"
)

// Auto as the size leaves it to the run: Usual where the batch does not matter to the bytes; elsewhere what the stage's
// folder was begun with, and in a new folder the largest batch that the device has memory for, 64 at most.
const (
	Auto  = 0
	Usual = 8
	most  = 64
)

// Setting is what a run was told of its batches.
type Setting struct {
	Size   int // rows, or Auto
	Engine *engine.Engine
	Report func(stage.Event) // told where a batch does not fit
}

// Settle decides on the batch of a stage and locks the stage's folder, with what record makes of the batch if bytes
// depend on it, or of 0. ours is that of [stage.LockSettings], after record; try does the stage's work once on so
// many rows, to see whether they fit.
func (s Setting) Settle(ctx context.Context, name, dir string, rows int, record func(batch int) any,
	ours func() (bool, error), try func(batch int) error) (batch int, err error) {
	for first := true; ; first = false {
		if batch, err = s.batch(ctx, name, dir, rows, try); err != nil {
			return 0, err
		}
		recorded := 0
		if s.Engine.FixedRows && batch > 1 { // one by one, rows cannot depend on each other
			recorded = batch
		}
		err = stage.NewProgress(s.Report, name, 0).LockSettings(dir, record(recorded), ours)
		if s.Size == Auto && first && errors.Is(err, stage.ErrOther) {
			continue // perhaps another process settled it in the meantime
		}
		return batch, err
	}
}

// batch returns how many of a stage's rows are at work at once.
func (s Setting) batch(ctx context.Context, name, dir string, rows int, try func(batch int) error) (int, error) {
	switch {
	case s.Size != Auto:
		return s.Size, nil
	case !s.Engine.FixedRows:
		return Usual, nil
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
	for batch < min(rows, most) {
		batch *= 2
	}
	p := stage.NewProgress(s.Report, name, rows)
	for {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		err := try(batch)
		if err == nil || batch == 1 || !engine.OutOfMemory(err) {
			return batch, TooMany(batch, err)
		}
		p.Warn("", "the device has too little memory for a batch of %d: trying %d", batch, batch/2)
		batch /= 2
	}
}

// TooMany makes an [engine.ErrMemory] that names the batch of an error that means one.
func TooMany(batch int, err error) error {
	if engine.OutOfMemory(err) {
		return fmt.Errorf("%w: with a batch of %d: %w", engine.ErrMemory, batch, err)
	}
	return err
}
