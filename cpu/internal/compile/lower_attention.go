package compile

import (
	"mgd3/cpu/internal/attention"
	"mgd3/cpu/internal/ir"
)

// heads are the shape of attention without masks and the layout of a tensor of the given strides.
func heads(a ir.Attention, q, k []int) (s attention.Shape, at func(strides []int) attention.Layout) {
	heads, seq := a.Layout.HeadsAxis(), a.Layout.SeqAxis()
	s = attention.Shape{Batch: q[0], Heads: q[heads], KVHeads: k[heads], Q: q[seq], KV: k[seq], Dim: q[3]}
	return s, func(strides []int) attention.Layout {
		return attention.Layout{Batch: strides[0], Head: strides[heads], Token: strides[seq]}
	}
}

func attentionFlops(s attention.Shape) float64 {
	return 2 * float64(s.Batch*s.Heads) * float64(s.Q) * float64(s.KV) * float64(s.Dim)
}

func hasMask(a ir.Attention) bool { return a.HasMask || a.HasBias || a.HasLengths }

// attentionOp is attention without masks; nil if it has some.
func (c *compiler) attentionOp(n *ir.Node, outputs []*ir.Node) *op {
	a := n.Attr.(ir.Attention)
	if !isFloat(n.In[0]) || hasMask(a) {
		return nil
	}
	q, k, v := c.read(n.In[0]), c.read(n.In[1]), c.read(n.In[2])
	s, at := heads(a, q.dims, k.dims)
	l := attention.Layouts{Q: at(q.strides), K: at(k.strides), V: at(v.strides), Out: at(rowMajor(q.dims))}
	options := attention.Options{Scale: a.Scale, Causal: a.Causal}
	o := &op{name: "attention", defs: outputs, uses: []*ir.Node{q.of, k.of, v.of}, flops: 2 * attentionFlops(s)}
	out, stats := outputOf(outputs, 0), outputOf(outputs, 1)
	o.scratch = attention.New(s, l, options).Scratch(c.workers)
	spare := 0 // for an output that nobody wants
	if out == nil {
		spare = n.In[0].Shape.Size()
	}
	scratch := o.scratch
	o.scratch += spare
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		f := attention.New(s, l, options)
		return func(fr *frame, mem []float32) error {
			in := attention.Inputs{Q: p.from(fr, q), K: p.from(fr, k), V: p.from(fr, v)}
			y := mem[scratch:]
			if out != nil {
				y = p.all(fr, out)
			}
			f.Run(fr.team, y, p.all(fr, stats), in, mem[:scratch])
			return nil
		}
	}
	return o
}

// attentionGradientOp is the gradient of attention without masks, if all three are wanted; else nil.
func (c *compiler) attentionGradientOp(n *ir.Node, outputs []*ir.Node) *op {
	a := n.Attr.(ir.Attention)
	if !isFloat(n.In[0]) || hasMask(a) || len(outputs) != 3 {
		return nil
	}
	var in [6]*ir.Node // q, k, v, out, stats, the gradient of out
	for i, x := range n.In {
		in[i] = c.fusion.base(x)
	}
	q, k := n.In[0].Shape.Dimensions, n.In[1].Shape.Dimensions
	s, at := heads(a, q, k)
	l := attention.Layouts{Q: at(rowMajor(q)), K: at(rowMajor(k)), V: at(rowMajor(k)), Out: at(rowMajor(q))}
	options := attention.Options{Scale: a.Scale, Causal: a.Causal}
	grads := [3]*ir.Node{outputOf(outputs, 0), outputOf(outputs, 1), outputOf(outputs, 2)}
	o := &op{name: "attention gradient", defs: outputs, uses: in[:], flops: 5 * attentionFlops(s)}
	o.scratch = attention.NewGradient(s, l, options).Scratch(c.workers)
	o.make = func(p *Plan, _ func(lo, hi, worker int)) runner {
		g := attention.NewGradient(s, l, options)
		return func(fr *frame, scratch []float32) error {
			g.Run(fr.team, attention.Gradients{DQ: p.all(fr, grads[0]), DK: p.all(fr, grads[1]),
				DV: p.all(fr, grads[2])},
				attention.Inputs{Q: p.all(fr, in[0]), K: p.all(fr, in[1]), V: p.all(fr, in[2])},
				p.all(fr, in[3]), p.all(fr, in[5]), p.all(fr, in[4]), scratch)
			return nil
		}
	}
	return o
}
