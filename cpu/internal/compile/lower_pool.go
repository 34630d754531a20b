package compile

import (
	"github.com/gomlx/compute"

	"mgd3/cpu/internal/conv"
	"mgd3/cpu/internal/ir"
)

// window is the geometry of a channels-last window over two dimensions, if a is one.
func window(a ir.Window, in, out []int) (g conv.Geometry, ok bool) {
	if len(in) != 4 || a.Dims[0] != 1 || a.Dims[3] != 1 || in[0] != out[0] || in[3] != out[3] || product(in) == 0 ||
		product(out) == 0 ||
		a.InputDilations[0] != 1 || a.InputDilations[3] != 1 {
		return g, false
	}
	return conv.Geometry{
		Batch: in[0], InH: in[1], InW: in[2], InC: in[3], OutH: out[1], OutW: out[2], OutC: in[3], KH: a.Dims[1],
		KW:      a.Dims[2],
		StrideH: a.Strides[1], StrideW: a.Strides[2], PadTop: a.Paddings[1][0], PadLeft: a.Paddings[2][0],
		InDilH: a.InputDilations[1], InDilW: a.InputDilations[2], KerDilH: a.WindowDilations[1],
		KerDilW: a.WindowDilations[2], Groups: 1,
	}, true
}

// poolOp reduces windows; nil if they are not over two dimensions of channels-last floats.
func (c *compiler) poolOp(n *ir.Node) *op {
	a := n.Attr.(ir.Window)
	g, ok := window(a, n.In[0].Shape.Dimensions, n.Shape.Dimensions)
	kind, known := map[compute.ReduceOpType]conv.PoolOp{
		compute.ReduceOpSum: conv.PoolSum, compute.ReduceOpMax: conv.PoolMax,
		compute.ReduceOpMin: conv.PoolMin}[a.Reduce]
	if !ok || !known || !isFloat(n) {
		return nil
	}
	x := c.read(n.In[0])
	o := &op{name: "pool", uses: []*ir.Node{x.of}, flops: float64(n.Shape.Size() * g.KH * g.KW)}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := conv.NewPool(g, kind, 1)
		return func(fr *frame, _ []float32) error {
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x))
			return nil
		}
	}
	return o
}

// poolGradientOp is select and scatter; nil if not over two dimensions of channels-last floats.
func (c *compiler) poolGradientOp(n *ir.Node) *op {
	a := n.Attr.(ir.Window)
	g, ok := window(a, n.In[0].Shape.Dimensions, n.In[1].Shape.Dimensions)
	if !ok || !isFloat(n) || g.InDilH*g.InDilW*g.KerDilH*g.KerDilW != 1 {
		return nil
	}
	kind := conv.PoolMax
	if n.Op == compute.OpTypeSelectAndScatterMin {
		kind = conv.PoolMin
	}
	x, dy := c.read(n.In[0]), c.read(n.In[1])
	o := &op{name: "pool gradient", uses: []*ir.Node{x.of, dy.of}, flops: float64(n.In[1].Shape.Size() * g.KH * g.KW)}
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := conv.NewPoolGrad(g, kind)
		return func(fr *frame, _ []float32) error {
			f.Run(fr.team, floats(fr.mem[p.buffer[n]]), p.from(fr, x), p.from(fr, dy))
			return nil
		}
	}
	return o
}
