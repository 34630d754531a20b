package bench

import (
	"context"
	"fmt"
	"math"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/diffusion"
	"mgd3/dit"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/latent"
	"mgd3/optim"
	"mgd3/rng"
	"mgd3/weights"
)

// Operations of one item, from the networks' shapes; TestGFLOP counts them in the graphs.
const (
	ditGFLOP        = 12.1113     // one row once through the denoiser
	xlGFLOP         = 237.2428    // of DiT-XL/2
	toyGFLOP        = 0.003530752 // of the toy
	encodeGFLOP     = 272.7222
	decodeGFLOP     = 622.1873
	convnet6GFLOP   = 5.0536
	resnetAP10GFLOP = 3.1458
	resnet18GFLOP   = 3.4761
)

// denoiser is DiT-S/2 for latents of 32×32.
var denoiser = dit.Config{InputSize: 32, Patch: 2, Channels: 4, Hidden: 384, Depth: 12, Heads: 6, Classes: 1000,
	LearnSigma: true}

// autoencoder has the layout of Stable Diffusion's.
var autoencoder = latent.Config{
	BlockOutChannels: []int{128, 256, 512, 512}, LayersPerBlock: 2, LatentChannels: 4, Groups: 32,
	ScalingFactor: 0.18215,
}

// The classifiers, for images of 128 pixels.
var (
	convnet6   = evaluate.ConvNet{Depth: 6, Width: 128, Classes: 10}
	resnetAP10 = evaluate.ResNet{Depth: 10, Width: 64, Size: 224, Classes: 10, AveragePool: true}
	resnet18   = evaluate.ResNet{Depth: 18, Width: 64, Size: 224, Classes: 10}
)

// model is a denoiser and an autoencoder.
type model struct {
	name        string
	gflop       float64 // of one row once through the denoiser
	denoiser    dit.Config
	autoencoder latent.Config
}

var (
	small = &model{"s2", ditGFLOP, denoiser, autoencoder}
	xl    = &model{
		"xl2", xlGFLOP,
		dit.Config{InputSize: 32, Patch: 2, Channels: 4, Hidden: 1152, Depth: 28, Heads: 16, Classes: 1000,
			LearnSigma: true}, autoencoder,
	}
	toy = &model{
		"toy", toyGFLOP,
		dit.Config{InputSize: 8, Patch: 2, Channels: 4, Hidden: 64, Depth: 2, Heads: 4, Classes: 10, LearnSigma: true},
		latent.Config{BlockOutChannels: []int{16, 16}, LayersPerBlock: 1, LatentChannels: 4, Groups: 4,
			ScalingFactor: 0.18215},
	}
)

// load draws n latents in guided steps.
func (m *model) load(steps, n int) Load {
	return Load{
		Name: fmt.Sprintf("dit_%s_%dsteps_b%d", m.name, steps, n), Batch: n, GFLOP: float64(steps) * 2 * m.gflop,
		draws: m, steps: steps,
		make: func(ctx context.Context, e *engine.Engine) (job, error) {
			draw, step, err := m.drawing(e, steps)
			return job{func() error { _, err := draw(ctx, n); return err }, step}, err
		},
	}
}

// drawing returns what draws n latents [n, c, h, w], and the program of its steps.
func (m *model) drawing(e *engine.Engine, steps int) (draw func(ctx context.Context, n int) ([]float32, error),
	step *engine.Program, err error) {
	settings, err := diffusion.Published(diffusion.DDPM)
	if err != nil {
		return nil, nil, err
	}
	settings.Respacing, settings.Stop = fmt.Sprint(steps), steps/2
	sampler, err := diffusion.New(settings)
	if err != nil {
		return nil, nil, err
	}
	net, dims := m.denoiser, [3]int{m.denoiser.Channels, m.denoiser.InputSize, m.denoiser.InputSize}
	w, err := random(e, net.Func, shaped(1, dims[0], dims[1], dims[2]), shaped(1), shapes.Make(dit.LabelType, 1))
	if err != nil {
		return nil, nil, err
	}
	step, err = e.Compile("step", net.Step(sampler), w)
	if err != nil {
		return nil, nil, err
	}
	draw = func(ctx context.Context, n int) ([]float32, error) {
		d := dims[0] * dims[1] * dims[2]
		modes, latents := normals(n*d), make([]float32, n*d)
		err := e.EachFilled(ctx, n, n, func(ctx context.Context, lo, hi, _ int) error {
			out, err := sampler.Run(ctx, dit.Stepper(step), diffusion.Batch{
				Dims: dims, Labels: make([]int32, hi-lo), Modes: modes[lo*d : hi*d],
				Noise: func(i, step int, dst []float32) {
					rng.Normals(rng.Stream(1, "noise", uint64(lo+i), uint64(step+1)), dst)
				},
			})
			copy(latents[lo*d:hi*d], out)
			return err
		})
		return latents, err
	}
	return draw, step, nil
}

// chain multiplies n×n matrices eight times over, in the engine's precision; only one number leaves the device.
func chain(n int) func(context.Context, *engine.Engine) (job, error) {
	return func(_ context.Context, e *engine.Engine) (job, error) {
		products := func(p engine.Params, in []*Node) []*Node {
			x, w := p.Cast(p.Get("x", n, n)), p.Cast(p.Get("w", n, n))
			for range chainLength {
				x = Einsum("ik,kj->ij", x, w)
			}
			return []*Node{Add(ReduceAllSum(engine.Wide(x)), in[0])}
		}
		return forward(e, "products", products, shaped())
	}
}

const chainLength = 8

func chainGFLOP(n int) float64 { return 2 * chainLength * math.Pow(float64(n), 3) / 1e9 }

func encoding(_ context.Context, e *engine.Engine) (job, error) {
	encode := func(p engine.Params, in []*Node) []*Node { return []*Node{autoencoder.Encode(p, in[0])} }
	return forward(e, "encode", encode, shaped(1, 3, 256, 256))
}

func decoding(_ context.Context, e *engine.Engine) (job, error) {
	decode := func(p engine.Params, in []*Node) []*Node { return []*Node{autoencoder.Decode(p, in[0])} }
	return forward(e, "decode", decode, shaped(1, 4, 32, 32))
}

// product multiplies two n×n matrices.
func product(n int) func(context.Context, *engine.Engine) (job, error) {
	return func(_ context.Context, e *engine.Engine) (job, error) {
		dot := func(p engine.Params, in []*Node) []*Node {
			return []*Node{engine.Wide(Einsum("ik,kj->ij", p.Cast(in[0]), p.Cast(in[1])))}
		}
		return forward(e, "product", dot, shaped(n, n), shaped(n, n))
	}
}

// forward runs f with random weights on random inputs of the given shapes.
func forward(e *engine.Engine, name string, f engine.Func, in ...shapes.Shape) (job, error) {
	w, err := random(e, f, in...)
	if err != nil {
		return job{}, err
	}
	program, err := e.Compile(name, f, w)
	if err != nil {
		return job{}, err
	}
	inputs := make([]*tensors.Tensor, len(in))
	for i, shape := range in {
		if inputs[i], err = e.Tensor(normals(shape.Size()), shape.Dimensions...); err != nil {
			return job{}, err
		}
	}
	return job{func() error { return finish(program.Run(inputs...)) }, program}, nil
}

// finish waits until outputs are on the host, and drops them.
func finish(out []*tensors.Tensor, err error) error {
	for _, t := range out {
		if err == nil {
			err = tensors.ConstFlatData(t, func([]float32) {})
		}
		t.FinalizeAll()
	}
	return err
}

// mixed is f of a classifier in e's precision; bf16 is that of "mgd3 evaluate --precision bf16".
func mixed(e *engine.Engine, f engine.Func) engine.Func {
	if e.Precision != engine.BF16 {
		return f
	}
	return func(p engine.Params, in []*Node) []*Node { return f(p.Mixed(), in) }
}

// training takes a step on 32 images.
func training(net evaluate.Net) func(context.Context, *engine.Engine) (job, error) {
	return func(_ context.Context, e *engine.Engine) (job, error) {
		const images, size, rate = 32, 128, 0.01
		step := mixed(e, evaluate.TrainStep(net, evaluate.CrossEntropy, optim.SGD{Momentum: 0.9, Decay: 5e-4}))
		specs, err := e.Declare(step, shaped(images, 3, size, size), shapes.Make(dtypes.Int32, images), shaped())
		if err != nil {
			return job{}, err
		}
		w, err := evaluate.Fresh(e, net, specs, 1)
		if err != nil {
			return job{}, err
		}
		program, err := e.Compile("step", step, w)
		if err != nil {
			return job{}, err
		}
		labels := make([]int32, images)
		for i := range labels {
			labels[i] = int32(i % 10)
		}
		x, err := e.Tensor(normals(images*3*size*size), images, 3, size, size)
		if err != nil {
			return job{}, err
		}
		y := tensors.FromValue(labels)
		return job{func() error { return finish(program.Run(x, y, tensors.FromScalar(float32(rate)))) }, program}, nil
	}
}

// random returns weights for f: such that sums of products neither grow nor vanish.
func random(e *engine.Engine, f engine.Func, in ...shapes.Shape) (engine.Weights, error) {
	specs, err := e.Declare(f, in...)
	if err != nil {
		return nil, err
	}
	w := engine.Weights{}
	for _, spec := range specs {
		if w[spec.Name], err = randomTensor(e, spec); err != nil {
			return nil, fmt.Errorf("tensor %s: %w", spec.Name, err)
		}
	}
	return w, nil
}

func randomTensor(e *engine.Engine, spec weights.Spec) (*tensors.Tensor, error) {
	shape := shaped(spec.Shape...)
	data := normals(shape.Size())
	scale := float32(1 / math.Sqrt(float64(shape.Size()/spec.Shape[0])+10))
	for i := range data {
		data[i] *= scale
	}
	return e.Weight(data, "F32", spec.Shape...)
}

func normals(n int) []float32 {
	v := make([]float32, n)
	rng.Normals(rng.Stream(1, "bench", uint64(n)), v)
	return v
}

func shaped(dims ...int) shapes.Shape { return shapes.Make(dtypes.Float32, dims...) }
