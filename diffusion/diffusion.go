// Package diffusion draws latents, each pulled towards one mode, from a denoiser it knows
// nothing about.
//
// One of n steps; t counts down from n-1 to 0. With the class label y and no label ∅,
//
//	ε  = ε(x, ∅) + s·(ε(x, y) − ε(x, ∅))     on the first channels, ε(x, y) on the others
//	x0 = √(1/ā)·x − √(1/ā − 1)·ε             Ho et al. 2020 (arXiv:2006.11239), eq. 15
//	x0 = √ā·x − √(1 − ā)·v                   of a network that predicts v, see [Prediction]
//	g  = [t > stop]·(m − x0)                 MGD3 (arXiv:2505.18963), eq. 5
//
// a rule of the DDPM family takes
//
//	μ  = c1·x0 + c2·x                        Ho et al. 2020, eq. 7
//	x  ← μ + σ·( λ·g + [t > 0]·z )           MGD3, Figure 3
//
// and a rule of the DDIM family
//
//	x' = x0 + k·g
//	ε' = ( √(1/ā)·x − x' ) / √(1/ā − 1)
//	x  ← √ā₋·x' + √(1 − ā₋ − σ²)·ε' + w·g + σ·z     Song et al. 2021 (arXiv:2010.02502), eq. 12
//
// The rules for few steps, [DPM2M], [DPM2MSDE] and [UniPC], look back: see solver.go and unipc.go. Outside of an
// [Interval] of noise s is 1.
//
// Equation 6 of MGD3 adds the pull to ε, which has the opposite sign. We follow the figure
// and the authors' program; TestStepGolden pins it. The rules differ in k, w and σ, so one λ
// means different things in them: see [Rule].
//
//	name        shape         meaning and scale
//	x, ε, z     [B, C, h, w]  latents: VAE posterior mean × scaling factor; h, w = image size / 8
//	m           [B, C, h, w]  one mode per image, same scale
//	v           [B, C, h, w]  variance logits of the network: ln σ² runs from its lower bound
//	                          ln β̃ at v = -1 to its upper bound ln β at v = 1, and beyond
//	y           [B]           int32 labels; ∅ is a label too
//	s           scalar        scale of classifier-free guidance; 1 is without
//	ā, c1, c2   [n]           float64 tables of [Chain], cast to float32 once, in coef.go; ā₋ is
//	                          the ā of the step before, in noise
//	λ           scalar        per step: 0.1 belongs to n = 50
//	stop        step index    steps with t > stop are guided
//
// A [Sampler] is the settings with their tables. [Sampler.Graph] is one step as a graph, the
// same for all steps, whose scalars are an input; [Sampler.Run] is the loop over them on the
// host. Whoever calls them compiles the graph and owns the device.
package diffusion
