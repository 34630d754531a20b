package tensorset

import (
	"context"
	"errors"
	"math"
	"slices"
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

func golden(t *testing.T, key string) []float32 {
	t.Helper()
	tree, err := weights.OpenTree("testdata/zca_golden.pt")
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
