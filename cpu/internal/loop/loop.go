// Package loop runs chains of element-wise operations, with their broadcasts and reductions, in one
// pass over tiles that stay in the first-level cache.
//
// A [Program] is a loop nest over Dims, outermost first, whose body is straight-line code on single
// elements. [New] cuts the nest into tiles: the last dimensions whole, and a piece of the one
// before; every instruction then runs over a tile at once, by a kernel of package kernel.
//
//	value    what a register holds for a tile
//	tile     one number an element: an input that varies within the tile, or computed from such
//	scalar   one number: an input that does not, a constant, or a reduction of the row
//
// An input that lies contiguous in memory for the whole tile is read where it is; one that is broadcast
// within the tile is spread out once, and again only when it changes. Values are float32; bool
// and half-precision inputs are converted as they are read.
//
// Reductions come in two kinds. A row reduction ends within a tile, which then is one whole row,
// and its result is used in the same pass (softmax, layer norm). A reduction output sums over
// dimensions of the nest; its order of summation depends on the sizes of the dimensions from the first
// reduced one on, and so neither on the batch before it nor on the number of workers.
package loop

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
)

// Program is a loop nest and its body.
type Program struct {
	Dims []int // sizes, outermost first
	In   []Input
	Code []Instr // in order; instruction i defines register len(In)+i
	Out  []Output
	Row  int // with row reductions: how many of the last Dims make up a row; else 0

	Block int // for RunBlocks: elements of a block, a product of the last sizes in Dims; else 0
}

// Input is a tensor that is read: element (i0, i1, …) is at Offset + Σ i·Strides.
type Input struct {
	Type    dtypes.DType // Float32, Bool, Float16 or BFloat16
	Offset  int
	Strides []int // one per dimension; 0 where it is broadcast
}

// Instr computes a register from others.
type Instr struct {
	Op      Op
	A, B, C int     // registers, as many as the operation takes
	S       float32 // of Const
}

// Output is a register that is stored, or reduced over the dimensions in Reduced.
type Output struct {
	Type    dtypes.DType // Float32 or Bool; reductions are Float32
	Reg     int
	Reduce  Op     // RowSum, RowMax, RowMin, RowProd, or 0 to store
	Reduced []bool // per dimension
	Strides []int  // of a stored output, per dimension; nil: row-major. Reductions are row-major over what is kept
}

// tileSize is the aim for the number of elements in a tile: 4 KiB a register, a dozen registers
// fit the first-level cache.
const tileSize = 1024

// MaxRow is the longest row that row reductions may have. A row is one tile, of which a register has 64 KiB then.
const MaxRow = 16384

// Loop is a compiled program. A Loop is run by one caller at a time.
type Loop struct {
	p     Program
	dims  []int
	in    []input
	out   []output
	code  []step
	chunk int // the dimension that is cut into pieces; dims after it are whole in a tile
	unit  int // elements of the dimensions after chunk
	per   int // most units in a tile
	units int // in the whole nest

	temps int // tiles of scratch for a worker
	tile  int // elements of one

	isScalar []bool // by register
	slot     []int  // by register: its tile of scratch, or -1
	writes   []int  // outputs that no instruction writes, in the order in which they are written
	spare    int    // a tile for scalars that are written as tiles

	// parts is fixed by the sizes alone, so that sums are the same with any number of workers
	groups, groupUnits, parts int // of reductions: groups·parts tasks, each units/parts of a group
	slice                     int // elements of the output per group
	kept                      int // elements of the output per unit

	workers []worker
	partial []float32
	data    operands
	task    func(part, worker int) // runTask
	combine func(part, worker int) // combineGroup
}

// operands are the tensors of one run.
type operands struct{ in, out []Data }

// New compiles the program. What does not fit together is a mistake of the caller's, and panics.
func New(p Program) *Loop {
	l := &Loop{p: p}
	// The order is one of need: contract joins instructions, normalise the dimensions that are walked alike, cut
	// chooses the tile, plan the tasks of reductions, assign the scratch of registers.
	l.check()
	l.contract()
	l.normalise()
	l.cut()
	l.plan()
	l.assign()
	l.task, l.combine = l.runTask, l.combineGroup
	return l
}

func (l *Loop) check() {
	for i, in := range l.p.In {
		if len(in.Strides) != len(l.p.Dims) {
			panic(fmt.Sprintf("loop: input %d has %d strides, want %d", i, len(in.Strides), len(l.p.Dims)))
		}
	}
	for i, ins := range l.p.Code {
		for _, r := range ins.reads() {
			if r < 0 || r >= len(l.p.In)+i {
				panic(fmt.Sprintf("loop: instruction %d reads register %d, which is not defined before", i, r))
			}
		}
	}
}

// Elements is the size of the nest.
func (l *Loop) Elements() int { return product(l.p.Dims) }

// Instructions is the number of arithmetic operations for one element.
func (l *Loop) Instructions() int { return len(l.p.Code) }

func product(dims []int) int {
	n := 1
	for _, d := range dims {
		n *= d
	}
	return n
}

// RowMajor returns the strides of a dense tensor.
func RowMajor(dims []int) []int {
	strides := make([]int, len(dims))
	n := 1
	for i, d := range slices.Backward(dims) {
		strides[i] = n
		n *= d
	}
	return strides
}
