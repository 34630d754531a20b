package compare

import (
	"context"
	"errors"

	"mgd3/evaluate"
)

// Relabel writes the logits of the teacher for the only set and network, of the first seed, to a file; see
// [evaluate.Stored]. It returns the bytes of the logits.
func (v *Evaluation) Relabel(ctx context.Context, file string, o evaluate.StoreOptions) (int64, error) {
	if len(v.Sets) != 1 || len(v.Nets) != 1 {
		return 0, errors.New("labels are stored for one set and one network")
	}
	v.Evaluator.Teacher = v.teacher
	s := v.Sets[0]
	p, err := v.protocol(s, v.Nets[0])
	if err != nil {
		return 0, err
	}
	run, err := v.Evaluator.Run(ctx, v.Nets[0], p, s.Set)
	if err != nil {
		return 0, err
	}
	run.Seed = v.Seed
	if v.Report != nil {
		run.Report = func(e evaluate.Event) { v.Report("labels of "+s.Name, e) }
	}
	return run.Store(ctx, file, o)
}
