package main

import (
	"github.com/spf13/pflag"

	"mgd3/engine"
	"mgd3/internal/cli"
	"mgd3/internal/opening"
	"mgd3/internal/words"
	"mgd3/stage/batch"
)

// networkFlags name the networks, and say how they are run.
type networkFlags struct {
	opening.Networks
	model string // a folder, or the name of the model in the program
}

// named returns the networks with the folder that --model names, nil for none.
func (n *networkFlags) named() *opening.Networks {
	if n == nil {
		return nil
	}
	n.Model = opening.Folder(n.model)
	return &n.Networks
}

// add defines the flags of files, of the words that a network is told, and of memory and precision.
func (n *networkFlags) add(f *pflag.FlagSet) {
	f.StringVar(&n.model, "model", "", "`PATH` of the networks: a folder with autoencoder or vae, and dit or "+
		"transformer, in which "+
		"classes.txt names the classes in label order; a text-to-image model, a folder or a checkpoint; or the "+
		"denoiser's weights, with --vae; glyphs is the model in the program")
	f.StringVar(&n.Autoencoder, "vae", "",
		"`PATH` of the autoencoder, if not below --model: a folder, a weights file, or "+
			"PREFIX of PREFIX_encoder "+
			"and PREFIX_decoder; docs/models.md lists what is read")
	f.StringVar(&n.Denoiser, "dit", "", "`PATH` of the denoiser, if not below --model: a folder or a weights file")
	f.StringVar(&n.Template, "prompt", "", "what a text-to-image model is told of a class: a `TEMPLATE` with {name}, "+
		"{names} or {class}, such as \"a photo of a {name}\"; default {name}")
	f.StringVar(&n.PromptFile, "prompts", "", "a `FILE` of prompts in place of --prompt: lines of CLASS, a tab, PROMPT")
	f.StringVar(&n.Prediction, "prediction", "", "`WHAT` a latent diffusion model predicts, epsilon or v, if its "+
		"files do not say it")
	// It decides no result: numbers are widened when they are used, and are those of the file either way. --precision
	// does.
	f.BoolVar(&n.LowMemory, "low-memory", false,
		"keep weights in half precision where their files have them so: half the memory or less, "+
			"somewhat slower, the same images")
	f.StringVar(&n.Precision, "precision", string(engine.Float32), "`TYPE` of the numbers inside networks: "+
		words.List(engine.Precisions)+
		"; results depend on it")
	n.batchFlag(f)
}

func (n *networkFlags) batchFlag(f *pflag.FlagSet) {
	f.Var((*batch.Value)(&n.Batch), "batch",
		"`N` images at work at once, or auto: 8, on xla as many as fit; decides speed and memory, and a result "+
			"on xla only")
	cli.Heading(f, "Networks")
}
