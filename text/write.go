package text

import (
	"encoding/json"
	"fmt"
	"slices"

	"mgd3/weights"
)

// SmallTokenizer returns the files of a tokenizer whose tokens are the single bytes, 514 with those of the beginning
// and the end: for small models of one's own.
func SmallTokenizer() map[string][]byte {
	vocab := map[string]int{}
	inOrder := slices.Sorted(slices.Values(letterOf[:]))
	for _, after := range []string{"", end} {
		for _, l := range inOrder {
			vocab[l+after] = len(vocab)
		}
	}
	vocab[startOfText] = len(vocab)
	vocab[endOfText] = len(vocab)
	return files(vocab, []byte("#version: 0.2\n"), endOfText)
}

// TokenizerFiles returns the files of the tokenizer of CLIP's, that of [BuiltIn].
func TokenizerFiles(pad string) (map[string][]byte, error) {
	vocab, merges, _, err := vocabularyOfCLIP()
	if err != nil {
		return nil, err
	}
	return files(vocab, merges, pad), nil
}

func files[ID int | int32](vocab map[string]ID, merges []byte, pad string) map[string][]byte {
	return map[string][]byte{
		vocabFile:  toJSON(vocab),
		mergesFile: merges,
		configOf: toJSON(map[string]any{
			"bos_token": startOfText, "eos_token": endOfText, "unk_token": endOfText, "pad_token": pad,
			"model_max_length": Length, "tokenizer_class": "CLIPTokenizer",
		}),
	}
}

// Specs are the tensors of the encoder under transformers' names.
func (c Config) Specs() (specs []weights.Spec) {
	add := func(name string, shape ...int) {
		specs = append(specs, weights.Spec{Name: "text_model." + name, Shape: shape})
	}
	both := func(name string, shape ...int) {
		add(name+".weight", shape...)
		add(name+".bias", shape[0])
	}
	add("embeddings.token_embedding.weight", c.Vocabulary, c.Width)
	add("embeddings.position_embedding.weight", c.Positions, c.Width)
	for i := range c.Layers {
		layer := fmt.Sprintf("encoder.layers.%d.", i)
		both(layer+"layer_norm1", c.Width)
		for _, part := range []string{"q", "k", "v", "out"} {
			both(layer+"self_attn."+part+"_proj", c.Width, c.Width)
		}
		both(layer+"layer_norm2", c.Width)
		both(layer+"mlp.fc1", c.Inner, c.Width)
		both(layer+"mlp.fc2", c.Width, c.Inner)
	}
	both("final_layer_norm", c.Width)
	if c.Projection > 0 {
		specs = append(specs, weights.Spec{Name: projection, Shape: []int{c.Projection, c.Width}})
	}
	return specs
}

// Small returns the configuration of an encoder for [SmallTokenizer], of one layer.
func Small(width int) Config {
	const tokens = 2*256 + 2
	return Config{Vocabulary: tokens, Positions: Length, Width: width, Inner: 2 * width, Layers: 1, Heads: 1,
		Activation: quickGELU, Epsilon: 1e-5, Pool: tokens - 1}
}

// JSON returns the config.json of transformers from which [ParseConfig] reads c.
func (c Config) JSON() []byte {
	t := clip{Type: "clip_text_model", Architectures: []string{"CLIPTextModel"}, Vocabulary: c.Vocabulary,
		Positions: c.Positions,
		Width:     c.Width, Inner: c.Inner, Layers: c.Layers, Heads: c.Heads, Activation: c.Activation,
		Epsilon:    c.Epsilon,
		Projection: c.Projection, Eos: c.Pool}
	if c.Projection > 0 {
		t.Architectures = []string{withProjection}
	}
	if c.Pool == highest {
		t.Eos = 2
	}
	return toJSON(t)
}

// toJSON returns v, which JSON has a form for.
func toJSON(v any) []byte {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		panic(err)
	}
	return append(data, '\n')
}
