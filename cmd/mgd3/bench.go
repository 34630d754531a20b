package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/engine"
	"mgd3/internal/bench"
	"mgd3/internal/words"
)

// benchOptions are the flags of bench.
type benchOptions struct {
	threads, repeat int
	profile, names  bool
	precision       string
	difference      bool
	from, against   []string
}

func (e *env) benchCmd() *cobra.Command {
	o := &benchOptions{}
	cmd := &cobra.Command{
		Use:   "bench [LOAD ...]",
		Short: "Measure this machine, one JSON object per load",
		Long: `bench runs networks, clustering and decoding with random weights, each once to warm up and then
--repeat times, and prints the median: seconds per run and per item, operations per second, their share of
what the processor can do at all, and the most memory the process held. Without LOAD it runs all of:

` + wrapNames(bench.Names()) + `
docs/benchmarks.md says what the loads are, and how other programs do on them.

Only if they are named, bench runs the large loads, most of them for GPUs:

` + wrapNames(large()) + `
docs/gpu.md and bench/gpu.sh have more of them.`,
		Example: `  # everything, on all cores
  mgd3 bench

  # one core, and where the time goes
  mgd3 bench vae_decode_256_b1 --threads 1 --profile

  # beside lines of the same kind that other programs printed
  mgd3 bench matmul_1024 matmul_2048 --against torch.json

  # a GPU: the speed of products, and the share of it that sampling reaches
  mgd3 bench matmul_8192_x8 dit_xl2_50steps_b16 --backend xla:cuda --precision bf16

  # how far bf16 is from float32 after 50 steps
  mgd3 bench dit_xl2_50steps_b4 --difference --backend xla:cuda

  # compare what was measured before
  mgd3 bench --from ours.json --against torch.json --against ort.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			loads, err := bench.Find(args)
			if err == nil {
				err = o.check()
			}
			if err != nil {
				return fail(exitUsage, `"mgd3 bench --help" lists the loads`, err)
			}
			return e.bench(cmd.Context(), o, loads)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.names, "names", false, "print the names of the loads, and nothing else")
	f.IntVar(&o.threads, "threads", runtime.GOMAXPROCS(0), "use `N` threads")
	f.IntVar(&o.repeat, "repeat", 3, "take the median of `N` runs")
	f.StringVar(&o.precision, "precision", string(engine.Float32), "`TYPE` of the numbers inside networks: "+
		words.List(engine.Precisions))
	f.BoolVar(&o.difference, "difference", false,
		"measure no time, but how far bf16 is from float32 at the end of each load, all of which must draw latents")
	f.BoolVar(&o.profile, "profile", false,
		"after each load, print the backend's plan with the time of each kernel to standard error")
	f.StringArrayVar(&o.against, "against", nil,
		"compare with the results in `FILE`, in a table on standard error; may be given again")
	f.StringArrayVar(&o.from, "from", nil, "measure nothing, take our results from `FILE`; may be given again")
	return cmd
}

func large() []string {
	var names []string
	for _, l := range bench.Large() {
		names = append(names, l.Name)
	}
	return names
}

// wrapNames puts two names on a line.
func wrapNames(names []string) string {
	var text strings.Builder
	for pair := range slices.Chunk(names, 2) {
		line := fmt.Sprintf("  %-26s%s", pair[0], strings.Join(pair[1:], ""))
		text.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return text.String()
}

func (o *benchOptions) check() error {
	switch {
	case o.threads < 1:
		return fmt.Errorf("--threads is %d, want at least 1", o.threads)
	case o.repeat < 1:
		return fmt.Errorf("--repeat is %d, want at least 1", o.repeat)
	case o.difference && len(o.from)+len(o.against) > 0:
		return fmt.Errorf("--difference measures no time to compare")
	case o.profile && len(o.from) > 0:
		return fmt.Errorf("--profile needs a measurement, and --from makes none")
	}
	return engine.Precision(o.precision).Check()
}

// bench measures, or reads what was measured, and compares.
func (e *env) bench(ctx context.Context, o *benchOptions, loads []bench.Load) error {
	if o.names {
		for _, load := range loads {
			fmt.Fprintln(e.stdout, load.Name)
		}
		return nil
	}
	others, err := readResults(o.against)
	if err != nil {
		return err
	}
	ours, err := readResults(o.from)
	if err != nil {
		return err
	}
	if len(o.from) == 0 {
		if ours, err = e.measure(ctx, o, loads); err != nil {
			return err
		}
	}
	if len(o.against) == 0 {
		return nil
	}
	return bench.Compare(e.stderr, ours, others)
}

// measure prints the result of each load as soon as it is there.
func (e *env) measure(ctx context.Context, o *benchOptions, loads []bench.Load) ([]bench.Result, error) {
	runtime.GOMAXPROCS(o.threads) // before the backend starts its workers
	backend, err := e.openEngineIn(engine.Precision(o.precision), "")
	if err != nil {
		return nil, err
	}
	defer backend.Close()
	out := json.NewEncoder(e.stdout)
	if o.difference {
		for _, load := range loads {
			d, err := bench.Differ(ctx, backend, load)
			if err != nil {
				return nil, err
			}
			if err := out.Encode(d); err != nil {
				return nil, err
			}
		}
		return nil, nil
	}
	m := bench.Measuring{Engine: backend, Threads: o.threads, Repeat: o.repeat, OwnDevice: isXLA(e.backend)}
	if o.profile {
		m.Explain = func(p *engine.Program) error { return p.Explain(e.stderr) }
	}
	return m.All(ctx, loads, func(r bench.Result) error { return out.Encode(r) })
}

// readResults reads files of results.
func readResults(paths []string) ([]bench.Result, error) {
	results, err := bench.ReadFiles(paths)
	if errors.Is(err, bench.ErrLine) {
		return nil, fail(exitInput, `lines of "mgd3 bench" or bench/compare.py are wanted`, err)
	}
	return results, fail(exitInput, "", err)
}
