package unet

// named are the networks of models that are known by name, as their config.json or the first programs have them.
var named = map[string]Config{
	"sd15": {
		SampleSize: 64, Channels: 4, Widths: []int{320, 640, 1280, 1280}, Layers: []int{2, 2, 2, 2},
		Down: []bool{true, true, true, false}, Up: []bool{true, true, true, false}, Depth: []int{1, 1, 1, 1},
		Heads: []int{8, 8, 8, 8}, ContextDim: 768, Groups: 32, Epsilon: 1e-5,
	},
	"sd21": {
		SampleSize: 96, Channels: 4, Widths: []int{320, 640, 1280, 1280}, Layers: []int{2, 2, 2, 2},
		Down: []bool{true, true, true, false}, Up: []bool{true, true, true, false}, Depth: []int{1, 1, 1, 1},
		Heads: []int{5, 10, 20, 20}, ContextDim: 1024, Groups: 32, Epsilon: 1e-5, Linear: true,
	},
	"sdxl": {
		SampleSize: 128, Channels: 4, Widths: []int{320, 640, 1280}, Layers: []int{2, 2, 2},
		Down: []bool{false, true, true}, Up: []bool{false, true, true}, Depth: []int{1, 2, 10},
		Heads: []int{5, 10, 20}, ContextDim: 2048, Groups: 32, Epsilon: 1e-5, Linear: true, TextDim: 1280, SizeDim: 256,
	},
	"cin256": {
		SampleSize: 64, Channels: 3, Widths: []int{192, 384, 576, 960}, Layers: []int{2, 2, 2, 2},
		Down: []bool{false, true, true, true}, Up: []bool{false, true, true, true}, Depth: []int{1, 1, 1, 1},
		Heads: []int{1, 1, 1, 1}, ContextDim: 512, Groups: 32, Epsilon: 1e-5,
	},
}

// Published returns the network of a model that is known by name: sd15, sd21 and sdxl, Stable Diffusion 1.5, 2.1 and
// XL, and cin256, the class-conditional model of CompVis.
func Published(name string) (Config, bool) {
	c, ok := named[name]
	return c, ok
}
