package features

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// squeeze is a trained network beside the repository.
const squeeze = "../../shared/models/lpips-squeeze"

func openEngine(t testing.TB) *engine.Engine {
	t.Helper()
	return testengine.Open(t)
}

// made returns the file of a network with made-up weights.
func made(t testing.TB) string {
	t.Helper()
	return madeFile(t, golden.Some(t, "lpips")[0])
}

func madeFile(t testing.TB, c golden.Case) string {
	t.Helper()
	dims := []int{1, 3, 1, 1}
	return c.FormulaFile(t, weights.F32("scaling_layer.shift", dims, []float32{-0.030, -0.088, -0.188}),
		weights.F32("scaling_layer.scale", dims, []float32{0.458, 0.448, 0.450}))
}

func open(t testing.TB, e *engine.Engine, path string) *Net {
	t.Helper()
	n, err := Open(t.Context(), e, path)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// slopes compiles the gradient of the sum of all distances by the first images.
func slopes(t *testing.T, e *engine.Engine, path string) *engine.Program {
	t.Helper()
	w, err := Weights(e, path)
	if err != nil {
		t.Fatal(err)
	}
	slope, err := e.Compile("slope", func(p engine.Params, in []*Node) []*Node {
		return []*Node{Gradient(ReduceAllSum(LPIPS(p, in[0], in[1])), in[0])[0]}
	}, w)
	if err != nil {
		t.Fatal(err)
	}
	return slope
}

// A sum of n products in float32 errs by about √n·2⁻²⁴ of its terms, here n ≤ 9·512: 4e-6 per convolution, and there
// are 17 in a row, which add up as √17 or so.
const tol = 2e-5

// TestGolden compares a network with made-up weights with PyTorch, and a trained one where it is beside the repository.
func TestGolden(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Some(t, "lpips") {
		t.Run(c.Name, func(t *testing.T) { compareGolden(t, e, c) })
	}
	if _, err := os.Stat(squeeze); err == nil {
		t.Run("trained", func(t *testing.T) { compareTrained(t, e) })
	}
}

func compareGolden(t *testing.T, e *engine.Engine, c golden.Case) {
	var settings struct{ Sizes []int }
	c.Decode(t, &settings)
	path, share := madeFile(t, c), c.Tolerance(t, "relative")
	n, slope := open(t, e, path), slopes(t, e, path)
	const file = "io.safetensors"
	for _, size := range settings.Sizes {
		of := func(name string) string { return fmt.Sprintf("%d/%s", size, name) }
		a, b := c.Float32s(t, file, of("a")), c.Float32s(t, file, of("b"))
		got, distance, gradient := make([]float32, 2*Width), make([]float32, 2), make([]float32, len(a))
		err := errors.Join(n.Features(got, a, size), n.Distance(distance, a, b, size),
			slope.Into(gradient, tensor(a, size), tensor(b, size)))
		if err != nil {
			t.Fatal(err)
		}
		features := c.Float32s(t, file, of("features"))
		c.Report(t).Compare(of("features"), got, features, share*float64(slices.Max(features)))
		distances, norms := c.Float64s(t, file, of("distance")), c.Float64s(t, file, of("slope"))
		for i := range 2 {
			check(t, size, "LPIPS", float64(distance[i]), distances[i], share)
			check(t, size, "gradient", norm(gradient[i*len(a)/2:(i+1)*len(a)/2]), norms[i], share)
		}
	}
}

// pictures returns the two images first and first+1 of the formula that the expected numbers were made from.
func pictures(first, size int) []float32 {
	var x []float32
	for b := first; b < first+2; b++ {
		for c := range 3 {
			for row := range size {
				for col := range size {
					x = append(x, float32((5*col+3*row+11*c+b*col*row/8)%64)/32-1)
				}
			}
		}
	}
	return x
}

// expected comes from PyTorch 1.13 in float64: torchvision 0.14's squeezenet1_1 with the weights of the file, and
// LPIPS written down from the paper's equation. slope is the gradient of the sum of both distances by a: its norm
// over each image. Picture 0 is not among them: it repeats itself, so that max pools tie and rounding decides where
// gradients go. A slope of 0 is not compared: a unit of that image is so near its kink that a change of 6e-7 in the
// pixels moves the gradient by 8e-4.
var expected = []struct {
	size            int
	first           [2]float64 // feature 0
	sum             [2]float64 // of all features
	distance, slope [2]float64
}{
	{17, [2]float64{0, 0}, [2]float64{2704.436183870135, 2327.0361896855084},
		[2]float64{0.19206746866704988, 0.14487327424561203}, [2]float64{0.10328206710872874, 0.11178458764408045}},
	{32, [2]float64{0, 0}, [2]float64{2302.9893944631503, 1778.4220156185802},
		[2]float64{0.14961383822435906, 0.09973829681146174}, [2]float64{0.11712181402613327, 0.06061205000336458}},
	{33, [2]float64{0, 17.05518}, [2]float64{3824.43998061784, 3048.737426398562},
		[2]float64{0.13731166489321828, 0.1357960917370894}, [2]float64{0.05172964587016144, 0}},
	{64, [2]float64{8.327054, 2.294028}, [2]float64{2440.44068378765, 2225.2059068444146},
		[2]float64{0.20543364856555613, 0.18144070731154188}, [2]float64{0.04839846837630124, 0.04064283521803249}},
}

func compareTrained(t *testing.T, e *engine.Engine) {
	n, slope := open(t, e, squeeze), slopes(t, e, squeeze)
	for _, want := range expected {
		a, b := pictures(1, want.size), pictures(4, want.size)
		got, distance, gradient := make([]float32, 2*Width), make([]float32, 2), make([]float32, len(a))
		err := errors.Join(n.Features(got, a, want.size), n.Distance(distance, a, b, want.size),
			slope.Into(gradient, tensor(a, want.size), tensor(b, want.size)))
		if err != nil {
			t.Fatal(err)
		}
		for i := range 2 {
			f := got[i*Width : (i+1)*Width]
			check(t, want.size, "feature 0", float64(f[0]), want.first[i], tol)
			check(t, want.size, "sum of features", sum(f), want.sum[i], tol)
			check(t, want.size, "LPIPS", float64(distance[i]), want.distance[i], tol)
			if want.slope[i] == 0 {
				continue
			}
			check(t, want.size, "gradient", norm(gradient[i*len(a)/2:(i+1)*len(a)/2]), want.slope[i], tol)
		}
	}
}

// check compares up to a share of the number wanted.
func check(t *testing.T, size int, name string, got, want, share float64) {
	t.Helper()
	t.Logf("%d pixels: %s is %v, off by %.1e", size, name, got, got-want)
	if !(math.Abs(got-want) <= share*math.Abs(want)) {
		t.Errorf("%d pixels: %s is %v, want %v ± %.0e of it", size, name, got, want, share)
	}
}

func sum(v []float32) (s float64) {
	for _, x := range v {
		s += float64(x)
	}
	return s
}

func norm(v []float32) float64 {
	s := 0.0
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// TestDistanceLaws: equal images are at distance 0; order does not matter; a batch changes nothing. On cpu to the
// bit. XLA chooses the order of its sums by the whole shape, so two rows of the same image differ there by roundings:
// some 2⁻²⁴·√100 of the distance after about a hundred sums in a row, and where the distance is 0, their squares.
func TestDistanceLaws(t *testing.T) {
	e := openEngine(t)
	n := open(t, e, made(t))
	const size = 32
	a, b := pictures(0, size), pictures(5, size)
	ab, ba, aa, one := make([]float32, 2), make([]float32, 2), make([]float32, 2), make([]float32, 1)
	err := errors.Join(n.Distance(ab, a, b, size), n.Distance(ba, b, a, size), n.Distance(aa, a, a, size),
		n.Distance(one, a[len(a)/2:], b[len(b)/2:], size))
	if err != nil {
		t.Fatal(err)
	}
	rounding := 0.0
	if testengine.IsXLA() {
		rounding = 0x1p-24 * 10
	}
	near := func(x, y float32) bool { return math.Abs(float64(x-y)) <= rounding*float64(y) }
	zero := func(x float32) bool { return float64(x) <= rounding*rounding }
	if !slices.EqualFunc(ab, ba, near) || !zero(aa[0]) || !zero(aa[1]) || !near(one[0], ab[1]) {
		t.Errorf("LPIPS is %v one way and %v the other, %v of equal images, %v of the second pair alone", ab, ba, aa,
			one)
	}
}

// TestNothingToSee: of features that are all 0 the direction is 0, and so is its derivative.
func TestNothingToSee(t *testing.T) {
	e := openEngine(t)
	program, err := e.Compile("direction", func(_ engine.Params, in []*Node) []*Node {
		f := engine.ReLU(in[0])
		return []*Node{Concatenate([]*Node{direction(f), Gradient(ReduceAllSum(direction(f)), in[0])[0]}, -1)}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 4)
	if err := program.Into(got, tensors.FromFlatDataAndDimensions([]float32{-1, 0}, 1, 1, 1, 2)); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, make([]float32, 4)) {
		t.Errorf("got %v, want 0", got)
	}
}

func TestRefused(t *testing.T) {
	e := openEngine(t)
	image := func(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
	for want, in := range map[string][2]shapes.Shape{
		"at least 17":  {image(1, 3, 16, 16), image(1, 3, 16, 16)},
		"equal shapes": {image(1, 3, 32, 32), image(1, 3, 33, 33)},
		"[B, 3, S, S]": {image(1, 32, 32, 3), image(1, 32, 32, 3)},
	} {
		if _, err := e.Declare(lpips, in[0], in[1]); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want an error with %q", in, err, want)
		}
	}
	for want, list := range map[string][]weights.Tensor{
		"net.slice1.0.weight": {weights.F32("x", []int{1}, []float32{1})},
		"lin0.model.1.weight": {weights.F32("lin0.model.1.weight", []int{1}, []float32{1}),
			weights.F32("lins.0.model.1.weight", []int{1}, []float32{2})},
	} {
		path := filepath.Join(t.TempDir(), "other.safetensors")
		if err := atomicfile.Write(path, func(w io.Writer) error { return weights.Write(w, list, nil) }); err != nil {
			t.Fatal(err)
		}
		_, err := Open(t.Context(), e, path)
		if !errors.Is(err, weights.ErrMismatch) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want a mismatch that names %s", err, want)
		}
	}
}
