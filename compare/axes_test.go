package compare

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"mgd3/modes"
)

// TestTakeLists: what has a comma is a list and leaves its text, what has none stays; an error names flag and value.
func TestTakeLists(t *testing.T) {
	lambda, stop, steps, cfg, cluster := "0, 0.1,0.2", "10,25", "50", "", "kmeans,gmm"
	var axes Axes
	taken, err := axes.TakeLists(map[string]*string{"lambda": &lambda, "stop": &stop, "steps": &steps, "cfg": &cfg,
		"cluster": &cluster})
	if err != nil || !slices.Equal(taken, []string{"lambda", "stop", "cluster"}) {
		t.Errorf("took %v, %v", taken, err)
	}
	want := Axes{Lambda: []float64{0, 0.1, 0.2}, Stop: []int{10, 25}, Cluster: []modes.Method{"kmeans", "gmm"}}
	if !reflect.DeepEqual(axes, want) {
		t.Errorf("got %+v, want %+v", axes, want)
	}
	if lambda != "" || stop != "" || cluster != "" || steps != "50" {
		t.Errorf("left %q, %q, %q, %q, want what is no list", lambda, stop, cluster, steps)
	}
	for name, text := range map[string]string{"lambda": "0.1,much", "stop": "10,2.5", "steps": "50,", "cfg": "1,,4"} {
		_, err := new(Axes).TakeLists(map[string]*string{name: &text})
		if err == nil || !strings.Contains(err.Error(), "--"+name) {
			t.Errorf("--%s: got %v, want an error that names it", name, err)
		}
	}
}
