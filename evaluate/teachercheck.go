package evaluate

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"mgd3/engine"
	"mgd3/internal/words"
	"mgd3/stage/atomicfile"
)

// TeacherCheck is how a teacher does on the test images.
type TeacherCheck struct {
	Images   int     `json:"images"`
	Accuracy float64 `json:"accuracy"`
	Chance   float64 `json:"chance"` // accuracy of guesses of the same shares
	Bound    float64 `json:"bound"`  // accuracy up to which it cannot be told from guesses
}

// least is the accuracy that a teacher must have: three times that of guesses, or that and a quarter of the rest, if
// that is less (as it is of fewer than 8 classes).
func (c *TeacherCheck) least() float64 { return min(3*c.Chance, c.Chance+(1-c.Chance)/4) }

// Test runs the teacher on the test images as the protocol tests nets, and keeps what comes out in t.Known. With a
// folder it is kept there, too, and found again.
func (t *Teacher) Test(ctx context.Context, e *engine.Engine, test *Data, p Protocol, dir string) error {
	var err error
	if t.confusion, err = t.tested(ctx, e, test, p, dir); err != nil {
		return fmt.Errorf("the teacher's test: %w", err)
	}
	c := &TeacherCheck{Images: test.Len()}
	for class, row := range t.confusion {
		c.Accuracy += float64(row[class]) / float64(c.Images)
	}
	c.Chance, c.Bound = chanceOf(t.confusion)
	t.Known.Tested = c
	return nil
}

// tested returns the confusion matrix on the test images.
func (t *Teacher) tested(ctx context.Context, e *engine.Engine, test *Data, p Protocol,
	dir string) (confusion [][]int, err error) {
	path := ""
	if dir != "" {
		key := Run{Engine: e, Train: test, Test: test, Net: t.Known.Net,
			Protocol: Protocol{Size: p.Size, Norm: Batch, Augment: p.Augment}, Teacher: t}
		path = filepath.Join(dir, "tested-"+key.key()[:16]+".json")
		if data, err := atomicfile.Read(path, atomicfile.MostText); err == nil {
			if json.Unmarshal(data, &confusion) == nil && len(confusion) == t.Classes {
				return confusion, nil
			}
		}
	}
	net, err := e.Compile("teacher's test", Logits(t.Net), t.Weights)
	if err != nil {
		return nil, err
	}
	if confusion, err = confusionOf(ctx, e, net, test, p); err != nil || path == "" {
		return confusion, err
	}
	return confusion, atomicfile.Write(path, func(w io.Writer) error { return json.NewEncoder(w).Encode(confusion) })
}

// Doubt says what is wrong with a teacher that was tested, as an [ErrTeacher]: its accuracy is below what a teacher
// must have or cannot be told from guessing, or another order of its outputs has more than twice as much. It is nil if
// nothing is.
func (t *Teacher) Doubt() error {
	c := t.Known.Tested
	if c == nil || t.Classes < 2 {
		return nil
	}
	weak := c.Accuracy <= c.Bound || c.Accuracy < c.least()
	other, right := t.another(t.namedOrders())
	if !weak && other == nil {
		return nil
	}
	said := fmt.Errorf("%w: on the %d test images it has %.1f %%, and guessing has %.1f %%: a teacher has at least "+
		"%.1f %%", ErrTeacher, c.Images, 100*c.Accuracy, 100*c.Chance, 100*c.least())
	if other == nil {
		return fmt.Errorf("%w; no other order of the classes is better than noise: is it of other classes, of "+
			"another size than these images or of other colours (mean and deviation of ImageNet's are taken)? The "+
			"order of the classes is by %s", said, t.Known.Order)
	}
	return fmt.Errorf("%w: its classes are in another order than %s: %s, would have %.1f %%", said, t.Known.Order,
		t.outputsIn(other), 100*right)
}

// outputsIn names an order of the outputs, and the classes in it.
func (t *Teacher) outputsIn(o *order) string {
	if t.Known.Outputs != t.Classes {
		return "another one, of those outputs that are taken"
	}
	names := make([]string, len(o.of))
	for class, as := range o.of {
		names[t.columns[as]] = t.names[class]
	}
	if o.name == "" {
		return "the order " + words.Quoted(names)
	}
	return o.name + ", " + words.Quoted(names)
}

// namedOrders are the orders that have a name in which the outputs may be, each once.
func (t *Teacher) namedOrders() (list []order) {
	if t.Known.Outputs != t.Classes {
		return nil
	}
	has := make([]int, len(t.columns)) // the class that has each output now
	for class, output := range t.columns {
		has[output] = class
	}
	for _, n := range append(ordersOf(t.names), namedOrder{"the file's own", t.own}) {
		of := make([]int, len(t.names))
		places, missing := indices(n.names, t.names)
		if missing {
			continue
		}
		for class, output := range places {
			of[class] = has[output]
		}
		list = append(list, order{n.name, of})
	}
	return once(list)
}

// Exchanged are pairs of classes that the teacher mostly takes for each other: their outputs may be exchanged.
func (t *Teacher) Exchanged() (pairs []string) {
	confusion := t.confusion
	most := func(a, b int) bool { // of the images of a are taken for b
		n := 0
		for _, v := range confusion[a] {
			n += v
		}
		return 2*confusion[a][b] > n
	}
	for a := range confusion {
		for b := range a {
			if most(a, b) && most(b, a) {
				pairs = append(pairs, fmt.Sprintf("%q and %q", t.names[b], t.names[a]))
			}
		}
	}
	return pairs
}
