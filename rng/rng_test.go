package rng

import (
	"fmt"
	"math"
	"testing"
)

// TestStreamIsPinned: these numbers must never change, for they are in every distilled set.
func TestStreamIsPinned(t *testing.T) {
	got := fmt.Sprintf("%016x %016x", Stream(0, "noise", Hash("cat"), 0, 0).Uint64(), Stream(1, "modes").Uint64())
	if want := "b0b39aaf4093869a 1b2c0fded6bffd53"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	z := make([]float32, 3)
	Normals(Stream(0, "noise", Hash("cat"), 0, 0), z)
	if got, want := fmt.Sprint(z), "[0.65794235 -0.53899336 1.8511165]"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestStreamsOfOtherNamesDiffer: every part of a name counts, and parts do not run into each other.
func TestStreamsOfOtherNamesDiffer(t *testing.T) {
	first := map[uint64]string{}
	for _, c := range []struct {
		seed uint64
		name string
		ids  []uint64
	}{
		{0, "", nil}, {1, "", nil}, {0, "a", nil}, {0, "b", nil}, {0, "a", []uint64{0}}, {0, "a", []uint64{0, 0}},
		{0, "a", []uint64{1}}, {0, "a", []uint64{1, 0}}, {0, "a", []uint64{0, 1}}, {1, "a", []uint64{0}},
		{0, "a\x00\x00\x00\x00\x00\x00\x00\x00", nil},
	} {
		name := fmt.Sprint(c.seed, c.name, c.ids)
		v := Stream(c.seed, c.name, c.ids...).Uint64()
		if other, taken := first[v]; taken {
			t.Errorf("streams %s and %s begin alike", name, other)
		}
		first[v] = name
	}
}

// TestNormals: mean 0 and variance 1 within five standard errors, 1/√n and √(2/n).
func TestNormals(t *testing.T) {
	const n = 1 << 20
	z := make([]float32, n)
	Normals(Stream(7, "test"), z)
	var sum, squares float64
	for _, v := range z {
		sum += float64(v)
		squares += float64(v) * float64(v)
	}
	if mean := sum / n; math.Abs(mean) > 5/math.Sqrt(n) {
		t.Errorf("the mean is %v", mean)
	}
	if variance := squares / n; math.Abs(variance-1) > 5*math.Sqrt(2.0/n) {
		t.Errorf("the variance is %v", variance)
	}
}
