package attention

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"mgd3/cpu/internal/gemm"
	"mgd3/cpu/internal/kernel"
	"mgd3/cpu/internal/team"
)

var shapes = map[string]Shape{
	"DiT-S-b2":   {2, 6, 6, 256, 256, 64},
	"DiT-S-b16":  {16, 6, 6, 256, 256, 64},
	"DiT-XL-b2":  {2, 16, 16, 256, 256, 72},
	"VAE-256px":  {1, 1, 1, 1024, 1024, 512},
	"VAE-512px":  {1, 1, 1, 4096, 4096, 512},
	"SD15-512px": {2, 8, 8, 4096, 4096, 40},
	"SD21-768px": {2, 5, 5, 9216, 9216, 64},
	"SD21-256px": {2, 5, 5, 1024, 1024, 64},
}

// BenchmarkAttention counts 4·Q·KV·Dim operations per head forward, and 10·Q·KV·Dim for the gradient. Operands lie as
// in a fused projection [batch, tokens, 3, heads, dim].
func BenchmarkAttention(b *testing.B) {
	for name, s := range shapes {
		r := rand.New(rand.NewPCG(1, 2))
		qkv := BSHD(3*s.Heads, s.Q, s.Dim)
		out := BSHD(s.Heads, s.Q, s.Dim)
		x := normals(r, 3*s.Batch*s.Heads*s.Q*s.Dim)
		in := Inputs{Q: x, K: x[s.Heads*s.Dim:], V: x[2*s.Heads*s.Dim:]}
		o, dOut, stats := make([]float32, len(x)/3), normals(r, len(x)/3), make([]float32, s.StatsLen())
		dx := make([]float32, len(x))
		grads := Gradients{dx, dx[s.Heads*s.Dim:], dx[2*s.Heads*s.Dim:]}
		f, g := New(s, Layouts{qkv, qkv, qkv, out}, Options{}), NewGradient(s, Layouts{qkv, qkv, qkv, out}, Options{})
		flops := float64(s.Batch*s.Heads*s.Q) * float64(s.KV*s.Dim)
		for _, workers := range []int{1, 2} {
			tm := team.New(workers)
			scratch := make([]float32, max(f.Scratch(workers), g.Scratch(workers)))
			bench := func(what string, flops float64, run func()) {
				b.Run(fmt.Sprintf("%s/%s/workers=%d", name, what, workers), func(b *testing.B) {
					for b.Loop() {
						run()
					}
					b.ReportMetric(flops*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
				})
			}
			bench("forward", 4*flops, func() { f.Run(tm, o, stats, in, scratch) })
			bench("gradient", 10*flops, func() { g.Run(tm, grads, in, o, dOut, stats, scratch) })
			bench("unfused", 4*flops, unfused(tm, s, o, in))
			tm.Close()
		}
	}
}

// unfused is attention as two batched products with all scores in memory between them.
func unfused(tm *team.Team, s Shape, out []float32, in Inputs) func() {
	token := 3 * s.Heads * s.Dim
	head := func(row, col int) gemm.Layout { return gemm.Layout{Batch: s.Dim, Row: row, Col: col} }
	scoresAt := gemm.Layout{Batch: s.Q * s.KV, Row: s.KV, Col: 1}
	qk := gemm.New(gemm.Shape{Batch: s.Heads, M: s.Q, N: s.KV, K: s.Dim}, head(token, 1), head(1, token), scoresAt,
		gemm.Options{})
	pv := gemm.New(gemm.Shape{Batch: s.Heads, M: s.Q, N: s.Dim, K: s.KV}, scoresAt, head(token, 1),
		head(s.Heads*s.Dim, 1), gemm.Options{})
	scores := make([]float32, s.Heads*s.Q*s.KV)
	scratch := make([]float32, max(qk.Scratch(tm.Size()), pv.Scratch(tm.Size())))
	scale := float32(1 / math.Sqrt(float64(s.Dim)))
	softmax := func(i, _ int) {
		row := scores[i*s.KV : (i+1)*s.KV]
		kernel.MulS(row, row, scale)
		kernel.MulS(row, row, 1/kernel.ExpSubSum(row, row, kernel.ReduceMax(row)))
	}
	return func() {
		for b := range s.Batch {
			at := b * s.Q * token
			qk.Run(tm, scores, in.Q[at:], in.K[at:], scratch)
			tm.For(s.Heads*s.Q, softmax)
			pv.Run(tm, out[b*s.Q*s.Heads*s.Dim:], scores, in.V[at:], scratch)
		}
	}
}
