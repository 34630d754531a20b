package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/store"
	"mgd3/weights"
)

// inspectCmd is "mgd3 inspect". What it is given need not be named by a flag: a folder with a manifest is a set, and
// everything else a file or folder of weights.
func (e *env) inspectCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "inspect FILE|DIR",
		Short: "Show what is in a weights file, or in a distilled set's manifest",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if m, err := distill.ReadManifest(args[0]); err == nil {
				return e.inspectManifest(m)
				// A run whose manifest is missing or damaged is no weights file, whose error would say nothing.
			} else if _, found := store.Stat(args[0]); found == nil &&
				(sets.IsRun(args[0]) || errors.Is(err, stage.ErrDamaged)) {
				return fail(exitInput, exits.ManifestHint(args[0], err), err)
			}
			return e.inspectWeights(cmd.Context(), args[0])
		},
	}
}

func (e *env) inspectManifest(m *distill.Manifest) error {
	return e.print(m, func(w io.Writer) error { return terminal.WriteManifest(w, m) })
}

func (e *env) inspectWeights(ctx context.Context, path string) error {
	c, err := weights.Inspect(ctx, path)
	if err != nil {
		return fail(exitModel, "", err)
	}
	err = e.print(c, func(w io.Writer) error { return terminal.WriteContents(w, c) })
	if !e.json {
		e.sayAll(c.Notes)
	}
	return err
}
