// Package sd is a text-to-image model of latent diffusion as a denoiser of classes: Stable Diffusion 1 and 2, SDXL,
// whose U-Net is told a prompt (Rombach et al. 2022, arXiv:2112.10752; Podell et al. 2023, arXiv:2307.01952), and the
// class-conditional model of CompVis, which is told a row of a table.
//
//	class ──prompt──▶ text ──tokenizer──▶ ids [77] ──text encoders──▶ context [77, D], pooled [P]
//
// The contexts of all classes, and of the empty prompt as the last one, are one table beside the weights, of which the
// label picks a row in the graph; see [unet.Conditioned]. They are computed once, by [Model.Prompt], and the text
// encoders are freed then.
//
//	model   context                                   of the empty prompt       added
//	SD 1    CLIP ViT-L/14, last layer, D 768          of ""                     nothing
//	SD 2    OpenCLIP ViT-H, the one before, D 1024    of ""                     nothing
//	SDXL    ViT-L/14 ‖ ViT-bigG, the ones before,     zeros, where the model    pooled of bigG, size of the original,
//	        without the norm, D 768 + 1280            says so (it does)         its crop 0, 0, size of the result
//	class   a row of the table, one token             the table's last row      nothing
//
// All is as diffusers' pipelines have it.
package sd

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"

	"mgd3/diffusion"
	"mgd3/diffusion/scheduler"
	"mgd3/engine"
	"mgd3/unet"
)

// Network is a U-Net with its weights, and what is known of it.
type Network struct {
	*unet.Model
	Scheduler scheduler.Config // the noise it was trained with, and how its makers take steps
	Side      int              // height and width of the latents it was trained at; 0 where nothing says

	engine *engine.Engine
	hash   string
	known  unet.Conditioned
	tables engine.Weights
}

// Step is an [engine.Func]: one step of the sampler with this network, see [diffusion.Sampler.Graph].
func (n *Network) Step(s *diffusion.Sampler) engine.Func { return n.known.Step(s) }

// Tensors are what Step asks for.
func (n *Network) Tensors() engine.Weights {
	all := maps.Clone(n.Weights)
	maps.Copy(all, n.tables)
	return all
}

// Hash is the SHA-256 of all that the conditions and the predictions depend on beside the prompts, hex.
func (n *Network) Hash() string { return n.hash }

// Noise is the noise that the network was trained with.
func (n *Network) Noise() diffusion.Schedule { return n.Scheduler.Schedule }

// ClassCount is the number of classes it knows.
func (n *Network) ClassCount() int { return n.known.Classes }

// CheckLatent says what latents the network is for, if not for those of [c, h, w]: the network takes any h and w.
func (n *Network) CheckLatent(shape []int) error {
	if shape[0] != n.Channels {
		return fmt.Errorf("the denoiser wants %d channels", n.Channels)
	}
	return nil
}

// tell puts the tables of conditions on the engine: context [classes + 1, tokens, D] and added [classes + 1, AddedLen].
func (n *Network) tell(tokens int, context, added []float32) error {
	rows := len(context) / (tokens * n.ContextDim)
	tables := engine.Weights{}
	var err error
	if tables[unet.ContextTable], err = n.engine.Tensor(context, rows, tokens, n.ContextDim); err != nil {
		return err
	}
	if n.AddedLen() > 0 {
		if tables[unet.AddedTable], err = n.engine.Tensor(added, rows, n.AddedLen()); err != nil {
			return err
		}
	}
	for _, t := range n.tables {
		_ = t.FinalizeAll()
	}
	n.tables, n.known = tables, unet.Conditioned{Config: n.Config, Classes: rows - 1, Tokens: tokens}
	return nil
}

// Model is a network that is told prompts.
type Model struct {
	Network
	Places  Places
	Prompts func(classes []string) ([]string, error) // of classes, by the names of their folders; nil: these names

	classes []string // that it knows
	prompts []string
	size    int
}

// Prompt computes the conditions of the classes' prompts, for images of size pixels, and returns the prompts.
func (m *Model) Prompt(ctx context.Context, classes []string, size int) ([]string, error) {
	if m.classes != nil && slices.Equal(classes, m.classes) && size == m.size {
		return m.prompts, nil
	}
	prompts := slices.Clone(classes)
	if m.Prompts != nil {
		var err error
		if prompts, err = m.Prompts(classes); err != nil {
			return nil, err
		}
	}
	c, err := m.Places.conditions(ctx, m.engine, classes, prompts)
	if err != nil {
		return nil, err
	}
	added, err := c.fit(m.Config, size)
	if err != nil {
		return nil, err
	}
	if err := m.tell(c.tokens, c.context, added); err != nil {
		return nil, err
	}
	m.classes, m.prompts, m.size = slices.Clone(classes), prompts, size
	return prompts, nil
}

// joined is the hash of several.
func joined(hashes []string) string {
	h := sha256.New()
	for _, one := range hashes {
		_, _ = io.WriteString(h, one+"\n") // a hash takes all
	}
	return hex.EncodeToString(h.Sum(nil))
}
