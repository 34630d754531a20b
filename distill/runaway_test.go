package distill

import (
	"fmt"
	"strings"
	"testing"

	"mgd3/stage"
)

// TestReach: modes of 4 numbers. Short ones are held against √4 = 2, long ones against their own norm.
func TestReach(t *testing.T) {
	for _, c := range []struct {
		centres []float32
		want    float64
	}{
		{[]float32{0, 0, 0, 0}, 8},
		{[]float32{1, -1, 0, 1}, 8},
		{[]float32{0, 0, 0, 0, 0, 3, 0, -4}, 20},
	} {
		m := classModes{}
		m.Centres.Rows, m.Centres.Cols, m.Centres.Data = len(c.centres)/4, 4, c.centres
		if got := m.reach(); got != c.want {
			t.Errorf("%v: reach %g, want %g", c.centres, got, c.want)
		}
	}
}

// TestRunaways: the farthest is named, and a run warns of it once.
func TestRunaways(t *testing.T) {
	m := &Manifest{}
	for i, own := range []float64{3, 70, 1234.5, 10} {
		m.runaways.add(ManifestImage{File: fmt.Sprintf("images/a/%d.png", i), Distance: Distance{Own: own}}, 10)
	}
	got := m.Runaways()
	if got.Images != 2 || got.Of != 4 || got.Farthest.File != "images/a/2.png" {
		t.Fatalf("got %+v", got)
	}
	var told []string
	r := &Run{Report: func(e stage.Event) { told = append(told, e.Warning) }}
	r.warnOfRunaways(m)
	m.runaways.Images = 0
	r.warnOfRunaways(m)
	r.warnOfRunaways(nil)
	if len(told) != 1 || !strings.HasPrefix(told[0], `2 of 4 latents ended far from all images, "images/a/2.png"`) {
		t.Errorf("told %q", told)
	}
}
