package text

import (
	"encoding/json"
	"slices"
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
	return map[string][]byte{
		vocabFile:  toJSON(vocab),
		mergesFile: []byte("#version: 0.2\n"),
		configOf: toJSON(map[string]any{
			"bos_token": startOfText, "eos_token": endOfText, "unk_token": endOfText, "pad_token": endOfText,
			"model_max_length": Length, "tokenizer_class": "CLIPTokenizer",
		}),
	}
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
