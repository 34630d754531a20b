package kernel

import "unsafe"

// SelectScatter is the gradient of one window of a maximum: for each channel c it adds dy[c] to dx[off[t] + c], where
// t is the first t < n with the largest x[off[t] + c], and a NaN is larger than what came before it. With sign =
// 1<<31 it is that of a minimum. What it adds to the other dx[off[t] + c] is zero. The offsets differ by at least the
// number of channels.
func SelectScatter(dx, x *float32, off *int, n int, dy *float32, channels int, sign uint32) {
	if n > 0 {
		selectScatter(dx, x, off, n, dy, channels, sign)
	}
}

func selectScatterGeneric(dx, x *float32, off *int, n int, dy *float32, channels int, sign uint32) {
	offsets := unsafe.Slice(off, n)
	for c, d := range unsafe.Slice(dy, channels) {
		best, to := float32(0), 0
		for t, o := range offsets {
			v := *at(x, o+c)
			if sign != 0 {
				v = -v
			}
			if t == 0 || v > best || v != v {
				best, to = v, o
			}
		}
		*at(dx, to+c) += d
	}
}
