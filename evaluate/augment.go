package evaluate

import (
	"fmt"
	"math/rand/v2"
	"sync"

	"mgd3/dataset"
)

// Augment says how an image becomes the input of a network, in training and in testing. Every constant of it is
// here; what is drawn at random is drawn from the generator at hand, in the order of the fields.
//
//	training  centre → to [0, 1] → shuffle → crop → pad → flip → jitter → lighting → (x − mean)/std
//	testing   the central square → to [0, 1] → (x − mean)/std
//
// Colours leave [0, 1] on the way and are not cut off.
type Augment struct {
	Centre    bool       `json:"centre"`       // training begins with the central square, as testing does
	Shuffle   int        `json:"shuffle"`      // f×f patches change places; 0 and 1: none
	Scale     [2]float64 `json:"crop_scale"`   // share of the area that a crop takes, from and to; 0, 0: no crop
	Ratio     [2]float64 `json:"crop_ratio"`   // width by height of a crop, from and to
	Antialias bool       `json:"antialias"`    // a crop that shrinks averages all pixels, not only the nearest
	Pad       int        `json:"pad,omitzero"` // moved by up to so many pixels each way, black behind; 0: none
	Flip      float64    `json:"flip"`         // probability of left for right
	Jitter    Jitter     `json:"jitter"`       //
	Lighting  float64    `json:"lighting"`     // σ of the shift along each principal colour; 0: none
	Mean      [3]float64 `json:"mean"`         // of red, green and blue in [0, 1]
	Std       [3]float64 `json:"std"`          //
	// a test image's short side is ⌊size/Margin[0]⌋·Margin[1] if that is more than size
	Margin [2]int `json:"margin"`
}

// Jitter is the largest change of each kind; they come in random order.
type Jitter struct {
	Brightness float64 `json:"brightness"`
	Contrast   float64 `json:"contrast"`
	Saturation float64 `json:"saturation"`
}

// Apply writes the image as a network is trained on it to dst [3, size, size]. It may be called by many
// goroutines at once, each with a generator of its own.
func (a Augment) Apply(dst []float32, im *dataset.RGB, size int, r *rand.Rand) {
	if a.Centre && (im.W != size || im.H != size) {
		im = dataset.CropCenter(im, size)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.rows, s.columns = shuffled(s.rows, im.H, a.Shuffle, r), shuffled(s.columns, im.W, a.Shuffle, r)
	box := a.crop(len(s.rows), len(s.columns), random{r})
	s.crop.load(im, s.rows[box.Top:][:box.Height], s.columns[box.Left:][:box.Width])

	out := planes{size, size, dst[:3*size*size]}
	s.resize(out, s.crop, a.Antialias)
	if a.Pad > 0 { // RandomCrop(size, padding=Pad) of torchvision
		move(out.pix, size, r.IntN(2*a.Pad+1)-a.Pad, r.IntN(2*a.Pad+1)-a.Pad)
	}
	if r.Float64() < a.Flip {
		out.flip()
	}
	c := a.Jitter.draw(out.means(), r)
	if a.Lighting > 0 {
		c.light([3]float64{a.Lighting * r.NormFloat64(), a.Lighting * r.NormFloat64(), a.Lighting * r.NormFloat64()})
	}
	c.normalise(a.Mean, a.Std)
	c.apply(out)
}

// exact writes a given part of the image, mirrored or not, to dst [3, size, size]: what is left to chance is given.
func (a Augment) exact(dst []float32, im *dataset.RGB, size int, box Box, flip bool) error {
	if box.Top < 0 || box.Left < 0 || box.Height < 1 || box.Width < 1 || box.Top+box.Height > im.H ||
		box.Left+box.Width > im.W {
		return fmt.Errorf("a crop %+v of an image of %d × %d pixels", box, im.W, im.H)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.rows, s.columns = inOrder(s.rows, im.H), inOrder(s.columns, im.W)
	s.crop.load(im, s.rows[box.Top:][:box.Height], s.columns[box.Left:][:box.Width])
	out := planes{size, size, dst[:3*size*size]}
	s.resize(out, s.crop, a.Antialias)
	if flip {
		out.flip()
	}
	c := unchanged
	c.normalise(a.Mean, a.Std)
	c.apply(out)
	return nil
}

// Test writes the image as a network is tested on it to dst [3, size, size].
func (a Augment) Test(dst []float32, im *dataset.RGB, size int) {
	short := size
	if a.Margin[0] > 0 {
		short = max(size, size/a.Margin[0]*a.Margin[1])
	}
	if im.W != size || im.H != size || short != size {
		im = dataset.CropCenterOf(im, short, size)
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	s.rows, s.columns = inOrder(s.rows, im.H), inOrder(s.columns, im.W)
	out := planes{size, size, dst[: 0 : 3*size*size]}
	out.load(im, s.rows, s.columns)
	c := unchanged
	c.normalise(a.Mean, a.Std)
	c.apply(out)
}

// scratch is what the work on one image needs besides the result.
type scratch struct {
	rows, columns []int // the row and the column of the image that each of the shuffled one is
	crop          planes
	resizer
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// planes is an image [3, h, w].
type planes struct {
	w, h int
	pix  []float32
}

// size makes p an image of that size, of any content, in the memory it has if that will do.
func (p *planes) size(w, h int) {
	if n := 3 * w * h; cap(p.pix) < n {
		p.pix = make([]float32, n)
	} else {
		p.pix = p.pix[:n]
	}
	p.w, p.h = w, h
}

// unit is k/255.
var unit = func() (u [256]float32) {
	for k := range u {
		u[k] = float32(k) / 255
	}
	return u
}()

// load makes p the pixels of the image in the given rows and columns, in [0, 1].
func (p *planes) load(im *dataset.RGB, rows, columns []int) {
	p.size(len(columns), len(rows))
	if im.Values != nil {
		p.loadValues(im, rows, columns)
		return
	}
	red, green, blue := p.channels()
	i := 0
	for _, y := range rows {
		line := im.Pix[3*im.W*y:][:3*im.W]
		for _, x := range columns {
			pixel := line[3*x : 3*x+3 : 3*x+3]
			red[i], green[i], blue[i] = unit[pixel[0]], unit[pixel[1]], unit[pixel[2]]
			i++
		}
	}
}

// loadValues is load of an image whose values are more than bytes.
func (p planes) loadValues(im *dataset.RGB, rows, columns []int) {
	i := 0
	for c := range 3 {
		for _, y := range rows {
			line := im.Values[(c*im.H+y)*im.W:][:im.W]
			for _, x := range columns {
				p.pix[i] = line[x]
				i++
			}
		}
	}
}

func (p planes) channels() (red, green, blue []float32) {
	n := p.w * p.h
	return p.pix[:n:n], p.pix[n:][:n:n], p.pix[2*n:][:n:n]
}

// flip exchanges left and right.
func (p planes) flip() {
	for lo := 0; lo < len(p.pix); lo += p.w {
		row := p.pix[lo : lo+p.w]
		for i, j := 0, p.w-1; i < j; i, j = i+1, j-1 {
			row[i], row[j] = row[j], row[i]
		}
	}
}

// means returns the mean of each channel.
func (p planes) means() [3]float64 {
	red, green, blue := p.channels()
	var r, g, b float64
	for i := range red {
		r += float64(red[i])
		g += float64(green[i])
		b += float64(blue[i])
	}
	n := float64(len(red))
	return [3]float64{r / n, g / n, b / n}
}
