package bench

import (
	"context"

	"mgd3/cpu"
	"mgd3/engine"
)

// Measuring says how loads are measured.
type Measuring struct {
	Engine    *engine.Engine
	Threads   int  // that the engine has
	Repeat    int  // runs of each load, of which the median counts
	OwnDevice bool // the engine may compute on another device than the processor

	Explain func(*engine.Program) error // told of the program that did the work of a load; may be nil
}

// All measures loads one after another, and tells each of its result as soon as it is there. The share of the peak is
// that of the processor's, or on another device that of a load before it which is nothing but products.
func (m Measuring) All(ctx context.Context, loads []Load, each func(Result) error) ([]Result, error) {
	peak := 0.0
	if !m.OwnDevice {
		peak = cpu.Peak(m.Threads)
	}
	var results []Result
	for _, load := range loads {
		r, err := load.Measure(ctx, m.Engine, m.Threads, m.Repeat, m.Explain)
		if err != nil {
			return results, err
		}
		if load.Peak && m.OwnDevice {
			peak = r.Speed
		}
		r.Of(peak)
		if err := each(r); err != nil {
			return results, err
		}
		results = append(results, r)
	}
	return results, nil
}
