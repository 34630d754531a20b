package evaluate

import (
	"context"
	"fmt"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
	"mgd3/weights"
)

// Teacher is a trained net that gives soft labels: softmax(logits/T) of the very images that the student sees.
type Teacher struct {
	Net     Net
	Classes int
	Weights engine.Weights
	ID      string   // SHA-256 of the file
	Notes   []string // how the file was read, see weights.File.Notes
}

// OpenTeacher reads a trained net, as New takes its name, for images of size pixels, from a file as
// [LoadTorchvision] takes it. Its norms are batch norms. The order of its classes must be that of the images.
func OpenTeacher(ctx context.Context, e *engine.Engine, path, net string, size, classes int) (*Teacher, error) {
	n, err := New(net, size, classes, Batch)
	if err != nil {
		return nil, err
	}
	f, err := weights.Open(path)
	if err != nil {
		return nil, fmt.Errorf("teacher: %w", err)
	}
	defer f.Close()
	w, err := loadTorchvision(e, f, n, size)
	if err != nil {
		return nil, fmt.Errorf("teacher %s with %d classes: %w", net, classes, err)
	}
	id, err := f.SHA256(ctx)
	return &Teacher{Net: n, Classes: classes, Weights: w, ID: id, Notes: f.Notes()}, err
}

// TrainTeacher trains the teacher on the full set, or finds it in r.Dir, where it stays; [TeacherProtocol] is its recipe.
func (r *Run) TrainTeacher(ctx context.Context) (*Teacher, *Score, error) {
	r.KeepWeights = true
	score, err := r.Do(ctx)
	if err != nil {
		return nil, nil, err
	}
	t, err := OpenTeacher(ctx, r.Engine, r.NetFile(), r.Net, r.Protocol.Size, len(r.Train.Classes))
	return t, score, err
}

// labels is an [engine.Func] of images: their soft labels [B, classes].
func (t *Teacher) labels(temperature float64) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		return []*Node{Softmax(DivScalar(t.Net.Forward(p, in[0], false), temperature))}
	}
}
