package compile

import (
	"fmt"
	"strings"
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

// Profile starts to time the kernels of every run from now on.
func (p *Plan) Profile() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.profile = make([]Step, len(p.ops))
}

func (p *Plan) addTime(i int, d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.profile[i].Runs++
	p.profile[i].Time += d
}

// Steps lists the kernels in the order in which they run.
func (p *Plan) Steps() []Step {
	p.mu.Lock()
	defer p.mu.Unlock()
	steps := make([]Step, len(p.ops))
	for i, o := range p.ops {
		s := &steps[i]
		if p.profile != nil {
			*s = p.profile[i]
		}
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
