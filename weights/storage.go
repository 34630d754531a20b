package weights

import (
	"fmt"

	"github.com/nlpodyssey/gopickle/types"
)

// storage is what a persistent id stands for: a run of elements.
type storage struct {
	key    string
	dtype  DType  // "" if the type is not known
	class  string // the type's name then
	offset int    // elements before it under the same key
	count  int    // elements
}

// storageOf reads a persistent id: ('storage', type, key, location, count) and, in the older kind, a view's
// (key, offset, count) or None.
func storageOf(id any) (any, error) {
	tuple, ok := id.(*types.Tuple)
	if !ok || tuple.Len() < 5 || tuple.Len() > 6 || tuple.Get(0) != "storage" {
		return nil, refusal("a persistent id that is no storage")
	}
	s := &storage{}
	var okType, okKey, okCount bool
	switch t := tuple.Get(1).(type) {
	case DType:
		s.dtype, okType = t, true
	case *instance:
		s.class, okType = t.class, true
	}
	s.key, okKey = tuple.Get(2).(string)
	s.count, okCount = tuple.Get(4).(int)
	if !okType || !okKey || !okCount {
		return nil, refusal("a storage without type, key and number of elements")
	}
	if tuple.Len() == 6 && tuple.Get(5) != nil {
		view, ok := tuple.Get(5).(*types.Tuple)
		if !ok || view.Len() != 3 {
			return nil, refusal("a storage's view without key, offset and number of elements")
		}
		var okOffset bool
		s.offset, okOffset = view.Get(1).(int)
		if s.count, okCount = view.Get(2).(int); !okOffset || !okCount {
			return nil, refusal("a storage's view without key, offset and number of elements")
		}
	}
	return s, nil
}

// storageSizes holds the bytes per element of the storages whose tensors are not read.
var storageSizes = map[string]int{
	"torch.ComplexFloatStorage": 8, "torch.ComplexDoubleStorage": 16, "torch.QInt32Storage": 4,
	"torch.QInt8Storage": 1, "torch.QUInt8Storage": 1, "torch.QUInt4x2Storage": 1, "torch.QUInt2x4Storage": 1,
}

// element returns the bytes of an element, 0 if they are not known.
func (s *storage) element() int {
	if s.dtype == "" {
		return storageSizes[s.class]
	}
	return sizes[s.dtype]
}

// strided is a tensor as a pickle has it: some elements of a storage.
type strided struct {
	*storage
	first         int // element
	shape, stride []int
}

// rebuildTensor takes storage, offset, shape, stride, and more that is not needed.
func rebuildTensor(args []any) (any, error) {
	if len(args) < 4 {
		return nil, refusal(fmt.Sprintf("a tensor of %d arguments, want at least 4", len(args)))
	}
	s, okStorage := args[0].(*storage)
	first, okFirst := args[1].(int)
	shape, okShape := lengths(args[2])
	stride, okStride := lengths(args[3])
	if !okStorage || !okFirst || !okShape || !okStride || len(shape) != len(stride) {
		return nil, refusal("a tensor without storage, offset, shape and stride")
	}
	return &strided{s, first, shape, stride}, nil
}

// rebuildTyped is rebuildTensor of a storage of bytes; the seventh argument says what the elements are.
func rebuildTyped(args []any) (any, error) {
	if len(args) < 7 {
		return nil, refusal(fmt.Sprintf("a tensor of %d arguments, want at least 7", len(args)))
	}
	v, err := rebuildTensor(args)
	if err != nil {
		return nil, err
	}
	t := v.(*strided)
	dtype, ok := args[6].(DType)
	if !ok {
		t.storage = &storage{key: t.key, class: className(args[6])}
		return t, nil
	}
	if t.dtype != "U8" || t.count%sizes[dtype] != 0 || t.offset%sizes[dtype] != 0 {
		return nil, refusal("a tensor whose storage does not hold whole elements")
	}
	of := *t.storage
	of.dtype, of.count, of.offset = dtype, of.count/sizes[dtype], of.offset/sizes[dtype]
	t.storage = &of
	return t, nil
}

// className returns the name of an unknown object.
func className(v any) string {
	if o, ok := v.(*instance); ok {
		return o.class
	}
	return "an unknown type"
}

// maxAxes is how many axes a tensor of PyTorch can have.
const maxAxes = 64

// lengths returns a tuple of numbers.
func lengths(v any) ([]int, bool) {
	tuple, ok := v.(*types.Tuple)
	if !ok || tuple.Len() > maxAxes {
		return nil, false
	}
	list := make([]int, tuple.Len())
	for i := range list {
		if list[i], ok = tuple.Get(i).(int); !ok {
			return nil, false
		}
	}
	return list, true
}
