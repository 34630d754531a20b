package distill

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mgd3/dataset"
)

// ErrLabels says that the set's classes and the denoiser's cannot be matched.
var ErrLabels = errors.New("classes do not match the model's")

// Labels returns the denoiser's label of each class. names are the denoiser's classes in the order of its
// labels; without names, a denoiser of 1,000 classes is taken to know those of ImageNet in their
// usual order, and any other must have exactly as many classes as the set, in the set's order.
//
// A name may be several, separated by commas, as those of ImageNet's labels are ("tench, Tinca tinca"): a class goes by
// each that no other label has. Where the names are ImageNet's, classes also go by their WordNet ids (n01440764).
func Labels(classes, names []string, count int) ([]int32, error) {
	ids, err := dataset.NamedClasses("imagenet1k")
	if err != nil {
		return nil, err
	}
	if names == nil && count == len(ids) {
		names = ids
	}
	if names == nil {
		if len(classes) != count {
			return nil, fmt.Errorf("%w: the set has %d classes, the model %d without names", ErrLabels, len(classes),
				count)
		}
		names = classes
	}
	if len(names) != count {
		return nil, fmt.Errorf("%w: the model has %d classes but %d names for them", ErrLabels, count, len(names))
	}
	known := synonyms(names)
	if areImageNets(names) {
		for label, id := range ids {
			known[id] = int32(label)
		}
	}
	for label, name := range slices.Backward(names) { // of equal names the first counts
		known[name] = int32(label)
	}
	labels := make([]int32, len(classes))
	for i, class := range classes {
		label, ok := known[class]
		if !ok {
			return nil, fmt.Errorf("%w: the model does not know class %q", ErrLabels, class)
		}
		labels[i] = label
	}
	return labels, nil
}

// synonyms returns the label of each of the names between commas that only one label has.
func synonyms(names []string) map[string]int32 {
	known, several := map[string]int32{}, map[string]bool{}
	for label, name := range names {
		for part := range strings.SplitSeq(name, ",") {
			part = strings.TrimSpace(part)
			if other, ok := known[part]; ok && other != int32(label) {
				several[part] = true
			}
			known[part] = int32(label)
		}
	}
	for part := range several {
		delete(known, part)
	}
	return known
}

// areImageNets reports whether names are the words for the 1,000 classes of ImageNet, by the first and the last of
// them.
func areImageNets(names []string) bool {
	has := func(name, word string) bool { return slices.Contains(strings.Split(name, ", "), word) }
	return len(names) == 1000 && has(names[0], "tench") &&
		(has(names[999], "toilet tissue") || has(names[999], "toilet paper"))
}
