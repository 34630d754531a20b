package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/dit"
	"mgd3/engine"
	"mgd3/rng"
	"mgd3/weights"
)

// newDenoising is a small denoiser's training without images.
func newDenoising(t *testing.T) (*denoising, []shapes.Shape) {
	t.Helper()
	chain, err := diffusion.NewChain(diffusion.DiT(timesteps), "")
	if err != nil {
		t.Fatal(err)
	}
	d := &denoising{
		o: &Options{Engine: open(t), Protocol: small()}, chain: chain,
		config: DiTSettings{Patch: 2, Hidden: 16, Depth: 1, Heads: 2}.config([]int{2, 4, 4}, 3),
	}
	x := shapes.Make(dit.TimeType, 3, 2, 4, 4)
	return d, []shapes.Shape{x, x, shapes.Make(dit.TimeType, 3), shapes.Make(dit.LabelType, 3),
		shapes.Make(dtypes.Float32, 3, coefCount)}
}

// lossInputs are three images at the ends and in the middle of the process.
func (d *denoising) lossInputs(times []int) (in []*tensors.Tensor, x0, eps []float32) {
	const n = 2 * 4 * 4
	x0, eps = make([]float32, 3*n), make([]float32, 3*n)
	rng.Normals(rng.Stream(1, "x0"), x0)
	rng.Normals(rng.Stream(1, "eps"), eps)
	time, coef := make([]float32, 3), make([]float32, 3*coefCount)
	for i, t := range times {
		time[i] = float32(t)
		d.coef(coef[i*coefCount:(i+1)*coefCount], t)
	}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(x0, 3, 2, 4, 4), tensors.FromFlatDataAndDimensions(eps, 3, 2, 4, 4),
		tensors.FromValue(time), tensors.FromValue([]int32{0, 2, 3}),
		tensors.FromFlatDataAndDimensions(coef, 3, coefCount),
	}, x0, eps
}

// TestDiTLoss compares the loss with its definition: the normals q(x₋|x, x0) and p(x₋|x) of the process in float64,
// for the outputs of the network.
func TestDiTLoss(t *testing.T) {
	d, shapes := newDenoising(t)
	d.settings.MinSNR = 2
	w := freshOf(t, d.o.Engine, func(p engine.Params, in []*Node) []*Node { return d.loss(p, in) },
		func(_ weights.Spec, _ int, r *rand.Rand, data []float32) {
			rng.Normals(r, data) // so that no term is 0
			for i := range data {
				data[i] *= 0.2
			}
		}, shapes...)
	program, err := d.o.Engine.Compile("loss", func(p engine.Params, in []*Node) []*Node {
		signal, noise := Reshape(SliceAxis(in[4], 1, AxisElem(0)), -1, 1, 1, 1),
			Reshape(SliceAxis(in[4], 1, AxisElem(1)), -1, 1, 1, 1)
		x := Add(Mul(signal, in[0]), Mul(noise, in[1]))
		return append(d.loss(p, in), x, d.config.Forward(p, x, in[2], in[3]))
	}, w)
	if err != nil {
		t.Fatal(err)
	}
	times := []int{0, 400, 999}
	in, x0, eps := d.lossInputs(times)
	out, err := program.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	x, predicted := flat(out[3]), flat(out[4])
	const n = 2 * 4 * 4
	var noise, kl float64
	c := d.chain
	for i, step := range times {
		ab := c.AlphaBar[step]
		for k := range n {
			at := i*n + k
			epsHat, v := float64(predicted[2*i*n+k]), float64(predicted[2*i*n+n+k])
			noise += min(1, 2*(1-ab)/ab) * (epsHat - float64(eps[at])) * (epsHat - float64(eps[at]))
			// The means of Ho et al. 2020, eq. 7, for x0 as it is and as it is predicted.
			x0Hat := (float64(x[at]) - math.Sqrt(1-ab)*epsHat) / math.Sqrt(ab)
			meanQ := c.PosteriorMeanX0[step]*float64(x0[at]) + c.PosteriorMeanX[step]*float64(x[at])
			meanP := c.PosteriorMeanX0[step]*x0Hat + c.PosteriorMeanX[step]*float64(x[at])
			logQ := c.PosteriorLogVariance[step]
			logP := (v+1)/2*math.Log(c.Beta[step]) + (1-v)/2*logQ
			kl += 0.5 * (logP - logQ - 1 + math.Exp(logQ-logP) + (meanQ-meanP)*(meanQ-meanP)*math.Exp(-logP)) / math.Ln2
		}
	}
	noise /= 3 * n
	kl /= 3 * n
	// A sum of 96 numbers; and at t = 0 the means differ by some hundredth of x, so that its rounding counts a
	// hundredfold, twice as the difference is squared.
	for i, want := range []float64{noise + kl, noise, kl} {
		if got := float64(tensors.ToScalar[float32](out[i])); math.Abs(got-want) > (100+200)*0x1p-24*want {
			t.Errorf("term %d is %v, want %v", i, got, want)
		}
	}
}

// TestVarianceTeachesVarianceAlone: the KL has no gradient in what makes ε̂ of the last layer.
func TestVarianceTeachesVarianceAlone(t *testing.T) {
	d, shapes := newDenoising(t)
	w := freshOf(t, d.o.Engine, func(p engine.Params, in []*Node) []*Node { return d.loss(p, in) }, likeDiT, shapes...)
	program, err := d.o.Engine.Compile("gradient", func(p engine.Params, in []*Node) []*Node {
		terms := d.loss(p, in)
		last := p.Get("final_layer.linear.bias", 2*2*4)
		return []*Node{Gradient(terms[2], last)[0], Gradient(terms[1], last)[0]}
	}, w)
	if err != nil {
		t.Fatal(err)
	}
	in, _, _ := d.lossInputs([]int{1, 500, 999})
	out, err := program.Run(in...)
	if err != nil {
		t.Fatal(err)
	}
	for i, g := range flat(out[0]) { // channels last within a patch: ε̂ twice, then the variance twice
		if ofNoise := i%4 < 2; ofNoise != (g == 0) {
			t.Errorf("the KL's gradient in bias %d is %v", i, g)
		}
	}
	for i, g := range flat(out[1]) {
		if ofNoise := i%4 < 2; ofNoise != (g != 0) {
			t.Errorf("the noise's gradient in bias %d is %v", i, g)
		}
	}
}

// TestMeanCoefficient: two ways to the difference of the means agree at every step.
func TestMeanCoefficient(t *testing.T) {
	d, _ := newDenoising(t)
	coef := make([]float32, coefCount)
	for step := range timesteps {
		d.coef(coef, step)
		beta, ab := d.chain.Beta[step], d.chain.AlphaBar[step]
		want := beta / math.Sqrt((1-beta)*(1-ab)) // Ho et al. 2020, eq. 11
		if got := float64(coef[coefMean]); math.Abs(got-want) > 1e-6*want {
			t.Fatalf("step %d: %v, want %v", step, got, want)
		}
	}
}

// TestMinSNR: the first term counts fully from where the noise is γ times as weak as the signal.
func TestMinSNR(t *testing.T) {
	d, _ := newDenoising(t)
	coef := make([]float32, coefCount)
	for _, gamma := range []float64{0, 5} {
		d.settings.MinSNR = gamma
		for step := range timesteps {
			d.coef(coef, step)
			want := 1.0
			if snr := d.chain.AlphaBar[step] / (1 - d.chain.AlphaBar[step]); gamma > 0 && snr > gamma {
				want = gamma / snr
			}
			if got := coef[coefWeight]; got != float32(want) {
				t.Fatalf("γ = %v, step %d: weight %v, want %v", gamma, step, got, want)
			}
		}
	}
}
