package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/internal/cli"
	"mgd3/internal/terminal"
	"mgd3/stage"
	"mgd3/store"
)

func (e *env) verifyCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "verify DIR",
		Short:   "Check a distilled set against its manifest, and what it was made from against its checksums",
		Example: `  mgd3 verify pets-10`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			unlock, err := stage.LockReading(args[0])
			if err != nil {
				return fail(exitOutput, "wait for it to be finished", err)
			}
			defer unlock()
			faults, unchecked, err := distill.Verify(cmd.Context(), args[0])
			if err != nil {
				return fail(exitInput, manifestHint(err), err)
			}
			if e.json {
				err = json.NewEncoder(e.stdout).Encode(struct {
					Faults    []string `json:"faults"`
					Unchecked []string `json:"unchecked"`
				}{append([]string{}, faults...), append([]string{}, unchecked...)})
			} else {
				for _, fault := range faults {
					fmt.Fprintln(e.stdout, terminal.Printable(fault))
				}
				for _, line := range unchecked {
					fmt.Fprintln(e.stdout, terminal.Printable(line))
				}
			}
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

func manifestHint(err error) string {
	if errors.Is(err, os.ErrNotExist) {
		return `"mgd3 distill" writes the manifest when all images are there`
	}
	return ""
}

func (e *env) mergeCmd() *cobra.Command {
	var out string
	cmd := &cobra.Command{
		Use:   "merge --out DIR [SHARD...]",
		Short: "Put shards together that were run into folders of their own",
		Long: `Copies the files of shards into one folder and writes the manifest. Without SHARD it writes the
manifest of shards that were run into DIR itself, as the last of them does.`,
		Example: `  mgd3 distill --data pets.zip --model pets-model --shard 0/2 --out part-0
  mgd3 distill --data pets.zip --model pets-model --shard 1/2 --out part-1
  mgd3 merge --out pets-10 part-0 part-1`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return e.finish(out)
			}
			unlock, err := stage.LockTogether(out, args)
			if err != nil {
				return fail(exitOutput, "", err)
			}
			defer unlock()
			m, err := distill.Merge(cmd.Context(), out, args,
				func(text string) { e.warnText(terminal.Printable(text)) })
			if err != nil {
				return err
			}
			return e.summary(out, m)
		},
	}
	cmd.Flags().StringVarP(&out, "out", "o", "", "output `DIR`")
	cli.Require(cmd, "out")
	return cmd
}

// finish writes the manifest of the shards in a folder.
func (e *env) finish(out string) error {
	if info, err := store.Stat(out); err != nil || !info.IsDir() {
		return fail(exitInput, "--out is the folder that the shards were run into",
			cmp.Or(err, fmt.Errorf("%q is a file", out)))
	}
	unlock, err := stage.Lock(out, stage.Whole)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	defer unlock()
	m, err := distill.Finish(out)
	if err != nil {
		return err
	}
	if m == nil {
		return fail(exitOutput, "run the shards that are missing", fmt.Errorf("%q: images of the set are missing", out))
	}
	return e.summary(out, m)
}
