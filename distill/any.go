package distill

import (
	"context"
	"errors"
	"io/fs"

	"mgd3/stage"
)

// StageMerge is the writing of the manifest: work where workers share a run, and where what it tells is warned of.
const StageMerge = "merge"

// part is what the run has of the work: all of it, where it takes pieces as they are free.
func (r *Run) part() stage.Shard {
	if r.Any != nil {
		return stage.Whole
	}
	return r.Shard
}

// SampleAll is [Run.Sample], and the manifest as by [Finish]. If somebody took images away that were made, workers who
// share the run look for them once more.
func (r *Run) SampleAll(ctx context.Context) (m *Manifest, err error) {
	for range 2 {
		if err := r.Sample(ctx); err != nil {
			return nil, err
		}
		if m, err = r.merge(ctx); err != nil || m != nil || r.Any == nil {
			break
		}
	}
	r.warnOfRunaways(m)
	return m, err
}

// merge is [Finish] of the run. Where workers share it, one of them writes the manifest, and the others wait for it.
func (r *Run) merge(ctx context.Context) (m *Manifest, err error) {
	if r.Any == nil {
		return Finish(r.Out)
	}
	p := r.progress(StageMerge, 1)
	err = r.Any.EachOr(ctx, stage.Whole, r.Out, 1, 1, p.Progress, func(context.Context, stage.Shard) error {
		if m, err = Finish(r.Out); err == nil {
			p.Add("", 1, 0)
		}
		return err
	})
	if err != nil || m != nil {
		return m, err
	}
	m, err = ReadManifest(r.Out)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return m, err
}
