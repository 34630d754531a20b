package bench

import (
	"bytes"
	"context"
	"image"
	"image/draw"
	"image/jpeg"
	"math/rand/v2"

	"mgd3/dataset"
	"mgd3/engine"
	"mgd3/matrix"
	"mgd3/modes"
	"mgd3/rng"
)

// clustering finds ten modes of 1300 latents that lie around ten points.
func clustering(ctx context.Context, _ *engine.Engine) (job, error) {
	x := matrix.Matrix{Rows: 1300, Cols: 4096, Data: make([]float32, 1300*4096)}
	r := rng.Stream(1, "latents")
	centres := normals(10 * x.Cols)
	for i := range x.Rows {
		row, c := x.Row(i), centres[r.IntN(10)*x.Cols:]
		rng.Normals(r, row)
		for j := range row {
			row[j] = c[j] + 2*row[j]
		}
	}
	run := func() error {
		_, err := modes.Discover(ctx, x, 10, modes.Options{}, rand.New(rand.NewPCG(0, 0)))
		return err
	}
	return job{run: run}, nil
}

// photographs decodes 64 JPEG files of 500×375 pixels and crops them to 256×256, as numbers.
func photographs(context.Context, *engine.Engine) (job, error) {
	file, err := photograph()
	if err != nil {
		return job{}, err
	}
	dst := make([]float32, 64*3*256*256)
	run := func() error {
		for i := range 64 {
			im, err := dataset.Decode(file)
			if err != nil {
				return err
			}
			dataset.ToTensor(dst[i*len(dst)/64:(i+1)*len(dst)/64], dataset.CropCenter(im, 256))
		}
		return nil
	}
	return job{run: run}, nil
}

// photograph returns a JPEG file: 16×12 random colours, made 500×375 pixels large.
func photograph() ([]byte, error) {
	small := &dataset.RGB{W: 16, H: 12, Pix: make([]uint8, 3*16*12)}
	r := rng.Stream(1, "photograph")
	for i := range small.Pix {
		small.Pix[i] = uint8(min(max(128+60*r.NormFloat64(), 0), 255))
	}
	large := dataset.Resize(small, 500, 375, dataset.Bicubic)
	m := image.NewRGBA(image.Rect(0, 0, large.W, large.H))
	draw.Draw(m, m.Rect, image.White, image.Point{}, draw.Src)
	for i := range large.W * large.H {
		copy(m.Pix[4*i:], large.Pix[3*i:3*i+3])
	}
	var file bytes.Buffer
	err := jpeg.Encode(&file, m, &jpeg.Options{Quality: 90})
	return file.Bytes(), err
}
