package evaluate

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/weights"
)

// TestOfTimm: a teacher of timm's other layouts is refused by that name, with a network that has weights that fit; the
// tensors are some of timm 1.0's of these networks. Another file's mismatch says nothing of timm.
func TestOfTimm(t *testing.T) {
	e := openEngine(t)
	for name, c := range map[string]struct {
		net     string
		tensors []string
		want    []string
	}{
		"mobilenetv2_100": {"mobilenet_v2", []string{"conv_stem.weight", "blocks.0.0.conv_dw.weight",
			"classifier.weight"}, []string{"timm's", `"mobilenet_v2"`, `"conv_stem.weight"`}},
		"swin_tiny_patch4_window7_224": {"swin_t", []string{"patch_embed.proj.weight",
			"layers.0.blocks.0.attn.qkv.weight", "head.fc.weight"}, []string{"timm's", `"swin_t"`}},
		"vgg11_bn": {"vgg11_bn", []string{"features.0.weight", "pre_logits.fc1.weight", "head.fc.weight"},
			[]string{"timm's", `"vgg11_bn"`}},
		"resnet18d": {"resnet18", []string{"conv1.0.weight", "layer1.0.conv1.weight", "fc.weight"},
			[]string{"timm's", `"conv1.0.weight"`}},
		"no file of timm": {"resnet18", []string{"layer1.0.conv1.weight", "fc.weight"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var list []weights.Tensor
			for _, tensor := range c.tensors {
				list = append(list, weights.F32(tensor, []int{3, 2}, ramp(6)))
			}
			var b bytes.Buffer
			if err := weights.Write(&b, list, nil); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(t.TempDir(), "teacher.safetensors")
			if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			_, err := OpenTeacher(t.Context(), e, path, TeacherOptions{Net: c.net, Size: 64, Classes: []string{"a", "b",
				"c"}})
			if err == nil {
				t.Fatal("was opened")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %s in it", err, want)
				}
			}
			if c.want == nil && strings.Contains(err.Error(), "timm's") {
				t.Errorf("got %v, want nothing of timm", err)
			}
		})
	}
}
