package evaluate

import (
	"context"
	"fmt"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/weights"
)

// Backbone is a trained ResNet of torchvision (-18, -34, -50 or -101) without its last layer. The features of an image
// are the means over positions of the last map, what "fc" is given: 512, or 2048 from ResNet-50 on.
//
// Images are prepared as torchvision's weights IMAGENET1K_V1 want it: the short side resized to 256 pixels (of 224, or
// the same share of another size), the central square, and per channel (x − mean)/std of ImageNet.
type Backbone struct {
	Name   string   // such as resnet18
	Width  int      // features of an image
	SHA256 string   // of the file
	Notes  []string // how it was read

	features *engine.Program
}

// IsBackbone reports whether a file of weights, safetensors or PyTorch's own, is of a ResNet.
func IsBackbone(path string) (bool, error) {
	f, set, err := weights.OpenTorchvision(path)
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, is := set.Shape("layer4.0.conv1.weight")
	return is, nil
}

// OpenBackbone reads a ResNet with torchvision's names; which one it is the names say. One of another width, or with
// another first layer than 7 × 7, is one all the same; tensors that do not fit are a [weights.ErrMismatch].
func OpenBackbone(ctx context.Context, e *engine.Engine, path string) (*Backbone, error) {
	f, set, err := weights.OpenTorchvision(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	net, err := resNetOf(set)
	if err != nil {
		return nil, fmt.Errorf("%q: %w", path, err)
	}
	specs, err := e.Declare(net.features, shapes.Make(dtypes.Float32, 1, 3, Published, Published))
	if err != nil {
		return nil, err
	}
	w, err := e.Upload(set.Without("fc.weight").Without("fc.bias"), specs)
	if err != nil {
		return nil, ofTimm(err, set)
	}
	b := &Backbone{Name: fmt.Sprintf("resnet%d", net.Depth), Width: net.Width << 3, Notes: f.Notes()}
	if net.bottleneck() {
		b.Width *= 4
	}
	if b.SHA256, err = f.SHA256(ctx); err != nil {
		return nil, err
	}
	b.features, err = e.Compile("features of "+b.Name, net.features, w)
	return b, err
}

// resNetOf tells which ResNet tensors are of.
func resNetOf(set *weights.Set) (ResNet, error) {
	r := ResNet{Classes: 1, Norm: Batch}
	has := func(name string) bool { _, ok := set.Shape(name + ".weight"); return ok }
	first, ok := set.Shape("layer0.conv1.weight")
	if !ok || len(first) != 4 {
		return r, fmt.Errorf("%w: want torchvision's ResNet, with \"conv1.weight\"", weights.ErrMismatch)
	}
	r.Width = first[0]
	r.Size, _ = stemSize(first[3], Published, false)
	switch wide := has("layer1.0.conv3"); {
	case wide && has("layer3.6.conv1"):
		r.Depth = 101
	case wide:
		r.Depth = 50
	case has("layer1.2.conv1"):
		r.Depth = 34
	default:
		r.Depth = 18
	}
	return r, nil
}

// features is an [engine.Func] of images [B, 3, S, S] in [-1, 1].
func (r ResNet) features(p engine.Params, in []*Node) []*Node {
	l, x := layer{norm: r.Norm}, in[0]
	x = MulScalar(OnePlus(x), 0.5)
	of := func(c [3]float64) *Node {
		return Const(x.Graph(), []float32{float32(c[0]), float32(c[1]), float32(c[2])})
	}
	x = Div(Sub(channelsLast(x), ExpandLeftToRank(of(colourMean), 4)), ExpandLeftToRank(of(colourStd), 4))
	return []*Node{ReduceMean(r.blocks(l, p, r.stem(l, p.In("layer0"), x)), 1, 2)}
}

// Features writes the features [n, Width] of images [n, 3, size, size] in [-1, 1].
func (b *Backbone) Features(features, images []float32, size int) error {
	return b.features.Take(features, tensors.FromFlatDataAndDimensions(images, len(images)/(3*size*size), 3, size,
		size))
}

// Crop prepares an image.
func (*Backbone) Crop(im *dataset.RGB, size int) *dataset.RGB {
	return dataset.CropCenterOf(im, size*256/Published, size)
}
