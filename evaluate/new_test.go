package evaluate

import (
	"strings"
	"testing"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"

	"mgd3/weights"
)

func image(size int) shapes.Shape { return shapes.Make(dtypes.Float32, 1, 3, size, size) }

// TestParameters: as many as torchvision and the published programs count.
func TestParameters(t *testing.T) {
	e := openEngine(t)
	for _, test := range []struct {
		name          string
		size, classes int
		norm          Norm
		want          int
	}{
		{"convnet3", 32, 10, Instance, 320_010}, // Zhao et al. 2021, arXiv:2006.05929
		{"resnet18", 224, 1000, Batch, 11_689_512},
		{"resnet34", 224, 1000, Batch, 21_797_672},
		{"resnet50", 224, 1000, Batch, 25_557_032},
		{"resnet101", 224, 1000, Batch, 44_549_160},
		{"resnet18", 224, 1000, "", 11_689_512}, // the norms have as many
		{"alexnet", 224, 1000, "", 61_100_840},
		{"vgg11", 224, 1000, "", 132_863_336},
		{"vgg11_bn", 224, 1000, Batch, 132_868_840},
		{"mobilenet_v2", 224, 1000, Batch, 3_504_872},
		{"efficientnet_b0", 224, 1000, Batch, 5_288_548},
		{"swin_t", 224, 1000, Batch, 28_288_354},
		{"vit_tiny_patch16_224", 224, 1000, Batch, 5_717_416},
		{"vit_small_patch16_224", 224, 1000, Batch, 22_050_664},
		{"dc-ConvNet", 32, 10, Instance, 320_010},
	} {
		net, err := New(test.name, test.size, test.classes, test.norm)
		if err != nil {
			t.Fatal(err)
		}
		specs, err := e.Declare(Logits(net), image(test.size))
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, spec := range specs {
			if !isMoment(spec) {
				n += size(spec.Shape)
			}
		}
		if n != test.want {
			t.Errorf("%s has %d parameters, want %d", test.name, n, test.want)
		}
	}
}

func isMoment(spec weights.Spec) bool { return strings.Contains(spec.Name, ".running_") }

// TestNew: each network can be built for the smallest images it takes and for large ones, and is refused
// for smaller ones.
func TestNew(t *testing.T) {
	e := openEngine(t)
	for _, name := range append(Names(), "convnet1") {
		least := 0
		for size := 224; size > 0; size-- {
			net, err := New(name, size, 10, "")
			if err != nil {
				if want := "too small"; !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
					t.Errorf("%s for %d pixels: got %v, want that they are %s", name, size, err, want)
				}
				break
			}
			least = size
			if strings.HasPrefix(name, dcPrefix) && size%16 != 0 {
				continue
			}
			if size != 224 && size != 129 && size != 128 && size != 65 && size > 64 {
				continue
			}
			if _, err := e.Declare(Logits(net), image(size)); err != nil {
				t.Errorf("%s for %d pixels: %v", name, size, err)
			}
		}
		want := map[string]int{"convnet1": 2, "convnet3": 8, "convnet4": 16, "convnet5": 32, "convnet6": 64,
			"alexnet": 63, "vgg11": 32, "vgg11_bn": 32, "mlp": 1,
			"mobilenet_v2": 33, "efficientnet_b0": 33, "swin_t": 4,
			"dc-ConvNetD1": 2, "dc-ConvNetD2": 4, "dc-ConvNetD4": 16, "dc-ConvNetNP": 1}[name]
		switch {
		case want > 0:
		case strings.HasPrefix(name, "dc-ConvNet"), strings.HasPrefix(name, "dc-AlexNet"):
			want = 8
		case strings.HasPrefix(name, dcPrefix):
			want = 32
		default:
			want = 16
		}
		if least != want {
			t.Errorf("%s takes images from %d pixels on, want %d", name, least, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, test := range []struct {
		name          string
		size, classes int
		norm          Norm
		want          string
	}{
		{"resnet19", 32, 10, "", `"resnet19" is not known`},
		{"resnetap50", 32, 10, "", "resnetap10, resnetap18"},
		{"convnet", 32, 10, "", "not known"},
		{"convnet0", 32, 10, "", "not known"},
		{"convnet03", 32, 10, "", "not known"},
		{"convnet-3", 32, 10, "", "not known"},
		{"convnet99", 32, 10, "", "not known"},
		{"dc-ConvNetXX", 32, 10, "", "not known"},
		{"dc-VGG13", 32, 10, "", "not known"},
		{"mobilenet_v2", 32, 10, "", "at least 33"},
		{"", 32, 10, "", "not known"},
		{"convnet6", 32, 10, "", "convnet6: images of 32 pixels are too small, want at least 64"},
		{"convnet3", 32, 0, "", "0 classes"},
		{"vgg11_bn", 32, 10, "layer", `norm is "layer"`},
	} {
		if net, err := New(test.name, test.size, test.classes, test.norm); err == nil ||
			!strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: got %v, %v, want an error with %q", test.name, net, err, test.want)
		}
	}
}
