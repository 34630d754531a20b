package bench

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute/shapes"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/engine"
	"mgd3/unet"
	"mgd3/weights"
)

// textToImage is the denoiser of a published text-to-image model.
type textToImage struct {
	name  string
	net   unet.Config
	gflop map[int]float64 // of one row once through the denoiser, by the pixels of a side
}

var (
	sd15 = &textToImage{"sd15", unet.Config{
		Channels: 4, Widths: []int{320, 640, 1280, 1280}, Layers: []int{2, 2, 2, 2},
		Down: []bool{true, true, true, false},
		Up:   []bool{true, true, true, false}, Depth: []int{1, 1, 1, 1}, Heads: []int{8, 8, 8, 8}, ContextDim: 768,
		Groups: 32, Epsilon: 1e-5,
	}, map[int]float64{256: 180.1064, 512: 803.2734}}
	sd21 = &textToImage{"sd21", unet.Config{
		Channels: 4, Widths: []int{320, 640, 1280, 1280}, Layers: []int{2, 2, 2, 2},
		Down: []bool{true, true, true, false},
		Up:   []bool{true, true, true, false}, Depth: []int{1, 1, 1, 1}, Heads: []int{5, 10, 20, 20}, ContextDim: 1024,
		Groups: 32, Epsilon: 1e-5, Linear: true,
	}, map[int]float64{768: 2149.1057}}
	sdxl = &textToImage{"sdxl", unet.Config{
		Channels: 4, Widths: []int{320, 640, 1280}, Layers: []int{2, 2, 2}, Down: []bool{false, true, true},
		Up: []bool{false, true, true}, Depth: []int{1, 2, 10}, Heads: []int{5, 10, 20}, ContextDim: 2048,
		Groups: 32, Epsilon: 1e-5, Linear: true, TextDim: 1280, SizeDim: 256,
	}, map[int]float64{1024: 6761.2364}}
)

// textLoads are one step of one image each: two rows through the denoiser, with the prompt and without. Those called
// half have weights of half precision, which stay so.
func textLoads() []Load {
	return []Load{
		sd15.load(256, false), sd15.load(256, true), sd15.load(512, false), sd15.load(512, true),
		sd21.load(768, false), sd21.load(768, true), sdxl.load(1024, true),
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

// step runs two rows with random weights, of CLIP's 77 tokens, on latents of side cells.
func (m *textToImage) step(e *engine.Engine, side int, stored weights.DType) (job, error) {
	const rows, tokens = 2, 77
	net := unet.Conditioned{Config: m.net, Classes: 1, Tokens: tokens}
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
