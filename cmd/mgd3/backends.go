package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/engine"
)

func (e *env) backendsCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "backends",
		Short: "List the backends of this build, the plugins on this machine, and the devices of one backend",
		Long: `backends lists the backends of this build and the PJRT plugins on this machine, found by their file names;
none is loaded. Then it opens the backend that --backend names and lists its devices.`,
		Example: `  mgd3 backends
  mgd3 backends --backend xla:cuda
  mgd3 backends --backend xla --plugin ./pjrt_c_api_cuda_plugin.so`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error { return e.backends() },
	}
}

// openEngine opens the backend of the flags.
func (e *env) openEngine() (*engine.Engine, error) {
	if e.plugin != "" && !isXLA(e.backend) {
		return nil, fail(exitUsage, "add --backend xla", errors.New("--plugin is for the backend xla"))
	}
	return engine.OpenPlugin(e.backend, e.plugin)
}

// isXLA reports whether a backend's name is that of xla, which may run on another device than the processor.
func isXLA(backend string) bool {
	kind, _, _ := strings.Cut(backend, ":")
	return kind == "xla"
}

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
			fmt.Fprintf(e.stdout, "plugins   none in\n            %s\n", strings.Join(searched, "\n            "))
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
		}{eng.Name(), eng.Description(), eng.Devices()})
	}
	fmt.Fprintf(e.stdout, "open      %s: %s\n", eng.Name(), eng.Description())
	for i, device := range eng.Devices() {
		fmt.Fprintf(e.stdout, "device    %d: %s\n", i, device)
	}
	return nil
}
