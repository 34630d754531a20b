package evaluate

import (
	"math/rand/v2"
)

// colour is what happens to the colour of every pixel: y = m·x + c, in red, green and blue. Each kind of change is
// of this form, given the means of the image, and so are they together: an image is gone through once.
//
//	brightness  x ← x + a·(0 − x)
//	contrast    x ← x + a·(mean of the luma of all pixels − x)
//	saturation  x ← x + a·(luma of x − x)                         luma = 0.299 red + 0.587 green + 0.114 blue
//	lighting    x ← x + Σ_k axis_k·spread_k·α_k                    Krizhevsky et al. 2012, section 4.1
//	normalise   x ← (x − mean)/std
type colour struct {
	m [3][3]float64
	c [3]float64
}

var unchanged = colour{m: [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}}

// luma is the share of each channel in the grey of a pixel.
var luma = [3]float64{0.299, 0.587, 0.114}

// The principal axes of the colours of ImageNet, [channel][axis], and the spread along each.
var (
	axes   = [3][3]float64{{-0.5675, 0.7192, 0.4009}, {-0.5808, -0.0045, -0.8140}, {-0.5836, -0.6948, 0.4203}}
	spread = [3]float64{0.2175, 0.0188, 0.0045}
)

// draw returns a change of brightness, contrast and saturation in random order, for an image with
// these means.
func (j Jitter) draw(means [3]float64, r *rand.Rand) colour {
	c := unchanged
	if j == (Jitter{}) {
		return c
	}
	amount := func(most float64) float64 { return most * (2*r.Float64() - 1) }
	kinds := [3]func(){
		func() { c.brighten(amount(j.Brightness)) },
		func() { c.contrast(amount(j.Contrast), means) },
		func() { c.saturate(amount(j.Saturation)) },
	}
	r.Shuffle(len(kinds), func(i, k int) { kinds[i], kinds[k] = kinds[k], kinds[i] })
	for _, kind := range kinds {
		kind()
	}
	return c
}

// towards is x ← x + a·(grey − x), where grey is share·x + base.
func (c *colour) towards(a float64, share [3]float64, base float64) {
	old := *c
	for i := range 3 {
		for k := range 3 {
			grey := float64(share[0]*old.m[0][k]) + float64(share[1]*old.m[1][k]) + float64(share[2]*old.m[2][k])
			c.m[i][k] += float64(a * (grey - old.m[i][k]))
		}
		grey := dot(share, old.c) + base
		c.c[i] += float64(a * (grey - old.c[i]))
	}
}

func (c *colour) brighten(a float64) { c.towards(a, [3]float64{}, 0) }
func (c *colour) saturate(a float64) { c.towards(a, luma, 0) }

// contrast is for an image that had these means before all changes.
func (c *colour) contrast(a float64, means [3]float64) {
	c.towards(a, [3]float64{}, dot(luma, c.of(means)))
}

// of returns what becomes of the colour x.
func (c *colour) of(x [3]float64) [3]float64 {
	return [3]float64{dot(c.m[0], x) + c.c[0], dot(c.m[1], x) + c.c[1], dot(c.m[2], x) + c.c[2]}
}

func (c *colour) light(alpha [3]float64) {
	for k := range alpha {
		alpha[k] *= spread[k]
	}
	for i := range 3 {
		c.c[i] += dot(axes[i], alpha)
	}
}

func (c *colour) normalise(mean, std [3]float64) {
	for i := range 3 {
		for k := range 3 {
			c.m[i][k] /= std[i]
		}
		c.c[i] = (c.c[i] - mean[i]) / std[i]
	}
}

// apply changes all pixels of p. The conversions keep compilers from fusing products into sums.
func (c *colour) apply(p planes) {
	var m [3][3]float32
	var o [3]float32
	for i := range 3 {
		o[i] = float32(c.c[i])
		for k := range 3 {
			m[i][k] = float32(c.m[i][k])
		}
	}
	red, green, blue := p.channels()
	for i, r := range red {
		g, b := green[i], blue[i]
		red[i] = float32(m[0][0]*r) + float32(m[0][1]*g) + float32(m[0][2]*b) + o[0]
		green[i] = float32(m[1][0]*r) + float32(m[1][1]*g) + float32(m[1][2]*b) + o[1]
		blue[i] = float32(m[2][0]*r) + float32(m[2][1]*g) + float32(m[2][2]*b) + o[2]
	}
}

func dot(a, b [3]float64) float64 {
	return float64(a[0]*b[0]) + float64(a[1]*b[1]) + float64(a[2]*b[2])
}
