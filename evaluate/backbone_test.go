package evaluate

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/internal/fixtures/golden"
	"mgd3/internal/fixtures/testengine"
	"mgd3/weights"
)

// backboneCase is a case.json of testdata/golden/make/backbone.py.
type backboneCase struct {
	Net                string
	Size, Batch, Width int
	Seed               uint64
	First, Sums, Norms string
	Rough              float64 `json:"float32_vs_float64"` // of the largest feature
}

// TestBackboneGolden holds the features against torchvision's networks without their last layer. Float32 moves
// PyTorch's own features by as much as the case says; ours round as often, in another order, so eight times as much is
// allowed, and 200 roundings where theirs were lucky.
func TestBackboneGolden(t *testing.T) {
	e := openEngine(t)
	for _, c := range golden.Some(t, "backbone") {
		t.Run(c.Name, func(t *testing.T) {
			var g backboneCase
			c.Decode(t, &g)
			if testengine.Name() == "go" || g.Net != "resnet18" && (testing.Short() || testengine.Name() != "cpu") {
				t.Skip("full size")
			}
			net := ResNet{Depth: map[string]int{"resnet18": 18, "resnet50": 50}[g.Net], Width: 64, Size: Published,
				Classes: 1, Norm: Batch}
			formula := golden.Formula{Seed: g.Seed}
			x := formula.Values(t, golden.FormulaTensor{Shape: []int{g.Batch, 3, g.Size, g.Size}, Offset: 0.5,
				Bound: 0.5})
			for i := range x {
				x[i] = 2*x[i] - 1
			}
			in := tensor(x, g.Batch, 3, g.Size, g.Size)
			specs, err := e.Declare(net.features, in.Shape())
			if err != nil {
				t.Fatal(err)
			}
			w := engine.Weights{}
			for _, spec := range specs {
				name := strings.TrimPrefix(spec.Name, "layer0.")
				offset, bound := libraryBound(name, spec)
				w[spec.Name] = tensor(formula.Values(t, golden.FormulaTensor{Shape: spec.Shape, Offset: offset,
					Bound: bound, Index: uint64(crc32.ChecksumIEEE([]byte(name)) % (1 << 20))}), spec.Shape...)
			}
			got := flat(run(t, net.features, w, in)[0])
			if len(got) != g.Batch*g.Width {
				t.Fatalf("%d features, want %d of each of %d images", len(got), g.Width, g.Batch)
			}
			first, sums, norms := parsed(t, g.First), parsed(t, g.Sums), parsed(t, g.Norms)
			k, report := len(first)/g.Batch, c.Report(t)
			most := 0.0
			for _, v := range got {
				most = max(most, math.Abs(float64(v)))
			}
			bound := max(8*g.Rough, 200*0x1p-24) * most
			for i := range g.Batch {
				row, sum := got[i*g.Width:(i+1)*g.Width], 0.0
				for _, v := range row {
					sum += float64(v)
				}
				report.Compare("first features", row[:k], first[i*k:(i+1)*k], bound)
				all := bound * math.Sqrt(float64(g.Width))
				report.Compare("sum", []float32{float32(sum)}, sums[i:i+1], all)
				report.Compare("length", []float32{float32(norm64(row))}, norms[i:i+1], all)
			}
		})
	}
}

// TestOpenBackbone: which ResNet a file is of is told by its tensors; the last layer does not matter; a file that is
// of none, or that lacks a tensor, is an error that says so.
func TestOpenBackbone(t *testing.T) {
	e, dir := openEngine(t), t.TempDir()
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
	var last []weights.Tensor
	for depth, width := range map[int]int{18: 16, 34: 16, 50: 64, 101: 64} {
		net := ResNet{Depth: depth, Width: 2, Size: Published, Classes: 3, Norm: Batch}
		specs, err := e.Declare(Logits(net), image(Published))
		if err != nil {
			t.Fatal(err)
		}
		w, list := engine.Weights{}, []weights.Tensor(nil)
		for i, spec := range specs {
			values := likely(spec, uint64(i))
			list = append(list, weights.F32(strings.TrimPrefix(spec.Name, "layer0."), spec.Shape, values))
			if !strings.HasPrefix(spec.Name, "fc.") {
				w[spec.Name] = tensor(values, spec.Shape...)
			}
		}
		if depth == 18 {
			last = list
		}
		path := write("net.safetensors", list)
		if is, err := IsBackbone(path); !is || err != nil {
			t.Errorf("ResNet-%d: taken for none: %v", depth, err)
		}
		b, err := OpenBackbone(t.Context(), e, path)
		if err != nil {
			t.Fatal(err)
		}
		if b.Width != width || b.Name != fmt.Sprint("resnet", depth) {
			t.Errorf("ResNet-%d: got %s with %d features, want %d", depth, b.Name, b.Width, width)
		}
		if depth != 18 && testengine.Name() != "cpu" { // to compile it takes long
			continue
		}
		const size = 40
		x := ramp(3 * size * size)
		got := make([]float32, width)
		if err := b.Features(got, x, size); err != nil {
			t.Fatal(err)
		}
		if want := flat(run(t, net.features, w, tensor(x, 1, 3, size, size))[0]); !slices.Equal(got, want) {
			t.Errorf("ResNet-%d: other features than its graph has", depth)
		}
	}
	lacks := slices.DeleteFunc(slices.Clone(last), func(x weights.Tensor) bool { return x.Name == "layer4.1.bn2.bias" })
	_, err := OpenBackbone(t.Context(), e, write("lacks.safetensors", lacks))
	if !errors.Is(err, weights.ErrMismatch) || !strings.Contains(err.Error(), `"layer4.1.bn2.bias"`) {
		t.Errorf("a tensor is missing: %v", err)
	}
	other := write("other.safetensors", []weights.Tensor{weights.F32("x", []int{1}, []float32{1})})
	if is, err := IsBackbone(other); is || err != nil {
		t.Errorf("another file: taken for one: %v", err)
	}
	if _, err := OpenBackbone(t.Context(), e, other); !errors.Is(err, weights.ErrMismatch) {
		t.Errorf("another file: %v", err)
	}
}

// TestBackboneCrop: torchvision's Resize(256) and CenterCrop(224), and the same share of other sizes.
func TestBackboneCrop(t *testing.T) {
	im := &dataset.RGB{W: 300, H: 256, Pix: make([]byte, 3*300*256)}
	for i := range im.Pix {
		im.Pix[i] = byte(i * 7)
	}
	got := (*Backbone)(nil).Crop(im, 224)
	if got.W != 224 || got.H != 224 {
		t.Fatalf("%d × %d", got.W, got.H)
	}
	for y := range 224 { // the short side is 256 already: nothing is resized
		at := 3 * ((y+16)*300 + 38)
		if !bytes.Equal(got.Pix[3*224*y:3*224*(y+1)], im.Pix[at:at+3*224]) {
			t.Fatalf("row %d is another", y)
		}
	}
	if got := (*Backbone)(nil).Crop(im, 112); !bytes.Equal(got.Pix, dataset.CropCenterOf(im, 128, 112).Pix) {
		t.Error("of 112 pixels: another crop than of the short side at 128")
	}
}
