package glyphs

import (
	"math/rand/v2"

	"mgd3/dataset"
)

// Size is the side of an image in pixels.
const Size = 32

// between returns a number from low to high, both included.
func between(r *rand.Rand, low, high int64) int64 { return low + r.Int64N(high-low+1) }

// turn is a rotation: its cosine and sine in 1/65536.
type turn struct{ cos, sin int64 }

// newTurn returns the rotation by 2·atan(t/65536): the rational points of the circle need no function
// whose last bit differs between machines.
func newTurn(t int64) turn {
	square := t * t >> 16
	return turn{(1<<16 - square) << 16 / (1<<16 + square), t << 17 / (1<<16 + square)}
}

func (t turn) apply(p point) point {
	return point{(t.cos*p.x - t.sin*p.y) >> 16, (t.sin*p.x + t.cos*p.y) >> 16}
}

// draw draws a letter of one of the faces.
func (f *filler) draw(r *rand.Rand, faces []face, class int) *dataset.RGB {
	s := pick(r)
	ground, ink := s.colours(r)
	shape := f.fill(place(r, &faces[r.IntN(len(faces))], class))
	weight := s.pattern.weights(r)
	var pixels [3][Size * Size]int64
	for c := range pixels {
		for i := range pixels[c] {
			back := ground[0][c]*(one-weight[i]) + ground[1][c]*weight[i] // 0..255·one
			pixels[c][i] = (back*(full-shape[i]) + ink[c]*one*shape[i]) / full
		}
	}
	blurred := r.IntN(s.blurring + 1)
	noise := between(r, 0, s.noise)
	im := &dataset.RGB{W: Size, H: Size, Pix: make([]uint8, 3*Size*Size)}
	for c := range pixels {
		for range blurred {
			blur(&pixels[c])
		}
		for i, v := range pixels[c] {
			v = (v + noise*normal(r)) / one
			im.Pix[3*i+c] = uint8(min(max(v, 0), 255))
		}
	}
	return im
}

// place returns the outline of a letter somewhere in the image, scaled, stretched and turned.
func place(r *rand.Rand, f *face, class int) [][]point {
	height := between(r, 14*one, 24*one)
	width := height * between(r, 85, 115) / 100
	rotation := newTurn(between(r, -9500, 9500)) // up to 16.5°
	room := (Size*one - height) / 3
	middle := point{Size*one/2 + between(r, -room, room), Size*one/2 + between(r, -room, room)}
	l := &f.letters[class]
	placed := make([][]point, len(l.polygons))
	for i, polygon := range l.polygons {
		placed[i] = make([]point, len(polygon))
		for j, p := range polygon {
			p = rotation.apply(point{(p.x - l.centre.x) * width / f.capHeight,
				(p.y - l.centre.y) * height / f.capHeight})
			placed[i][j] = point{p.x + middle.x, p.y + middle.y}
		}
	}
	return placed
}

// weights returns how much of each pixel has the ground's second colour, 0..one.
func (p pattern) weights(r *rand.Rand) *[Size * Size]int64 {
	var w [Size * Size]int64
	if p == plain {
		return &w
	}
	direction := newTurn(between(r, -1<<16, 1<<16)) // up to 90°
	shift := between(r, -6*one, 6*one)
	width := between(r, 3*one, 6*one)
	for y := range int64(Size) {
		for x := range int64(Size) {
			d := direction.apply(point{x*one - Size*one/2, y*one - Size*one/2}).x + shift
			v := d // of halves, and so on: an edge of one pixel
			switch p {
			case gradient:
				v = d/Size + one/2
			case stripes:
				v = triangle(d, width)
			}
			w[y*Size+x] = min(max(v, 0), one)
		}
	}
	return &w
}

// triangle returns the distance of d from the nearest edge of the stripes of this width, negative in
// every other.
func triangle(d, width int64) int64 {
	d = ((d % (2 * width)) + 2*width) % (2 * width)
	if d < width {
		return min(d, width-d)
	}
	return -min(d-width, 2*width-d)
}

// blur filters with ¼, ½, ¼ along both sides; beyond the border its own value counts.
func blur(p *[Size * Size]int64) {
	for _, step := range []int{1, Size} {
		from := *p
		for i := range p {
			at := i / step % Size
			before, after := i, i
			if at > 0 {
				before -= step
			}
			if at < Size-1 {
				after += step
			}
			p[i] = (from[before] + 2*from[i] + from[after]) / 4
		}
	}
}

// normal returns a nearly normal number of mean 0 and standard deviation 1, in 1/one: the sum of eight
// evenly drawn bytes, whose deviation is √(8·(256²−1)/12) = 209.
func normal(r *rand.Rand) int64 {
	bits := r.Uint64()
	sum := int64(-8 * 255 / 2)
	for range 8 {
		sum += int64(bits & 0xff)
		bits >>= 8
	}
	return sum * one / 209
}
