package dit

import (
	"math"
	"strconv"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
)

// samplingCase is what a sampling case's case.json holds.
type samplingCase struct {
	Model string        `json:"model"` // the case with the weights
	Label int32         `json:"class_label"`
	Null  int32         `json:"null_label"`
	Runs  []samplingRun `json:"runs"`
}

type samplingRun struct {
	Name      string   `json:"name"`
	File      string   `json:"file"`
	Method    string   `json:"method"`
	Respacing string   `json:"respacing"`
	Lambda    float64  `json:"mode_guidance_scale"`
	Stop      int      `json:"stop_t"`
	CFG       float64  `json:"cfg_scale"`
	Clip      bool     `json:"clip_denoised"`
	Eta       float64  `json:"eta"`
	Guided    []bool   `json:"guided"`
	Noise     string   `json:"noise"`
	Mode      string   `json:"mode"`
	Leaves    bool     `json:"leaves_data_range"`
	Manifold  *float64 `json:"manifold_guidance_scale"`
}

// settings are those of the run; the reference's DDIM guidance is the rule ddim-x0.
func (r samplingRun) settings() diffusion.Settings {
	s := diffusion.Settings{
		Rule: diffusion.DDPM, Respacing: r.Respacing, Lambda: r.Lambda, Stop: r.Stop,
		CFG: r.CFG, CFGChannels: 3, Eta: r.Eta, Clip: r.Clip,
	}
	if strings.HasPrefix(r.Method, "ddim") {
		s.Rule = diffusion.DDIMX0
	}
	return s
}

// samplingTolerance are the case's tolerances, in units of the largest value, or of 1 if that is
// less: of x0 and the pull also of S = √(1/ā), of the pull also of λ.
type samplingTolerance struct{ x0, mean, next, pull, logVar, full, clipped, outside float64 }

func toleranceOf(t *testing.T, c golden.Case) samplingTolerance {
	return samplingTolerance{
		x0: c.Tolerance(t, "pred_xstart"), mean: c.Tolerance(t, "mean"), next: c.Tolerance(t, "next"),
		pull:   c.Tolerance(t, "pull"),
		logVar: c.Tolerance(t, "log_variance"), full: c.Tolerance(t, "full_run"),
		clipped: c.Tolerance(t, "full_run_clipped"), outside: c.Tolerance(t, "full_run_out_of_range"),
	}
}

// TestSamplingGolden replays the reference's trajectories: every step from the stored state, and the
// whole run from its start.
func TestSamplingGolden(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Cases(t, "sampling") {
		var want samplingCase
		c.Decode(t, &want)
		var hyper goldenCase
		model := c.Sibling(t, want.Model)
		model.Decode(t, &hyper)
		m, err := loadFile(t, e, hyper.Hyper, model.Open(t, "weights_dit.safetensors"))
		if err != nil {
			t.Fatal(err)
		}
		tol := toleranceOf(t, c)
		programs := map[diffusion.Settings]*engine.Program{}
		for _, run := range want.Runs {
			t.Run(c.Name+"/"+run.Name, func(t *testing.T) {
				if strings.Contains(run.Method, "distribution-aware") || run.Manifold != nil && *run.Manifold != 0 {
					t.Skip("ManifoldGD's term is not among the rules yet")
				}
				sampler, err := diffusion.New(run.settings())
				if err != nil {
					t.Fatal(err)
				}
				r := &replay{
					samplingCase: want, run: run, model: m, sampler: sampler, tol: tol, report: c.Report(t),
					inputs: readAll(t, c, "inputs.safetensors"), stored: readAll(t, c, run.File),
				}
				// λ, stop, η and the steps are inputs: runs that differ in these alone have one graph.
				s := run.settings()
				graph := diffusion.Settings{Rule: s.Rule, CFG: s.CFG, CFGChannels: s.CFGChannels, Clip: s.Clip}
				if programs[graph] == nil {
					programs[graph] = r.compile(t, e)
				}
				r.program = programs[graph]
				r.steps(t)
				r.whole(t)
			})
		}
	}
}

// replay compares one run.
type replay struct {
	samplingCase
	run            samplingRun
	model          *Model
	sampler        *diffusion.Sampler
	tol            samplingTolerance
	report         *golden.Report
	inputs, stored map[string]stack
	program        *engine.Program
}

// stack is a tensor [steps, rows, C, H, W], or [1, C, H, W].
type stack struct {
	shape []int
	flat  []float32
}

// row0 returns row 0 of the k-th entry.
func (s stack) row0(k int) []float32 {
	if len(s.shape) == 4 {
		return s.flat
	}
	per := len(s.flat) / s.shape[0]
	return s.flat[k*per : k*per+per/s.shape[1]]
}

func readAll(t *testing.T, c golden.Case, file string) map[string]stack {
	all := map[string]stack{}
	for _, name := range c.Open(t, file).Names() {
		tensor := c.Tensor(t, file, name)
		if n := len(tensor.Shape); n == 4 || n == 5 {
			all[name] = stack{tensor.Shape, c.Float32s(t, file, name)}
		}
	}
	return all
}

func (r *replay) compile(t *testing.T, e *engine.Engine) *engine.Program {
	program, err := e.Compile(r.run.Name, func(p engine.Params, in []*Node) []*Node {
		denoise := func(x, t, y *Node) *Node { return r.model.Forward(p, x, t, y) }
		tr := r.sampler.Trace(denoise, r.Null, in[0], in[1], in[2], in[3], in[4])
		return []*Node{tr.Next, tr.X0, tr.Mean, tr.LogVar, tr.Shift}
	}, r.model.Weights)
	if err != nil {
		t.Fatal(err)
	}
	return program
}

// input returns a tensor of the inputs, zeros where the run does not use it.
func (r *replay) input(name string, k int) []float32 {
	if s, ok := r.inputs[name]; ok {
		return s.row0(k)
	}
	return make([]float32, len(r.inputs["z"].flat))
}

// steps takes every step from the stored state.
func (r *replay) steps(t *testing.T) {
	dims := r.inputs["z"].shape
	one := func(v []float32) *tensors.Tensor { return tensors.FromFlatDataAndDimensions(v, dims...) }
	for k, step := range r.sampler.Steps() {
		if r.run.Guided != nil && step.Guided != r.run.Guided[k] {
			t.Errorf("step %d: guided is %v, want %v", k, step.Guided, r.run.Guided[k])
		}
		x := r.stored["x"].row0(k)
		out, err := r.program.Run(one(x), tensors.FromValue([]int32{r.Label}), one(r.input(r.run.Mode, 0)),
			one(r.input(r.run.Noise, k)), tensors.FromValue(step.Coef))
		if err != nil {
			t.Fatal(err)
		}
		noisiness := math.Sqrt(1 / r.alphaBar(t, step.Timestep)) // S of the case's tolerance
		x0 := r.tol.x0 * noisiness * max(1, maxAbs(x))
		r.compare(k, "pred_xstart", out[1], func([]float32) float64 { return x0 })
		r.compare(k, "pred_xstart_guided", out[4], func([]float32) float64 { return x0 })
		r.compare(k, "mean", out[2], func(w []float32) float64 { return r.tol.mean * max(1, maxAbs(w)) })
		r.compare(k, "log_variance", out[3], func([]float32) float64 { return r.tol.logVar })
		next := r.stored["x"].row0(k + 1)
		bound := (r.tol.next + r.tol.pull*noisiness*r.run.Lambda) * max(1, maxAbs(next))
		r.report.Compare("x after step "+strconv.Itoa(k), tensors.MustCopyFlatData[float32](out[0]), next, bound)
	}
}

// compare compares an intermediate value of the k-th step, if the run has it stored.
func (r *replay) compare(k int, name string, got *tensors.Tensor, bound func(want []float32) float64) {
	if s, ok := r.stored[name]; ok {
		want := s.row0(k)
		r.report.Compare(name+" of step "+strconv.Itoa(k), tensors.MustCopyFlatData[float32](got), want, bound(want))
	}
}

// alphaBar returns ā of a timestep of the full process.
func (r *replay) alphaBar(t *testing.T, timestep int) float64 {
	betas, err := r.sampler.Settings().Schedule.Betas()
	if err != nil {
		t.Fatal(err)
	}
	product := 1.0
	for _, beta := range betas[:timestep+1] {
		product *= 1 - beta
	}
	return product
}

// whole samples the run from its start.
func (r *replay) whole(t *testing.T) {
	got, err := r.sampler.Run(t.Context(), func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
		out, err := r.program.Run(x, label, mode, z, coef)
		if err != nil {
			return nil, err
		}
		return out[0], nil
	}, diffusion.Batch{
		Dims: [3]int(r.inputs["z"].shape[1:]), Labels: []int32{r.Label}, Modes: r.input(r.run.Mode, 0),
		Noise: func(_, step int, dst []float32) {
			if step < 0 {
				copy(dst, r.input("z", 0))
				return
			}
			copy(dst, r.input(r.run.Noise, step))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := r.stored["x"].row0(len(r.sampler.Steps()))
	tol := r.tol.full
	switch {
	case r.run.Leaves:
		tol = r.tol.outside * maxAbs(want)
	case r.run.Clip:
		tol = r.tol.clipped
	}
	r.report.Compare("x at the end", got, want, tol)
}

func maxAbs(v []float32) float64 {
	worst := 0.0
	for _, x := range v {
		worst = max(worst, math.Abs(float64(x)))
	}
	return worst
}
