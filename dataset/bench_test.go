package dataset

import (
	"bytes"
	"image"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"
	"testing"
)

// photo returns a JPEG file of 500 × 375 pixels, 4:2:0: smooth as bench/peers/loads.py has it, or
// with the noise of a real photograph's detail.
func photo(tb testing.TB, detail int) []byte {
	tb.Helper()
	rng := rand.New(rand.NewPCG(0, 0))
	small := newRGB(16, 12)
	for i := range small.Pix {
		small.Pix[i] = uint8(min(max(128+60*rng.NormFloat64(), 0), 255))
	}
	im := Resize(small, 500, 375, Bicubic)
	for i := 0; detail > 0 && i < len(im.Pix); i++ {
		im.Pix[i] = uint8(min(max(int(im.Pix[i])+rng.IntN(detail), 0), 255))
	}
	return encodeJPEG(tb, im, 90)
}

func encodeJPEG(tb testing.TB, im *RGB, quality int) []byte {
	tb.Helper()
	m := image.NewRGBA(image.Rect(0, 0, im.W, im.H))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for i := range im.W * im.H {
		copy(m.Pix[4*i:], im.Pix[3*i:3*i+3])
	}
	var file bytes.Buffer
	if err := jpeg.Encode(&file, m, &jpeg.Options{Quality: quality}); err != nil {
		tb.Fatal(err)
	}
	return file.Bytes()
}

func BenchmarkJPEG(b *testing.B) {
	for name, detail := range map[string]int{"smooth": 0, "detail": 24} {
		data := photo(b, detail)
		im, err := Decode(data)
		if err != nil {
			b.Fatal(err)
		}
		b.Logf("%s: %d bytes", name, len(data))
		b.Run(name+"/image/jpeg", func(b *testing.B) {
			for b.Loop() {
				if _, err := jpeg.Decode(bytes.NewReader(data)); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/Decode", func(b *testing.B) {
			for b.Loop() {
				if _, err := Decode(data); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/CropADM", func(b *testing.B) {
			for b.Loop() {
				CropADM(im, 256)
			}
		})
		b.Run(name+"/CropCenter", func(b *testing.B) {
			for b.Loop() {
				CropCenter(im, 256)
			}
		})
	}
}
