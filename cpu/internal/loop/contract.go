package loop

import "slices"

// contract joins instructions that one kernel can do: a product with the sum it goes into, rounded once, and
// a square with the sum of the row. It looks at the program alone, not at how it is cut into tiles, so the bytes of
// an element do not depend on that.
func (l *Loop) contract() {
	inputs := len(l.p.In)
	uses := make([]int, inputs+len(l.p.Code))
	for _, ins := range l.p.Code {
		for _, r := range ins.reads() {
			uses[r]++
		}
	}
	for _, o := range l.p.Out {
		uses[o.Reg]++
	}
	code := slices.Clone(l.p.Code)
	gone := make([]bool, len(code))
	// product returns the product that register r is, if it serves n reads of one instruction alone.
	product := func(r, n int) (Instr, bool) {
		if r < inputs || code[r-inputs].Op != Mul || uses[r] != n {
			return Instr{}, false
		}
		return code[r-inputs], true
	}
	for i := range code {
		ins := &code[i]
		switch ins.Op {
		case Add:
			a, b := ins.A, ins.B
			m, ok := product(b, 1)
			if !ok {
				a, b = b, a
				m, ok = product(b, 1)
			}
			if ok && a != b {
				gone[b-inputs] = true
				*ins = Instr{Op: MulAdd, A: m.A, B: m.B, C: a}
			}
		case RowSum:
			if m, ok := product(ins.A, 1); ok && m.A == m.B {
				gone[ins.A-inputs] = true
				*ins = Instr{Op: RowSquares, A: m.A}
			}
		}
	}
	// Registers are positions: number those that are left anew.
	number := make([]int, len(uses))
	next := inputs
	for r := range number {
		number[r] = r
		if r >= inputs {
			number[r] = next
			if !gone[r-inputs] {
				next++
			}
		}
	}
	l.p.Code = nil
	for i, ins := range code {
		if !gone[i] {
			ins.A, ins.B, ins.C = number[ins.A], number[ins.B], number[ins.C]
			l.p.Code = append(l.p.Code, ins)
		}
	}
	l.p.Out = slices.Clone(l.p.Out)
	for i := range l.p.Out {
		l.p.Out[i].Reg = number[l.p.Out[i].Reg]
	}
}

// reads lists the registers that an instruction reads.
func (ins Instr) reads() []int { return []int{ins.A, ins.B, ins.C}[:ins.Op.arity()] }
