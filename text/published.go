package text

// published are the text encoders of models that are known by name.
var published = map[string][]Config{
	"sd15": {vitL},
	"sd21": {{Vocabulary: 49408, Positions: Length, Width: 1024, Inner: 4096, Layers: 23, Heads: 16,
		Activation: exactGELU, Epsilon: 1e-5, Pool: highest}}, // OpenCLIP's ViT-H but for its last layer
	"sdxl": {vitL, {Vocabulary: 49408, Positions: Length, Width: 1280, Inner: 5120, Layers: 32, Heads: 20,
		Activation: exactGELU, Epsilon: 1e-5, Projection: 1280, Pool: highest}}, // OpenCLIP's ViT-bigG
}

// vitL is OpenAI's ViT-L/14.
var vitL = Config{Vocabulary: 49408, Positions: Length, Width: 768, Inner: 3072, Layers: 12, Heads: 12,
	Activation: quickGELU, Epsilon: 1e-5, Pool: highest}

// Published returns the text encoders of a model that is known by name, as diffusers has them: sd15, sd21 or sdxl; of
// others none.
func Published(name string) []Config { return published[name] }
