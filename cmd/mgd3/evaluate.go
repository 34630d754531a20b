package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/report"
	"mgd3/stage"
)

// evaluateOptions are the flags of evaluate.
type evaluateOptions struct {
	sets    compare.EvaluationSets
	judge   compare.Evaluation // but for its sets
	shard   runFlags           // of the trainings
	every   time.Duration
	teacher teacherFlags
	stored  string // labels, in the place of a teacher

	recipe *compare.Recipe     // that is followed; nil: none
	flags  map[string][]string // that were given
}

// testFlags are those of the set to test on, with the help of --test and --classes.
func (o *evaluateOptions) testFlags(f *pflag.FlagSet, test, classes string) {
	f.StringVar(&o.sets.Test.Path, "test", "", test)
	f.StringVar(&o.sets.Test.Split, "test-split", "", "the `NAME` of the sub-folder to take of the test set")
	f.StringVar(&o.sets.Test.Classes, "classes", "", classes)
	labelFlags(f, &o.sets.Test.ClassNames, &o.sets.Test.Labels)
}

func (e *env) evaluateCmd() *cobra.Command {
	var o evaluateOptions
	var recipe string
	changes := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "evaluate --train SET... --test SET",
		Short: "Train networks on small sets from scratch, and test them on real images",
		Long: `Trains networks on one or several sets, distilled or real, from scratch, and reports their accuracy on
real images that none was made from. All sets stand in one table: mean and population standard
deviation over --repeat trainings, as the published programs print them, and every value. Both the
accuracy after the last epoch and the best one are reported; the best selects on the test data.

A --train SET is an output folder of distill, or images as CLASS/FILE or SPLIT/CLASS/FILE in a folder, a
zip or a tar; NAME=SET gives it a name in the table. It may also be what the programs of DC, DSA, DM, MTT, TESLA,
FTD, DATM, EDF, GLaD, IDC, DREAM, NCFM or SRe2L saved: docs/judge.md has a command for each family, and
docs/evaluate.md the protocols.`,
		Example: `  # how good is a distilled set, beside as many real images per class?
  mgd3 evaluate --train pets-10 real=pets.zip --train-split train --ipc 10 --test pets.zip --test-split test

  # the published hard-label protocol, three networks, three trainings each
  mgd3 evaluate --train nette-10 --test imagenet --test-split val --net convnet6,resnetap10,resnet18 \
    --protocol hard --repeat 3 --out nette-10-scores

  # somebody's set as it was downloaded: tensors of DM for CIFAR-10
  mgd3 evaluate --train res_DM_CIFAR10_ConvNet_10ipc.pt --test cifar-10 --test-split test`,
		Args: cobra.ArbitraryArgs,
		PreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			if recipe != "" {
				o.recipe, err = e.takeRecipe(cmd.Flags(), recipe)
			}
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.sets.Train = append(o.sets.Train, args...)
			for _, name := range evaluate.Settings() {
				if cmd.Flags().Changed(name) {
					o.judge.Changes = append(o.judge.Changes, name+"="+*changes[name])
				}
			}
			o.flags = recipeOf(cmd.Flags(), o.sets.Train)
			return e.evaluate(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.sets.Train, "train", nil,
		"`SET` to train on; may be given several times, and more sets may follow the flags")
	o.testFlags(f, "`SET` of real images to test on, with the same classes",
		"classes to take of all sets: a `LIST` by name or a file with one class a line; default all, which must be "+
			"the same")
	f.StringVar(&o.sets.TrainSplit, "train-split", "",
		"the `NAME` of the sub-folder to take of sets to train on that are not distilled ones")
	f.IntVar(&o.sets.IPC, "ipc", 0, "take the first `N` images of each class by file name to train on; 0 takes all")
	f.IntVar(&o.sets.Test.Limit, "test-limit", 0,
		"take the first `N` images of each class by file name to test on; 0 takes all")
	cli.Heading(f, "Sets")
	e.tensorFlags(f)
	f.StringSliceVar(&o.judge.Nets, "net", []string{"convnet3"},
		"`NETS` to train: convnet with a depth, "+strings.Join(evaluate.OtherNames(), ", "))
	f.StringVar(&o.judge.Protocol, "protocol", "quick", "`PROTOCOL`: "+strings.Join(evaluate.Presets(), ", "))
	f.IntVar(&o.judge.Repeat, "repeat", 1, "trainings of each network on each set, with seeds --seed, --seed+1, …")
	f.Uint64Var(&o.judge.Seed, "seed", 0, "seed of weights, order and augmentation")
	cli.Heading(f, "Training")
	f.BoolVar(&o.sets.ClusterSizes, "masses", false,
		"weigh each image of a distilled set by the real images of its mode")
	f.BoolVar(&o.sets.IgnoreEXIF, "ignore-exif", false,
		"leave photographs turned as they are stored, as the published programs do")
	cli.Heading(f, "Sets")
	f.StringVar(&o.judge.Referee.File, "referee", "", "a `FILE` with the weights of a trained classifier, which says "+
		"whether the labels of the sets to train on are those of their images")
	f.StringVar(&o.judge.Referee.Net, "referee-net", "resnet18", "`NET` of --referee")
	cli.Heading(f, "Sets")
	o.teacher.add(f)
	f.StringVar(&o.stored, "stored", "", "the labels of \"mgd3 relabel\", a `FILE`, in the place of --teacher")
	cli.Heading(f, "Teacher of soft labels")
	f.StringVarP(&o.judge.Out, "out", "o", "",
		"output `DIR`: checkpoints, scores and a page; without it nothing is kept")
	f.StringVar(&o.shard.shard, "shard", stage.Whole.String(),
		"do part `I/N` of the trainings, into the --out of all, and "+
			"print no table; the same command without it, when all are done, makes the table; auto as for distill")
	f.StringVar(&recipe, "recipe", "", "take all flags that are not given from a `FILE`, the recipe of a result, "+
		"and say "+
		"whether the networks are the same")
	f.DurationVar(&o.every, "checkpoint-every", 30*time.Second,
		"`TIME` from one checkpoint to the next; decides no result")
	cli.Heading(f, "Run")
	for _, name := range evaluate.Settings() {
		changes[name] = f.String(name, "", "change the protocol's "+name+", and its name with it")
	}
	cli.Heading(f, "Changes of the protocol")
	cli.First(cmd, "train", "train-split", "test", "test-split", "net", "protocol", "repeat", "ipc", "out")
	cli.Require(cmd, "test")
	return cmd
}

func (e *env) evaluate(ctx context.Context, o *evaluateOptions) error {
	v := &o.judge
	switch {
	case len(o.sets.Train) == 0:
		return fail(exitUsage, "", errors.New("missing --train"))
	case v.Repeat < 1:
		return fail(exitUsage, "", fmt.Errorf("--repeat is %d, want at least 1", v.Repeat))
	case !slices.Contains(evaluate.Presets(), v.Protocol):
		return fail(exitUsage, "", fmt.Errorf("--protocol is %q, want one of %s", v.Protocol,
			strings.Join(evaluate.Presets(), ", ")))
	}
	part, err := o.shard.part(e)
	if err != nil {
		return err
	}
	if part != stage.Whole && v.Out == "" {
		return fail(exitUsage, "", errors.New("--shard wants --out, where the trainings of all shards are put "+
			"together"))
	}
	eng, err := e.openEngine()
	if err != nil {
		return err
	}
	defer eng.Close()
	v.Shard = part
	p := e.progress()
	v.Report, v.Warn, v.Note = p.Evaluation, e.warnText, p.Warn
	v.Evaluator = &evaluate.Evaluator{Engine: eng, Every: o.every}
	defer v.Close()
	if err := o.sets.Open(ctx, &e.sets, v); err != nil {
		return ofSet(err)
	}
	if v.Out != "" {
		unlock, err := stage.Lock(v.Out, part)
		if err != nil {
			return fail(exitOutput, "", err)
		}
		defer unlock()
	}
	if err := e.judge(ctx, o, v); err != nil {
		return unreadable(err)
	}
	if part != stage.Whole {
		e.say("shard %v of the trainings is done; the same command without --shard makes the table", part)
		return nil
	}
	if v.Out != "" {
		if err := v.Write(); err != nil {
			return fail(exitOutput, "", err)
		}
	}
	note, err := e.recipe(o)
	if err != nil {
		return fail(exitOutput, "", err)
	}
	r := v.Result()
	r.Plots, r.Pictures = nil, nil
	r.Notes = append(r.Notes, note)
	return e.show(v.Scores(), func(w io.Writer) error { return report.Text(w, r) })
}

// judge trains all networks on all sets, once it knows that it can.
func (e *env) judge(ctx context.Context, o *evaluateOptions, v *compare.Evaluation) error {
	soft, err := v.Check()
	if err != nil {
		return fail(exitUsage, "", err)
	}
	switch {
	case o.stored == "":
		if v.Teacher, err = o.teacher.source(e, o, soft); err != nil {
			return err
		}
	case !soft || o.teacher.Path != "":
		return fail(exitUsage, "", errors.New("--stored is for soft labels, and takes the place of --teacher"))
	default:
		if v.Evaluator.Stored, err = evaluate.OpenStored(ctx, o.stored); err != nil {
			return fail(exitInput, "", err)
		}
		defer v.Evaluator.Stored.Close()
		v.Teacher.File = o.stored
	}
	err = v.Do(ctx)
	if errors.Is(err, evaluate.ErrStored) {
		return fail(exitInput, `"mgd3 relabel" with the same set, protocol, changes and seed makes them`, err)
	}
	var teacher *compare.TeacherError
	if errors.As(err, &teacher) {
		return fail(exitModel, "", err)
	}
	if errors.Is(err, evaluate.ErrLabels) {
		return fail(exitInput, "", err)
	}
	for _, s := range v.Sets {
		if s.Run != "" && errors.Is(err, dataset.ErrImage) && strings.Contains(err.Error(), s.Run) {
			// without the name of the set: that of the file has it
			return fail(exitOutput, remake, cmp.Or(errors.Unwrap(err), err))
		}
	}
	return err
}
