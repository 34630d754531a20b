// Package features describes images by a network that was trained on many others: as one vector each, in which sets of
// images are compared, and by LPIPS, how different two images look.
//
//	SqueezeNet 1.1    conv 3×3 of stride 2, then eight fire modules, a max pool before the 1st, 3rd and 5th
//	                  fire(x) = ReLU(expand1(s)) ‖ ReLU(expand3(s)),  s = ReLU(squeeze(x))      Iandola et al. 2016,
//	                                                                                            arXiv:1602.07360
//	features          mean over positions of the last map
//	LPIPS(a, b)       Σₗ mean over positions of wₗ·(f̂ₗ(a) − f̂ₗ(b))²,  f̂ = f/(|f| + 1e-10)   Zhang et al. 2018,
//	                                                                                           arXiv:1801.03924, eq. 1
//
// The seven maps f of LPIPS come after the first convolution, the 2nd and the 4th to 8th module; |f| is over the
// channels of one position. Weights and names are those of richzhang/PerceptualSimilarity, version 0.1 with network
// squeeze; TestGolden compares with that definition on torchvision's network.
//
//	name       shape              meaning
//	image      [B, 3, S, S]       RGB in [-1, 1]; S at least MinSize
//	f          [B, h, w, C]       C = 64, 128, 256, 384, 384, 512, 512
//	features   [B, 512]           not negative, as they come after a ReLU
//	LPIPS      [B]                0 for equal images, seldom above 1
package features

import (
	"context"
	"errors"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/weights"
)

// Width is how many features an image has.
const Width = 512

// Net is the network with its weights on an engine.
type Net struct {
	SHA256 string   // of the weights' file, hex
	Notes  []string // how the file was read, see weights.File.Notes

	features, distance *engine.Program
}

// Open loads the network from a safetensors file, or a folder with one. A file of another model is a
// [weights.ErrMismatch] that names the tensors.
func Open(ctx context.Context, e *engine.Engine, path string) (*Net, error) {
	file, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	w, err := upload(e, file)
	if err != nil {
		return nil, err
	}
	n := &Net{Notes: file.Notes()}
	n.features, err = e.Compile("features",
		func(p engine.Params, in []*Node) []*Node { return []*Node{Features(p, in[0])} }, w)
	if err != nil {
		return nil, err
	}
	if n.distance, err = e.Compile("LPIPS", lpips, w); err != nil {
		return nil, err
	}
	n.SHA256, err = file.SHA256(ctx)
	return n, err
}

// Weights loads what [LPIPS] asks for, for a program of which it is a part.
func Weights(e *engine.Engine, path string) (engine.Weights, error) {
	file, err := weights.Open(path)
	if err != nil {
		return nil, err
	}
	w, err := upload(e, file)
	return w, errors.Join(err, file.Close())
}

func upload(e *engine.Engine, file *weights.File) (engine.Weights, error) {
	set, err := weights.Perceptual(file)
	if err != nil {
		return nil, err
	}
	image := shapes.Make(dtypes.Float32, 1, 3, MinSize, MinSize)
	specs, err := e.Declare(lpips, image, image)
	if err != nil {
		return nil, err
	}
	return e.Upload(set, specs)
}

func lpips(p engine.Params, in []*Node) []*Node { return []*Node{LPIPS(p, in[0], in[1])} }

// Features writes the features [n, Width] of images [n, 3, size, size] in [-1, 1].
func (n *Net) Features(features, images []float32, size int) error {
	return n.features.Take(features, tensor(images, size))
}

// Distance writes the LPIPS [n] of images a and b [n, 3, size, size] in [-1, 1].
func (n *Net) Distance(distance, a, b []float32, size int) error {
	return n.distance.Take(distance, tensor(a, size), tensor(b, size))
}

func tensor(images []float32, size int) *tensors.Tensor {
	return tensors.FromFlatDataAndDimensions(images, len(images)/(3*size*size), 3, size, size)
}
