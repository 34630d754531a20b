package tensorset

import (
	"math"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// across are the six images as [images of a class, classes, C, H, W].
func across() weights.Tensor {
	const each = 3 * 8 * 8
	all := sixUnit(asIs)
	var v []float32
	for _, i := range []int{0, 2, 4, 1, 3, 5} {
		v = append(v, all[i*each:(i+1)*each]...)
	}
	return weights.F32("", []int{2, 3, 3, 8, 8}, v)
}

// TestAcross: classes that run along the second axis are known by how many have names, or by their labels.
func TestAcross(t *testing.T) {
	for _, c := range []struct {
		name   string
		object any
		o      Options
		want   string
		note   string
	}{
		{"as many as names", items{{Key: "images", Value: across()}}, Options{Names: names},
			"cat 0 1, dog 2 3, fox 4 5", "[images of a class, classes, …], shape [2 3 3 8 8], since 3 classes have"},
		{"no names", items{{Key: "images", Value: across()}}, Options{}, "0000 0 2 4, 0001 1 3 5",
			"[classes, images of a class, …]"},
		{"a label for each column", items{{Key: "images", Value: across()}, {Key: "labels", Value: labelled(2, 0, 1)}},
			Options{Names: names}, "cat 2 3, dog 4 5, fox 0 1", ""},
		{"what is no label for each column", items{{Key: "images", Value: across()},
			{Key: "labels", Value: labelled(2, 0, 0)}}, Options{Names: names},
			"want labels of shape [2], [3], [2 3] or [6]", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Open(t.Context(), torchFile(t, "set.pt", c.object), c.o)
			if err != nil {
				if !strings.Contains(err.Error(), c.want) {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return
			}
			defer s.Images.Close()
			if got := described(t, s); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if said := strings.Join(s.Notes, "\n"); !strings.Contains(said, c.note) {
				t.Errorf("said %q, want %q in it", said, c.note)
			}
		})
	}
}

// TestRates: a rate in the file is a number or a tensor of one; what is none is said.
func TestRates(t *testing.T) {
	one := func(v float32, shape ...int) weights.Tensor { return weights.F32("", shape, []float32{v}) }
	const none = "is no learning rate, and none is taken"
	for _, c := range []struct {
		name string
		rate any
		want float64
		note string
	}{
		{"a tensor without axes", one(0.0123), 0.0123, ""},
		{"a tensor of one axis", one(0.0123, 1), 0.0123, ""},
		{"a number", 0.0123, 0.0123, ""},
		{"below 0", one(-1), 0, none},
		{"not a number", one(float32(math.NaN())), 0, none},
		{"infinite", math.Inf(1), 0, none},
	} {
		s, err := Open(t.Context(), torchFile(t, "set.pt", items{{Key: "images", Value: six},
			{Key: "labels", Value: sixLabels}, {Key: "syn_lr", Value: c.rate}}), Options{Names: names})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		defer s.Images.Close()
		if said := strings.Join(s.Notes, "\n"); s.Rate != c.want || !strings.Contains(said, c.note) {
			t.Errorf("%s: got %v, said %q, want %v and %q", c.name, s.Rate, said, c.want, c.note)
		}
	}
}

// TestOneColour: images of one colour are counted; and colours that lie flat are no grey images of three rows.
func TestOneColour(t *testing.T) {
	v := slices.Clone(sixUnit(asIs))
	const each = 3 * 8 * 8
	for i := range each { // image 1 has another number in each channel
		v[each+i] = float32(i/64) / 4
	}
	s, err := Open(t.Context(), torchFile(t, "set.pt", []any{weights.F32("", []int{6, 3, 8, 8}, v), sixLabels}),
		Options{Names: names})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	if said := strings.Join(s.Notes, "\n"); !strings.Contains(said,
		"1 of 6 images have one colour throughout, the first is image 1") {
		t.Errorf("said %q", said)
	}
	for _, shape := range [][]int{{6, 3, 64}, {6, 64, 3}} {
		object := items{{Key: "images", Value: weights.F32("", shape, v)}, {Key: "labels", Value: sixLabels}}
		_, err := Open(t.Context(), torchFile(t, "set.pt", object), Options{Names: names})
		if err == nil || !strings.Contains(err.Error(), "want one tensor of 4 axes") {
			t.Errorf("%v: got %v", shape, err)
		}
	}
}
