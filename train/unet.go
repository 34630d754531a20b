package train

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
	"mgd3/engine"
	"mgd3/latent"
	"mgd3/rng"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

// UNetSettings are the shape of a denoiser that is told a class by a prompt, and how it is trained: the mean squared
// error of the noise (Ho et al. 2020, eq. 14) under Stable Diffusion's schedule.
type UNetSettings struct {
	Widths  []int             `json:"widths"` // channels of each level, full resolution first
	Layers  int               `json:"layers"` // resnets of a level
	Heads   int               `json:"heads"`
	Groups  int               `json:"groups"`
	Context int               `json:"context"`           // width of the text encoder
	Prompts map[string]string `json:"prompts"`           // of each class
	Dropout float64           `json:"dropout"`           // probability that the prompt is forgotten, for the empty one
	MinSNR  float64           `json:"min_snr,omitempty"` // γ of the weights of the loss; 0 weighs all alike

	SampleCFG   float64 `json:"-"` // classifier-free guidance of the sheets; decides no result
	SampleSteps int     `json:"-"` // of the sampler for them
}

// config returns the network for latents [channels, side, side].
func (s UNetSettings) config(shape []int) unet.Config {
	c := unet.Config{
		SampleSize: shape[1], Channels: shape[0], Widths: s.Widths, ContextDim: s.Context, Groups: s.Groups,
		Epsilon: 1e-5,
	}
	for range s.Widths {
		c.Layers, c.Depth, c.Heads = append(c.Layers, s.Layers), append(c.Depth, 1), append(c.Heads, s.Heads)
		c.Down, c.Up = append(c.Down, true), append(c.Up, true)
	}
	return c
}

// Check names the first setting out of its range, for latents [channels, side, side] of the classes.
func (s UNetSettings) Check(shape []int, classes []string) error {
	switch {
	case !(s.Dropout >= 0 && s.Dropout <= 1):
		return fmt.Errorf("the prompt dropout is %v, want 0 to 1", s.Dropout)
	case !(s.MinSNR >= 0) || math.IsInf(s.MinSNR, 1):
		return fmt.Errorf("min-SNR is %v, want at least 0", s.MinSNR)
	}
	for _, class := range classes {
		if s.Prompts[class] == "" {
			return fmt.Errorf("class %q has no prompt", class)
		}
	}
	if _, err := s.sampling(); err != nil {
		return fmt.Errorf("sheets of samples: %w", err)
	}
	if err := text.Small(s.Context).Check(); err != nil {
		return fmt.Errorf("the text encoder: %w", err)
	}
	c := s.config(shape)
	if side := c.Downsampling(); len(s.Widths) > 0 && shape[1]%side != 0 {
		return fmt.Errorf("%d widths halve the latent %d times, which has sides of %d", len(s.Widths), len(s.Widths)-1,
			shape[1])
	}
	return c.Check()
}

// sampling is how the sheets are sampled: unguided by modes.
func (s UNetSettings) sampling() (*diffusion.Sampler, error) {
	settings, err := diffusion.Published(diffusion.DDPMSD)
	if err != nil {
		return nil, err
	}
	settings.Lambda, settings.CFG = 0, s.SampleCFG
	settings.Respacing = fmt.Sprintf("leading%d", s.SampleSteps)
	return diffusion.New(settings)
}

// TrainUNet trains a text-to-image denoiser in the latents of the autoencoder, and writes the folders of a pipeline of
// diffusers: unet, text_encoder, tokenizer and scheduler. The text encoder is made from the seed and not trained: all
// that is asked of it is that prompts differ.
func TrainUNet(ctx context.Context, o Options, a *latent.Autoencoder, s UNetSettings) error {
	if err := o.Check(); err != nil {
		return err
	}
	shape, err := a.LatentShape(o.Images.Size)
	if err != nil {
		return unfit{err}
	}
	if err := s.Check(shape, o.Data.ClassNames()); err != nil {
		return unfit{err}
	}
	chain, err := diffusion.NewChain(diffusion.StableDiffusion(), "")
	if err != nil {
		return err
	}
	record, err := o.newRecord(ctx, Record{Network: networkUNet, Settings: s, Autoencoder: a.SHA256})
	if err != nil {
		return err
	}
	if done, err := o.finished(ctx, record); done || err != nil {
		return err
	}
	table, err := o.prompts(ctx, s)
	if err != nil {
		return err
	}
	rows, err := o.latents(ctx, a)
	if err != nil {
		return err
	}
	defer rows.close()
	net := unet.Conditioned{Config: s.config(shape), Classes: len(o.Data.Classes), Tokens: text.Length}
	config, err := net.Config.JSON()
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(o.Out, schedulerFolder, scheduler.File), []byte(schedulerOfSD)); err != nil {
		return err
	}
	d := &drawing{&o, s, net, a, chain, rows, table, nil}
	t, err := o.loop(ctx, task{
		network: networkUNet, key: record.Key, terms: []string{"noise"}, size: len(rows.all),
		loss: d.loss, batch: d.batch, fresh: likeUNet, sample: d.sample, names: asIs,
		config: config,
		frozen: engine.Weights{unet.ContextTable: table},
	})
	if err != nil {
		return err
	}
	list, err := o.stored(t)
	if err != nil {
		return err
	}
	return o.finish(ctx, record, t, list, config)
}

// schedulerOfSD is diffusers' configuration of the schedule of Stable Diffusion 1, which chain is of.
const schedulerOfSD = `{
  "_class_name": "DDPMScheduler",
  "beta_start": 0.00085,
  "beta_end": 0.012,
  "beta_schedule": "scaled_linear",
  "clip_sample": false,
  "num_train_timesteps": 1000,
  "prediction_type": "epsilon",
  "set_alpha_to_one": false,
  "steps_offset": 1,
  "timestep_spacing": "leading",
  "variance_type": "fixed_small"
}`

// asIs takes the names of a file as they are: diffusers', which are ours.
func asIs(f *weights.File) (*weights.Set, error) { return weights.AsIs(f), nil }

// likeUNet is likeTorch, but that the last convolution is 0: the first prediction is no noise at all.
func likeUNet(spec weights.Spec, inputs int, r *rand.Rand, data []float32) {
	if spec.Name != "conv_out.weight" && spec.Name != "conv_out.bias" {
		likeTorch(spec, inputs, r, data)
	}
}

// prompts writes the tokenizer and the text encoder, and returns the hidden states of the prompts and, last, of the
// empty one, [classes + 1, T, D].
func (o *Options) prompts(ctx context.Context, s UNetSettings) (*tensors.Tensor, error) {
	if err := o.writeText(s.Context); err != nil {
		return nil, err
	}
	encoder, err := text.Open(ctx, o.Engine, filepath.Join(o.Out, textFolder), text.Options{})
	if err != nil {
		return nil, err
	}
	tok, err := text.OpenTokenizer(weights.Disk, filepath.ToSlash(filepath.Join(o.Out, tokenizerFolder)))
	if err != nil {
		return nil, err
	}
	var ids [][]int32
	for _, class := range append(o.Data.ClassNames(), "") {
		row, err := tok.IDs(s.Prompts[class])
		if err != nil {
			return nil, fmt.Errorf("class %q: %w", class, err)
		}
		ids = append(ids, row)
	}
	hidden, _, err := encoder.Encode(ctx, ids)
	if err != nil {
		return nil, err
	}
	return o.Engine.Tensor(hidden, len(ids), text.Length, s.Context)
}

// drawing is one training of a denoiser that is told prompts.
type drawing struct {
	o        *Options
	settings UNetSettings
	net      unet.Conditioned
	decoder  *latent.Autoencoder
	chain    *diffusion.Chain
	rows     *latentRows
	table    *tensors.Tensor // of the prompts
	step     *sampler
}

// loss is of x0 and ε [B, c, h, w], t and the labels [B], and √ā, √(1 − ā) and the weight of each image [B, 3].
func (d *drawing) loss(p engine.Params, in []*Node) []*Node {
	x0, eps, t, y := in[0], in[1], in[2], in[3]
	coef := func(i int) *Node { return Reshape(SliceAxis(in[4], 1, AxisElem(i)), -1, 1, 1, 1) }
	n := d.net
	table := p.In(frozenScope).Get(unet.ContextTable, n.Classes+1, n.Tokens, n.ContextDim)
	x := Add(Mul(coef(0), x0), Mul(coef(1), eps))
	out := n.Config.Forward(p, x, t, Gather(table, ExpandAxes(y, -1)), nil)
	noise := ReduceAllMean(Mul(coef(2), Square(Sub(out, eps))))
	return []*Node{noise, noise}
}

// batch returns x0 and ε [B, c, h, w], t [B], labels [B] and coefficients [B, 3] of the n-th step. Of each image flip,
// t and whether the prompt is forgotten are drawn, in this order, then the noise of all. The weight is min(1, γ/SNR)
// with SNR = ā/(1 − ā).
func (d *drawing) batch(_ context.Context, n int, at []int) ([]*tensors.Tensor, error) {
	row, b := d.rows.size, len(at)
	x0, eps := make([]float32, b*row), make([]float32, b*row)
	labels, time, coef := make([]int32, b), make([]float32, b), make([]float32, 0, 3*b)
	stream := rng.Stream(d.o.Protocol.Seed, networkUNet, uint64(n))
	for i, place := range at {
		mirrored := d.o.Protocol.Flip && stream.IntN(2) == 1
		var err error
		if labels[i], err = d.rows.read(x0[i*row:(i+1)*row], place, mirrored); err != nil {
			return nil, err
		}
		t := stream.IntN(timesteps)
		if stream.Float64() < d.settings.Dropout {
			labels[i] = d.net.Null()
		}
		time[i] = float32(t)
		signal, weight := d.chain.AlphaBar[t], 1.0
		if d.settings.MinSNR > 0 {
			weight = min(1, d.settings.MinSNR*(1-signal)/signal)
		}
		coef = append(coef, float32(math.Sqrt(signal)), float32(math.Sqrt(1-signal)), float32(weight))
	}
	rng.Normals(stream, eps)
	c := d.net
	shape := []int{b, c.Channels, c.SampleSize, c.SampleSize}
	return []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(x0, shape...), tensors.FromFlatDataAndDimensions(eps, shape...),
		tensors.FromValue(time), tensors.FromValue(labels), tensors.FromFlatDataAndDimensions(coef, b, 3),
	}, nil
}

// sample draws a row of images of each of the first classes, from the same noise every time.
func (d *drawing) sample(ctx context.Context, mean engine.Weights) (*dataset.RGB, error) {
	process, err := d.settings.sampling()
	if err != nil {
		return nil, err
	}
	if d.step == nil {
		if d.step, err = newSampler(d.o.Engine, "sample", d.net.Step(process)); err != nil {
			return nil, err
		}
		d.step.set(engine.Weights{unet.ContextTable: d.table})
	}
	d.step.set(mean)
	c := d.net
	return d.o.drawSheet(ctx, process, unet.Stepper(d.step.program), [3]int{c.Channels, c.SampleSize, c.SampleSize},
		c.Classes, d.decoder)
}
