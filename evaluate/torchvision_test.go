package evaluate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/internal/fixtures/pytorch"
	"mgd3/weights"
)

// TestLoadTorchvision writes a file with torchvision's names and reads it: the tensors come to where they belong.
func TestLoadTorchvision(t *testing.T) {
	e := openEngine(t)
	net := ResNet{Depth: 10, Width: 2, Size: 32, Classes: 3, Norm: Batch}
	specs, err := e.Declare(Logits(net), image(32))
	if err != nil {
		t.Fatal(err)
	}
	var tensors []weights.Tensor
	for i, spec := range specs {
		tensors = append(tensors, weights.F32(strings.TrimPrefix(spec.Name, "layer0."), spec.Shape,
			likely(spec, uint64(i))))
	}
	tensors = append(tensors, weights.I64("bn1.num_batches_tracked", nil, []int64{7}))
	dir := t.TempDir()
	write := func(name string, tensors []weights.Tensor) string {
		var b bytes.Buffer
		if err := weights.Write(&b, tensors, nil); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	path := write("net.safetensors", tensors)
	w, err := LoadTorchvision(e, path, net, 32)
	if err != nil {
		t.Fatal(err)
	}
	for i, spec := range specs {
		if !slices.Equal(flat(w[spec.Name]), likely(spec, uint64(i))) {
			t.Errorf("%s holds another tensor", spec.Name)
		}
	}
	for i := range tensors {
		tensors[i].Name = "module." + tensors[i].Name
	}
	if _, err := LoadTorchvision(e, write("parallel.safetensors", tensors), net, 32); err != nil {
		t.Errorf("with module. before all names: %v", err)
	}

	other := net
	other.Classes = 4
	if _, err := LoadTorchvision(e, path, other, 32); !errors.Is(err, weights.ErrMismatch) ||
		!strings.Contains(err.Error(), "fc.weight") {
		t.Errorf("of other classes: got %v, want a mismatch of fc.weight", err)
	}
	if _, err := LoadTorchvision(e, path, VGG11{Width: 1, Classes: 3}, 32); !errors.Is(err, weights.ErrMismatch) {
		t.Errorf("of another net: got %v, want a mismatch", err)
	}
	training := func(state any) any {
		return pytorch.Pairs("epoch", 90, "arch", "resnet18", "state_dict", state, "best_acc1", 69.7)
	}
	for name, content := range map[string][]byte{
		"resnet18-f37072fd.pth": pytorch.Torch(tensors, nil).Zip(),
		"resnet18-5c106cde.pth": pytorch.Torch(tensors, nil).Old(), // before PyTorch 1.6
		"model_best.pth.tar":    pytorch.Torch(tensors, training).Zip(),
	} {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o666); err != nil {
			t.Fatal(err)
		}
		w, err := LoadTorchvision(e, path, net, 32)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, spec := range specs {
			if !slices.Equal(flat(w[spec.Name]), likely(spec, uint64(i))) {
				t.Errorf("%s: %s holds another tensor", name, spec.Name)
			}
		}
	}
	if _, err := LoadTorchvision(e, filepath.Join(dir, "none.safetensors"), net, 32); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: got %v", err)
	}
}
