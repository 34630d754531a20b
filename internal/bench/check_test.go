package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/internal/fixtures/testengine"
	"mgd3/optim"
)

// TestCheckAll holds every kind of network on the tests' backend to cpu in float32.
func TestCheckAll(t *testing.T) {
	reference, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(reference.Close)
	e := testengine.Open(t)
	for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
		e.Precision = precision
		n := 0
		err := CheckAll(t.Context(), e, reference, func(c Check) {
			n++
			t.Logf("%s, %s: off by %.1e of %.1e, allowed %.1e", c.Backend, c.Network, c.RMS, c.Scale, c.Tolerance)
			if !c.OK() || !(c.Scale > 0) {
				t.Errorf("%s, %s: %+v", c.Backend, c.Network, c)
			}
		})
		if want := map[engine.Precision]int{engine.Float32: 8, engine.BF16: 6}[precision]; err != nil || n != want {
			t.Errorf("%s: got %d networks, %v, want %d", precision, n, err, want)
		}
	}
}

// TestCheckOK: a network that is too far, that gives no number, or that fails is not in order.
func TestCheckOK(t *testing.T) {
	nan := 0.0
	nan /= nan
	for c, want := range map[Check]bool{
		{Scale: 2, RMS: 0.02, Tolerance: 0.01}:                true,
		{Scale: 2, RMS: 0.021, Tolerance: 0.01}:               false,
		{Scale: 2, RMS: nan, Tolerance: 0.01}:                 false,
		{Scale: 2, RMS: 0, Tolerance: 0.01, Error: "no room"}: false,
	} {
		if got := c.OK(); got != want {
			t.Errorf("%+v: got %t", c, got)
		}
	}
}

// TestCheckFails: what fails, is too far or is no number is not in order, and says so as text and as JSON.
func TestCheckFails(t *testing.T) {
	inf := float32(math.Inf(1))
	for name, c := range map[string]struct {
		got  []float32
		err  error
		says string
	}{
		"too far":     {[]float32{1, 2.5}, nil, "TOO FAR"},
		"no number":   {[]float32{1, inf - inf}, nil, "FAILED: has NaN at 1, want finite numbers"},
		"infinite":    {[]float32{inf, 2}, nil, "FAILED: has +Inf at 0, want finite numbers"},
		"too few":     {[]float32{1}, nil, "FAILED: has 1 numbers, want 2"},
		"its failure": {nil, errors.New("no room"), "FAILED: no room"},
	} {
		check := Check{Network: "denoiser", Backend: "other", Tolerance: 0.01}
		check.compare(c.got, []float32{1, 2}, c.err)
		var text bytes.Buffer
		if err := check.Text(&text); err != nil || check.OK() || !strings.Contains(text.String(), c.says) {
			t.Errorf("%s: ok %t, %v, and it says %q", name, check.OK(), err, &text)
		}
		var again Check
		if line, err := json.Marshal(check); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if err := json.Unmarshal(line, &again); err != nil || again != check {
			t.Errorf("%s: as JSON it is %s, %v", name, line, err)
		}
	}
}

// TestTrainingInBF16: a training's load takes its products in bf16 where that is asked for, and nothing else: the loss
// after a step is another than in float32, within the bound of a network.
func TestTrainingInBF16(t *testing.T) {
	e, err := engine.Open("cpu")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	net := evaluate.ConvNet{Depth: 2, Width: 8, Classes: 10}
	losses := map[engine.Precision]float64{}
	for _, p := range []engine.Precision{engine.Float32, engine.BF16} {
		e.Precision = p
		step := mixed(e, evaluate.TrainStep(net, evaluate.CrossEntropy, optim.SGD{Momentum: 0.9}))
		in := []shapes.Shape{shaped(4, 3, 16, 16), shapes.Make(dtypes.Int32, 4), shaped()}
		specs, err := e.Declare(step, in...)
		if err != nil {
			t.Fatal(err)
		}
		w, err := evaluate.Fresh(e, net, specs, 1)
		if err != nil {
			t.Fatal(err)
		}
		program, err := e.Compile("step", step, w)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			x, err := e.Tensor(normals(4*3*16*16), 4, 3, 16, 16)
			if err != nil {
				t.Fatal(err)
			}
			out, err := program.Run(x, tensors.FromValue([]int32{0, 1, 2, 3}), tensors.FromScalar(float32(0.01)))
			if err != nil {
				t.Fatal(err)
			}
			losses[p] = float64(tensors.ToScalar[float32](out[0]))
		}
	}
	want, got := losses[engine.Float32], losses[engine.BF16]
	if got == want || math.Abs(got-want) > tolerance(engine.BF16)*want {
		t.Errorf("loss %v in bf16, %v in float32: want them apart by at most %v of it", got, want,
			tolerance(engine.BF16))
	}
}
