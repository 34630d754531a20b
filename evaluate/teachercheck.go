package evaluate

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"

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

// Doubt says what is wrong with a teacher that was tested, as an [ErrTeacher]: its accuracy is below Least or cannot be
// told from guessing, or another order of its outputs has more than twice as much. It is nil if nothing is.
func (t *Teacher) Doubt() error {
	c := t.Known.Tested
	if c == nil || t.Classes < 2 {
		return nil
	}
	best := t.bestOrder()
	right := t.accuracyIn(best)
	if c.Accuracy > c.Bound && c.Accuracy >= c.least() && right <= 2*c.Accuracy {
		return nil
	}
	said := fmt.Errorf("%w: on the %d test images it has %.1f %%, and guessing has %.1f %%: a teacher has at least "+
		"%.1f %%", ErrTeacher, c.Images, 100*c.Accuracy, 100*c.Chance, 100*c.least())
	if right <= max(c.Bound, 2*c.Accuracy) {
		return fmt.Errorf("%w; no other order of the classes is much better: is it of other classes, of another size "+
			"than these images or of other "+
			"colours (mean and deviation of ImageNet's are taken)? The order of the classes is by %s", said,
			t.Known.Order)
	}
	return fmt.Errorf("%w: its classes are in another order than %s: %s, would have %.1f %%", said, t.Known.Order,
		t.orderName(best, right), 100*right)
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

// bestOrder gives each class the output that takes most of its images, the largest numbers first: as indices of
// classes whose outputs these are now.
func (t *Teacher) bestOrder() []int {
	confusion := t.confusion
	type cell struct{ class, as int }
	var cells []cell
	for class, row := range confusion {
		for as, n := range row {
			if n > 0 || class == as {
				cells = append(cells, cell{class, as})
			}
		}
	}
	slices.SortStableFunc(cells, func(a, b cell) int {
		return cmp.Or(-cmp.Compare(confusion[a.class][a.as], confusion[b.class][b.as]),
			-cmp.Compare(btoi(a.class == a.as), btoi(b.class == b.as)))
	})
	order := slices.Repeat([]int{-1}, len(confusion))
	used := make([]bool, len(confusion))
	for _, c := range cells {
		if order[c.class] < 0 && !used[c.as] {
			order[c.class], used[c.as] = c.as, true
		}
	}
	for class := range order {
		if order[class] < 0 {
			free := slices.Index(used, false)
			order[class], used[free] = free, true
		}
	}
	return order
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// accuracyIn is the accuracy if class i had the output that class order[i] has now.
func (t *Teacher) accuracyIn(order []int) (accuracy float64) {
	for class, row := range t.confusion {
		accuracy += float64(row[order[class]]) / float64(t.Known.Tested.Images)
	}
	return accuracy
}

// orderName names an order of the outputs: one that has a name, if it is nearly as good, or else the classes.
func (t *Teacher) orderName(best []int, right float64) string {
	if t.Known.Outputs != t.Classes {
		return "another one, of those outputs that are taken"
	}
	named := append(ordersOf(t.names), namedOrder{"the file's own", t.own})
	for _, n := range named {
		if order := t.orderBy(n.names); order != nil && t.accuracyIn(order) >= 0.9*right {
			return n.name + ", " + words.Quoted(n.names)
		}
	}
	names := make([]string, len(best))
	for class, as := range best {
		names[t.columns[as]] = t.names[class]
	}
	return "the order " + words.Quoted(names)
}

// orderBy is the order in which the outputs have these names, nil if they are not those of the classes.
func (t *Teacher) orderBy(names []string) []int {
	if len(names) != len(t.names) {
		return nil
	}
	has := make([]int, len(t.columns)) // the class that has each output now
	for class, output := range t.columns {
		has[output] = class
	}
	order := make([]int, len(t.names))
	for class, name := range t.names {
		output := slices.Index(names, name)
		if output < 0 {
			return nil
		}
		order[class] = has[output]
	}
	return order
}
