package diffusion

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/internal/fixtures/golden"
	"mgd3/rng"
)

// stepGraph compiles the arithmetic of one step without a network; the inputs are x, eps, v,
// mode, z and coef, the outputs those of Trace. Without v it takes five inputs.
func stepGraph(t *testing.T, s *Sampler) func(in ...*tensors.Tensor) (next, x0, shift, mean, logVar []float32) {
	t.Helper()
	exec, err := NewExec(backend(), func(in []*Node) []*Node {
		var v *Node
		if len(in) == 6 {
			v, in = in[2], slices.Delete(slices.Clone(in), 2, 3)
		}
		tr := s.step(in[0], nil, in[1], v, in[2], in[3], scalars(in[4]))
		return []*Node{tr.Next, tr.X0, tr.Shift, tr.Mean, tr.LogVar}
	})
	if err != nil {
		t.Fatal(err)
	}
	return func(in ...*tensors.Tensor) (next, x0, shift, mean, logVar []float32) {
		args := make([]any, len(in))
		for i, v := range in {
			args[i] = v
		}
		out, err := exec.Call(args...)
		if err != nil {
			t.Fatal(err)
		}
		flat := tensors.MustCopyFlatData[float32]
		return flat(out[0]), flat(out[1]), flat(out[2]), flat(out[3]), flat(out[4])
	}
}

// goldenRun is one entry of a sampling case.
type goldenRun struct {
	Name, File, Method, Respacing, Noise, Mode string
	Scale                                      float64 `json:"mode_guidance_scale"`
	Stop                                       int     `json:"stop_t"`
	CFG                                        float64 `json:"cfg_scale"`
	Clip                                       bool    `json:"clip_denoised"`
	Eta                                        float64
	Tensors                                    map[string]struct{ Shape []int }
}

// TestStepGolden takes every stored step alone, from the stored x. In the network's place stand
// the ε that gives the stored x0 and the v that gives the stored ln σ²; whole trajectories with
// the network are compared where the network is.
func TestStepGolden(t *testing.T) {
	for _, c := range golden.Cases(t, "sampling") {
		var spec struct {
			Runs   []goldenRun
			Inputs map[string]map[string]any
		}
		c.Decode(t, &spec)
		inputs := func(t *testing.T, name string) []float32 {
			for file, names := range spec.Inputs {
				if _, ok := names[name]; ok {
					return c.Float32s(t, file, name)
				}
			}
			return nil // not all runs have a mode and noise
		}
		for _, r := range spec.Runs {
			t.Run(c.Name+"/"+r.Name, func(t *testing.T) {
				if _, ok := r.Tensors["pred_xstart"]; !ok {
					t.Skip("x0 is not stored")
				}
				if _, ok := r.Tensors["manifold_term"]; ok {
					t.Skip("ManifoldGD's term is not built")
				}
				stepGolden(t, c, r, inputs(t, r.Mode), inputs(t, r.Noise))
			})
		}
	}
}

func stepGolden(t *testing.T, c golden.Case, r goldenRun, mode, noise []float32) {
	s := Settings{Rule: DDPM, Respacing: r.Respacing, Lambda: r.Scale, Stop: r.Stop, CFG: r.CFG,
		CFGChannels: 3, Eta: r.Eta, Clip: r.Clip}
	if strings.HasPrefix(r.Method, "ddim") {
		s.Rule = DDIMX0
	}
	sampler := mustNew(t, s)
	step := stepGraph(t, sampler)
	tol := c.Tolerance(t, "log_variance")
	report := c.Report(t)
	row := func(name string) func(k int) []float32 {
		return row0(c.Float32s(t, r.File, name), r.Tensors[name].Shape)
	}
	xs, x0s, means, logVars := row("x"), row("pred_xstart"), row("mean"), row("log_variance")
	dims := append([]int{1}, r.Tensors["x"].Shape[2:]...)
	size := dims[1] * dims[2] * dims[3]
	if mode == nil {
		mode = make([]float32, size)
	}
	for k, st := range sampler.Steps() {
		co := newCoef(sampler.chain, sampler.settings, sampler.formula, st.Index)
		x, x0, logVar := xs(k), x0s(k), logVars(k)
		eps, v, z := make([]float32, size), make([]float32, size), make([]float32, size)
		for i := range x {
			eps[i] = float32((co.A*float64(x[i]) - float64(x0[i])) / co.B)
			v[i] = float32(2*(float64(logVar[i])-co.LogMin)/(co.LogMax-co.LogMin) - 1)
		}
		if noise != nil {
			copy(z, noise[k*len(noise)/len(sampler.Steps()):])
		}
		var in []*tensors.Tensor
		for _, data := range [][]float32{x, eps, v, mode, z} {
			in = append(in, tensors.FromFlatDataAndDimensions(data, dims...))
		}
		next, haveX0, shift, mean, haveLogVar := step(append(in,
			tensors.FromFlatDataAndDimensions(st.Coef, len(st.Coef)))...)

		// On its way through ε in float32, x0 loses four roundings of √(1/ā)·x; the pull passes
		// that on. All else has the golden's tolerance, for numbers of about 1.
		lost := 0x1p-22 * co.A * size1(x)
		name := func(of string) string { return fmt.Sprintf("%s, step %d, %s", r.Name, k, of) }
		report.Compare(name("x0"), haveX0, x0, lost)
		report.Compare(name("log variance"), haveLogVar, logVar, tol)
		report.Compare(name("mean"), mean, means(k), tol*size1(means(k)))
		report.Compare(name("next x"), next, xs(k+1), tol*size1(xs(k+1))+lost*s.Lambda)
		if _, ok := r.Tensors["pred_xstart_guided"]; ok {
			report.Compare(name("x0 guided"), shift, row("pred_xstart_guided")(k), lost)
		}
	}
}

// row0 returns row 0 of step k of a tensor [steps, rows, C, h, w].
func row0(data []float32, shape []int) func(k int) []float32 {
	size := shape[2] * shape[3] * shape[4]
	return func(k int) []float32 {
		at := k * shape[1] * size
		return data[at : at+size]
	}
}

// size1 returns the largest absolute value, at least 1.
func size1(x []float32) float64 {
	m := 1.0
	for _, v := range x {
		m = max(m, math.Abs(float64(v)))
	}
	return m
}

// TestSchedulerGolden takes the unguided chains of Stable Diffusion's schedulers, with ε given. The
// tolerance is meant for numbers of about 1, float32's error being relative; ε is not that of the
// x it is given with, so here x grows.
func TestSchedulerGolden(t *testing.T) {
	for _, c := range append(golden.Some(t, "sd_schedulers"), golden.Others(t, "sd_text")...) {
		t.Run(c.Name, func(t *testing.T) { schedulerGolden(t, c) })
	}
}

func schedulerGolden(t *testing.T, c golden.Case) {
	var spec struct {
		Schedulers struct {
			Config struct {
				Steps int     `json:"num_train_timesteps"`
				Start float64 `json:"beta_start"`
				End   float64 `json:"beta_end"`
			}
			DDIM      struct{ Eta float64 }
			Timesteps map[string]struct{ DDPM, DDIM []int64 }
		}
	}
	c.Decode(t, &spec)
	config := spec.Schedulers.Config
	schedule := Schedule{Kind: ScaledLinear, Steps: config.Steps, Start: config.Start, End: config.End}
	for n, want := range spec.Schedulers.Timesteps {
		steps, err := Respace("leading"+n, schedule.Steps)
		if err != nil {
			t.Fatal(err)
		}
		slices.Reverse(steps)
		equalInts(t, "ddpm "+n, steps, want.DDPM)
		equalInts(t, "ddim "+n, steps, want.DDIM)
	}

	const file = "io.safetensors"
	eps, noise := c.Float32s(t, file, "sched/eps"), c.Float32s(t, file, "sched/noise")
	shape := c.Tensor(t, file, "sched/eps").Shape // [n, 1, C, h, w]
	n, dims := shape[0], shape[1:]
	size := len(eps) / n
	tol := c.Tolerance(t, "scheduler_max_abs")
	report := c.Report(t)
	for _, rule := range []Rule{DDPMSD, DDIMSD} {
		sampler := mustNew(t, Settings{Rule: rule, Schedule: schedule, Respacing: fmt.Sprint("leading", n), CFG: 1,
			Eta: 0})
		step := stepGraph(t, sampler)
		chain, _ := strings.CutSuffix(string(rule), "-sd")
		wantX := c.Float32s(t, file, "sched/"+chain+"_x")
		wantX0 := c.Float32s(t, file, "sched/"+chain+"_x0")
		x := c.Float32s(t, file, "sched/start")
		for k, st := range sampler.Steps() {
			part := func(data []float32) []float32 { return data[k*size : (k+1)*size] }
			var in []*tensors.Tensor
			for _, data := range [][]float32{x, part(eps), make([]float32, size), part(noise)} {
				in = append(in, tensors.FromFlatDataAndDimensions(data, dims...))
			}
			next, x0, _, _, _ := step(append(in, tensors.FromFlatDataAndDimensions(st.Coef, len(st.Coef)))...)
			report.Compare(fmt.Sprintf("%s, step %d, x0", rule, k), x0, part(wantX0), tol*size1(part(wantX0)))
			report.Compare(fmt.Sprintf("%s, step %d, next x", rule, k), next, wantX[(k+1)*size:(k+2)*size],
				tol*size1(wantX))
			x = next
		}
		if rule == DDPMSD {
			for k, variance := range c.Float32s(t, file, "sched/ddpm_variance") {
				co := newCoef(sampler.chain, sampler.settings, sampler.formula, n-1-k)
				if have := math.Exp(co.LogMin); math.Abs(have-float64(variance)) > tol {
					t.Errorf("variance of step %d is %v, want %v", k, have, variance)
				}
			}
		}
	}
}

// Without λ the pull is not there: a graph written without it gives the same bits.
func TestNoLambdaIsUnguided(t *testing.T) {
	unguided := func(s *Sampler, in []*Node) *Node {
		z, c := in[3], scalars(in[4])
		var kept []*Node // of a solver
		for i := range s.States() {
			kept = append(kept, Slice(in[0], AxisRange(), AxisRange(4*i, 4*i+4)))
		}
		x := kept[0]
		eps, v := predict(toy, x, c.Time, in[1], 0, s.settings.CFG, s.settings.CFGChannels)
		x0 := Sub(Mul(c.A, x), Mul(c.B, eps))
		if s.formula.ddim {
			eps := Div(Sub(Mul(c.A, x), x0), c.B)
			return Add(Add(Mul(c.Prev, x0), Mul(c.Dir, eps)), Mul(c.Noise, z))
		}
		if s.formula.solver {
			if s.formula.unipc {
				x = Add(Mul(c.Predicted, x), Mul(c.Last, kept[5]))
				x = Add(x, Add(Mul(c.LastX0, kept[1]), Mul(c.BeforeX0, kept[4])))
				x = Add(x, Mul(c.NowX0, x0))
			}
			next := Add(Add(Mul(c.C1, x0), Mul(c.C2, x)), Mul(c.C0, kept[1]))
			if s.formula.sde {
				next = Add(next, Mul(c.Noise, z))
			}
			keep := []*Node{next, x0}
			for range s.States() - 2 { // no pull, and nothing displaced
				keep = append(keep, ZerosLike(x))
			}
			if s.formula.unipc {
				keep[4], keep[5] = kept[1], x
			}
			return Concatenate(keep, 1)
		}
		sigma := Exp(MulScalar(logVariance(x, v, c), 0.5))
		return Add(Add(Mul(c.C1, x0), Mul(c.C2, x)), Mul(sigma, Mul(c.Noise, z)))
	}
	for _, rule := range Rules() {
		s := start(t, rule)
		s.Lambda = 0
		sampler := mustNew(t, s)
		exec, err := NewExec(backend(), func(in []*Node) *Node { return unguided(sampler, in) })
		if err != nil {
			t.Fatal(err)
		}
		b := images(3)
		want, err := sampler.Run(t.Context(), func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
			return exec.Call1(x, label, mode, z, coef)
		}, b)
		if err != nil {
			t.Fatal(err)
		}
		sameBits(t, string(rule), run(t, sampler, toy, b), want)

		if rule == DPM2MSDE { // whose noise stops too, see TestNoisySteps
			continue
		}
		s.Lambda, s.Stop = 0.1, math.MaxInt
		sameBits(t, string(rule)+", stopped from the start", run(t, mustNew(t, s), toy, b), want)
	}
}

// images returns n images with their modes and noise.
func images(n int) Batch {
	b := Batch{Dims: [3]int{4, 3, 5}, Modes: normals(rng.Stream(1, "modes"), n*60), Noise: noise(0)}
	for i := range n {
		b.Labels = append(b.Labels, int32(i+1))
	}
	return b
}

func sameBits(t *testing.T, name string, have, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(have[i]) != math.Float32bits(want[i]) {
			t.Errorf("%s: element %d is %v, want exactly %v", name, i, have[i], want[i])
			return
		}
	}
}

// The pull is one: images end nearer to their modes.
func TestPullIsTowardsTheMode(t *testing.T) {
	distance := func(s Settings, b Batch) float64 {
		sum := 0.0
		den := Denoiser(epsOnly)
		if formulas[s.Rule].solver { // its large steps follow an x0 as far off as the toy's too far
			s.CFG, den = 1, newGauss(t, s.Schedule, 1).denoiser
			b.Dims, b.Noise = [3]int{1, 3, 20}, noise(0)
		}
		for i, x := range run(t, mustNew(t, s), den, b) {
			d := float64(x) - float64(b.Modes[i])
			sum += d * d
		}
		return math.Sqrt(sum)
	}
	for _, rule := range Rules() {
		s := start(t, rule)
		pulled := distance(s, images(4))
		s.Lambda = 0
		if free := distance(s, images(4)); pulled >= free {
			t.Errorf("%s: distance to the mode is %v with the pull, %v without", rule, pulled, free)
		}
	}
}

func TestGraphPanicsOnShapes(t *testing.T) {
	tests := []struct {
		name string
		cfg  int
		dims [4]int // of mode
		den  Denoiser
		err  string
	}{
		{"mode of other size", 3, [4]int{2, 4, 3, 4}, toy,
			"mode has shape (Float32)[2, 4, 3, 4], want (Float32)[2, 4, 3, 5]"},
		{"more guided channels than there are", 5, [4]int{2, 4, 3, 5}, toy, "cfg channels are 5, want at most 4"},
		{"denoiser of three times the channels", 3, [4]int{2, 4, 3, 5},
			func(x, _, _ *Node) *Node { return Concatenate([]*Node{x, x, x}, 1) }, "want dimensions [2 8 3 5]"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, DDPM)
			s.CFGChannels = test.cfg
			exec := stepper(t, mustNew(t, s), test.den, 0)
			zeros := func(dims ...int) *tensors.Tensor { return tensors.FromScalarAndDimensions(float32(0), dims...) }
			x, label := zeros(2, 4, 3, 5), tensors.FromFlatDataAndDimensions([]int32{1, 2}, 2)
			_, err := exec(x, label, zeros(test.dims[:]...), x, zeros(coefLen))
			checkError(t, err, test.err)
		})
	}
}

// Every field of coef is in its vector, once.
func TestCoefVector(t *testing.T) {
	var c coef[float64]
	for i, field := range c.all() {
		*field = float64(i + 1)
	}
	want := coef[float64]{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}
	if c != want {
		t.Errorf("have %+v", c)
	}
}
