package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

func noise(r *rand.Rand, n int) []uint8 {
	v := make([]uint8, n)
	for i := range v {
		v[i] = uint8(r.IntN(256))
	}
	return v
}

// check compares what do writes with assembly and in plain Go, into n bytes between guards.
func check(t *testing.T, name string, n int, do func(dst []uint8)) {
	t.Helper()
	was := fast
	defer func() { fast = was }()
	var out [2][]uint8
	for i := range out {
		all := slices.Repeat([]uint8{7}, n+80)
		fast = i == 1 && was
		do(all[40 : 40+n : 40+n])
		out[i] = all
	}
	if !slices.Equal(out[0], out[1]) {
		t.Errorf("%s, %d bytes: assembly and plain Go differ, or wrote beyond their end", name, n)
	}
	for _, v := range slices.Concat(out[0][:40], out[0][40+n:]) {
		if v != 7 {
			t.Fatalf("%s, %d bytes: plain Go wrote beyond its end", name, n)
		}
	}
}

func FuzzKernels(f *testing.F) {
	for n := range 70 { // all tails of the loops of 8 and 16
		f.Add(uint64(n), uint8(n), uint8(n%11))
	}
	f.Fuzz(func(t *testing.T, seed uint64, n, width uint8) {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		pixels, taps := int(n)+1, int(width)+1
		weights := make([]int32, taps*pixels)
		for i := range weights {
			weights[i] = int32(r.IntN(1<<23) - 1<<22) // sums reach beyond 0 and 255
		}
		a, b, c := noise(r, pixels), noise(r, pixels), noise(r, pixels)
		check(t, "YCbCr", 3*pixels, func(dst []uint8) { YCbCr(dst, a, b, c) })
		check(t, "Widen", 2*pixels, func(dst []uint8) { Widen(dst, a, b) })
		rows := noise(r, taps*(pixels+5))
		check(t, "Column", pixels, func(dst []uint8) { Column(dst, rows, pixels+5, weights[:taps]) })
		first := make([]int, pixels)
		for i := range first {
			first[i] = r.IntN(50)
		}
		slices.Sort(first)
		row := noise(r, 3*(50+taps))
		for _, src := range [][]uint8{row, row[:len(row)-3]} { // without and with a byte beyond
			check(t, "Row", 3*pixels, func(dst []uint8) { Row(dst, src, Taps{taps, first, weights}) })
		}
	})
}

// TestYCbCr compares all of Y, Cb, Cr in steps with JFIF's formula, eight pixels and more at a time.
func TestYCbCr(t *testing.T) {
	const pixels = 52
	y, cb, cr := make([]uint8, pixels), make([]uint8, pixels), make([]uint8, pixels)
	rgb := make([]uint8, 3*pixels)
	for i := range y {
		y[i] = uint8(5 * i)
	}
	for u := 0; u < 256; u += 5 {
		for v := 0; v < 256; v += 5 {
			for i := range y {
				cb[i], cr[i] = uint8(u), uint8(v)
			}
			YCbCr(rgb, y, cb, cr)
			for i, y := range y {
				u, v := float64(u-128), float64(v-128)
				for c, want := range [3]float64{float64(y) + 1.402*v, float64(y) - 0.344136286*u - 0.714136286*v,
					float64(y) + 1.772*u} {
					want = min(max(want, 0), 255)
					// half a level of rounding, and factors of 5 digits times 128
					if got := float64(rgb[3*i+c]); got < want-0.502 || got > want+0.502 {
						t.Fatalf("Y, Cb', Cr' = %d, %v, %v: channel %d is %v, want %v", y, u, v, c, got, want)
					}
				}
			}
		}
	}
}
