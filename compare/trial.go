package compare

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"mgd3/baseline"
	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/encode"
	"mgd3/evaluate"
	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/scoring"
	"mgd3/stage"
)

// protocol returns the protocol of a judge for such a set. Sets are compared with hard labels, and by the accuracy
// after the last epoch, since the best of all epochs would be chosen on the images that judge.
func protocol(j evaluate.Judge, f evaluate.Facts) (evaluate.Protocol, error) {
	p, err := j.For(f)
	if err == nil && p.Labels != evaluate.Hard {
		err = fmt.Errorf("protocol %s needs a teacher; sets are compared with hard labels", p.Name)
	}
	return p, err
}

// judgeSize is the pixels that the judge's network looks at. It finds what would fail only when the first set is there.
func judgeSize(j evaluate.Judge, o baseline.Maker) (int, error) {
	ipc, classes := o.Settings.Modes.IPC, len(o.Train.Classes)
	p, err := protocol(j, evaluate.Facts{IPC: ipc, Classes: classes, Images: ipc * classes,
		Size: o.Settings.Encode.Size})
	return p.Size, err
}

// Trial is what one set came to.
type Trial struct {
	Seed     uint64             `json:"seed"`     // of the noise and of the training
	Accuracy *float64           `json:"accuracy"` // of the judge's network, 0 to 1; nil if none was trained
	Scores   map[string]float64 `json:"scores"`   // without training, by their names; see ScoreNames
}

// String says what the set came to, in a line.
func (t Trial) String() string {
	accuracy := ""
	if t.Accuracy != nil {
		accuracy = fmt.Sprintf("accuracy %.1f %%, ", 100**t.Accuracy)
	}
	return fmt.Sprintf("seed %d: %slesson %.3f", t.Seed, accuracy, t.Scores[ScoreKernelRidge])
}

// trials make sets from one part of the training images, kept, and judge them by the other, held, or by a test set.
// The latents of all images are made once:
//
//	DIR/latents          unless Maker.Latents names another folder
//	DIR/kept, DIR/held   the two parts of them
//	DIR/kept/seed-S      with SeedEncodes, of the latents of another seed than the first; held is that of the first
//	                     for all sets
//	DIR/sets/POINT/seedS one set: its modes, images and manifest
//	…/judged/ON          the trained network's score
type trials struct {
	baseline.Maker
	// kept and held are parts of Maker.Train; modes are found in kept alone, so that no image that judges took part
	judge      evaluate.Judge
	kept, held *dataset.Set
	evaluator  evaluate.Evaluator // tests on held, or on a test set
	on         string             // name of it
	size       int                // pixels that the judge looks at
	share      float64            // of the images that is held out
	real       map[string]matrix.Matrix
}

const (
	keptDir = "kept"
	heldDir = "held"

	// OnHeldOut names the part of the training set that is held out.
	OnHeldOut = "held-out"
	// OnTest names a test set: for reports, never to choose by.
	OnTest = "test"
)

// newTrials encodes the training images, and holds a share of them out. Without a test set sets are judged by these.
func newTrials(ctx context.Context, o baseline.Maker, judge evaluate.Judge, share float64,
	test *dataset.Set) (*trials, error) {
	t := &trials{Maker: o, judge: judge, on: OnTest}
	var err error
	if t.kept, t.held, err = HoldOut(o.Train, share); err != nil {
		return nil, err
	}
	if test == nil {
		test, t.on = t.held, OnHeldOut
	}
	t.evaluator = evaluate.Evaluator{Engine: o.Engine, Test: test, IgnoreEXIF: o.Settings.Encode.IgnoreEXIF}
	for _, class := range t.kept.Classes {
		if n := len(class.Images); n < o.Settings.Modes.IPC && o.Settings.Modes.Short == modes.ShortError {
			return nil, fmt.Errorf("class %q: %w: have %d without those held out, want %d", class.Name, modes.ErrTooFew,
				n, o.Settings.Modes.IPC)
		}
	}
	if judge.Net != "" {
		if t.size, err = judgeSize(judge, o); err != nil {
			return nil, err
		}
	}
	// The latents of all images are made as for any set, and then divided: another share needs no network again.
	all := o.Run(baseline.ID{Method: baseline.MGD3, IPC: o.Settings.Modes.IPC}, o.Out)
	if err := all.Encode(ctx); err != nil {
		return nil, err
	}
	// part keeps the share beside the latents: those of another share are not taken for these.
	t.share = share
	if err := errors.Join(t.part(ctx, t.keptOf(o.Settings.Encode.Seed), all.Latents, keptDir, t.kept),
		t.part(ctx, filepath.Join(o.Out, heldDir), all.Latents, heldDir, t.held)); err != nil {
		return nil, err
	}
	t.real, err = t.classes(ctx, scoring.Cached(filepath.Join(o.Out, heldDir)))
	return t, err
}

// part copies the latents of one part of the images.
func (t *trials) part(ctx context.Context, to, from, name string, part *dataset.Set) error {
	of := byName(part)
	keep := func(class, image string) bool { return of[class][image] }
	warn := func(text string) {
		if t.Report != nil {
			t.Report(baseline.ID{Method: baseline.MGD3, IPC: t.Settings.Modes.IPC},
				stage.Event{Stage: distill.StageEncode, Warning: text})
		}
	}
	return encode.Part(ctx, to, from, fmt.Sprintf("%s, share %v held out", name, t.share), keep, warn)
}

// keptOf is the folder of the kept latents of an encoding seed.
func (t *trials) keptOf(seed uint64) string {
	dir := filepath.Join(t.Out, keptDir)
	if !t.SeedEncodes {
		return dir
	}
	return encode.SeedDir(dir, seed, seed == t.Settings.Encode.Seed)
}

// try makes and judges one set; learn says whether a network is trained, too.
func (t *trials) try(ctx context.Context, p Point, seed uint64, learn bool) (Trial, error) {
	trial, err := t.tryIn(ctx, p, seed, learn)
	if err != nil {
		return trial, fmt.Errorf("%v, seed %d: %w", p, seed, err)
	}
	return trial, nil
}

// dir is the folder of a set.
func (t *trials) dir(p Point, seed uint64) string {
	return filepath.Join(t.Out, "sets", p.folder(), fmt.Sprintf("seed%d", seed))
}

func (t *trials) tryIn(ctx context.Context, p Point, seed uint64, learn bool) (Trial, error) {
	trial := Trial{Seed: seed}
	dir := t.dir(p, seed)
	if err := t.make(ctx, p, seed, dir); err != nil {
		return trial, err
	}
	set, err := openMade(ctx, dir, t.Train.ClassNames(), t.warn(seed))
	if err != nil {
		return trial, err
	}
	defer set.Close()
	// scores first: they cost seconds
	if trial.Scores, err = t.scores(ctx, set); err != nil || !learn {
		return trial, err
	}
	score, err := t.learn(ctx, set, seed, filepath.Join(dir, "judged", t.on))
	if err != nil {
		return trial, err
	}
	// after the last epoch, and not the best: see protocol
	trial.Accuracy = &score.Last
	return trial, nil
}

// make makes one set from the images that are kept.
func (t *trials) make(ctx context.Context, p Point, seed uint64, dir string) error {
	o := t.OfSeed(seed)
	run := o.Run(baseline.ID{Method: baseline.MGD3, IPC: t.Settings.Modes.IPC, Seed: seed}, dir)
	// with SeedEncodes, of another seed than the first
	if o.Settings.Encode != t.Settings.Encode {
		if err := run.Encode(ctx); err != nil {
			return err
		}
		if err := t.part(ctx, t.keptOf(o.Settings.Encode.Seed), run.Latents, keptDir, t.kept); err != nil {
			return err
		}
	}
	run.Settings = p.settings(o.Settings)
	run.Settings.Sample.Seed = seed
	run.Latents = t.keptOf(o.Settings.Encode.Seed)
	if err := run.Discover(ctx); err != nil {
		return err
	}
	if err := run.Sample(ctx); err != nil {
		return err
	}
	// the manifest, by which the set is read as any other; the modes and the images are made above
	m, err := distill.Finish(dir)
	if m != nil && m.Runaways().Images > 0 {
		t.warn(seed)(m.Runaways().String())
	}
	return err
}

// learn trains the judge's network on a set.
func (t *trials) learn(ctx context.Context, set *dataset.Set, seed uint64, dir string) (*evaluate.Score, error) {
	p, err := protocol(t.judge, evaluate.FactsOf(set, t.judge.Net, t.Settings.Encode.Size))
	if err != nil {
		return nil, err
	}
	run, err := t.evaluator.Run(ctx, t.judge.Net, p, evaluate.TrainSet{Images: set})
	if err != nil {
		return nil, err
	}
	run.Seed, run.Dir = seed, dir
	warn := t.warn(seed)
	run.Report = func(e evaluate.Event) {
		if e.Warning != "" {
			warn(e.Warning)
		}
	}
	return run.Do(ctx)
}

// warn reports what may be wrong with the set of a seed.
func (t *trials) warn(seed uint64) func(text string) {
	return func(text string) {
		if t.Report != nil {
			t.Report(baseline.ID{Method: baseline.MGD3, IPC: t.Settings.Modes.IPC, Seed: seed},
				stage.Event{Stage: distill.StageSample, Warning: text})
		}
	}
}
