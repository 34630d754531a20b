package bench

import (
	"context"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
)

// Difference is how far bf16 is from float32 after all steps of a load, with the same weights and the same noise: one
// number per image each.
type Difference struct {
	Load    string    `json:"load"`
	Backend string    `json:"backend"`
	Scale   []float64 `json:"latent_rms"`      // root mean square of the latent in float32
	Latent  []float64 `json:"latent_max_diff"` // largest difference of a number of the latent
	RMS     []float64 `json:"latent_rms_diff"` // root mean square of the differences
	Pixel   []float64 `json:"pixel_max_diff"`  // largest difference of a colour, in levels of 256
}

// Differ draws and decodes the images of a sampling load in float32 and in bf16.
func Differ(ctx context.Context, e *engine.Engine, l Load) (Difference, error) {
	if l.draws == nil {
		return Difference{}, fmt.Errorf("%s draws no latents", l.Name)
	}
	d := Difference{Load: l.Name}
	defer func(was engine.Precision) { e.Precision = was }(e.Precision)
	e.Precision = engine.Float32
	d.Backend = e.Name()
	wide, pixels, err := l.draws.images(ctx, e, l.steps, l.Batch)
	if err != nil {
		return d, err
	}
	e.Precision = engine.BF16
	narrow, narrowPixels, err := l.draws.images(ctx, e, l.steps, l.Batch)
	if err != nil {
		return d, err
	}
	for i := range l.Batch {
		scale, _ := spread(row(wide, i, l.Batch), nil)
		rms, most := spread(row(wide, i, l.Batch), row(narrow, i, l.Batch))
		_, pixel := spread(row(pixels, i, l.Batch), row(narrowPixels, i, l.Batch))
		d.Scale, d.RMS, d.Latent, d.Pixel = append(d.Scale, scale), append(d.RMS, rms), append(d.Latent, most),
			append(d.Pixel, pixel*127.5)
	}
	return d, nil
}

// images draws n latents in guided steps and decodes them one by one to pixels in [-1, 1].
func (m *model) images(ctx context.Context, e *engine.Engine, steps, n int) (latents, pixels []float32, err error) {
	draw, _, err := m.drawing(e, steps)
	if err != nil {
		return nil, nil, err
	}
	if latents, err = draw(ctx, n); err != nil {
		return nil, nil, err
	}
	c, side := m.denoiser.Channels, m.denoiser.InputSize
	w, err := random(e, m.decode, shaped(1, c, side, side))
	if err != nil {
		return nil, nil, err
	}
	decode, err := e.Compile("decode", m.decode, w)
	if err != nil {
		return nil, nil, err
	}
	size := side * m.autoencoder.Downsampling()
	pixels = make([]float32, n*3*size*size)
	for i := range n {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		if err := decode.Take(row(pixels, i, n), tensors.FromFlatDataAndDimensions(row(latents, i, n), 1, c, side,
			side)); err != nil {
			return nil, nil, err
		}
	}
	for i, v := range pixels {
		pixels[i] = min(max(v, -1), 1)
	}
	return latents, pixels, nil
}

func (m *model) decode(p engine.Params, in []*Node) []*Node {
	return []*Node{m.autoencoder.Decode(p, in[0])}
}

// row is the i-th of n equal parts of v.
func row(v []float32, i, n int) []float32 { return v[i*len(v)/n : (i+1)*len(v)/n] }

// spread returns the root mean square and the largest of a-b; b may be nil for zeros.
func spread(a, b []float32) (rms, most float64) {
	for i, v := range a {
		d := float64(v)
		if b != nil {
			d -= float64(b[i])
		}
		rms, most = rms+d*d, max(most, math.Abs(d))
	}
	return math.Sqrt(rms / float64(len(a))), most
}
