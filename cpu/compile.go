package cpu

import (
	plans "mgd3/cpu/internal/compile"
	"mgd3/cpu/internal/ir"
	"mgd3/cpu/internal/passes"
)

// program is a compiled function. It may run many times at once.
type program interface {
	// run returns the outputs, which belong to the caller, for the parameters and after them the captured values.
	run(args []argument) ([]*Buffer, error)
}

// argument is a buffer handed to a program. A given one is the program's, to reuse or to finalize.
type argument struct {
	buffer *Buffer
	given  bool
}

// compile compiles f and the functions it calls.
func compile(b *Backend, f *ir.Func) (program, error) {
	if b.plain {
		return newWalker(b, f)
	}
	passes.All(f)
	for _, n := range f.Nodes {
		if _, ok := n.Attr.(ir.Branches); ok {
			return newWalker(b, f)
		}
	}
	return &planned{backend: b, f: f, plan: plans.New(f, b.team.Size(), b.pairs, &b.arenas)}, nil
}

// planned is a program that runs a plan.
type planned struct {
	backend *Backend
	f       *ir.Func
	plan    *plans.Plan
}

// run implements program.
func (p *planned) run(args []argument) ([]*Buffer, error) {
	in, caches := make([][]byte, len(args)), make([]plans.Cache, len(args))
	for i, arg := range args {
		if arg.given {
			in[i] = arg.buffer.memory
			continue
		}
		in[i], caches[i] = arg.buffer.lend(p.plan.Packed(i))
	}
	defer func() {
		for i, c := range caches {
			if c != nil {
				args[i].buffer.back()
			}
		}
	}()
	outs, memory := make([]*Buffer, len(p.f.Outputs)), make([][]byte, len(p.f.Outputs))
	for i, n := range p.f.Outputs {
		if k := p.plan.Donations()[i]; k >= 0 && args[k].given {
			outs[i] = args[k].buffer.reshaped(n.Shape)
			args[k].given = false
		} else {
			outs[i] = p.backend.newBuffer(n.Shape)
		}
		memory[i] = outs[i].memory
	}
	err := p.plan.Run(p.backend.team, memory, in, caches)
	for _, arg := range args {
		if arg.given {
			arg.buffer.Finalize()
		}
	}
	if err != nil {
		for _, out := range outs {
			out.Finalize()
		}
		return nil, err
	}
	return outs, nil
}
