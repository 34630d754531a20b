package tensorset

import (
	"math"

	"github.com/gomlx/compute/dtypes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/blas/blas32"

	"mgd3/engine"
	"mgd3/rng"
)

// products multiplies matrices [D, D] in float32 by the kernels of the backend cpu, which give the same bytes on all
// processors and any number of cores.
type products struct {
	d          int
	engine     *engine.Engine
	gram, step *engine.Program
}

func newProducts(d int) (*products, error) {
	e, err := engine.Open("cpu")
	if err != nil {
		return nil, err
	}
	return &products{d: d, engine: e}, nil
}

// addGram adds XᵀX of rows x [n, D] to sum [D, D].
func (p *products) addGram(sum []float64, x []float32) error {
	if p.gram == nil {
		f := func(_ engine.Params, in []*Node) []*Node { return []*Node{Einsum("ni,nj->ij", in[0], in[0])} }
		var err error
		if p.gram, err = p.engine.Compile("gram", f, engine.Weights{}); err != nil {
			return err
		}
	}
	out, err := p.gram.Run1(tensors.FromFlatDataAndDimensions(x, len(x)/p.d, p.d))
	if err != nil {
		return err
	}
	defer out.FinalizeAll()
	return out.ConstFlatData(func(flat any) {
		for i, v := range flat.([]float32) {
			sum[i] += float64(v)
		}
	})
}

// roots returns A^½ and A^(−½) of a symmetric matrix A [D, D] whose least eigenvalue is at least least, without
// eigenvectors: the coupled iteration of Newton and Schulz (Higham, Functions of Matrices, 2008, eq. 6.35) with the
// scaling of Chen and Chow 2014 (SIAM J. Sci. Comput. 36-3). With s ≥ ‖A‖, Y = A/s and Z = I,
//
//	M = 3·I − ρ²·Z·Y,  Y ← ρ/2·Y·M,  Z ← ρ/2·M·Z,   ρ² = 3/(1 + l + l²)
//
// Y → (A/s)^½ and Z → (A/s)^(−½). On the square root u of an eigenvalue of Z·Y a step is the cubic
// p(u) = ρu(3 − ρ²u²)/2, which maps [l, 1] to [p(l), 1] if ρ is this; so l, at first √(least/s), says when it has come
// to 1, and no matrix is looked at.
func (p *products) roots(a []float64, least float64) (root, inverse []float32, err error) {
	d, s := p.d, 0.0
	for _, v := range a {
		s += v * v
	}
	s = math.Sqrt(s) // ‖A‖ is at most that of Frobenius
	f := func(_ engine.Params, in []*Node) []*Node {
		y, z, rho := in[0], in[1], in[2]
		half := MulScalar(rho, 0.5)
		identity := ConvertDType(Diagonal(rho.Graph(), d), dtypes.Float32)
		m := Sub(MulScalar(identity, 3), Mul(Square(rho), Einsum("ij,jk->ik", z, y)))
		return []*Node{Mul(half, Einsum("ij,jk->ik", y, m)), Mul(half, Einsum("ij,jk->ik", m, z))}
	}
	if p.step, err = p.engine.Compile("roots", f, engine.Weights{}); err != nil {
		return nil, nil, err
	}
	y, z := make([]float32, d*d), make([]float32, d*d)
	for i, v := range a {
		y[i] = float32(v / s)
	}
	for i := range d {
		z[i*d+i] = 1
	}
	now := []*tensors.Tensor{tensors.FromFlatDataAndDimensions(y, d, d), tensors.FromFlatDataAndDimensions(z, d, d)}
	l := math.Sqrt(least / s)
	for last := false; !last; {
		last = l > 1-1e-4 // which the last step makes 1 − 1.5e-8, below float32's rounding
		rho := math.Sqrt(3 / (1 + l + l*l))
		next, err := p.step.Run(now[0], now[1], tensors.FromScalar(float32(rho)))
		if err != nil {
			return nil, nil, err
		}
		for _, old := range now {
			old.FinalizeAll()
		}
		now, l = next, rho*l*(3-rho*rho*l*l)/2
	}
	for i, scale := range []float64{math.Sqrt(s), 1 / math.Sqrt(s)} {
		flat, err := tensors.CopyFlatData[float32](now[i])
		if err != nil {
			return nil, nil, err
		}
		now[i].FinalizeAll()
		for r := range d { // symmetric but for roundings
			for c := range r + 1 {
				v := float32(scale * (float64(flat[r*d+c]) + float64(flat[c*d+r])) / 2)
				flat[r*d+c], flat[c*d+r] = v, v
			}
		}
		now[i] = nil
		if i == 0 {
			root = flat
		} else {
			inverse = flat
		}
	}
	return root, inverse, nil
}

// rootError returns bounds of ‖Y − A^½‖ and ‖Z − A^(−½)‖ (Frobenius) over √D, the error along one direction in the
// mean, for Y and Z with no eigenvalue below √least and 0. Both follow from how far the products are from what they
// should be: with S = A^½ and E = Y − S, E·Y + S·E = Y² − A, so that
//
//	‖E‖ ≤ ‖Y² − A‖/(2·√least),   ‖Z − S⁻¹‖ ≤ (‖Z·Y − I‖ + ‖Z‖·‖E‖)/√least,  ‖Z‖ ≤ 1/√least
//
// The norms on the right are estimated in float64 by products with vectors r of ±1, of which ‖M·r‖² has the mean ‖M‖².
func rootError(a []float64, root, inverse []float32, d int, least float64) (ofRoot, ofInverse float64) {
	const probes = 8
	square, unit := 0.0, 0.0
	for i := range probes {
		random := rng.Stream(0, "whitening", uint64(i))
		r := make([]float64, d)
		for j := range r {
			r[j] = float64(2*random.IntN(2) - 1)
		}
		yr := timesVector(root, r)
		yyr, zyr := timesVector(root, yr), timesVector(inverse, yr)
		for j := range d {
			ar := 0.0
			for k, v := range a[j*d : (j+1)*d] {
				ar += v * r[k]
			}
			square += (yyr[j] - ar) * (yyr[j] - ar) / probes
			unit += (zyr[j] - r[j]) * (zyr[j] - r[j]) / probes
		}
	}
	ofRoot = math.Sqrt(square) / (2 * math.Sqrt(least))
	ofInverse = (math.Sqrt(unit) + ofRoot/math.Sqrt(least)) / math.Sqrt(least)
	n := math.Sqrt(float64(d))
	return ofRoot / n, ofInverse / n
}

// timesVector is m·x of m [D, D], in float64.
func timesVector(m []float32, x []float64) []float64 {
	d := len(x)
	y := make([]float64, d)
	for i := range y {
		for j, v := range m[i*d : (i+1)*d] {
			y[i] += float64(v) * x[j]
		}
	}
	return y
}

// transform sets y to m·x of m [D, D], each number summed in float64.
func transform(y []float32, m, x []float32) {
	d := len(x)
	of := blas32.Vector{N: d, Inc: 1, Data: x}
	for i := range y {
		y[i] = float32(blas32.DDot(blas32.Vector{N: d, Inc: 1, Data: m[i*d : (i+1)*d]}, of))
	}
}
