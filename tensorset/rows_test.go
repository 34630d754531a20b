package tensorset

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/weights"
)

// TestRows: labels [n, K] of every kind are what they are, at both sides of each border.
func TestRows(t *testing.T) {
	for _, c := range []struct {
		name   string
		labels []float32 // [3, 3]
		want   string    // in what is said, or in the error
		soft   []float32 // of the first image; nil: its label is a number
	}{
		{"one-hot", []float32{1, 0, 0, 0, 1, 0, 0, 0, 1}, "one-hot", nil},
		{"one-hot of 100", []float32{100, 0, 0, 0, 100, 0, 0, 0, 100}, "one-hot", nil},
		{"one-hot of 1 and -1", []float32{1, -1, -1, -1, 1, -1, -1, -1, 1}, "one-hot", nil},
		{"centred", []float32{.75, -.25, -.25, -.25, .75, -.25, -.25, -.25, .75}, "one-hot", nil},
		{"centred and learned", []float32{.8, -.2, -.3, -.2, .7, -.2, -.2, 0, .6}, "targets of a regression", nil},
		{"targets of 1.5", []float32{1.5, -1.5, 0, 0, 1, 0, 0, 0, 1}, "targets of a regression", nil},
		{"logits of 1.6", []float32{1.6, -1.5, 0, 0, 1, 0, 0, 0, 1}, "for logits", []float32{.8020, .0361, .1619}},
		{"logits of -1.6", []float32{1, -1.6, 0, 0, 1, 0, 0, 0, 1}, "for logits", []float32{.6934, .0515, .2551}},
		{"smoothed", []float32{.8, .1, .1, .1, .8, .1, .1, .1, .8}, "shares of 3 classes", []float32{.8, .1, .1}},
		{"percent", []float32{80, 15, 5, 10, 80, 10, 0, 10, 90}, "of which 100 is the whole", []float32{.8, .15, .05}},
		{"not quite shares", []float32{.8, .2, .2, .2, .7, .2, .1, 0, .6}, "the sum of each image's is the whole",
			[]float32{.6667, .1667, .1667}},
		{"logits above 0", []float32{3, 1, 0, 1, 4, 0, 0, 1, 6}, "taken for logits", []float32{.8438, .1142, .0420}},
		{"logarithms", []float32{-.2, -2.3, -2.3, -2.3, -.2, -2.3, -2.3, -2.3, -.2}, "taken for logits",
			[]float32{.8033, .0984, .0984}},
		{"two classes once", []float32{1, 1, 0, 0, 1, 0, 0, 0, 1}, "several classes for one image", nil},
		{"no class", []float32{1, 0, 0, 0, 0, 0, 0, 0, 1}, "several classes for one image, or of none", nil},
		{"no share", []float32{.6, .4, 0, 0, 0, 0, .2, 0, .8}, "a row of zeros", nil},
		{"not a number", []float32{1, 0, 0, 0, float32(math.NaN()), 0, 0, 0, 1}, "labels with a value of NaN", nil},
	} {
		path := filepath.Join(t.TempDir(), "set.safetensors")
		images := make([]float32, 3*3*2*2)
		for i := range images {
			images[i] = float32(i) / 255
		}
		var b bytes.Buffer
		if err := weights.Write(&b, []weights.Tensor{weights.F32("images", []int{3, 3, 2, 2}, images),
			weights.F32("labels", []int{3, 3}, c.labels)}, nil); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		s, err := Open(t.Context(), path, Options{})
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v, want %q", c.name, err, c.want)
			}
			continue
		}
		defer s.Images.Close()
		if said := strings.Join(s.Notes, "\n"); !strings.Contains(said, c.want) {
			t.Errorf("%s: said %q, want %q in it", c.name, said, c.want)
		}
		soft := s.Soft(s.Images.Classes[0].Images[0])
		if len(soft) != len(c.soft) {
			t.Fatalf("%s: shares %v, want %v", c.name, soft, c.soft)
		}
		for i, want := range c.soft {
			if math.Abs(float64(soft[i]-want)) > 1e-4 { // as they are written here
				t.Errorf("%s: shares %v, want %v", c.name, soft, c.soft)
			}
		}
		for i, class := range s.Images.Classes {
			if len(class.Images) != 1 {
				t.Errorf("%s: %d images of class %d, want one", c.name, len(class.Images), i)
			}
		}
	}
}
