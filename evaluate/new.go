package evaluate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mgd3/internal/words"
)

// Names lists networks that [New] knows. ConvNets may have any other depth.
func Names() []string {
	return append([]string{"convnet3", "convnet4", "convnet5", "convnet6"}, OtherNames()...)
}

// OtherNames lists the networks that are no ConvNets.
func OtherNames() []string {
	return append([]string{
		"resnetap10", "resnetap18", "resnet10", "resnet18", "resnet34", "resnet50", "resnet101", "alexnet", "vgg11",
		"vgg11_bn", "mobilenet_v2", "efficientnet_b0", "swin_t", "vit_tiny_patch16_224", "vit_small_patch16_224", "mlp",
		"lenet",
	}, dcNames()...)
}

// CheckNames says which of the names is no network's.
func CheckNames(names []string) error {
	const large = 1 << 10 // pixels: enough for every network, so that only its name can be wrong
	for _, name := range names {
		if _, err := New(name, large, 1, Instance); err != nil {
			return err
		}
	}
	return nil
}

// NetworkError is a name that no network has.
type NetworkError struct {
	Name string
	Have []string // beside convnet with a depth
}

func (e *NetworkError) Error() string {
	return fmt.Sprintf("network %q is not known, want convnet with a depth or one of %s", e.Name,
		strings.Join(e.Have, ", "))
}

// New returns the network of that name, of its published widths, for square images of size pixels.
//
//	convnetD      depth D, 128 wide
//	resnetapD     ResNetAP-10 and -18
//	resnetD       ResNet-10, -18, -34, -50 and -101
//	alexnet       AlexNet, which has no norms, whatever norm is
//	vgg11         VGG-11 without norms, whatever norm is
//	vgg11_bn      VGG-11 with them
//	mlp, lenet    DC's, without norms
//	mobilenet_v2, efficientnet_b0, swin_t   torchvision's names; the last has layer norms, whatever norm is
//	dc-ConvNet …  DC's zoo, by its names; see dczoo.go
//	vit_tiny_patch16_224, vit_small_patch16_224   timm's names; other sizes have other numbers of patches
//
// It is an error if the images are too small for the network, which says how large they must be.
func New(name string, size, classes int, norm Norm) (Net, error) {
	net, least := lookUp(name, size, classes, norm)
	switch {
	case net == nil:
		return nil, &NetworkError{name, Names()}
	case norm != "" && !slices.Contains(norms, norm):
		return nil, fmt.Errorf("%s: norm is %q, want %s", name, norm, words.Or(norms))
	case classes < 1:
		return nil, fmt.Errorf("%s: %d classes, want at least 1", name, classes)
	case size < least:
		return nil, fmt.Errorf("%s: images of %d pixels are too small, want at least %d", name, size, least)
	}
	return net, nil
}

// lookUp returns the network, nil if there is none, and the size of the smallest images it takes.
func lookUp(name string, size, classes int, norm Norm) (net Net, least int) {
	switch name {
	case "alexnet":
		return AlexNet{64, classes}, smallestAlexNet
	case "vgg11":
		return VGG11{64, classes, NoNorm}, smallestVGG
	case "mlp":
		return MLP{classes}, 1
	case "lenet":
		return LeNet{classes}, smallestLeNet
	case "vit_tiny_patch16_224":
		return ViT{192, 3, classes}, vitPatch
	case "vit_small_patch16_224":
		return ViT{384, 6, classes}, vitPatch
	case "mobilenet_v2":
		return MobileNetV2{classes, norm, 0.2}, smallestHalved(norm)
	case "efficientnet_b0":
		return EfficientNetB0{classes, norm, 0.2}, smallestHalved(norm)
	case "swin_t":
		return SwinT{classes, 0.2}, swinPatch
	case "vgg11_bn":
		return VGG11{64, classes, norm}, smallestVGG
	}
	if name, ok := strings.CutPrefix(name, dcPrefix); ok {
		return dcNet(name, classes)
	}
	if depth, ok := numbered(name, "convnet"); ok && depth < 31 {
		return ConvNet{depth, 128, classes, norm}, 1 << depth
	}
	pool := strings.HasPrefix(name, "resnetap")
	if depth, ok := numbered(strings.Replace(name, "resnetap", "resnet", 1), "resnet"); ok &&
		slices.Contains(Names(), name) {
		// of which the last stage leaves 2: a norm of one pixel is its bias
		return ResNet{Depth: depth, Width: 64, Size: size, AveragePool: pool, Classes: classes, Norm: norm}, 16
	}
	return nil, 0
}

// smallestHalved is the size of images that five halvings leave 2 of, or 1 where the norm is of the batch.
func smallestHalved(norm Norm) int {
	if norm == Batch || norm == BatchTwice {
		return 32
	}
	return 33
}

// numbered returns the number n of a name that is prefix and n, from 1 on.
func numbered(name, prefix string) (n int, ok bool) {
	digits, ok := strings.CutPrefix(name, prefix)
	n, err := strconv.Atoi(digits)
	return n, ok && err == nil && n > 0 && strconv.Itoa(n) == digits
}
