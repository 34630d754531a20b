package cpu

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// products compiles x·w, and if also asks for it, the sum of w, so that its contents are read too.
func products(t *testing.T, b *Backend, dtype dtypes.DType, rows, k, n int, swapped, also bool) compute.Executable {
	return compiled(t, b, func(f compute.Function) []compute.Value {
		x, _ := f.Parameter("x", shapes.Make(dtypes.Float32, rows, k), nil)
		dims, axis := []int{k, n}, 0
		if swapped {
			dims, axis = []int{n, k}, 1
		}
		w, _ := f.Parameter("w", shapes.Make(dtype, dims...), nil)
		wide := w
		if dtype != dtypes.Float32 {
			wide, _ = f.ConvertDType(w, dtypes.Float32)
		}
		y, err := f.DotGeneral(x, []int{1}, nil, wide, []int{axis}, nil, compute.DotGeneralConfig{})
		if err != nil {
			t.Fatal(err)
		}
		if !also {
			return []compute.Value{y}
		}
		sum, _ := f.ReduceSum(wide, 0, 1)
		return []compute.Value{y, sum}
	})
}

// TestPackedInstead: a weight that only products read is in memory once, packed, and gives the bytes that it gives
// beside its contents; whoever asks for these has them as they were, and from then on they stay.
func TestPackedInstead(t *testing.T) {
	for _, dtype := range []dtypes.DType{dtypes.Float32, dtypes.BFloat16, dtypes.Float16} {
		for _, swapped := range []bool{false, true} {
			t.Run(fmt.Sprint(dtype, " swapped=", swapped), func(t *testing.T) {
				rng := rand.New(rand.NewPCG(1, 2))
				b, none := newBackend(t, "threads=2"), newBackend(t, "threads=2,copies=0")
				const rows, k, n = 5, 33, 70
				bits := make([]byte, dtype.SizeForDimensions(k*n))
				for i := range bits {
					if bits[i] = byte(rng.Uint32()); i%dtype.Size() == dtype.Size()-1 {
						bits[i] = bits[i]&0x83 | 0x38 // of a size near 1
					}
				}
				x := make([]float32, rows*k)
				for i := range x {
					x[i] = float32(rng.NormFloat64())
				}
				dims := []int{k, n}
				if swapped {
					dims = []int{n, k}
				}
				weight := func(b *Backend) *Buffer {
					buffer := b.newBuffer(shapes.Make(dtype, dims...))
					copy(buffer.memory, bits)
					return buffer
				}
				run := func(b *Backend, w *Buffer, also, donate bool) []float32 {
					in := upload(t, b, x, rows, k)
					out, err := products(t, b, dtype, rows, k, n, swapped, also).Execute([]compute.Buffer{in, w},
						[]bool{false, donate}, 0)
					if err != nil {
						t.Fatal(err)
					}
					got := make([]float32, rows*n)
					if err := out[0].ToFlatData(got); err != nil {
						t.Fatal(err)
					}
					return got
				}
				want := run(none, weight(none), false, false)
				w := weight(b)
				for range 2 {
					if got := run(b, w, false, false); !slices.Equal(got, want) {
						t.Fatal("other numbers than without packing in place")
					}
					if w.memory != nil || w.packed.memory == nil {
						t.Error("the contents are in memory beside what is packed")
					}
				}
				if shape, err := w.Shape(); err != nil || !sameShape(shape, shapes.Make(dtype, dims...)) {
					t.Errorf("shape %v, %v", shape, err)
				}
				var group sync.WaitGroup
				for i := range 6 {
					group.Go(func() {
						if got := run(b, w, i%2 == 1, false); !slices.Equal(got, want) {
							t.Error("other numbers while several run")
						}
					})
				}
				group.Wait()
				if w.memory == nil || !slices.Equal(w.memory[:len(bits)], bits) {
					t.Error("the contents did not come back as they were")
				}

				w = weight(b)
				run(b, w, false, false)
				flat := dtypes.MakeAnySlice(dtype, k*n)
				if err := w.ToFlatData(flat); err != nil || !slices.Equal(dtypes.UnsafeByteSliceFromAny(flat), bits) {
					t.Errorf("ToFlatData gives other contents, %v", err)
				}
				w = weight(b)
				run(b, w, false, false)
				if flat, err := w.Data(); err != nil || !slices.Equal(dtypes.UnsafeByteSliceFromAny(flat), bits) {
					t.Errorf("Data gives other contents, %v", err)
				}
				w = weight(b)
				run(b, w, false, false)
				if got := run(b, w, true, true); !slices.Equal(got, want) {
					t.Error("other numbers when it is given away")
				}
				w = weight(b)
				run(b, w, false, false)
				if err := w.Finalize(); err != nil {
					t.Error(err)
				}
				if _, err := w.Data(); err == nil {
					t.Error("a finalized weight has contents")
				}
			})
		}
	}
}
