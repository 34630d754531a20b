package bench

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/text"
	"mgd3/unet"
	"mgd3/weights"
)

// textToImage is a published text-to-image model.
type textToImage struct {
	name   string          // by which packages unet and text know it
	gflop  map[int]float64 // of one row once through the denoiser, by the pixels of a side
	prompt float64         // GFLOP of a prompt through all text encoders
}

var (
	sd15 = &textToImage{"sd15", map[int]float64{256: 180.1064, 512: 803.2734}, 13.2986}
	sd21 = &textToImage{"sd21", map[int]float64{768: 2149.1057}, 45.1274}
	sdxl = &textToImage{"sdxl", map[int]float64{1024: 6761.2364}, 111.1619}
)

func (m *textToImage) net() unet.Config {
	c, ok := unet.Published(m.name)
	if !ok {
		panic("no network " + m.name) // a test asks for all
	}
	return c
}

// textLoads are one step of one image each: two rows through the denoiser, with the prompt and without. Those called
// half have weights of half precision, which stay so.
func textLoads() []Load {
	return []Load{
		sd15.load(256, false), sd15.load(256, true), sd15.load(512, false), sd15.load(512, true),
		sd21.load(768, false), sd21.load(768, true), sdxl.load(1024, false), sdxl.load(1024, true),
		sd15.text(), sd21.text(), sdxl.text(),
		decodingOf(512, 2514.5189), decodingOf(768, 5754.3044), decodingOf(1024, 10470.3926),
	}
}

func (m *textToImage) load(pixels int, half bool) Load {
	stored, suffix := weights.DType("F32"), ""
	if half {
		stored, suffix = "F16", "_half"
	}
	return Load{
		Name: fmt.Sprintf("%s_%d_step_b1%s", m.name, pixels, suffix), Batch: 1, GFLOP: 2 * m.gflop[pixels],
		make: func(_ context.Context, e *engine.Engine) (job, error) {
			own := *e
			own.KeepHalf = half
			return m.step(&own, pixels/8, stored)
		},
	}
}

// text encodes one prompt with the model's text encoders, one after the other.
func (m *textToImage) text() Load {
	return Load{
		Name: m.name + "_text_b1", Batch: 1, GFLOP: m.prompt,
		make: func(_ context.Context, e *engine.Engine) (job, error) {
			own := *e
			own.Precision = engine.Float32 // as package text has it
			var all []func() error
			var last *engine.Program
			for _, c := range text.Published(m.name) {
				graph := func(p engine.Params, in []*Node) []*Node {
					hidden, pooled := c.Forward(p, in[0], text.Penultimate)
					return []*Node{hidden, pooled}
				}
				w, err := random(&own, graph, shapes.Make(dtypes.Int32, 1, text.Length))
				if err != nil {
					return job{}, err
				}
				if last, err = own.Compile("text", graph, w); err != nil {
					return job{}, err
				}
				program, ids := last, make([]int32, text.Length)
				all = append(all, func() error {
					return finish(program.Run(tensors.FromFlatDataAndDimensions(ids, 1, text.Length)))
				})
			}
			return job{func() (err error) {
				for _, run := range all {
					err = errors.Join(err, run())
				}
				return err
			}, last}, nil
		},
	}
}

// decodingOf decodes one latent of images of so many pixels.
func decodingOf(pixels int, gflop float64) Load {
	return Load{
		Name: fmt.Sprintf("vae_decode_%d_b1", pixels), Batch: 1, GFLOP: gflop,
		make: func(_ context.Context, e *engine.Engine) (job, error) {
			decode := func(p engine.Params, in []*Node) []*Node { return []*Node{autoencoder.Decode(p, in[0])} }
			return forward(e, "decode", decode, shaped(1, 4, pixels/8, pixels/8))
		},
	}
}

// step runs two rows with random weights, of CLIP's 77 tokens, on latents of side cells.
func (m *textToImage) step(e *engine.Engine, side int, stored weights.DType) (job, error) {
	const rows, tokens = 2, 77
	net := unet.Conditioned{Config: m.net(), Classes: 1, Tokens: tokens}
	specs, err := e.Declare(net.Func, shaped(1, net.Channels, side, side), shaped(1), shapes.Make(unet.LabelType, 1))
	if err != nil {
		return job{}, err
	}
	w := engine.Weights{}
	block := normals(1 << 20) // over and over: billions of numbers would take minutes
	for _, spec := range specs {
		size := shaped(spec.Shape...).Size()
		data := make([]float32, size)
		scale := float32(1 / math.Sqrt(float64(size/spec.Shape[0])+10))
		for i := range data {
			data[i] = block[i%len(block)] * scale
		}
		if w[spec.Name], err = e.Weight(data, stored, spec.Shape...); err != nil {
			return job{}, fmt.Errorf("tensor %s: %w", spec.Name, err)
		}
	}
	program, err := e.Compile("step", net.Func, w)
	if err != nil {
		return job{}, err
	}
	n := net.Channels * side * side
	x, err := e.Tensor(append(normals(n), normals(n)...), rows, net.Channels, side, side)
	if err != nil {
		return job{}, err
	}
	time, labels := tensors.FromValue([]float32{501, 501}), tensors.FromValue([]int32{0, net.Null()})
	return job{func() error { return finish(program.Run(x, time, labels)) }, program}, nil
}
