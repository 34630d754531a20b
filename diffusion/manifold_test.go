package diffusion

import (
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/internal/fixtures/golden"
)

// TestManifoldGolden compares the term of one step with its formula in NumPy, where the tangent is that of the nearest
// points' covariance, and with what ManifoldGD's program added in its steps, the random numbers given.
func TestManifoldGolden(t *testing.T) {
	for _, c := range golden.Some(t, "manifold") {
		var spec struct {
			Steps []struct {
				Name                     string
				Scale, Bandwidth, Radius float64
				Tangent                  int
				AlphaBar                 float64 `json:"alpha_bar"`
			}
		}
		c.Decode(t, &spec)
		report, mode := c.Report(t), c.Float32s(t, "io.safetensors", "mode")
		for _, s := range spec.Steps {
			of := func(name string) []float32 { return c.Float32s(t, "io.safetensors", s.Name+"/"+name) }
			points := cloud{of("dirs"), of("radii"), of("noise"), s.Radius}.points(mode, s.AlphaBar)
			term := manifoldTerm(of("x"), points, s.Scale, s.Tangent, s.Bandwidth)
			report.Compare(s.Name+"/term", single(term), of("term"), c.Tolerance(t, "term"))
		}
	}
	for _, c := range golden.Cases(t, "sampling") {
		if _, err := os.Stat(filepath.Join(c.Dir, "manifold_draws.safetensors")); err == nil {
			programsTerm(t, c)
		}
	}
}

// programsTerm compares with runs of the program. Its own float32 is within the tolerance.
func programsTerm(t *testing.T, c golden.Case) {
	const within = 1e-4
	type parameters struct {
		Scale     float64   `json:"manifold_guidance_scale"`
		Bandwidth float64   `json:"density_bandwidth"`
		Tangent   int       `json:"tangent_dim"`
		Radii     []float64 `json:"effective_radius_per_guided_step"`
	}
	var spec struct {
		Runs []struct {
			File, Respacing string
			Manifold        *parameters
		}
	}
	c.Decode(t, &spec)
	mode := c.Float32s(t, "inputs.safetensors", "mode")
	d := len(mode)
	draw := func(name string, step int) []float32 {
		all := c.Float32s(t, "manifold_draws.safetensors", name)
		return all[step*len(all)/2 : (step+1)*len(all)/2]
	}
	report := c.Report(t)
	for _, r := range spec.Runs {
		if r.Manifold == nil || r.File == "manifold_defaults_ddim_10.safetensors" {
			continue // DDIM's x and draws are in another order there; the term is the same function
		}
		chain, err := NewChain(DiT(1000), r.Respacing)
		if err != nil {
			t.Fatal(err)
		}
		x, want := c.Float32s(t, r.File, "x"), c.Float32s(t, r.File, "manifold_term")
		for step, radius := range r.Manifold.Radii {
			points := cloud{draw("dir", step), draw("radii", step), draw("noise", step),
				radius}.points(mode, chain.AlphaBar[chain.Len()-1-step])
			term := manifoldTerm(x[2*step*d:(2*step+1)*d], points, r.Manifold.Scale, r.Manifold.Tangent,
				r.Manifold.Bandwidth)
			report.Compare(r.File, single(term), want[2*step*d:(2*step+1)*d], within)
		}
	}
}

// single rounds to float32.
func single(x []float64) []float32 {
	out := make([]float32, len(x))
	for i, v := range x {
		out[i] = float32(v)
	}
	return out
}

// TestManifoldTerm: of points on a line the way back is across it, as long as the scale where the nearest is far, and
// shorter where it is near; on the line there is none.
func TestManifoldTerm(t *testing.T) {
	var points [][]float64
	for i := range 40 {
		points = append(points, []float64{float64(i) / 10, 0, 0})
	}
	for _, c := range []struct {
		x      []float32
		length float64
	}{{[]float32{2, 3, 0}, 0.1}, {[]float32{2, 0.05, 0}, 0.1 * math.Tanh(0.5)}, {[]float32{2, 0, 0}, 0}} {
		term := manifoldTerm(c.x, points, 0.1, 1, 0.1)
		if math.Abs(term[0]) > 1e-9 || math.Abs(term[2]) > 1e-9 || math.Abs(term[1]+c.length) > 1e-7 {
			t.Errorf("%v: %v, want 0, %v, 0", c.x, term, -c.length)
		}
	}
}

// TestManifoldIsAPull: what the guide adds to x stays there if UniPC takes the step again, and is forgotten as a pull
// is: it is in what the rules keep for both.
func TestManifoldIsAPull(t *testing.T) {
	for rule, places := range map[Rule][]int{DDPM: {0}, DPM2MSDE: {0}, DPM2M: {0, 2}, UniPC: {0, 2, 3}} {
		second := func(g Guide) (state []float32, states int) { // what the second step begins with
			s := start(t, rule)
			s.Guide = g
			if g == Manifold {
				s.GuideScale = 0.1
			}
			sampler := mustNew(t, s)
			exec, calls, b := stepper(t, sampler, toy, 0), 0, images(1)
			b.Cloud = func(_, _ int, normals, radii []float32) {
				for i := range normals {
					normals[i] = float32(i%7) - 3
				}
				for i := range radii {
					radii[i] = 0.5
				}
			}
			_, err := sampler.Run(t.Context(), func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
				if calls++; calls == 2 {
					state = tensors.MustCopyFlatData[float32](x)
				}
				return exec(x, label, mode, z, coef)
			}, b)
			if err != nil {
				t.Fatal(err)
			}
			return state, sampler.States()
		}
		with, states := second(Manifold)
		without, _ := second("")
		n := len(with) / states
		for part := range states {
			moved := false
			for l := part * n; l < (part+1)*n; l++ {
				want := float32(0)
				if slices.Contains(places, part) {
					want = with[l%n] - without[l%n]
				}
				moved = moved || want != 0
				// two sums of numbers below 8 are rounded
				if off := with[l] - without[l] - want; !(math.Abs(float64(off)) <= 4*0x1p-22) {
					t.Errorf("%s: number %d of part %d moves by %v, want %v", rule, l%n, part, with[l]-without[l], want)
				}
			}
			if moved != slices.Contains(places, part) {
				t.Errorf("%s: part %d moved: %v", rule, part, moved)
			}
		}
	}
}

// TestManifoldRadius: the numbers that ManifoldGD's program had in its own runs, stop 7 of 10 steps among them; the
// window ends at stop, and without one the radius stays.
func TestManifoldRadius(t *testing.T) {
	for _, c := range []struct {
		rule             Rule
		steps            string
		stop, warm, from int // from is the step that is asked for first
		want             []float64
	}{
		{DDPM, "10", 7, 5, 9, []float64{2, 1.3775406687981455, 1, 1}},
		{DDPM, "50", 25, 5, 49, []float64{2, (math.Exp(0.8)-1)/(math.E-1) + 1, (math.Exp(0.6)-1)/(math.E-1) + 1,
			(math.Exp(0.4)-1)/(math.E-1) + 1, (math.Exp(0.2)-1)/(math.E-1) + 1, 1, 1}},
		{DDPM, "50", 25, 1, 49, []float64{2, 1}},
		{DDPM, "50", 25, 0, 49, []float64{1, 1}},
		{DDPM, "4", -1, 9, 3, []float64{2, (math.Exp(0.75)-1)/(math.E-1) + 1, (math.Exp(0.5)-1)/(math.E-1) + 1,
			(math.Exp(0.25)-1)/(math.E-1) + 1}},
		{DDPMSD, "leading10", 800, 5, 9, []float64{2, 1.3775406687981455, 1}}, // timesteps 901, 801, 701
	} {
		s := start(t, c.rule)
		s.Respacing, s.Stop, s.Guide, s.GuideScale, s.GuideWarm = c.steps, c.stop, Manifold, 0.1, c.warm
		sampler := mustNew(t, s)
		for i, want := range c.want {
			if got := sampler.radius(c.from - i); math.Abs(got/manifoldRadius-want) > 1e-12 {
				t.Errorf("%s of %s, stop %d, warm %d: step %d has %v times the radius, want %v", c.rule, c.steps,
					c.stop, c.warm, c.from-i, got/manifoldRadius, want)
			}
		}
	}
	s := start(t, DDPM)
	s.GuideWarm = 5
	if _, err := New(s); err == nil {
		t.Error("without the guide: got no error")
	}
}
