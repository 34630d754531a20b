package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"mgd3/compare"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/internal/cli"
	"mgd3/report"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
)

// evaluateOptions are the flags of evaluate.
type evaluateOptions struct {
	train                 []string
	test                  string
	trainSplit, testSplit string
	classes, classNames   string
	labels                string
	ipc, testLimit        int
	nets                  []string
	protocol              string
	changes               []string // of the protocol, as Protocol.With takes them
	repeat                int
	seed                  uint64
	masses, ignoreEXIF    bool
	teacher               teacherOptions
	out                   string
	shard                 runFlags // of the trainings
	every                 time.Duration

	warnings []string // so far
}

type teacherOptions struct {
	path, net, data, split string
	classes                string // in the order of its outputs
	epochs                 int
	unchecked              bool
}

func (e *env) evaluateCmd() *cobra.Command {
	var o evaluateOptions
	changes := map[string]*string{}
	cmd := &cobra.Command{
		Use:   "evaluate --train SET... --test SET",
		Short: "Train networks on small sets from scratch, and test them on real images",
		Long: `Trains networks on one or several sets, distilled or real, from scratch, and reports their accuracy on
real images that none was made from. All sets stand in one table: mean and population standard
deviation over --repeat trainings, as the published programs print them, and every value. Both the
accuracy after the last epoch and the best one are reported; the best selects on the test data.

A --train SET is an output folder of distill, or images as CLASS/FILE or SPLIT/CLASS/FILE in a folder, a
zip or a tar; NAME=SET gives it a name in the table. docs/evaluate.md has the protocols.`,
		Example: `  # how good is a distilled set, beside as many real images per class?
  mgd3 evaluate --train pets-10 real=pets.zip --train-split train --ipc 10 --test pets.zip --test-split test

  # the published hard-label protocol, three networks, three trainings each
  mgd3 evaluate --train nette-10 --test imagenet --test-split val --net convnet6,resnetap10,resnet18 \
    --protocol hard --repeat 3 --out nette-10-scores`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.train = append(o.train, args...)
			for _, name := range evaluate.Settings() {
				if cmd.Flags().Changed(name) {
					o.changes = append(o.changes, name+"="+*changes[name])
				}
			}
			return e.evaluate(cmd.Context(), &o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.train, "train", nil, "`SET` to train on; may be given several times, and more sets may follow the flags")
	f.StringVar(&o.test, "test", "", "`SET` of real images to test on, with the same classes")
	f.StringVar(&o.trainSplit, "train-split", "", "the `NAME` of the sub-folder to take of sets to train on that are not distilled ones")
	f.StringVar(&o.testSplit, "test-split", "", "the `NAME` of the sub-folder to take of the test set")
	f.StringVar(&o.classes, "classes", "", "classes to take of all sets: a `LIST` by name or a file with one class a line; default all, which must be the same")
	labelFlags(f, &o.classNames, &o.labels)
	f.IntVar(&o.ipc, "ipc", 0, "take the first `N` images of each class by file name to train on; 0 takes all")
	f.IntVar(&o.testLimit, "test-limit", 0, "take the first `N` images of each class by file name to test on; 0 takes all")
	cli.Heading(f, "Sets")
	f.StringSliceVar(&o.nets, "net", []string{"convnet3"}, "`NETS` to train: convnet with a depth, "+strings.Join(evaluate.OtherNames(), ", "))
	f.StringVar(&o.protocol, "protocol", "quick", "`PROTOCOL`: "+strings.Join(evaluate.Presets(), ", "))
	f.IntVar(&o.repeat, "repeat", 1, "trainings of each network on each set, with seeds --seed, --seed+1, …")
	f.Uint64Var(&o.seed, "seed", 0, "seed of weights, order and augmentation")
	cli.Heading(f, "Training")
	f.BoolVar(&o.masses, "masses", false, "weigh each image of a distilled set by the real images of its mode")
	f.BoolVar(&o.ignoreEXIF, "ignore-exif", false, "leave photographs turned as they are stored, as the published programs do")
	cli.Heading(f, "Sets")
	f.StringVar(&o.teacher.path, "teacher", "", "for soft labels: a `FILE` (.pth or safetensors) with the teacher's weights, by torchvision's names; or train, to train it")
	f.StringVar(&o.teacher.net, "teacher-net", "resnet18", "`NET` of the teacher")
	f.StringVar(&o.teacher.classes, "teacher-classes", "", "the teacher's classes in the order of its outputs, if its file does not say: a list by name or a `FILE` with one class a line")
	f.BoolVar(&o.teacher.unchecked, "teacher-unchecked", false, "let a teacher teach that is no better than guessing on the test images, or better in another order of classes")
	f.StringVar(&o.teacher.data, "teacher-data", "", "full `SET` to train the teacher on")
	f.StringVar(&o.teacher.split, "teacher-split", "", "the `NAME` of the sub-folder to take of --teacher-data")
	f.IntVar(&o.teacher.epochs, "teacher-epochs", 0, "epochs of the teacher's training; 0 takes the usual")
	cli.Heading(f, "Teacher of soft labels")
	f.StringVarP(&o.out, "out", "o", "", "output `DIR`: checkpoints, scores and a page; without it nothing is kept")
	f.StringVar(&o.shard.shard, "shard", stage.Whole.String(), "do part `I/N` of the trainings, into the --out of all, and print no "+
		"table; the same command without it, when all are done, makes the table; auto as for distill")
	f.DurationVar(&o.every, "checkpoint-every", 30*time.Second, "`TIME` from one checkpoint to the next; decides no result")
	cli.Heading(f, "Run")
	for _, name := range evaluate.Settings() {
		changes[name] = f.String(name, "", "change the protocol's "+name+", and its name with it")
	}
	cli.Heading(f, "Changes of the protocol")
	cli.First(cmd, "train", "train-split", "test", "test-split", "net", "protocol", "repeat", "ipc", "out")
	cli.Require(cmd, "test")
	return cmd
}

// trainSet is a set to train on, as it was given.
type trainSet struct {
	compare.Judged
	run string // the folder of the images of a run; "" of other sets
}

func (e *env) evaluate(ctx context.Context, o *evaluateOptions) error {
	switch {
	case len(o.train) == 0:
		return fail(exitUsage, "", errors.New("missing --train"))
	case o.repeat < 1:
		return fail(exitUsage, "", fmt.Errorf("--repeat is %d, want at least 1", o.repeat))
	case !slices.Contains(evaluate.Presets(), o.protocol):
		return fail(exitUsage, "", fmt.Errorf("--protocol is %q, want one of %s", o.protocol, strings.Join(evaluate.Presets(), ", ")))
	}
	part, err := o.shard.part(e)
	if err != nil {
		return err
	}
	if part != stage.Whole && o.out == "" {
		return fail(exitUsage, "", errors.New("--shard wants --out, where the trainings of all shards are put together"))
	}
	eng, err := e.openEngine()
	if err != nil {
		return err
	}
	defer eng.Close()
	sets, test, side, err := o.open(ctx, e)
	defer func() {
		for _, set := range append(imagesOf(sets), test) {
			if set != nil {
				_ = set.Close()
			}
		}
	}()
	if err != nil {
		return fail(exitInput, "", err)
	}
	if o.out != "" {
		unlock, err := stage.Lock(o.out, part)
		if err != nil {
			return fail(exitOutput, "", err)
		}
		defer unlock()
	}
	v := o.evaluation(e, eng, sets, test, side)
	v.Shard = part
	if err := e.judge(ctx, o, v, sets); err != nil {
		return unreadable(err)
	}
	if part != stage.Whole {
		e.say("shard %v of the trainings is done; the same command without --shard makes the table", part)
		return nil
	}
	return e.printScores(o, v)
}

// open opens the sets, and says how large the images to train on are; see [evaluate.Side].
func (o *evaluateOptions) open(ctx context.Context, e *env) (sets []*trainSet, test *dataset.Set, side int, err error) {
	classes, err := dataset.ParseClasses(o.classes)
	if err != nil {
		return nil, nil, 0, err
	}
	names, err := dataset.ParseNames(o.classNames)
	if err != nil {
		return nil, nil, 0, err
	}
	for _, spec := range o.train {
		s, err := o.openTrain(ctx, e, spec, classes, names)
		if err != nil {
			return sets, nil, 0, err
		}
		if slices.ContainsFunc(sets, func(other *trainSet) bool { return other.Name == s.Name }) {
			return append(sets, s), nil, 0, fmt.Errorf("two sets have the name %s: NAME=SET gives another", s.Name)
		}
		sets = append(sets, s)
	}
	test, err = e.openSet(ctx, o.test, dataset.OpenOptions{Split: o.testSplit, Classes: classes, Names: names, Labels: o.labels, Limit: o.testLimit})
	if err != nil {
		return sets, nil, 0, err
	}
	for _, s := range sets {
		if err := evaluate.Match(s.Set.Images.ClassNames(), test.ClassNames()); err != nil {
			if dataset.Numbered(s.Set.Images.ClassNames()) != dataset.Numbered(test.ClassNames()) {
				err = fmt.Errorf("%w; %w in one of them", err, dataset.ErrNumbered)
			}
			return sets, test, 0, fmt.Errorf("%q and %q: %w", s.Name, o.test, err)
		}
	}
	side, err = evaluate.Side(ctx, evaluate.Published, imagesOf(sets)...)
	return sets, test, side, err
}

// imagesOf are the image sets of sets.
func imagesOf(sets []*trainSet) (list []*dataset.Set) {
	for _, s := range sets {
		list = append(list, s.Set.Images)
	}
	return list
}

// openTrain opens SET or NAME=SET. Of an output folder of distill it takes the images.
func (o *evaluateOptions) openTrain(ctx context.Context, e *env, spec string, classes, names []string) (*trainSet, error) {
	name, path, named := strings.Cut(spec, "=")
	if _, err := os.Stat(spec); !named || err == nil {
		name, path = strings.TrimSuffix(filepath.Base(spec), filepath.Ext(spec)), spec
	}
	s := &trainSet{Judged: compare.Judged{Name: name}}
	split := o.trainSplit
	images := path
	info, err := os.Stat(distill.ImagesDir(path))
	distilled := err == nil && info.IsDir()
	if distilled {
		images, split = distill.ImagesDir(path), ""
		if err := e.checkImages(ctx, path); err != nil {
			return s, err
		}
	}
	open := dataset.OpenOptions{Split: split, Classes: classes, Names: names, Labels: o.labels, Limit: o.ipc}
	set, err := e.openSet(ctx, images, open)
	if errors.Is(err, dataset.ErrOneKind) { // --labels is then for the test set: one made of such labels is a folder
		open.Labels = ""
		set, err = e.openSet(ctx, images, open)
	}
	if err != nil {
		return s, err
	}
	s.Set = evaluate.TrainSet{Images: set, IgnoreEXIF: o.ignoreEXIF}
	if distilled {
		s.run = images
	}
	o.warnOfFewer(e, s)
	switch {
	case !o.masses:
		return s, nil
	case !distilled:
		return s, fmt.Errorf("%s: --masses wants an output folder of distill, which knows the modes of its images", path)
	}
	s.Set.Weights, err = compare.ClusterSizes(set, path)
	return s, err
}

// evaluation is what the flags ask for.
func (o *evaluateOptions) evaluation(e *env, eng *engine.Engine, sets []*trainSet, test *dataset.Set, side int) *compare.Evaluation {
	p := e.progress()
	evaluator := &evaluate.Evaluator{Engine: eng, Test: test, IgnoreEXIF: o.ignoreEXIF, Every: o.every}
	evaluator.Teacher = func(ctx context.Context, run *evaluate.Run) (*evaluate.Teacher, error) {
		return e.checkedTeacher(ctx, o, evaluator, run, p)
	}
	v := &compare.Evaluation{
		Evaluator: evaluator, Test: o.test, Side: side, Nets: o.nets, Protocol: o.protocol, Changes: o.changes,
		Repeat: o.repeat, Seed: o.seed, Out: o.out, Report: p.Evaluation,
	}
	if o.teacher.path != trainTeacher {
		v.Teacher = o.teacher.path
	}
	for _, s := range sets {
		v.Sets = append(v.Sets, &s.Judged)
	}
	return v
}

// judge trains all networks on all sets, once it knows that it can.
func (e *env) judge(ctx context.Context, o *evaluateOptions, v *compare.Evaluation, sets []*trainSet) error {
	if err := e.warnOfDuplicates(ctx, o, sets, v.Evaluator.Test); err != nil {
		return err
	}
	soft, err := v.Check()
	if err == nil && !soft {
		err = o.teacher.unused(o.protocol)
	}
	if err != nil {
		return fail(exitUsage, "", err)
	}
	err = v.Do(ctx)
	for _, s := range sets {
		if s.run != "" && errors.Is(err, dataset.ErrImage) && strings.Contains(err.Error(), s.run) {
			return fail(exitOutput, remake, cmp.Or(errors.Unwrap(err), err)) // without the name of the set: that of the file has it
		}
	}
	return err
}

// printScores shows the scores of all sets, and keeps them in the output folder.
func (e *env) printScores(o *evaluateOptions, v *compare.Evaluation) error {
	e.warnOfGuesses(o, v.Sets)
	v.Warnings = o.warnings
	r := v.Result()
	if o.out != "" {
		page := func(w io.Writer) error { return report.HTML(w, r) }
		if err := atomicfile.Write(filepath.Join(o.out, "scores.json"), v.JSON); err != nil {
			return fail(exitOutput, "", err)
		}
		if err := atomicfile.Write(filepath.Join(o.out, "report.html"), page); err != nil {
			return fail(exitOutput, "", err)
		}
	}
	switch {
	case e.json:
		return v.JSON(e.stdout)
	case e.quiet:
		return nil
	}
	r.Plots, r.Pictures = nil, nil
	return report.Text(e.stdout, r)
}
