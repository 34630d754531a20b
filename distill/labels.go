package distill

import (
	"errors"
	"fmt"
	"slices"

	"mgd3/dataset"
)

// ErrLabels says that the set's classes and the denoiser's cannot be matched.
var ErrLabels = errors.New("classes do not match the model's")

// Labels returns the denoiser's label of each class. names are the denoiser's classes in the order of its
// labels; without names, a denoiser of 1,000 classes is taken to know those of ImageNet in their
// usual order, and any other must have exactly as many classes as the set, in the set's order.
func Labels(classes, names []string, count int) ([]int32, error) {
	if names == nil && count == imageNet {
		list, err := dataset.NamedClasses("imagenet1k")
		if err != nil {
			return nil, err
		}
		names = list
	}
	if names == nil {
		if len(classes) != count {
			return nil, fmt.Errorf("%w: the set has %d classes, the model %d without names", ErrLabels, len(classes), count)
		}
		names = classes
	}
	if len(names) != count {
		return nil, fmt.Errorf("%w: the model has %d classes but %d names for them", ErrLabels, count, len(names))
	}
	known := make(map[string]int32, count)
	for label, name := range slices.Backward(names) { // of equal names the first counts
		known[name] = int32(label)
	}
	labels := make([]int32, len(classes))
	for i, class := range classes {
		label, ok := known[class]
		if !ok {
			return nil, fmt.Errorf("%w: the model does not know class %s", ErrLabels, class)
		}
		labels[i] = label
	}
	return labels, nil
}

const imageNet = 1000
