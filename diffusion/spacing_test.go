package diffusion

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/internal/fixtures/golden"
)

func TestSpacings(t *testing.T) {
	for _, test := range []struct {
		spacing   Spacing
		n, offset int
		spec      string
		want      []int64 // first, second and last
	}{
		{Leading, 50, 1, "leading50", []int64{1, 21, 981}},
		{Leading, 50, 0, "leading50+0", []int64{0, 20, 980}},
		{Leading, 3, 7, "leading3+7", []int64{7, 340, 673}},
		{Linspace, 50, 1, "linspace50", []int64{0, 20, 999}},
		{Linspace, 3, 0, "linspace3", []int64{0, 500, 999}}, // 499.5, half to even
		{Trailing, 50, 1, "trailing50", []int64{19, 39, 999}},
		{Trailing, 3, 0, "trailing3", []int64{332, 666, 999}},
	} {
		if spec := test.spacing.Respacing(test.n, test.offset); spec != test.spec {
			t.Errorf("%s of %d from %d on is %q, want %q", test.spacing, test.n, test.offset, spec, test.spec)
		}
		steps, err := Respace(test.spec, 1000)
		if err != nil || len(steps) != test.n {
			t.Errorf("%q: have %v and %v, want %d steps", test.spec, steps, err, test.n)
			continue
		}
		equalInts(t, test.spec, []int{steps[0], steps[1], steps[test.n-1]}, test.want)
	}
	for spec, want := range map[string]string{
		"leading":        `"" is not a number`,
		"leading0":       "want 1 to 1000 steps",
		"leading50+":     `first step is ""`,
		"leading50+-1":   `first step is "-1"`,
		"leading50+1000": `first step is "1000"`,
		"leading50+1+1":  `first step is "1+1"`,
		"leading1000":    "the last step would be 1000",
		"linspace":       `"" is not a number`,
		"linspace1001":   "want 1 to 1000 steps",
		"trailing0":      "want 1 to 1000 steps",
		"trailing-1":     `"-1" is not a number`,
	} {
		if _, err := Respace(spec, 1000); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: have error %v, want %q in it", spec, err, want)
		}
	}
}

// TestSpacingGolden takes chains of diffusers' schedulers under their settings, the results of a network given. The
// tolerance is meant for numbers of about 1, and those results are not of the x they are given with, so x grows.
func TestSpacingGolden(t *testing.T) {
	for _, c := range golden.Some(t, "sd_spacings") {
		t.Run(c.Name, func(t *testing.T) { spacingGolden(t, c) })
	}
}

// spacingRun is a chain of the goldens.
type spacingRun struct {
	Name    string
	Steps   int
	Spacing Spacing
	Offset  int
	One     bool
	Eta     float64
	Lambda  float64 `json:"lam"`
	Stop    int
	More    struct {
		Prediction string `json:"prediction_type"`
		ZeroSNR    bool   `json:"rescale_betas_zero_snr"`
	}
	Timesteps []int64
}

func (r spacingRun) settings(schedule Schedule) Settings {
	schedule.ZeroSNR = r.More.ZeroSNR
	if r.More.Prediction == "v_prediction" {
		schedule.Prediction = Velocity
	}
	s := Settings{Rule: DDPMSD, Schedule: schedule, Respacing: r.Spacing.Respacing(r.Steps, r.Offset), CFG: 1,
		Lambda: r.Lambda, Stop: r.Stop, Eta: r.Eta, AlphaToOne: r.One}
	if strings.HasPrefix(r.Name, "ddim") {
		s.Rule = DDIMSD
	}
	return s
}

func spacingGolden(t *testing.T, c golden.Case) {
	var spec struct {
		Config struct {
			Steps int     `json:"num_train_timesteps"`
			Start float64 `json:"beta_start"`
			End   float64 `json:"beta_end"`
		}
		Runs []spacingRun
	}
	c.Decode(t, &spec)
	schedule := Schedule{Kind: ScaledLinear, Steps: spec.Config.Steps, Start: spec.Config.Start, End: spec.Config.End}
	const file = "io.safetensors"
	for _, spacing := range []Spacing{Leading, Linspace, Trailing} {
		for i, want := range c.Int64s(t, file, fmt.Sprintf("sums/%s", spacing)) {
			steps, err := Respace(spacing.Respacing(i+1, 0), schedule.Steps)
			if err != nil {
				t.Fatal(err)
			}
			sum := int64(0)
			for k, at := range steps {
				sum += int64((len(steps) - k) * at)
			}
			if sum != want {
				t.Errorf("%d steps by %s have Σ i·t %d, want %d: %v", i+1, spacing, sum, want, steps)
			}
		}
	}
	shape := c.Tensor(t, file, "start").Shape
	start, mode := c.Float32s(t, file, "start"), c.Float32s(t, file, "mode")
	out, noise := c.Float32s(t, file, "out"), c.Float32s(t, file, "noise")
	tol, report := c.Tolerance(t, "max_abs"), c.Report(t)
	for _, r := range spec.Runs {
		sampler := mustNew(t, r.settings(schedule))
		step := stepGraph(t, sampler)
		wantX, wantX0 := c.Float32s(t, file, r.Name+"/x"), c.Float32s(t, file, r.Name+"/x0")
		x, size := start, len(start)
		for k, st := range sampler.Steps() {
			if int64(st.Timestep) != r.Timesteps[k] {
				t.Fatalf("%s: step %d is at %d, want %d", r.Name, k, st.Timestep, r.Timesteps[k])
			}
			part := func(data []float32, k int) []float32 { return data[k*size : (k+1)*size] }
			var in []*tensors.Tensor
			for _, data := range [][]float32{x, part(out, k), mode, part(noise, k)} {
				in = append(in, tensors.FromFlatDataAndDimensions(data, shape...))
			}
			next, x0, _, _, _ := step(append(in, tensors.FromFlatDataAndDimensions(st.Coef, len(st.Coef)))...)
			report.Compare(fmt.Sprintf("%s, step %d, x0", r.Name, k), x0, part(wantX0, k), tol*size1(part(wantX0, k)))
			report.Compare(fmt.Sprintf("%s, step %d, next x", r.Name, k), next, part(wantX, k+1), tol*size1(wantX))
			x = next
		}
	}
}

// TestNothingLeft: of a step after which nothing of the image is left, a network that predicts the noise says nothing.
func TestNothingLeft(t *testing.T) {
	for _, rule := range Rules() {
		s := start(t, rule)
		s.Schedule.ZeroSNR, s.Respacing = true, "trailing10"
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), "step 999") {
			t.Errorf("%s, noise at no signal: have error %v, want the step", rule, err)
		}
		s.Schedule.Prediction = Velocity
		for _, st := range mustNew(t, s).Steps() {
			for i, v := range st.Coef {
				if v-v != 0 {
					t.Errorf("%s: scalar %d of step %d is %v", rule, i, st.Timestep, v)
				}
			}
		}
		s.Schedule.Prediction, s.Respacing = Epsilon, "leading10"
		mustNew(t, s)
	}
	s := Settings{Rule: DDPMSD, AlphaToOne: true}
	checkError(t, s.Check(), "alpha to one")
	s = Settings{Rule: DDPM, Schedule: Schedule{Kind: Linear, Steps: 10, Start: 0.1, End: 0.2, Prediction: "x"}}
	checkError(t, s.Check(), `prediction is "x"`)
	s.Schedule = Schedule{Kind: Linear, Steps: 1, Start: 0.1, End: 0.2, ZeroSNR: true}
	checkError(t, s.Check(), "1 step cannot")
}
