package cluster

import (
	"context"
	"time"

	"mgd3/distill"
)

// Times are those of one image where tasks run; 0 is not known.
type Times struct{ EncodeEach, SampleEach time.Duration }

// Needs reports whether the cut needs times of images that are not known.
func (c Cut) Needs(t Times) bool {
	return (c.Tasks <= 0 || c.Limit <= 0) && (t.EncodeEach <= 0 || t.SampleEach <= 0)
}

// Measured returns the times, those that are not known by the plan of a run on this machine.
func (t Times) Measured(ctx context.Context, run *distill.Run) (Times, error) {
	p, err := run.Plan(ctx)
	if err != nil {
		return t, err
	}
	if t.EncodeEach == 0 {
		t.EncodeEach = p.EncodeEach
	}
	if t.SampleEach == 0 {
		t.SampleEach = p.SampleEach()
	}
	return t, nil
}
