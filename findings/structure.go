package findings

import (
	"fmt"
	"math"

	"mgd3/dataset"
	"mgd3/matrix"
)

// Smooth pictures, a thing on a plain sky say, are near to each other whatever they show. So a distance alone calls
// nothing a copy: what stands out of its surroundings must be at the same place too. Of a picture that is f, its
// brightness at 32 × 32, less its mean over 7 × 7; two agree by the correlation
//
//	agreement = max over T of Σ f·T(g) / √(Σ f² · Σ T(g)²)              -1 … 1
//
// over T: mirrored or not, and cut by up to a fifth on any side, either of the two. A copy that was stored as JPEG,
// enlarged, mirrored, cut or made brighter has nearly 1; docs/page.md says what others have.

const (
	fine   = 32 // pixels of a side
	around = 3  // pixels on each side that are the surroundings

	near = 0.8 // of the mean distance to the crowd
)

// brightness is an image at 32 × 32, as one number of 0 … 255 each.
type brightness [fine * fine]uint8

// view is the part of a picture that is compared: its left and upper edge and its side, in pixels of 32.
type view struct {
	x, y, side float64
	mirrored   bool
}

// views are the parts that a copy may have been cut to.
var views = func() (all []view) {
	for _, side := range []float64{fine, 30, 28, 26} {
		for y := 0.0; y <= fine-side; y += 2 {
			for x := 0.0; x <= fine-side; x += 2 {
				all = append(all, view{x, y, side, false}, view{x, y, side, true})
			}
		}
	}
	return all
}()

// take draws what the view sees at 32 × 32, each number from the four nearest pixels by bilinear interpolation. Pixel i
// has its middle at i + ½, so that the middle of the view stays in the middle; beyond the edge the last pixel counts.
func (b *brightness) take(v view) (out [fine * fine]float32) {
	scale := v.side / fine
	for i := range fine {
		for j := range fine {
			x, y := v.x+(float64(j)+0.5)*scale-0.5, v.y+(float64(i)+0.5)*scale-0.5
			x0, y0 := math.Floor(x), math.Floor(y)
			fx, fy := float32(x-x0), float32(y-y0)
			at := func(row, col float64) float32 {
				r, c := min(fine-1, max(0, int(row))), min(fine-1, max(0, int(col)))
				return float32(b[r*fine+c])
			}
			to := i*fine + j
			if v.mirrored {
				to = i*fine + fine - 1 - j
			}
			out[to] = (1-fy)*((1-fx)*at(y0, x0)+fx*at(y0, x0+1)) + fy*((1-fx)*at(y0+1, x0)+fx*at(y0+1, x0+1))
		}
	}
	return out
}

// outstanding is what is left of a picture without its surroundings, x less its mean over 7 × 7 (fewer at the edge),
// scaled to length 1, and the root mean square of it before, in grey levels. The means come from sums over rectangles
// [0, i) × [0, j), four of which give any other: 1,024 means for 1,024 additions. In float64 the sums of bytes are
// exact.
func outstanding(x [fine * fine]float32) (f [fine * fine]float32, level float64) {
	var sums [fine + 1][fine + 1]float64 // sums[i][j] is that of the rows below i and columns below j
	for i := range fine {
		for j := range fine {
			sums[i+1][j+1] = sums[i][j+1] + sums[i+1][j] - sums[i][j] + float64(x[i*fine+j])
		}
	}
	squares := 0.0
	for i := range fine {
		for j := range fine {
			top, left := max(0, i-around), max(0, j-around)
			end, right := min(fine, i+around+1), min(fine, j+around+1)
			mean := (sums[end][right] - sums[top][right] - sums[end][left] + sums[top][left]) /
				float64((end-top)*(right-left))
			v := float64(x[i*fine+j]) - mean
			f[i*fine+j] = float32(v)
			squares += v * v
		}
	}
	if squares > 0 {
		for i := range f {
			f[i] /= float32(math.Sqrt(squares))
		}
	}
	return f, math.Sqrt(squares / (fine * fine))
}

// agreement is how far what stands out in the two pictures is the same, −1 … 1, as the comment above has it. Pictures
// in which nothing stands out agree. Each of the two is cut once while the other is whole, since either may be the
// copy: 112 correlations, which is why only pairs that are near by their pixels come here.
func agreement(a, b *brightness) float64 {
	const nothing = 0.5 // grey levels
	whole := view{side: fine}
	best := -1.0
	for turn, pair := range [][2]*brightness{{a, b}, {b, a}} {
		f, level := outstanding(pair[0].take(whole))
		if level < nothing {
			return 1
		}
		for k, v := range views {
			if turn == 1 && k < 2 {
				continue // the whole of both was compared
			}
			g, _ := outstanding(pair[1].take(v))
			sum := 0.0
			for i := range f {
				sum += float64(f[i] * g[i])
			}
			best = max(best, sum)
		}
	}
	return best
}

// light is the brightness of an image, 0.299·R + 0.587·G + 0.114·B (ITU-R BT.601, as Pillow's convert("L")), rounded
// down.
func light(im *dataset.RGB) *brightness {
	var b brightness
	small := dataset.Resize(im, fine, fine, dataset.Bilinear).Pix
	for i := range b {
		b[i] = uint8((299*int(small[3*i]) + 587*int(small[3*i+1]) + 114*int(small[3*i+2])) / 1000)
	}
	return &b
}

// mirror returns pictures [N, 768], each mirrored from left to right. The colours of a pixel stay in their order.
func mirror(x matrix.Matrix) matrix.Matrix {
	out := matrix.New(x.Rows, x.Cols)
	for n := range x.Rows {
		from, to := x.Row(n), out.Row(n)
		for i := range side * side {
			row, col := i/side, i%side
			copy(to[3*i:3*i+3], from[3*(row*side+side-1-col):])
		}
	}
	return out
}

// judge says whether two pictures d grey levels apart are copies of each other, and how, where d is ratio times what
// the surroundings are.
func judge(d, ratio float64, a, b *brightness) (text string, is bool) {
	const somewhat, clearly = 0.5, 0.75
	if d > same && ratio > near {
		return "", false
	}
	agree := agreement(a, b)
	switch {
	case d <= same && agree >= somewhat:
		return fmt.Sprintf("the same picture: %.1f of 255 grey levels apart", d), true
	case ratio <= near && agree >= clearly:
		return fmt.Sprintf("nearer than its surroundings are (%.1f grey levels, ratio %.2f), with the same things at "+
			"the same places (agreement %.2f)", d, ratio, agree), true
	}
	return "", false
}

// samePicture is judge of pictures that nothing surrounds.
func samePicture(d float64, a, b *brightness) bool {
	_, is := judge(d, 1, a, b)
	return is
}
