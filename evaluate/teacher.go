package evaluate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/internal/words"
	"mgd3/weights"
)

// Teacher is a trained net that gives soft labels: softmax(logits/T) of the very images that the student sees. Its
// outputs are in the order of the set's classes.
type Teacher struct {
	Net     Net
	Classes int
	Weights engine.Weights
	ID      string   // SHA-256 of the file, and the outputs taken where these are not all in their order
	Notes   []string // what the user should know of how the file was read

	names   []string // of the classes
	columns []int    // of the file's outputs, that of each class
	own     []string // the classes by the file's own word, in the order of its outputs

	Known     TeacherFacts
	confusion [][]int // on the test images, if it was tested
}

// TeacherFacts are what is known of a teacher.
type TeacherFacts struct {
	SHA256  string        `json:"sha256"` // of the file
	Net     string        `json:"net"`
	Stem    string        `json:"stem,omitempty"`   // of a ResNet
	Outputs int           `json:"outputs"`          // that it has, of which each class of the set takes one
	Order   string        `json:"order"`            // where the order of the outputs is from
	Tested  *TeacherCheck `json:"tested,omitempty"` // on the test images, before it taught; nil if it was not
}

// TeacherOptions say what a file of weights does not.
type TeacherOptions struct {
	Net     string   // as New takes it
	Size    int      // pixels of the images
	Classes []string // of the images
	Order   []string // the teacher's classes in the order of its outputs; nil: see outputOrder
}

// ErrNoClassifier says that a file holds no network of classes, or one whose tensors have other names.
var ErrNoClassifier = errors.New("no classifier that is known")

// heads are the names of the last layer.
var heads = []string{"fc", "classifier.6", "classifier.1", "classifier", "head", "fc_3"}

// OpenTeacher reads a trained net from a file as [LoadTorchvision] takes it. Its norms are batch norms, and its
// outputs are put into the order of o.Classes. Errors that speak of the classes wrap [ErrTeacher]; a file of something
// else is an [ErrNoClassifier].
func OpenTeacher(ctx context.Context, e *engine.Engine, path string, o TeacherOptions) (*Teacher, error) {
	f, set, err := weights.OpenTorchvision(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t := &Teacher{Classes: len(o.Classes), names: o.Classes, Known: TeacherFacts{Net: o.Net}}
	head, outputs, err := headOf(set)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, ofTimm(err, set))
	}
	own, from, err := f.ClassNames()
	if err != nil {
		return nil, err
	}
	if t.columns, t.Known.Order, err = outputOrder(outputs, o.Classes, o.Order, own, from); err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	t.Known.Outputs, t.own = outputs, own
	if err := t.load(e, set, head, o, f.Metadata()["net"] != ""); err != nil {
		return nil, fmt.Errorf("teacher %s with %d outputs: %w", o.Net, outputs, ofTimm(err, set))
	}
	t.Notes = f.Notes()
	if t.Known.SHA256, err = f.SHA256(ctx); err != nil {
		return nil, err
	}
	t.ID = t.Known.SHA256
	if !t.whole() {
		t.ID = fmt.Sprintf("%s %v", t.ID, t.columns)
	}
	return t, nil
}

// whole reports whether the outputs are those of the file in their order.
func (t *Teacher) whole() bool {
	for i, c := range t.columns {
		if c != i {
			return false
		}
	}
	return len(t.columns) == t.Known.Outputs
}

// headOf finds the last layer and the number of its outputs.
func headOf(set *weights.Set) (name string, outputs int, err error) {
	for _, head := range heads {
		if shape, ok := set.Shape(head + ".weight"); ok && len(shape) == 2 {
			return head, shape[0], nil
		}
	}
	names := set.Names()
	return "", 0, fmt.Errorf("%w: it has %s, and none of the last layers: want %q or %q of shape [classes, features]",
		ErrNoClassifier, words.Quoted(names), heads[0]+".weight", heads[1]+".weight")
}

// load uploads the weights, of the last layer those of the classes.
func (t *Teacher) load(e *engine.Engine, set *weights.Set, head string, o TeacherOptions, ours bool) error {
	size := o.Size
	if shape, ok := set.Shape("layer0.conv1.weight"); ok && len(shape) == 4 {
		size, t.Known.Stem = stemSize(shape[3], size, ours)
	}
	full, err := New(o.Net, size, t.Known.Outputs, Batch)
	if err != nil {
		return err
	}
	specs, err := e.Declare(Logits(full), shapes.Make(dtypes.Float32, 1, 3, o.Size, o.Size))
	if err != nil {
		return err
	}
	if t.Weights, err = e.Upload(set, specs); err != nil {
		return err
	}
	for _, name := range []string{head + ".weight", head + ".bias"} {
		if w := t.Weights[name]; w != nil && !t.whole() {
			shape := slices.Clone(w.Shape().Dimensions)
			if err := w.FinalizeAll(); err != nil {
				return err
			}
			data, err := set.Float32s(name)
			if err != nil {
				return err
			}
			shape[0] = len(t.columns)
			if t.Weights[name], err = e.Weight(rows(data, t.Known.Outputs, t.columns), set.DType(name),
				shape...); err != nil {
				return err
			}
		}
	}
	t.Net, err = New(o.Net, size, t.Classes, Batch)
	return err
}

// stemSize is the size of images that a ResNet's first layer, of k×k squares, is meant for, which chooses its stem: a
// kernel of 7 is ImageNet's, one of 3 that of small images. Teachers of our own training between 65 and 128 pixels
// have 3, too, and pool after it.
func stemSize(k, size int, ours bool) (meant int, stem string) {
	switch {
	case k == 7:
		return max(size, Published), "7×7"
	case ours && size > 64 && size <= 128:
		return size, "3×3 and pool"
	}
	return min(size, 64), "3×3"
}

// rows returns some of the n rows of a matrix.
func rows(all []float32, n int, which []int) []float32 {
	width := len(all) / n
	some := make([]float32, 0, len(which)*width)
	for _, i := range which {
		some = append(some, all[i*width:(i+1)*width]...)
	}
	return some
}

// TrainTeacher trains the teacher on the full set, or finds it in r.Dir, where it stays; see [TeacherProtocol].
func (r *Run) TrainTeacher(ctx context.Context) (*Teacher, *Score, error) {
	r.KeepWeights = true
	score, err := r.Do(ctx)
	if err != nil {
		return nil, nil, err
	}
	t, err := OpenTeacher(ctx, r.Engine, r.NetFile(), TeacherOptions{Net: r.Net, Size: r.Protocol.Size,
		Classes: r.Train.Classes})
	return t, score, err
}

// labels is an [engine.Func] of images: their soft labels [B, classes].
func (t *Teacher) labels(temperature float64) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		return []*Node{Softmax(DivScalar(t.Net.Forward(p, in[0], false), temperature))}
	}
}
