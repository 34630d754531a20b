// Package evaluate is the networks that a distilled set is judged by, and how they are trained.
//
//	ConvNet-d     d × ( conv 3×3, norm, ReLU, average pool 2 ), linear            Gidaris and Komodakis 2018
//	ResNet-n      stem, four stages of residual blocks, mean, linear              He et al. 2016, arXiv:1512.03385
//	ResNetAP-n    the same, with average pools in the place of strides            Zhao et al. 2021 (DC), Kim et al.
//	                                                                              2022 (IDC)
//	AlexNet       five convolutions, three linear layers                          Krizhevsky 2014, arXiv:1404.5997
//	VGG-11        eight convolutions, three linear layers                         Simonyan and Zisserman 2015,
//	                                                                              arXiv:1409.1556
//
//	block:        y = ReLU( norm(conv3×3( pool(ReLU(norm(conv3×3(x)))) )) + short(x) )     two convolutions (10, 18,
//	                                                                                       34)
//	              conv 1×1, 3×3 and 1×1 with four times the width at its end               three convolutions (50,
//	                                                                                       101)
//	norm:         y = w·(x − mean)/√(var + ε) + b, ε = 1e-5
//	              instance: over the positions of one channel of one image; batch: of all images
//
//	loss          L = −mean Σ label·ln softmax(logits)                            hard labels
//	              L = mean Σ label·(ln label − ln softmax(logits/T))               soft labels
//	step          as package optim has it
//
// Tensor names and layouts are those of the programs the published scores were made with, which
// TestGolden pins; those of AlexNet and VGG-11 are torchvision's, which TestReference spells out.
//
//	name    shape              meaning
//	x       [B, 3, S, S]       images, normalised
//	label   [B]                int32, or
//	        [B, classes]       the share of each class
//	logits  [B, classes]
//	inside  [B, h, w, C]       channels last
package evaluate

import (
	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// Net is a classifier as a graph function.
type Net interface {
	// Forward returns the logits [B, classes] of images x [B, 3, S, S]. In training, batch norms
	// use the moments of the batch and set their running ones, and dropout drops what its
	// state says, and sets it to that of the next step. Like all graph functions it panics
	// on wrong shapes.
	Forward(p engine.Params, x *Node, training bool) *Node

	// Start says how the weight of a convolution, [out, in, k, k], or of a linear layer, [out, in], begins, or its
	// bias.
	Start(weight []int, bias bool) Start
}

// Logits is an [engine.Func] of images: the logits of the trained net.
func Logits(net Net) engine.Func {
	return func(p engine.Params, in []*Node) []*Node { return []*Node{net.Forward(p, in[0], false)} }
}
