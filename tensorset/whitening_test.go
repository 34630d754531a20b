package tensorset

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// TestWhiteningGolden: kornia's whitening, forth and back.
func TestWhiteningGolden(t *testing.T) {
	train, white := golden(t, "train"), golden(t, "white")
	l, err := NewLearner(4, 4)
	if err != nil {
		t.Fatal(err)
	}
	for v := range slices.Chunk(train, 48) {
		if err := l.Add(v); err != nil {
			t.Fatal(err)
		}
	}
	w, err := l.Learn()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		v := slices.Clone(train[i*48 : (i+1)*48])
		w.Whiten(v)
		back := slices.Clone(v)
		w.apply(back, 16)
		for j := range v {
			// kornia works in float32: 48 products of numbers up to 3
			if d := math.Abs(float64(v[j] - white[i*48+j])); d > 2e-5 {
				t.Fatalf("image %d, value %d differs by %v", i, j, d)
			}
			if d := math.Abs(float64(back[j] - train[i*48+j])); d > 2e-6 {
				t.Fatalf("image %d, value %d is taken back with a difference of %v", i, j, d)
			}
		}
	}
	s, err := Open(t.Context(), "testdata/zca", Options{Names: names,
		Whitening: func(context.Context, int, int) (*Whitening, error) { return w, nil }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Images.Close()
	if s.Pixels != ZCA {
		t.Errorf("whitened images were taken for %s: %q", s.Pixels, s.Notes)
	}
	if _, err := Open(t.Context(), "testdata/zca", Options{Names: names}); !errors.Is(err, ErrPixels) {
		t.Errorf("without a training set: %v, want %v", err, ErrPixels)
	}
}

// TestWhitenedBy: of images that kornia whitened it is said whether the training images are those; images that are not
// whitened, or by something quite different, are told.
func TestWhitenedBy(t *testing.T) {
	train := goldenOf(t, "testdata/zca_bytes.pt", "train")
	white := goldenOf(t, "testdata/zca_bytes.pt", "images")
	bytes := train[:6*48]
	changed := func(v []float32, change func(float32) float32) []float32 {
		v = slices.Clone(v)
		for i := range v {
			v[i] = change(v[i])
		}
		return v
	}
	for _, c := range []struct {
		name   string
		images []float32
		from   []float32
		want   string // in the last note, or in the error
	}{
		{"the right ones", white, train, "all values become levels of 8 bits again"},
		{"half of them", white, train[:30*48], "nothing proves them"},
		{"moved", changed(white, func(x float32) float32 { return 1.1 * x }), train, "nothing proves them"},
		{"far too wide", changed(white, func(x float32) float32 { return 20 * x }), train,
			"were not whitened, or otherwise"},
		{"not whitened", bytes, train, "the images are not whitened: the numbers are from 0"},
		{"normalised", changed(bytes, func(x float32) float32 { return (x - 0.5) / 0.5 }), train,
			"the mean and deviation of signed"},
	} {
		l, err := NewLearner(4, 4)
		if err != nil {
			t.Fatal(err)
		}
		for v := range slices.Chunk(c.from, 48) {
			if err := l.Add(v); err != nil {
				t.Fatal(err)
			}
		}
		w, err := l.Learn()
		if err != nil {
			t.Fatal(err)
		}
		path := torchFile(t, "set.pt", []any{weights.F32("", []int{6, 3, 4, 4}, c.images), sixLabels})
		s, err := Open(t.Context(), path, Options{Pixels: ZCA,
			Whitening: func(context.Context, int, int) (*Whitening, error) { return w, nil }})
		got := fmt.Sprint(err)
		if err == nil {
			defer s.Images.Close()
			got = s.Notes[len(s.Notes)-1]
		} else if !errors.Is(err, ErrPixels) {
			t.Errorf("%s: %v, want %v", c.name, err, ErrPixels)
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q in it", c.name, got, c.want)
		}
	}
}

func golden(t *testing.T, key string) []float32 {
	t.Helper()
	return goldenOf(t, "testdata/zca_golden.pt", key)
}

// goldenOf returns a tensor of a file by its key.
func goldenOf(t *testing.T, path, key string) []float32 {
	t.Helper()
	tree, err := weights.OpenTree(path)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for _, item := range tree.Value.([]weights.Item) {
		if item.Key == key {
			v, err := item.Value.(weights.Tensor).Float32s()
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no tensor %q", key)
	return nil
}
