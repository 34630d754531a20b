package diffusion

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// ManifoldGD's program ("guide manifold") makes a cloud of 300 points around the mode and brings them to the noise of
// the step:
//
//	y[i] = √ā·(m + r[i]·u[i]) + √(1 − ā)·z[i]
//
// with u random directions and z noise; the first 150 radii r go evenly from 0.1 to R, the others are R times uniform
// numbers. Of the 12 points nearest to x, with mean μ, the d strongest principal axes U are taken for the tangent of
// the manifold, and x's rest across it is what the next x is moved back along:
//
//	x ← x + scale·tanh(δ/b)·n,   n = −(x − μ − U·Uᵀ(x − μ)), of length 1,   δ the distance to the nearest point
//
// while the step is pulled to its mode. R, d and b are the program's defaults: 0.1, 1 and 0.1. TestManifoldGolden pins
// it. Its length is the scale, 0.1, where the noise of a step has about 30.
//
// With [Settings].GuideWarm W the radius begins with 2·R and shrinks to R in the first W of the n steps, or until stop.
// With c the first step of R again, t counting down from n − 1, it is
//
//	R·(1 + (eᵖ − 1)/(e − 1)),   p = (t − c)/(n − 1 − c)
//
// for t > c. W is 5 in the program's scripts.
const (
	manifoldPoints    = 300
	manifoldNearest   = 12
	manifoldRadius    = 0.1
	manifoldTangent   = 1
	manifoldBandwidth = 0.1
)

// cloud is what a step's points are drawn from.
type cloud struct {
	dirs   []float32 // [300, D] normal numbers
	radii  []float32 // [150], uniform
	noise  []float32 // [300, D] normal numbers
	radius float64
}

// points returns y [300, D].
func (c cloud) points(mode []float32, alphaBar float64) [][]float64 {
	d := len(mode)
	half := manifoldPoints / 2
	points := make([][]float64, manifoldPoints)
	signal, noise := math.Sqrt(alphaBar), math.Sqrt(1-alphaBar)
	for i := range points {
		dir := c.dirs[i*d : (i+1)*d]
		r := 0.0
		if i < half {
			r = manifoldRadius + (c.radius-manifoldRadius)*float64(i)/float64(half-1)
		} else {
			r = c.radius * float64(c.radii[i-half])
		}
		r /= math.Sqrt(squaredDistance(dir, make([]float32, d)))
		points[i] = make([]float64, d)
		for l, u := range dir {
			points[i][l] = signal*(float64(mode[l])+r*float64(u)) + noise*float64(c.noise[i*d+l])
		}
	}
	return points
}

// manifoldTerm returns what is added to the next x of one image [D].
func manifoldTerm(x []float32, points [][]float64, scale float64, tangent int, bandwidth float64) []float64 {
	d := len(x)
	type near struct {
		at       int
		distance float64
	}
	all := make([]near, len(points))
	for i, p := range points {
		sum := 0.0
		for l, v := range p {
			diff := v - float64(x[l])
			sum += diff * diff
		}
		all[i] = near{i, math.Sqrt(sum)}
	}
	slices.SortStableFunc(all, func(a, b near) int { return cmp.Compare(a.distance, b.distance) })
	k := min(manifoldNearest, len(points))
	rows, mu := mat.NewDense(k, d, nil), make([]float64, d)
	for i := range k {
		for l, v := range points[all[i].at] {
			mu[l] += v / float64(k)
		}
	}
	for i := range k {
		for l, v := range points[all[i].at] {
			rows.Set(i, l, v-mu[l])
		}
	}
	rest := make([]float64, d)
	for l := range rest {
		rest[l] = float64(x[l]) - mu[l]
	}
	whole := slices.Clone(rest)
	for _, axis := range principal(rows, min(tangent, k)) {
		along := 0.0
		for l, v := range axis {
			along += v * whole[l]
		}
		for l, v := range axis {
			rest[l] -= along * v
		}
	}
	size := 0.0
	for _, v := range rest {
		size += v * v
	}
	if size == 0 {
		return rest
	}
	factor := -scale * math.Tanh(all[0].distance/bandwidth) / math.Sqrt(size)
	for l := range rest {
		rest[l] *= factor
	}
	return rest
}

// principal returns the strongest axes, of length 1, of few rows [k, D] around 0, by their products [k, k].
func principal(rows *mat.Dense, n int) [][]float64 {
	k, d := rows.Dims()
	gram := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			gram.SetSym(i, j, mat.Dot(rows.RowView(i), rows.RowView(j)))
		}
	}
	var eigen mat.EigenSym
	if !eigen.Factorize(gram, true) {
		return nil
	}
	var vectors mat.Dense
	eigen.VectorsTo(&vectors)
	var axes [][]float64
	for j := k - 1; j >= k-n; j-- {
		value := eigen.Values(nil)[j]
		if value <= 0 {
			break
		}
		axis := make([]float64, d)
		for i := range k {
			w := vectors.At(i, j) / math.Sqrt(value)
			for l, v := range rows.RawRowView(i) {
				axis[l] += w * v
			}
		}
		axes = append(axes, axis)
	}
	return axes
}

// radius returns the radius of the cloud in step t.
func (s *Sampler) radius(t int) float64 {
	hi := s.chain.Len() - 1
	c := hi
	for c > hi-s.settings.GuideWarm && c >= 0 && s.formula.guided(s.chain, c, s.settings) {
		c--
	}
	if t <= c {
		return manifoldRadius
	}
	p := float64(t-c) / float64(hi-c)
	return manifoldRadius * (1 + math.Expm1(p)/math.Expm1(1))
}
