package diffusion

import (
	"math"
	"strings"
	"testing"

	"mgd3/internal/fixtures/golden"
)

func TestBetas(t *testing.T) {
	tests := []struct {
		name        string
		schedule    Schedule
		first, last float64
		err         string
	}{
		{"one step", Schedule{Kind: Linear, Steps: 1, Start: 0.1, End: 0.2}, 0.1, 0.1, ""},
		{"two steps", Schedule{Kind: Linear, Steps: 2, Start: 0.1, End: 0.2}, 0.1, 0.2, ""},
		{"DiT", DiT(1000), 1e-4, 0.02, ""},
		{"DiT, fewer steps", DiT(500), 2e-4, 0.04, ""},
		{"Stable Diffusion", StableDiffusion(), 0.00085, 0.012, ""},
		{"cosine", Schedule{Kind: Cosine, Steps: 1000}, 4.128422e-5, 0.999, ""},
		{"no steps", Schedule{Kind: Linear, Steps: 0, Start: 0.1, End: 0.2}, 0, 0, "have 0 steps"},
		{"no kind", Schedule{Kind: "", Steps: 10, Start: 0.1, End: 0.2}, 0, 0, `schedule is ""`},
		{"too few for DiT", DiT(20), 0, 0, "beta of step 19 is 1"},
		{"no noise", Schedule{Kind: Linear, Steps: 10, Start: 0, End: 0.1}, 0, 0, "beta of step 0 is 0"},
		{"NaN", Schedule{Kind: ScaledLinear, Steps: 10, Start: math.NaN(), End: 0.1}, 0, 0, "beta of step 0 is NaN"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			betas, err := test.schedule.Betas()
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("have error %v, want %q in it", err, test.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			first, last := betas[0], betas[len(betas)-1]
			if math.Abs(first-test.first) > 1e-6*test.first || math.Abs(last-test.last) > 1e-6*test.last {
				t.Errorf("from %v to %v, want %v to %v", first, last, test.first, test.last)
			}
		})
	}
}

// One step has no step to take a variance from; its logarithm is then that of the upper bound.
func TestChainOfOneStep(t *testing.T) {
	c, err := NewChain(DiT(1000), "1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Len() != 1 || c.PosteriorVariance[0] != 0 || c.PosteriorLogVariance[0] != math.Log(c.Beta[0]) {
		t.Errorf("have %+v", c)
	}
	if c.PosteriorMeanX0[0] != 1 || c.PosteriorMeanX[0] != 0 {
		t.Errorf("the last step is %v·x0 + %v·x, want x0", c.PosteriorMeanX0[0], c.PosteriorMeanX[0])
	}
}

func TestScheduleGolden(t *testing.T) {
	for _, c := range golden.Cases(t, "schedule") {
		t.Run(c.Name, func(t *testing.T) { scheduleGolden(t, c) })
	}
}

func scheduleGolden(t *testing.T, c golden.Case) {
	var spec struct {
		Base struct {
			Kind  Kind
			Steps int
			Start float64 `json:"beta_start"`
			End   float64 `json:"beta_end"`
		} `json:"base_schedule"`
		Respacings []struct{ Respacing, Prefix string }
		Rejections []struct {
			Respacing string
			Accepted  bool
			Count     int
			Message   string
		} `json:"respacing_rejections"`
		Files map[string]map[string]any
	}
	c.Decode(t, &spec)
	base := Schedule{Kind: spec.Base.Kind, Steps: spec.Base.Steps, Start: spec.Base.Start, End: spec.Base.End}
	tolerance := c.Tolerance(t, "arrays_relative")
	report := c.Report(t)
	for file, tensors := range spec.Files {
		for _, r := range spec.Respacings {
			chain, err := NewChain(base, r.Respacing)
			if err != nil {
				t.Fatal(err)
			}
			for name, have := range map[string][]float64{
				"betas":                          chain.Beta,
				"alphas_cumprod":                 chain.AlphaBar,
				"alphas_cumprod_prev":            chain.AlphaBarPrev,
				"posterior_variance":             chain.PosteriorVariance,
				"posterior_log_variance_clipped": chain.PosteriorLogVariance,
				"posterior_mean_coef1":           chain.PosteriorMeanX0,
				"posterior_mean_coef2":           chain.PosteriorMeanX,
				"sqrt_recip_alphas_cumprod":      chain.RecipRoot,
				"sqrt_recipm1_alphas_cumprod":    chain.RecipM1Root,
			} {
				name = r.Prefix + "/" + name
				if _, ok := tensors[name]; !ok && chain.Len() == 1 {
					continue // the reference has no logarithm of a single step's variance
				}
				report.CompareRelative(name, have, c.Float64s(t, file, name), tolerance)
			}
			equalInts(t, r.Prefix, chain.Timesteps, c.Int64s(t, file, r.Prefix+"/timestep_map"))
		}
		if _, ok := tensors["cosine/betas"]; ok {
			want := c.Float64s(t, file, "cosine/betas")
			have, err := Schedule{Kind: Cosine, Steps: len(want)}.Betas()
			if err != nil {
				t.Fatal(err)
			}
			report.CompareRelative("cosine/betas", have, want, tolerance)
		}
	}
	for _, r := range spec.Rejections {
		steps, err := Respace(r.Respacing, base.Steps)
		switch {
		case r.Accepted && (err != nil || len(steps) != r.Count):
			t.Errorf("respacing %q: have %d steps and error %v, want %d", r.Respacing, len(steps), err, r.Count)
		case !r.Accepted && (err == nil || !strings.Contains(err.Error(), r.Message)):
			t.Errorf("respacing %q: have error %v, want %q in it", r.Respacing, err, r.Message)
		}
	}
}

func equalInts(t *testing.T, name string, have []int, want []int64) {
	t.Helper()
	if len(have) != len(want) {
		t.Errorf("%s: have %d timesteps, want %d", name, len(have), len(want))
		return
	}
	for i := range want {
		if int64(have[i]) != want[i] {
			t.Errorf("%s: timestep %d is %d, want %d", name, i, have[i], want[i])
			return
		}
	}
}
