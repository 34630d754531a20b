package main

import (
	"fmt"
	"runtime"

	"github.com/spf13/cobra"

	"mgd3/engine"
	"mgd3/internal/bench"
	"mgd3/internal/words"
)

// benchCmd is "mgd3 bench". Its long text is here and not in help/, because the tables of loads in it are made from the
// loads themselves.
func (e *env) benchCmd() *cobra.Command {
	var j bench.Job
	var names bool
	cmd := &cobra.Command{
		Use:   "bench [LOAD ...]",
		Short: "Measure this machine, one JSON object per load",
		Long: `bench runs networks, clustering and decoding with random weights, each once to warm up and then
--repeat times, and prints the median: seconds per run and per item, operations per second, their share of
what the processor can do at all, and the most memory the process held. Without LOAD it runs all of:

` + bench.Table(bench.Loads()) + `
docs/benchmarks.md says what the loads are, and how other programs do on them.

Only if they are named, bench runs the large loads, most of them for GPUs:

` + bench.Table(bench.Large()) + `
docs/gpu.md and bench/gpu.sh have more of them.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			loads, err := bench.Find(args)
			if err == nil {
				err = j.Check()
			}
			if err != nil {
				return fail(exitUsage, `"mgd3 bench --help" lists the loads`, err)
			}
			if names {
				for _, load := range loads {
					fmt.Fprintln(e.stdout, load.Name)
				}
				return nil
			}
			j.OwnDevice, j.Out, j.Err = e.backend.IsXLA(), e.stdout, e.stderr
			j.Open = func(p engine.Precision) (*engine.Engine, error) { return e.backend.Open(p, "") }
			return j.Do(cmd.Context(), loads)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&names, "names", false, "print the names of the loads, and nothing else")
	f.IntVar(&j.Threads, "threads", runtime.GOMAXPROCS(0), "use `N` threads")
	f.IntVar(&j.Repeat, "repeat", 3, "take the median of `N` runs")
	f.StringVar(&j.Precision, "precision", string(engine.Float32), "`TYPE` of the numbers inside networks: "+
		words.List(engine.Precisions))
	f.BoolVar(&j.Difference, "difference", false,
		"measure no time, but how far bf16 is from float32 at the end of each load, all of which must draw latents")
	f.BoolVar(&j.Profile, "profile", false,
		"after each load, print the backend's plan with the time of each kernel to standard error")
	f.StringArrayVar(&j.Against, "against", nil,
		"compare with the results in `FILE`, in a table on standard error; may be given again")
	f.StringArrayVar(&j.From, "from", nil, "measure nothing, take our results from `FILE`; may be given again")
	return cmd
}
