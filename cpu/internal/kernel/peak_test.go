package kernel

import (
	"testing"
	"time"
)

func TestFMAPeak(t *testing.T) {
	defer SetLevel(Current())
	for _, l := range Levels() {
		SetLevel(l)
		p := FMAPeak(time.Millisecond)
		if p <= 0 {
			t.Errorf("%v: %v GFLOP/s", l, p)
		}
		t.Logf("%v: %.1f GFLOP/s", l, p)
	}
}
