package dit

import (
	"errors"
	"maps"
	"os"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/weights"
)

// goldenCase is what a DiT case's case.json holds.
type goldenCase struct {
	Hyper     Config `json:"hyper"`
	Tolerance struct {
		Out float64 `json:"out_max_abs"`
		Mid float64 `json:"mid_max_abs"`
	} `json:"tolerance"`
}

// TestGolden compares the denoiser with the original program, tensor by tensor, with either naming of the weights.
func TestGolden(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Cases(t, "dit") {
		var hyper goldenCase
		c.Decode(t, &hyper)
		var out, mid *engine.Program // one graph each, with the weights of either file in turn
		w, names := engine.Weights{}, []string(nil)
		for _, file := range []string{"weights_dit.safetensors", "weights_diffusers.safetensors"} {
			t.Run(c.Name+"/"+file, func(t *testing.T) {
				m, err := loadFile(t, e, hyper.Hyper, c.Open(t, file))
				if err != nil {
					t.Fatal(err)
				}
				clear(w)
				maps.Copy(w, m.Weights)
				if out == nil {
					out, mid = programs(t, e, m, w, &names)
				}
				report := c.Report(t)
				compareOut(t, out, c, report, hyper.Tolerance.Out)
				compareMid(t, mid, &names, c, report, hyper.Tolerance.Mid)
			})
		}
		t.Run(c.Name+"/config_diffusers.json", func(t *testing.T) {
			data, err := os.ReadFile(c.Path("config_diffusers.json"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := ParseConfig(data)
			if err != nil {
				t.Fatal(err)
			}
			hyper.Hyper.MLPRatio = 0 // diffusers' config leaves it at 4
			if got != hyper.Hyper {
				t.Errorf("got %+v, want %+v", got, hyper.Hyper)
			}
		})
	}
}

// loadFile is load of the tensors in a file.
func loadFile(t *testing.T, e *engine.Engine, c Config, file *weights.File) (*Model, error) {
	set, err := weights.DiT(file)
	if err != nil {
		return nil, err
	}
	return load(t.Context(), e, c, file, set)
}

func openEngine(t *testing.T) *engine.Engine {
	return testengine.Open(t)
}

// inputs reads x, t and y of a case.
func inputs(t *testing.T, c golden.Case, rows int) []*tensors.Tensor {
	const io = "io.safetensors"
	x := c.Tensor(t, io, "x")
	rows = min(rows, x.Shape[0])
	per := x.Shape[1] * x.Shape[2] * x.Shape[3]
	times := make([]float32, rows)
	labels := make([]int32, rows)
	for i, v := range c.Int64s(t, io, "t")[:rows] {
		times[i] = float32(v)
	}
	for i, v := range c.Int64s(t, io, "y")[:rows] {
		labels[i] = int32(v)
	}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(c.Float32s(t, io, "x")[:rows*per], rows, x.Shape[1], x.Shape[2], x.Shape[3]),
		tensors.FromValue(times), tensors.FromValue(labels),
	}
}

// programs are the denoiser with weights w, and the same with the values inside as outputs, whose names go to names.
func programs(t *testing.T, e *engine.Engine, m *Model, w engine.Weights, names *[]string) (out, mid *engine.Program) {
	out, errO := e.Compile("dit", m.Func, w)
	mid, errM := e.Compile("dit, opened", func(p engine.Params, in []*Node) (out []*Node) {
		*names = nil
		m.forward(p, in[0], in[1], in[2], func(name string, x *Node) {
			*names, out = append(*names, name), append(out, x)
		})
		return out
	}, w)
	if err := errors.Join(errO, errM); err != nil {
		t.Fatal(err)
	}
	return out, mid
}

func compareOut(t *testing.T, program *engine.Program, c golden.Case, report *golden.Report, tol float64) {
	want := c.Float32s(t, "io.safetensors", "out")
	got := make([]float32, len(want))
	if err := program.Into(got, inputs(t, c, 1<<20)...); err != nil {
		t.Fatal(err)
	}
	report.Compare("out", got, want, tol)
}

// compareMid compares what the case holds of the values inside the network, for its first rows; their names are known
// when it has run.
func compareMid(t *testing.T, program *engine.Program, names *[]string, c golden.Case, report *golden.Report,
	tol float64) {
	rows := c.Tensor(t, "io.safetensors", "mid/c").Shape[0]
	got, err := program.Run(inputs(t, c, rows)...)
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range *names {
		report.Compare("mid/"+name, tensors.MustCopyFlatData[float32](got[i]),
			c.Float32s(t, "io.safetensors", "mid/"+name), tol)
	}
}

// TestPositionsGolden compares the table of positions with the one the original files carry.
func TestPositionsGolden(t *testing.T) {
	for _, c := range golden.Cases(t, "dit") {
		var hyper goldenCase
		c.Decode(t, &hyper)
		// Sine and cosine are below 1, and both sides round once to float32: 2⁻²⁴ each; the reference
		// computes its angles in float64 like ours, off by a few units in the last place.
		c.Report(t).Compare("pos_embed", Positions(hyper.Hyper.Hidden, hyper.Hyper.side()),
			c.Float32s(t, "weights_dit.safetensors", "pos_embed"), 0x1p-22)
	}
}
