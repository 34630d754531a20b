package tensorset

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"mgd3/weights"
)

// pair is images with labels.
type pair struct {
	images, labels weights.Tensor
	rate           float64
	names          []string // where the labels are names
	labelled       string   // the key of the labels, "" if there is none
	where          string   // the key of a dict that it is below, "" if there is none
	notes, left    []string // what was taken, and what was not
}

// maxPairs bounds the sets of one file.
const maxPairs = 1000

// candidates returns the sets in a tree: every list or dict that has images and as many labels, in their order.
func candidates(v any, depth int) (pairs []pair) {
	const deepest = 6
	var values []any
	var keys []string
	switch v := v.(type) {
	case []any:
		values, keys = v, make([]string, len(v))
	case []weights.Item:
		for _, item := range v {
			key, _ := item.Key.(string)
			values, keys = append(values, item.Value), append(keys, strings.TrimPrefix(key, "module."))
		}
	}
	if p, ok := pairOf(values, keys); ok {
		return []pair{p}
	}
	for i, inner := range values {
		if depth < deepest && len(pairs) < maxPairs {
			for _, p := range candidates(inner, depth+1) {
				if keys[i] != "" {
					p.where = keys[i]
				}
				pairs = append(pairs, p)
			}
		}
	}
	return pairs
}

// preferred is the number of the set that is taken if none is asked for: the first that is for training, and not what a
// training began with.
func preferred(pairs []pair) int {
	if len(pairs) == 0 {
		return 1
	}
	all := make([]int, len(pairs))
	for i := range all {
		all[i] = i
	}
	return 1 + best(all, func(i int) bool { return !heldOut(pairs[i].where) },
		func(i int) bool { return !isBefore(pairs[i].where) })
}

// inParts tells whether another set of a file may be a part of what the one that is taken is a part of: a batch, a step
// or a class. It has other classes, or as many images and not as many of each class. Sets for something else do not
// count; those of several runs or sizes have the same classes.
func inParts(pairs []pair, taken int) bool {
	if len(pairs) < 2 {
		return false
	}
	ours := pairs[taken].perClass()
	return slices.ContainsFunc(pairs, func(p pair) bool {
		if heldOut(p.where) != heldOut(pairs[taken].where) || isBefore(p.where) != isBefore(pairs[taken].where) {
			return false
		}
		theirs := p.perClass()
		if len(ours) == 0 || len(theirs) == 0 {
			return false
		}
		if p.images.Shape[0] == pairs[taken].images.Shape[0] {
			return !maps.Equal(ours, theirs)
		}
		return !slices.Equal(slices.Sorted(maps.Keys(ours)), slices.Sorted(maps.Keys(theirs)))
	})
}

// perClass counts the images of each class, nil where the labels are no numbers.
func (p pair) perClass() map[string]int {
	v, err := numbersOf(p.labels)
	if err != nil || len(p.labels.Shape) == 0 || p.labels.Shape[0] == 0 {
		return nil
	}
	count := map[string]int{}
	for row := range slices.Chunk(v, max(1, len(v)/p.labels.Shape[0])) {
		label := int(row[0])
		if len(row) > 1 {
			label = slices.Index(row, slices.Max(row))
		}
		name := strconv.Itoa(label)
		if label >= 0 && label < len(p.names) {
			name = p.names[label]
		}
		count[name]++
	}
	return count
}

// placed says where the sets of a file are, "" if there are no words for it.
func placed(pairs []pair) string {
	var places []string
	for _, p := range pairs {
		if p.where != "" && !slices.Contains(places, strconv.Quote(p.where)) {
			places = append(places, strconv.Quote(p.where))
		}
	}
	const few = 4
	if len(places) > few {
		places = append(places[:few], "…")
	}
	if len(places) < 2 {
		return ""
	}
	return " (below " + strings.Join(places, ", ") + ")"
}

// pairOf takes images and labels among values. Of several images, those that are named so and not held out; of several
// labels, those that are named so and go with the images. It is said what was left, and whatever is not named.
//
// A tensor of a dict with another name is taken for the labels only if no other can be meant, and it has one number an
// image: features and indices have a row for each image too.
func pairOf(values []any, keys []string) (p pair, ok bool) {
	var images, labels, unnamed []int
	tensors := make([]weights.Tensor, len(values))
	for i, v := range values {
		tensors[i] = tensorOf(v)
		if isImages(tensors[i]) && !isWeight(keys[i]) {
			images = append(images, i)
		}
	}
	if len(images) == 0 {
		for i, t := range tensors {
			if isGrey(t) && imageName(keys[i]) {
				tensors[i].Shape = []int{t.Shape[0], 1, t.Shape[1], t.Shape[2]}
				images = append(images, i)
			}
		}
	}
	if len(images) == 0 {
		return p, false
	}
	at := best(images, func(i int) bool { return imageName(keys[i]) }, func(i int) bool { return !heldOut(keys[i]) },
		func(i int) bool { return !isBefore(keys[i]) })
	p.images = tensors[at]
	var byName [][]string // of labels that are names, each one's
	for i, v := range values {
		tensors[i] = unfolded(tensors[i], p.images)
		numbers, names := numbered(v)
		if byName = append(byName, names); names != nil {
			tensors[i] = numbers
		}
	}
	for i, t := range tensors {
		rate, isRate := rateOf(values[i])
		switch {
		case rateName(keys[i]) && isRate && isLearned(rate):
			p.rate = rate
		case rateName(keys[i]) && isRate:
			p.notes = append(p.notes, fmt.Sprintf("%q in it is %v, which is no learning rate, and none is taken",
				keys[i], rate))
		case i == at || t.Shape == nil:
		case !fits(t, p.images) || isIndex(keys[i]):
		case keys[i] == "" || labelName(keys[i]):
			labels = append(labels, i)
		case len(t.Shape) == 1 || t.Shape[1] == 1:
			unnamed = append(unnamed, i)
		}
	}
	if len(labels) == 0 && len(unnamed) == 1 {
		labels = unnamed
		p.notes = append(p.notes, fmt.Sprintf("the labels are taken from %q, the only numbers of which each image has "+
			"one", keys[unnamed[0]]))
	}
	if len(labels) == 0 {
		return p, false
	}
	with := best(labels, func(i int) bool { return heldOut(keys[i]) == heldOut(keys[at]) },
		func(i int) bool { return !isCoarse(keys[i]) }, func(i int) bool { return !counts(tensors[i]) })
	if byName[with] == nil {
		for _, i := range labels {
			if byName[i] != nil && sameClasses(tensors[i], tensors[with]) {
				with = i // words need no order
				break
			}
		}
	}
	p.labels, p.names, p.labelled = tensors[with], byName[with], keys[with]
	if keys[with] == "" && len(labels) > 1 {
		p.notes = append(p.notes, fmt.Sprintf("the labels are number %d of the list, in which %d tensors have one row "+
			"for each image", with+1, len(labels)))
	}
	for _, others := range []struct {
		taken int
		of    []int
	}{{at, images}, {with, labels}} {
		for _, i := range others.of {
			if i != others.taken && keys[i] != "" {
				p.left = append(p.left, fmt.Sprintf("%q is taken, and %q beside it is not", keys[others.taken],
					keys[i]))
			}
		}
	}
	return p, true
}

// sameClasses tells whether two labels part the images alike: each value of the one goes with one of the other.
func sameClasses(a, b weights.Tensor) bool {
	v, errA := numbersOf(a)
	w, errB := numbersOf(b)
	if errA != nil || errB != nil || len(v) != len(w) {
		return false
	}
	of, back := map[float32]float32{}, map[float32]float32{}
	for i := range v {
		if x, ok := of[v[i]]; ok && x != w[i] {
			return false
		}
		if x, ok := back[w[i]]; ok && x != v[i] {
			return false
		}
		of[v[i]], back[w[i]] = w[i], v[i]
	}
	return true
}

// best returns the first of those that pass most of the tests; an earlier test counts more than all after it.
func best(list []int, tests ...func(i int) bool) int {
	for _, test := range tests {
		if some := slices.DeleteFunc(slices.Clone(list), func(i int) bool { return !test(i) }); len(some) > 0 {
			list = some
		}
	}
	return list[0]
}

// tensorOf returns a tensor, or a list of whole numbers as one; else one without a shape.
func tensorOf(v any) weights.Tensor {
	switch v := v.(type) {
	case weights.Tensor:
		return v
	case []any:
		numbers := make([]int64, len(v))
		for i := range v {
			switch n := v[i].(type) {
			case int:
				numbers[i] = int64(n)
			case float64:
				if numbers[i] = int64(n); float64(numbers[i]) != n || math.Abs(n) > largestLabel {
					return weights.Tensor{}
				}
			default:
				return weights.Tensor{}
			}
		}
		return weights.I64("", []int{len(v)}, numbers)
	}
	return weights.Tensor{}
}

// numbered returns numbers for a list of names, and the names in the order of the numbers, that of the alphabet. Of
// anything else the names are nil.
func numbered(v any) (weights.Tensor, []string) {
	list, _ := v.([]any)
	var names []string
	for _, value := range list {
		name, ok := value.(string)
		if !ok {
			return weights.Tensor{}, nil
		}
		names = append(names, name)
	}
	numbers := make([]int64, len(names))
	order := slices.Compact(slices.Sorted(slices.Values(names)))
	for i, name := range names {
		at, _ := slices.BinarySearch(order, name)
		numbers[i] = int64(at)
	}
	return weights.I64("", []int{len(names)}, numbers), order
}

// isGrey tells whether a tensor can be grey images [N, H, W].
func isGrey(t weights.Tensor) bool {
	return len(t.Shape) == 3 && t.Bytes() != nil && !slices.ContainsFunc(t.Shape, isChannels) && t.Shape[0] > 0
}

func imageName(key string) bool {
	return slices.ContainsFunc([]string{"image", "img", "pixel", "data", "x"},
		func(s string) bool { return has(key, s) })
}

func labelName(key string) bool {
	return slices.ContainsFunc([]string{"label", "lab", "target", "class", "cls", "gt", "y"},
		func(s string) bool { return has(key, s) })
}

func rateName(key string) bool { return has(key, "lr") || has(key, "rate") }

// isIndex tells whether a key names numbers that say which images these are.
func isIndex(key string) bool { return hasWord(key, "idx", "index", "indexes", "indices", "id", "ids") }

// heldOut tells whether a key names images that are not for training.
func heldOut(key string) bool { return hasWord(key, "test", "val", "valid", "validation", "eval") }

// isBefore tells whether a key names images that others became: those that a training began with, or that are changed
// for it.
func isBefore(key string) bool {
	return hasWord(key, "init", "initial", "start", "real", "orig", "original", "old", "aug", "augmented", "noise")
}

// isCoarse tells whether a key names groups of classes.
func isCoarse(key string) bool { return hasWord(key, "coarse", "super", "superclass", "group") }

// counts tells whether labels are all different, as numbers of images are.
func counts(t weights.Tensor) bool {
	v, err := numbersOf(t)
	if err != nil || len(t.Shape) != 1 {
		return false
	}
	seen := map[float32]bool{}
	for _, x := range v {
		seen[x] = true
	}
	return len(seen) == len(v) && len(v) > 1
}

// hasWord tells whether one of the words stands in a key between what are no letters.
func hasWord(key string, words ...string) bool {
	parts := strings.FieldsFunc(strings.ToLower(key), func(r rune) bool { return !unicode.IsLetter(r) })
	return slices.ContainsFunc(parts, func(part string) bool { return slices.Contains(words, part) })
}

// has tells whether a key is a word, begins or ends with it, or has a longer one in it.
func has(key, word string) bool {
	key = strings.ToLower(key)
	return key == word || strings.HasPrefix(key, word+"_") || strings.HasSuffix(key, "_"+word) ||
		len(word) > 2 && strings.Contains(key, word)
}

func isChannels(n int) bool { return n == 1 || n == 3 }
