package unet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"mgd3/weights"
)

// perLevel is a number of every level, or a list with one for each.
type perLevel []int

// UnmarshalJSON implements [json.Unmarshaler].
func (l *perLevel) UnmarshalJSON(text []byte) error {
	var one int
	if bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, (*[]int)(l))
	}
	if err := json.Unmarshal(text, &one); err != nil || string(text) == "null" {
		return err
	}
	*l = perLevel{one}
	return nil
}

// spread returns the number of each level. A list of another length stays, for Check to name it.
func (l perLevel) spread(levels int) []int {
	if len(l) == 1 && levels > 1 && levels <= maxLevels {
		return slices.Repeat([]int(l), levels)
	}
	return slices.Clone([]int(l))
}

// diffusers is the config.json of a diffusers UNet2DConditionModel folder.
type diffusers struct {
	Class     string   `json:"_class_name"`
	Sample    perLevel `json:"sample_size"` // height and width may be a list too
	In        int      `json:"in_channels"`
	Out       int      `json:"out_channels"`
	CosFirst  bool     `json:"flip_sin_to_cos"`
	FreqShift float64  `json:"freq_shift"`
	Down      []string `json:"down_block_types"`
	Middle    *string  `json:"mid_block_type"`
	Up        []string `json:"up_block_types"`
	Widths    []int    `json:"block_out_channels"`
	Layers    perLevel `json:"layers_per_block"`
	Groups    int      `json:"norm_num_groups"`
	Epsilon   float64  `json:"norm_eps"`
	Context   perLevel `json:"cross_attention_dim"`
	Depth     perLevel `json:"transformer_layers_per_block"`
	Heads     perLevel `json:"attention_head_dim"` // so named, and meant as the number of heads
	Linear    bool     `json:"use_linear_projection"`
	Added     *string  `json:"addition_embed_type"`
	SizeDim   *int     `json:"addition_time_embed_dim"`
	AddedDim  *int     `json:"projection_class_embeddings_input_dim"`
}

const (
	className  = "UNet2DConditionModel"
	midBlock   = "UNetMidBlock2DCrossAttn"
	textTime   = "text_time"
	downPlain  = "DownBlock2D"
	downTokens = "CrossAttnDownBlock2D"
	upPlain    = "UpBlock2D"
	upTokens   = "CrossAttnUpBlock2D"
)

// fixed are the fields that may have one value only, or are left out, as others make another network; nil is null.
var fixed = map[string][]any{
	"act_fn": {"silu", "swish"}, "attention_type": {"default"}, "center_input_sample": {false},
	"class_embed_type": {nil}, "class_embeddings_concat": {false}, "conv_in_kernel": {3.0}, "conv_out_kernel": {3.0},
	"cross_attention_norm": {nil}, "downsample_padding": {1.0}, "dual_cross_attention": {false},
	"encoder_hid_dim": {nil}, "encoder_hid_dim_type": {nil}, "mid_block_only_cross_attention": {nil, false},
	"mid_block_scale_factor": {1.0}, "num_attention_heads": {nil}, "num_class_embeds": {nil},
	"only_cross_attention": {false}, "resnet_out_scale_factor": {1.0, nil}, "resnet_skip_time_act": {false, nil},
	"resnet_time_scale_shift": {"default"}, "reverse_transformer_layers_per_block": {nil},
	"time_cond_proj_dim": {nil}, "time_embedding_act_fn": {nil}, "time_embedding_dim": {nil},
	"time_embedding_type": {"positional"}, "timestep_post_act": {nil},
}

// inert are the fields whose value changes nothing here: training's, and those of networks that fixed rules out.
var inert = []string{"addition_embed_type_num_heads", "dropout", "upcast_attention"}

// defaults are diffusers' values of the fields that a file leaves out.
func defaults() diffusers {
	middle := midBlock
	return diffusers{
		In: 4, Out: 4, CosFirst: true, Middle: &middle, Layers: perLevel{2}, Groups: 32, Epsilon: 1e-5,
		Down:    []string{downTokens, downTokens, downTokens, downPlain},
		Up:      []string{upPlain, upTokens, upTokens, upTokens},
		Widths:  []int{320, 640, 1280, 1280},
		Context: perLevel{1280}, Depth: perLevel{1}, Heads: perLevel{8},
	}
}

// ParseConfig reads the config.json of a diffusers UNet2DConditionModel folder. A value that makes another network than
// Forward is an error that names the field; notes name the fields that are not known and therefore passed over.
func ParseConfig(data []byte) (c Config, notes []string, err error) {
	file := defaults()
	if err := weights.UnmarshalJSON(data, &file); err != nil {
		return c, nil, err
	}
	var all map[string]any
	if err := weights.UnmarshalJSON(data, &all); err != nil {
		return c, nil, err
	}
	if file.Class != "" && file.Class != className {
		return c, nil, fmt.Errorf("_class_name is %q, want %s", file.Class, className)
	}
	unknown, err := checkRest(all)
	if err != nil {
		return c, nil, err
	}
	if c, err = file.config(); err != nil {
		return c, nil, err
	}
	if len(unknown) > 0 {
		notes = append(notes, fmt.Sprintf("fields of %s that are not known are passed over: %s", weights.ConfigFile,
			strings.Join(unknown, ", ")))
	}
	return c, notes, c.Check()
}

// checkRest checks the fields in fixed, and returns those that nothing is known of.
func checkRest(all map[string]any) (unknown []string, err error) {
	known := map[string]bool{}
	for field := range reflect.TypeFor[diffusers]().Fields() {
		known[field.Tag.Get("json")] = true
	}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value, want := all[name], fixed[name]
		switch {
		case want != nil:
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			for _, v := range list {
				if !slices.ContainsFunc(want, func(w any) bool { return reflect.DeepEqual(v, w) }) {
					return nil, fmt.Errorf("%s is %s, want %s: another network is not supported", name, inJSON(value),
						inJSON(want[0]))
				}
			}
		case !known[name] && !slices.Contains(inert, name) && !strings.HasPrefix(name, "_"):
			unknown = append(unknown, fmt.Sprintf("%q", name))
		}
	}
	return unknown, nil
}

func inJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(text)
}

func (d diffusers) config() (c Config, err error) {
	levels := len(d.Widths)
	c = Config{
		Channels: d.In, Widths: d.Widths, Layers: d.Layers.spread(levels), Depth: d.Depth.spread(levels),
		Heads: d.Heads.spread(levels), Groups: d.Groups, Epsilon: d.Epsilon, Linear: d.Linear,
		SkipMiddle: d.Middle == nil, SineFirst: !d.CosFirst, FreqShift: d.FreqShift,
	}
	if c.Down, err = attentive("down_block_types", d.Down, downTokens, downPlain); err != nil {
		return c, err
	}
	if c.Up, err = attentive("up_block_types", d.Up, upTokens, upPlain); err != nil {
		return c, err
	}
	slices.Reverse(c.Up) // the file begins with the lowest resolution
	if c.SampleSize, err = same("sample_size", d.Sample); err != nil {
		return c, err
	}
	if c.ContextDim, err = same("cross_attention_dim", d.Context); err != nil {
		return c, err
	}
	switch {
	case d.In != d.Out:
		return c, fmt.Errorf("in_channels is %d and out_channels is %d, want the same: a network that is given an "+
			"image "+
			"beside the latent is not supported", d.In, d.Out)
	case d.Middle != nil && *d.Middle != midBlock:
		return c, fmt.Errorf("mid_block_type is %q, want %s or null", *d.Middle, midBlock)
	case d.Added == nil:
		return c, nil
	case *d.Added != textTime:
		return c, fmt.Errorf("addition_embed_type is %q, want %s or null", *d.Added, textTime)
	case d.SizeDim == nil || d.AddedDim == nil:
		return c, fmt.Errorf("addition_embed_type is %s: want addition_time_embed_dim and "+
			"projection_class_embeddings_input_dim too", textTime)
	case *d.SizeDim < 1 || *d.SizeDim > maxSize:
		return c, fmt.Errorf("addition_time_embed_dim is %d, want 1 to %d", *d.SizeDim, maxSize)
	}
	c.SizeDim, c.TextDim = *d.SizeDim, *d.AddedDim-sizeIDs*(*d.SizeDim)
	return c, nil
}

// attentive says which of the blocks have attention.
func attentive(field string, kinds []string, with, without string) ([]bool, error) {
	has := make([]bool, len(kinds))
	for i, kind := range kinds {
		if has[i] = kind == with; kind != with && kind != without {
			return nil, fmt.Errorf("%s has %q, want %s or %s", field, kind, with, without)
		}
	}
	return has, nil
}

// same returns the number that all of a list are, 0 of none.
func same(field string, list perLevel) (int, error) {
	for _, n := range list {
		if n != list[0] {
			return 0, fmt.Errorf("%s is %v, want one number", field, list)
		}
	}
	return append(list, 0)[0], nil
}

// JSON returns the config.json that [ParseConfig] reads c from.
func (c Config) JSON() ([]byte, error) {
	kinds := func(has []bool, with, without string) (kinds []string) {
		for _, h := range has {
			if h {
				kinds = append(kinds, with)
			} else {
				kinds = append(kinds, without)
			}
		}
		return kinds
	}
	d := diffusers{
		Class: className, Sample: perLevel{c.SampleSize}, In: c.Channels, Out: c.Channels, CosFirst: !c.SineFirst,
		FreqShift: c.FreqShift, Down: kinds(c.Down, downTokens, downPlain), Up: kinds(c.Up, upTokens, upPlain),
		Widths: c.Widths, Layers: c.Layers, Groups: c.Groups, Epsilon: c.Epsilon, Context: perLevel{c.ContextDim},
		Depth: c.Depth, Heads: c.Heads, Linear: c.Linear,
	}
	slices.Reverse(d.Up)
	if middle := midBlock; !c.SkipMiddle {
		d.Middle = &middle
	}
	if added, dim := textTime, c.TextDim+sizeIDs*c.SizeDim; c.SizeDim > 0 {
		d.Added, d.SizeDim, d.AddedDim = &added, &c.SizeDim, &dim
	}
	return json.MarshalIndent(d, "", "  ")
}

// MarshalJSON implements [json.Marshaler]: one number where all are the same.
func (l perLevel) MarshalJSON() ([]byte, error) {
	if _, err := same("", l); err == nil && len(l) > 0 {
		return json.Marshal(l[0])
	}
	return json.Marshal([]int(l))
}
