package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"mgd3/engine"
	"mgd3/internal/words"
)

// ErrDiverged says that the loss is no number any more.
var ErrDiverged = errors.New("the training diverged")

// Run trains one net from scratch on one set and tests it on another. Equal fields give an equal score, apart from its
// Seconds, whatever the number of processors and however often it was interrupted:
//
//	weights  the stream (Seed, "weights", tensor)
//	order    (Seed, "order", epoch)
//	augment  (Seed, "augment", epoch, image)
//	CutMix   (Seed, "cutmix", epoch, batch)
//	DSA      the strategy (Seed, "dsa", epoch, batch), its numbers (Seed, "dsa-image", epoch, image)
type Run struct {
	Engine      *engine.Engine
	Train, Test *Data
	Net         string // as New takes it
	Protocol    Protocol
	Seed        uint64
	Dir         string   // of the checkpoint and then the score, result.json; "" keeps none
	Teacher     *Teacher // of soft labels
	Stored      *Stored  // in the place of a teacher: what it said

	KeepWeights bool          // write the trained net to Dir, net.safetensors
	Every       time.Duration // time between checkpoints; 0 is 30 s
	Report      func(Event)   // told after each epoch; may be nil

	programs *programs // what other trainings were compiled to; nil: nothing
}

// Event says how a run goes on.
type Event struct {
	Net    string `json:"net"`
	Seed   uint64 `json:"seed"`
	Epoch  int    `json:"epoch"` // just finished, from 1
	Epochs int    `json:"epochs"`
	Point
	Best    float64 `json:"best"`              // on the test data, so far
	Warning string  `json:"warning,omitempty"` // of an event that is no epoch
}

func (r *Run) warn(text string) {
	if r.Report != nil {
		r.Report(Event{Net: r.Net, Seed: r.Seed, Warning: text})
	}
}

// Do returns the score: at once if it is in Dir already, else after the training, which continues from the checkpoint
// if there is one. Its errors wrap [ErrData] or [ErrDiverged] where these are the cause.
func (r *Run) Do(ctx context.Context) (score *Score, err error) {
	if err := r.check(); err != nil {
		return nil, err
	}
	key := r.key()
	score, instead, err := r.finished(key)
	if score != nil || err != nil {
		return score, err
	}
	if instead != "" {
		r.warn(instead)
	}
	if r.Stored != nil {
		if err := r.Stored.check(ctx, r); err != nil {
			return nil, err
		}
	}
	t, err := r.start(key)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.end()) }()
	if err := t.train(ctx); err != nil {
		return nil, fmt.Errorf("%s, seed %d: %w", r.Net, r.Seed, err)
	}
	return t.finish()
}

func (r *Run) check() error {
	if err := errors.Join(r.Protocol.Check(), r.Train.check(), r.Test.check(),
		Match(r.Train.Classes, r.Test.Classes)); err != nil {
		return err
	}
	p := r.Protocol
	switch {
	case r.Train.o.Size != p.TrainSize || r.Test.o.Size != p.testSize():
		return fmt.Errorf("images of %d pixels to train on and %d to test on, want %d and %d", r.Train.o.Size,
			r.Test.o.Size, p.TrainSize, p.testSize())
	case p.Precision.On(r.Engine.Name()) != nil:
		return fmt.Errorf("protocol %s: %w", p.Name, p.Precision.On(r.Engine.Name()))
	case p.Whiten && (r.Train.whitening == nil || r.Test.whitening == nil):
		return fmt.Errorf("protocol %s whitens images: want the training set that it learns it from (--zca-from SET)",
			p.Name)
	case (p.Labels == Soft) != (r.Teacher != nil || r.Stored != nil):
		return fmt.Errorf("protocol %s has %s labels: want a teacher for soft labels, and none for others",
			p.Name, p.Labels)
	case r.Teacher != nil && r.Teacher.names != nil && !slices.Equal(r.Teacher.names, r.Train.Classes):
		return fmt.Errorf("the teacher was opened for the classes %s, want those of the images, %s",
			words.Quoted(r.Teacher.names), words.Quoted(r.Train.Classes))
	case r.Teacher != nil && r.Teacher.Classes != len(r.Train.Classes):
		return fmt.Errorf("the teacher knows %d classes, want the %d of the images", r.Teacher.Classes,
			len(r.Train.Classes))
	}
	return nil
}

// key names all that decides the score. It is not a [stage.Key]: scores of earlier versions have this one.
func (r *Run) key() string {
	teacher := ""
	if r.Teacher != nil {
		teacher = r.Teacher.ID
	}
	if r.Stored != nil {
		teacher = "stored " + r.Stored.ID
	}
	const format = 1 // counts the changes that older scores and checkpoints do not survive
	text, err := json.Marshal([]any{format, r.Engine.NameWith(r.Protocol.Precision), r.Net, r.Protocol, r.Seed,
		r.Train.ID(), r.Test.ID(), teacher})
	if err != nil {
		panic(fmt.Errorf("evaluate: a protocol: %w", err)) // its check lets finite numbers through only
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
