package cpu

import "testing"

func TestPeak(t *testing.T) {
	if p := Peak(2); !(p > 0) {
		t.Errorf("got %v GFLOP/s, want more than none", p)
	}
}
