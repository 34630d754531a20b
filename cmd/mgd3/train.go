package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"mgd3/encode"
	"mgd3/engine"
	"mgd3/internal/cli"
	"mgd3/internal/exits"
	"mgd3/internal/opening"
	"mgd3/internal/words"
	"mgd3/latent"
	"mgd3/model"
	"mgd3/sets"
	"mgd3/train"
)

// trainOptions are the flags of both trainings.
type trainOptions struct {
	data sets.Spec
	// data is apart from train.Options: it is how a person names the images, which become a set when they are opened
	train     train.Options
	precision string
}

// trainCmd is "mgd3 train". The autoencoder comes first, since a denoiser works in its latents; both are written below
// one model folder, as --model of the other commands wants it.
func (e *env) trainCmd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "train",
		Short: "Train the networks of a model folder on your own images",
	}
	cmd.AddCommand(e.trainAutoencoderCmd(), e.trainDiTCmd(), e.trainUNetCmd())
	return cmd
}

// trainAutoencoderCmd is "mgd3 train autoencoder". Its defaults make a small network, for images of 32 to 64 pixels.
func (e *env) trainAutoencoderCmd() *cobra.Command {
	var o trainOptions
	var s train.AutoencoderSettings
	var perceptual string
	cmd := &cobra.Command{
		Use:   "autoencoder --data SET --size PIXELS --out MODEL",
		Short: "Train the autoencoder (AutoencoderKL, in diffusers' layout)",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.trainAutoencoder(cmd.Context(), &o, s, perceptual)
		},
	}
	f := cmd.Flags()
	o.trainFlags(f, train.Protocol{Steps: 10000, Batch: 32, Rate: 1e-3, Warmup: 200, Schedule: train.Cosine, EMA: 0.999,
		Clip: 1})
	f.IntSliceVar(&s.Channels, "channels", []int{32, 64, 64},
		"width of each level, full resolution first; each further level halves the sides")
	f.IntVar(&s.Layers, "layers", 1, "residual blocks of a level")
	f.IntVar(&s.Latent, "latent-channels", 4, "channels of the latent")
	f.IntVar(&s.Groups, "groups", 8, "groups of the norms, which divide all widths")
	f.BoolVar(&s.Attention, "attention", false, "self-attention in the middle")
	f.StringVar(&s.Loss, "loss", train.L1, "`LOSS` of the pixels: "+strings.Join(train.Losses, ", "))
	f.Float64Var(&s.KL, "kl", 1e-4, "weight of the KL divergence, a mean over the latent")
	f.Float64Var(&s.Gradient, "gradient", 0, "weight of the differences of neighbouring pixels")
	f.Float64Var(&s.Perceptual, "perceptual-weight", 0, "weight of LPIPS, with the network of --perceptual")
	f.StringVar(&perceptual, "perceptual", "", "`FILE` of LPIPS's SqueezeNet weights")
	cli.Heading(f, "Network and loss")
	cli.First(cmd, "data", "split", "size", "flip", "steps", "out")
	cli.Require(cmd, "data", "out")
	return cmd
}

// trainDiTCmd is "mgd3 train dit". The defaults are those of a network of 4 million numbers or so, small beside the 675
// million of DiT-XL/2.
func (e *env) trainDiTCmd() *cobra.Command {
	var o trainOptions
	var s train.DiTSettings
	var vae string
	cmd := &cobra.Command{
		Use:   "dit --data SET --out MODEL",
		Short: "Train the denoiser (DiT) in the latents of MODEL's autoencoder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.trainDenoiser(cmd.Context(), &o, vae, "dit",
				func(ctx context.Context, o train.Options, a *latent.Autoencoder) error {
					return train.TrainDiT(ctx, o, a, s)
				})
		},
	}
	f := cmd.Flags()
	o.trainFlags(f, train.Protocol{Steps: 20000, Batch: 128, Rate: 5e-4, Warmup: 500, Schedule: train.Cosine,
		EMA: 0.9999, Clip: 1})
	f.StringVar(&vae, "vae", "", "`DIR` of the autoencoder, if not below --out")
	f.IntVar(&s.Patch, "patch", 2, "sides of a patch of the latent, which becomes a token")
	f.IntVar(&s.Hidden, "hidden", 192, "numbers of a token")
	f.IntVar(&s.Depth, "depth", 6, "transformer blocks")
	f.IntVar(&s.Heads, "heads", 6, "attention heads")
	f.Float64Var(&s.Dropout, "class-dropout", 0.1,
		"probability that an image's class is forgotten, for classifier-free guidance")
	denoiserFlags(cmd, &s.MinSNR, &s.SampleCFG, &s.SampleSteps)
	return cmd
}

// denoiserFlags are the last flags of every denoiser's training.
func denoiserFlags(cmd *cobra.Command, minSNR, sampleCFG *float64, sampleSteps *int) {
	f := cmd.Flags()
	f.Float64Var(minSNR, "min-snr", 0, "count the noise of an image at most `G`/SNR times, 5 say: short "+
		"trainings learn shapes sooner; 0 counts all alike, as published")
	f.Float64Var(sampleCFG, "sample-cfg", 2, "scale of classifier-free guidance on the sheets")
	f.IntVar(sampleSteps, "sample-steps", 50, "steps of the sampler for the sheets")
	cli.Heading(f, "Network and loss")
	cli.First(cmd, "data", "split", "size", "flip", "steps", "out")
	cli.Require(cmd, "data", "out")
}

// trainFlags are those of all trainings; r has what they are if not given.
func (o *trainOptions) trainFlags(f *pflag.FlagSet, r train.Protocol) {
	t, s := &o.train, &o.train.Images
	f.StringVar(&o.data.Path, "data", "", "training images: `SET` is a folder, a zip or a tar of SPLIT/CLASS/FILE or "+
		"CLASS/FILE, one of the layouts in docs/data.md, or glyphs")
	f.StringVar(&s.Split, "split", "", "the `NAME` of the sub-folder to take, train say")
	f.StringVar(&o.data.Classes, "classes", "",
		"classes to take: a `LIST` by name or a file with one class a line; default all")
	labelFlags(f, &o.data.ClassNames, &o.data.Labels)
	f.IntVar(&s.Limit, "limit", 0, "take the first `N` images of each class by file name; 0 takes all")
	f.IntVar(&s.Size, "size", 32, "crop to this many `PIXELS`")
	f.StringVar(&s.Crop, "crop", encode.CropADM,
		"`HOW` to crop: adm as the DiT programs, center as torchvision's Resize and CenterCrop")
	f.BoolVar(&s.IgnoreEXIF, "ignore-exif", false, "leave photographs turned as they are stored")
	cli.Heading(f, "Images")
	f.StringVarP(&t.Out, "out", "o", "", "model `DIR` to be")

	f.IntVar(&t.Protocol.Steps, "steps", r.Steps, "steps of the training")
	f.IntVar(&t.Protocol.Batch, "batch", r.Batch, "images of a step")
	f.Float64Var(&t.Protocol.Rate, "rate", r.Rate, "highest rate of AdamW")
	f.IntVar(&t.Protocol.Warmup, "warmup", r.Warmup, "steps in which the rate rises from 0")
	f.StringVar(&t.Protocol.Schedule, "schedule", r.Schedule,
		"`HOW` the rate goes on: "+strings.Join(train.Schedules, ", "))
	f.Float64Var(&t.Protocol.Beta1, "beta1", 0.9, "of AdamW")
	f.Float64Var(&t.Protocol.Beta2, "beta2", 0.999, "of AdamW")
	f.Float64Var(&t.Protocol.Epsilon, "epsilon", 1e-8, "of AdamW")
	f.Float64Var(&t.Protocol.Decay, "decay", 0, "weight decay of AdamW")
	f.Float64Var(&t.Protocol.Clip, "clip", r.Clip, "largest norm of the gradients; 0 leaves them")
	f.Float64Var(&t.Protocol.EMA, "ema", r.EMA, "decay of the running mean of the weights, which is what is kept")
	f.BoolVar(&t.Protocol.Flip, "flip", false, "mirror every other image by chance: for photographs, not for letters")
	f.Uint64Var(&t.Protocol.Seed, "seed", 0, "seed of weights, batches and noise")
	f.IntVar(&t.Protocol.LogEvery, "log-every", 50, "steps from one row of the loss curve to the next")
	cli.Heading(f, "Training")

	f.StringVar(&t.From, "from", "", "`DIR` or file of weights to start from, of a network of the same shape")
	f.StringVar(&t.Licence, "licence", "", "`LICENCE` of the trained weights, kept beside them")
	f.StringVar(&o.precision, "precision", string(engine.Float32), "`TYPE` of the numbers inside networks: "+
		words.List(engine.Precisions)+"; what is learnt stays float32 between steps; results depend on it")
	f.BoolVar(&t.Half, "half", false, "write the weights in half precision")
	f.IntVar(&t.CheckpointEvery, "checkpoint-every", 200, "steps from one checkpoint to the next; decides no result")
	f.IntVar(&t.SampleEvery, "sample-every", 2000,
		"steps from one sheet of samples to the next, 0 draws none; decides no result")
	cli.Heading(f, "Run")
}

// openTraining opens what a training needs; the function ends it.
func (e *env) openTraining(ctx context.Context, o *trainOptions) (func(), error) {
	o.train.Report = e.progress().Training
	return opening.Training(ctx, &o.train, &e.sets, o.data, e.backend, engine.Precision(o.precision))
}

func (e *env) trainAutoencoder(ctx context.Context, o *trainOptions, s train.AutoencoderSettings,
	perceptual string) error {
	if err := s.Check(o.train.Images.Size); err != nil {
		return fail(exitUsage, "", err)
	}
	if s.Perceptual > 0 && perceptual == "" {
		return fail(exitUsage, "", errors.New("missing --perceptual, the network of --perceptual-weight"))
	}
	close, err := e.openTraining(ctx, o)
	if err != nil {
		return err
	}
	defer close()
	if err := train.TrainAutoencoder(ctx, o.train, s, perceptual); err != nil {
		return unreadable(err)
	}
	return e.trainedInto(o.train.Out, "autoencoder")
}

// trainDenoiser trains a denoiser in the latents of the autoencoder, and says where it is.
func (e *env) trainDenoiser(ctx context.Context, o *trainOptions, vae, network string,
	train func(context.Context, train.Options, *latent.Autoencoder) error) error {
	close, err := e.openTraining(ctx, o)
	if err != nil {
		return err
	}
	defer close()
	// the autoencoder is looked for in the folder that the denoiser goes to
	networks := model.Networks{Model: model.Disk(o.train.Out), Autoencoder: vae}
	a, err := networks.OpenAutoencoder(ctx, o.train.Engine)
	if err != nil {
		return exits.OfNetworks(networks, err)
	}
	e.sayAll(a.Notes)
	if err := train(ctx, o.train, a); err != nil {
		return unreadable(err)
	}
	return e.trainedInto(o.train.Out, network)
}

// trainedInto says where the network is.
func (e *env) trainedInto(out, network string) error {
	dir := filepath.Join(out, network)
	return e.show(struct {
		Out string `json:"out"`
	}{dir}, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, dir)
		return err
	})
}
