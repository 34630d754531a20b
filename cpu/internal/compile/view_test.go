package compile

import (
	"slices"
	"testing"
)

func TestReshapeStrides(t *testing.T) {
	for _, c := range []struct {
		dims, strides, to, want []int
	}{
		{[]int{2, 3, 4}, []int{12, 4, 1}, []int{6, 4}, []int{4, 1}},
		{[]int{2, 3, 4}, []int{12, 4, 1}, []int{24}, []int{1}},
		{[]int{6, 4}, []int{4, 1}, []int{2, 3, 2, 2}, []int{12, 4, 2, 1}},
		{[]int{6, 4}, []int{8, 2}, []int{24}, []int{2}},
		{[]int{6, 4}, []int{10, 1}, []int{24}, nil},
		{[]int{6, 4}, []int{10, 1}, []int{3, 2, 1, 4}, []int{20, 10, 0, 1}},
		{[]int{6, 4}, []int{0, 1}, []int{2, 3, 4}, []int{0, 0, 1}},
		{[]int{4, 6}, []int{1, 4}, []int{24}, nil},
		{[]int{1, 1}, []int{7, 7}, []int{}, []int{}},
		{[]int{}, []int{}, []int{1, 1}, []int{0, 0}},
		{[]int{4, 3}, []int{3, 1}, []int{3, 4}, []int{4, 1}},
		{[]int{4, 3}, []int{3, -1}, []int{2, 2, 3}, []int{6, 3, -1}},
	} {
		got, ok := reshape(c.dims, c.strides, c.to)
		if ok != (c.want != nil) || !slices.Equal(got, c.want) {
			t.Errorf("%v by %v as %v: got %v, %v, want %v", c.dims, c.strides, c.to, got, ok, c.want)
		}
	}
}

func TestRefine(t *testing.T) {
	for _, c := range []struct{ a, b, want []int }{
		{[]int{2, 12}, []int{2, 3, 4}, []int{2, 3, 4}},
		{[]int{24}, []int{2, 3, 4}, []int{2, 3, 4}},
		{[]int{6, 4}, []int{2, 12}, []int{2, 3, 4}},
		{[]int{6, 4}, []int{8, 3}, nil},
		{[]int{1, 5, 1}, []int{5}, []int{5}},
	} {
		b, ok := refine(bounds(c.a), bounds(c.b))
		if ok != (c.want != nil) || ok && !slices.Equal(dimsOf(b), c.want) {
			t.Errorf("%v and %v: got %v, want %v", c.a, c.b, dimsOf(b), c.want)
		}
	}
	v := view{dims: []int{4, 6}, strides: []int{0, 5}}
	if got := v.split([]int{2, 2, 3, 2}); !slices.Equal(got, []int{0, 0, 10, 5}) {
		t.Errorf("split: got %v", got)
	}
}
