package evaluate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/tensorset"
)

// Judge is the network and the protocol that sets are judged by.
type Judge struct {
	Net      string   `json:"net"`               // as New takes it
	Protocol string   `json:"protocol"`          // a preset
	Changes  []string `json:"changes,omitempty"` // in the preset, as Protocol.With takes them
}

func (j Judge) String() string {
	s := fmt.Sprintf("%s, protocol %s", j.Net, j.Protocol)
	if len(j.Changes) > 0 {
		s += " (" + strings.Join(j.Changes, ", ") + ")"
	}
	return s
}

// For returns the protocol for a set of such facts; their Net is the judge's. It is an error if the network is not
// known, or cannot look at images of that size.
func (j Judge) For(f Facts) (Protocol, error) {
	f.Net = j.Net
	p, err := Preset(j.Protocol, f)
	if err != nil {
		return p, err
	}
	if p, err = p.With(j.Changes...); err != nil {
		return p, err
	}
	_, err = New(j.Net, p.Size, f.Classes, p.Norm)
	return p, err
}

// Evaluator trains networks on sets and tests all of them on the same images. What the trainings share is made once:
// the decoded test images for each size that a protocol looks at, the teacher for each size of the networks, and what
// equal graphs compile to. It is for one goroutine.
type Evaluator struct {
	Engine     *engine.Engine
	Test       *dataset.Set // must stay open
	IgnoreEXIF bool         // leave photographs to test on turned as they are stored

	// Teacher is asked for the teacher of a run with soft labels, once for each size; nil where no protocol has any.
	Teacher func(ctx context.Context, r *Run) (*Teacher, error)

	// Whitening learns that of protocols which whiten, for images of so many pixels of a side; nil where there is
	// nothing to learn it from.
	Whitening func(ctx context.Context, w, h int) (*tensorset.Whitening, error)

	Stored *Stored // of soft labels, in the place of a teacher; nil asks Teacher

	Every time.Duration // between checkpoints, as in Run

	tests    map[DataOptions]*Data
	teachers map[int]*Teacher
	programs programs
}

// TrainSet is a set to train on.
type TrainSet struct {
	Images     *dataset.Set // must stay open
	Weights    []float32    // how much each image counts, as in Data; nil: all alike
	Soft       []float32    // what is said of each image in place of its label, as in Data; nil: nothing
	Rate       float64      // of the training, learned with the images; 0: none
	IgnoreEXIF bool         // leave photographs turned as they are stored
}

// Run returns a training on a set and its test. Its Seed, Dir and Report are still to be set, and may be set anew for
// each repetition.
func (e *Evaluator) Run(ctx context.Context, net string, p Protocol, set TrainSet) (*Run, error) {
	if e.Stored != nil && e.Stored.fkd != nil { // whose crops are of the images as they are
		p.TrainSize = p.Size
	}
	how := p.TrainData()
	how.IgnoreEXIF = set.IgnoreEXIF
	train, err := NewData(set.Images, how)
	if err != nil {
		return nil, err
	}
	train.Weights, train.Soft = set.Weights, set.Soft
	test, err := e.TestData(p)
	if err != nil {
		return nil, err
	}
	if p.Whiten && e.Whitening != nil {
		w, err := e.Whitening(ctx, p.Size, p.Size)
		if err != nil {
			return nil, err
		}
		train.whitening, test.whitening = w, w
	}
	r := &Run{Engine: e.Engine, Train: train, Test: test, Net: net, Protocol: p, Every: e.Every,
		programs: &e.programs}
	if p.Labels == Soft && e.Stored != nil {
		r.Stored = e.Stored
	} else if p.Labels == Soft {
		r.Teacher, err = e.teacher(ctx, r)
	}
	return r, err
}

// TestData returns the test images as a protocol looks at them.
func (e *Evaluator) TestData(p Protocol) (*Data, error) {
	how := p.TestData()
	how.IgnoreEXIF = e.IgnoreEXIF
	if test, ok := e.tests[how]; ok {
		return test, nil
	}
	test, err := NewData(e.Test, how)
	if err != nil {
		return nil, fmt.Errorf("test images: %w", err)
	}
	if e.tests == nil {
		e.tests = map[DataOptions]*Data{}
	}
	e.tests[how] = test
	return test, nil
}

// teacher returns the teacher of a run.
func (e *Evaluator) teacher(ctx context.Context, r *Run) (*Teacher, error) {
	size := r.Protocol.Size
	if t, ok := e.teachers[size]; ok || e.Teacher == nil {
		return t, nil // without one the run says that it wants one
	}
	t, err := e.Teacher(ctx, r)
	if err != nil {
		return nil, err
	}
	if e.teachers == nil {
		e.teachers = map[int]*Teacher{}
	}
	e.teachers[size] = t
	return t, nil
}
