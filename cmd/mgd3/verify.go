package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/stage"
)

// verifyCmd is "mgd3 verify". It opens no network: images are held against their hashes, and are not made again.
func (e *env) verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "verify DIR",
		Short: "Check a distilled set against its manifest, and what it was made from against its checksums",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			unlock, err := stage.LockReading(args[0])
			if err != nil {
				return fail(exitOutput, "wait for it to be finished", err)
			}
			defer unlock()
			faults, unchecked, err := distill.Verify(cmd.Context(), args[0])
			if err != nil {
				return fail(exitInput, exits.ManifestHint(args[0], err), err)
			}
			// what could not be checked is said, and is no fault: latents may be deleted once a set is made
			found := terminal.NewFaults(faults, unchecked)
			err = e.print(found, found.Text)
			if len(faults) > 0 {
				return fail(exitVerify, remake, errors.Join(err, fmt.Errorf("%q: %d files differ from the "+
					"manifest or are damaged", args[0], len(faults))))
			}
			if !e.quiet && !e.json {
				fmt.Fprintf(e.stdout, "%s: every image is as the manifest says\n", args[0])
			}
			return err
		},
	}
}
