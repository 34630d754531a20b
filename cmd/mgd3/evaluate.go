package main

import (
	"context"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgd3/compare"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/internal/opening"
	"mgd3/report"
	"mgd3/stage"
)

// evaluateOptions are the flags of evaluate.
type evaluateOptions struct {
	judge compare.Judging
	// judge is what other programs could call; the rest is what only a command line has
	part opening.Part // of the trainings

	recipe *compare.Recipe     // that is followed; nil: none
	flags  map[string][]string // that were given
}

// testFlags are those of the set to test on, with the help of --test and --classes.
func (o *evaluateOptions) testFlags(f *pflag.FlagSet, test, classes string) {
	f.StringVar(&o.judge.Named.Test.Path, "test", "", test)
	f.StringVar(&o.judge.Named.Test.Split, "test-split", "", "the `NAME` of the sub-folder to take of the test set")
	f.StringVar(&o.judge.Named.Test.Classes, "classes", "", classes)
	labelFlags(f, &o.judge.Named.Test.ClassNames, &o.judge.Named.Test.Labels)
}

// evaluateCmd is "mgd3 evaluate". relabel and rank have some of its flags, with the same names and meanings.
func (e *env) evaluateCmd() *cobra.Command {
	var o evaluateOptions
	var recipe string
	var changes func() []string
	cmd := &cobra.Command{
		Use:   "evaluate --train SET... --test SET",
		Short: "Train networks on small sets from scratch, and test them on real images",
		Args:  cobra.ArbitraryArgs,
		// before cobra looks for required flags, which a recipe may have
		PreRunE: func(cmd *cobra.Command, _ []string) (err error) {
			if recipe != "" {
				o.recipe, err = e.takeRecipe(cmd.Flags(), recipe)
			}
			return err
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.judge.Named.Train = append(o.judge.Named.Train, args...)
			o.judge.Changes = changes()
			// for the recipe of this evaluation; sets after the flags are --train there
			o.flags = cli.Deciding(cmd.Flags())
			delete(o.flags, "recipe") // its flags are there
			o.flags["train"] = o.judge.Named.Train
			return e.evaluate(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.judge.Named.Train, "train", nil,
		"`SET` to train on; may be given several times, and more sets may follow the flags")
	o.testFlags(f, "`SET` of real images to test on, with the same classes",
		"classes to take of all sets: a `LIST` by name or a file with one class a line; default all, which must be "+
			"the same")
	f.StringVar(&o.judge.Named.TrainSplit, "train-split", "",
		"the `NAME` of the sub-folder to take of sets to train on that are not distilled ones")
	f.IntVar(&o.judge.Named.IPC, "ipc", 0,
		"take the first `N` images of each class by file name to train on; 0 takes all")
	f.IntVar(&o.judge.Named.Test.Limit, "test-limit", 0,
		"take the first `N` images of each class by file name to test on; 0 takes all")
	cli.Heading(f, "Sets")
	e.tensorFlags(f)
	f.StringSliceVar(&o.judge.Nets, "net", []string{"convnet3"},
		"`NETS` to train: convnet with a depth, "+strings.Join(evaluate.OtherNames(), ", "))
	f.StringVar(&o.judge.Protocol, "protocol", "quick", "`PROTOCOL`: "+strings.Join(evaluate.Presets(), ", "))
	f.IntVar(&o.judge.Repeat, "repeat", 1, "trainings of each network on each set, with seeds --seed, --seed+1, …")
	f.Uint64Var(&o.judge.Seed, "seed", 0, "seed of weights, order and augmentation")
	cli.Heading(f, "Training")
	f.BoolVar(&o.judge.Named.ClusterSizes, "masses", false,
		"weigh each image of a distilled set by the real images of its mode")
	f.BoolVar(&o.judge.Named.IgnoreEXIF, "ignore-exif", false,
		"leave photographs turned as they are stored, as the published programs do")
	cli.Heading(f, "Sets")
	f.StringVar(&o.judge.Referee.File, "referee", "", "a `FILE` with the weights of a trained classifier, which says "+
		"whether the labels of the sets to train on are those of their images")
	f.StringVar(&o.judge.Referee.Net, "referee-net", "resnet18", "`NET` of --referee")
	cli.Heading(f, "Sets")
	teacherFlags(f, &o.judge)
	f.StringVar(&o.judge.Stored, "stored", "", "the labels of \"mgd3 relabel\", a `FILE`, or the "+
		"folder of FKD's that a program of SRe2L's family wrote, in the place of --teacher")
	cli.Heading(f, "Teacher of soft labels")
	f.StringVarP(&o.judge.Out, "out", "o", "",
		"output `DIR`: checkpoints, scores and a page; without it nothing is kept")
	f.StringVar(&o.part.Text, "shard", stage.Whole.String(),
		"do part `I/N` of the trainings, into the --out of all, and "+
			"print no table; the same command without it, when all are done, makes the table; auto as for distill; "+
			"any takes the next training that no other worker has, until all are done, and makes the table")
	leaseFlag(f, &o.part)
	f.StringVar(&recipe, "recipe", "", "take all flags that are not given from a `FILE`, the recipe of a result, "+
		"and say "+
		"whether the networks are the same")
	f.DurationVar(&o.judge.Every, "checkpoint-every", 30*time.Second,
		"`TIME` from one checkpoint to the next; decides no result")
	cli.Heading(f, "Run")
	// one flag for each setting of a protocol: what differs from the published protocol gets another name in the table
	changes = cli.Changes(f, evaluate.Settings(), ", and its name with it")
	cli.Heading(f, "Changes of the protocol")
	cli.First(cmd, "train", "train-split", "test", "test-split", "net", "protocol", "repeat", "ipc", "out")
	cli.Require(cmd, "test")
	return cmd
}

// openJudging opens the backend and the sets of an evaluation, whose progress is shown; the function closes them.
func (e *env) openJudging(ctx context.Context, j *compare.Judging) (func(), error) {
	if err := j.Check(); err != nil {
		return nil, err
	}
	eng, err := e.openEngine()
	if err != nil {
		return nil, err
	}
	p := e.progress()
	j.Report, j.Warn, j.Note = p.Evaluation, e.warnText, p.Warn
	if err := j.Open(ctx, &e.sets, eng); err != nil {
		j.Close()
		eng.Close()
		return nil, err
	}
	return func() {
		j.Close()
		eng.Close()
	}, nil
}

func (e *env) evaluate(ctx context.Context, o *evaluateOptions) (err error) {
	v := &o.judge
	// In the order of what it costs to find a mistake: the shard, backend and sets, the teacher and the protocol, and
	// the trainings at last.
	if v.Shard, v.Any, err = o.part.Shared(v.Out, os.Getenv, e.sayText); err != nil {
		return err
	}
	done, err := e.openJudging(ctx, v)
	if err != nil {
		return err
	}
	defer done()
	unlock, err := v.Lock()
	if err != nil {
		return err
	}
	defer unlock()
	if _, err := v.Resolve(ctx, &e.sets); err != nil {
		return err
	}
	if err := v.Train(ctx); err != nil {
		return unreadable(err)
	}
	v.Command = report.Command([]string{"mgd3", "evaluate"}, o.flags)
	// others are at work on the rest of the table; who takes "any" ends when all is done, and has it
	if v.Shard != stage.Whole {
		e.say("shard %v of the trainings is done; the same command without --shard makes the table", v.Shard)
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
	// text has tables; the page in --out has all
	r.Plots = nil
	r.Notes = append(r.Notes, note)
	return e.print(v.Scores(), func(w io.Writer) error { return report.Text(w, r) })
}
