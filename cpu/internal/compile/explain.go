package compile

import (
	"fmt"
	"strings"
	"sync/atomic"
	"time"
)

// Step is one kernel of a plan.
type Step struct {
	Kernel  string        // its name
	Outputs string        // their shapes
	Flops   float64       // arithmetic for one run; of the direct form for convolutions
	Bytes   float64       // that it reads and writes at least
	Runs    int           // that were timed
	Time    time.Duration // of those runs together
}

// timer counts the runs of an op and their nanoseconds. The first run, which finds its memory untouched, counts only
// until there is another.
type timer struct{ runs, first, rest atomic.Int64 }

func (t *timer) add(d time.Duration) {
	if t.runs.Add(1) == 1 {
		t.first.Store(int64(d))
	} else {
		t.rest.Add(int64(d))
	}
}

func (t *timer) total() (runs int, d time.Duration) {
	if runs := t.runs.Load(); runs > 1 {
		return int(runs) - 1, time.Duration(t.rest.Load())
	}
	return int(t.runs.Load()), time.Duration(t.first.Load())
}

// Steps lists the kernels in the order in which they run.
func (p *Plan) Steps() []Step {
	steps := make([]Step, len(p.ops))
	for i, o := range p.ops {
		s := &steps[i]
		s.Runs, s.Time = p.timers[i].total()
		s.Kernel, s.Flops = o.name, o.flops
		if o.after != nil {
			s.Kernel += " + loop"
		}
		var shapes []string
		for _, n := range o.defs {
			shapes = append(shapes, fmt.Sprint(n.Shape))
			s.Bytes += float64(bytesOf(n))
		}
		for _, n := range o.uses {
			s.Bytes += float64(bytesOf(n))
		}
		s.Outputs = strings.Join(shapes, " ")
	}
	return steps
}
