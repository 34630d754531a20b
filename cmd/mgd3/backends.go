package main

import (
	"github.com/spf13/cobra"

	"mgd3/engine"
	"mgd3/internal/bench"
	"mgd3/internal/words"
)

// backendsCmd is "mgd3 backends". It opens the backend of --backend to list its devices, and no other.
func (e *env) backendsCmd() *cobra.Command {
	var check bool
	precisions := []string{string(engine.Float32), string(engine.BF16)}
	cmd := &cobra.Command{
		Use:   "backends",
		Short: "List the backends of this build, the plugins on this machine, and the devices of one backend",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := e.backend.List(e.stdout, e.json); err != nil || !check {
				return err
			}
			return e.backend.Check(cmd.Context(), precisions, func(c bench.Check) {
				_ = e.print(c, c.Text) // a lost line is an error at the end
			})
		},
	}
	cmd.Flags().BoolVar(&check, "check", false, "run small networks on the backend and on cpu, and compare")
	cmd.Flags().StringSliceVar(&precisions, "precision", precisions,
		"`TYPES` for --check: "+words.List(engine.Precisions))
	return cmd
}

// openEngine opens the backend of the flags in float32.
func (e *env) openEngine() (*engine.Engine, error) { return e.backend.Open(engine.Float32, "") }
