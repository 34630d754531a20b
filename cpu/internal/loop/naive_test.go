package loop

import (
	"math"
	"slices"
)

// naive runs a program element by element in float64, as its definition says.
func naive(p Program, in [][]float64) [][]float64 {
	n := product(p.Dims)
	regs := make([][]float64, len(p.In)+len(p.Code))
	index := make([]int, len(p.Dims))
	for r, input := range p.In {
		regs[r] = make([]float64, n)
		for e := range n {
			unravel(index, p.Dims, e)
			regs[r][e] = in[r][input.Offset+dot(index, input.Strides)]
		}
	}
	row := product(p.Dims[len(p.Dims)-p.Row:])
	for i, ins := range p.Code {
		out := make([]float64, n)
		for e := range n {
			get := func(r int) float64 { return regs[r][e] }
			switch ins.Op {
			case Const:
				out[e] = float64(ins.S)
			case Add:
				out[e] = get(ins.A) + get(ins.B)
			case Sub:
				out[e] = get(ins.A) - get(ins.B)
			case Mul:
				out[e] = get(ins.A) * get(ins.B)
			case Max:
				out[e] = math.Max(get(ins.A), get(ins.B))
			case Gt:
				if get(ins.A) > get(ins.B) {
					out[e] = 1
				}
			case Select:
				out[e] = get(ins.C)
				if get(ins.A) != 0 {
					out[e] = get(ins.B)
				}
			case Neg:
				out[e] = -get(ins.A)
			case RowSum, RowMax:
				at := e / row * row
				out[e] = reduce64(ins.Op, regs[ins.A][at:at+row])
			default:
				panic("not in the test")
			}
		}
		regs[len(p.In)+i] = out
	}
	var outs [][]float64
	for _, o := range p.Out {
		outs = append(outs, naiveOut(p, o, regs[o.Reg]))
	}
	return outs
}

func naiveOut(p Program, o Output, values []float64) []float64 {
	strides := o.Strides
	if strides == nil {
		reduced := o.Reduced
		if reduced == nil {
			reduced = make([]bool, len(p.Dims))
		}
		strides = keptStrides(p.Dims, reduced)
	}
	groups := map[int][]float64{}
	index := make([]int, len(p.Dims))
	for e, v := range values {
		unravel(index, p.Dims, e)
		at := dot(index, strides)
		groups[at] = append(groups[at], v)
	}
	out := make([]float64, len(groups))
	for at, g := range groups {
		out[at] = g[0]
		if o.Reduce != 0 {
			out[at] = reduce64(o.Reduce, g)
		}
	}
	return out
}

func reduce64(op Op, x []float64) float64 {
	if op == RowMax {
		return slices.Max(x)
	}
	sum := 0.0
	for _, v := range x {
		sum += v
	}
	return sum
}

func unravel(index, dims []int, e int) {
	for i, d := range slices.Backward(dims) {
		index[i] = e % d
		e /= d
	}
}
