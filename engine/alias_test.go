//go:build cgo && ((linux && (amd64 || arm64)) || (darwin && arm64))

package engine

import (
	"testing"

	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
)

// TestStateIsAliased: on XLA what a program sets takes the memory of what it replaces, step after step; weights that
// it only reads stay.
func TestStateIsAliased(t *testing.T) {
	e := openOnXLA(t)
	const n = 1 << 16
	w := Weights{}
	for _, name := range []string{"read", "a", "b"} {
		tensor, err := e.Tensor(make([]float32, n), n)
		if err != nil {
			t.Fatal(err)
		}
		w[name] = tensor
	}
	place := func(name string) *float32 {
		buffer, err := w[name].Buffer(e.backend, 0)
		if err != nil {
			t.Fatal(err)
		}
		data, err := buffer.(interface{ Data() (any, error) }).Data()
		if err != nil {
			t.Fatal(err)
		}
		return &data.([]float32)[0]
	}
	step, err := e.Compile("step", func(p Params, in []*Node) []*Node {
		read, a, b := p.Get("read", n), p.Get("a", n), p.Get("b", n)
		p.Set("b", Add(b, a)) // the old a
		p.Set("a", AddScalar(Add(a, read), 1))
		return []*Node{ReduceAllSum(Add(a, in[0])), ReduceAllSum(b)}
	}, w)
	if err != nil {
		t.Fatal(err)
	}
	first := map[string]*float32{}
	for i := range 4 {
		out, err := step.Run(tensors.FromScalar(float32(0)))
		if err != nil {
			t.Fatal(err)
		}
		sum := float32(i * (i - 1) / 2) // of 0 to i-1, what b has seen of a before this step
		if a, b := tensors.ToScalar[float32](out[0]), tensors.ToScalar[float32](out[1]); a != float32(i*n) ||
			b != sum*n {
			t.Errorf("step %d: got the sums %v and %v, want %v and %v", i, a, b, i*n, sum*n)
		}
		for name := range w {
			switch at := place(name); {
			case i == 0:
				first[name] = at
			case at != first[name]:
				t.Errorf("step %d: %s is at %p, before at %p", i, name, at, first[name])
			}
		}
	}
}
