package main

import (
	"context"
	"strings"

	"github.com/spf13/cobra"

	"mgd3/compare"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/report"
	"mgd3/scores/ranking"
)

// rankOptions are the flags of rank: those of evaluate that it has, and its own.
type rankOptions struct {
	evaluateOptions
	ranking     compare.Ranking
	real, split string
	epochs      string
}

// rankCmd is "mgd3 rank": DD-Ranking's scores, for which sets of random real images and all real images are trained on
// too. docs/evaluate.md has the formulas.
func (e *env) rankCmd() *cobra.Command {
	var o rankOptions
	cmd := &cobra.Command{
		Use:   "rank --train SET... --real SET --test SET",
		Short: "Score sets as DD-Ranking does: what is left of them beside labels and augmentation",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return e.rank(cmd.Context(), &o) },
	}
	f, v := cmd.Flags(), &o.judge
	f.StringArrayVar(&v.Named.Train, "train", nil, "`SET` to score, as of evaluate; may be given several times")
	f.StringVar(&v.Named.TrainSplit, "train-split", "",
		"the `NAME` of the sub-folder to take of sets to score that are not distilled ones")
	f.StringVar(&o.real, "real", "", "`SET` of all real images that the sets are made of")
	f.StringVar(&o.split, "real-split", "", "the `NAME` of the sub-folder to take of --real")
	o.testFlags(f, "`SET` of real images to test on, with the same classes", classesHelp)
	f.IntVar(&v.Named.IPC, "ipc", 0, "take the first `N` images of each class by file name to score; 0 takes all")
	cli.Heading(f, "Sets")
	e.tensorFlags(f)
	f.StringSliceVar(&v.Nets, "net", []string{"convnet3"}, "`NETS` to train: convnet with a depth, "+
		strings.Join(evaluate.OtherNames(), ", "))
	f.StringVar(&v.Protocol, "protocol", "quick", "`PROTOCOL`: "+strings.Join(evaluate.Presets(), ", "))
	f.StringVar(&o.ranking.HardProtocol, "hard-protocol", "",
		"`PROTOCOL` of the trainings with hard labels; default --protocol if its labels are hard, else hard")
	f.StringVar(&o.epochs, "epochs", "", "change the protocols' epochs to `N`")
	f.StringSliceVar(&o.ranking.Rates, "rates", nil, "try these `RATES` and take the best on the test images, as "+
		"ddranking does (0.001,0.005,0.01,0.05,0.1); default the protocol's")
	f.IntVar(&v.Repeat, "repeat", 1, "trainings and random sets, with seeds --seed, --seed+1, …")
	f.Uint64Var(&v.Seed, "seed", 0, "seed of weights, order, augmentation and random sets")
	f.Float64Var(&o.ranking.FullAccuracy, "full-accuracy", 0,
		"accuracy in `%` of all real images with hard labels, if it is known; 0 trains on them")
	f.Float64Var(&o.ranking.Weight, "weight", ranking.Weight, "`W` of IOR in LRS, 0 to 1; HLR has the rest")
	f.Float64Var(&o.ranking.Gamma, "gamma", ranking.Weight, "`G` of augmented trainings in ARS, 0 to 1")
	cli.Heading(f, "Training")
	teacherFlags(f, v)
	f.StringVarP(&v.Out, "out", "o", "", "output `DIR` of the trainings and ranking.json; without it nothing is kept")
	cli.First(cmd, "train", "real", "real-split", "test", "test-split", "net", "protocol", "repeat", "out")
	cli.Require(cmd, "train", "real", "test")
	return cmd
}

func (e *env) rank(ctx context.Context, o *rankOptions) error {
	r, v := &o.ranking, &o.judge
	r.Evaluation = &v.Evaluation
	// in % on the command line, 0 to 1 in the package
	r.FullAccuracy /= 100
	if o.epochs != "" {
		v.Changes = []string{"epochs=" + o.epochs}
	}
	if err := r.Check(); err != nil {
		return err
	}
	done, err := e.openJudging(ctx, v)
	if err != nil {
		return err
	}
	defer done()
	soft, err := v.Resolve(ctx, &e.sets)
	if err != nil {
		return err
	}
	// all real images are of the classes of the test set, in its order
	full := v.Named.Test
	full.Path, full.Split, full.Limit = o.real, o.split, 0
	if err := r.Open(ctx, &e.sets, full, soft); err != nil {
		return err
	}
	defer r.Full.Images.Close()
	unlock, err := v.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if err := r.Do(ctx); err != nil {
		return unreadable(err)
	}
	if v.Out != "" {
		if err := r.Write(); err != nil {
			return fail(exitOutput, "", err)
		}
	}
	if e.json {
		return r.JSON(e.stdout)
	}
	return report.Text(e.stdout, r.Result())
}
