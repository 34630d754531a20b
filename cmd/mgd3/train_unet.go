package main

import (
	"context"

	"github.com/spf13/cobra"

	"mgd3/internal/opening"
	"mgd3/latent"
	"mgd3/prompt"
	"mgd3/train"
)

// trainUNetCmd is "mgd3 train unet", in the folders of Stable Diffusion. The text encoder is made from the seed and not
// trained: it only has to tell the prompts of the classes apart.
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
					return opening.TrainUNet(ctx, o, a, s, vae, template, e.warnText, e.sayText)
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
