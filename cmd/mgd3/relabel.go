package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/internal/terminal"
)

// relabelCmd is "mgd3 relabel": what a teacher says to each image in each epoch of one training, with the augmentation
// of that training. So it has the flags that decide what is seen, and --stored of evaluate wants the same.
func (e *env) relabelCmd() *cobra.Command {
	var o evaluateOptions
	var out, format string
	var store evaluate.StoreOptions
	var changes func() []string
	cmd := &cobra.Command{
		Use:   "relabel --train SET --test SET --teacher FILE --out FILE",
		Short: "Store a teacher's soft labels, so that training needs no teacher",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.judge.Changes = changes()
			if err := store.SetFormat(format, cmd.Flags().Changed("top")); err != nil {
				return fail(exitUsage, "", err)
			}
			return e.relabel(cmd.Context(), &o, out, store)
		},
	}
	f, v := cmd.Flags(), &o.judge
	f.StringArrayVar(&o.judge.Named.Train, "train", nil, "`SET` to label, as of evaluate")
	f.StringVar(&o.judge.Named.TrainSplit, "train-split", "",
		"the `NAME` of the sub-folder to take of one that is not "+
			"distilled")
	o.testFlags(f, "`SET` of real images that the teacher is tested on first", classesHelp)
	f.IntVar(&o.judge.Named.IPC, "ipc", 0,
		"take the first `N` images of each class by file name; 0 takes all")
	cli.Heading(f, "Sets")
	e.tensorFlags(f)
	f.StringSliceVar(&v.Nets, "net", []string{"convnet3"}, "`NET` that is to be trained, whose protocol it is")
	f.StringVar(&v.Protocol, "protocol", "soft-f1", "`PROTOCOL` with soft labels: "+strings.Join(evaluate.Presets(),
		", "))
	f.Uint64Var(&v.Seed, "seed", 0, "seed of the training: of order, augmentation and CutMix")
	f.IntVar(&store.Top, "top", 10, "keep the `K` largest logits of each image; 0, or more than there "+
		"are, keeps all")
	f.BoolVar(&store.Whole, "whole", false, "keep them in float32; with --top 0 training from them is that with the "+
		"teacher")
	f.BoolVar(&store.Rest, "rest", false, "keep also what the others have together; they share it evenly in training")
	changes = cli.Changes(f, relabelSettings, "")
	f.StringVar(&format, "format", "safetensors", "`FORMAT` of the labels: safetensors, or fkd, "+
		"the files of SRe2L's programs, with all logits and what was done to the images")
	cli.Heading(f, "Labels")
	teacherFlags(f, v)
	f.StringVarP(&out, "out", "o", "", "`FILE` of the labels, or the folder of FKD's")
	cli.First(cmd, "train", "train-split", "test", "test-split", "teacher", "teacher-net", "top", "out")
	cli.Require(cmd, "train", "test", "teacher", "out")
	return cmd
}

// relabelSettings are the changes of a protocol that decide what a teacher sees, and how often.
var relabelSettings = []string{"epochs", "size", "batch", "flip", "cutmix", "augment"}

func (e *env) relabel(ctx context.Context, o *evaluateOptions, out string, store evaluate.StoreOptions) error {
	v := &o.judge
	if len(o.judge.Named.Train) != 1 || len(v.Nets) != 1 {
		return fail(exitUsage, "", errors.New("relabel wants one --train and one --net"))
	}
	// one file is of one training
	v.Repeat = 1
	done, err := e.openJudging(ctx, v)
	if err != nil {
		return err
	}
	defer done()
	// before Resolve, which refuses a teacher of hard labels as well, in words that are for evaluate
	soft, err := v.Evaluation.Check()
	if err == nil && !soft {
		err = fmt.Errorf("the labels of --protocol %s are hard: there is nothing to store", v.Protocol)
	}
	if err != nil {
		return fail(exitUsage, "", err)
	}
	if _, err := v.Resolve(ctx, &e.sets); err != nil {
		return err
	}
	size, err := v.Relabel(ctx, out, store)
	if err != nil {
		return unreadable(err)
	}
	if e.json {
		return json.NewEncoder(e.stdout).Encode(map[string]any{"out": out, "bytes": size, "top": store.Top})
	}
	e.say("%s: logits of %s", out, terminal.Size(size))
	return nil
}
