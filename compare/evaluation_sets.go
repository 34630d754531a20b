package compare

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"mgd3/dataset"
	"mgd3/distill"
	"mgd3/evaluate"
	"mgd3/sets"
	"mgd3/store"
)

// EvaluationSets are the sets of an [Evaluation] as people name them. All have the same classes.
type EvaluationSets struct {
	Train        []string  // each SET or NAME=SET, as sets.Opener.Made opens it; a run's folder has no split
	TrainSplit   string    // of the others
	Test         sets.Spec // with the classes, names and labels of all sets
	IPC          int       // images per class to train on, the first by file name; 0 takes all
	IgnoreEXIF   bool      // photographs stay turned as they are stored
	ClusterSizes bool      // weigh each image by the real images of its mode; all sets to train on are then of runs
}

// Open opens the sets for v, in which it sets Sets, Test, Side and the evaluator's test set. v.Close closes them, also
// after an error.
func (s EvaluationSets) Open(ctx context.Context, o *sets.Opener, v *Evaluation) error {
	open, err := s.Test.Options()
	if err != nil {
		return err
	}
	v.Test, v.Evaluator.IgnoreEXIF = s.Test.Path, s.IgnoreEXIF
	if v.Evaluator.Test, err = o.OpenPath(ctx, s.Test.Path, open); err != nil {
		return err
	}
	if o.Tensors.ZCA.Path != "" {
		v.Evaluator.Whitening = o.Whitening
	}
	train := open
	train.Split, train.Limit = s.TrainSplit, s.IPC
	for _, spec := range s.Train {
		j, err := s.openTrain(ctx, o, v, spec, train)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(v.Sets, func(other *Judged) bool { return other.Name == j.Name }) {
			err = fmt.Errorf("two sets have the name %s: NAME=SET gives another", j.Name)
		}
		if v.Sets = append(v.Sets, j); err != nil {
			return err
		}
	}
	var images []*dataset.Set
	for _, j := range v.Sets {
		if err := match(j, v); err != nil {
			return err
		}
		images = append(images, j.Set.Images)
	}
	v.Side, err = evaluate.Side(ctx, evaluate.Published, images...)
	return err
}

// match holds the classes of a set against those of the test set.
func match(j *Judged, v *Evaluation) error {
	ours, test := j.Set.Images.ClassNames(), v.Evaluator.Test.ClassNames()
	err := evaluate.Match(ours, test)
	if err == nil {
		return nil
	}
	if dataset.Numbered(ours) != dataset.Numbered(test) {
		err = fmt.Errorf("%w; %w in one of them", err, dataset.ErrNumbered)
	}
	return fmt.Errorf("%q and %q: %w", j.Name, v.Test, err)
}

// openTrain opens SET or NAME=SET.
func (s EvaluationSets) openTrain(ctx context.Context, o *sets.Opener, v *Evaluation, spec string,
	open dataset.OpenOptions) (*Judged, error) {
	name, path, named := strings.Cut(spec, "=")
	if named {
		_, err := store.Stat(spec)
		named = err != nil // else it is a path with = in it
	}
	if !named {
		name, path = strings.TrimSuffix(filepath.Base(spec), filepath.Ext(spec)), spec
	}
	made, err := s.openNamed(ctx, o, v, path, open)
	if err != nil {
		return nil, err
	}
	j := &Judged{Name: name, Set: evaluate.TrainSet{Images: made.Images, IgnoreEXIF: s.IgnoreEXIF}}
	if made.Tensors != nil {
		j.Set.Rate = made.Tensors.Rate
		for _, class := range made.Images.Classes {
			for _, ref := range class.Images {
				j.Set.Soft = append(j.Set.Soft, made.Tensors.Soft(ref)...)
			}
		}
	}
	if made.IsRun {
		j.Run = made.Path
	}
	s.warnOfFewer(v, j)
	switch {
	case !s.ClusterSizes:
		return j, nil
	case !made.IsRun:
		err = fmt.Errorf("%s: --masses wants an output folder of distill, which knows the modes of its images", path)
	default:
		j.Set.Weights, err = clusterSizes(made.Images, path)
		s.warnOfMasses(v, j)
	}
	if err != nil {
		_ = made.Images.Close()
	}
	return j, err
}

// warnOfFewer says where a set has fewer images of a class than are asked for.
func (s EvaluationSets) warnOfFewer(v *Evaluation, j *Judged) {
	fewer, least := 0, s.IPC
	example := ""
	for _, class := range j.Set.Images.Classes {
		if n := len(class.Images); n < s.IPC {
			if fewer++; n < least {
				least, example = n, class.Name
			}
		}
	}
	if fewer > 0 {
		v.warn("%q: %d classes have fewer than --ipc %d images: class %q has %d", j.Name, fewer, s.IPC, example, least)
	}
}

// warnOfMasses says what the weights do not count: images without a real one, and, of a part of a set, the modes of the
// images that are left out.
func (s EvaluationSets) warnOfMasses(v *Evaluation, j *Judged) {
	none := 0
	for _, weight := range j.Set.Weights {
		if weight == 0 {
			none++
		}
	}
	if none > 0 {
		v.warn("%q: --masses leaves out %d images, whose modes have no real images in the manifest", j.Name, none)
	}
	if s.IPC > 0 {
		v.warn("%q: with --ipc, --masses does not count the modes of the images that are left out; \"mgd3 merge --ipc "+
			"%d\" makes a part of a set that does", j.Name, s.IPC)
	}
}

// clusterSizes returns how many real images the mode of each image of a distilled set has, in the order of the set's
// images; out is the folder of the set's run.
func clusterSizes(set *dataset.Set, out string) ([]float32, error) {
	m, err := distill.ReadManifest(out)
	if err != nil {
		return nil, err
	}
	byFile := map[string]int64{}
	for _, class := range m.Classes {
		for _, im := range class.Images {
			byFile[im.File] = im.ClusterSize
		}
	}
	var list []float32
	for _, class := range set.Classes {
		known := false
		for _, ref := range class.Images {
			n, ok := byFile["images/"+class.Name+"/"+ref.Name]
			if !ok {
				return nil, fmt.Errorf("class %q: image %q is not in the manifest of %s", class.Name, ref.Name, out)
			}
			known = known || n > 0
			list = append(list, float32(n))
		}
		if !known {
			return nil, fmt.Errorf("%s: class %q: --masses wants how many real images the modes of its images have, "+
				"and the manifest knows of none: they were not made from modes", out, class.Name)
		}
	}
	return list, nil
}
