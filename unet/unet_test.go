package unet

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/pytorch"
	"mgd3/internal/fixtures/testengine"
	"mgd3/rng"
	"mgd3/weights"
)

// tiny has all there is: levels with and without attention, sizes added, two blocks in a row.
var tiny = Config{
	SampleSize: 8, Channels: 4, Widths: []int{64, 128}, Layers: []int{1, 1}, Down: []bool{false, true},
	Up: []bool{false, true}, Depth: []int{1, 2}, Heads: []int{1, 2}, ContextDim: 2048, Groups: 32, Epsilon: 1e-5,
	Linear: true, TextDim: 10, SizeDim: 256,
}

// conditions are random tables beside the weights of a network.
func conditions(c Conditioned) []weights.Spec {
	specs := []weights.Spec{{Name: ContextTable, Shape: []int{c.Classes + 1, c.Tokens, c.ContextDim}}}
	if c.AddedLen() > 0 {
		specs = append(specs, weights.Spec{Name: AddedTable, Shape: []int{c.Classes + 1, c.AddedLen()}})
	}
	return specs
}

// random uploads random weights for a network with its tables.
func random(t *testing.T, e *engine.Engine, c Conditioned) engine.Weights {
	t.Helper()
	specs, err := e.Declare(c.Config.Func, c.inputs()...)
	if err != nil {
		t.Fatal(err)
	}
	w := engine.Weights{}
	for _, tensor := range pytorch.Random(append(specs, conditions(c)...), 1, 0.05) {
		data, err := tensor.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		if w[tensor.Name], err = e.Tensor(data, tensor.Shape...); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func normals(n int) []float32 {
	x := make([]float32, n)
	rng.Normals(rand.New(rand.NewPCG(1, 2)), x)
	return x
}

// TestRowsAreIndependent is the law that lets many images share one call: on cpu a row's bytes do not depend on the
// rows beside it, and nowhere does a row's label matter to another.
func TestRowsAreIndependent(t *testing.T) {
	e := testengine.Open(t)
	const rows, side = 3, 7
	c := Conditioned{tiny, 2, 5}
	program, err := e.Compile("unet", c.Func, random(t, e, c))
	if err != nil {
		t.Fatal(err)
	}
	per := c.Channels * side * side
	x, times, labels := normals(rows*per), []float32{0, 500, 999}, []int32{0, 1, c.Null()}
	call := func(lo, hi int) []float32 {
		got := make([]float32, (hi-lo)*per)
		if err := program.Into(got, tensors.FromFlatDataAndDimensions(x[lo*per:hi*per], hi-lo, c.Channels, side, side),
			tensors.FromValue(times[lo:hi]), tensors.FromValue(labels[lo:hi])); err != nil {
			t.Fatal(err)
		}
		return got
	}
	// Elsewhere sums of at most 64·9 products may be taken in another order in a larger product; each of about 40
	// layers adds a few ε = 2⁻²⁴ of values of order 1.
	tolerance := float32(1e-5)
	if testengine.Name() == "cpu" {
		tolerance = 0
	}
	together := call(0, rows)
	for i := range rows {
		for j, v := range call(i, i+1) {
			if d := v - together[i*per+j]; !(max(d, -d) <= tolerance) {
				t.Fatalf("row %d, number %d: alone %v, among others %v", i, j, v, together[i*per+j])
			}
		}
	}
	labels[1] = 0
	changed := call(0, rows)
	if !slices.Equal(changed[:per], together[:per]) || slices.Equal(changed[per:2*per], together[per:2*per]) ||
		!slices.Equal(changed[2*per:], together[2*per:]) {
		t.Error("another label of row 1 changes other rows, or not row 1")
	}
}

// TestConditioned: a label gives what its rows of the tables give.
func TestConditioned(t *testing.T) {
	e := testengine.Open(t)
	c := Conditioned{tiny, 2, 5}
	w := random(t, e, c)
	byLabel, err := e.Compile("by label", c.Func, w)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := e.Compile("plain", c.Config.Func, w)
	if err != nil {
		t.Fatal(err)
	}
	const side = 8
	n := c.Channels * side * side
	x := tensors.FromFlatDataAndDimensions(normals(n), 1, c.Channels, side, side)
	time := tensors.FromValue([]float32{321})
	row := func(table string, label int, dims ...int) *tensors.Tensor {
		flat := tensors.MustCopyFlatData[float32](w[table])
		per := shapes.Make(DType, dims...).Size()
		return tensors.FromFlatDataAndDimensions(flat[label*per:(label+1)*per], dims...)
	}
	for label := range c.Classes + 1 {
		got, want := make([]float32, n), make([]float32, n)
		if err := errors.Join(
			byLabel.Into(got, x, time, tensors.FromValue([]int32{int32(label)})),
			plain.Into(want, x, time, row(ContextTable, label, 1, c.Tokens, c.ContextDim),
				row(AddedTable, label, 1, c.AddedLen())),
		); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("label %d gives something else than its rows of the tables", label)
		}
	}
}

// TestOpen: a folder and the file alone, where shapes tell all, are the same network; other weights are named.
func TestOpen(t *testing.T) {
	e := testengine.Open(t)
	specs, err := e.Declare(tiny.Func, tiny.inputs()...)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		change func([]weights.Tensor) []weights.Tensor
		config func(*Config) // nil: no config.json
		want   string
	}{
		{"folder", nil, func(*Config) {}, ""},
		{"no config", nil, nil, ""},
		{"another config", nil, func(c *Config) { c.ContextDim = 768 }, "transformer_blocks.0.attn2.to_k.weight"},
		{"convolutions", nil, func(c *Config) { c.Linear = false }, "proj_in.weight"},
		{"missing", func(l []weights.Tensor) []weights.Tensor { return l[1:] }, func(*Config) {}, "is missing"},
		{"superfluous", func(l []weights.Tensor) []weights.Tensor {
			return append(l, weights.F32("up_blocks.2.resnets.0.conv1.bias", []int{1}, []float32{0}))
		}, nil, "up_blocks.2.resnets.0.conv1.bias"},
		{"another network", func([]weights.Tensor) []weights.Tensor {
			return []weights.Tensor{weights.F32("blocks.0", []int{1}, []float32{0})}
		}, nil, "want a U-Net's"},
		{"heads unknown", func(l []weights.Tensor) []weights.Tensor {
			return slices.DeleteFunc(l, func(t weights.Tensor) bool { return strings.Contains(t.Name, "attn2.to_k") })
		}, nil, "no shape tells the number of heads"},
	} {
		t.Run(c.name, func(t *testing.T) {
			list := pytorch.Random(specs, 1, 0.05)
			if c.change != nil {
				list = c.change(list)
			}
			dir := t.TempDir()
			f, err := os.Create(filepath.Join(dir, "diffusion_pytorch_model.safetensors"))
			if err != nil {
				t.Fatal(err)
			}
			err = errors.Join(weights.Write(f, list, nil), f.Close())
			if c.config != nil {
				config := tiny
				c.config(&config)
				text, errJSON := config.JSON()
				err = errors.Join(err, errJSON, os.WriteFile(filepath.Join(dir, weights.ConfigFile), text, 0o644))
			}
			if err != nil {
				t.Fatal(err)
			}
			m, err := Open(t.Context(), e, dir)
			if c.want != "" {
				if !errors.Is(err, weights.ErrMismatch) || !strings.Contains(fmt.Sprint(err), c.want) {
					t.Fatalf("got error %v, want a mismatch with %q", err, c.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := tiny
			if c.config == nil {
				want.SampleSize = 0
			}
			if !reflect.DeepEqual(m.Config, want) || len(m.Weights) != len(specs) || len(m.SHA256) != 64 {
				t.Errorf("got %+v with %d tensors and hash %q, want %+v with %d", m.Config, len(m.Weights),
					m.SHA256, want,
					len(specs))
			}
		})
	}
}

// TestInferPublished: the shapes of the published models tell their configurations, but for the size they were trained
// at; and their number of parameters is the published one (of the class-conditional model 400.92 million).
func TestInferPublished(t *testing.T) {
	e := testengine.Open(t)
	parameters := map[string]int{"SD 1.5": 859520964, "SD 2.1": 865910724, "SDXL": 2567463684, "LDM": 400920579}
	for _, c := range published {
		t.Run(c.name, func(t *testing.T) {
			specs, err := e.Declare(c.want.Func, c.want.inputs()...)
			if err != nil {
				t.Fatal(err)
			}
			file, n := header(t, specs)
			got, err := Infer(weights.AsIs(file))
			if err != nil {
				t.Fatal(err)
			}
			want := c.want
			want.SampleSize = 0
			want.Depth = got.Depth // that of a level without attention is in no shape
			for level := range want.Depth {
				if c.want.Down[level] && got.Depth[level] != c.want.Depth[level] {
					t.Errorf("got %d blocks at level %d, want %d", got.Depth[level], level, c.want.Depth[level])
				}
			}
			for level := range want.Heads {
				if !c.want.Down[level] && !c.want.Up[level] && level < len(want.Heads)-1 {
					want.Heads[level] = got.Heads[level]
				}
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("got %+v, want %+v", got, want)
			}
			if n != parameters[c.name] {
				t.Errorf("got %d parameters, want %d", n, parameters[c.name])
			}
		})
	}
}

// header returns a file of tensors that are all zero, and takes no room on the disk, and how many numbers they have.
func header(t *testing.T, specs []weights.Spec) (*weights.File, int) {
	t.Helper()
	var entries []string
	n := 0
	for _, spec := range specs {
		size := shapes.Make(DType, spec.Shape...).Size()
		entries = append(entries, fmt.Sprintf(`%q: {"dtype": "F16", "shape": %s, "data_offsets": [%d, %d]}`, spec.Name,
			strings.ReplaceAll(fmt.Sprint(spec.Shape), " ", ","), 2*n, 2*(n+size)))
		n += size
	}
	text := "{" + strings.Join(entries, ",") + "}"
	path := filepath.Join(t.TempDir(), "model.safetensors")
	head := make([]byte, 8)
	for i := range head {
		head[i] = byte(len(text) >> (8 * i))
	}
	if err := os.WriteFile(path, append(head, text...), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(path, int64(8+len(text)+2*n)); err != nil {
		t.Fatal(err)
	}
	file, err := weights.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, n
}
