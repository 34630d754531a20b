package evaluate

import (
	"strings"

	. "github.com/gomlx/gomlx/core/graph"

	"mgd3/engine"
)

// DC's zoo is the networks by which DC, DSA, DM, MTT and those after them judge sets across architectures (networks.py
// and get_network in utils.py of VICO-UoE/DatasetCondensation@2326d165; AlexNetBN is of DM's time). Their names here
// are DC's with "dc-" before them; the norm is of the name, whatever the protocol's. Tensors have DC's names, so that
// checkpoints of those programs fit. Weights begin as PyTorch's defaults. TestLibraries holds all against PyTorch.
//
//	dc-ConvNet            depth 3, width 128, ReLU, instance norm, average pools
//	dc-ConvNetD1 …        another depth
//	dc-ConvNetW32 …       another width
//	dc-ConvNetAS AR AL    sigmoid, ReLU, leaky ReLU (0.01)
//	dc-ConvNetNN BN LN IN GN   no norm, batch, layer, instance, group norm (4 groups)
//	dc-ConvNetNP MP AP    no pools, maximum, average
//	dc-AlexNet[BN], dc-VGG11[BN], dc-ResNet18[BN][_AP]

// dcPrefix is what names of DC's zoo begin with here: torchvision has other networks of the same names.
const dcPrefix = "dc-"

// dcNames lists the networks of DC's zoo; ConvNets may have other depths and widths.
func dcNames() []string {
	var names []string
	for _, name := range strings.Fields("ConvNet ConvNetD1 ConvNetD2 ConvNetD3 ConvNetD4 ConvNetW32 ConvNetW64 " +
		"ConvNetW128 ConvNetW256 ConvNetAS ConvNetAR ConvNetAL ConvNetNN ConvNetBN ConvNetLN ConvNetIN ConvNetGN " +
		"ConvNetNP ConvNetMP ConvNetAP AlexNet AlexNetBN VGG11 VGG11BN ResNet18 ResNet18BN ResNet18_AP " +
		"ResNet18BN_AP") {
		names = append(names, dcPrefix+name)
	}
	return names
}

// dcNet returns the network of that name without its prefix, nil if there is none, and the smallest images it takes.
func dcNet(name string, classes int) (net Net, least int) {
	norm := Instance
	plain, batch := name, strings.Contains(name, "BN") && !strings.HasPrefix(name, "ConvNet")
	if batch {
		plain, norm = strings.Replace(name, "BN", "", 1), Batch
	}
	switch plain {
	case "AlexNet":
		if !batch {
			norm = NoNorm
		}
		return DCAlexNet{classes, norm}, 8
	case "VGG11":
		return DCVGG{classes, norm}, 32
	case "ResNet18", "ResNet18_AP":
		return DCResNet{strings.HasSuffix(plain, "_AP"), classes, norm}, 32
	}
	kind, ok := strings.CutPrefix(name, "ConvNet")
	if !ok {
		return nil, 0
	}
	c := DCConvNet{Depth: 3, Width: 128, Classes: classes}
	if depth, ok := numbered(kind, "D"); ok && depth < 31 {
		c.Depth = depth
	} else if width, ok := numbered(kind, "W"); ok {
		c.Width = width
	} else if change, ok := dcChanges[kind]; ok {
		change(&c)
	} else {
		return nil, 0
	}
	if c.Pool == noPool {
		return c, 1
	}
	return c, 1 << c.Depth
}

var dcChanges = map[string]func(c *DCConvNet){
	"":   func(*DCConvNet) {},
	"AS": func(c *DCConvNet) { c.Activate = Sigmoid },
	"AR": func(*DCConvNet) {},
	"AL": func(c *DCConvNet) { c.Activate = leakyReLU },
	"NN": func(c *DCConvNet) { c.Norm = NoNorm },
	"BN": func(c *DCConvNet) { c.Norm = Batch },
	"LN": func(c *DCConvNet) { c.Norm = layerNorm },
	"IN": func(*DCConvNet) {},
	"GN": func(c *DCConvNet) { c.Norm = groupNorm },
	"NP": func(c *DCConvNet) { c.Pool = noPool },
	"MP": func(c *DCConvNet) { c.Pool = maximum },
	"AP": func(*DCConvNet) {},
}

// pooling says how a ConvNet of DC's halves its images; the zero value is by means.
type pooling int

const (
	average pooling = iota
	maximum
	noPool
)

// DCConvNet is DC's ConvNet. Its layers are numbered in one list: convolution, norm, activation and pool, those that
// there are.
type DCConvNet struct {
	Depth, Width, Classes int
	Norm                  Norm                // the zero value is Instance
	Activate              func(x *Node) *Node // nil is ReLU
	Pool                  pooling
}

// Start implements [Net]: PyTorch's default.
func (DCConvNet) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (c DCConvNet) Forward(p engine.Params, x *Node, training bool) *Node {
	l := layer{c.Norm, training}
	i := 0
	next := func() engine.Params { i++; return p.At("features", i-1) }
	x = channelsLast(x)
	for range c.Depth {
		x = engine.Conv2D(next(), x, c.Width, 3, 1, [2]int{1, 1})
		if c.Norm != NoNorm {
			x = l.normalise(next(), x)
		}
		if c.Activate == nil {
			x = engine.ReLU(x)
		} else {
			x = c.Activate(x)
		}
		next()
		switch c.Pool {
		case average:
			x = averagePool(x, 2)
		case maximum:
			x = MaxPool(x).Window(2).Strides(2).Done()
		}
		if c.Pool != noPool {
			next()
		}
	}
	return engine.Linear(p.In("classifier"), flatten(x), c.Classes)
}

// leakyReLU is x above 0 and x/100 below.
func leakyReLU(x *Node) *Node {
	return Where(GreaterThan(x, ScalarZero(x.Graph(), x.DType())), x, MulScalar(x, 0.01))
}

// DCAlexNet is DC's AlexNet for images of 32 pixels: no dropout, one linear layer.
type DCAlexNet struct {
	Classes int
	Norm    Norm // NoNorm, or Batch: AlexNetBN
}

// Start implements [Net]: PyTorch's default.
func (DCAlexNet) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (a DCAlexNet) Forward(p engine.Params, x *Node, training bool) *Node {
	return dcFeatures(p, x, layer{a.Norm, training}, "fc", a.Classes, [][3]int{{128, 5, 1}, {192, 5, 1}, {256, 3, 0},
		{192, 3, 0}, {192, 3, 1}})
}

// DCVGG is DC's VGG-11: norms, and one linear layer.
type DCVGG struct {
	Classes int
	Norm    Norm // Instance, or Batch: VGG11BN
}

// Start implements [Net]: PyTorch's default.
func (DCVGG) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (v DCVGG) Forward(p engine.Params, x *Node, training bool) *Node {
	return dcFeatures(p, x, layer{v.Norm, training}, "classifier", v.Classes, [][3]int{{64, 3, 1}, {128, 3, 1},
		{256, 3, 0}, {256, 3, 1}, {512, 3, 0}, {512, 3, 1}, {512, 3, 0}, {512, 3, 1}})
}

// dcFeatures is one list of convolutions, each of a width, a side and whether a maximum pool follows, with norms and
// ReLUs, and a linear layer of that name.
func dcFeatures(p engine.Params, x *Node, l layer, head string, classes int, list [][3]int) *Node {
	i := 0
	next := func() engine.Params { i++; return p.At("features", i-1) }
	x = channelsLast(x)
	for _, c := range list {
		x = engine.Conv2D(next(), x, c[0], c[1], 1, [2]int{c[1] / 2, c[1] / 2})
		if l.norm != NoNorm {
			x = l.normalise(next(), x)
		}
		x = engine.ReLU(x)
		next()
		if c[2] > 0 {
			x = MaxPool(x).Window(2).Strides(2).Done()
			next()
		}
	}
	return engine.Linear(p.In(head), flatten(x), classes)
}

// DCResNet is DC's ResNet-18: a stem that keeps the size; with AveragePool means halve images in the place of strides,
// and no mean is taken before the linear layer.
type DCResNet struct {
	AveragePool bool
	Classes     int
	Norm        Norm // Instance, or Batch: ResNet18BN
}

// Start implements [Net]: PyTorch's default, convolutions too.
func (DCResNet) Start(weight []int, _ bool) Start { return uniform(weight) }

// Forward implements [Net].
func (d DCResNet) Forward(p engine.Params, x *Node, training bool) *Node {
	l := layer{d.Norm, training}
	r := ResNet{Depth: 18, Width: 64, Size: 32, AveragePool: d.AveragePool, around: "shortcut"}
	x = r.blocks(l, p, r.stem(l, p.In("layer0"), channelsLast(x)))
	if !d.AveragePool {
		x = averagePool(x, 4)
	}
	return engine.Linear(p.In("classifier"), flatten(x), d.Classes)
}
