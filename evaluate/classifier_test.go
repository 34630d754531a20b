package evaluate

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/weights"
)

// TestClassifier: what it says is the softmax of the net's outputs for the image's colours less ImageNet's mean, over
// its deviation; rows that are left over say nothing.
func TestClassifier(t *testing.T) {
	e := openEngine(t)
	const size = 8
	net := ConvNet{2, 128, 3, Batch}
	specs, err := e.Declare(Logits(net), image(size))
	if err != nil {
		t.Fatal(err)
	}
	all, list := engine.Weights{}, []weights.Tensor(nil)
	for i, spec := range specs {
		data := likely(spec, uint64(i))
		all[spec.Name] = tensor(data, spec.Shape...)
		list = append(list, weights.F32(strings.TrimPrefix(spec.Name, "layer0."), spec.Shape, data))
	}
	file := filepath.Join(t.TempDir(), "net.safetensors")
	var data bytes.Buffer
	if err := errors.Join(weights.Write(&data, list, nil), os.WriteFile(file, data.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
	c, err := OpenClassifier(t.Context(), e, file, TeacherOptions{Net: "convnet2", Size: size,
		Classes: []string{"a", "b", "c"}})
	if err != nil {
		t.Fatal(err)
	}
	images := make([]*dataset.RGB, 3)
	x := make([]float32, 3*3*size*size)
	for i := range images {
		images[i] = &dataset.RGB{W: size, H: size, Pix: make([]byte, 3*size*size)}
		for p := range images[i].Pix {
			v := byte(37*p + 91*i)
			images[i].Pix[p] = v
			k := p % 3
			mean, std := [3]float64{0.485, 0.456, 0.406}[k], [3]float64{0.229, 0.224, 0.225}[k]
			x[(i*3+k)*size*size+p/3] = float32((float64(v)/255 - mean) / std)
		}
	}
	got, err := c.Likely(t.Context(), images, 2)
	if err != nil || len(got) != 9 {
		t.Fatal(got, err)
	}
	logits := logitsOf(t, e, Logits(net), all, tensor(x, 3, 3, size, size))
	for i := range 3 {
		sum := 0.
		for _, v := range logits[3*i : 3*i+3] {
			sum += math.Exp(float64(v))
		}
		for k, v := range logits[3*i : 3*i+3] {
			// outputs of order 1 to 10, of which sums of thousands of products are off by some 2⁻²⁰
			if want := math.Exp(float64(v)) / sum; math.Abs(float64(got[3*i+k])-want) > 1e-4 {
				t.Errorf("image %d, class %d: %v, want %v", i, k, got[3*i+k], want)
			}
		}
	}
	if !strings.HasPrefix(c.ID(), "convnet2 ") {
		t.Errorf("ID %q", c.ID())
	}
}
