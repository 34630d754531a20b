package train

import (
	"io"
	"math"
	"path/filepath"
	"strings"

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

// randomText returns the tensors of a text encoder under transformers' names. They are float32, as transformers takes
// the type of a file and diffusers makes all else float32, with numbers that half precision has: embeddings normal with
// σ = 1, so that every token counts, matrices [out, in] normal with σ = 1/√in, norms 1, biases 0.
func (o *Options) randomText(c text.Config) []weights.Tensor {
	var list []weights.Tensor
	for _, spec := range c.Specs() {
		data := make([]float32, size(spec.Shape))
		deviation, offset := 0.0, 0.0
		switch {
		case strings.HasSuffix(spec.Name, "token_embedding.weight"):
			deviation = 1
		case strings.HasSuffix(spec.Name, "position_embedding.weight"):
			deviation = 0.5
		case len(spec.Shape) == 2:
			deviation = 1 / math.Sqrt(float64(spec.Shape[1]))
		case strings.HasSuffix(spec.Name, ".weight"): // of a norm
			offset = 1
		}
		rng.Normals(rng.Stream(o.Protocol.Seed, "text", rng.Hash(spec.Name)), data)
		for i := range data {
			data[i] = float32(offset + deviation*float64(data[i]))
		}
		list = append(list, weights.F32(spec.Name, spec.Shape, rounded(data)))
	}
	return list
}

// rounded returns the numbers that half precision has for data: a program that reads the encoder in half precision then
// computes with the same weights.
func rounded(data []float32) []float32 {
	half, err := weights.F16("", []int{len(data)}, data).Float32s()
	if err != nil { // only of a tensor whose data is not there
		panic(err)
	}
	return half
}
