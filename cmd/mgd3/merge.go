package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"mgd3/distill"
	"mgd3/export"
	"mgd3/internal/cli"
	"mgd3/internal/exits"
	"mgd3/internal/terminal"
	"mgd3/sets"
	"mgd3/stage"
	"mgd3/store"
)

// mergeCmd is "mgd3 merge", of three things: shards in one folder, shards in folders of their own, and finished sets.
// The first two end as if one process had made the set; the third is a new set, whose manifest names its sources.
func (e *env) mergeCmd() *cobra.Command {
	var out, classes string
	var o export.MergeOptions
	cmd := &cobra.Command{
		Use:   "merge --out DIR [SHARD... | SET...]",
		Short: "Put shards together that were run into folders of their own, or finished sets, or take a part of a set",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return e.finish(cmd.Context(), out)
			}
			var err error
			if o.Classes, err = export.ParseClasses(classes); err != nil || o.IPC < 0 {
				return fail(exitUsage, "", cmp.Or(err, fmt.Errorf("--ipc is %d, want at least 0", o.IPC)))
			}
			for _, arg := range args {
				info, err := store.Stat(arg)
				tensors, _ := sets.IsTensors(arg, "")
				if err == nil && (tensors || !info.IsDir()) {
					return fail(exitInput, `"mgd3 export --format folder" makes one of somebody else's set`,
						fmt.Errorf("%q is no finished set, want the folder of one", arg))
				}
			}
			// flags of finished sets, or finished sets; a shard alone has no manifest
			if o.IPC > 0 || o.Classes != nil || o.Join || distill.AreSets(args) {
				return e.mergeSets(cmd.Context(), out, args, o)
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
			return e.summary(cmd.Context(), out, m)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&out, "out", "o", "", "output `DIR`")
	f.IntVar(&o.IPC, "ipc", 0, "of finished sets: take the first `N` images of each class; 0 takes all")
	f.StringVar(&classes, "classes", "", "of finished sets: take these classes, a `LIST` by name, a file with one "+
		"class a line, or names with commas; default all")
	f.BoolVar(&o.Join, "join", false, "of finished sets: put the images of a class together that several of them have")
	cli.Require(cmd, "out")
	return cmd
}

// mergeSets puts finished sets together. mergeSets goes to disk alone: the new folder is made beside its place and
// renamed, which a bucket cannot.
func (e *env) mergeSets(ctx context.Context, out string, dirs []string, o export.MergeOptions) error {
	if store.Is(out) {
		return fail(exitUsage, "--out DIR on disk; then copy it", fmt.Errorf("%q is in a bucket, and a merged set "+
			"goes to disk", store.Shown(out)))
	}
	unlock, err := stage.LockReading(dirs...)
	if err != nil {
		return fail(exitOutput, "wait for it to be finished", err)
	}
	defer unlock()
	notes, err := export.Merge(ctx, out, dirs, o)
	for _, note := range notes {
		e.warnText(note)
	}
	switch {
	case errors.Is(err, export.ErrOverlap):
		return fail(exitOutput, "--join puts their images together", err)
	case errors.Is(err, export.ErrNoClass):
		return fail(exitInput, "", err)
	case err != nil:
		return exits.OfExport(dirs[0], err)
	}
	m, err := distill.ReadManifest(out)
	if err != nil {
		return err
	}
	return e.summary(ctx, out, m)
}

// finish writes the manifest of the shards in a folder. What is missing is not made here: merge opens no network.
func (e *env) finish(ctx context.Context, out string) error {
	if info, err := store.Stat(out); err != nil || !info.IsDir() {
		return fail(exitInput, "--out is the folder that the shards were run into",
			// err is nil where it is one
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
	// no manifest: Finish writes one only for a set that is whole
	if m == nil {
		return fail(exitOutput, "run the shards that are missing", fmt.Errorf("%q: images of the set are missing", out))
	}
	return e.summary(ctx, out, m)
}
