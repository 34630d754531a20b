package kernel

import "math"

func exp32(x float32) float32      { return float32(math.Exp(float64(x))) }
func expm132(x float32) float32    { return float32(math.Expm1(float64(x))) }
func log32(x float32) float32      { return float32(math.Log(float64(x))) }
func log1p32(x float32) float32    { return float32(math.Log1p(float64(x))) }
func tanh32(x float32) float32     { return float32(math.Tanh(float64(x))) }
func erf32(x float32) float32      { return float32(math.Erf(float64(x))) }
func logistic32(x float32) float32 { return float32(1 / (1 + math.Exp(-float64(x)))) }

func geluErf32(x float32) float32 { return 0.5 * x * (1 + erf32(x*(1/math.Sqrt2))) }

func geluTanh32(x float32) float32 {
	u := x * fma32(0.044715*x, x, 1)
	return x * logistic32(float32(1.5957691216057308)*u) // 2·√(2/π)
}

func sinGeneric(dst, x []float32) int {
	for i := range dst {
		dst[i] = float32(math.Sin(float64(x[i])))
	}
	return len(dst)
}

func cosGeneric(dst, x []float32) int {
	for i := range dst {
		dst[i] = float32(math.Cos(float64(x[i])))
	}
	return len(dst)
}
