package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"mgd3/internal/exits"
	"mgd3/latent"
	"mgd3/model"
	"mgd3/prompt"
	"mgd3/train"
)

func (e *env) trainUNetCmd() *cobra.Command {
	var o trainOptions
	var s train.UNetSettings
	var vae, template string
	cmd := &cobra.Command{
		Use:   "unet --data SET --out MODEL",
		Short: "Train a text-to-image denoiser (U-Net) in the latents of MODEL's autoencoder",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// a bad template is said before anything is opened
			if _, _, err := (prompt.Source{Template: template}).Prompts(nil); err != nil {
				return fail(exitUsage, "", err)
			}
			return e.trainDenoiser(cmd.Context(), &o, vae, "unet",
				func(ctx context.Context, o train.Options, a *latent.Autoencoder) error {
					return e.trainUNet(ctx, o, a, s, vae, template)
				})
		},
	}
	f := cmd.Flags()
	o.trainFlags(f, train.Protocol{Steps: 20000, Batch: 64, Rate: 5e-4, Warmup: 500, Schedule: train.Cosine,
		EMA: 0.9995, Clip: 1})
	f.StringVar(&vae, "vae", "", "`DIR` of the autoencoder, if not below --out")
	f.StringVar(&template, "prompt", prompt.Default,
		"`TEMPLATE` of the classes' prompts, with {name} for a class's name")
	f.IntSliceVar(&s.Widths, "channels", []int{64, 128}, "width of each level, full resolution of the latent first")
	f.IntVar(&s.Layers, "layers", 1, "residual blocks of a level")
	f.IntVar(&s.Heads, "heads", 4, "attention heads")
	f.IntVar(&s.Groups, "groups", 16, "groups of the norms, which divide all widths")
	f.IntVar(&s.Context, "context", 64, "width of the text encoder")
	f.Float64Var(&s.Dropout, "prompt-dropout", 0.1,
		"probability that an image's prompt is forgotten, for classifier-free guidance")
	denoiserFlags(cmd, &s.MinSNR, &s.SampleCFG, &s.SampleSteps)
	return cmd
}

// trainUNet trains a U-Net whose classes have prompts of a template, and writes what makes a pipeline of its folder.
func (e *env) trainUNet(ctx context.Context, o train.Options, a *latent.Autoencoder, s train.UNetSettings,
	vae, template string) error {
	classes := o.Data.ClassNames()
	prompts, warnings, err := prompt.Source{Template: template}.Prompts(classes)
	if err != nil {
		return fail(exitUsage, "", err)
	}
	for _, w := range warnings {
		e.warnText(w)
	}
	s.Prompts = map[string]string{}
	for i, class := range classes {
		s.Prompts[class] = prompts[i]
	}
	if err := train.TrainUNet(ctx, o, a, s); err != nil {
		return err
	}
	networks := model.Networks{Model: model.Disk(o.Out), Autoencoder: vae}
	at, err := networks.Find(model.Autoencoder)
	if err != nil {
		return exits.OfNetworks(networks, err)
	}
	whole, err := train.WritePipeline(o.Out, filepath.FromSlash(at.Path))
	if err == nil && !whole {
		e.say("no model_index.json is written, as %q is not a folder of diffusers' AutoencoderKL: mgd3 reads %q, "+
			"diffusers does not", at.Path, o.Out)
	}
	return err
}
