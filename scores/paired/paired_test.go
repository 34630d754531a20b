package paired_test

import (
	"fmt"
	"math"
	"testing"

	"mgd3/scores/paired"
)

// TestScipy: the values are those of SciPy 1.17 (ttest_rel, its confidence_interval, and permutation_test with
// permutation_type "samples" and all resamples). Both sides sum a few numbers in float64.
func TestScipy(t *testing.T) {
	for _, c := range []struct {
		a, b []float64
		want paired.Test
	}{
		{[]float64{61.2, 62.5, 60.9}, []float64{59.8, 60.1, 60.7},
			paired.Test{Pairs: 3, Mean: 4.0 / 3, Low: -1.4029794059944327, High: 4.069646072661099,
				P: 0.17097332771032214, Exact: 0.25}},
		{[]float64{1, 2, 3, 4, 5}, []float64{1.5, 1, 3.5, 2, 4.5},
			paired.Test{Pairs: 5, Mean: 0.5, Low: -0.8169835496276241, High: 1.816983549627624,
				P: 0.3513010029632597, Exact: 0.5}},
		{[]float64{70.1, 69.8, 71.2, 70.7, 69.9, 71.5, 70.2}, []float64{69.9, 69.7, 70.1, 70.8, 69.2, 70.3, 70.1},
			paired.Test{Pairs: 7, Mean: 3.3 / 7, Low: -0.014194083416465442, High: 0.9570512262736115,
				P: 0.05511357928133912, Exact: 0.0625}},
		{[]float64{2, 1}, []float64{1, 1.5}, paired.Test{Pairs: 2, Mean: 0.25, Low: -9.27965355213102,
			High: 9.77965355213102, P: 0.7951672353008665, Exact: 1}},
	} {
		got, err := paired.Compare(c.a, c.b)
		if err != nil {
			t.Fatal(err)
		}
		for name, pair := range map[string][2]float64{"mean": {got.Mean, c.want.Mean}, "low": {got.Low, c.want.Low},
			"high": {got.High, c.want.High}, "p": {got.P, c.want.P}, "exact": {got.Exact, c.want.Exact}} {
			if math.Abs(pair[0]-pair[1]) > 1e-9 {
				t.Errorf("%v and %v: %s is %v, want %v", c.a, c.b, name, pair[0], pair[1])
			}
		}
	}
}

// TestEdges: pairs that are the same, pairs that all differ by the same, and lists that are no pairs.
func TestEdges(t *testing.T) {
	same, err := paired.Compare([]float64{1, 2}, []float64{1, 2})
	if err != nil || same.P != 1 || same.Exact != 1 || same.Low != 0 || same.High != 0 {
		t.Errorf("the same values: %+v, %v", same, err)
	}
	shifted, err := paired.Compare([]float64{2, 3, 4}, []float64{1, 2, 3})
	if err != nil || shifted.P != 0 || shifted.Exact != 0.25 || shifted.Mean != 1 {
		t.Errorf("one more each: %+v, %v", shifted, err)
	}
	many, err := paired.Compare(make([]float64, paired.MostPairs+1), make([]float64, paired.MostPairs+1))
	if err != nil || !math.IsNaN(many.Exact) {
		t.Errorf("many pairs: %+v, %v", many, err)
	}
	for _, list := range [][2][]float64{{{1}, {2}}, {{1, 2}, {1}}, {}} {
		if _, err := paired.Compare(list[0], list[1]); err == nil {
			t.Errorf("%v: no error", list)
		}
	}
}

func ExampleCompare() {
	c, err := paired.Compare([]float64{61.2, 62.5, 60.9}, []float64{59.8, 60.1, 60.7})
	if err != nil {
		panic(err)
	}
	fmt.Printf("%.1f points, p %.2f (t), %.2f (exact)\n", c.Mean, c.P, c.Exact)
	// Output: 1.3 points, p 0.17 (t), 0.25 (exact)
}
