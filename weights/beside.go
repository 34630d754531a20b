package weights

import (
	"slices"
	"strings"
)

// sign is what a file holds, by what some of its names contain.
type sign struct {
	is    string
	signs []string
}

// strangers are what lies beside diffusion models and is no part of one, parts those that one file may hold together
// with a denoiser. The first that is found counts.
var strangers = []sign{
	{"a LoRA, which changes a model: merge the two first", []string{"lora_down.", "lora_up.", ".lora_A.", ".lora_B.",
		".lora.down.", ".lora.up.", "_lora.down.", "_lora.up.", ".hada_w1_", ".lokr_w1"}},
	{"a ControlNet, which steers a model", []string{"controlnet_cond_embedding.", "control_model.",
		"input_hint_block."}},
	{"an IP-Adapter, which steers a model", []string{"ip_adapter."}},
	{"an AnimateDiff module, for films", []string{"motion_modules."}},
	{"an embedding of one word (textual inversion)", []string{"string_to_param", "emb_params"}},
	{"a denoiser of Flux, which is not read", []string{"double_blocks.0.", "single_transformer_blocks.0."}},
	{"a denoiser of Stable Diffusion 3, which is not read", []string{"joint_blocks.0."}},
}

var parts = []sign{
	{"an autoencoder", []string{"decoder.conv_in.", "decoder.mid."}},
	{"a text encoder", []string{"token_embedding.", "encoder.block.0.layer.0.SelfAttention."}},
}

// Beside says what the file is if it is no denoiser, but one of the files that lie beside one; it is "" where there is
// a U-Net in a checkpoint, whatever else, and where the names tell nothing.
func Beside(f *File) string {
	names, known := f.Names(), slices.Concat(strangers, parts)
	has := func(prefix string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(unwrapped(name), prefix) })
	}
	switch {
	case has(diffusionModel + "input_blocks."):
		return ""
	case has(diffusionModel), has("x_embedder."):
		known = strangers
	}
	for _, beside := range known {
		for _, name := range names {
			for _, sign := range beside.signs {
				if strings.Contains(name, sign) {
					return beside.is
				}
			}
		}
	}
	if len(names) == 1 && strings.HasPrefix(names[0], "<") {
		return "an embedding of one word (textual inversion)"
	}
	return ""
}
