package distill

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/internal/fixtures"
	"mgd3/internal/fixtures/testengine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/stage"
)

// outputs are what the tiny networks give for the same inputs in a precision: the denoiser's for three rows, latents,
// images.
func outputs(t *testing.T, model string, precision engine.Precision) [3][]float32 {
	t.Helper()
	e := testengine.Open(t)
	e.Precision = precision
	vae, errVAE := latent.Open(t.Context(), e, filepath.Join(model, "autoencoder"))
	net, errNet := dit.Open(t.Context(), e, filepath.Join(model, "dit"))
	if err := errors.Join(errVAE, errNet); err != nil {
		t.Fatal(err)
	}
	const n, d = 3, 4 * 4 * 4
	x := make([]float32, n*d)
	rng.Normals(rng.Stream(1, "x"), x)
	denoise, err := e.Compile("denoise", func(p engine.Params, in []*Node) []*Node {
		return []*Node{net.Forward(p, in[0], in[1], in[2])}
	}, net.Weights)
	if err != nil {
		t.Fatal(err)
	}
	var out [3][]float32
	out[0] = make([]float32, 2*n*d)
	out[1] = make([]float32, n*d)
	out[2] = make([]float32, n*3*fixtures.Size*fixtures.Size)
	pixels := make([]float32, len(out[2]))
	for i := range pixels {
		pixels[i] = float32(math.Sin(float64(i)))
	}
	if err := errors.Join(
		denoise.Into(out[0], tensors.FromFlatDataAndDimensions(x, n, 4, 4, 4),
			tensors.FromValue([]float32{999, 500, 0}), tensors.FromValue([]int32{0, 1, 2})),
		vae.EncodeMean(out[1], pixels, fixtures.Size),
		vae.DecodeTo(out[2], x, fixtures.Size),
	); err != nil {
		t.Fatal(err)
	}
	return out
}

// TestBF16: the networks can be built and run in bfloat16, and differ from float32 by its rounding. A rounding is
// wrong by a share 2⁻⁹/√3 on average. On the longest way, through the decoder's 12 convolutions and attention, a
// number is rounded about 60 times, in the denoiser's two blocks about 40 times; errors add up as the root of that:
// √60·2⁻⁹/√3 = 0.9 %, and norms, which divide by the spread of few numbers here, may double it.
func TestBF16(t *testing.T) {
	model := filepath.Join(t.TempDir(), "model")
	if err := fixtures.Model(model, 1); err != nil {
		t.Fatal(err)
	}
	const most = 0.02
	for _, fused := range []string{"true", "false"} { // without fused operations the graphs are those that xla gets
		t.Setenv(FusionEnv, fused)
		exact, narrow := outputs(t, model, engine.Float32), outputs(t, model, engine.BF16)
		for i, name := range []string{"denoiser", "encoder", "decoder"} {
			diff, norm, worst := 0.0, 0.0, 0.0
			for j, v := range exact[i] {
				d := float64(narrow[i][j]) - float64(v)
				diff, norm, worst = diff+d*d, norm+float64(v)*float64(v), max(worst, math.Abs(d))
			}
			share := math.Sqrt(diff / norm)
			t.Logf("fused %s, %s: root mean square %.2g, off by %.2g of it, at most %.2g", fused, name,
				math.Sqrt(norm/float64(len(exact[i]))), share, worst)
			if !(share <= most) || share == 0 {
				t.Errorf("fused %s, %s: bf16 is off by %.2g of the norm, want more than 0 and at most %v", fused, name,
					share, most)
			}
		}
	}
}

// TestPrecisionIsRecorded: a run in bf16 says so, and is another run than one in float32.
func TestPrecisionIsRecorded(t *testing.T) {
	r := tinyRun(t, 3)
	backend := r.Engine.Name()
	r.Engine.Precision = engine.BF16
	m, err := r.Do(t.Context())
	want := r.Engine.Name() // with the arithmetic of the processor, where it has one of its own
	if err != nil || m == nil || m.Backend != want || !strings.HasSuffix(want, " in bf16") || want == backend {
		t.Fatalf("got %+v, %v, want the backend %s, in bf16", m, err, want)
	}
	r.Engine.Precision = engine.Float32
	if _, err := r.Do(t.Context()); !errors.Is(err, stage.ErrOther) {
		t.Errorf("got %v, want an ErrOther", err)
	}
	if r.Engine.Name() != backend {
		t.Errorf("float32 is called %q, want %s as before", r.Engine.Name(), backend)
	}
}
