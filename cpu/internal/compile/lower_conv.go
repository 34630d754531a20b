package compile

import (
	"mgd3/cpu/internal/conv"
	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/memory"
)

func kernelLayout(v view) conv.KernelLayout {
	return conv.KernelLayout{Out: v.strides[0], In: v.strides[1], H: v.strides[2], W: v.strides[3]}
}

func convFlops(g conv.Geometry) float64 {
	return 2 * float64(g.Batch) * float64(g.OutH*g.OutW) * float64(g.OutC) *
		float64(g.InC/g.Groups*g.KH*g.KW) / float64(g.InDilH*g.InDilW)
}

// keepPacked is the number of outputs up to which the packed kernel of a convolution is kept. For more it is packed
// for each run: that takes less than a tenth of the time of the convolution, and Winograd's form of a
// kernel is four times as large as the kernel.
const keepPacked = 64*64 - 1

// convOp is a convolution. The kernel is packed once, or each time in scratch memory.
func (c *compiler) convOp(n *ir.Node) *op {
	g := n.Attr.(conv.Geometry)
	x, k := c.read(n.In[0]), c.read(n.In[1])
	layout := kernelLayout(k)
	// The kernel may be read backwards: its slice starts at the value's first element.
	layout.Base = k.offset
	stream := conv.Streams(g, c.workers)
	f := conv.NewForward(g, layout, conv.Options{PackedKernel: !stream, Stream: stream})
	packedSize := f.PackedSize()
	keep := g.Batch*g.OutH*g.OutW <= keepPacked
	o := &op{name: "conv " + f.Algorithm(), uses: []*ir.Node{x.of, k.of}, block: g.OutC, flops: convFlops(g)}
	o.scratch = packedSize + f.Scratch(c.workers)
	var key any = keyOf("conv", k, g)
	o.make = func(p *Plan, done func(lo, hi, worker int)) runner {
		f := conv.NewForward(g, layout, conv.Options{PackedKernel: !stream, Stream: stream, Done: done})
		if stream {
			return func(fr *frame, scratch []float32) error {
				k := floats(fr.mem[p.buffer[k.of]])
				f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x), k, scratch)
				return nil
			}
		}
		var fr *frame
		pack := func() any {
			packed := memory.Floats(packedSize)
			f.Pack(fr.team, packed, floats(fr.mem[p.buffer[k.of]]))
			return packed
		}
		return func(now *frame, scratch []float32) error {
			fr = now
			packed := scratch[:packedSize]
			cached := false
			if cache := fr.caches[p.buffer[k.of]]; keep && cache != nil {
				var kept any
				if kept, cached = cache.Derived(key, 4*int64(packedSize), pack); cached {
					packed = kept.([]float32)
				}
			}
			if !cached {
				f.Pack(fr.team, packed, floats(fr.mem[p.buffer[k.of]]))
			}
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x), packed, scratch[packedSize:])
			return nil
		}
	}
	return o
}

// kernelGradientOp is the gradient of a convolution by its kernel.
func (c *compiler) kernelGradientOp(n *ir.Node) *op {
	g := n.Attr.(conv.Geometry)
	x, dy := c.read(n.In[0]), c.read(n.In[1])
	layout := conv.OIHW(g.InC, g.KH, g.KW)
	f := conv.NewKernelGrad(g, layout, conv.Options{})
	o := &op{name: "conv kernel gradient " + f.Algorithm(), uses: []*ir.Node{x.of, dy.of},
		scratch: f.Scratch(c.workers), flops: convFlops(g)}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := conv.NewKernelGrad(g, layout, conv.Options{})
		return func(fr *frame, scratch []float32) error {
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x), p.from(fr, dy), scratch)
			return nil
		}
	}
	return o
}
