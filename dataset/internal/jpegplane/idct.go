package jpegplane

// The inverse transform is libjpeg's "slow" one (jidctint.c: Loeffler, Ligtenberg and Moschytz 1989), in integers of
// 13 binary places, so that the planes are libjpeg's to the bit.
const (
	places = 13
	pass1  = 2 // binary places that are kept between the passes
)

func (c *component) plane() Plane {
	p := Plane{H: c.h, V: c.v, W: c.w, Ht: c.ht, Stride: 8 * c.across, Pix: make([]uint8, 64*c.across*c.down)}
	for y := range c.down {
		for x := range c.across {
			inverse((*[64]int16)(c.coef[64*(y*c.across+x):]), c.quant, p.Pix[8*y*p.Stride+8*x:], p.Stride)
		}
	}
	return p
}

func inverse(coef *[64]int16, quant *[64]uint16, dst []uint8, stride int) {
	var work [64]int32
	for i := range work {
		work[i] = int32(coef[i]) * int32(quant[i])
	}
	// Columns and then rows; a shift of 3 more at the end is the division by 8 of the two transforms.
	for x := range 8 {
		one(&work, x, 8, places-pass1)
	}
	for y := range 8 {
		one(&work, 8*y, 1, places+pass1+3)
		row := dst[y*stride:][:8]
		for x := range row {
			row[x] = uint8(min(max(work[8*y+x]+128, 0), 255))
		}
	}
}

// one transforms eight numbers, step apart, and drops shift binary places.
func one(w *[64]int32, at, step, shift int) {
	in := func(i int) int32 { return w[at+i*step] }
	z1 := (in(2) + in(6)) * 4433 // 0.541196100
	t2 := z1 - in(6)*15137       // 1.847759065
	t3 := z1 + in(2)*6270        // 0.765366865
	t0 := (in(0) + in(4)) << places
	t1 := (in(0) - in(4)) << places
	t10, t13, t11, t12 := t0+t3, t0-t3, t1+t2, t1-t2

	// above, the even coefficients, a transform of four; from here on the odd ones
	t0, t1, t2, t3 = in(7), in(5), in(3), in(1)
	z1, z2, z3, z4 := t0+t3, t1+t2, t0+t2, t1+t3
	z5 := (z3 + z4) * 9633 // 1.175875602
	t0 *= 2446             // 0.298631336
	t1 *= 16819            // 2.053119869
	t2 *= 25172            // 3.072711026
	t3 *= 12299            // 1.501321110
	z1 *= -7373            // 0.899976223
	z2 *= -20995           // 2.562915447
	z3 = z3*-16069 + z5    // 1.961570560
	z4 = z4*-3196 + z5     // 0.390180644
	t0 += z1 + z3
	t1 += z2 + z4
	t2 += z2 + z3
	t3 += z1 + z4

	// half of the last place that is dropped is added first: rounding to nearest
	out := func(i int, v int32) { w[at+i*step] = (v + 1<<(shift-1)) >> shift }
	out(0, t10+t3)
	out(7, t10-t3)
	out(1, t11+t2)
	out(6, t11-t2)
	out(2, t12+t1)
	out(5, t12-t1)
	out(3, t13+t0)
	out(4, t13-t0)
}
