package dit

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/internal/fixtures/pytorch"
	"mgd3/rng"
	"mgd3/weights"
)

// writeModel writes a model folder with random weights of about the size that training gives, and
// returns it. change may alter the tensors before.
func writeModel(t *testing.T, e *engine.Engine, config string, change func([]weights.Tensor) []weights.Tensor) string {
	t.Helper()
	c, err := ParseConfig([]byte(config))
	if err != nil {
		t.Fatal(err)
	}
	specs, err := e.Declare(c.Func, c.inputs()...)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "model.safetensors"))
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(
		weights.Write(f, change(pytorch.Random(specs, 1, 0.05)), nil), f.Close(),
		os.WriteFile(filepath.Join(dir, "config.json"), []byte(config), 0o644),
	); err != nil {
		t.Fatal(err)
	}
	return dir
}

func asIs(list []weights.Tensor) []weights.Tensor { return list }

// TestRowsAreIndependent is the law that lets both rows of the guidance pair, and many images, share one
// call: a row's result does not depend on the others.
func TestRowsAreIndependent(t *testing.T) {
	e := openEngine(t)
	m, err := Open(t.Context(), e, writeModel(t, e, tiny, asIs))
	if err != nil {
		t.Fatal(err)
	}
	program, err := e.Compile("dit", m.Func, m.Weights)
	if err != nil {
		t.Fatal(err)
	}
	const rows = 3
	in, out := m.Channels*m.InputSize*m.InputSize, m.OutChannels()*m.InputSize*m.InputSize
	x := make([]float32, rows*in)
	rng.Normals(rand.New(rand.NewPCG(1, 2)), x)
	times, labels := []float32{0, 500, 999}, []int32{0, 9, m.Null()}
	call := func(lo, hi int) []float32 {
		got := make([]float32, (hi-lo)*out)
		if err := program.Into(got,
			tensors.FromFlatDataAndDimensions(x[lo*in:hi*in], hi-lo, m.Channels, m.InputSize, m.InputSize),
			tensors.FromValue(times[lo:hi]), tensors.FromValue(labels[lo:hi])); err != nil {
			t.Fatal(err)
		}
		return got
	}
	together := call(0, rows)
	for i := range rows {
		alone := call(i, i+1)
		for j, v := range alone {
			// Sums of at most 384 products may be taken in another order in a larger product; each of about
			// 30 layers adds a few ε = 2⁻²⁴ of values of order 1.
			if d := math.Abs(float64(v - together[i*out+j])); !(d <= 1e-5) {
				t.Fatalf("row %d, number %d: alone %v, among others %v", i, j, v, together[i*out+j])
			}
		}
	}
}

// TestPlaceInBatch is the law that lets shards and interruptions cut the work where bytes depend on the batch:
// in a batch of one size, a row has the same bits in each place and among any others.
func TestPlaceInBatch(t *testing.T) {
	e := openEngine(t)
	for _, precision := range []engine.Precision{engine.Float32, engine.BF16} {
		e.Precision = precision
		m, err := Open(t.Context(), e, writeModel(t, e, tiny, asIs))
		if err != nil {
			t.Fatal(err)
		}
		program, err := e.Compile("dit", m.Func, m.Weights)
		if err != nil {
			t.Fatal(err)
		}
		for _, rows := range []int{5, 8} {
			in, out := m.Channels*m.InputSize*m.InputSize, m.OutChannels()*m.InputSize*m.InputSize
			x, times, labels := make([]float32, 2*rows*in), make([]float32, 2*rows), make([]int32, 2*rows)
			rng.Normals(rand.New(rand.NewPCG(1, 2)), x)
			for i := range times {
				times[i], labels[i] = float32(i*61), int32(i)%m.Null()
			}
			first := make([]float32, out) // row rows-1, in each place
			for lo := range rows {
				got := make([]float32, rows*out)
				if err := program.Into(got,
					tensors.FromFlatDataAndDimensions(x[lo*in:(lo+rows)*in], rows, m.Channels, m.InputSize,
						m.InputSize), tensors.FromValue(times[lo:lo+rows]),
					tensors.FromValue(labels[lo:lo+rows])); err != nil {
					t.Fatal(err)
				}
				place := rows - 1 - lo
				if row := got[place*out : (place+1)*out]; lo == 0 {
					copy(first, row)
				} else if !slices.Equal(row, first) {
					t.Errorf("%s, batch of %d: in place %d the row has other bits than in the last", precision, rows,
						place)
				}
			}
		}
	}
}

func TestOpenErrors(t *testing.T) {
	e := openEngine(t)
	nan := float32(math.NaN())
	for _, c := range []struct {
		name   string
		change func([]weights.Tensor) []weights.Tensor
		want   string
	}{
		{"missing", func(l []weights.Tensor) []weights.Tensor { return l[1:] }, "is missing"},
		{"superfluous", func(l []weights.Tensor) []weights.Tensor {
			return append(l, weights.F32("blocks.3.attn.proj.bias", []int{96}, make([]float32, 96)))
		}, "blocks.3.attn.proj.bias"},
		{"misshapen", func(l []weights.Tensor) []weights.Tensor {
			l[0] = weights.F32(l[0].Name, []int{1, 2}, make([]float32, 2))
			return l
		}, "has shape [1 2]"},
		{"not finite", func(l []weights.Tensor) []weights.Tensor {
			l[1] = weights.F32(l[1].Name, []int{96}, append(make([]float32, 95), nan))
			return l
		}, "element 95 is NaN"},
		{"wrong positions", func(l []weights.Tensor) []weights.Tensor {
			return append(l, weights.F32("pos_embed", []int{1, 16, 96}, make([]float32, 16*96)))
		}, "pos_embed"},
		{"wrong number of positions", func(l []weights.Tensor) []weights.Tensor {
			return append(l, weights.F32("pos_embed", []int{1, 1, 96}, Positions(96, 1)))
		}, "pos_embed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Open(t.Context(), e, writeModel(t, e, tiny, c.change))
			if !errors.Is(err, weights.ErrMismatch) || !strings.Contains(fmt.Sprint(err), c.want) {
				t.Errorf("got error %v, want a mismatch with %q", err, c.want)
			}
		})
	}
}
