package weights

import (
	"bytes"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"
)

func TestConversions(t *testing.T) {
	tensors, metadata := sample()
	f := open(t, put(t, "x.safetensors", encode(t, tensors, metadata)))
	for _, c := range []struct {
		name   string
		floats []float32 // nil: an error
		exact  []float64
		ints   []int64
	}{
		{name: "empty", floats: []float32{}, exact: []float64{}},
		{name: "scalar", floats: []float32{math.Pi}, exact: []float64{math.Pi}},
		{name: "half", floats: []float32{1, -2}, exact: []float64{1, -2}},
		{name: "brain \"<é>\"", floats: []float32{1, -2}, exact: []float64{1, -2}},
		{name: "bytes", ints: []int64{1, 2, 255}},
		{name: "ids", ints: []int64{math.MinInt64, 7}},
	} {
		tensor, err := f.Tensor(c.name)
		if err != nil {
			t.Fatal(err)
		}
		check := func(got, want any, err error) {
			t.Helper()
			if reflect.ValueOf(want).IsNil() {
				wantError(t, err, nil, fmt.Sprintf("%q has type %s, want", c.name, tensor.DType))
			} else if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%s: have %v, %v, want %v", c.name, got, err, want)
			}
		}
		floats, err := tensor.Float32s()
		check(floats, c.floats, err)
		exact, err := tensor.Float64s()
		check(exact, c.exact, err)
		ints, err := tensor.Int64s()
		check(ints, c.ints, err)
	}
}

func TestIntegerTypes(t *testing.T) {
	minusOne := bytes.Repeat([]byte{255}, 8)
	for dtype, want := range map[DType]int64{
		"U8": math.MaxUint8, "I8": -1, "U16": math.MaxUint16, "I16": -1, "U32": math.MaxUint32, "I32": -1, "I64": -1,
	} {
		got, err := Raw("x", dtype, []int{1}, minusOne[:sizes[dtype]]).Int64s()
		if err != nil || !slices.Equal(got, []int64{want}) {
			t.Errorf("%s: have %v, %v, want %d", dtype, got, err, want)
		}
	}
}

func TestConvertWithoutItsBytes(t *testing.T) {
	for _, x := range []Tensor{
		{Name: "x", DType: "F32", Shape: []int{2}},
		{Name: "x", DType: "F32", Shape: []int{0}},
		Raw("x", "F32", []int{1}, []byte{1, 2, 3}),
		Raw("x", "F31", []int{1}, []byte{1, 2, 3, 4}),
	} {
		_, err := x.Float32s()
		wantError(t, err, nil, `tensor "x" has`, "want those of shape")
	}
}

// Every binary16 is (−1)^s · 2^(e−15) · (1 + f/1024), or (−1)^s · 2⁻¹⁴ · f/1024 for e = 0.
func TestHalfIsExact(t *testing.T) {
	for h := range 1 << 16 {
		sign, e, f := 1.0-2*float64(h>>15), h>>10&31, float64(h&1023)
		want := sign * math.Ldexp(1+f/1024, e-15)
		switch {
		case e == 0:
			want = math.Copysign(math.Ldexp(f/1024, -14), sign)
		case e == 31 && f == 0:
			want = math.Inf(int(sign))
		case e == 31:
			want = math.NaN()
		}
		got := float64(half(uint16(h)))
		if math.Float64bits(got) != math.Float64bits(want) && !(math.IsNaN(got) && math.IsNaN(want)) {
			t.Fatalf("%#04x: have %v, want %v", h, got, want)
		}
	}
}

// TestHalf: every binary16 comes back, and numbers between two go to the nearer one, or the even one.
func TestHalf(t *testing.T) {
	for h := range 0x7c00 {
		a, b := half(uint16(h)), half(uint16(h+1))
		middle := (float64(a) + float64(b)) / 2
		if h == 0x7bff {
			b, middle = float32(math.Inf(1)), 65520
		}
		even := uint16(h + h%2)
		for v, want := range map[float32]uint16{
			a:                                    uint16(h),
			float32(middle):                      even,
			math.Nextafter32(float32(middle), 0): uint16(h),
			math.Nextafter32(float32(middle), float32(math.Inf(1))): uint16(h + 1),
		} {
			if got := toHalf(v); got != want {
				t.Fatalf("%v: got %#04x, want %#04x (between %v and %v)", v, got, want, a, b)
			}
			if got := toHalf(-v); got != want|0x8000 {
				t.Fatalf("%v: got %#04x, want %#04x", -v, got, want|0x8000)
			}
		}
	}
	if got := half(toHalf(float32(math.NaN()))); got == got {
		t.Errorf("NaN became %v", got)
	}
}

func same(a, b Tensor) bool {
	is, err := equal(a, b)
	return is && err == nil
}
