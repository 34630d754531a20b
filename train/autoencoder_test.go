package train

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/weights"
)

func smallAutoencoder() AutoencoderSettings {
	return AutoencoderSettings{Channels: []int{8, 8}, Layers: 1, Latent: 2, Groups: 4, Loss: L1, KL: 1e-3}
}

// TestAutoencoderLoss compares the terms with their definitions in float64, for what the network makes.
func TestAutoencoderLoss(t *testing.T) {
	e := open(t)
	const b, side, row = 2, 8, 3 * 8 * 8
	x, zeta := make([]float32, b*row), make([]float32, b*2*4*4)
	rng.Normals(rng.Stream(1, "x"), x)
	rng.Normals(rng.Stream(1, "zeta"), zeta)
	for _, loss := range Losses {
		s := smallAutoencoder()
		s.Loss, s.Gradient, s.KL = loss, 0.3, 0.25
		a := &autoencoding{settings: s, config: s.config(side)}
		f := func(p engine.Params, in []*Node) []*Node {
			mean, logvar := a.config.Moments(p, in[0])
			y := a.config.Decode(p, Add(mean, Mul(Exp(MulScalar(logvar, 0.5)), in[1])))
			return append(a.loss(p, in), mean, logvar, y)
		}
		w := freshOf(t, e, f, likeTorch, shapes.Make(latent.DType, b, 3, side, side),
			shapes.Make(latent.DType, b, 2, 4, 4))
		program, err := e.Compile("loss", f, w)
		if err != nil {
			t.Fatal(err)
		}
		out, err := program.Run(tensors.FromFlatDataAndDimensions(x, b, 3, side, side),
			tensors.FromFlatDataAndDimensions(zeta, b, 2, 4, 4))
		if err != nil {
			t.Fatal(err)
		}
		mean, logvar, y := flat(out[4]), flat(out[5]), flat(out[6])
		norm := math.Abs
		if loss == L2 {
			norm = func(v float64) float64 { return v * v }
		}
		d := func(i int) float64 { return float64(x[i]) - float64(y[i]) }
		var pixels, rows, columns, kl float64
		for i := range x {
			pixels += norm(d(i)) / (b * row)
			if i%side+1 < side {
				columns += norm(d(i+1)-d(i)) / (b * 3 * side * (side - 1))
			}
			if i/side%side+1 < side {
				rows += norm(d(i+side)-d(i)) / (b * 3 * side * (side - 1))
			}
		}
		for i, m := range mean {
			v := float64(logvar[i])
			kl += 0.5 * (float64(m)*float64(m) + math.Exp(v) - 1 - v) / float64(len(mean))
		}
		want := []float64{pixels + s.KL*kl + s.Gradient*(rows+columns), pixels, kl, rows + columns}
		for i := range want { // sums of up to 384 numbers in float32
			if got := float64(tensors.ToScalar[float32](out[i])); math.Abs(got-want[i]) > 400*0x1p-24*max(1, want[i]) {
				t.Errorf("%s: term %d is %v, want %v", loss, i, got, want[i])
			}
		}
	}
}

func TestAutoencoderCheck(t *testing.T) {
	if err := smallAutoencoder().Check(16); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*AutoencoderSettings){
		"multiple of norm_num_groups": func(s *AutoencoderSettings) { s.Groups = 3 },
		"latent_channels is 0":        func(s *AutoencoderSettings) { s.Latent = 0 },
		"multiple of 32":              func(s *AutoencoderSettings) { s.Channels = []int{8, 8, 8, 8, 8, 8} },
		`the loss is "l3"`:            func(s *AutoencoderSettings) { s.Loss = "l3" },
		"weight of kl is NaN":         func(s *AutoencoderSettings) { s.KL = math.NaN() },
		"weight of gradient is -1":    func(s *AutoencoderSettings) { s.Gradient = -1 },
	} {
		s := smallAutoencoder()
		change(&s)
		if err := s.Check(16); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error with %q", err, want)
		}
	}
}

// TestPerceptual: the term of LPIPS counts with its weight.
func TestPerceptual(t *testing.T) {
	dims := []int{1, 3, 1, 1}
	network := golden.Some(t, "lpips")[0].FormulaFile(t, weights.F32("scaling_layer.shift", dims,
		[]float32{-0.030, -0.088, -0.188}),
		weights.F32("scaling_layer.scale", dims, []float32{0.458, 0.448, 0.450}))
	o := options(t, images(t))
	o.Protocol.Steps, o.Protocol.LogEvery, o.SampleEvery, o.Images.Size = 3, 1, 0, 32
	s := smallAutoencoder()
	s.Perceptual = 0.5
	if err := TrainAutoencoder(t.Context(), o, s, ""); err == nil || !strings.Contains(err.Error(), "no network") {
		t.Errorf("without a network: got %v, want an error that says so", err)
	}
	if err := TrainAutoencoder(t.Context(), o, s, network); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(o.workDir(networkAutoencoder), "loss.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(data)), "\n")
	if want := "step,loss,pixels,kl,perceptual,gradient norm"; rows[0] != want || len(rows) != 4 {
		t.Fatalf("the curve is %q, want three rows of %q", rows, want)
	}
	for _, row := range rows[1:] {
		var step int
		var loss, pixels, kl, far float64
		if _, err := fmt.Sscanf(row, "%d,%g,%g,%g,%g", &step, &loss, &pixels, &kl, &far); err != nil {
			t.Fatal(err)
		}
		// Every number is written with six digits.
		if want := pixels + s.KL*kl + s.Perceptual*far; !(far > 0) || math.Abs(loss-want) > 2e-6*want {
			t.Errorf("%q: the loss is %v, want %v", row, loss, want)
		}
	}
}
