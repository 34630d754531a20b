package train

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/dit"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/weights"
)

// DiTSettings are the shape of the denoiser and how it is trained.
//
// The weight of the bound's term is 1, as in the released program of DiT: its 1000 steps make the sum of all terms a
// thousand times their mean, and Nichol and Dhariwal weigh the sum with 0.001. At t = 0 the program takes the
// likelihood of x0 in bins of pixels; latents have no bins, and we take the KL there too, with the variance of t = 1
// as the sampler does.
type DiTSettings struct {
	Patch   int     `json:"patch"`             // sides of a patch of the latent
	Hidden  int     `json:"hidden"`            // numbers of a token; a multiple of Heads
	Depth   int     `json:"depth"`             // blocks
	Heads   int     `json:"heads"`             // of attention
	Dropout float64 `json:"dropout"`           // probability that the class is forgotten; 0.1 is published
	MinSNR  float64 `json:"min_snr,omitempty"` // γ of the weights of the first term; 0 weighs all alike

	SampleCFG   float64 `json:"-"` // classifier-free guidance of the sheets; decides no result
	SampleSteps int     `json:"-"` // of the sampler for them
}

const timesteps = 1000 // of the process that is trained, dit.Published

// config returns the network for latents [channels, side, side] of classes.
func (s DiTSettings) config(shape []int, classes int) dit.Config {
	return dit.Config{
		InputSize: shape[1], Patch: s.Patch, Channels: shape[0], Hidden: s.Hidden, Depth: s.Depth, Heads: s.Heads,
		MLPRatio: 4, Classes: classes, LearnSigma: true,
	}
}

// Check names the first setting out of its range, for latents [channels, side, side] of classes.
func (s DiTSettings) Check(shape []int, classes int) error {
	switch {
	case !(s.Dropout >= 0 && s.Dropout <= 1):
		return fmt.Errorf("the class dropout is %v, want 0 to 1", s.Dropout)
	case !(s.MinSNR >= 0) || math.IsInf(s.MinSNR, 1):
		return fmt.Errorf("min-SNR is %v, want at least 0", s.MinSNR)
	}
	if _, err := s.sampling(); err != nil {
		return fmt.Errorf("sheets of samples: %w", err)
	}
	return s.config(shape, classes).Check()
}

// sampling is how the sheets are sampled: unguided by modes.
func (s DiTSettings) sampling() (*diffusion.Sampler, error) {
	settings, err := diffusion.Published(diffusion.DDPM)
	if err != nil {
		return nil, err
	}
	settings.Lambda, settings.CFG, settings.CFGChannels = 0, s.SampleCFG, 0
	settings.Respacing = fmt.Sprint(s.SampleSteps)
	return diffusion.New(settings)
}

// TrainDiT trains a DiT in the latents of the autoencoder and writes its folder, and classes.txt beside it.
func TrainDiT(ctx context.Context, o Options, a *latent.Autoencoder, s DiTSettings) error {
	if err := o.Check(); err != nil {
		return err
	}
	shape, err := a.LatentShape(o.Images.Size)
	if err != nil {
		return unfit{err}
	}
	if err := s.Check(shape, len(o.Data.Classes)); err != nil {
		return unfit{err}
	}
	config := s.config(shape, len(o.Data.Classes))
	chain, err := diffusion.NewChain(dit.Published(), "")
	if err != nil {
		return err
	}
	if err := checkFrom(o.From); err != nil {
		return err
	}
	record, err := o.newRecord(ctx, Record{Network: networkDiT, Settings: s, Autoencoder: a.SHA256})
	if err != nil {
		return err
	}
	if done, err := o.finished(ctx, record); done || err != nil {
		return err
	}
	rows, err := o.latents(ctx, a)
	if err != nil {
		return err
	}
	defer rows.close()
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(o.Out, "classes.txt"),
		[]byte(strings.Join(o.Data.ClassNames(), "\n"))); err != nil {
		return err
	}
	d := &denoising{&o, s, config, a, chain, rows, nil}
	t, err := o.loop(ctx, task{
		network: networkDiT, key: record.Key, terms: []string{"noise", "variance"}, size: len(rows.all),
		loss: d.loss, batch: d.batch, fresh: likeDiT, sample: d.sample,
		config: text, names: weights.DiT, optional: []weights.Spec{config.PositionsSpec()},
	})
	if err != nil {
		return err
	}
	list, err := o.stored(t)
	if err != nil {
		return err
	}
	return o.finish(ctx, record, t, list, text)
}

// checkFrom refuses to train a model on that was trained with other noise.
func checkFrom(from string) error {
	if from == "" {
		return nil
	}
	was, err := dit.ScheduleFS(weights.Disk, filepath.ToSlash(from))
	if err == nil && was != dit.Published() {
		err = fmt.Errorf("%s was trained with %v; training goes on with %v only", from, was, dit.Published())
	}
	return err
}

// denoising is one training of a denoiser.
type denoising struct {
	o        *Options
	settings DiTSettings
	config   dit.Config
	decoder  *latent.Autoencoder
	chain    *diffusion.Chain
	rows     *latentRows
	step     *sampler
}

// coefficients of one image, which hang on its t alone. They are computed here in float64 and go in as [B, coefCount]:
// in the graph they would be gathered from tables in float32.
const (
	coefSignal = iota // √ā
	coefNoise         // √(1 − ā)
	coefLogMin        // ln β̃, that of t = 1 at t = 0
	coefLogMax        // ln β
	coefMean          // difference of the means of p and q over ε̂ − ε: c1·√(1/ā − 1)
	coefWeight        // of the first term: min(1, γ/SNR)
	coefCount
)

func (d *denoising) coef(dst []float32, t int) {
	c := d.chain
	dst[coefSignal] = float32(math.Sqrt(c.AlphaBar[t]))
	dst[coefNoise] = float32(math.Sqrt(1 - c.AlphaBar[t]))
	dst[coefLogMin] = float32(c.PosteriorLogVariance[t])
	dst[coefLogMax] = float32(math.Log(c.Beta[t]))
	dst[coefMean] = float32(c.PosteriorMeanX0[t] * c.RecipM1Root[t])
	dst[coefWeight] = 1
	if snr := c.AlphaBar[t] / (1 - c.AlphaBar[t]); d.settings.MinSNR > 0 {
		dst[coefWeight] = float32(min(1, d.settings.MinSNR/snr))
	}
}

// loss is of x0 and ε [B, c, h, w], t [B], the labels [B] and the coefficients [B, coefCount]. It returns the sum, the
// noise's term and the variance's.
//
//	ln σ² = ln β̃ + (v + 1)/2·(ln β − ln β̃),   v the second half of the channels    Nichol and Dhariwal 2021, eq. 15
//	KL    = ½·( β̃/σ² + (μ̃ − μ)²/σ² − 1 − ln(β̃/σ²) )                               of q(x₋|x, x0) and p(x₋|x)
//	μ̃ − μ = c1·√(1/ā − 1)·(ε̂ − ε)                                                  since x0 enters both means by c1
//
// KL is divided by ln 2, as the program counts in bits.
func (d *denoising) loss(p engine.Params, in []*Node) []*Node {
	x0, eps, t, y := in[0], in[1], in[2], in[3]
	coef := func(i int) *Node { return Reshape(SliceAxis(in[4], 1, AxisElem(i)), -1, 1, 1, 1) }

	x := Add(Mul(coef(coefSignal), x0), Mul(coef(coefNoise), eps))
	out := Split(d.config.Forward(p, x, t, y), 1, 2)
	wrong := Sub(out[0], eps)
	noise := ReduceAllMean(Mul(coef(coefWeight), Square(wrong)))

	// KL of two normals: q has variance β̃, p the learnt one between β̃ and β.
	logMin := coef(coefLogMin)
	logVar := Add(logMin, Mul(MulScalar(OnePlus(out[1]), 0.5), Sub(coef(coefLogMax), logMin)))
	above := Sub(logMin, logVar)
	mean := Mul(Square(Mul(coef(coefMean), StopGradient(wrong))), Exp(Neg(logVar)))
	kl := MulScalar(ReduceAllMean(Sub(Add(Exp(above), mean), OnePlus(above))), 0.5/math.Ln2)
	return []*Node{Add(noise, kl), noise, kl}
}

func (d *denoising) batch(_ context.Context, n int, at []int) ([]*tensors.Tensor, error) {
	row := d.rows.size
	x0, labels := make([]float32, len(at)*row), make([]int32, len(at))
	stream := rng.Stream(d.o.Protocol.Seed, "dit", uint64(n))
	for i, place := range at {
		mirrored := d.o.Protocol.Flip && stream.IntN(2) == 1
		var err error
		if labels[i], err = d.rows.read(x0[i*row:(i+1)*row], place, mirrored); err != nil {
			return nil, err
		}
	}
	return d.noisy(stream, x0, labels), nil
}

// noisy returns the inputs of the loss for latents x0 [B, c, h, w]. It forgets some of the labels, in place. Of each
// image t and whether the label is forgotten are drawn, in this order, then the noise of all.
func (d *denoising) noisy(stream *rand.Rand, x0 []float32, labels []int32) []*tensors.Tensor {
	b := len(labels)
	time, coef, eps := make([]float32, b), make([]float32, b*coefCount), make([]float32, len(x0))
	for i := range b {
		t := stream.IntN(timesteps)
		if stream.Float64() < d.settings.Dropout {
			labels[i] = d.config.Null()
		}
		time[i] = float32(t)
		d.coef(coef[i*coefCount:(i+1)*coefCount], t)
	}
	rng.Normals(stream, eps)
	c := d.config
	shape := []int{b, c.Channels, c.InputSize, c.InputSize}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(x0, shape...), tensors.FromFlatDataAndDimensions(eps, shape...),
		tensors.FromValue(time), tensors.FromValue(labels), tensors.FromFlatDataAndDimensions(coef, b, coefCount),
	}
}

// sample draws a row of images of each of the first classes, from the same noise every time.
func (d *denoising) sample(ctx context.Context, mean engine.Weights) (*dataset.RGB, error) {
	process, err := d.settings.sampling()
	if err != nil {
		return nil, err
	}
	if d.step == nil {
		d.step, err = newSampler(d.o.Engine, "sample", d.config.Step(process))
		if err != nil {
			return nil, err
		}
	}
	d.step.set(mean)
	c := d.config
	return d.o.drawSheet(ctx, process, dit.Stepper(d.step.program), [3]int{c.Channels, c.InputSize, c.InputSize},
		c.Classes, d.decoder)
}
