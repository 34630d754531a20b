package weights

import (
	"errors"
	"fmt"

	"github.com/nlpodyssey/gopickle/types"
)

// Tree is what torch.save wrote, whatever its shape: a tensor alone, a list of lists, a dict of all sorts.
type Tree struct {
	// Value is one of
	//
	//	Tensor                        views of the file, gone when the Tree is closed; NumPy's arrays of numbers too
	//	[]any                         a list or a tuple
	//	[]Item                        a dict
	//	int, float64, bool, string    as they are
	//	nil                           all else
	Value any
	Class string // of the object that the file is, "" if it is one of the above; such an object is not made

	src *source
}

// Item is an entry of a dict.
type Item struct {
	Key   any
	Value any
}

// OpenTree opens a file of torch.save of either kind; one in a bucket is read to memory. A damaged one, or one of
// another kind, is an [ErrFormat].
func OpenTree(path string) (*Tree, error) {
	in, err := placeOf(path)
	if err != nil {
		return nil, err
	}
	src, err := openSource(in, path)
	if err != nil {
		return nil, err
	}
	t := &Tree{src: src}
	err = src.read(func() error {
		o, err := objectOf(src)
		if err != nil {
			return err
		}
		g := grower{src: src, find: o.find, room: len(src.data) + mostCopies}
		if root, ok := o.root.(*instance); ok && root.array == nil {
			t.Class = root.class
		}
		t.Value, err = g.grow(o.root, 0)
		return err
	})
	if err != nil {
		return nil, errors.Join(invalid(path, err), closeAll([]*source{src}))
	}
	return t, nil
}

// IsTorch reports whether a file begins as those of torch.save do, as far as its first bytes tell: other zips begin so
// as well.
func IsTorch(start []byte) bool {
	k := kindOf(start)
	return k == torchZip || k == torchOld
}

func objectOf(src *source) (saved, error) {
	if err := foreignError(src.data); err != nil {
		return saved{}, err
	}
	switch kindOf(src.data) {
	case torchZip:
		return zipObject(src)
	case torchOld:
		return oldObject(src)
	case otherPickle:
		return saved{}, errors.New("a pickle, but not one of torch.save's")
	}
	return saved{}, errors.New("its content is not that of torch.save")
}

// Close gives the mapped memory back.
func (t *Tree) Close() error { return closeAll([]*source{t.src}) }

// grower turns what a pickle made to a Tree.
type grower struct {
	src  *source
	find func(key string) (span, bool)
	room int // bytes that copies may still take
	seen int
}

const (
	mostDepth = 16      // of a tree; a list may hold itself
	mostItems = 1 << 20 // of a tree; a list may be there many times
)

func (g *grower) grow(v any, depth int) (any, error) {
	if g.seen++; g.seen > mostItems || depth > mostDepth {
		return nil, fmt.Errorf("its pickle holds more than %d objects, or more than %d in each other", mostItems,
			mostDepth)
	}
	switch v := v.(type) {
	case *strided:
		return g.tensor(v)
	case *types.List, *types.Tuple:
		list := listOf(v)
		grown := make([]any, len(list))
		for i := range list {
			var err error
			if grown[i], err = g.grow(list[i], depth+1); err != nil {
				return nil, err
			}
		}
		return grown, nil
	case int, float64, bool, string:
		return v, nil
	}
	if o, ok := v.(*instance); ok && o.array != nil {
		t, copied, ok, err := o.array.tensor(g.room)
		if !ok {
			return nil, err
		}
		g.room -= copied
		return t, nil
	}
	entries, ok := pairs(v)
	if !ok {
		return nil, nil
	}
	items := make([]Item, len(entries))
	for i, e := range entries {
		value, err := g.grow(e.Value, depth+1)
		if err != nil {
			return nil, err
		}
		items[i] = Item{e.Key, value}
	}
	return items, nil
}

func (g *grower) tensor(s *strided) (any, error) {
	if s.dtype == "" {
		return nil, nil
	}
	where, ok := g.find(s.key)
	if !ok {
		return nil, fmt.Errorf("a tensor's storage %.40q is not in the file", s.key)
	}
	t, copied, err := s.tensor("", g.src, where, g.room)
	if err == nil {
		err = t.usable()
	}
	g.room -= copied
	return t, err
}

// Check tells whether the elements are those that were written, as far as the file has a sum of them.
func (t Tensor) Check() error { return t.read(func([]byte) error { return nil }) }
