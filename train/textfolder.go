package train

import (
	"io"
	"math"
	"path/filepath"

	"mgd3/rng"
	"mgd3/stage/atomicfile"
	"mgd3/text"
	"mgd3/weights"
)

// The folders that diffusers has beside a denoiser's.
const (
	textFolder      = "text_encoder"
	tokenizerFolder = "tokenizer"
	schedulerFolder = "scheduler"
)

// writeText writes a tokenizer of single bytes, and a text encoder of that width with random weights, which hang on the
// seed alone.
func (o *Options) writeText(width int) error {
	for name, data := range text.SmallTokenizer() {
		if err := atomicfile.WriteBytes(filepath.Join(o.Out, tokenizerFolder, name), data); err != nil {
			return err
		}
	}
	c := text.Small(width)
	dir := filepath.Join(o.Out, textFolder)
	if err := atomicfile.WriteBytes(filepath.Join(dir, "config.json"), c.JSON()); err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "model.safetensors"), func(w io.Writer) error {
		return weights.Write(w, o.randomText(c), map[string]string{"format": "pt"})
	})
}

// randomText returns the tensors of a text encoder under transformers' names: embeddings normal with σ = 1, so that
// every token counts, matrices [out, in] normal with σ = 1/√in, norms 1, biases 0.
func (o *Options) randomText(c text.Config) []weights.Tensor {
	var list []weights.Tensor
	add := func(name string, deviation, offset float64, shape ...int) {
		data := make([]float32, size(shape))
		rng.Normals(rng.Stream(o.Recipe.Seed, "text", rng.Hash(name)), data)
		for i := range data {
			data[i] = float32(offset + deviation*float64(data[i]))
		}
		list = append(list, weights.F16(name, shape, data))
	}
	matrix := func(name string, out, in int) {
		add(name+".weight", 1/math.Sqrt(float64(in)), 0, out, in)
		add(name+".bias", 0, 0, out)
	}
	norm := func(name string) {
		add(name+".weight", 0, 1, c.Width)
		add(name+".bias", 0, 0, c.Width)
	}
	add("text_model.embeddings.token_embedding.weight", 1, 0, c.Vocabulary, c.Width)
	add("text_model.embeddings.position_embedding.weight", 0.5, 0, c.Positions, c.Width)
	const layer = "text_model.encoder.layers.0."
	norm(layer + "layer_norm1")
	for _, part := range []string{"q", "k", "v", "out"} {
		matrix(layer+"self_attn."+part+"_proj", c.Width, c.Width)
	}
	norm(layer + "layer_norm2")
	matrix(layer+"mlp.fc1", c.Inner, c.Width)
	matrix(layer+"mlp.fc2", c.Width, c.Inner)
	norm("text_model.final_layer_norm")
	return list
}
