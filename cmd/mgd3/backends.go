package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/engine"
	"mgd3/internal/bench"
	"mgd3/internal/words"
)

func (e *env) backendsCmd() *cobra.Command {
	var check bool
	precisions := []string{string(engine.Float32), string(engine.BF16)}
	cmd := &cobra.Command{
		Use:   "backends",
		Short: "List the backends of this build, the plugins on this machine, and the devices of one backend",
		Long: `backends lists the backends of this build and the PJRT plugins on this machine, found by their file
names; none is loaded. Then it opens the backend that --backend names and lists its devices.

--check runs every kind of network that mgd3 has, small and with random weights, on that backend and on cpu, in each
precision, and prints how far the results are apart. It needs no file and takes a minute.`,
		Example: `  mgd3 backends
  mgd3 backends --backend xla:cuda --check
  mgd3 backends --backend xla --plugin ./pjrt_c_api_cuda_plugin.so`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := e.backends(); err != nil || !check {
				return err
			}
			return e.checkBackend(cmd.Context(), precisions)
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "run small networks on the backend and on cpu, and compare")
	cmd.Flags().StringSliceVar(&precisions, "precision", precisions,
		"`TYPES` for --check: "+words.List(engine.Precisions))
	return cmd
}

// checkBackend compares the networks on the backend with cpu in each precision. It prints every result as soon as it
// is there, so that an abort leaves the others.
func (e *env) checkBackend(ctx context.Context, precisions []string) error {
	reference, err := engine.Open("cpu")
	if err != nil {
		return err
	}
	defer reference.Close()
	bad := 0
	for _, precision := range precisions {
		eng, err := e.openEngineIn(engine.Precision(precision), "")
		if err != nil {
			return err
		}
		err = bench.CheckAll(ctx, eng, reference, func(c bench.Check) {
			if !c.OK() {
				bad++
			}
			_ = e.print(c, c.Text) // a lost line is an error at the end
		})
		if err != nil {
			return err
		}
	}
	if bad > 0 {
		return fail(exitBackend, "please report it, with all that is printed above",
			fmt.Errorf("%d networks differ from cpu by more than roundings do, or fail", bad))
	}
	return nil
}

// openEngine opens the backend of the flags in float32.
func (e *env) openEngine() (*engine.Engine, error) { return e.openEngineIn(engine.Float32, "") }

// openEngineIn opens the backend of the flags in a precision, with a folder for XLA's choices among kernels; "" is
// none.
func (e *env) openEngineIn(precision engine.Precision, cache string) (*engine.Engine, error) {
	if e.plugin != "" && !isXLA(e.backend) {
		return nil, fail(exitUsage, "add --backend xla", errors.New("--plugin is for the backend xla"))
	}
	if err := precision.Check(); err != nil {
		return nil, fail(exitUsage, "", err)
	}
	if e.backend == "go" && precision == engine.BF16 {
		return nil, fail(exitUsage, "the backends cpu and xla have it",
			errors.New("the backend go cannot compute in bf16"))
	}
	return engine.Config{Backend: e.backend, Plugin: e.plugin, Precision: precision, Cache: cache}.Open()
}

// isXLA reports whether a backend's name is that of xla, which may run on another device than the processor.
func isXLA(backend string) bool {
	kind, _, _ := strings.Cut(backend, ":")
	return kind == "xla"
}

// getPlugin says how a plugin is got; docs/gpu.md has the versions that were tried.
const getPlugin = `  a plugin for NVIDIA GPUs:      pip install "jax-cuda13-plugin[with-cuda]"     (or cuda12)
  a plugin for this processor:   pip install --no-deps lammps-jax-pjrt-cpu
  in a virtual environment: set VIRTUAL_ENV, or give the file with --plugin; docs/gpu.md has more
`

// backends prints what there is, and then opens the one that was asked for, whose errors are worth reading beside it.
func (e *env) backends() error {
	plugins, searched := engine.Plugins()
	if e.json {
		if err := json.NewEncoder(e.stdout).Encode(struct {
			Backends []string        `json:"backends"`
			Plugins  []engine.Plugin `json:"plugins"`
			Searched []string        `json:"searched"`
		}{engine.Names(), slices.Concat([]engine.Plugin{}, plugins), searched}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(e.stdout, "backends  %s\n", strings.Join(engine.Names(), ", "))
		for _, p := range plugins {
			fmt.Fprintf(e.stdout, "plugin    %s  %s\n", p.Name, p.Path)
		}
		if len(plugins) == 0 {
			fmt.Fprintf(e.stdout, "plugins   none in\n            %s\n%s", strings.Join(searched, "\n            "),
				getPlugin)
		}
	}
	eng, err := e.openEngine()
	if err != nil {
		return err
	}
	defer eng.Close()
	if e.json {
		return json.NewEncoder(e.stdout).Encode(struct {
			Backend     string   `json:"backend"`
			Description string   `json:"description"`
			Devices     []string `json:"devices"`
			Libraries   []string `json:"libraries,omitempty"`
		}{eng.Name(), eng.Description(), eng.Devices(), eng.Libraries()})
	}
	for _, lib := range eng.Libraries() {
		fmt.Fprintf(e.stdout, "library   %s\n", lib)
	}
	fmt.Fprintf(e.stdout, "open      %s: %s\n", eng.Name(), eng.Description())
	for i, device := range eng.Devices() {
		fmt.Fprintf(e.stdout, "device    %d: %s\n", i, device)
	}
	return nil
}
