// Package kernel holds the inner loops of images: filters, chroma and colour, in whole numbers. Each
// function does what it can by AVX2 and the rest in plain Go, with the same bytes.
package kernel

//go:generate sh -c "cd _asm && go run . -out ../kernel_amd64.s -stubs ../stub_amd64.go -pkg kernel"

// WeightBits are the places after the point of a filter's weights.
const WeightBits = 22

const oneHalf = 1 << (WeightBits - 1)

// Taps says which numbers of a line make each of another one: Width of them from First[i] on, with the weights
// Weights[Width·i : Width·(i+1)]. First never falls.
type Taps struct {
	Width   int
	First   []int
	Weights []int32
}

// Row filters one row of pixels of three bytes: dst[i] = ⌊½ + Σⱼ wⱼ·src[First[i]+j]⌋, clamped.
func Row(dst, src []uint8, t Taps) {
	n := len(t.First)
	_, _, _ = dst[:3*n], src[:3*(t.First[n-1]+t.Width)], t.Weights[:t.Width*n]
	if fast && cap(src) > len(src) { // assembly reads pixels as four bytes
		rowAVX2(&dst[0], &src[0], &t.First[0], &t.Weights[0], t.Width, n)
		return
	}
	rowGeneric(dst, src, t)
}

func rowGeneric(dst, src []uint8, t Taps) {
	for i, first := range t.First {
		var r, g, b int32 = oneHalf, oneHalf, oneHalf
		pixels := src[3*first:]
		for j, w := range t.Weights[t.Width*i:][:t.Width] {
			p := (*[3]uint8)(pixels[3*j:])
			r += w * int32(p[0])
			g += w * int32(p[1])
			b += w * int32(p[2])
		}
		p := (*[3]uint8)(dst[3*i:])
		p[0], p[1], p[2] = clip(r), clip(g), clip(b)
	}
}

// Column makes one row of bytes from len(weights) rows that begin stride bytes after each other:
// dst[i] = ⌊½ + Σⱼ wⱼ·src[stride·j+i]⌋, clamped.
func Column(dst, src []uint8, stride int, weights []int32) {
	src = src[:stride*(len(weights)-1)+len(dst)]
	done := 0
	if fast {
		if done = len(dst) &^ 15; done > 0 {
			columnAVX2(&dst[0], &src[0], stride, &weights[0], len(weights), done)
		}
	}
	columnGeneric(dst, src, stride, weights, done)
}

// columnGeneric begins at byte from.
func columnGeneric(dst, src []uint8, stride int, weights []int32, from int) {
	for i := from; i < len(dst); i++ {
		var sum int32 = oneHalf
		for j, w := range weights {
			sum += w * int32(src[stride*j+i])
		}
		dst[i] = clip(sum)
	}
}

// clip drops the places after the point and clamps to a byte.
func clip(v int32) uint8 { return uint8(min(max(v>>WeightBits, 0), 0xff)) }

// YCbCr converts one row of pixels; libjpeg, jdcolor.c:
//
//	R = Y + 1.402·Cr'    G = Y − 0.34414·Cb' − 0.71414·Cr'    B = Y + 1.772·Cb'
//
// with Cb' = Cb − 128, Cr' = Cr − 128, the factors in units of 2⁻¹⁶ and the products rounded. dst
// has three bytes per pixel.
func YCbCr(dst, y, cb, cr []uint8) {
	n := len(dst) / 3
	y, cb, cr = y[:n], cb[:n], cr[:n]
	done := 0
	if fast {
		if done = max(0, n-2) &^ 7; done > 0 { // assembly writes 28 bytes for eight pixels
			ycbcrAVX2(&dst[0], &y[0], &cb[0], &cr[0], done)
		}
	}
	ycbcrGeneric(dst[3*done:], y[done:], cb[done:], cr[done:])
}

func ycbcrGeneric(dst, ys, cbs, crs []uint8) {
	const half = 1 << 15
	for i, y := range ys {
		y, cb, cr := int32(y), int32(cbs[i])-128, int32(crs[i])-128
		r := y + (91881*cr+half)>>16
		g := y + (half-22554*cb-46802*cr)>>16
		b := y + (116130*cb+half)>>16
		if uint32(r|g|b) > 0xff {
			r, g, b = min(max(r, 0), 0xff), min(max(g, 0), 0xff), min(max(b, 0), 0xff)
		}
		p := dst[:3]
		p[0], p[1], p[2] = uint8(r), uint8(g), uint8(b)
		dst = dst[3:]
	}
}

// Widen writes twice as many samples as near and far have, of which near is the nearer row: with
// s = 3·near + far, between two of them lie (3·s + s' + 7)/16 and (s + 3·s' + 8)/16, cut off; libjpeg,
// jdsample.c, h2v2.
func Widen(dst, near, far []uint8) {
	n := len(near)
	dst, far = dst[:2*n], far[:n]
	done := 0
	if fast {
		if done = (n - 1) &^ 15; done > 0 {
			widenAVX2(&dst[1], &near[0], &far[0], done)
		}
	}
	widenGeneric(dst, near, far, done)
}

// widenGeneric begins between samples from and from+1.
func widenGeneric(dst, near, far []uint8, from int) {
	n := len(near)
	sum := func(i int) int32 { return 3*int32(near[i]) + int32(far[i]) }
	dst[0], dst[2*n-1] = uint8((4*sum(0)+8)>>4), uint8((4*sum(n-1)+7)>>4)
	left := sum(from)
	for i := from + 1; i < n; i++ {
		right := sum(i)
		d := dst[2*i-1:][:2]
		d[0], d[1] = uint8((3*left+right+7)>>4), uint8((3*right+left+8)>>4)
		left = right
	}
}
