package modes

import (
	"slices"
	"strings"
	"testing"

	"mgd3/matrix"
	"mgd3/rng"
)

func TestPool(t *testing.T) {
	x := matrix.Matrix{Rows: 1, Cols: 16, Data: []float32{
		1, 2, 10, 20,
		3, 4, 30, 40,

		0, 0, -1, -1,
		0, 8, -1, -1,
	}}
	for _, test := range []struct {
		c, h, w, p int
		want       []float32
	}{
		{2, 2, 4, 1, x.Data},
		{2, 2, 4, 2, []float32{2.5, 25, 2, -1}},
		{1, 4, 4, 2, []float32{2.5, 25, 2, -1}},
		{1, 4, 4, 4, []float32{7.125}},
		{4, 2, 2, 2, []float32{8.25, 19.25, -0.5, 1.5}},
	} {
		got, err := Pool(x, test.c, test.h, test.w, test.p)
		if err != nil {
			t.Errorf("%+v: %v", test, err)
			continue
		}
		if got.Rows != 1 || got.Cols != len(test.want) || !slices.Equal(got.Data, test.want) {
			t.Errorf("[%d, %d, %d] by %d is %v, want %v", test.c, test.h, test.w, test.p, got, test.want)
		}
	}
}

func TestPoolRefused(t *testing.T) {
	x := matrix.New(2, 24)
	for _, test := range []struct {
		c, h, w, p int
		want       string
	}{
		{1, 4, 6, 4, "[1, 4, 6] and squares of side 4, want a side that divides height and width"},
		{1, 6, 4, 4, "[1, 6, 4] and squares of side 4"},
		{1, 4, 6, 0, "squares of side 0"},
		{0, 4, 6, 2, "[0, 4, 6]"},
		{1, 4, 4, 2, "latents have 24 columns, want pictures [1, 4, 4]"},
	} {
		if _, err := Pool(x, test.c, test.h, test.w, test.p); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%+v: error is %v", test, err)
		}
	}
}

// Checkerboards of two phases have the same averages; what differs is a small shift. Pooling sees
// only the shift, and the centres are still means of whole rows.
func TestPoolingDecidesTheClusters(t *testing.T) {
	const n, side = 8, 4
	x := matrix.New(n, side*side)
	for i := range n {
		for l := range x.Cols {
			board := float32((l/side+l%side+i)%2*20 - 10)
			x.Row(i)[l] = board + float32(i/4)
		}
	}
	whole := discover(t, x, 2, Options{})
	if whole.Assignment[0] == whole.Assignment[1] || whole.Assignment[0] != whole.Assignment[4] {
		t.Errorf("whole latents: assignments are %v, want the phases", whole.Assignment)
	}
	for _, method := range allMethods {
		pooled := discover(t, x, 2, Options{Method: method, Pool: Pooling{1, side, side, 2}})
		if pooled.Assignment[0] != pooled.Assignment[1] || pooled.Assignment[0] == pooled.Assignment[4] {
			t.Errorf("%s: pooled: assignments are %v, want the shifts", method, pooled.Assignment)
		}
		if want := means(x, pooled.Assignment, 2); !slices.Equal(pooled.Centres.Data, want.Data) {
			t.Errorf("%s: pooled: centres are %v, want the means of the whole latents", method, pooled.Centres.Data)
		}
	}
}

// A side of 1 changes nothing for k-means, whose centres are means anyway.
func TestPoolingByOne(t *testing.T) {
	x := wholes(rng.Stream(1, "by one"), 50, 18)
	plain, pooled := discover(t, x, 5, Options{}), discover(t, x, 5, Options{Pool: Pooling{2, 3, 3, 1}})
	if !slices.Equal(pooled.Assignment, plain.Assignment) || !slices.Equal(pooled.Centres.Data, plain.Centres.Data) {
		t.Error("pooling by one finds other modes")
	}
}
