package opening

import (
	"context"

	"mgd3/distill"
)

// Again opens the networks alone, to make images of the finished run in dir again, of which nothing is written.
func (q Request) Again(ctx context.Context, dir string) (_ *distill.Run, close func(), err error) {
	if q.Settings.Sample, err = distill.SampledWith(dir); err != nil {
		return nil, nil, err
	}
	q.DryRun = true
	r, err := q.Open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return r.Run, r.Close, nil
}
