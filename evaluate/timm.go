package evaluate

import (
	"fmt"
	"strings"

	"mgd3/weights"
)

// timmSigns are tensors that timm's checkpoints have and torchvision's do not, of networks whose layout differs between
// the two. The layout of other networks of timm is torchvision's, or the only one.
var timmSigns = []struct{ tensor, of, instead string }{
	{"conv_stem.weight", "EfficientNets and MobileNets", `"efficientnet_b0" or "mobilenet_v2"`},
	{"layers.0.blocks.0.attn.qkv.weight", "Swin transformers", `"swin_t"`},
	{"pre_logits.fc1.weight", "VGGs", `"vgg11" or "vgg11_bn"`},
	{"layer0.conv1.0.weight", "ResNets with three convolutions as their stem (resnet18d, resnet50d)",
		`"resnet18" or "resnet50", or timm's of these names`},
}

// ofTimm adds to an error what a file of timm's layout is, and which files fit.
func ofTimm(err error, set *weights.Set) error {
	for _, sign := range timmSigns {
		if _, ok := set.Shape(sign.tensor); ok && err != nil {
			return fmt.Errorf("the layout is timm's, of its %s (tensor %q), which does not fit: want torchvision's "+
				"weights of %s. Of timm's own, resnet18, resnet34, resnet50, resnet101, vit_tiny_patch16_224, "+
				"vit_small_patch16_224 and DeiT's of these two sizes fit: %w", sign.of,
				strings.TrimPrefix(sign.tensor, "layer0."), sign.instead, err)
		}
	}
	return err
}
