package distill

import (
	"context"
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/encode"
	"mgd3/engine"
)

// Denoiser is the network that images are sampled with, its weights on the run's engine: dit.Model, or that of a
// text-to-image model.
type Denoiser interface {
	// Step is one step of the sampler with the network, see [diffusion.Sampler.Graph]; Tensors are what it asks for.
	Step(*diffusion.Sampler) engine.Func
	Tensors() engine.Weights

	Hash() string                  // SHA-256 of the weights, hex
	Noise() diffusion.Schedule     // that it was trained with
	CheckLatent(shape []int) error // says what latents it was made for, if not for those of [c, h, w]
	ClassCount() int               // the labels are 0 to one less
}

// stepper runs a compiled step.
func stepper(step *engine.Program) diffusion.Stepper {
	if step == nil {
		return nil
	}
	return func(x, label, mode, z, coef *tensors.Tensor) (*tensors.Tensor, error) {
		return step.Run1(x, label, mode, z, coef)
	}
}

// Prompted is a [Denoiser] that knows a class by words. Its labels are the places of a set's classes.
type Prompted interface {
	Denoiser

	// Prompt makes the network know the classes, by what they are called in the set, of which images of so many pixels
	// are to be made, and returns what it was told of each. It is called before Step. The same again costs nothing.
	Prompt(ctx context.Context, classes []string, size int) (prompts []string, err error)
}

// label returns the denoiser's label of each class, and the prompt of each if it knows them by prompts.
func (r *Run) label(ctx context.Context, l encode.Record) (labels []int32, prompts []string, err error) {
	classes := l.Classes
	p, ok := r.Denoiser.(Prompted)
	if !ok {
		labels, err = Labels(classes, r.ClassNames, r.Denoiser.ClassCount())
		return labels, nil, err
	}
	if prompts, err = p.Prompt(ctx, classes, l.Settings.Size); err != nil {
		return nil, nil, err
	}
	if len(prompts) != len(classes) {
		return nil, nil, fmt.Errorf("%w: it has %d prompts for %d classes", ErrModel, len(prompts), len(classes))
	}
	for i, prompt := range prompts {
		if prompt == "" {
			return nil, nil, fmt.Errorf("%w: class %q has no prompt", ErrLabels, classes[i])
		}
		labels = append(labels, int32(i))
	}
	return labels, prompts, nil
}
