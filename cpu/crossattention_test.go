package cpu

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
)

// attentionOf is attention of queries [1, queries, heads, dim] to keys.
func attentionOf(queries, keys, heads, dim int) (in []input, f build) {
	at := func(tokens int) input { return input{dtype: dtypes.Float32, dims: []int{1, tokens, heads, dim}} }
	return []input{at(queries), at(keys), at(keys)},
		func(f compute.Function, p []compute.Value) (compute.Value, error) {
			out, _, err := f.FusedScaledDotProductAttention(p[0], p[1], p[2], compute.AttentionAxesLayoutBSHD,
				&compute.ScaledDotProductAttentionConfig{Scale: 0.1 / math.Sqrt(float64(dim))})
			return out, err
		}
}

// TestCrossAttention: the heads of text-to-image models, over the 77 tokens of a prompt and over themselves, are as in
// plain Go.
func TestCrossAttention(t *testing.T) {
	for _, c := range []struct{ queries, keys, heads, dim int }{
		{300, 77, 3, 40}, {150, 77, 2, 80}, {64, 77, 2, 160}, {130, 77, 2, 64}, {70, 1, 1, 960}, {200, 200, 2, 40},
	} {
		in, f := attentionOf(c.queries, c.keys, c.heads, c.dim)
		r := rand.New(rand.NewPCG(1, 2))
		var flats []any
		for _, in := range in {
			flats = append(flats, in.flat(r))
		}
		want, got := onBoth(t, in, flats, f)
		// Scores are at most 0.1·√dim·7², sums of dim products each off by dim·2⁻²⁴ of that; a weight is off by as
		// much, relatively, and an output, a mean of values up to 7, by twice that.
		score := 0.1 * math.Sqrt(float64(c.dim)) * 49
		tolerance := 2 * 7 * (float64(c.dim+c.keys+8) * 0x1p-24) * max(1, score)
		for i, w := range want {
			if d := math.Abs(float64(got[i] - w)); !(d <= tolerance) {
				t.Fatalf("%+v: number %d is %v, want %v ± %.1e", c, i, got[i], w, tolerance)
			}
		}
	}
}

// TestAttentionMemory: neither 4,096 tokens nor 9,216, of images of 512 and 768 pixels, ever have all their scores in
// memory at once.
func TestAttentionMemory(t *testing.T) {
	b := newBackend(t, "threads=2")
	for _, c := range []struct{ queries, keys, heads, dim int }{
		{4096, 4096, 8, 40}, {9216, 9216, 5, 64}, {4096, 77, 8, 40},
	} {
		in, f := attentionOf(c.queries, c.keys, c.heads, c.dim)
		exe := compiled(t, b, func(fn compute.Function) []compute.Value {
			var params []compute.Value
			for i, in := range in {
				p, err := fn.Parameter(fmt.Sprint(i), shapes.Make(in.dtype, in.dims...), nil)
				if err != nil {
					t.Fatal(err)
				}
				params = append(params, p)
			}
			out, err := f(fn, params)
			if err != nil {
				t.Fatal(err)
			}
			return []compute.Value{out}
		}).(*Executable)
		scores := 4 * c.heads * c.queries * c.keys
		own := 4 * c.heads * c.dim * (2*c.queries + 2*c.keys) // queries, outputs, keys and values
		if have := exe.program.(*planned).plan.Bytes(); have > own+scores/8 {
			t.Errorf("%+v: the plan takes %d bytes, want at most those of its values, %d, and an eighth of the "+
				"scores, %d",
				c, have, own, scores/8)
		}
	}
}
