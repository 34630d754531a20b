package compile

import (
	"math/rand/v2"
	"testing"
	"unsafe"

	"mgd3/cpu/internal/team"
)

// FuzzMover copies between random views and compares with a copy element by element.
func FuzzMover(f *testing.F) {
	for seed := range uint64(200) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		r := rand.New(rand.NewPCG(seed, 5))
		var dims []int
		for range 1 + r.IntN(4) {
			dims = append(dims, 1+r.IntN(9))
		}
		from, src, first := randomView(r, dims)
		to, dst, start := randomView(r, dims)
		const guard = 0xdeadbeef
		want := make([]uint32, dst)
		got := make([]uint32, dst)
		for i := range want {
			want[i], got[i] = guard, guard
		}
		in := make([]uint32, src)
		for i := range in {
			in[i] = uint32(i)
		}
		index := make([]int, len(dims))
		for e := range product(dims) {
			a, b := first, start
			for i := len(dims) - 1; i >= 0; i-- {
				index[i] = e % dims[i]
				e /= dims[i]
				a += index[i] * from[i]
				b += index[i] * to[i]
			}
			want[b] = in[a]
		}
		tm := team.New(1 + int(seed%3))
		defer tm.Close()
		newMover(dims, from, to, 4).run(tm, raw(got), start, raw(in), first)
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("%v from %v to %v: element %d is %x, want %x", dims, from, to, i, got[i], want[i])
			}
		}
	})
}

// randomView gives strides in a random order of the dimensions, with gaps and backwards, the elements that are
// spanned, and where the first one is.
func randomView(r *rand.Rand, dims []int) (strides []int, size, first int) {
	strides = make([]int, len(dims))
	size = 1
	for _, i := range r.Perm(len(dims)) {
		strides[i] = size
		size *= dims[i]
		if r.IntN(3) == 0 {
			size += r.IntN(5)
		}
		if r.IntN(4) == 0 {
			first += strides[i] * (dims[i] - 1)
			strides[i] = -strides[i]
		}
	}
	return strides, size, first
}

func raw(x []uint32) []byte { return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)) }
