package unet

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// Configurations as published: of what Stable Diffusion 1.5, 2.1 and SDXL base say, what matters here; and the
// class-conditional model of CompVis, in diffusers' words.
const (
	sd15 = `{"_class_name": "UNet2DConditionModel", "_diffusers_version": "0.6.0", "act_fn": "silu",
		"attention_head_dim": 8,
	"block_out_channels": [320, 640, 1280, 1280], "center_input_sample": false, "cross_attention_dim": 768,
	"down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
	"downsample_padding": 1, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4, "layers_per_block": 2,
	"mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 4, "sample_size": 64,
	"up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]}`
	sd21 = `{"_class_name": "UNet2DConditionModel", "act_fn": "silu", "attention_head_dim": [5, 10, 20, 20],
	"block_out_channels": [320, 640, 1280, 1280], "center_input_sample": false, "cross_attention_dim": 1024,
	"down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
	"downsample_padding": 1, "dual_cross_attention": false, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4,
	"layers_per_block": 2, "mid_block_scale_factor": 1, "norm_eps": 1e-05, "norm_num_groups": 32,
	"num_class_embeds": null, "only_cross_attention": false, "out_channels": 4, "sample_size": 96,
	"up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
	"use_linear_projection": true, "upcast_attention": true}`
	sdxl = `{"_class_name": "UNet2DConditionModel", "act_fn": "silu", "addition_embed_type": "text_time",
	"addition_embed_type_num_heads": 64, "addition_time_embed_dim": 256, "attention_head_dim": [5, 10, 20],
	"block_out_channels": [320, 640, 1280], "center_input_sample": false, "class_embed_type": null,
	"class_embeddings_concat": false, "conv_in_kernel": 3, "conv_out_kernel": 3, "cross_attention_dim": 2048,
	"cross_attention_norm": null, "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
	"downsample_padding": 1, "dual_cross_attention": false, "encoder_hid_dim": null, "encoder_hid_dim_type": null,
	"flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4, "layers_per_block": 2,
	"mid_block_only_cross_attention": null, "mid_block_scale_factor": 1, "mid_block_type": "UNetMidBlock2DCrossAttn",
	"norm_eps": 1e-05, "norm_num_groups": 32, "num_attention_heads": null, "num_class_embeds": null,
	"only_cross_attention": false, "out_channels": 4, "projection_class_embeddings_input_dim": 2816,
	"resnet_out_scale_factor": 1.0, "resnet_skip_time_act": false, "resnet_time_scale_shift": "default",
	"sample_size": 128, "time_cond_proj_dim": null, "time_embedding_act_fn": null, "time_embedding_dim": null,
	"time_embedding_type": "positional", "timestep_post_act": null, "transformer_layers_per_block": [1, 2, 10],
	"up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"], "upcast_attention": null,
	"use_linear_projection": true}`
	cin256 = `{"_class_name": "UNet2DConditionModel", "attention_head_dim": 1,
		"block_out_channels": [192, 384, 576, 960],
	"cross_attention_dim": 512, "in_channels": 3, "out_channels": 3, "sample_size": 64,
	"down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
	"up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"]}`
)

var published = []struct {
	name, text string
	want       Config
}{
	{"SD 1.5", sd15, Config{
		SampleSize: 64, Channels: 4, Widths: []int{320, 640, 1280, 1280}, Layers: []int{2, 2, 2, 2},
		Down: []bool{true, true, true, false}, Up: []bool{true, true, true, false}, Depth: []int{1, 1, 1, 1},
		Heads: []int{8, 8, 8, 8}, ContextDim: 768, Groups: 32, Epsilon: 1e-5,
	}},
	{"SD 2.1", sd21, Config{
		SampleSize: 96, Channels: 4, Widths: []int{320, 640, 1280, 1280}, Layers: []int{2, 2, 2, 2},
		Down: []bool{true, true, true, false}, Up: []bool{true, true, true, false}, Depth: []int{1, 1, 1, 1},
		Heads: []int{5, 10, 20, 20}, ContextDim: 1024, Groups: 32, Epsilon: 1e-5, Linear: true,
	}},
	{"SDXL", sdxl, Config{
		SampleSize: 128, Channels: 4, Widths: []int{320, 640, 1280}, Layers: []int{2, 2, 2},
		Down: []bool{false, true, true}, Up: []bool{false, true, true}, Depth: []int{1, 2, 10},
		Heads: []int{5, 10, 20}, ContextDim: 2048, Groups: 32, Epsilon: 1e-5, Linear: true, TextDim: 1280, SizeDim: 256,
	}},
	{"LDM", cin256, Config{
		SampleSize: 64, Channels: 3, Widths: []int{192, 384, 576, 960}, Layers: []int{2, 2, 2, 2},
		Down: []bool{false, true, true, true}, Up: []bool{false, true, true, true}, Depth: []int{1, 1, 1, 1},
		Heads: []int{1, 1, 1, 1}, ContextDim: 512, Groups: 32, Epsilon: 1e-5,
	}},
}

func TestParseConfig(t *testing.T) {
	for _, c := range published {
		got, notes, err := ParseConfig([]byte(c.text))
		if err != nil || len(notes) > 0 || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, notes %q, error %v, want %+v", c.name, got, notes, err, c.want)
		}
		text, err := got.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if again, notes, err := ParseConfig(text); err != nil || len(notes) > 0 || !reflect.DeepEqual(again, got) {
			t.Errorf("%s, written and read: got %+v, notes %q, error %v", c.name, again, notes, err)
		}
	}
	if c := published[2].want; c.AddedLen() != 1286 || c.Downsampling() != 4 {
		t.Errorf("SDXL: got a row of %d numbers and %d cells in one, want 1286 and 4", c.AddedLen(), c.Downsampling())
	}
}

// TestParseConfigVariants: what small and unusual models say.
func TestParseConfigVariants(t *testing.T) {
	for _, c := range []struct {
		from, to string
		change   func(*Config)
	}{
		{`"layers_per_block": 2`, `"layers_per_block": [1, 2, 3, 4]`, func(c *Config) { c.Layers = []int{1, 2, 3, 4} }},
		{`"cross_attention_dim": 768`, `"cross_attention_dim": [768, 768, 768, 768]`, func(*Config) {}},
		{`"sample_size": 64`, `"sample_size": [64, 64]`, func(*Config) {}},
		{`"sample_size": 64`, `"sample_size": null`, func(c *Config) { c.SampleSize = 0 }},
		{`"flip_sin_to_cos": true`, `"flip_sin_to_cos": false`, func(c *Config) { c.SineFirst = true }},
		{`"freq_shift": 0`, `"freq_shift": 1`, func(c *Config) { c.FreqShift = 1 }},
		{`"act_fn": "silu"`, `"act_fn": "swish"`, func(*Config) {}},
		{`"act_fn": "silu"`, `"mid_block_type": null`, func(c *Config) { c.SkipMiddle = true }},
		{`"act_fn": "silu"`, `"only_cross_attention": [false, false, false, false]`, func(*Config) {}},
		{`"norm_eps": 1e-05`, `"norm_eps": 1e-06`, func(c *Config) { c.Epsilon = 1e-6 }},
	} {
		got, _, err := ParseConfig([]byte(changed(t, sd15, c.from, c.to)))
		want := published[0].want
		c.change(&want)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, error %v, want %+v", c.to, got, err, want)
		}
	}
	_, notes, err := ParseConfig([]byte(changed(t, sd15, `"act_fn"`, `"new_field": 3, "_own": 1, "act_fn"`)))
	if err != nil || len(notes) != 1 || !strings.Contains(notes[0], `passed over: "new_field"`) {
		t.Errorf("got notes %q, error %v, want one of new_field", notes, err)
	}
}

func changed(t *testing.T, text, from, to string) string {
	t.Helper()
	if !strings.Contains(text, from) {
		t.Fatalf("%q is not in the configuration", from)
	}
	return strings.Replace(text, from, to, 1)
}

func TestParseConfigErrors(t *testing.T) {
	for _, c := range []struct{ of, from, to, want string }{
		{sd15, `{`, `[`, "invalid character"},
		{sd15, `UNet2DConditionModel`, `UNet2DModel`, `_class_name is "UNet2DModel"`},
		{sd15, `"attention_head_dim": 8`, `"attention_head_dim": 7`, "attention_head_dim, the number of heads, is 7"},
		{sd15, `"attention_head_dim": 8`, `"attention_head_dim": [8, 8]`, "attention_head_dim has 2 levels, want 4"},
		{sd15, `"attention_head_dim": 8`, `"attention_head_dim": "8"`, `field "attention_head_dim" is a JSON string`},
		{sd15, `"attention_head_dim": 8`, `"attention_head_dim": 8, "num_attention_heads": 8`,
			"num_attention_heads is 8, want null"},
		{sd15, `[320, 640, 1280, 1280]`, `[]`, "block_out_channels has 0 levels"},
		{sd15, `[320, 640, 1280, 1280]`, `[320, 640, 1280]`, "down_block_types has 4 levels, want 3"},
		{sd15, `[320, 640, 1280, 1280]`, `[320, 640, 1280, 1281]`, "multiple of norm_num_groups"},
		{sd15, `"norm_num_groups": 32`, `"norm_num_groups": 0`, "norm_num_groups is 0"},
		{sd15, `"norm_eps": 1e-05`, `"norm_eps": 0`, "norm_eps is 0"},
		{sd15, `"freq_shift": 0`, `"freq_shift": 160`, "freq_shift is 160"},
		{sd15, `"in_channels": 4`, `"in_channels": 9`, "in_channels is 9 and out_channels is 4"},
		{sd15, `"layers_per_block": 2`, `"layers_per_block": 0`, "layers_per_block is 0"},
		{sd15, `"layers_per_block": 2`, `"layers_per_block": 999999999`, "layers_per_block is 999999999"},
		{sd15, `"layers_per_block": 2`, `"layers_per_block": []`, "layers_per_block has 0 levels"},
		{sd15, `"cross_attention_dim": 768`, `"cross_attention_dim": [768, 1, 2, 3]`,
			"cross_attention_dim is [768 1 2 3], want one number"},
		{sd15, `"sample_size": 64`, `"sample_size": [64, 96]`, "sample_size is [64 96], want one number"},
		{sd15, `"CrossAttnDownBlock2D"`, `"AttnDownBlock2D"`, `down_block_types has "AttnDownBlock2D"`},
		{sd15, `"UpBlock2D"`, `"SkipUpBlock2D"`, `up_block_types has "SkipUpBlock2D"`},
		{sd15, `"act_fn": "silu"`, `"act_fn": "gelu"`, `act_fn is "gelu", want "silu"`},
		{sd15, `"downsample_padding": 1`, `"downsample_padding": 0`, "downsample_padding is 0, want 1"},
		{sd15, `"mid_block_scale_factor": 1`, `"mid_block_scale_factor": 1.4`, "mid_block_scale_factor is 1.4, want 1"},
		{sd21, `"num_class_embeds": null`, `"num_class_embeds": 1000`, "num_class_embeds is 1000, want null"},
		{sd21, `"dual_cross_attention": false`, `"dual_cross_attention": true`, "dual_cross_attention is true"},
		{sd21, `"only_cross_attention": false`, `"only_cross_attention": [true, false, true, false]`,
			"only_cross_attention is [true,false,true,false], want false"},
		{sdxl, `"text_time"`, `"text_image"`, `addition_embed_type is "text_image"`},
		{sdxl, `"addition_time_embed_dim": 256,`, ``, "addition_time_embed_dim and"},
		{sdxl, `"addition_time_embed_dim": 256`, `"addition_time_embed_dim": 257`, "addition_time_embed_dim is 257"},
		{sdxl, `"addition_time_embed_dim": 256`, `"addition_time_embed_dim": 4611686018427387904`,
			"addition_time_embed_dim is 4611686018427387904"},
		{sdxl, `2816`, `1536`, "projection_class_embeddings_input_dim is 1536"},
		{sdxl, `"class_embed_type": null`, `"class_embed_type": "timestep"`,
			`class_embed_type is "timestep", want null`},
		{sdxl, `"encoder_hid_dim_type": null`, `"encoder_hid_dim_type": "image_proj"`, "encoder_hid_dim_type"},
		{sdxl, `"resnet_time_scale_shift": "default"`, `"resnet_time_scale_shift": "scale_shift"`,
			"resnet_time_scale_shift"},
		{sdxl, `"time_embedding_type": "positional"`, `"time_embedding_type": "fourier"`, "time_embedding_type"},
		{sdxl, `"time_cond_proj_dim": null`, `"time_cond_proj_dim": 256`, "time_cond_proj_dim"},
		{sdxl, `[1, 2, 10]`, `[[1, 1], 2, 10]`, `field "transformer_layers_per_block"`},
		{sdxl, `[1, 2, 10]`, `[1, 0, 10]`, "transformer_layers_per_block is 0"},
		{sdxl, `"mid_block_type": "UNetMidBlock2DCrossAttn"`, `"mid_block_type": "UNetMidBlock2D"`, "mid_block_type"},
		{sdxl, `"attention_head_dim"`, `"reverse_transformer_layers_per_block": [1], "attention_head_dim"`,
			"reverse_transformer_layers_per_block"},
	} {
		text := changed(t, c.of, c.from, c.to)
		if _, _, err := ParseConfig([]byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.to, err, c.want)
		}
	}
	silent := strings.NewReplacer("CrossAttnDown", "Down", "CrossAttnUp", "Up", `"act_fn": "silu"`,
		`"mid_block_type": null`).Replace(sd15)
	if _, _, err := ParseConfig([]byte(silent)); err == nil ||
		!strings.Contains(err.Error(), "a prompt would change nothing") {
		t.Errorf("no attention at all: got error %v", err)
	}
}

// FuzzParseConfig: what is accepted can be built, and is the same when it is written and read again.
func FuzzParseConfig(f *testing.F) {
	for _, c := range published {
		f.Add([]byte(c.text))
	}
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"block_out_channels": [32], "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"],
		"attention_head_dim": []}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, _, err := ParseConfig(text)
		if err != nil {
			return
		}
		if c.Check() != nil || len(c.Widths) != len(c.Down) || c.ContextDim < 1 || slices.Min(c.Layers) < 1 {
			t.Fatalf("accepted %+v", c)
		}
		written, err := c.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if again, _, err := ParseConfig(written); err != nil || !reflect.DeepEqual(again, c) {
			t.Errorf("%+v is written and read as %+v, error %v", c, again, err)
		}
	})
}
