package cpu

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/dtypes/bfloat16"
	"github.com/gomlx/compute/dtypes/float16"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/compute/support/testutil"
)

// input is a random tensor of the given type: whole numbers in -7…7 (0…7 if unsigned), or for floats quarters of them,
// which all types hold and whose products and sums are exact in half types up to a few terms.
type input struct {
	dtype dtypes.DType
	dims  []int
	among int // whole numbers in [0, among) if not 0
}

func (in input) flat(r *rand.Rand) any {
	n := shapes.Make(in.dtype, in.dims...).Size()
	values := make([]float64, n)
	for i := range values {
		switch {
		case in.among > 0:
			values[i] = float64(r.IntN(in.among))
		case in.dtype == dtypes.Bool:
			values[i] = float64(r.IntN(2))
		case in.dtype.IsUnsigned():
			values[i] = float64(r.IntN(8))
		case in.dtype.IsFloat():
			values[i] = float64(r.IntN(57)-28) / 4
		default:
			values[i] = float64(r.IntN(15) - 7)
		}
	}
	return convertTo(in.dtype, values)
}

func convertTo(dtype dtypes.DType, values []float64) any {
	switch dtype {
	case dtypes.Bool:
		return mapped(values, func(x float64) bool { return x != 0 })
	case dtypes.Int8:
		return mapped(values, func(x float64) int8 { return int8(x) })
	case dtypes.Int16:
		return mapped(values, func(x float64) int16 { return int16(x) })
	case dtypes.Int32:
		return mapped(values, func(x float64) int32 { return int32(x) })
	case dtypes.Int64:
		return mapped(values, func(x float64) int64 { return int64(x) })
	case dtypes.Uint8:
		return mapped(values, func(x float64) uint8 { return uint8(x) })
	case dtypes.Uint16:
		return mapped(values, func(x float64) uint16 { return uint16(x) })
	case dtypes.Uint32:
		return mapped(values, func(x float64) uint32 { return uint32(x) })
	case dtypes.Uint64:
		return mapped(values, func(x float64) uint64 { return uint64(x) })
	case dtypes.Float32:
		return mapped(values, func(x float64) float32 { return float32(x) })
	case dtypes.Float16:
		return mapped(values, float16.FromFloat64)
	case dtypes.BFloat16:
		return mapped(values, bfloat16.FromFloat64)
	}
	return values
}

func mapped[T any](values []float64, f func(float64) T) []T {
	out := make([]T, len(values))
	for i, x := range values {
		out[i] = f(x)
	}
	return out
}

type build = func(f compute.Function, p []compute.Value) (compute.Value, error)

// onBoth runs a program of float32 in plain Go and compiled.
func onBoth(t *testing.T, in []input, flats []any, f build) (plain, compiled []float32) {
	t.Helper()
	var out [2][]float32
	for i, config := range []string{"plain", ""} {
		flat, _, err := execute(newBackend(t, config), in, flats, f)
		if err != nil {
			t.Fatal(err)
		}
		out[i] = flat.([]float32)
	}
	return out[0], out[1]
}

// execute builds, runs and reads back.
func execute(b compute.Backend, in []input, flats []any, build build) (flat any, shape shapes.Shape, err error) {
	defer func() {
		if r := recover(); r != nil { // of testutil.Must1
			err = fmt.Errorf("panic: %v", r)
		}
	}()
	builder := b.Builder("differential")
	f := builder.Main()
	var params []compute.Value
	var buffers []compute.Buffer
	for i, in := range in {
		s := shapes.Make(in.dtype, in.dims...)
		params = append(params, testutil.Must1(f.Parameter(fmt.Sprint(i), s, nil)))
		buffers = append(buffers, testutil.Must1(b.BufferFromFlatData(0, flats[i], s)))
	}
	out, err := build(f, params)
	if err != nil {
		return nil, shape, err
	}
	if err := f.Return([]compute.Value{out}, nil); err != nil {
		return nil, shape, err
	}
	exe, err := builder.Compile()
	if err != nil {
		return nil, shape, err
	}
	outs, err := exe.Execute(buffers, nil, 0)
	if err != nil {
		return nil, shape, err
	}
	shape = testutil.Must1(outs[0].Shape())
	flat = dtypes.MakeAnySlice(shape.DType, shape.Size())
	return flat, shape, outs[0].ToFlatData(flat)
}

var (
	allInts = []dtypes.DType{dtypes.Int8, dtypes.Int16, dtypes.Int32, dtypes.Int64, dtypes.Uint8, dtypes.Uint16,
		dtypes.Uint32, dtypes.Uint64}
	allFloats = []dtypes.DType{dtypes.Float32, dtypes.Float64, dtypes.BFloat16, dtypes.Float16}
	allNumber = append(append([]dtypes.DType{}, allInts...), allFloats...)
	noFloat16 = allNumber[:len(allNumber)-1] // the portable backend panics in a goroutine of its own
	wide      = []dtypes.DType{dtypes.Float32, dtypes.Float64}
)

// TestAgainstPortable compares the compiled graphs, and the same evaluated in plain Go, with the portable backend, or
// with each other where it has not got the type.
func TestAgainstPortable(t *testing.T) {
	var portable compute.Backend = newBackend(t, "plain")
	if !RaceDetector {
		portable = testutil.Must1(gobackend.New(""))
		t.Cleanup(portable.Finalize)
	}
	ours := map[string]*Backend{"plain": newBackend(t, "plain"), "compiled": newBackend(t, "")}
	for _, c := range differential {
		for _, dtype := range c.dtypes {
			t.Run(fmt.Sprintf("%s/%s", c.name, dtype), func(t *testing.T) {
				r := rand.New(rand.NewPCG(1, uint64(dtype)))
				in := c.in(dtype)
				var flats []any
				for _, in := range in {
					flats = append(flats, in.flat(r))
				}
				want, wantShape, err := execute(portable, in, flats, c.build)
				if err != nil {
					t.Logf("the portable backend cannot: %v", err)
					if want, wantShape, err = execute(ours["plain"], in, flats, c.build); err != nil {
						t.Fatalf("plain: %v", err)
					}
				}
				for name, b := range ours {
					got, shape, err := execute(b, in, flats, c.build)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					if !sameShape(shape, wantShape) {
						t.Fatalf("%s: shape %s, want %s", name, shape, wantShape)
					}
					if ok, diff := close(want, got); !ok {
						t.Errorf("%s: (-want +got)\n%s", name, diff)
					}
				}
			})
		}
	}
}

// close allows a dozen roundings of numbers up to a thousand, which the sums above have on their way.
func close(want, got any) (bool, string) {
	switch want.(type) {
	case []float64:
		return testutil.IsInDelta(want, got, 12*1000*0x1p-53)
	case []float32:
		return testutil.IsInDelta(want, got, 12*1000*0x1p-24)
	case []float16.Float16:
		return testutil.IsInDelta(want, got, 1000*0x1p-11)
	case []bfloat16.BFloat16:
		return testutil.IsInDelta(want, got, 1000*0x1p-8)
	}
	return testutil.IsEqual(want, got)
}
