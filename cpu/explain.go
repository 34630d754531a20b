package cpu

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"

	plans "mgd3/cpu/internal/compile"
)

// Explain writes the plan of an executable, the kernels that took longest first: what they took of the time of all
// runs so far, their operations and bytes per second, and their outputs. Kernels that differ only in their place in
// the graph share a line. A computation with control flow has no plan, only its functions do.
func (e *Executable) Explain(w io.Writer) error {
	p, ok := e.program.(*planned)
	if !ok {
		_, err := fmt.Fprintf(w, "%s: control flow, no plan\n", e.name)
		return err
	}
	type line struct {
		plans.Step
		kernels int
	}
	var lines []*line
	total := time.Duration(0)
	for _, s := range p.plan.Steps() {
		total += s.Time
		i := slices.IndexFunc(lines, func(l *line) bool {
			return l.Kernel == s.Kernel && l.Outputs == s.Outputs &&
				l.Flops == s.Flops
		})
		if i < 0 {
			lines = append(lines, &line{Step: s, kernels: 1})
			continue
		}
		lines[i].Time += s.Time
		lines[i].Runs += s.Runs
		lines[i].kernels++
	}
	slices.SortStableFunc(lines, func(x, y *line) int { return cmp.Compare(y.Time, x.Time) })
	fmt.Fprintf(w, "%s: %d kernels, %.3f s so far, %.1f MiB between them\n", e.name, len(p.plan.Steps()),
		total.Seconds(), float64(p.plan.Bytes())/(1<<20))
	tab := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tab, "share\tms\tkernels\truns\tGFLOP/s\tGB/s\tkernel\toutputs")
	for _, l := range lines {
		seconds := max(l.Time.Seconds(), 1e-9)
		rate := float64(l.Runs) / seconds / 1e9
		fmt.Fprintf(tab, "%.1f%%\t%.2f\t%d\t%d\t%.1f\t%.1f\t%s\t%s\n", 100*seconds/max(total.Seconds(), 1e-9),
			1e3*seconds, l.kernels, l.Runs, l.Flops*rate, l.Bytes*rate, l.Kernel, l.Outputs)
	}
	return tab.Flush()
}
