package compare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mgd3/dataset"
	"mgd3/evaluate"
	"mgd3/page"
	"mgd3/stage"
	"mgd3/stage/atomicfile"
	"mgd3/stage/lease"
)

// Evaluation trains networks on given sets and tests them on one test set, several times each:
//
//	OUT/SET/NET/seed-SEED/    one training, as evaluate.Run keeps it
//
// Set its fields, by [EvaluationSets.Open] those of the sets, then call Check, Do and Result in this order.
type Evaluation struct {
	Evaluator *evaluate.Evaluator // its test set has the classes of all sets
	Test      string              // name of the test set
	Sets      []*Judged
	// the largest short side of the images to train on in pixels, or evaluate.Published; see evaluate.Side
	Side     int
	Nets     []string // as evaluate.New takes them
	Protocol string   // a preset
	Changes  []string // of the preset, as evaluate.Protocol.With takes them
	Repeat   int      // trainings of each network on each set, at least 1
	Seed     uint64   // of the first one; the next have the next seeds
	Out      string   // folder; "" keeps nothing
	Command  string   // that makes the numbers, for the page; may be ""
	// the trainings to do, set after set and net after net, one for each seed; the zero Shard is all of them
	Shard   stage.Shard
	Any     *lease.Any // in the place of a Shard, takes trainings that no other worker has, until all are done
	Teacher TeacherSource
	Referee Referee // of the sets' labels

	Every  time.Duration                      // from one checkpoint of a training to the next; 0 is the usual
	Report func(set string, e evaluate.Event) // told of progress; may be nil
	Warn   func(text string)                  // told of each of the Warnings at once; may be nil
	Note   func(text string)                  // told of what was made of a teacher's file; may be nil

	Warnings []string // what is said beside the scores
}

// Judged is a set to train on, and its scores.
type Judged struct {
	Name   string              `json:"name"`
	Scores [][]*evaluate.Score `json:"scores"` // of each network, of each repetition

	Set evaluate.TrainSet `json:"-"`
	Run string            `json:"-"` // the folder of the images of a run; "" of other sets
}

// warn says what may be wrong, and keeps it for the page and scores.json.
func (v *Evaluation) warn(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	v.Warnings = append(v.Warnings, text)
	if v.Warn != nil {
		v.Warn(text)
	}
}

// Close closes the sets.
func (v *Evaluation) Close() {
	for _, s := range v.Sets {
		_ = s.Set.Images.Close()
	}
	if v.Evaluator.Test != nil {
		_ = v.Evaluator.Test.Close()
	}
}

// Check says what is wrong with the networks, the protocol and its changes before anything is trained, and whether the
// labels are soft.
func (v *Evaluation) Check() (soft bool, err error) {
	for _, s := range v.Sets {
		for _, net := range v.Nets {
			p, err := v.protocol(s, net)
			if err != nil {
				return false, err
			}
			soft = soft || p.Labels == evaluate.Soft
		}
	}
	return soft, nil
}

func (v *Evaluation) protocol(s *Judged, net string) (evaluate.Protocol, error) {
	j := evaluate.Judge{Net: net, Protocol: v.Protocol, Changes: v.Changes}
	facts := evaluate.FactsOf(s.Set.Images, net, v.Side)
	facts.Rate = s.Set.Rate
	return j.For(facts)
}

// Do trains all networks on all sets, once all that they need is there, and warns of images that are in several classes
// or sets and of accuracies that are no better than guessing. An error of a training wraps that of evaluate.Run, with
// the name of the set; one of a teacher's file is marked [fault.Model].
func (v *Evaluation) Do(ctx context.Context) error {
	v.Evaluator.Teacher = v.teacher              // tested first of all
	runs := make([][]*evaluate.Run, len(v.Sets)) // [set][net]
	for i, s := range v.Sets {
		for _, net := range v.Nets {
			p, err := v.protocol(s, net)
			if err != nil {
				return err
			}
			if net == v.Nets[0] {
				v.noteUnused(s, p)
			}
			run, err := v.Evaluator.Run(ctx, net, p, s.Set)
			if err != nil {
				return err
			}
			if v.Report != nil {
				run.Report = func(e evaluate.Event) { v.Report(s.Name, e) }
			}
			runs[i] = append(runs[i], run)
		}
	}
	if err := errors.Join(v.referee(ctx), ctx.Err()); err != nil {
		return err
	}
	if err := v.warnOfDuplicates(ctx); err != nil {
		return err
	}
	if v.Any != nil {
		trainings := len(v.Sets) * len(v.Nets) * v.Repeat
		waits := func(n int) {
			if v.Note != nil {
				v.Note(fmt.Sprintf("waits for %d of the trainings, which other workers have", n))
			}
		}
		err := v.Any.Each(ctx, v.Out, "evaluate", trainings, 1, waits, func(ctx context.Context, s stage.Shard) error {
			_, err := v.train(ctx, runs, s)
			return err
		})
		if err != nil {
			return err
		}
	} // then all scores are there
	scores, err := v.train(ctx, runs, v.Shard)
	if err != nil {
		return err
	}
	for i, s := range v.Sets {
		s.Scores = scores[i]
	}
	if v.Shard == (stage.Shard{}) || v.Shard == stage.Whole {
		v.warnOfGuesses()
	}
	return nil
}

// warnOfDuplicates says which images are in several classes, or to train on and to test on.
func (v *Evaluation) warnOfDuplicates(ctx context.Context) error {
	var all []dataset.Labelled
	for _, s := range v.Sets {
		all = append(all, dataset.Labelled{Name: s.Name, Set: s.Set.Images})
	}
	test := &dataset.Labelled{Name: v.Test, Set: v.Evaluator.Test}
	lines, err := dataset.DuplicateNotes(ctx, all, test, "among those to test on")
	for _, line := range lines {
		v.warn("%s", line)
	}
	return err
}

// warnOfGuesses says of each set and network whose accuracy is no more than guessing may have.
func (v *Evaluation) warnOfGuesses() {
	for _, set := range v.Sets {
		for i, scores := range set.Scores {
			if at, bound := evaluate.AtChance(scores); at {
				v.warn("%q, %s: no better than guessing, which may have up to %.1f %%: too few epochs or images, "+
					"too large a --rate, images of another size or other colours than those to test on, or classes "+
					"(a teacher's, too) in another order", set.Name, v.Nets[i], 100*bound)
			}
		}
	}
}

// train does the trainings of a shard, or finds them done, and returns their scores [set][net].
func (v *Evaluation) train(ctx context.Context, runs [][]*evaluate.Run,
	shard stage.Shard) ([][][]*evaluate.Score, error) {
	mine, all := v.mine(shard), make([][][]*evaluate.Score, len(v.Sets))
	for i, s := range v.Sets {
		for j, run := range runs[i] {
			scores, err := v.repeated(ctx, s.Name, run, mine[i][j])
			if err != nil {
				return nil, fmt.Errorf("%s: %w", s.Name, err)
			}
			all[i] = append(all[i], scores)
		}
	}
	return all, nil
}

// mine says which trainings [set][net][repetition] belong to the shard.
func (v *Evaluation) mine(shard stage.Shard) [][][]bool {
	if shard == (stage.Shard{}) {
		shard = stage.Whole
	}
	list := make([]bool, len(v.Sets)*len(v.Nets)*v.Repeat)
	for _, sp := range shard.Spans(len(list), 1) {
		list[sp.Class] = true
	}
	var mine [][][]bool
	for nets := range slices.Chunk(list, len(v.Nets)*v.Repeat) {
		mine = append(mine, slices.Collect(slices.Chunk(nets, v.Repeat)))
	}
	return mine
}

// repeated does a run with each seed that is to be done.
func (v *Evaluation) repeated(ctx context.Context, set string, run *evaluate.Run,
	do []bool) ([]*evaluate.Score, error) {
	var scores []*evaluate.Score
	for i := range v.Repeat {
		if !do[i] {
			continue
		}
		run.Seed = v.Seed + uint64(i)
		if v.Out != "" {
			run.Dir = filepath.Join(v.Out, folderName(set), run.Net, fmt.Sprintf("seed-%d", run.Seed))
		}
		score, err := run.Do(ctx)
		if err != nil {
			return nil, err
		}
		scores = append(scores, score)
	}
	return scores, nil
}

// folderName is a name that is one folder's.
func folderName(name string) string {
	return strings.NewReplacer("/", "_", "\\", "_").Replace(name)
}

// Write writes the scores into the output folder, as scores.json and as a page, report.html.
func (v *Evaluation) Write() error {
	scores := func(w io.Writer) error { return json.NewEncoder(w).Encode(v.Scores()) }
	if err := atomicfile.Write(filepath.Join(v.Out, scoresName), scores); err != nil {
		return err
	}
	r := v.Result()
	if v.Command != "" {
		r.Notes = append(r.Notes, `All numbers of this page are made by "mgd3 evaluate --recipe recipe.json", `+
			`with the file beside it, or by the command below each of them.`)
	}
	html := func(w io.Writer) error { return page.HTML(w, r) }
	return atomicfile.Write(filepath.Join(v.Out, "report.html"), html)
}

// Scores are all scores of an evaluation, as its file has them.
type Scores struct {
	Nets     []string  `json:"nets"`
	Sets     []*Judged `json:"sets"`
	Warnings []string  `json:"warnings,omitempty"`
}

// Scores returns all scores.
func (v *Evaluation) Scores() Scores { return Scores{v.Nets, v.Sets, v.Warnings} }
