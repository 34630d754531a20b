package bench

import (
	"context"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"mgd3/dit"
	"mgd3/engine"
	"mgd3/evaluate"
	"mgd3/features"
	"mgd3/latent"
	"mgd3/optim"
)

// Check is how far a network on one backend is from the same on cpu in float32, with the same weights and inputs.
type Check struct {
	Network   string  `json:"network"`
	Backend   string  `json:"backend"` // with its precision
	Scale     float64 `json:"rms"`     // root mean square of the reference
	RMS       float64 `json:"rms_diff"`
	Most      float64 `json:"max_diff"`
	Tolerance float64 `json:"tolerance"` // of RMS/Scale
	Seconds   float64 `json:"seconds"`   // for compiling and running
	Error     string  `json:"error,omitempty"`
}

// OK tells whether the network ran and came out within the tolerance.
func (c Check) OK() bool { return c.Error == "" && c.RMS <= c.Tolerance*c.Scale }

// Text writes the result as a line.
func (c Check) Text(w io.Writer) error {
	verdict := "ok"
	switch {
	case c.Error != "":
		verdict = "FAILED: " + c.Error
	case !c.OK():
		verdict = "TOO FAR"
	}
	_, err := fmt.Fprintf(w, "check     %-16s %-21s off by %.1e (at most %.1e of %.2g), allowed %.1e, %.1f s  %s\n",
		c.Backend, c.Network, c.RMS/c.Scale, c.Most, c.Scale, c.Tolerance, c.Seconds, verdict)
	return err
}

// tolerance is that of the root mean square of the differences, as a share of that of the results. A number goes
// through L ≈ 50 layers, each of which rounds it by u at most (what enters products; sums are in float32) and
// amplifies what came before little. Roundings add up as a random walk, u·√L, and training steps go through twice as
// many. Four times that is allowed: norms and the loss divide by spreads smaller than 1. For float32 u is that of a
// sum of n = 1,000 products, √n roundings.
func tolerance(p engine.Precision) float64 {
	u := map[engine.Precision]float64{engine.Float32: 0x1p-24 * math.Sqrt(1000), engine.TF32: 0x1p-11,
		engine.BF16: 0x1p-9}
	return 4 * math.Sqrt(2*50) * u[p]
}

// checked is a network to check: every kind of graph that the program runs, small.
type checked struct {
	name string
	f    engine.Func
	in   []shapes.Shape
	bf16 bool // it may run in bf16
}

// checks lists them.
func checks() []checked {
	// heads of 72, as DiT-XL/2's
	den := dit.Config{InputSize: 16, Patch: 2, Channels: 4, Hidden: 144, Depth: 2, Heads: 2, Classes: 10,
		LearnSigma: true}
	vae := latent.Config{BlockOutChannels: []int{32, 64, 64}, LayersPerBlock: 1, LatentChannels: 4, Groups: 8,
		ScalingFactor: 0.18215}
	tinyEncode, tinyDecode := latent.TAESD(4)
	net := evaluate.ResNet{Depth: 10, Width: 16, Size: 224, Classes: 10, AveragePool: true}
	image, rows := shaped(2, 3, 64, 64), []shapes.Shape{shaped(4, 4, 16, 16), shaped(4), shapes.Make(dit.LabelType, 4)}
	one := func(f func(p engine.Params, x *Node) *Node) engine.Func {
		return func(p engine.Params, in []*Node) []*Node { return []*Node{f(p, in[0])} }
	}
	return []checked{
		{name: "denoiser", f: den.Func, in: rows, bf16: true},
		{name: "encoder", f: one(vae.Encode), in: []shapes.Shape{image}, bf16: true},
		{name: "decoder", f: one(vae.Decode), in: []shapes.Shape{shaped(2, 4, 16, 16)}, bf16: true},
		{name: "taesd encoder", f: tinyEncode, in: []shapes.Shape{image}, bf16: true},
		{name: "taesd decoder", f: tinyDecode, in: []shapes.Shape{shaped(2, 4, 8, 8)}, bf16: true},
		{name: "lpips", f: func(p engine.Params,
			in []*Node) []*Node {
			return []*Node{features.LPIPS(p, in[0], in[1])}
		},
			in: []shapes.Shape{image, image}},
		{name: "classifier gradients", f: gradients(func(p engine.Params, in []*Node) *Node {
			return ReduceAllMean(evaluate.CrossEntropy(net.Forward(p, in[0], true), in[1]))
		}), in: []shapes.Shape{shaped(8, 3, 64, 64), shapes.Make(dtypes.Int32, 8)}},
		{name: "denoiser gradients", f: gradients(func(p engine.Params, in []*Node) *Node {
			return ReduceAllMean(Square(den.Forward(p, in[0], in[1], in[2])))
		}), in: rows, bf16: true},
	}
}

// gradients returns the loss and its gradients to all parameters, one after another as one vector.
func gradients(loss func(p engine.Params, in []*Node) *Node) engine.Func {
	return func(p engine.Params, in []*Node) []*Node {
		mean := loss(p, in)
		_, grads := optim.Gradients(p, mean)
		parts := []*Node{Reshape(mean, 1)}
		for _, g := range grads {
			parts = append(parts, Reshape(g, -1))
		}
		return []*Node{Concatenate(parts, 0)}
	}
}

// CheckAll runs every kind of network on e in its precision and on reference, cpu in float32, and reports each as
// soon as it is there. A network that fails is reported, and the next one runs.
func CheckAll(ctx context.Context, e, reference *engine.Engine, report func(Check)) error {
	for _, c := range checks() {
		if e.Precision == engine.BF16 && !c.bf16 {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		result := Check{Network: c.name, Backend: e.Name(), Tolerance: tolerance(e.Precision)}
		want, err := c.run(reference)
		if err != nil {
			return fmt.Errorf("%s on cpu: %w", c.name, err)
		}
		start := time.Now()
		got, err := c.run(e)
		result.Seconds = time.Since(start).Seconds()
		result.compare(got, want, err)
		report(result)
	}
	return nil
}

// compare says how far numbers are from those that are wanted, or that there are none, because of err or since some are
// not finite, which JSON cannot hold.
func (c *Check) compare(got, want []float32, err error) {
	if err == nil && len(got) != len(want) {
		err = fmt.Errorf("has %d numbers, want %d", len(got), len(want))
	}
	for i, v := range got {
		if v-v != 0 && err == nil {
			err = fmt.Errorf("has %v at %d, want finite numbers", v, i)
		}
	}
	c.Scale, _ = spread(want, nil)
	if err != nil {
		c.Error = err.Error()
		return
	}
	c.RMS, c.Most = spread(want, got)
}

// run returns the network's numbers.
func (c checked) run(e *engine.Engine) ([]float32, error) {
	w, err := random(e, c.f, c.in...)
	if err != nil {
		return nil, err
	}
	program, err := e.Compile(c.name, c.f, w)
	if err != nil {
		return nil, err
	}
	inputs := make([]*tensors.Tensor, len(c.in))
	for i, shape := range c.in {
		switch {
		case shape.DType == dtypes.Int32:
			labels := make([]int32, shape.Size())
			for j := range labels {
				labels[j] = int32(j % 10)
			}
			inputs[i] = tensors.FromFlatDataAndDimensions(labels, shape.Dimensions...)
		case shape.Rank() == 1: // times
			times := make([]float32, shape.Size())
			for j := range times {
				times[j] = float32(37 + 200*j)
			}
			inputs[i] = tensors.FromFlatDataAndDimensions(times, shape.Dimensions...)
		default:
			inputs[i] = tensors.FromFlatDataAndDimensions(scaled(normals(shape.Size()+i), 0.5)[i:], shape.Dimensions...)
		}
	}
	out, err := program.Run1(inputs...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.FinalizeAll() }()
	var flat []float32
	err = tensors.ConstFlatData(out, func(v []float32) { flat = append(flat, v...) })
	return flat, err
}

func scaled(v []float32, by float32) []float32 {
	for i := range v {
		v[i] *= by
	}
	return v
}
