package kernel

import "math"

const lanes = 64 // of a sum; see Sum

// halve folds the lanes, pairwise over the last 16 and by halves within them.
func halve(a *[lanes]float32, f func(x, y float32) float32) float32 {
	for j := range 16 {
		a[j] = f(f(a[j], a[j+16]), f(a[j+32], a[j+48]))
	}
	for h := 8; h > 0; h /= 2 {
		for j := range h {
			a[j] = f(a[j], a[j+h])
		}
	}
	return a[0]
}

func plus(x, y float32) float32 { return x + y }

func sumGeneric(x []float32) float32 {
	var a [lanes]float32
	for i, v := range x {
		a[i%lanes] += v
	}
	return halve(&a, plus)
}

func sumSquaresGeneric(x []float32) float32 { return dotGeneric(x, x) }

func dotGeneric(x, y []float32) float32 {
	var a [lanes]float32
	for i, v := range x {
		a[i%lanes] = fma32(v, y[i], a[i%lanes])
	}
	return halve(&a, plus)
}

func prodGeneric(x []float32) float32 {
	var a [lanes]float32
	fillGeneric(a[:], 1)
	for i, v := range x {
		a[i%lanes] *= v
	}
	return halve(&a, func(x, y float32) float32 { return x * y })
}

func reduceMaxGeneric(x []float32) float32 {
	m := float32(math.Inf(-1))
	for _, v := range x {
		m = max(m, v)
	}
	return m + 0 // +0 rather than -0
}

func reduceMinGeneric(x []float32) float32 {
	m := float32(math.Inf(1))
	for _, v := range x {
		m = min(m, v)
	}
	return m + 0
}

func expSubSumGeneric(dst, x []float32, m float32) float32 {
	var a [lanes]float32 // the first 16
	for i := range dst {
		dst[i] = exp32(x[i] - m)
		a[i%16] += dst[i]
	}
	return halve(&a, plus)
}

func sumRowsGeneric(acc, x []float32, rows, stride int) {
	for r := range rows {
		addGeneric(acc, acc, x[r*stride:])
	}
}
