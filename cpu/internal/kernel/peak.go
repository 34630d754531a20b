package kernel

import "time"

// FMAPeak returns the speed of one thread in float32 operations per nanosecond (GFLOP/s), a multiply-add
// counting as two: the best of many short runs, within d, of a loop of independent
// multiply-adds in registers at the current level.
func FMAPeak(d time.Duration) float64 {
	f, lanes := fmaLoop(Current())
	const n = 20000
	best := 0.0
	for start := time.Now(); ; {
		t := time.Now()
		f(n)
		best = max(best, float64(2*12*n*lanes)/float64(time.Since(t)))
		if time.Since(start) >= d {
			return best
		}
	}
}

var fmaSink float32

// fmaLoopGeneric does n times 12 multiply-adds.
func fmaLoopGeneric(n int) {
	var a, b, c, d, e, f, g, h, i, j, k, l float32
	x := fmaSink
	for range n {
		a = a*x + x
		b = b*x + x
		c = c*x + x
		d = d*x + x
		e = e*x + x
		f = f*x + x
		g = g*x + x
		h = h*x + x
		i = i*x + x
		j = j*x + x
		k = k*x + x
		l = l*x + x
	}
	fmaSink = a + b + c + d + e + f + g + h + i + j + k + l
}
