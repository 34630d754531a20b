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
		checkConvert(t, "f32ToBool", v.f32ToBool, vecGeneric.f32ToBool, floats)
		checkConvert(t, "f32ToBF16", v.f32ToBF16, vecGeneric.f32ToBF16, floats)
		checkConvert(t, "boolToF32", v.boolToF32, vecGeneric.boolToF32, func(int) bool { return rng.IntN(2) == 0 })
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
		exp, man := h>>10&31, h&0x3ff
		want := math.Ldexp(float64(man), -24)
		if exp > 0 {
			want = math.Ldexp(float64(man+1024), exp-25)
		}
		if exp < 31 && float64(abs32(x)) != want {
			t.Fatalf("half %#x is %v, want ±%v", h, x, want)
		}
	}
}

func TestTranspose(t *testing.T) {
	defer SetLevel(Current())
	for _, l := range Levels() {
		SetLevel(l)
		for _, shape := range [][2]int{{1, 1}, {8, 8}, {7, 9}, {16, 8}, {8, 16}, {17, 23}, {300, 31}, {5, 64}, {64, 5},
			{0, 3}, {3, 0}, {264, 8}} {
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
