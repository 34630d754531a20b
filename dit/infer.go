package dit

import (
	"fmt"
	"math"

	"mgd3/weights"
)

// infer returns the configuration of the denoiser whose tensors set holds. Of two things no shape tells: the size of
// the latent is that of the table of positions, the number of heads that of the published model as wide. A file
// without the table, or of another width, needs a config.json.
func infer(set *weights.Set) (*Config, error) {
	missing := ""
	dim := func(name string, rank, axis int) int {
		shape, _ := set.Shape(name)
		if len(shape) != rank {
			if missing == "" {
				missing = fmt.Sprintf("tensor %q has shape %v, want one of %d axes", name, shape, rank)
			}
			return 0
		}
		return shape[axis]
	}
	const patches, table = "x_embedder.proj.weight", "y_embedder.embedding_table.weight"
	c := &Config{
		Hidden: dim(patches, 4, 0), Channels: dim(patches, 4, 1), Patch: dim(patches, 4, 2),
		Classes: dim(table, 2, 0) - 1, // the last row is "no class"
	}
	for has(set, fmt.Sprintf("blocks.%d.attn.qkv.weight", c.Depth)) && c.Depth <= maxDepth {
		c.Depth++
	}
	mlp := dim("blocks.0.mlp.fc1.weight", 2, 0)
	out := dim("final_layer.linear.weight", 2, 0)
	if missing != "" {
		return nil, fmt.Errorf("%w: not a DiT's: %s", weights.ErrMismatch, missing)
	}
	if !has(set, positions) {
		return nil, fmt.Errorf("%w: no shape tells the size of the latent, as there is no tensor %q; %s",
			weights.ErrMismatch, positions, writeConfig)
	}
	if c.Hidden > 0 && mlp != 4*c.Hidden {
		c.MLPRatio = float64(mlp) / float64(c.Hidden)
	}
	c.LearnSigma = out == 2*c.Channels*c.Patch*c.Patch
	c.InputSize = int(math.Sqrt(float64(dim(positions, 3, 1)))+0.5) * c.Patch
	for _, s := range sizes {
		if s.hidden == c.Hidden {
			c.Heads = s.heads
		}
	}
	if c.Heads == 0 {
		return nil, fmt.Errorf("%w: no shape tells the number of heads, and no published model has a hidden size "+
			"of %d; %s", weights.ErrMismatch, c.Hidden, writeConfig)
	}
	if err := c.Check(); err != nil {
		return nil, fmt.Errorf("%w: %w", weights.ErrMismatch, err)
	}
	return c, nil
}

const writeConfig = "give it in a config.json beside the file (input_size, patch_size, in_channels, hidden_size, " +
	"depth, num_heads, num_classes, learn_sigma)"

func has(set *weights.Set, name string) bool { _, ok := set.Shape(name); return ok }
