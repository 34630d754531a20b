package diffusion

import (
	"fmt"
	"math"
	"strings"
	"testing"
)

func TestValidate(t *testing.T) {
	tests := []struct {
		name   string
		change func(*Settings)
		err    string // "" where the settings are good
	}{
		{"published", func(*Settings) {}, ""},
		{"schedule left open", func(s *Settings) { s.Schedule = Schedule{} }, ""},
		{"all zero but the rule", func(s *Settings) { *s = Settings{Rule: s.Rule} }, ""},
		{"all steps", func(s *Settings) { s.Respacing = "" }, ""},
		{"stop past the steps", func(s *Settings) { s.Stop = math.MaxInt }, ""},
		{"stop below them", func(s *Settings) { s.Stop = math.MinInt }, ""},
		{"no rule", func(s *Settings) { s.Rule = "" }, `rule "": want one of ddpm,`},
		{"respacing", func(s *Settings) { s.Respacing = "1001" }, `respacing "1001"`},
		{"schedule", func(s *Settings) { s.Schedule = DiT(5) }, "beta of step"},
		{"negative lambda", func(s *Settings) { s.Lambda = -0.1 }, "lambda is -0.1"},
		{"lambda NaN", func(s *Settings) { s.Lambda = math.NaN() }, "lambda is NaN"},
		{"lambda infinite", func(s *Settings) { s.Lambda = math.Inf(1) }, "lambda is +Inf"},
		{"cfg", func(s *Settings) { s.CFG = math.NaN() }, "cfg is NaN"},
		{"cfg channels", func(s *Settings) { s.CFGChannels = -1 }, "cfg channels are -1"},
		{"eta past 1", func(s *Settings) { s.Eta = 1.1 }, "eta is 1.1, want 0 to 1"},
	}
	for _, rule := range Rules() {
		for _, test := range tests {
			t.Run(string(rule)+"/"+test.name, func(t *testing.T) {
				s := start(t, rule)
				test.change(&s)
				checkError(t, s.Check(), test.err)
			})
		}
		s := start(t, rule)
		s.Eta = 0.5
		want := ""
		if !formulas[rule].ddim {
			want = "eta is 0.5, want 0"
		}
		checkError(t, s.Check(), want)
	}
	_, err := Published("euler")
	checkError(t, err, `rule "euler"`)
}

// checkError wants an error with part in it, or none where part is empty.
func checkError(t *testing.T, err error, part string) {
	t.Helper()
	switch {
	case part == "" && err != nil:
		t.Errorf("have error %v, want none", err)
	case part != "" && (err == nil || !strings.Contains(err.Error(), part)):
		t.Errorf("have error %v, want %q in it", err, part)
	}
}

func TestWarnings(t *testing.T) {
	tests := []struct {
		rule      Rule
		respacing string
		lambda    float64
		stop      int
		want      []string
	}{
		{DDPM, "50", 0.1, 25, nil},
		{DDPM, "50", 0.1, 49, []string{"stop 49 leaves none of the 50 steps guided"}},
		{DDPM, "10", 0, 25, nil},
		{DDPM, "10", 0.1, 5, []string{"0.32 times as far in all, lambda 0.32 about equally far"}},
		{DDPM, "200", 0.1, 100, []string{"2.1 times as far in all, lambda 0.048 about equally far"}},
		{DDPM, "200", 0.1, 25, []string{"100 is about the same place", "lambda 0.1 acts once per step"}},
		{DDPM, "200", 0.1, -1, []string{"lambda 0.1 acts once per step"}},
		{DDPMSD, "leading200", 0.1, 500, []string{"2.1 times"}},
		{DDIMPaper, "200", 0.1, 100, []string{"0.92 times"}},
		{DDIMX0, "200", 0.1, 100, []string{"0.93 times"}},
		{DDIMSD, "leading200", 0.1, 500, []string{"3.9 times"}},
		{DDIMSD, "leading50", 0.1, 990, []string{"none of the 50"}},
		{DDPM, "0", 0.1, 25, nil}, // an error, not a warning
	}
	for _, test := range tests {
		s := start(t, test.rule)
		s.Respacing, s.Lambda, s.Stop = test.respacing, test.lambda, test.stop
		have := s.Warnings()
		if len(have) != len(test.want) {
			t.Errorf("%+v: have warnings %q", test, have)
			continue
		}
		for i, want := range test.want {
			if !strings.Contains(have[i], want) {
				t.Errorf("%+v: have warning %q, want %q in it", test, have[i], want)
			}
		}
	}
}

// A process of less than 50 steps has no published counterpart to compare with.
func TestWarningWithoutCounterpart(t *testing.T) {
	s := start(t, DDPM)
	s.Schedule, s.Respacing, s.Stop = DiT(40), "", 20
	have := s.Warnings()
	if len(have) != 1 || !strings.HasSuffix(have[0], "was set for 50 steps, not 40") {
		t.Errorf("have %q", have)
	}
}

// "About equally far" means that with the λ a warning names the mean of Gaussian data moves as far
// as with 50 steps, to a quarter.
func TestWarningPullsEquallyFar(t *testing.T) {
	for _, rule := range Rules() {
		if formulas[rule].solver {
			continue // it is never warned of: TestSolverPull
		}
		for _, steps := range []int{20, 200} {
			s := start(t, rule)
			s.CFG, s.Respacing, s.Stop = 1, fmt.Sprint(steps), steps/2
			if formulas[rule].sd {
				s.Respacing, s.Stop = "leading"+s.Respacing, 500
			}
			g := newGauss(t, s.Schedule, 1)
			moved := func(s Settings) float64 {
				pulled, _, _ := g.chain(mustNew(t, s))
				s.Lambda = 0
				free, _, _ := g.chain(mustNew(t, s))
				return pulled - free
			}
			have := mustNew(t, s)
			published, err := have.published()
			if err != nil {
				t.Fatal(err)
			}
			scaled := s
			scaled.Lambda *= published.pull() / have.pull()
			want := moved(published.Settings())
			t.Logf("%s, n=%d: moves by %.3f, with the λ named by %.3f, 50 steps by %.3f", rule, steps, moved(s),
				moved(scaled), want)
			if ratio := moved(scaled) / want; math.Abs(ratio-1) > 0.25 {
				t.Errorf("%s, n=%d: moves %.2f times as far as 50 steps", rule, steps, ratio)
			}
		}
	}
}

// The executed order, the meaning of stop, and what is noisy.
func TestSteps(t *testing.T) {
	tests := []struct {
		name          string
		rule          Rule
		respacing     string
		stop          int
		eta           float64
		steps, guided int
		first, last   int // timesteps
		noisy         int
	}{
		{"published", DDPM, "50", 25, 0, 50, 24, 999, 0, 49},
		{"all but the last", DDPM, "50", 0, 0, 50, 49, 999, 0, 49},
		{"below 0 the last too", DDPM, "50", -1, 0, 50, 50, 999, 0, 49},
		{"stop at the first step", DDPM, "50", 49, 0, 50, 0, 999, 0, 49},
		{"stop past the first step", DDPM, "50", 50, 0, 50, 0, 999, 0, 49},
		{"one step", DDPM, "1", 0, 0, 1, 0, 0, 0, 0},
		{"SD counts timesteps", DDPMSD, "leading50", 500, 0, 50, 25, 981, 1, 49},
		{"SD, strictly above", DDIMSD, "leading50", 501, 0, 50, 24, 981, 1, 0},
		{"SD, stop 0 is all", DDIMSD, "leading50", 0, 0, 50, 50, 981, 1, 0},
		{"eta", DDIMX0, "ddim50", 25, 0.5, 50, 24, 980, 0, 49},
		{"a solver counts timesteps", DPM2M, "trailing16", 500, 0, 16, 8, 999, 61, 0},
		{"noise while pulled", DPM2MSDE, "trailing16", 500, 0, 16, 8, 999, 61, 8},
		{"eta 0 draws nothing", DDIMPaper, "ddim50", 25, 0, 50, 24, 980, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := start(t, test.rule)
			s.Respacing, s.Stop, s.Eta = test.respacing, test.stop, test.eta
			sampler := mustNew(t, s)
			steps := sampler.Steps()
			guided, noisy := 0, 0
			for k, step := range steps {
				if step.Index != len(steps)-1-k || len(step.Coef) != sampler.CoefLen() {
					t.Errorf("step %d is %+v", k, step)
				}
				if step.Guided {
					guided++
					if guided != k+1 {
						t.Errorf("step %d is guided after one that is not", k)
					}
				}
				if step.Noisy {
					noisy++
				}
			}
			first, last := steps[0].Timestep, steps[len(steps)-1].Timestep
			if len(steps) != test.steps || guided != test.guided || noisy != test.noisy || first != test.first ||
				last != test.last {
				t.Errorf("%d steps from %d to %d, %d guided, %d noisy; want %+v", len(steps), first, last, guided,
					noisy, test)
			}
		})
	}
}
