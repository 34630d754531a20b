package dit

import (
	"fmt"
	"strings"
)

// Sizes of the published models (Peebles and Xie 2023, Table 1), by the letters of their names.
var sizes = []struct {
	name                 string
	depth, hidden, heads int
}{
	{"S", 12, 384, 6},
	{"B", 12, 768, 12},
	{"L", 24, 1024, 16},
	{"XL", 28, 1152, 16},
}

// Named returns the configuration of a published model by its name, DiT-XL/2 say, at an image size in pixels: latents
// of four channels at an eighth of it, the 1,000 classes of ImageNet, learned sigma.
//
//	name    depth  hidden  heads   patches          parameters with patches of 2
//	DiT-S   12     384     6       2, 4 or 8        33 M
//	DiT-B   12     768     12      2, 4 or 8        130 M
//	DiT-L   24     1024    16      2, 4 or 8        458 M
//	DiT-XL  28     1152    16      2, 4 or 8        675 M
//
// Weights were published of DiT-XL/2 alone, at 256 and 512 pixels.
func Named(name string, pixels int) (Config, error) {
	letters, patch, _ := strings.Cut(strings.TrimPrefix(name, "DiT-"), "/")
	for _, s := range sizes {
		for _, p := range []int{2, 4, 8} {
			if s.name != letters || fmt.Sprint(p) != patch {
				continue
			}
			c := Config{InputSize: pixels / 8, Patch: p, Channels: 4, Hidden: s.hidden, Depth: s.depth, Heads: s.heads,
				Classes: 1000, LearnSigma: true}
			if pixels%8 != 0 {
				return c, fmt.Errorf("%s: %d pixels have no latent, want a multiple of 8", name, pixels)
			}
			if err := c.Check(); err != nil {
				return c, fmt.Errorf("%s at %d pixels: %w", name, pixels, err)
			}
			return c, nil
		}
	}
	return Config{}, fmt.Errorf("no model %q, want DiT-S, DiT-B, DiT-L or DiT-XL with /2, /4 or /8", name)
}

// Fits reports whether the configuration is that of a published model, as [Named] has it, or of a name that it does not
// know. The number of classes is free.
func (c Config) Fits(name string, pixels int) bool {
	want, err := Named(name, pixels)
	c.Classes, c.MLPRatio = want.Classes, want.MLPRatio
	return err != nil || c == want
}
