package weights

import (
	"fmt"
	"math"
	"slices"

	"github.com/nlpodyssey/gopickle/types"
)

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
	case *instance:
		return dict.Dict, true
	}
	return nil, false
}

// isTensor reports whether v is a tensor, or made from one by a function that is not known.
func isTensor(v any) bool {
	switch v := v.(type) {
	case *strided:
		return true
	case *instance:
		return v.from
	}
	return false
}

// isArray reports whether v is an array of NumPy.
func isArray(v any) bool {
	o, ok := v.(*instance)
	return ok && o.class == numpyArray
}

// tensorsOf returns the tensors of a section by their names, a *strided or, if they cannot be read, an *instance.
func (s *Section) tensorsOf() (map[string]any, error) {
	tensors := map[string]any{}
	for _, item := range s.items {
		name := item.Key.(string)
		if tensors[name] != nil {
			return nil, fmt.Errorf("%.100q is given twice", name)
		}
		tensors[name] = item.Value
	}
	return tensors, nil
}

// span is a part of a file.
type span struct {
	begin, end int
	sum        *checksum // nil if there is none
}

// mostCopies is how many bytes the copies of a file's tensors may have beyond the size of the file.
const mostCopies = 1 << 28

// tensor returns the elements of s, whose storage lies at where in src: as a view if they lie there one after the
// other, else (a transposed matrix, say) as a copy, of at most room bytes.
func (s *strided) tensor(name string, src *source, where span, room int) (t Tensor, copied int, err error) {
	t = Tensor{Name: name, DType: s.dtype, Shape: s.shape, src: src, sum: where.sum}
	bytes, err := t.size()
	if err != nil {
		return t, 0, err
	}
	element := sizes[s.dtype]
	all := (where.end - where.begin) / element // elements under the storage's key
	if s.offset < 0 || s.count < 0 || s.offset > all || s.count > all-s.offset {
		return t, 0, fmt.Errorf("its storage %.40q is given as %d elements from %d on, the file has %d", s.key, s.count,
			s.offset, all)
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
		t.DType, t.fault = "", fmt.Sprintf("its strides %v repeat elements, of it or of others, which makes more "+
			"than %d MiB of copies; want contiguous()",
			s.stride, mostCopies>>20)
		return t, 0, nil
	}
	if err := where.sum.check(); err != nil {
		return t, 0, err
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
		return fmt.Errorf("shape %v with strides %v from element %d on ends at element %d of %d", s.shape, s.stride,
			s.first, last, s.count)
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
