package kernel

import "unsafe"

func dotsGeneric(sums *[2][4]lanes, x *[2][]float32, c *[4][]float32, n int) {
	for r := range x {
		for j := range c {
			sums[r][j] = dotGeneric(x[r][:n], c[j][:n])
		}
	}
}

func dotGeneric(x, c []float32) lanes {
	var s0, s1, s2, s3, s4, s5, s6, s7 float64
	for ; len(x) >= Lanes && len(c) >= Lanes; x, c = x[Lanes:], c[Lanes:] {
		s0 += float64(x[0]) * float64(c[0])
		s1 += float64(x[1]) * float64(c[1])
		s2 += float64(x[2]) * float64(c[2])
		s3 += float64(x[3]) * float64(c[3])
		s4 += float64(x[4]) * float64(c[4])
		s5 += float64(x[5]) * float64(c[5])
		s6 += float64(x[6]) * float64(c[6])
		s7 += float64(x[7]) * float64(c[7])
	}
	return lanes{s0, s1, s2, s3, s4, s5, s6, s7}
}

func sqDistGeneric(sums *lanes, a, b *float32, n int) {
	x, y := unsafe.Slice(a, n), unsafe.Slice(b, n)
	var s lanes
	for i := range x {
		d := float64(x[i]) - float64(y[i])
		s[i%Lanes] += float64(d * d) // the conversion keeps the square from being fused with the sum
	}
	*sums = s
}

func addGeneric(sums *float64, x *float32, n int) {
	s := unsafe.Slice(sums, n)
	for i, v := range unsafe.Slice(x, n) {
		s[i] += float64(v)
	}
}
