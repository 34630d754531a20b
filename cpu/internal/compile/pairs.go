package compile

import (
	"math"
	"slices"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"

	"mgd3/cpu/internal/gemm"
	"mgd3/cpu/internal/ir"
)

// pairsName is the name of products in pairs of bfloat16: see kernel.PairsKernel.
const pairsName = "product of pairs"

// rounds reports whether f computes in bfloat16: a network of float32 may have weights of bfloat16 alone.
func rounds(f *ir.Func) bool {
	return slices.ContainsFunc(f.Nodes, func(n *ir.Node) bool { return n.Op == opRoundBF16 })
}

// multipliesPairs reports whether product n is made in pairs: all numbers of both operands are bfloat16's, and the
// right one, of layout b, is common to the batch.
func (c *compiler) multipliesPairs(n *ir.Node, b gemm.Layout) bool {
	return c.pairs && b.Batch == 0 && c.rounded(n.In[0]) && c.rounded(n.In[1])
}

// rounded reports whether bfloat16 has all numbers of n, of float32.
func (c *compiler) rounded(n *ir.Node) bool {
	known, ok := c.isRounded[n]
	if ok {
		return known
	}
	switch {
	case n.Shape.DType != dtypes.Float32:
	case n.Op == opRoundBF16:
		known = true
	case n.Op == compute.OpTypeConvertDType:
		known = isBF16(n.In[0]) || c.rounded(n.In[0])
	case n.Op == compute.OpTypeConstant:
		known = !slices.ContainsFunc(n.Attr.(ir.Const).Flat.([]float32), func(x float32) bool {
			return math.Float32bits(x)&0xffff != 0
		})
	case exact[n.Op]:
		known = !slices.ContainsFunc(n.In, func(x *ir.Node) bool {
			return x.Shape.DType == dtypes.Float32 && !c.rounded(x)
		})
	}
	c.isRounded[n] = known
	return known
}

// pairsOfFloats multiplies in pairs by what is no parameter of bfloat16, and is packed for each run.
func (m *matmul) pairsOfFloats(c *compiler, o *op) {
	o.name = pairsName
	n := gemm.PairsSize(m.s.N, m.s.K)
	own := n / 2 // floats of scratch
	o.scratch = own + gemm.New(m.s, m.la, m.lb, m.lc, gemm.Options{Pairs: true}).Scratch(c.workers)
	o.make = func(p *Plan, done func(lo, hi, worker int)) runner {
		product := gemm.New(m.s, m.la, m.lb, m.lc, gemm.Options{Pairs: true, Done: done})
		return func(fr *frame, scratch []float32) error {
			packed := halves(dtypes.UnsafeByteSliceFromAny(scratch[:own]))
			gemm.PackPairsOf(fr.team, packed, p.from(fr, m.b), m.s.N, m.s.K, m.lb.Row, m.lb.Col)
			product.RunHalf(fr.team, floats(fr.mem[p.buffer[m.n]]), p.from(fr, m.a), packed, scratch[own:])
			return nil
		}
	}
}
