package diffusion

import "math"

// The transport of DMGD ("guide ot"): a plan P [n, k] that carries the predicted x0 of the n images of a class, each of
// weight 1/n, to its k centres c, weighted by their cluster sizes b (scaled to sum 1), at the least cost
//
//	Σ P·C + ε·Σ P·ln P,   C[i,j] = |x0[i] − c[j]|², divided by its mean,   ε = 0.1
//
// by 5 rounds of Sinkhorn (Cuturi 2013, arXiv:1306.0895). Image i is pulled to its barycentre n·Σⱼ P[i,j]·c[j] in place
// of its mode; the gradient of the cost by x0[i] is twice the way there. λ, stop and the unit of the pull stay those of
// the rule.
//
// DMGD draws one image after another, against those that are finished. Here all images of a class are drawn together,
// and the plan is made of the x0 of the step before; in the first step there is none, and an image is pulled to its
// mode. DMGD's program has |x0 − c| of vectors scaled to length 1 for C. With one centre all images are pulled to it.
// DMGD's mixing of labels is in labels.go.

const (
	sinkhornEps    = 0.1
	sinkhornRounds = 5
)

// barycentres returns what reaches each image [n, d].
func (c Class) barycentres(x0 []float32, d int) []float32 {
	n, k := len(x0)/d, len(c.Centres)/d
	plan := transport(c.costs(x0, d), n, c.Sizes)
	to := make([]float32, len(x0))
	sum := make([]float64, d)
	for i := range n {
		clear(sum)
		for j := range k {
			if p := plan[i*k+j]; p > 0 {
				for l, v := range c.Centres[j*d : (j+1)*d] {
					sum[l] += p * float64(v)
				}
			}
		}
		for l, v := range sum {
			to[i*d+l] = float32(v)
		}
	}
	return to
}

// costs returns C [n, k].
func (c Class) costs(x0 []float32, d int) []float64 {
	n, k := len(x0)/d, len(c.Centres)/d
	costs, mean := make([]float64, n*k), 0.0
	for i := range n {
		for j := range k {
			costs[i*k+j] = squaredDistance(x0[i*d:(i+1)*d], c.Centres[j*d:(j+1)*d])
			mean += costs[i*k+j] / float64(n*k)
		}
	}
	if mean > 0 {
		for i := range costs {
			costs[i] /= mean
		}
	}
	return costs
}

func squaredDistance(a, b []float32) float64 {
	sum := 0.0
	for i, v := range a {
		diff := float64(v) - float64(b[i])
		sum += diff * diff
	}
	return sum
}

// transport returns the plan n·P [n, k], whose rows sum to 1, for sizes [k] in any unit.
func transport(costs []float64, n int, sizes []float64) []float64 {
	k, total := len(sizes), 0.0
	for _, m := range sizes {
		total += m
	}
	f, g := make([]float64, n), make([]float64, k) // the potentials, over ε
	terms := make([]float64, max(n, k))
	for range sinkhornRounds {
		for j := range k {
			for i := range n {
				terms[i] = f[i] - costs[i*k+j]/sinkhornEps
			}
			g[j] = math.Log(sizes[j]/total) - logSumExp(terms[:n])
		}
		for i := range n {
			for j := range k {
				terms[j] = g[j] - costs[i*k+j]/sinkhornEps
			}
			f[i] = -math.Log(float64(n)) - logSumExp(terms[:k])
		}
	}
	plan := make([]float64, n*k)
	for i := range n {
		sum := 0.0
		for j := range k {
			plan[i*k+j] = math.Exp(f[i] + g[j] - costs[i*k+j]/sinkhornEps)
			sum += plan[i*k+j]
		}
		for j := range k {
			plan[i*k+j] /= sum // 1/n but for rounding
		}
	}
	return plan
}

// logSumExp returns ln Σ eˣ, where some x may be -∞ but not all.
func logSumExp(x []float64) float64 {
	most, sum := math.Inf(-1), 0.0
	for _, v := range x {
		most = max(most, v)
	}
	for _, v := range x {
		sum += math.Exp(v - most)
	}
	return most + math.Log(sum)
}
