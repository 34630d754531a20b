package attention

import (
	"math"

	"mgd3/cpu/internal/kernel"
)

var inf = float32(math.Inf(1))

// adjust adds bias and mask to the scores of query i and keys from, from+1, …, and sets those that a boolean mask
// forbids to −∞.
func (p *plan) adjust(s []float32, batch, head, i, from int) {
	if st := p.o.Bias; st != nil {
		addStrided(s, p.in.Bias[st.at(batch, head, i, from):], st.KV)
	}
	if st := p.o.Mask; st != nil {
		addStrided(s, p.in.Mask[st.at(batch, head, i, from):], st.KV)
	}
	if st := p.o.Allow; st != nil {
		allow := p.in.Allow[st.at(batch, head, i, from):]
		for j := range s {
			if !allow[j*st.KV] {
				s[j] = -inf
			}
		}
	}
}

func (s *Strides) at(batch, head, i, j int) int {
	return batch*s.Batch + head*s.Head + i*s.Q + j*s.KV
}

func addStrided(s, x []float32, stride int) {
	switch stride {
	case 0:
		kernel.AddS(s, s, x[0])
	case 1:
		kernel.Add(s, s, x)
	default:
		for j := range s {
			s[j] += x[j*stride]
		}
	}
}

// softmax replaces the scores of one query and a block of keys by exp(s − m), where m is the largest of them and of
// those before, whose largest is last. It returns m, the logarithm last − m of the factor for sums of those before,
// and Σ exp(s − m).
func softmax(s []float32, last float32) (m, factor, sum float32) {
	if m = max(last, kernel.ReduceMax(s)); m == -inf {
		clear(s)
		return m, 0, 0
	}
	return m, last - m, kernel.ExpSubSum(s, s, m)
}
