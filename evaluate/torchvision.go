package evaluate

import (
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"mgd3/engine"
	"mgd3/weights"
)

// LoadTorchvision reads the weights of a trained net for images of size pixels, for a program of [Logits]: a
// safetensors file or PyTorch's own (.pth) with torchvision's names, or with ours. It is an error that names the
// tensor if the file is of another net or of other classes.
func LoadTorchvision(e *engine.Engine, path string, net Net, size int) (engine.Weights, error) {
	f, set, err := weights.OpenTorchvision(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	specs, err := e.Declare(Logits(net), shapes.Make(dtypes.Float32, 1, 3, size, size))
	if err != nil {
		return nil, err
	}
	w, err := e.Upload(set, specs)
	return w, ofTimm(err, set)
}
