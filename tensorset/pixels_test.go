package tensorset

import (
	"maps"
	"testing"

	"mgd3/weights"
)

// nowhere is that no way makes levels of the numbers.
func nowhere(off float64) map[Pixels]float64 {
	far := map[Pixels]float64{}
	for _, w := range ways {
		far[w.name] = off
	}
	return far
}

// TestBorders holds [Auto] at both sides of each border of guess, by numbers that are no levels of bytes.
func TestBorders(t *testing.T) {
	const off = 0.4 // levels from the next byte
	wide := evidence{low: -3, high: 3, mean: 0, std: 1}
	with := func(change func(e *evidence)) evidence {
		e := wide
		change(&e)
		return e
	}
	numbers := func(low, high, mean, std float64) evidence {
		return with(func(e *evidence) { e.low, e.high, e.mean, e.std = low, high, mean, std })
	}
	byte := func(outside float64) evidence {
		e := numbers(-20, 290, 120, 60)
		e.outside = map[Pixels]float64{Uint8: outside}
		return e
	}
	at := func(levels float64) evidence {
		return with(func(e *evidence) { e.far = map[Pixels]float64{Signed: off, CIFAR100: levels} })
	}
	for _, c := range []struct {
		name  string
		e     evidence
		dtype weights.DType
		want  Pixels
	}{
		{"near a level", at(0.02), "F32", CIFAR100},
		{"not near a level", at(0.021), "F32", CIFAR10},
		{"near, of 16 bits", at(0.2), "F16", CIFAR100},
		{"not near, of 16 bits", at(0.21), "F16", CIFAR10},
		{"0 to 1", numbers(0, 1, 0.1, 0.1), "F32", Unit},
		{"as black as 0 to 1", numbers(-0.1, 1, 0.21, 0.3), "F32", Unit},
		{"blacker", numbers(-0.1, 1.1, 0.19, 0.46), "F32", CIFAR10},
		{"as white", numbers(-0.1, 1.1, 0.79, 0.3), "F32", Unit},
		{"whiter", numbers(-0.1, 1.1, 0.81, 0.3), "F32", CIFAR10},
		{"as wide as 0 to 1", numbers(-0.5, 1.5, 0.5, 0.44), "F32", Unit},
		{"wider", numbers(-0.5, 1.5, 0.5, 0.46), "F32", CIFAR10},
		{"a number of -2", numbers(-1.99, 1.5, 0.5, 0.3), "F32", Unit},
		{"a number below", numbers(-2.01, 1.5, 0.5, 0.3), "F32", CIFAR10},
		{"a number of 3", numbers(-0.5, 2.99, 0.5, 0.3), "F32", Unit},
		{"a number above", numbers(-0.5, 3.01, 0.5, 0.3), "F32", CIFAR10},
		{"within -1 to 1, as wide as images", numbers(-1, 1, 0, 0.36), "F32", Signed},
		{"within -1 to 1, as narrow as whitened ones", numbers(-1, 1, 0, 0.34), "F32", ZCA},
		{"not within -1 to 1", numbers(-1.1, 1, 0, 0.36), "F32", ZCA},
		{"whitened", numbers(-3, 3, 0.14, 0.44), "F32", ZCA},
		{"off the centre", numbers(-3, 3, 0.16, 0.44), "F32", CIFAR10},
		{"wider than whitened", numbers(-3, 3, 0.14, 0.46), "F32", CIFAR10},
		{"bytes that were learned", byte(0.25), "F32", Uint8},
		{"bytes less a mean", byte(0.26), "F32", ""},
		{"as bright as bytes", numbers(-3, 90, 8.1, 8.1), "F32", Uint8},
		{"darker", numbers(-3, 90, 7.9, 8.1), "F32", CIFAR10},
		{"flatter", numbers(-3, 90, 8.1, 7.9), "F32", CIFAR10},
		{"as wide as normalised ones that were learned", numbers(-60, 60, 0, 13.9), "F32", CIFAR10},
		{"wider than any", numbers(-60, 60, 0, 14.1), "F32", ""},
		{"bytes", evidence{whole: true, low: 0, high: 255}, "I64", Uint8},
		{"more than bytes", evidence{whole: true, low: 0, high: 256}, "I64", ""},
		{"less than bytes", evidence{whole: true, low: -1, high: 255}, "I64", ""},
	} {
		far := c.e.far
		c.e.far = nowhere(off)
		maps.Copy(c.e.far, far)
		r := &reader{w: 32, h: 32, n: 1, collage: 1, numbers: []float32{0}, found: &found{images: weights.Tensor{
			DType: c.dtype, Shape: []int{1, 3, 32, 32}}, labels: weights.Tensor{Shape: []int{1}}}}
		if got, why := c.e.guess("set.pt", r); got != c.want {
			t.Errorf("%s: got %q, %s; want %q", c.name, got, why, c.want)
		}
	}
	r := &reader{w: 33, h: 32, n: 1, collage: 1, numbers: []float32{0}, found: &found{labels: weights.Tensor{
		Shape: []int{1}}}}
	wide.far = nowhere(off)
	if got, _ := wide.guess("set.pt", r); got != ImageNet {
		t.Errorf("33 x 32 pixels: got %q, want %q", got, ImageNet)
	}
	r.w, r.numbers = 32, []float32{9}
	if got, _ := wide.guess("set.pt", r); got != CIFAR10 {
		t.Errorf("10 classes: got %q, want %q", got, CIFAR10)
	}
	r.numbers[0] = 10
	if got, _ := wide.guess("set.pt", r); got != CIFAR100 {
		t.Errorf("11 classes: got %q, want %q", got, CIFAR100)
	}
}
