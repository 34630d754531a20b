package latent

import (
	"fmt"
	"io/fs"
	"reflect"

	"mgd3/weights"
)

// infer returns the configuration of the AutoencoderKL whose tensors set holds. What no shape tells is that of Stable
// Diffusion's: 32 groups, and a scaling factor of 0.18215, which is wrong for SDXL's autoencoder in a file of its own.
func infer(set *weights.Set) (Config, error) {
	c, err := inferLayers(set)
	switch {
	case err != nil:
		return c, err
	case c.LatentChannels != 4:
		return c, fmt.Errorf("%w: %d latent channels, and only those of 4 have a known scaling factor; give it in a "+
			"config.json beside the file, as diffusers writes it",
			weights.ErrMismatch, c.LatentChannels)
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("%w: %w", weights.ErrMismatch, err)
	}
	return c, nil
}

// inferLayers returns what the shapes of an encoder and a decoder tell.
func inferLayers(set *weights.Set) (Config, error) {
	c := Config{Groups: 32, ScalingFactor: defaultScaling}
	dim := func(axis int, format string, args ...any) int {
		if shape, ok := set.Shape(fmt.Sprintf(format, args...)); ok && axis < len(shape) {
			return shape[axis]
		}
		return 0
	}
	has := func(name string) bool { _, ok := set.Shape(name); return ok }
	for width := 0; len(c.BlockOutChannels) <= maxLevels; c.BlockOutChannels = append(c.BlockOutChannels, width) {
		width = dim(0, "encoder.down_blocks.%d.resnets.0.conv1.weight", len(c.BlockOutChannels))
		if width == 0 {
			break
		}
	}
	for dim(0, "encoder.down_blocks.0.resnets.%d.conv1.weight", c.LayersPerBlock) > 0 && c.LayersPerBlock < maxLayers {
		c.LayersPerBlock++
	}
	c.LatentChannels = dim(1, "decoder.conv_in.weight")
	c.SkipAttention = !has("encoder.mid_block.attentions.0.to_q.weight")
	c.SkipQuant, c.SkipPostQuant = !has("quant_conv.weight"), !has("post_quant_conv.weight")
	if len(c.BlockOutChannels) == 0 || c.LatentChannels == 0 {
		return c, fmt.Errorf(`%w: want an autoencoder's, "encoder.down_blocks.0.resnets.0.conv1.weight" and `+
			`"decoder.conv_in.weight" among them`, weights.ErrMismatch)
	}
	return c, nil
}

// scalingXL is the scaling factor of SDXL's autoencoder.
const scalingXL = 0.13025

// scalingOf returns the scaling factor of an autoencoder without a config.json: that of the whole model whose
// checkpoint the file is, or else of Stable Diffusion's.
func scalingOf(f *weights.File) float64 {
	if kind, err := weights.CheckpointOf(f); err == nil && kind == weights.SDXL {
		return scalingXL
	}
	return defaultScaling
}

// Describe returns the config.json of the autoencoder at a path, an AutoencoderKL or a VQModel, and whether its tensors
// tell all of it in the checkpoint of a whole model of that kind. No more than names and shapes are read.
func Describe(fsys fs.FS, at string, kind weights.Checkpoint) (config []byte, told bool, err error) {
	text, _, err := weights.ReadConfig(fsys, at)
	if err != nil {
		return nil, false, err
	}
	file, err := weights.OpenFS(fsys, at)
	if err != nil {
		return nil, false, err
	}
	defer file.Close()
	is, set, err := understand(at, text, file)
	if err != nil {
		return nil, false, err
	}
	switch n := is.(type) {
	case vq:
		inferred, errT := inferVQ(set)
		inferred.SampleSize = n.SampleSize
		config, err = n.JSON()
		return config, errT == nil && reflect.DeepEqual(inferred, n), err
	case Config:
		inferred, errT := infer(set)
		if inferred.SampleSize = n.SampleSize; kind == weights.SDXL {
			inferred.ScalingFactor = scalingXL
		}
		config, err = n.JSON()
		return config, errT == nil && reflect.DeepEqual(inferred, n), err
	}
	return nil, false, fmt.Errorf("%s: %w: want an autoencoder of diffusers' %s or %s", at, weights.ErrMismatch,
		className, vqClass)
}
