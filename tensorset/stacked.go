package tensorset

import (
	"fmt"
	"slices"

	"mgd3/weights"
)

// Images one by one, as programs collect them in lists, become one tensor:
//
//	[x, x, …]                       images [C, H, W] or [H, W, C] of one shape and type
//	[(x, label), …]                 the items of a data set: [images, labels]
//	[{"image": x, "label": 3}, …]   dicts of the same keys: a dict of lists
//	{0: X, 1: X, …}                 the images [n, C, H, W] of each class: images and labels
//	{"cat": X, "dog": X, …}         the same by name, where no name says that it is something else
//
// A list of tensors [n, C, H, W] is left as it is: they may be the classes, or several sets.

// mostStacked bounds what is copied for it, in bytes: a list may hold one tensor many times.
const mostStacked = 1 << 30

// stack makes them so in a tree of which no more than room bytes are copied.
type stack struct {
	room  int
	notes []string
}

func (s *stack) tree(v any) (any, error) {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = s.tree(v[i]); err != nil {
				return nil, err
			}
		}
		return s.list(list)
	case []weights.Item:
		items := slices.Clone(v)
		for i := range items {
			var err error
			if items[i].Value, err = s.tree(items[i].Value); err != nil {
				return nil, err
			}
		}
		return s.byClass(items)
	}
	return v, nil
}

// list stacks a list.
func (s *stack) list(list []any) (any, error) {
	if len(list) == 0 {
		return list, nil
	}
	if isOneImage(list[0]) {
		return s.images(list)
	}
	list = numbersOfTensors(list)
	columns := map[int][]any{}
	var keys []any
	for i, v := range list {
		var values []any
		switch v := v.(type) {
		case []any:
			if len(v) != 2 || !isOneImage(v[0]) || !isOneLabel(v[1]) {
				return list, nil
			}
			values = v
		case []weights.Item:
			if i == 0 {
				if !slices.ContainsFunc(v, func(item weights.Item) bool { return isOneImage(item.Value) }) {
					return list, nil
				}
				for _, item := range v {
					keys = append(keys, item.Key)
				}
			}
			for j, item := range v {
				if len(v) != len(keys) || item.Key != keys[j] {
					return list, nil
				}
				values = append(values, item.Value)
			}
		default:
			return list, nil
		}
		for j, value := range values {
			columns[j] = append(columns[j], value)
		}
	}
	var rows []any
	var items []weights.Item
	for j := range len(columns) {
		column, err := s.list(numbersOfTensors(columns[j]))
		if err != nil {
			return nil, err
		}
		if rows = append(rows, column); keys != nil {
			items = append(items, weights.Item{Key: keys[j], Value: column})
		}
	}
	if keys != nil {
		return items, nil
	}
	return rows, nil
}

// images stacks tensors of one shape and type; others are left as they are.
func (s *stack) images(list []any) (any, error) {
	first := list[0].(weights.Tensor)
	for _, v := range list {
		t, ok := v.(weights.Tensor)
		if !ok || t.DType != first.DType || !slices.Equal(t.Shape, first.Shape) || t.Bytes() == nil {
			return list, nil
		}
	}
	return s.joined(list, append([]int{len(list)}, first.Shape...))
}

// joined puts tensors behind each other.
func (s *stack) joined(list []any, shape []int) (any, error) {
	var data []byte
	for _, v := range list {
		t := v.(weights.Tensor)
		if err := t.Check(); err != nil {
			return nil, err
		}
		if s.room -= len(t.Bytes()); s.room < 0 {
			return nil, fmt.Errorf("a list of single images has more than %d bytes: torch.stack(list) makes one "+
				"tensor of it", mostStacked)
		}
		data = append(data, t.Bytes()...)
	}
	return weights.Raw("", list[0].(weights.Tensor).DType, shape, data), nil
}

// byClass stacks a dict whose values are the images of classes, and whose keys are their names or numbers 0, 1, ….
func (s *stack) byClass(items []weights.Item) (any, error) {
	if len(items) < 2 {
		return items, nil
	}
	byNumber, list := make([]any, len(items)), make([]any, len(items))
	first, _ := items[0].Value.(weights.Tensor)
	numbers, names := true, true
	for i, item := range items {
		t, _ := item.Value.(weights.Tensor)
		if !isImages(t) || len(t.Shape) != 4 || t.DType != first.DType || !slices.Equal(t.Shape[1:], first.Shape[1:]) {
			return items, nil
		}
		list[i] = t
		if k, ok := classNumber(item.Key); ok {
			if names = false; k >= 0 && k < len(items) && byNumber[k] == nil {
				byNumber[k] = t
				continue
			}
		}
		numbers = false
		key, isText := item.Key.(string)
		names = names && isText && !imageName(key) && !labelName(key) && !heldOut(key) && !isBefore(key) &&
			!hasWord(key, "train", "training", "syn", "ipc") && !isWeight(key)
	}
	var labels []any
	switch {
	case numbers:
		list = byNumber
		s.notes = append(s.notes, fmt.Sprintf("the numbers 0 to %d of a dict are taken for the classes of the images "+
			"below them", len(list)-1))
	case names:
		s.notes = append(s.notes, fmt.Sprintf("the names of a dict, %.60q and others, are taken for the classes of "+
			"the images below them", items[0].Key))
	default:
		return items, nil
	}
	for k, v := range list {
		var label any = k
		if names {
			label = items[k].Key
		}
		labels = append(labels, slices.Repeat([]any{label}, v.(weights.Tensor).Shape[0])...)
	}
	images, err := s.joined(list, append([]int{len(labels)}, first.Shape[1:]...))
	if err != nil {
		return nil, err
	}
	return []weights.Item{{Key: "images", Value: images}, {Key: "labels", Value: labels}}, nil
}

// isOneImage tells whether a value can be an image.
func isOneImage(v any) bool {
	t, _ := v.(weights.Tensor)
	return len(t.Shape) == 3 && (isChannels(t.Shape[0]) || isChannels(t.Shape[2])) && t.Bytes() != nil
}

// isOneLabel tells whether a value can be the number of a class.
func isOneLabel(v any) bool {
	_, whole := v.(int)
	return whole || numberOf(v) != nil
}

// numberOf is the only element of a tensor of whole numbers, nil of anything else.
func numberOf(v any) any {
	t, _ := v.(weights.Tensor)
	if t.Bytes() == nil {
		return nil
	}
	if all, err := t.Int64s(); err == nil && len(all) == 1 {
		return int(all[0])
	}
	return nil
}

// numbersOfTensors makes tensors of one whole number each numbers, where all of a list are.
func numbersOfTensors(list []any) []any {
	numbers := make([]any, len(list))
	for i, v := range list {
		if numbers[i] = numberOf(v); numbers[i] == nil {
			return list
		}
	}
	return numbers
}
