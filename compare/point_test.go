package compare

import (
	"reflect"
	"slices"
	"testing"

	"mgd3/internal/fixtures/maker"
	"mgd3/modes"
)

var published = Point{0.1, 25, modes.KMeans, "50", 4}

// brief is the folders of points.
func brief(points []Point) (list []string) {
	for _, p := range points {
		list = append(list, p.folder())
	}
	return list
}

func TestPoints(t *testing.T) {
	axes := Axes{Lambda: []float64{0, 0.1}, Stop: []int{10, 25}, Cluster: []modes.Method{modes.GMM},
		Steps: []int{25, 100}}
	want := []string{
		"lambda0.1-stop25-kmeans-steps50-cfg4", // the base, once
		"lambda0-stop25-kmeans-steps50-cfg4",
		"lambda0.1-stop10-kmeans-steps50-cfg4",
		"lambda0.1-stop25-gmm-steps50-cfg4",
		"lambda0.1-stop25-kmeans-steps25-cfg4",
		"lambda0.1-stop25-kmeans-steps100-cfg4",
	}
	if got := brief(axes.Points(published, false)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := (Axes{}).Points(published, false); !reflect.DeepEqual(got, []Point{published}) {
		t.Errorf("no axis gives %v", got)
	}
}

func TestGrid(t *testing.T) {
	axes := Axes{Lambda: []float64{0, 0.1}, Stop: []int{10, 25}, Steps: []int{100}}
	want := []string{
		"lambda0.1-stop25-kmeans-steps50-cfg4",
		"lambda0-stop10-kmeans-steps100-cfg4",
		"lambda0-stop25-kmeans-steps100-cfg4",
		"lambda0.1-stop10-kmeans-steps100-cfg4",
		"lambda0.1-stop25-kmeans-steps100-cfg4",
	}
	if got := brief(axes.Points(published, true)); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestPointSettings: settings go to a point and back, and another number of steps keeps the stop's share.
func TestPointSettings(t *testing.T) {
	o := maker.New(t, 1)
	if got := PointOf(o.Settings).settings(o.Settings); !reflect.DeepEqual(got, o.Settings) {
		t.Errorf("their own point moves settings to %+v", got)
	}
	base := published.settings(o.Settings)
	base.Sample.Stop = 25 // of the 6 steps of the options
	if got := PointOf(base); got != published {
		t.Errorf("got %v, want %v", got, published)
	}
	for _, c := range []struct {
		steps      string
		stop, want int
	}{{"100", 25, 50}, {"25", 25, 12}, {"25", -1, -1}, {"ddim25", 25, 25}} {
		p := published
		p.Steps, p.Stop = c.steps, c.stop
		if got := p.settings(base).Sample.Stop; got != c.want {
			t.Errorf("stop %d of 50 is %d of %s, want %d", c.stop, got, c.steps, c.want)
		}
	}
}

func TestSwept(t *testing.T) {
	points := Axes{Lambda: []float64{0}, Steps: []int{25}}.Points(published, false)
	var names []string
	for _, a := range swept(points) {
		names = append(names, a.name)
	}
	if want := []string{"lambda", "steps"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
}
