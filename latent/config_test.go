package latent

import (
	"reflect"
	"strings"
	"testing"
)

const sdConfig = `{"_class_name": "AutoencoderKL", "act_fn": "silu", "in_channels": 3, "out_channels": 3,
	"down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D"], "up_block_types": ["UpDecoderBlock2D",
	"UpDecoderBlock2D"],
	"block_out_channels": [32, 64], "layers_per_block": 2, "latent_channels": 4, "norm_num_groups": 8,
	"sample_size": 256,
	"scaling_factor": 0.5}`

func TestParseConfig(t *testing.T) {
	got, err := ParseConfig([]byte(sdConfig))
	want := Config{BlockOutChannels: []int{32, 64}, LayersPerBlock: 2, LatentChannels: 4, Groups: 8, ScalingFactor: 0.5,
		SampleSize: 256}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	// Old files say little; diffusers' defaults stand for the rest.
	got, err = ParseConfig([]byte(`{"block_out_channels": [64], "mid_block_add_attention": false,
		"use_quant_conv": false, "use_post_quant_conv": false}`))
	want = Config{BlockOutChannels: []int{64}, LayersPerBlock: 1, LatentChannels: 4, Groups: 32, ScalingFactor: 0.18215,
		SkipAttention: true, SkipQuant: true, SkipPostQuant: true}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestParseConfigErrors(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`{`, `[`, "invalid character"},
		{`"AutoencoderKL"`, `"VQModel"`, "_class_name"},
		{`"silu"`, `"relu"`, "act_fn"},
		{`"in_channels": 3`, `"in_channels": 1`, "in_channels"},
		{`"UpDecoderBlock2D"]`, `"AttnUpDecoderBlock2D"]`, "AttnUpDecoderBlock2D"},
		{`"DownEncoderBlock2D"]`, `"AttnDownEncoderBlock2D"]`, "AttnDownEncoderBlock2D"},
		{`[32, 64]`, `[]`, "0 levels"},
		{`[32, 64]`, `[32, 60]`, "has 60"},
		{`[32, 64]`, `[32, -64]`, "has -64"},
		{`[32, 64]`, `[8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]`, "17 levels"},
		{`"norm_num_groups": 8`, `"norm_num_groups": 0`, "norm_num_groups"},
		{`"layers_per_block": 2`, `"layers_per_block": 99999999`, "layers_per_block"},
		{`"latent_channels": 4`, `"latent_channels": 0`, "latent_channels"},
		{`"scaling_factor": 0.5`, `"scaling_factor": 0`, "scaling_factor"},
		{`"scaling_factor": 0.5`, `"scaling_factor": 0.5, "shift_factor": 0.1`, "shift_factor"},
	} {
		broken := strings.Replace(sdConfig, c.from, c.to, 1)
		if broken == sdConfig {
			t.Fatalf("%q is not in the configuration", c.from)
		}
		if _, err := ParseConfig([]byte(broken)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.to, err, c.want)
		}
	}
}

func TestLatentShape(t *testing.T) {
	c := Config{BlockOutChannels: []int{8, 8, 8}, LatentChannels: 4}
	if got, err := c.LatentShape(32); err != nil || !reflect.DeepEqual(got, []int{4, 8, 8}) {
		t.Errorf("got %v, %v, want [4 8 8]", got, err)
	}
	for _, size := range []int{0, -4, 3, 30} {
		if got, err := c.LatentShape(size); err == nil {
			t.Errorf("%d pixels have a latent %v, want an error", size, got)
		}
	}
}

// FuzzParseConfig: what is accepted can be built, so its sizes are within bounds and fit together.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(sdConfig))
	f.Add([]byte(`{"block_out_channels": [64]}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		if c.Check() != nil || c.Downsampling() < 1 {
			t.Errorf("accepted %+v", c)
		}
		if shape, err := c.LatentShape(c.Downsampling()); err != nil || shape[1] != 1 {
			t.Errorf("%+v: the smallest image has the latent %v, %v, want one cell", c, shape, err)
		}
	})
}

// TestConfigJSON: what is written is read, whatever is left out.
func TestConfigJSON(t *testing.T) {
	for bits := range 8 {
		want := Config{
			BlockOutChannels: []int{8, 16}, LayersPerBlock: 2, LatentChannels: 3, Groups: 4, ScalingFactor: 0.7,
			SampleSize:    32,
			SkipAttention: bits&1 > 0, SkipQuant: bits&2 > 0, SkipPostQuant: bits&4 > 0,
		}
		data, err := want.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseConfig(data); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}
