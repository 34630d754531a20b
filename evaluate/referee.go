package evaluate

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"mgd3/engine"
)

// ErrLabels says that the images of a set are labelled as other classes than those they show.
var ErrLabels = errors.New("its labels are not those of its images")

// Referee holds the labels of a set against what t, a trained classifier that does well on the test images, takes its
// images for. It is an [ErrLabels] if its agreement is below what a teacher must have and another order of the classes
// has more than twice as much; how well it agrees is returned. Distilled images need look like nothing that a
// classifier knows, so that a low agreement alone is no error.
func (t *Teacher) Referee(ctx context.Context, e *engine.Engine, set *Data, p Protocol) (agreement float64, err error) {
	of := *t
	if err := of.Test(ctx, e, set, p, ""); err != nil {
		return 0, err
	}
	c := of.Known.Tested
	best := of.bestOrder()
	right := of.accuracyIn(best)
	if c.Accuracy >= c.least() || right <= max(c.Bound, 2*c.Accuracy) {
		return c.Accuracy, nil
	}
	return c.Accuracy, fmt.Errorf("%w: of %d images the referee takes %.1f %% for the class that they are "+
		"labelled as, and would take %.1f %% if the labels were numbers of %s", ErrLabels, c.Images, 100*c.Accuracy,
		100*right, of.labelOrder(best, right))
}

// labelOrder names the order of the classes by which the labels would be right: label i, now of class i, is of class
// best[i].
func (t *Teacher) labelOrder(best []int, right float64) string {
	index := func(name string) int { return slices.Index(t.names, name) }
	const plain = 3 // orders come first that all classes have; the rest are ImageNet's, these backwards and moved on
	for _, from := range ordersOf(t.names)[:plain] {
		for _, to := range ordersOf(t.names) {
			order := make([]int, len(best))
			for i, name := range from.names {
				order[index(name)] = index(to.names[i])
			}
			if t.accuracyIn(order) >= 0.9*right {
				return fmt.Sprintf("%s, and not of %s", to.name, from.name)
			}
		}
	}
	for i, as := range best {
		if i != as {
			return fmt.Sprintf("other classes: those of %q are of %q, say", t.names[i], t.names[as])
		}
	}
	return "other classes"
}
