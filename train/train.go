// Package train trains the two networks that MGD3 takes as given, where none fits the images at hand: the
// autoencoder, and the denoiser in its latents.
//
//	autoencoder   L = |x − x̂|  +  w·KL( q(z|x) ‖ N(0, 1) )  +  g·( |∂₁(x − x̂)| + |∂₂(x − x̂)| )  +  p·LPIPS(x, x̂)
//	              x̂ = decode( mean + exp(logvar/2)·ζ )                   Rombach et al. 2022, section 3.1 and
//	                                                                      appendix G
//
//	denoiser      L = (ε − ε̂)² + KL( q(x₋|x, x0) ‖ p(x₋|x) )/ln 2          L_hybrid, Nichol and Dhariwal 2021,
//	                                                                        section 3.1
//	              x = √ā·x0 + √(1 − ā)·ε,  t uniform in 0 … 999,
//	              the class forgotten with probability 0.1                Ho and Salimans 2022
//
// Every term is a mean over the elements of its own tensor. In the KL of the denoiser the gradient does not
// flow into ε̂, so that it teaches the variance alone; [DiTSettings] says more of it.
//
// With γ > 0 the first term of each image counts min(1, γ/SNR) times, SNR = ā/(1 − ā): less where there is little
// noise to find, which otherwise fills most of the loss (Hang et al. 2023, arXiv:2303.09556, eq. 7, for ε). 0 is
// published with DiT.
//
//	step         g ← g·min(1, clip/‖g‖),  AdamW,  ema ← d·ema + (1 − d)·w,  d = min(EMA, (1 + n)/(10 + n)) at step n
//	                                                                        from 1
//	rate         linear from 0 over the first steps, then constant or a half cosine to 0
//
//	name   shape            meaning
//	x, x̂   [B, 3, S, S]     RGB in [-1, 1]
//	z, ζ   [B, c, h, w]     latent, and the noise of its posterior
//	x0, ε  [B, c, h, w]     scaled latent, and noise
//
// A training is a function of its settings and its images: batches, noise and all else come from streams named by
// seed and step. It writes its state from time to time, and the same call continues from there to the same bytes.
//
//	OUT/autoencoder/    config.json, diffusion_pytorch_model.safetensors, training.json     a model folder, when all
//	                                                                                        is done
//	OUT/dit/            config.json, model.safetensors, training.json
//	OUT/classes.txt     the classes in the order of the denoiser's labels
//	OUT/unet/           config.json, diffusion_pytorch_model.safetensors, training.json; text_encoder, tokenizer and
//	                    scheduler beside it, as in a pipeline of diffusers
//	OUT/training/NET/   loss.csv, samples/STEP.png; latents; while it goes on, state.safetensors, and a
//	                    denoiser as it is at this checkpoint, under its later names
package train

import (
	"errors"
	"fmt"
	"path/filepath"

	"mgd3/dataset"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/stage"
)

// ErrDiverged says that a training went wrong; its last checkpoint stays.
var ErrDiverged = errors.New("the training has diverged")

// Options are what both trainings share.
type Options struct {
	Engine   *engine.Engine
	Data     *dataset.Set
	Out      string // the model folder to be; another training's is a [stage.ErrOther]
	Images   Images
	Protocol Protocol
	From     string // folder or file of weights to start from, of a network of the same shape; "" starts afresh

	Licence string // of the trained weights, kept beside them; "" says nothing
	Half    bool   // write the weights as float16

	CheckpointEvery int // steps from one state on disk to the next; decides no result
	SampleEvery     int // steps from one sheet of samples to the next; 0 draws none, and decides no result

	Report func(Event) // told of progress, from one goroutine at a time; may be nil
}

// ErrSettings says that the settings of a denoiser do not fit the latents or the classes.
var ErrSettings = errors.New("the settings do not fit")

// unfit is an ErrSettings that says what is wrong in its own words.
type unfit struct{ error }

func (u unfit) Is(target error) bool { return target == ErrSettings }

func (u unfit) Unwrap() error { return u.error }

// Event is one thing that happened; it counts images.
type Event struct {
	stage.Event
	Step int     `json:"step,omitempty"` // of the training
	Loss float64 `json:"loss,omitempty"` // of that step
}

// The stages of an Event.
const (
	StageEncode = encode.Stage
	StageRead   = "read"
	StageTrain  = "train"
)

// The networks, by the names of their folders.
const (
	networkAutoencoder = "autoencoder"
	networkDiT         = "dit"
	networkUNet        = "unet"
)

func (o *Options) report(e Event) {
	if o.Report != nil {
		o.Report(e)
	}
}

// workDir holds what a network's training needs and the finished model does not.
func (o *Options) workDir(network string) string { return filepath.Join(o.Out, "training", network) }

func (o *Options) modelDir(network string) string { return filepath.Join(o.Out, network) }

// Check names the first option out of its range.
func (o *Options) Check() error {
	if o.CheckpointEvery < 1 {
		return fmt.Errorf("a checkpoint every %d steps, want at least 1", o.CheckpointEvery)
	}
	if o.SampleEvery < 0 {
		return fmt.Errorf("samples every %d steps, want at least 0", o.SampleEvery)
	}
	if err := o.Images.Check(); err != nil {
		return err
	}
	return o.Protocol.Check()
}
