package evaluate

import (
	"context"
	"errors"
	"fmt"

	"mgd3/engine"
)

// ErrLabels says that the images of a set are labelled as other classes than those they show.
var ErrLabels = errors.New("its labels are not those of its images")

// Referee holds the labels of a set against what t, a trained classifier that does well on the test images, takes its
// images for. It is an [ErrLabels] if its agreement is below what a teacher must have and another order of the classes
// has more than twice as much, by more than noise; how well it agrees is returned. Distilled images need look like
// nothing that a classifier knows, so that a low agreement alone is no error.
func (t *Teacher) Referee(ctx context.Context, e *engine.Engine, set *Data, p Protocol) (agreement float64, err error) {
	of := *t
	if err := of.Test(ctx, e, set, p, ""); err != nil {
		return 0, err
	}
	c := of.Known.Tested
	other, right := of.another(of.labelOrders())
	if c.Accuracy >= c.least() || other == nil {
		return c.Accuracy, nil
	}
	return c.Accuracy, fmt.Errorf("%w: of %d images the referee takes %.1f %% for the class that they are "+
		"labelled as, and would take %.1f %% if the labels were numbers of %s", ErrLabels, c.Images, 100*c.Accuracy,
		100*right, of.labelsIn(other))
}

// labelOrders are the orders of the classes of which the labels may be numbers, while they were taken for those of
// another one: label i, now of class i, is of class of[i].
func (t *Teacher) labelOrders() (list []order) {
	all := ordersOf(t.names)
	const plain = 3 // orders come first that all classes have; the rest are ImageNet's, these backwards and moved on
	for _, from := range all[:plain] {
		label, _ := indices(from.names, t.names)
		for _, to := range all {
			at, _ := indices(t.names, to.names)
			of := make([]int, len(label))
			for class, l := range label {
				of[class] = at[l]
			}
			list = append(list, order{fmt.Sprintf("%s, and not of %s", to.name, from.name), of})
		}
	}
	return once(list)
}

// labelsIn names an order of the labels.
func (t *Teacher) labelsIn(o *order) string {
	if o.name != "" {
		return o.name
	}
	for i, as := range o.of {
		if i != as {
			return fmt.Sprintf("other classes: those of %q are of %q, say", t.names[i], t.names[as])
		}
	}
	return "other classes"
}
