package dit

import (
	"encoding/json"
	"fmt"
)

// DiffusersJSON returns the config.json of a diffusers transformer folder (DiTTransformer2DModel, v0.30), from which
// [ParseConfig] reads c.
func (c Config) DiffusersJSON() ([]byte, error) {
	if c.mlpWidth() != 4*c.Hidden {
		return nil, fmt.Errorf("mlp_ratio is %g, and diffusers has 4 alone", c.MLPRatio)
	}
	return json.MarshalIndent(struct {
		diffusers
		Bias   bool    `json:"attention_bias"`
		Affine bool    `json:"norm_elementwise_affine"`
		Eps    float64 `json:"norm_eps"`
	}{diffusers{
		Class: "DiTTransformer2DModel", HeadDim: c.Hidden / c.Heads, Heads: c.Heads, Layers: c.Depth, In: c.Channels,
		Out:    c.OutChannels(),
		Sample: c.InputSize, Patch: c.Patch, Classes: c.Classes, Norm: "ada_norm_zero", Activation: "gelu-approximate",
	}, true, false, 1e-5}, "", "  ")
}
