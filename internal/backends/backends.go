// Package backends opens the backend that a command line names, lists what there is on this machine, and compares a
// backend with cpu.
package backends

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"mgd3/engine"
	"mgd3/internal/bench"
	"mgd3/internal/exits"
)

// Choice is the backend that a command line names.
type Choice struct {
	Name   string // as engine.Config has it
	Plugin string // file of xla's plugin; "" looks for one
}

// Open opens the backend in a precision, with a folder for XLA's choices among kernels; "" is none. Its errors have
// exit codes.
func (c Choice) Open(precision engine.Precision, cache string) (*engine.Engine, error) {
	if c.Plugin != "" && !c.IsXLA() {
		return nil, exits.Fail(exits.Usage, "add --backend xla", errors.New("--plugin is for the backend xla"))
	}
	if err := precision.Check(); err != nil {
		return nil, exits.Fail(exits.Usage, "", err)
	}
	if err := precision.On(c.Name); err != nil {
		return nil, exits.Fail(exits.Usage, "", err)
	}
	return engine.Config{Backend: c.Name, Plugin: c.Plugin, Precision: precision, Cache: cache}.Open()
}

// Known are the names that --backend takes here: the backends of this build, and xla with each plugin that is found.
func Known() []string {
	names := engine.Names()
	plugins, _ := engine.Plugins()
	for _, p := range plugins {
		names = append(names, "xla:"+p.Name)
	}
	return names
}

// IsXLA reports whether the backend is xla, which may run on another device than the processor.
func (c Choice) IsXLA() bool {
	kind, _, _ := strings.Cut(c.Name, ":")
	return kind == "xla"
}

// Check runs the networks of [bench.CheckAll] on the backend and on cpu in each precision, and reports every result
// as soon as it is there, so that an abort leaves the others. Networks that differ are an error at the end.
func (c Choice) Check(ctx context.Context, precisions []string, report func(bench.Check)) error {
	reference, err := engine.Open("cpu")
	if err != nil {
		return err
	}
	defer reference.Close()
	bad := 0
	for _, precision := range precisions {
		e, err := c.Open(engine.Precision(precision), "")
		if err != nil {
			return err
		}
		err = bench.CheckAll(ctx, e, reference, func(r bench.Check) {
			if !r.OK() {
				bad++
			}
			report(r)
		})
		if err != nil {
			return err
		}
	}
	if bad > 0 {
		return exits.Fail(exits.Backend, "please report it, with all that is printed above",
			fmt.Errorf("%d networks differ from cpu by more than roundings do, or fail", bad))
	}
	return nil
}

// getPlugin says how a plugin is got; docs/gpu.md has the versions that were tried.
const getPlugin = `  a plugin for NVIDIA GPUs:      pip install "jax-cuda13-plugin[with-cuda]"     (or cuda12)
  a plugin for this processor:   pip install --no-deps lammps-jax-pjrt-cpu
  in a virtual environment: set VIRTUAL_ENV, or give the file with --plugin; docs/gpu.md has more
`

// List writes the backends of this build and the plugins that are found, and then opens the one of c, whose errors
// are worth reading beside them, and writes its devices. As JSON it writes two objects, a line each.
func (c Choice) List(w io.Writer, asJSON bool) error {
	plugins, searched := engine.Plugins()
	if asJSON {
		if err := json.NewEncoder(w).Encode(struct {
			Backends []string        `json:"backends"`
			Plugins  []engine.Plugin `json:"plugins"`
			Searched []string        `json:"searched"`
		}{engine.Names(), append([]engine.Plugin{}, plugins...), searched}); err != nil {
			return err
		}
	} else {
		fmt.Fprintf(w, "backends  %s\n", strings.Join(engine.Names(), ", "))
		for _, p := range plugins {
			fmt.Fprintf(w, "plugin    %s  %s\n", p.Name, p.Path)
		}
		if len(plugins) == 0 {
			fmt.Fprintf(w, "plugins   none in\n            %s\n%s", strings.Join(searched, "\n            "), getPlugin)
		}
	}
	e, err := c.Open(engine.Float32, "")
	if err != nil {
		return err
	}
	defer e.Close()
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			Backend     string   `json:"backend"`
			Description string   `json:"description"`
			Devices     []string `json:"devices"`
			Libraries   []string `json:"libraries,omitempty"`
		}{e.Name(), e.Description(), e.Devices(), e.Libraries()})
	}
	for _, lib := range e.Libraries() {
		fmt.Fprintf(w, "library   %s\n", lib)
	}
	fmt.Fprintf(w, "open      %s: %s\n", e.Name(), e.Description())
	for i, device := range e.Devices() {
		fmt.Fprintf(w, "device    %d: %s\n", i, device)
	}
	return nil
}
