package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/pflag"

	"mgd3/engine"
	"mgd3/internal/cli"
	"mgd3/internal/words"
	"mgd3/stage/batch"
)

// networkFlags name the networks, and say how they are run.
type networkFlags struct {
	model, vae, dit string
	prompt, prompts string // a template; a file
	prediction      string
	precision       string
	lowMemory       bool
	batch           int // batch.Auto is auto
}

func (n *networkFlags) add(f *pflag.FlagSet) {
	f.StringVar(&n.model, "model", "", "`PATH` of the networks: a folder with autoencoder or vae, and dit or "+
		"transformer, in which "+
		"classes.txt names the classes in label order; a text-to-image model, a folder or a checkpoint; or the "+
		"denoiser's weights, with --vae; glyphs is the model in the program")
	f.StringVar(&n.vae, "vae", "", "`PATH` of the autoencoder, if not below --model: a folder, a weights file, or "+
		"PREFIX of PREFIX_encoder "+
		"and PREFIX_decoder; docs/models.md lists what is read")
	f.StringVar(&n.dit, "dit", "", "`PATH` of the denoiser, if not below --model: a folder or a weights file")
	f.StringVar(&n.prompt, "prompt", "", "what a text-to-image model is told of a class: a `TEMPLATE` with {name}, "+
		"{names} or {class}, such as \"a photo of a {name}\"; default {name}")
	f.StringVar(&n.prompts, "prompts", "", "a `FILE` of prompts in place of --prompt: lines of CLASS, a tab, PROMPT")
	f.StringVar(&n.prediction, "prediction", "", "`WHAT` a latent diffusion model predicts, epsilon or v, if its "+
		"files do not say it")
	f.BoolVar(&n.lowMemory, "low-memory", false,
		"keep weights in half precision where their files have them so: half the memory or less, "+
			"somewhat slower, the same images")
	f.StringVar(&n.precision, "precision", string(engine.Float32), "`TYPE` of the numbers inside networks: "+
		words.List(engine.Precisions)+
		"; results depend on it")
	n.batchFlag(f)
}

func (n *networkFlags) batchFlag(f *pflag.FlagSet) {
	f.Var((*batchValue)(&n.batch), "batch",
		"`N` images at work at once, or auto: 8, on xla as many as fit; decides speed and memory, and a result "+
			"on xla only")
	cli.Heading(f, "Networks")
}

// batchValue is a number of images, or batch.Auto.
type batchValue int

func (b *batchValue) Type() string { return "N" }

func (b *batchValue) String() string {
	if *b == batch.Auto {
		return "auto"
	}
	return strconv.Itoa(int(*b))
}

func (b *batchValue) Set(s string) error {
	if s == "auto" {
		*b = batch.Auto
		return nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && n < 1 {
		err = fmt.Errorf("batch is %d, want at least 1, or auto", n)
	}
	*b = batchValue(n)
	return err
}
