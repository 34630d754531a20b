package weights

import (
	"slices"
	"testing"
)

func TestTorchvisionNames(t *testing.T) {
	for _, c := range []struct {
		name       string
		file, want []string
	}{
		{"ResNet", []string{"conv1.weight", "bn1.running_var", "bn1.num_batches_tracked", "layer1.0.conv1.weight",
			"layer1.0.bn1.num_batches_tracked", "fc.bias"},
			[]string{"fc.bias", "layer0.bn1.running_var", "layer0.conv1.weight", "layer1.0.conv1.weight"}},
		{"ResNet, trained on several devices", []string{"module.conv1.weight", "module.layer4.1.bn2.weight",
			"module.bn1.num_batches_tracked"},
			[]string{"layer0.conv1.weight", "layer4.1.bn2.weight"}},
		{"ours", []string{"layer0.conv1.weight", "fc.bias"}, []string{"fc.bias", "layer0.conv1.weight"}},
		{"AlexNet", []string{"features.0.weight", "classifier.6.bias"},
			[]string{"classifier.6.bias", "features.0.weight"}},
	} {
		var tensors []Tensor
		for _, name := range c.file {
			tensors = append(tensors, rising(name, 0, 1))
		}
		f, s, err := OpenTorchvision(put(t, "model.safetensors", encode(t, tensors, nil)))
		if err != nil {
			t.Fatal(err)
		}
		_ = f.Close()
		if got := s.Names(); !slices.Equal(got, c.want) {
			t.Errorf("%s: have %q, want %q", c.name, got, c.want)
		}
	}
}
