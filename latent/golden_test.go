package latent

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/weights"
)

const ioFile = "io.safetensors"

// goldenCase is what an autoencoder case's case.json holds.
type goldenCase struct {
	Tolerance struct {
		Mean    float64 `json:"mean_max_abs"`
		Logvar  float64 `json:"logvar_max_abs"`
		Decoded float64 `json:"decoded_max_abs"`
		Mid     float64 `json:"mid_max_abs"`
	} `json:"tolerance"`
}

// TestGolden compares the autoencoder with diffusers, tensor by tensor.
func TestGolden(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Cases(t, "vae") {
		t.Run(c.Name, func(t *testing.T) {
			var want goldenCase
			c.Decode(t, &want)
			config, err := readKL(c.Path("config.json"))
			if err != nil {
				t.Fatal(err)
			}
			set, err := weights.Autoencoder(c.Open(t, "weights.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			report := c.Report(t)
			tol := want.Tolerance
			in := func(name string) *tensors.Tensor {
				return tensors.FromFlatDataAndDimensions(c.Float32s(t, ioFile, name),
					c.Tensor(t, ioFile, name).Shape...)
			}
			out := run(t, e, set, func(p engine.Params, x []*Node) []*Node {
				mean, logvar := config.Moments(p, x[0])
				unscaled := DivScalar(config.Sample(p, x[0], x[1]), config.ScalingFactor)
				rebuilt := config.Decode(p, config.Encode(p, x[0]))
				decoded := config.Decode(p, MulScalar(x[2], config.ScalingFactor))
				return []*Node{mean, logvar, unscaled, decoded, rebuilt}
			}, in("image"), in("noise"), in("latent"))
			report.Compare("mean", out[0], c.Float32s(t, ioFile, "mean"), tol.Mean)
			report.Compare("logvar", out[1], c.Float32s(t, ioFile, "logvar"), tol.Logvar)
			// sample = mean + std·z: the bounds of mean and of logvar/2·std·|z| added.
			worst := 0.0
			std, noise := c.Float32s(t, ioFile, "std"), c.Float32s(t, ioFile, "noise")
			for i := range std {
				worst = max(worst, math.Abs(float64(std[i]*noise[i])))
			}
			report.Compare("sample", out[2], c.Float32s(t, ioFile, "sample"), tol.Mean+tol.Logvar/2*worst)
			report.Compare("decoded", out[3], c.Float32s(t, ioFile, "decoded"), tol.Decoded)
			report.Compare("reconstruction", out[4], c.Float32s(t, ioFile, "reconstruction"), tol.Decoded)
			compareMid(t, e, config, set, c, report, tol.Mid)
		})
	}
}

// readKL reads an AutoencoderKL's config.json.
func readKL(path string) (Config, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	return ParseConfig(data)
}

// compareMid compares what the case holds of the first image's values inside the network: some
// tensors whole, of others the first two channels.
func compareMid(t *testing.T, e *engine.Engine, config Config, set *weights.Set, c golden.Case, report *golden.Report,
	tol float64) {
	var names []string
	inner := func(p engine.Params, x []*Node) (out []*Node) {
		names = nil
		see := func(name string, x *Node) {
			names, out = append(names, name), append(out, channelsFirst(x))
			if name == "enc_mid" { // the probe: the middle's attention once more, on its own output
				probe := config.attention(p.In("encoder").In("mid_block").In("attentions.0"), x)
				names, out = append(names, "attn_probe_in", "attn_probe_out"),
					append(out, channelsFirst(x), channelsFirst(probe))
			}
		}
		config.moments(p, x[0], see)
		config.decoder(p, x[1], see)
		return out
	}
	got := map[string][]float32{}
	for i, flat := range run(t, e, set, inner, first(t, c, "image"), first(t, c, "latent")) {
		got[names[i]] = flat
	}
	for _, file := range c.Open(t, ioFile).Names() {
		name, ok := strings.CutPrefix(file, "mid/")
		if !ok {
			continue
		}
		name, _ = strings.CutSuffix(name, "_first2ch")
		want := c.Float32s(t, ioFile, file)
		flat, ok := got[name]
		if !ok || len(flat) < len(want) {
			t.Errorf("%s: the network has %d such numbers, want at least %d", file, len(flat), len(want))
			continue
		}
		report.Compare(file, flat[:len(want)], want, tol) // channels first: a prefix is the first channels
	}
}

// first returns the first sample of a tensor of the case.
func first(t *testing.T, c golden.Case, name string) *tensors.Tensor {
	shape := slices.Clone(c.Tensor(t, ioFile, name).Shape)
	all := c.Float32s(t, ioFile, name)
	n := len(all) / shape[0]
	shape[0] = 1
	return tensors.FromFlatDataAndDimensions(all[:n], shape...)
}

// run compiles f for the tensors of set that it asks for, and runs it.
func run(t *testing.T, e *engine.Engine, set *weights.Set, f engine.Func, in ...*tensors.Tensor) [][]float32 {
	t.Helper()
	var dims []shapes.Shape
	for _, x := range in {
		dims = append(dims, x.Shape())
	}
	specs, err := e.Declare(f, dims...)
	if err != nil {
		t.Fatal(err)
	}
	w, err := e.Upload(set, specs)
	if err != nil {
		t.Fatal(err)
	}
	program, err := e.Compile(t.Name(), f, w)
	if err != nil {
		t.Fatal(err)
	}
	out, err := program.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	flat := make([][]float32, len(out))
	for i := range out {
		flat[i] = tensors.MustCopyFlatData[float32](out[i])
	}
	return flat
}

func openEngine(t *testing.T) *engine.Engine {
	return testengine.Open(t)
}
