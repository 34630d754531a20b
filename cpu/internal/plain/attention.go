package plain

import (
	"math"
	"slices"

	"github.com/gomlx/compute"

	"mgd3/cpu/internal/ir"
)

// attended is one call of attention: its operands seen as [batch, head, position, channel].
//
//	s[i, j] = scale·q[i]·k[j] + bias[i, j] + mask[i, j]     −∞ where the mask, the lengths or causality forbid it
//	L[i]    = log Σ exp s[i, j] over j                      +∞ where nothing may be attended to
//	out[i]  = Σ exp(s[i, j] − L[i])·v[j] over j
//
// The heads of the query share those of key and value in groups.
type attended[T number] struct {
	ir.Attention
	q, k, v          []T
	qs, ks           view
	group            int       // heads of the query per head of the key
	mask, bias       []float64 // terms to add
	maskAt, biasAt   view      // of shape [batch, head, query, key]
	queries, allowed []int     // how many positions of each batch count
	// the inputs after query, key and value that nobody has taken yet; which there are, a.Has… says
	rest []ir.Tensor
}

func newAttended[T number](a ir.Attention, in []ir.Tensor) *attended[T] {
	// The layout says which axis is which: the views bring BSHD and BHSD into one order, and nothing is copied.
	byHead := func(t ir.Tensor) view {
		return dense(t.Dims()).on(0, a.Layout.HeadsAxis(), a.Layout.SeqAxis(), 3)
	}
	t := &attended[T]{Attention: a, q: in[0].Flat.([]T), k: in[1].Flat.([]T), v: in[2].Flat.([]T), qs: byHead(in[0]),
		ks: byHead(in[1]), rest: in[3:]}
	t.group = t.qs.dims[1] / t.ks.dims[1]
	// The order below is that of the operation's inputs: mask, lengths, bias.
	scores := []int{t.qs.dims[0], t.qs.dims[1], t.qs.dims[2], t.ks.dims[2]}
	if a.HasMask {
		mask := t.next()
		t.mask, t.maskAt = terms(mask), broadcast(mask.Dims(), scores, maskAxes(a.Layout, len(mask.Dims())))
	}
	if a.HasLengths {
		t.queries, t.allowed = integersOf(t.next()), integersOf(t.next())
	}
	if a.HasBias {
		bias := t.next()
		t.bias, t.biasAt = terms(bias), broadcast(bias.Dims(), scores, axesFrom(4-len(bias.Dims()), 4))
	}
	return t
}

func (t *attended[T]) next() ir.Tensor {
	first := t.rest[0]
	t.rest = t.rest[1:]
	return first
}

// terms returns what a mask or bias adds to the scores: a bool forbids where it is false.
func terms(x ir.Tensor) []float64 {
	values := make([]float64, x.Shape.Size())
	if allow, ok := x.Flat.([]uint8); ok {
		for i, yes := range allow {
			// ln 1 = 0 adds nothing, ln 0 = −∞ forbids
			values[i] = math.Log(float64(yes))
		}
		return values
	}
	kinds[x.Shape.DType].convert(x, ir.Tensor{Shape: x.Shape, Flat: values})
	return values
}

// maskAxes says which of [batch, head, query, key] the axes of a mask are: [query, key], [batch, query, key], or all
// four in the order of the layout.
func maskAxes(layout compute.AttentionAxesLayout, rank int) []int {
	switch {
	case rank == 2:
		return []int{2, 3}
	case rank == 3:
		return []int{0, 2, 3}
	case layout == compute.AttentionAxesLayoutBSHD:
		return []int{0, 2, 1, 3}
	}
	return []int{0, 1, 2, 3}
}

// key is the index of the first channel of key or value j for head h.
func (t *attended[T]) key(b, h, j int) int { return t.ks.at(b, h/t.group, j, 0) }

// scores sets s to row i of the scores and returns L[i].
func (t *attended[T]) scores(s []float64, b, h, i int) float64 {
	depth, from := t.qs.dims[3], t.qs.at(b, h, i, 0)
	for j := range s {
		if t.Causal && j > i || t.HasLengths && (i >= t.queries[b] || j >= t.allowed[b]) {
			s[j] = math.Inf(-1)
			continue
		}
		s[j] = t.Scale * inner[float64](t.q[from:][:depth], t.k[t.key(b, h, j):][:depth])
		if t.HasBias {
			s[j] += t.bias[t.biasAt.at(b, h, i, j)]
		}
		if t.HasMask {
			s[j] += t.mask[t.maskAt.at(b, h, i, j)]
		}
	}
	// The largest score is taken out, so that no exp overflows: L = m + ln Σ exp(s − m). A row of −∞ alone has no such
	// m, and its L of +∞ makes every weight exp(−∞ − ∞) = 0 in place of NaN.
	m := slices.Max(s)
	if math.IsInf(m, -1) {
		return math.Inf(1)
	}
	// expSum overwrites what it is given, and the caller needs s
	return m + math.Log(expSum(slices.Clone(s), m))
}

// each calls f for all rows of the scores.
func (t *attended[T]) each(f func(b, h, i int)) {
	for b := range t.qs.dims[0] {
		for h := range t.qs.dims[1] {
			for i := range t.qs.dims[2] {
				f(b, h, i)
			}
		}
	}
}

// attention sets out[0] to the output and out[1], [batch, head, query, 2], to L and 1, or ∞ and 0 where
// nothing may be attended to.
func (of[T]) attention(a ir.Attention, in, out []ir.Tensor) {
	t := newAttended[T](a, in)
	dst, sums := out[0].Flat.([]T), dense(t.qs.dims[:3])
	logs := make([]float64, out[1].Shape.Size())
	s, row := make([]float64, t.ks.dims[2]), make([]float64, t.qs.dims[3])
	t.each(func(b, h, i int) {
		l := t.scores(s, b, h, i)
		clear(row)
		for j := range s {
			addScaled(row, math.Exp(s[j]-l), t.v[t.key(b, h, j):])
		}
		for d, x := range row {
			// out has the shape of the query
			dst[t.qs.at(b, h, i, d)] = T(x)
		}
		// Kept for the gradient as m and f, exp(s − m)·f being the weight of a key: m = L and f = 1, which the
		// compiler's kernels may split otherwise into the row's maximum and 1 over its sum.
		at := 2 * sums.at(b, h, i)
		if logs[at] = l; !math.IsInf(l, 1) {
			logs[at+1] = 1
		}
	})
	of[float64]{}.convert(ir.Tensor{Shape: out[1].Shape, Flat: logs}, out[1])
}

// attentionVJP sets the gradients of query, key and value, given m and f of each row and dOut, the gradient of the
// output:
//
//	P = exp(s − m)·f    dS = P∘(dOut·vᵀ − Σ dOut∘out)    dq = scale·dS·k    dk = scale·dSᵀ·q    dv = Pᵀ·dOut
func (of[T]) attentionVJP(a ir.Attention, in, grads []ir.Tensor) {
	t := newAttended[T](a, in)
	o, logs, dOut := t.next().Flat.([]T), terms(t.next()), t.next().Flat.([]T)
	sums := dense(t.qs.dims[:3])
	dq, dk, dv := make([]float64, len(t.q)), make([]float64, len(t.k)), make([]float64, len(t.v))
	depth, s := t.qs.dims[3], make([]float64, t.ks.dims[2])
	t.each(func(b, h, i int) {
		// The scores are computed again, since [query, key] of them is too much to keep from the forward pass.
		t.scores(s, b, h, i)
		from := t.qs.at(b, h, i, 0)
		g := dOut[from:][:depth]
		// Σ dOut∘out = Σ P∘(dOut·vᵀ) over j: the term that the softmax's derivative takes off (FlashAttention, Dao et
		// al. 2022, appendix B.2)
		total := inner[float64](g, o[from:])
		m, f := logs[2*sums.at(b, h, i)], logs[2*sums.at(b, h, i)+1]
		for j := range s {
			at := t.key(b, h, j)
			p := math.Exp(s[j]-m) * f
			ds := t.Scale * p * (inner[float64](g, t.v[at:][:depth]) - total)
			addScaled(dq[from:][:depth], ds, t.k[at:])
			// several heads of the query may add to one key and value
			addScaled(dk[at:][:depth], ds, t.q[from:])
			addScaled(dv[at:][:depth], p, g)
		}
	})
	for i, sum := range [][]float64{dq, dk, dv} {
		of[float64]{}.convert(ir.Tensor{Shape: grads[i].Shape, Flat: sum}, grads[i])
	}
}

// addScaled adds factor·x to sum.
func addScaled[T number](sum []float64, factor float64, x []T) {
	for i := range sum {
		sum[i] += factor * float64(x[i])
	}
}
