package jpegplane

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"math/rand/v2"
	"testing"
)

// picture is a JPEG file of smooth colours with some noise, of a size that is no multiple of the blocks'.
func picture(t *testing.T, w, h, quality int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	im := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			im.Set(x, y, color.RGBA{uint8(5 * x), uint8(7 * y), uint8(rng.IntN(256)), 255})
		}
	}
	var b bytes.Buffer
	if err := jpeg.Encode(&b, im, &jpeg.Options{Quality: quality}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestInverse: the transform in integers is the real one (T.81, A.3.3), rounded, up to 1: the peak error that IEEE
// 1180-1990 allows.
func TestInverse(t *testing.T) {
	var basis [8][8]float64 // [frequency][place]
	for u := range basis {
		scale := 0.5
		if u == 0 {
			scale = math.Sqrt(1. / 8)
		}
		for x := range basis[u] {
			basis[u][x] = scale * math.Cos(float64(2*x+1)*float64(u)*math.Pi/16)
		}
	}
	rng := rand.New(rand.NewPCG(3, 4))
	var ones [64]uint16
	for i := range ones {
		ones[i] = 1
	}
	for trial := range 200 {
		var coef [64]int16
		for i := range coef {
			coef[i] = int16(rng.IntN(601)-300) / int16(1+i/8+i%8) // as of photographs: less at high frequencies
		}
		var have [64]uint8
		inverse(&coef, &ones, have[:], 8)
		for y := range 8 {
			for x := range 8 {
				sum := 128.0
				for v := range 8 {
					for u := range 8 {
						sum += float64(coef[8*v+u]) * basis[v][y] * basis[u][x]
					}
				}
				if want := min(max(math.Round(sum), 0), 255); math.Abs(float64(have[8*y+x])-want) > 1 {
					t.Fatalf("block %d, row %d, column %d: got %d, want %v ± 1", trial, y, x, have[8*y+x], want)
				}
			}
		}
	}
}

// TestDecode holds the planes against those of image/jpeg, whose transform is another one: each is within 1 of the real
// one, so that they are within 2 of each other.
func TestDecode(t *testing.T) {
	for _, size := range [][2]int{{1, 1}, {8, 8}, {16, 16}, {17, 33}, {50, 31}} {
		data := picture(t, size[0], size[1], 90)
		planes, scans, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if scans.Extra != 0 || scans.End != len(data)-2 {
			t.Errorf("%v: the scans are %+v, want an end at %d", size, scans, len(data)-2)
		}
		whole, err := jpeg.Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		want := whole.(*image.YCbCr)
		for i, p := range planes {
			pix, stride := [][]uint8{want.Y, want.Cb, want.Cr}[i], []int{want.YStride, want.CStride, want.CStride}[i]
			for y := range p.Ht {
				for x := range p.W {
					have, want := int(p.Pix[y*p.Stride+x]), int(pix[y*stride+x])
					if have < want-2 || have > want+2 {
						t.Fatalf("%v, plane %d, row %d, column %d: got %d, want %d ± 2", size, i, y, x, have, want)
					}
				}
			}
		}
	}
}

// TestWalk: walking finds what decoding finds, in a whole file and in every one that is cut, and no cut file is whole.
func TestWalk(t *testing.T) {
	data := picture(t, 20, 20, 75)
	for n := range len(data) + 1 {
		_, decoded, errD := Decode(data[:n])
		walked, errW := Walk(data[:n])
		if (errD == nil) != (errW == nil) || errD == nil && decoded != walked {
			t.Fatalf("%d of %d bytes: decoding finds %+v, %v; walking %+v, %v", n, len(data), decoded, errD,
				walked, errW)
		}
		if whole := n >= len(data)-2; (errD == nil) != whole { // the last two bytes are the end-of-image marker
			t.Errorf("%d of %d bytes: error %v", n, len(data), errD)
		}
	}
}
