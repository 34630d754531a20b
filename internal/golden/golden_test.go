package golden

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"mgd3/weights"
)

// recorder is a test that remembers how it ended, to test helpers that fail tests.
type recorder struct {
	testing.TB
	failed, skipped bool
	text            strings.Builder
	cleanups        []func()
}

func (r *recorder) Helper()                        {}
func (r *recorder) Cleanup(f func())               { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Logf(format string, a ...any)   { fmt.Fprintf(&r.text, format+"\n", a...) }
func (r *recorder) Errorf(format string, a ...any) { r.failed = true; r.Logf(format, a...) }
func (r *recorder) Fatalf(format string, a ...any) { r.Errorf(format, a...); runtime.Goexit() }
func (r *recorder) Skipf(format string, a ...any) {
	r.skipped = true
	r.Logf(format, a...)
	runtime.Goexit()
}

// record runs f as a test of its own.
func record(t *testing.T, f func(testing.TB)) *recorder {
	r := &recorder{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			for _, f := range slices.Backward(r.cleanups) {
				f()
			}
		}()
		f(r)
	}()
	<-done
	return r
}

// set makes a folder of cases from their case.json and points MGD3_GOLDEN at it.
func set(t *testing.T, cases map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range cases {
		path := filepath.Join(dir, filepath.FromSlash(name), "case.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("MGD3_GOLDEN", dir)
	return dir
}

func TestCases(t *testing.T) {
	dir := set(t, map[string]string{
		"dit_b": `{"case": "dit_b"}`, "deep/down/x": `{"case": "dit_a"}`, "dit_unnamed": `{}`,
		"vae_tiny":     `{"case": "vae_tiny"}`,
		"nets/convnet": `{"case": "nets/convnet"}`,
	})
	for kind, want := range map[string][]string{
		"dit": {"dit_a", "dit_b", "dit_unnamed"}, "vae": {"vae_tiny"}, "nets": {"nets/convnet"},
		"nets/conv": {"nets/convnet"},
	} {
		var got []string
		own := 0
		for _, c := range Cases(t, kind) {
			if strings.HasPrefix(c.Dir, dir) {
				got = append(got, c.Name)
			} else if own++; len(got) > 0 {
				t.Errorf("kind %s: the repository's own case %s comes after others", kind, c.Name)
			}
		}
		if !slices.Equal(got, want) || own == 0 {
			t.Errorf("kind %s: have %q and %d own, want %q and some", kind, got, own, want)
		}
	}
	if r := record(t, func(tb testing.TB) { Cases(tb, "kmeans") }); !r.failed ||
		!strings.Contains(r.text.String(), `no case of kind "kmeans"`) {
		t.Errorf("a kind without cases passes: %s", &r.text)
	}
}

func TestEmptyFolderFails(t *testing.T) {
	set(t, nil)
	if r := record(t, func(tb testing.TB) { Cases(tb, "dit") }); !r.failed {
		t.Errorf("an empty folder passes: %s", &r.text)
	}
}

func TestNoFolderFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "none")
	t.Setenv("MGD3_GOLDEN", dir)
	if r := record(t, func(tb testing.TB) { Cases(tb, "dit") }); !r.failed || !strings.Contains(r.text.String(), dir) {
		t.Errorf("failed %v, says %s; want it failed, with the folder's name", r.failed, &r.text)
	}
}

func TestBadCaseFails(t *testing.T) {
	dir := set(t, map[string]string{"dit": `{"case": `})
	if r := record(t, func(tb testing.TB) { Cases(tb, "dit") }); !r.failed ||
		!strings.Contains(r.text.String(), filepath.Join(dir, "dit", "case.json")) {
		t.Errorf("a damaged case.json passes: %s", &r.text)
	}
}

func TestRoots(t *testing.T) {
	module, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	own, shared, abs := filepath.Join(module, "testdata", "golden"), filepath.Join(filepath.Dir(module), "shared",
		"golden"), t.TempDir()
	nothing := []string{own}
	if _, err := os.Stat(shared); err == nil {
		nothing = []string{own, shared}
	}
	for env, want := range map[string][]string{
		"":       nothing,
		"vec/up": {own, filepath.Join(module, "vec", "up")},
		abs:      {own, abs},
	} {
		t.Setenv("MGD3_GOLDEN", env)
		if got := roots(t); !slices.Equal(got, want) {
			t.Errorf("MGD3_GOLDEN=%s: have %q, want %q", env, got, want)
		}
	}
}

// case1 returns the one case of the kind in the folder dir.
func case1(t *testing.T, dir, kind string) Case {
	t.Helper()
	for _, c := range below(t, dir) {
		if strings.HasPrefix(c.Name, kind) {
			return c
		}
	}
	t.Fatalf("no case of kind %q below %s", kind, dir)
	return Case{}
}

func TestTolerance(t *testing.T) {
	dir := set(t, map[string]string{
		"new": `{"tolerance": {"mean": 0.25, "exact": 0, "words": "see README"}}`,
		"old": `{"tolerance": {
			"float64 arrays": "relative 1e-9 (values are float64; last-bit differences allowed)",
			"per_step": "Row 0, with S = sqrt(1/alpha_bar_t): pred_xstart max abs 3e-5*S*max(1, max abs of x[k]); ` +
			`mean max abs 1e-4*M; ` +
			`x[k+1] max abs (2e-4 + 5e-5*S*scale)*M; ` +
			`log_variance max abs 6e-4; manifold_term max abs 1e-4.",
			"full_run": "row 0 of x[steps]: max abs 1e-3 (runs with clip_denoised: 5e-3); ` +
			`runs flagged: only relative to the max abs value, 2e-3; error_growth",
			"centers": "max abs 2e-5 * data scale (data is O(1)): use 1e-4", "inertia": "relative 1e-4",
			"kmeanspp_quality": "own mean final inertia over 20 seeds <= reference mean * 1.02 ` +
			`(and never below best_of_30 * 0.98)",
			"jpeg_decode": "libjpeg-turbo result: max 4 levels and mean 0.4 per file"}}`,
	})
	for name, want := range map[string]map[string]float64{
		"new": {"mean": 0.25, "exact": 0},
		"old": {
			"arrays_relative": 1e-9, "pred_xstart": 3e-5, "mean": 1e-4, "next": 2e-4, "pull": 5e-5,
			"log_variance": 6e-4,
			"full_run":     1e-3, "full_run_clipped": 5e-3, "full_run_out_of_range": 2e-3, "centers": 1e-4,
			"inertia_relative": 1e-4,
			"quality_most":     1.02, "quality_least": 0.98, "jpeg_most_levels": 4, "jpeg_mean_levels": 0.4,
		},
	} {
		c := case1(t, dir, name)
		for key, v := range want {
			if got := c.Tolerance(t, key); got != v {
				t.Errorf("%s: %s: have %g, want %g", name, key, got, v)
			}
		}
	}
	for _, key := range []string{"words", "absent", "pull", "centers"} {
		c := case1(t, dir, "new")
		if r := record(t, func(tb testing.TB) { c.Tolerance(tb, key) }); !r.failed ||
			!strings.Contains(r.text.String(), key) {
			t.Errorf("%s: passes: %s", key, &r.text)
		}
	}
}

func TestTensors(t *testing.T) {
	dir := set(t, map[string]string{"set/sampling": `{"case": "sampling",
		"model": "dit_x (weights in the dit_x case)"}`, "set/dit_x": `{"case": "dit_x"}`})
	var b bytes.Buffer
	err := weights.Write(&b, []weights.Tensor{weights.F64("x", []int{2}, []float64{1, 0.5}),
		weights.I64("n", nil, []int64{7})}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "set", "dit_x", "io.safetensors"), b.Bytes(), 0o666); err != nil {
		t.Fatal(err)
	}
	c := case1(t, dir, "sampling")
	var settings struct{ Model string }
	c.Decode(t, &settings)
	model := c.Sibling(t, settings.Model)
	if model.Name != "dit_x" {
		t.Fatalf("sibling %q, want dit_x", model.Name)
	}
	if got := model.Float32s(t, "io.safetensors", "x"); !slices.Equal(got, []float32{1, 0.5}) {
		t.Errorf("x is %v", got)
	}
	if got := model.Float64s(t, "io.safetensors", "x"); !slices.Equal(got, []float64{1, 0.5}) {
		t.Errorf("x is %v", got)
	}
	if got := model.Int64s(t, "io.safetensors", "n"); !slices.Equal(got, []int64{7}) {
		t.Errorf("n is %v", got)
	}
	for name, f := range map[string]func(testing.TB){
		"no such file":    func(tb testing.TB) { model.Float32s(tb, "none.safetensors", "x") },
		"no such tensor":  func(tb testing.TB) { model.Float32s(tb, "io.safetensors", "y") },
		"another type":    func(tb testing.TB) { model.Int64s(tb, "io.safetensors", "x") },
		"no such sibling": func(tb testing.TB) { c.Sibling(tb, "dit_y") },
		"no sibling":      func(tb testing.TB) { c.Sibling(tb, "") },
	} {
		if r := record(t, f); !r.failed {
			t.Errorf("%s: passes", name)
		}
	}
}

func TestCompare(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, c := range []struct {
		name      string
		got, want []float32
		tol       float64
		pass      bool
		worst     string // in the log
	}{
		{"equal", []float32{1, 2}, []float32{1, 2}, 0, true, "0.00e+00 of 0.00e+00, at 0"},
		{"at the bound", []float32{1, 2.5}, []float32{1, 2}, 0.5, true, "5.00e-01 of 5.00e-01, at 1"},
		{"beyond", []float32{1, 2.5, 2.25}, []float32{1, 2, 2}, 0.25, false, "at 1"},
		{"exact, second differs", []float32{1, 2.5}, []float32{1, 2}, 0, false, "at 1"},
		{"NaN", []float32{nan}, []float32{1}, 1, false, "NaN"},
		{"NaN wanted", []float32{1}, []float32{nan}, 1, false, "NaN"},
		{"NaN both", []float32{1, nan, 5}, []float32{1, nan, 1}, 1, false, "at 1"},
		{"infinite both", []float32{inf}, []float32{inf}, 1, false, "NaN"},
		{"infinite", []float32{inf}, []float32{0}, 1, false, "at 0"},
		{"bound NaN", []float32{0}, []float32{0}, math.NaN(), false, "at 0"},
		{"too few", []float32{1}, []float32{1, 2}, 1, false, "have 1 elements, want 2"},
		{"none", nil, nil, 1, false, "at least one"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var pass bool
			r := record(t, func(tb testing.TB) { pass = Compare(tb, "x", c.got, c.want, c.tol) })
			if pass != c.pass || r.failed == c.pass {
				t.Errorf("returned %v, failed %v, want pass %v", pass, r.failed, c.pass)
			}
			if !strings.Contains(r.text.String(), c.worst) {
				t.Errorf("logs %q, want %q", &r.text, c.worst)
			}
		})
	}
}

func TestCompareRelative(t *testing.T) {
	for _, c := range []struct {
		got, want []float64
		pass      bool
	}{
		{[]float64{1e9 + 1, 0, -1}, []float64{1e9, 0, -1}, true}, // 1e-9 of each
		{[]float64{1e9 + 2}, []float64{1e9}, false},
		{[]float64{1e-300}, []float64{0}, false},
		{[]float64{-1}, []float64{1}, false},
	} {
		var pass bool
		record(t, func(tb testing.TB) { pass = Case{Name: "a"}.Report(tb).CompareRelative("x", c.got, c.want, 1e-9) })
		if pass != c.pass {
			t.Errorf("have %v, want %v: passes %v, want %v", c.got, c.want, pass, c.pass)
		}
	}
}
