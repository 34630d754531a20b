package distill

import (
	"context"
	"fmt"
	"slices"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/encode"
	"mgd3/engine"
	"mgd3/rng"
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

// RowDenoiser is a [Denoiser] that knows each label by a row of numbers, so that labels can be mixed.
type RowDenoiser interface {
	Denoiser
	LabelRows(*engine.Engine) (diffusion.LabelRows, error)
}

// mixed is what a batch's labels are mixed with, by one seed; nil where they are not. The other class of an image is
// one of the run's, all equally likely.
func (s *sampling) mixed(images []image, seed uint64) *diffusion.MixedLabels {
	if !s.record.Settings.MixLabels {
		return nil
	}
	m := &diffusion.MixedLabels{LabelRows: s.rows, Uniform: func(i, step int, dst []float32) {
		im := images[i]
		r := rng.Stream(seed, "labels", rng.Hash(im.class), uint64(im.index), uint64(step))
		for l := range dst {
			dst[l] = r.Float32()
		}
	}}
	for _, im := range images {
		others := slices.DeleteFunc(slices.Clone(s.record.Labels), func(l int32) bool { return l == im.label })
		other := int32(-1)
		if len(others) > 0 {
			other = others[rng.Stream(seed, "other label", rng.Hash(im.class), uint64(im.index)).IntN(len(others))]
		}
		m.Other = append(m.Other, other)
	}
	return m
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
