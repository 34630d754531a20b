package tensorset

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"

	"mgd3/weights"
)

// loneImages returns the tensors of images in a tree.
func loneImages(v any, depth int) (images []weights.Tensor) {
	const deepest = 6
	switch v := v.(type) {
	case weights.Tensor:
		if isImages(v) {
			return []weights.Tensor{v}
		}
	case []any:
		for _, inner := range v {
			if depth < deepest && len(images) < 2 {
				images = append(images, loneImages(inner, depth+1)...)
			}
		}
	case []weights.Item:
		for _, item := range v {
			if key, _ := item.Key.(string); depth < deepest && len(images) < 2 && !isWeight(key) {
				images = append(images, loneImages(item.Value, depth+1)...)
			}
		}
	}
	return images
}

// tensorsOf returns all tensors of a tree.
func tensorsOf(v any, depth int) (list []weights.Tensor) {
	const deepest = 6
	if depth > deepest {
		return nil
	}
	switch v := v.(type) {
	case weights.Tensor:
		return []weights.Tensor{v}
	case []any:
		for _, inner := range v {
			list = append(list, tensorsOf(inner, depth+1)...)
		}
	case []weights.Item:
		for _, item := range v {
			list = append(list, tensorsOf(item.Value, depth+1)...)
		}
	}
	return list
}

// describe says what tensors a tree has, with the names of a dict's.
func describe(v any) string {
	const few = 4
	list := shapesOf(v, "", 0)
	text := "no tensors"
	if len(list) > 0 {
		text = "tensors of shape " + strings.Join(list[:min(few, len(list))], ", ")
	}
	if len(list) > few {
		text += " and others"
	}
	if key := unread(v, "", 0); key != "" {
		text += fmt.Sprintf("; %.60q is no tensor that is read, but an object of Python or a sparse, quantised or "+
			"complex one", key)
	}
	return text
}

// unread returns the first key of images or labels whose value has nothing that is read, or a place in a list.
func unread(v any, key string, depth int) string {
	const deepest = 6
	named := imageName(key) || labelName(key)
	switch v := v.(type) {
	case nil:
		if named {
			return key
		}
	case []any:
		if named && (len(v) == 0 || v[0] == nil || imageName(key) && len(tensorsOf(v, depth)) == 0) {
			return key
		}
		for i, inner := range v {
			if inner == nil {
				return fmt.Sprintf("number %d of a list", i+1)
			}
		}
	case []weights.Item:
		for _, item := range v {
			if inner, _ := item.Key.(string); depth < deepest {
				if found := unread(item.Value, inner, depth+1); found != "" {
					return found
				}
			}
		}
		if named && len(tensorsOf(v, depth)) == 0 {
			return key
		}
	}
	return ""
}

// isWeight tells whether a key is that of a network's parameter.
func isWeight(key string) bool {
	return strings.HasSuffix(key, ".weight") || strings.HasSuffix(key, ".bias")
}

// ofNetwork says so where a tree has a network's parameters.
func ofNetwork(v any) string {
	items, _ := v.([]weights.Item)
	for _, item := range items {
		if key, _ := item.Key.(string); isWeight(key) {
			return ": the weights of a network, as --teacher and --referee take them"
		}
		if text := ofNetwork(item.Value); text != "" {
			return text
		}
	}
	return ""
}

// shapesOf returns the shapes of all tensors of a tree, which stand below the key.
func shapesOf(v any, key string, depth int) (list []string) {
	const deepest = 6
	if depth > deepest {
		return nil
	}
	switch v := v.(type) {
	case weights.Tensor:
		if key != "" {
			return []string{fmt.Sprintf("%v (%.60q)", v.Shape, key)}
		}
		return []string{fmt.Sprint(v.Shape)}
	case []any:
		for _, inner := range v {
			list = append(list, shapesOf(inner, key, depth+1)...)
		}
	case []weights.Item:
		for _, item := range v {
			list = append(list, shapesOf(item.Value, fmt.Sprint(item.Key), depth+1)...)
		}
	}
	return list
}

// rateOf returns what may be a learning rate: a number, or the only element of a tensor.
func rateOf(v any) (rate float64, ok bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case weights.Tensor:
		rate, err := scalar(v)
		return rate, err == nil
	}
	return 0, false
}

// isLearned tells whether a rate can be one that was learned.
func isLearned(rate float64) bool { return rate > 0 && !math.IsInf(rate, 0) }

// scalar returns the only element of a tensor.
func scalar(t weights.Tensor) (float64, error) {
	v, err := t.Float64s()
	if err != nil {
		return 0, err
	}
	if len(v) != 1 {
		return 0, fmt.Errorf("%d elements, want 1", len(v))
	}
	if t.DType == "F32" { // 0.0123, not 0.012299999594688416
		return strconv.ParseFloat(strconv.FormatFloat(v[0], 'g', -1, 32), 64)
	}
	return v[0], nil
}

// fits tells whether a tensor can be the labels of images.
func fits(t, images weights.Tensor) bool {
	n := images.Shape[0]
	if len(images.Shape) == 5 {
		n *= images.Shape[1]
	}
	return (len(t.Shape) == 1 || len(t.Shape) == 2) && t.Shape[0] == n && t.Bytes() != nil
}

// unfolded gives labels of images [K, n, …] that are [K], one for all images of a class, [n], a class for each
// column, or [K, n], the shape [K·n]. All others are as they were.
func unfolded(t, images weights.Tensor) weights.Tensor {
	if len(images.Shape) != 5 || t.Bytes() == nil {
		return t
	}
	k, n := images.Shape[0], images.Shape[1]
	switch {
	case len(t.Shape) == 2 && t.Shape[0] == k && t.Shape[1] == n:
		t.Shape = []int{k * n}
	case len(t.Shape) == 1 && t.Shape[0] == k && n > 1:
		each := t.Bytes()
		size := len(each) / k
		var all []byte
		for i := range k {
			all = append(all, bytes.Repeat(each[i*size:(i+1)*size], n)...)
		}
		t = weights.Raw("", t.DType, []int{k * n}, all)
	case len(t.Shape) == 1 && t.Shape[0] == n && k > 1 && counts(t):
		t = weights.Raw("", t.DType, []int{k * n}, bytes.Repeat(t.Bytes(), k))
	}
	return t
}

// isImages tells whether a tensor can be one of images.
func isImages(t weights.Tensor) bool {
	s := t.Shape
	if len(s) == 5 {
		s = s[1:]
	}
	return len(s) == 4 && t.Bytes() != nil && (isChannels(s[1]) || isChannels(s[3])) && s[0] > 0
}
