package evaluate

import (
	"context"
	"errors"
	"fmt"

	"mgd3/dataset"
	"mgd3/engine"
)

// Classifier is a trained net at work on images at hand: squeezed to a square of its size, in ImageNet's colours, as
// CaO2's program shows distilled images to its teacher.
type Classifier struct {
	id      string
	size    int // pixels of a side
	classes int
	engine  *engine.Engine
	net     *engine.Program // softmax of the outputs
	augment Augment

	teacher  *Teacher
	protocol Protocol // of its test
}

// OpenClassifier opens a teacher for images of o.Size pixels; larger ones than [Published] are squeezed to that.
func OpenClassifier(ctx context.Context, e *engine.Engine, path string, o TeacherOptions) (*Classifier, error) {
	o.Size = min(o.Size, Published)
	t, err := OpenTeacher(ctx, e, path, o)
	if err != nil {
		return nil, err
	}
	p, err := Preset("quick", Facts{IPC: 1, Classes: t.Classes, Images: t.Classes, Size: o.Size, Net: o.Net})
	if err != nil {
		return nil, err
	}
	c := &Classifier{id: fmt.Sprintf("%s %s", o.Net, t.ID), size: o.Size, classes: t.Classes, engine: e,
		augment: Augment{Mean: p.Augment.Mean, Std: p.Augment.Std}, teacher: t, protocol: p}
	c.net, err = e.Compile("classifier", t.labels(1), t.Weights)
	return c, err
}

// testedOn is how many real images of a class a classifier is tested on at most.
const testedOn = 20

// Test asks the classifier about the first real images of each class, and returns what is wrong with it, as
// [Teacher.Doubt] says.
func (c *Classifier) Test(ctx context.Context, real *dataset.Set) error {
	data, err := NewData(real, DataOptions{Size: c.size, Most: testedOn})
	if err != nil {
		return err
	}
	if err := c.teacher.Test(ctx, c.engine, data, c.protocol, ""); err != nil {
		return err
	}
	return c.teacher.Doubt()
}

// ID names the network, its file, and the outputs that are taken.
func (c *Classifier) ID() string { return c.id }

// Likely returns the softmax of the outputs [images, classes], in graphs of so many rows.
func (c *Classifier) Likely(ctx context.Context, images []*dataset.RGB, rows int) ([]float32, error) {
	n := 3 * c.size * c.size
	var all []float32
	for lo := 0; lo < len(images); lo += rows {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		x, out := make([]float32, rows*n), make([]float32, rows*c.classes) // rows that are left over stay black
		for i, im := range images[lo:min(len(images), lo+rows)] {
			if im.W != c.size || im.H != c.size {
				im = dataset.Resize(im, c.size, c.size, dataset.Bilinear)
			}
			c.augment.Test(x[i*n:(i+1)*n], im, c.size)
		}
		in, err := c.engine.Tensor(x, rows, 3, c.size, c.size)
		if err != nil {
			return nil, err
		}
		if err := errors.Join(c.net.Into(out, in), in.FinalizeAll()); err != nil {
			return nil, err
		}
		all = append(all, out...)
	}
	return all[:len(images)*c.classes], nil
}
