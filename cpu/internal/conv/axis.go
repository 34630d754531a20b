package conv

// axis is a convolution in one dimension, cut into phases: output period·q + r, of phase r, is
//
//	Σ over taps of phase r: x[q·step + tap.at] · k[tap.k]
//
// with x undilated, and zero outside its bounds.
type axis struct {
	period, step int
	phases       [][]tap
	lo, hi       int // smallest and largest tap.at
	n            int // largest number of outputs in a phase
}

type tap struct{ k, at int }

func newAxis(out, kernel, stride, pad, inDil, kerDil int) axis {
	d := gcd(stride, inDil)
	a := axis{period: inDil / d, step: stride / d, lo: 1 << 30, hi: -1 << 30}
	a.n = ceil(out, a.period)
	for r := range a.period {
		var taps []tap
		for k := range kernel {
			if p := r*stride + k*kerDil - pad; p%inDil == 0 {
				taps = append(taps, tap{k, p / inDil})
				a.lo, a.hi = min(a.lo, p/inDil), max(a.hi, p/inDil)
			}
		}
		a.phases = append(a.phases, taps)
	}
	if a.lo > a.hi { // no taps at all
		a.lo, a.hi = 0, 0
	}
	return a
}

// consecutive reports whether the taps see neighbouring inputs.
func consecutive(taps []tap) bool {
	for i, t := range taps {
		if t.at != taps[0].at+i {
			return false
		}
	}
	return true
}

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
