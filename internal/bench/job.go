package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"mgd3/engine"
)

// Job is loads that are measured on a backend, or results that were, and what they are compared with.
type Job struct {
	Threads   int // at least 1
	Repeat    int // runs of each load, at least 1
	Precision string
	OwnDevice bool // the backend may compute on another device than the processor

	Difference bool     // measure no time, but how far bf16 is from float32
	Profile    bool     // write the plan of each load, with the time of each kernel, to Err
	From       []string // files of results to take in the place of measuring
	Against    []string // files of results to compare with, in a table on Err

	Open     func(engine.Precision) (*engine.Engine, error)
	Out, Err io.Writer
}

// Check finds what makes no measurement.
func (j Job) Check() error {
	switch {
	case j.Threads < 1:
		return fmt.Errorf("--threads is %d, want at least 1", j.Threads)
	case j.Repeat < 1:
		return fmt.Errorf("--repeat is %d, want at least 1", j.Repeat)
	case j.Difference && len(j.From)+len(j.Against) > 0:
		return fmt.Errorf("--difference measures no time to compare")
	case j.Profile && len(j.From) > 0:
		return fmt.Errorf("--profile needs a measurement, and --from makes none")
	}
	return engine.Precision(j.Precision).Check()
}

// Do measures the loads, or reads what was measured, and compares. Errors of the files are an [ErrFile].
func (j Job) Do(ctx context.Context, loads []Load) error {
	others, err := ReadFiles(j.Against)
	if err != nil {
		return err
	}
	ours, err := ReadFiles(j.From)
	if err != nil {
		return err
	}
	if len(j.From) == 0 {
		if ours, err = j.measure(ctx, loads); err != nil {
			return err
		}
	}
	if len(j.Against) == 0 {
		return nil
	}
	return Compare(j.Err, ours, others)
}

// measure writes the result of each load to Out, one JSON object a line, as soon as it is there.
func (j Job) measure(ctx context.Context, loads []Load) ([]Result, error) {
	if engine.Precision(j.Precision) != engine.Float32 {
		narrow := slices.DeleteFunc(slices.Clone(loads), func(l Load) bool { return l.Wide })
		if len(narrow) == 0 {
			return nil, fmt.Errorf("%q computes in float32 alone: it cannot be measured in %s", loads[0].Name,
				j.Precision)
		}
		for _, l := range loads {
			if l.Wide {
				fmt.Fprintf(j.Err, "mgd3: %q is left out: it computes in float32 alone\n", l.Name)
			}
		}
		loads = narrow
	}
	runtime.GOMAXPROCS(j.Threads) // before the backend starts its workers
	backend, err := j.Open(engine.Precision(j.Precision))
	if err != nil {
		return nil, err
	}
	defer backend.Close()
	out := json.NewEncoder(j.Out)
	if j.Difference {
		for _, load := range loads {
			d, err := Differ(ctx, backend, load)
			if err != nil {
				return nil, err
			}
			if err := out.Encode(d); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	m := Measuring{Engine: backend, Threads: j.Threads, Repeat: j.Repeat, OwnDevice: j.OwnDevice}
	if j.Profile {
		m.Explain = func(p *engine.Program) error { return p.Explain(j.Err) }
	}
	return m.All(ctx, loads, func(r Result) error { return out.Encode(r) })
}

// Table is the names of loads, two on a line.
func Table(loads []Load) string {
	var text strings.Builder
	for pair := range slices.Chunk(loads, 2) {
		line := fmt.Sprintf("  %-26s", pair[0].Name)
		if len(pair) > 1 {
			line += pair[1].Name
		}
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}
