package compare

import (
	"errors"
	"slices"
	"testing"

	"mgd3/baseline"
)

// TestGiven: given sets are rows after the methods, are trained on in their column alone, and want names of their own.
func TestGiven(t *testing.T) {
	o := Options{IPCs: []int{1, 10}, Methods: []baseline.Method{baseline.Random, baseline.Full}, Sets: 2,
		Nets: []string{"convnet1"}, Given: []Given{{Name: "dm/cifar", IPC: 10}}}
	if got := o.rows(); !slices.Equal(got, []baseline.Method{baseline.Random, baseline.Full, "dm/cifar"}) {
		t.Errorf("rows %v", got)
	}
	if err := o.checkGiven(); err != nil {
		t.Error(err)
	}
	seeds := map[uint64]int{}
	for _, j := range o.jobs() {
		if g := o.given(j.set); g != nil {
			seeds[j.set.Seed]++
			if j.set.IPC != 10 || o.scoreName(j.set) == (&Options{}).scoreName(j.set) {
				t.Errorf("%+v is in another column, or has the folder of a method", j.set)
			}
		}
	}
	if len(seeds) != 2 || seeds[0] != 1 || seeds[1] != 1 {
		t.Errorf("learned %v times by seed, want once with each of 0 and 1", seeds)
	}
	for name, list := range map[string][]Given{
		"a method's name": {{Name: "full", IPC: 10}}, "twice": {{Name: "a", IPC: 1}, {Name: "a", IPC: 10}},
		"no column": {{Name: "a", IPC: 40}},
	} {
		o.Given = list
		if err := o.checkGiven(); !errors.Is(err, ErrGiven) {
			t.Errorf("%s: got %v, want %v", name, err, ErrGiven)
		}
	}
}
