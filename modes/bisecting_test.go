package modes

import (
	"slices"
	"testing"

	"mgd3/matrix"
	"mgd3/rng"
)

// Pairs of pairs on a line: the tree first cuts between 3 and 100, then the wider half.
func TestBisectingTree(t *testing.T) {
	x := table([]float32{0}, []float32{3}, []float32{100}, []float32{101})
	c := discover(t, x, 2, Options{Method: Bisecting})
	if c.Assignment[0] != c.Assignment[1] || c.Assignment[2] != c.Assignment[3] || c.Assignment[0] == c.Assignment[2] {
		t.Fatalf("two leaves: assignments are %v, want two pairs", c.Assignment)
	}
	c = discover(t, x, 3, Options{Method: Bisecting})
	if c.Assignment[0] == c.Assignment[1] || c.Assignment[2] != c.Assignment[3] {
		t.Errorf("three leaves: assignments are %v, want the pair 0, 3 split", c.Assignment)
	}
	if !slices.Contains(c.Centres.Data, 100.5) {
		t.Errorf("centres are %v, want 100.5 among them", c.Centres.Data)
	}
}

// Leaves of fewer modes are unions of leaves of more: the same stream grows the same tree.
func TestBisectingNests(t *testing.T) {
	x := matrix.New(120, 5)
	rng.Normals(rng.Stream(1, "nests"), x.Data)
	few, many := discover(t, x, 4, Options{Method: Bisecting}), discover(t, x, 9, Options{Method: Bisecting})
	parent := map[int]int{}
	for i, leaf := range many.Assignment {
		if p, seen := parent[leaf]; seen && p != few.Assignment[i] {
			t.Fatalf("leaf %d of nine reaches over leaves %d and %d of four", leaf, p, few.Assignment[i])
		}
		parent[leaf] = few.Assignment[i]
	}
}
