package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestConvertLevels demands the plain version's result, NaNs included, for all lengths and tails.
func TestConvertLevels(t *testing.T) {
	for _, l := range Levels()[1:] {
		v := vecTables(l)
		rng := rand.New(rand.NewPCG(3, uint64(l)))
		halves := func(int) uint16 { return uint16(rng.Uint32()) }
		floats := func(i int) float32 {
			s := source{rng, i % 3}
			return s.next()
		}
		checkConvert(t, "f16ToF32", v.f16ToF32, vecGeneric.f16ToF32, halves)
		checkConvert(t, "bf16ToF32", v.bf16ToF32, vecGeneric.bf16ToF32, halves)
		checkConvert(t, "f32ToF16", v.f32ToF16, vecGeneric.f32ToF16, floats)
		checkConvert(t, "f32ToBF16", v.f32ToBF16, vecGeneric.f32ToBF16, floats)
		checkConvert(t, "f32ToBool", v.f32ToBool, vecGeneric.f32ToBool, floats)
		checkConvert(t, "f32ToU8", v.f32ToU8, vecGeneric.f32ToU8, floats)
		checkConvert(t, "f32ToI32", v.f32ToI32, vecGeneric.f32ToI32, floats)
		checkConvert(t, "boolToF32", v.boolToF32, vecGeneric.boolToF32, func(int) bool { return rng.IntN(2) == 0 })
		checkConvert(t, "u8ToF32", v.u8ToF32, vecGeneric.u8ToF32, func(int) uint8 { return uint8(rng.Uint32()) })
		checkConvert(t, "i32ToF32", v.i32ToF32, vecGeneric.i32ToF32, func(int) int32 { return int32(rng.Uint32()) })
	}
}

func checkConvert[D, S comparable](t *testing.T, name string, fast, plain func(dst []D, src []S), next func(i int) S) {
	t.Helper()
	for n := range 150 {
		src := make([]S, n)
		for i := range src {
			src[i] = next(i)
		}
		var mark D
		got, intact := guarded(make([]D, n), mark, func(x, y D) bool { return x == y })
		want := make([]D, n)
		fast(got, src)
		plain(want, src)
		for i := range got {
			if got[i] != want[i] && (got[i] == got[i] || want[i] == want[i]) {
				t.Fatalf("%s, n=%d, element %d of %v: got %v, plain %v", name, n, i, src[i], got[i], want[i])
			}
		}
		if !intact() {
			t.Errorf("%s, n=%d: wrote beside dst", name, n)
		}
	}
}

func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		x := f16ToF32(uint16(h))
		if back := f32ToF16(x); back != uint16(h) && x == x {
			t.Fatalf("half %#x is %v, and back %#x", h, x, back)
		}
		exp, man := h>>10&31, h&0x3ff
		want := math.Ldexp(float64(man), -24)
		if exp > 0 {
			want = math.Ldexp(float64(man+1024), exp-25)
		}
		if exp < 31 && float64(abs32(x)) != want {
			t.Fatalf("half %#x is %v, want ±%v", h, x, want)
		}
	}
	for _, c := range []struct {
		x         float32
		f16, bf16 uint16
	}{
		{1, 0x3c00, 0x3f80},
		{1 + 0x1p-11, 0x3c00, 0x3f80}, // a tie, to even
		{1 + 3*0x1p-11, 0x3c02, 0x3f80},
		{1 + 0x1p-8, 0x3c04, 0x3f80},
		{1 + 3*0x1p-8, 0x3c0c, 0x3f82},
		{-65519, 0xfbff, 0xc780},
		{65520, 0x7c00, 0x4780},
		{0x1p-25, 0, 0x3300},
		{0x1.8p-25, 1, 0x3340},
		{math.MaxFloat32, 0x7c00, 0x7f80},
	} {
		if f16, bf16 := f32ToF16(c.x), f32ToBF16(c.x); f16 != c.f16 || bf16 != c.bf16 {
			t.Errorf("%v: float16 %#x, want %#x; bfloat16 %#x, want %#x", c.x, f16, c.f16, bf16, c.bf16)
		}
	}
}

func TestSaturate(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	src := []float32{-1.9, 2.9, inf, -inf, nan, 3e9, -3e9, 255.5, 256}
	i32, u8, i64 := make([]int32, len(src)), make([]uint8, len(src)), make([]int64, len(src))
	F32ToI32(i32, src)
	F32ToU8(u8, src)
	F32ToI64(i64, src)
	for i, want := range []struct {
		i32 int32
		u8  uint8
		i64 int64
	}{
		{-1, 0, -1}, {2, 2, 2}, {math.MaxInt32, 255, math.MaxInt64}, {math.MinInt32, 0, math.MinInt64}, {0, 0, 0},
		{math.MaxInt32, 255, 3e9}, {math.MinInt32, 0, -3e9}, {255, 255, 255}, {256, 255, 256},
	} {
		if i32[i] != want.i32 || u8[i] != want.u8 || i64[i] != want.i64 {
			t.Errorf("%v: got %d %d %d, want %v", src[i], i32[i], u8[i], i64[i], want)
		}
	}
}

func TestTranspose(t *testing.T) {
	defer SetLevel(Current())
	for _, l := range Levels() {
		SetLevel(l)
		for _, shape := range [][2]int{{1, 1}, {8, 8}, {7, 9}, {16, 8}, {8, 16}, {17, 23}, {300, 31}, {5, 64}, {64, 5}, {0, 3}, {3, 0}, {264, 8}} {
			rows, cols := shape[0], shape[1]
			lds, ldd := cols+3, rows+2
			src := source{rand.New(rand.NewPCG(4, 4)), 1}.slice(rows * lds)
			dst, intact := guarded(make([]float32, cols*ldd), 0, func(x, y float32) bool { return x == y })
			Transpose(dst, ldd, src, lds, rows, cols)
			for j := range cols {
				for i := range ldd {
					want := float32(0)
					if i < rows {
						want = src[i*lds+j]
					}
					if dst[j*ldd+i] != want {
						t.Fatalf("%v, %v: dst[%d, %d] = %v, want %v", l, shape, j, i, dst[j*ldd+i], want)
					}
				}
			}
			if !intact() {
				t.Errorf("%v, %v: wrote beside dst", l, shape)
			}
		}
	}
}
