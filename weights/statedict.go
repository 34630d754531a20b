package weights

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/nlpodyssey/gopickle/types"
)

// inside is where programs put the tensors in a checkpoint that holds more than them, the first that is there:
//
//	ema          trainings of DiT and their like: the running average, which their sampling takes
//	state_dict   Lightning, and many trainings of classifiers
//	model        the rest
var inside = []string{"ema", "state_dict", "model"}

// stateDict returns the tensors of a checkpoint by their names. What is no tensor is passed over: numbers, text, the
// state of an optimizer.
func stateDict(root any) (map[string]*strided, error) {
	items, ok := pairs(root)
	if !ok {
		return nil, errors.New("its pickle holds no dict, want one of tensors")
	}
	for _, key := range inside {
		for _, item := range items {
			if item.Key != key {
				continue
			}
			if inner, ok := pairs(item.Value); ok && slices.ContainsFunc(inner, isTensor) {
				return tensorsOf(inner)
			}
		}
	}
	tensors, err := tensorsOf(items)
	if err == nil && len(tensors) == 0 {
		err = fmt.Errorf("its pickle holds no tensors: want a dict of them by name, or one under one of %q", inside)
	}
	return tensors, err
}

// pairs returns the items of a dict.
func pairs(v any) ([]types.DictEntry, bool) {
	switch dict := v.(type) {
	case *types.Dict:
		return *dict, true
	case *ordered:
		var items []types.DictEntry
		if dict.first != nil {
			for _, item := range *dict.first {
				pair, ok := item.(*types.List)
				if !ok || pair.Len() != 2 {
					return nil, false
				}
				items = append(items, types.DictEntry{Key: pair.Get(0), Value: pair.Get(1)})
			}
		}
		return append(items, dict.Dict...), true
	}
	return nil, false
}

func isTensor(e types.DictEntry) bool {
	_, named := e.Key.(string)
	_, tensor := e.Value.(*strided)
	return named && tensor
}

func tensorsOf(items []types.DictEntry) (map[string]*strided, error) {
	tensors := map[string]*strided{}
	for _, item := range items {
		if !isTensor(item) {
			continue
		}
		name := item.Key.(string)
		if tensors[name] != nil {
			return nil, fmt.Errorf("%.100q is given twice", name)
		}
		tensors[name] = item.Value.(*strided)
	}
	return tensors, nil
}

// span is a part of a file.
type span struct{ begin, end int }

// tensor returns the elements of s, whose storage lies at where in src: as a view if they lie there one after the
// other, else (a transposed matrix, say) as a copy, of at most room bytes.
func (s *strided) tensor(name string, src *source, where span, room int) (t Tensor, copied int, err error) {
	t = Tensor{Name: name, DType: s.dtype, Shape: s.shape, src: src}
	bytes, err := t.size()
	if err != nil {
		return t, 0, err
	}
	element := sizes[s.dtype]
	all := (where.end - where.begin) / element // elements under the storage's key
	if s.offset < 0 || s.count < 0 || s.offset > all || s.count > all-s.offset {
		return t, 0, fmt.Errorf("its storage %.40q is given as %d elements from %d on, the file has %d", s.key, s.count, s.offset, all)
	}
	if err := s.inside(bytes / element); err != nil {
		return t, 0, err
	}
	first := where.begin + s.offset*element
	if bytes == 0 {
		t.begin, t.end = first, first
		return t, 0, nil
	}
	if s.contiguous() {
		t.begin = first + s.first*element
		t.end = t.begin + bytes
		return t, 0, nil
	}
	if bytes > room {
		return t, 0, fmt.Errorf("its strides %v repeat elements or those of other tensors: the copies are larger than the file", s.stride)
	}
	return Raw(name, s.dtype, s.shape, s.gather(src.data[first:where.end], element, bytes)), bytes, nil
}

// inside checks that n elements of the tensor's shape and strides lie within its storage.
func (s *strided) inside(n int) error {
	if s.first < 0 || s.first > s.count {
		return fmt.Errorf("it begins at element %d of %d", s.first, s.count)
	}
	last := s.first
	for i, d := range s.shape {
		switch step := s.stride[i]; {
		case step < 0:
			return fmt.Errorf("its strides %v are negative", s.stride)
		case d > 1 && step > 0 && d-1 > math.MaxInt/2/step:
			last = math.MaxInt / 2
		case d > 1:
			last = min(last+(d-1)*step, math.MaxInt/2)
		}
	}
	if n > 0 && last >= s.count {
		return fmt.Errorf("shape %v with strides %v from element %d on ends at element %d of %d", s.shape, s.stride, s.first, last, s.count)
	}
	return nil
}

// contiguous reports whether the elements lie one after the other in row-major order.
func (s *strided) contiguous() bool {
	want := 1
	for i, d := range slices.Backward(s.shape) {
		if d != 1 && s.stride[i] != want {
			return false
		}
		want *= d
	}
	return true
}

// gather copies the elements out of their storage, in row-major order.
func (s *strided) gather(from []byte, element, bytes int) []byte {
	out := make([]byte, 0, bytes)
	at := make([]int, len(s.shape)) // index of the element
	for i := s.first; len(out) < bytes; {
		out = append(out, from[i*element:(i+1)*element]...)
		for axis := len(at) - 1; axis >= 0; axis-- {
			i += s.stride[axis]
			if at[axis]++; at[axis] < s.shape[axis] {
				break
			}
			i -= at[axis] * s.stride[axis]
			at[axis] = 0
		}
	}
	return out
}
