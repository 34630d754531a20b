package compare

import (
	"cmp"
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
	defer o.Keep(func(text string) { v.Warnings = append(v.Warnings, text) })()
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
	if made.Manifest != nil && s.Test.Limit == 0 && madeOf(made.Manifest, v.Evaluator.Test, s.Test.Split) {
		v.warn("%q was made of the images to test on, by their names and number: its accuracy is not that on images "+
			"that are new", j.Name)
	}
	switch {
	case !s.ClusterSizes:
		return j, nil
	case !made.IsRun:
		err = fmt.Errorf("%s: --masses wants an output folder of distill, which knows the modes of its images", path)
	default:
		var shared bool
		j.Set.Weights, shared, err = clusterSizes(made.Images, path)
		warnOfMasses(v, j, shared)
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

// madeOf reports whether the images that a run was made of are those of a set, as far as its manifest tells: of each
// class as many, and among them all that it names. Splits of other names are other images, where both are known.
func madeOf(m *distill.Manifest, set *dataset.Set, split string) bool {
	if from := m.Settings.Encode.Split; m.Part != "" || from != "" && split != "" && from != split {
		return false
	}
	names := byName(set)
	for _, class := range m.Classes {
		there, ok := names[class.Name]
		if !ok {
			continue // it is left out
		}
		if class.Real == 0 || len(there) != class.Real+len(class.Skipped) {
			return false
		}
		for _, im := range class.Images {
			if name := cmp.Or(im.Source, im.Nearest); name == "" || !there[name] {
				return false
			}
		}
	}
	return true
}

// warnOfMasses says what the weights do not count: images without a real one; and that the modes of a part of a set are
// not there (shared).
func warnOfMasses(v *Evaluation, j *Judged, shared bool) {
	none := 0
	for _, weight := range j.Set.Weights {
		if weight == 0 {
			none++
		}
	}
	if none > 0 {
		v.warn("%q: --masses leaves out %d images, whose modes have no real images in the manifest", j.Name, none)
	}
	if shared {
		v.warn("%q: its modes are not there, so --masses shares out the real images of those that are left out in "+
			"proportion to the cluster sizes of the others", j.Name)
	}
}

// clusterSizes returns how many real images the mode of each image of a distilled set has, in the order of the set's
// images; out is the folder of the set's run. Those of images that the set leaves out are counted for the others, as
// [distill.KeptSizes] does; shared tells that this was by share.
func clusterSizes(set *dataset.Set, out string) (list []float32, shared bool, err error) {
	m, err := distill.ReadManifest(out)
	if err != nil {
		return nil, false, err
	}
	for _, class := range set.Classes {
		at := slices.IndexFunc(m.Classes, func(c distill.ManifestClass) bool { return c.Name == class.Name })
		if at < 0 {
			return nil, false, fmt.Errorf("class %q is not in the manifest of %s", class.Name, out)
		}
		var kept []distill.ManifestImage
		others := slices.Clone(m.Classes[at].Images)
		known := false
		for _, ref := range class.Images {
			i := slices.IndexFunc(others, func(im distill.ManifestImage) bool {
				return im.File == "images/"+class.Name+"/"+ref.Name
			})
			if i < 0 {
				return nil, false, fmt.Errorf("class %q: image %q is not in the manifest of %s", class.Name, ref.Name,
					out)
			}
			kept, known = append(kept, others[i]), known || others[i].ClusterSize > 0
			others = slices.Delete(others, i, i+1)
		}
		if !known {
			return nil, false, fmt.Errorf("%s: class %q: --masses wants how many real images the modes of its images "+
				"have, and the manifest knows of none: they were not made from modes", out, class.Name)
		}
		sizes, how, err := distill.KeptSizes(out, class.Name, append(kept, others...), len(kept))
		if err != nil {
			return nil, false, fmt.Errorf("%s: class %q: %w", out, class.Name, err)
		}
		shared = shared || how == distill.ByShare
		for _, size := range sizes {
			list = append(list, float32(size))
		}
	}
	return list, shared, nil
}
