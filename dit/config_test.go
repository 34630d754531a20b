package dit

import (
	"strings"
	"testing"
)

const tiny = `{"input_size": 8, "patch_size": 2, "in_channels": 4, "hidden_size": 96, "depth": 3, "num_heads": 4,
	"num_classes": 10, "learn_sigma": true}`

const tinyDiffusers = `{"_class_name": "DiTTransformer2DModel", "sample_size": 8, "patch_size": 2, "in_channels": 4,
	"out_channels": 8,
	"attention_head_dim": 24, "num_attention_heads": 4, "num_layers": 3, "num_embeds_ada_norm": 10,
	"norm_type": "ada_norm_zero", "activation_fn": "gelu-approximate"}`

func TestParseConfig(t *testing.T) {
	want := Config{InputSize: 8, Patch: 2, Channels: 4, Hidden: 96, Depth: 3, Heads: 4, Classes: 10, LearnSigma: true}
	for name, text := range map[string]string{"ours": tiny, "diffusers": tinyDiffusers} {
		got, err := ParseConfig([]byte(text))
		if err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
	if want.OutChannels() != 8 || want.Null() != 10 || want.mlpWidth() != 384 {
		t.Errorf("got %d channels out, null label %d, mlp width %d", want.OutChannels(), want.Null(), want.mlpWidth())
	}
}

func TestParseConfigErrors(t *testing.T) {
	for _, c := range []struct{ from, to, want string }{
		{`{`, `[`, "invalid character"},
		{`"depth": 3`, `"depth": 0`, "depth is 0"},
		{`"depth": 3`, `"depth": -3`, "depth is -3"},
		{`"depth": 3`, `"depth": 1e99`, `field "depth" is a JSON number 1e99, want a whole number`},
		{`"depth": 3`, `"depth": 99999999`, "depth is 99999999"},
		{`"depth": 3`, `"depth": 2000`, "depth is 2000"},
		{`"depth": 3,`, ``, "depth is 0"},
		{`"input_size": 8`, `"input_size": 1000000`, "500000 × 500000 tokens"},
		{`"input_size": 8`, `"input_size": 1`, "patch_size"},
		{`"hidden_size": 96`, `"hidden_size": 98`, "num_heads"},
		{`"hidden_size": 96, "depth": 3, "num_heads": 4`, `"hidden_size": 6, "depth": 3, "num_heads": 3`,
			"multiple of 4"},
		{`"patch_size": 2`, `"patch_size": 3`, "patch_size"},
		{`"learn_sigma"`, `"mlp_ratio": -1, "learn_sigma"`, "mlp_ratio"},
		{`"DiTTransformer2DModel"`, `"PixArtTransformer2DModel"`, "not a DiT"},
		{`"norm_type": "ada_norm_zero"`, `"norm_type": "layer_norm"`, "norm_type"},
		{`gelu-approximate`, `geglu`, "activation_fn"},
		{`"out_channels": 8`, `"out_channels": 5`, "out_channels"},
		{`"attention_head_dim": 24`, `"attention_head_dim": 4611686018427387904`, "attention_head_dim"},
	} {
		text := tiny
		if !strings.Contains(text, c.from) {
			text = tinyDiffusers
		}
		broken := strings.Replace(text, c.from, c.to, 1)
		if broken == text {
			t.Fatalf("%q is in neither configuration", c.from)
		}
		if _, err := ParseConfig([]byte(broken)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got error %v, want one with %q", c.to, err, c.want)
		}
	}
}

// FuzzParseConfig: what is accepted can be built, so its sizes are within bounds and fit together.
func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(tiny))
	f.Add([]byte(tinyDiffusers))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := ParseConfig(text)
		if err != nil {
			return
		}
		if c.Check() != nil || c.side() < 1 || c.mlpWidth() < 0 || c.Hidden/c.Heads*c.Heads != c.Hidden {
			t.Errorf("accepted %+v", c)
		}
	})
}
