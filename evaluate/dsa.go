package evaluate

import (
	"math"
	"math/rand/v2"
)

// DSA is the augmentation of Zhao & Bilen 2021 (arXiv:2102.08259), as the programs of DSA, DM and MTT have it: of each
// batch one of six strategies, drawn anew, changes all its images, each by its own numbers. Images are normalised; what
// comes from outside of them is 0.
//
//	strategy   x [3, S, S] becomes                                                      with u uniform in 0..1
//	color      x + (u − ½)·Brightness, then (x − mean of channels)·u·Saturation + mean,
//	           then (x − mean of x)·(u + Contrast) + mean
//	crop       x moved by up to ⌊CropPad·S + ½⌋ pixels each way
//	cutout     a square of side ⌊Cutout·S + ½⌋ set to 0, cut off at the border
//	flip       x mirrored, with probability Flip
//	scale      x shrunk or enlarged along each side, by 1/Scale to Scale
//	rotate     x turned by up to Rotate degrees
//
// IDC's program (DiffAug in its augment.py) takes them in turn: of each image flip and color, and then the one of crop,
// scale and rotate that its batch drew.
//
// The last two read between pixels as grid_sample does, with corners aligned or not. TestDSAGolden holds all of it
// against PyTorch.
type DSA struct {
	Brightness   float64 `json:"brightness"`
	Saturation   float64 `json:"saturation"`
	Contrast     float64 `json:"contrast"`
	CropPad      float64 `json:"crop_pad"`
	Cutout       float64 `json:"cutout"`
	Flip         float64 `json:"flip"`
	Scale        float64 `json:"scale"`
	Rotate       float64 `json:"rotate"` // degrees
	AlignCorners bool    `json:"align_corners"`
	InTurn       bool    `json:"in_turn,omitzero"` // as IDC's program
}

// dsa are the numbers of all those programs (ParamDiffAug in their utils.py). MTT's aligns corners; DSA's and DM's take
// the default of PyTorch, which does not.
func dsa(align bool) DSA {
	return DSA{Brightness: 1, Saturation: 2, Contrast: 0.5, CropPad: 0.125, Cutout: 0.5, Flip: 0.5, Scale: 1.2,
		Rotate: 15, AlignCorners: align}
}

// strategies change an image of n × n pixels, in the order in which the programs name them.
var strategies = []func(d DSA, x []float32, n int, r *rand.Rand){
	func(d DSA, x []float32, n int, r *rand.Rand) {
		recolour(x, n, (r.Float64()-0.5)*d.Brightness, r.Float64()*d.Saturation, r.Float64()+d.Contrast)
	},
	func(d DSA, x []float32, n int, r *rand.Rand) {
		most := int(float64(n)*d.CropPad + 0.5)
		move(x, n, r.IntN(2*most+1)-most, r.IntN(2*most+1)-most)
	},
	func(d DSA, x []float32, n int, r *rand.Rand) {
		side := int(float64(n)*d.Cutout + 0.5)
		most := n + 1 - side%2
		maskOut(x, n, side, r.IntN(most), r.IntN(most))
	},
	func(d DSA, x []float32, n int, r *rand.Rand) {
		if r.Float64() < d.Flip {
			planes{n, n, x}.flip()
		}
	},
	func(d DSA, x []float32, n int, r *rand.Rand) {
		factor := func() float64 { return 1/d.Scale + r.Float64()*(d.Scale-1/d.Scale) }
		warp(x, n, [4]float64{factor(), 0, 0, factor()}, d.AlignCorners)
	},
	func(d DSA, x []float32, n int, r *rand.Rand) {
		angle := (r.Float64() - 0.5) * 2 * d.Rotate / 180 * math.Pi
		sin, cos := math.Sincos(angle)
		warp(x, n, [4]float64{cos, -sin, sin, cos}, d.AlignCorners)
	},
}

// strategy is what the numbers u of a batch make of its images.
func (d DSA) strategy(u *rand.Rand) func(d DSA, x []float32, n int, r *rand.Rand) {
	if !d.InTurn {
		return strategies[u.IntN(len(strategies))]
	}
	const color, crop, flip, scale, rotate = 0, 1, 3, 4, 5
	last := strategies[[]int{crop, scale, rotate}[u.IntN(3)]]
	return func(d DSA, x []float32, n int, r *rand.Rand) {
		strategies[flip](d, x, n, r)
		strategies[color](d, x, n, r)
		last(d, x, n, r)
	}
}

// recolour adds to the brightness, and multiplies saturation and contrast.
func recolour(x []float32, n int, brighter, saturation, contrast float64) {
	red, green, blue := planes{n, n, x}.channels()
	for i := range red {
		r, g, b := float64(red[i])+brighter, float64(green[i])+brighter, float64(blue[i])+brighter
		mean := (r + g + b) / 3
		red[i] = float32((r-mean)*saturation + mean)
		green[i] = float32((g-mean)*saturation + mean)
		blue[i] = float32((b-mean)*saturation + mean)
	}
	means := planes{n, n, x}.means()
	mean := (means[0] + means[1] + means[2]) / 3
	for i, v := range x {
		x[i] = float32((float64(v)-mean)*contrast + mean)
	}
}

// move takes each pixel from down rows below and right columns to the right.
func move(x []float32, n, down, right int) {
	from := make([]float32, n*n)
	for lo := 0; lo < len(x); lo += n * n {
		copy(from, x[lo:])
		for i := range n {
			for j := range n {
				v := float32(0)
				if y, z := i+down, j+right; y >= 0 && y < n && z >= 0 && z < n {
					v = from[y*n+z]
				}
				x[lo+i*n+j] = v
			}
		}
	}
}

// maskOut sets a square to 0 whose rows begin at top − side/2; where it leaves the image, its border is set.
func maskOut(x []float32, n, side, top, left int) {
	within := func(i int) int { return min(max(i, 0), n-1) }
	for lo := 0; lo < len(x); lo += n * n {
		for i := range side {
			for j := range side {
				x[lo+within(i+top-side/2)*n+within(j+left-side/2)] = 0
			}
		}
	}
}

// warp reads each pixel at a·(column, row) in −1..1, between four pixels, of which those outside are 0: affine_grid
// and grid_sample of PyTorch.
func warp(x []float32, n int, a [4]float64, align bool) {
	unit := func(i int) float64 {
		if align {
			return 2*float64(i)/float64(max(1, n-1)) - 1
		}
		return (2*float64(i)+1)/float64(n) - 1
	}
	pixel := func(v float64) float64 {
		if align {
			return (v + 1) / 2 * float64(n-1)
		}
		return ((v+1)*float64(n) - 1) / 2
	}
	from := make([]float32, len(x))
	copy(from, x)
	for i := range n {
		for j := range n {
			px, py := pixel(a[0]*unit(j)+a[1]*unit(i)), pixel(a[2]*unit(j)+a[3]*unit(i))
			left, top := math.Floor(px), math.Floor(py)
			fx, fy := px-left, py-top
			for c := range 3 {
				at := func(row, column float64) float64 {
					if row < 0 || column < 0 || row >= float64(n) || column >= float64(n) {
						return 0
					}
					return float64(from[c*n*n+int(row)*n+int(column)])
				}
				x[c*n*n+i*n+j] = float32((1-fy)*((1-fx)*at(top, left)+fx*at(top, left+1)) +
					fy*((1-fx)*at(top+1, left)+fx*at(top+1, left+1)))
			}
		}
	}
}
