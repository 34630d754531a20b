package tensorset

import (
	"fmt"
	"math"
	"slices"

	"mgd3/dataset"
	"mgd3/weights"
)

// reader reads the images of a set one by one.
type reader struct {
	found   *found
	collage int // each stored image is so many squared
	n       int // stored images
	c, h, w int
	last    bool // the channels come last
	how     toColour

	numbers []float32 // of the labels [n] or [n, K]
	k       int       // 0: labels are numbers
	soft0   bool      // labels [n, K] that are shares or logits
	logits  bool
	ints    []int64         // the images, where they are whole numbers but no bytes
	column  *dataset.Column // of the images, where they are read row by row
}

// toColour turns the numbers of an image [3, h, w] to values of which 1 is white, in place.
type toColour interface {
	apply(v []float32, n int)
	id() string // names what it does
}

func newReader(f *found, collage int) (*reader, error) {
	s := f.images.Shape
	r := &reader{found: f, collage: collage, n: s[0]}
	if len(s) == 5 {
		if s[0] > math.MaxInt32/max(1, s[1]) {
			return nil, fmt.Errorf("images of shape %v, want fewer", s)
		}
		r.n, s = s[0]*s[1], s[1:]
	}
	r.c, r.h, r.w = s[1], s[2], s[3]
	if !isChannels(s[1]) || isChannels(s[3]) && s[2] == s[1] {
		r.last = true
		r.h, r.w, r.c = s[1], s[2], s[3]
		f.note("the channels come last: images of shape %v are %d × %d pixels", f.images.Shape, r.w, r.h)
	}
	if r.c == 1 {
		f.note("the images are grey: each is taken for red, green and blue")
	}
	if collage > 1 && (r.h%collage != 0 || r.w%collage != 0) {
		return nil, fmt.Errorf("images of %d × %d pixels are no collages of %d × %d", r.w, r.h, collage, collage)
	}
	if collage < 1 || collage > 16 {
		return nil, fmt.Errorf("a collage of %d × %d, want at least 1 and at most 16", collage, collage)
	}
	if r.column = f.columns[f.images.Name]; r.column != nil {
		return r, r.readLabels()
	}
	if err := f.images.Check(); err != nil {
		return nil, err
	}
	if f.images.DType == "BOOL" { // one byte each, 0 or 1
		f.images.DType = "U8"
	}
	switch f.images.DType {
	case "U8", "F32", "F16", "BF16", "F64":
	default:
		var err error
		if r.ints, err = f.images.Int64s(); err != nil {
			return nil, fmt.Errorf("images of type %s, want floats of 16, 32 or 64 bits or whole numbers: x.float() "+
				"makes these", f.images.DType)
		}
	}
	return r, r.readLabels()
}

// readLabels reads the labels, and finds out what they are.
func (r *reader) readLabels() error {
	if r.found.noLabels {
		return nil
	}
	t := r.found.labels
	v, err := numbersOf(t)
	if err != nil {
		return err
	}
	r.numbers = v
	if len(t.Shape) == 1 || t.Shape[1] == 1 {
		return nil
	}
	r.k = t.Shape[1]
	say, err := r.kindOfRows()
	if err == nil {
		r.found.note("%s", say)
	}
	return err
}

// numbersOf returns the elements of a tensor of any type.
func numbersOf(t weights.Tensor) ([]float32, error) {
	if t.DType == "BOOL" { // one byte each, 0 or 1
		t.DType = "U8"
	}
	if v, err := t.Float32s(); err == nil {
		return v, nil
	}
	whole, err := t.Int64s()
	if err != nil {
		return nil, err
	}
	v := make([]float32, len(whole))
	for i, x := range whole {
		if x > largestLabel || x < -largestLabel {
			return nil, fmt.Errorf("label %d, want at most %d", x, largestLabel)
		}
		v[i] = float32(x)
	}
	return v, nil
}

// len returns the number of images, those of collages counted one by one.
func (r *reader) len() int { return r.n * r.collage * r.collage }

// side is width and height of an image.
func (r *reader) side() [2]int { return [2]int{r.w, r.h} }

// stored returns which stored image has image i, and which part of it is i.
func (r *reader) stored(i int) (at, part int) {
	parts := r.collage * r.collage
	return i / parts, i % parts
}

// label returns the label of image i.
func (r *reader) label(i int) (int, error) {
	at, _ := r.stored(i)
	switch {
	case r.found.noLabels && r.found.across:
		return at % r.found.images.Shape[1], nil
	case r.found.noLabels:
		return at / r.found.images.Shape[1], nil
	}
	if r.k == 0 {
		return checkLabel(i, float64(r.numbers[at]))
	}
	row := r.numbers[at*r.k : (at+1)*r.k]
	return slices.Index(row, slices.Max(row)), nil
}

// soft returns the shares of the classes of image i, nil where the label is a number.
func (r *reader) soft(i int) []float32 {
	if !r.soft0 {
		return nil
	}
	at, _ := r.stored(i)
	row := r.numbers[at*r.k : (at+1)*r.k]
	if !r.logits {
		return row
	}
	top := float64(slices.Max(row))
	out, sum := make([]float32, r.k), 0.0
	for j, v := range row {
		e := math.Exp(float64(v) - top)
		sum += e
		out[j] = float32(e)
	}
	for j := range out {
		out[j] = float32(float64(out[j]) / sum)
	}
	return out
}

// bytes returns the stored bytes of the image that has image i.
func (r *reader) bytes(i int) ([]byte, error) {
	at, _ := r.stored(i)
	if r.column != nil {
		n := r.c * r.h * r.w
		return elements(r.column, at*n, n)
	}
	all := r.found.images.Bytes()
	size := len(all) / r.n
	return all[at*size : (at+1)*size], nil
}

// raw returns the numbers [3, h, w] of a stored image.
func (r *reader) raw(at int) ([]float32, error) {
	n := r.h * r.w
	v := make([]float32, r.c*n)
	switch {
	case r.column != nil:
		if err := r.column.Read(v, at*len(v)); err != nil {
			return nil, err
		}
	case r.ints != nil:
		for j := range v {
			v[j] = float32(r.ints[at*len(v)+j])
		}
	case r.found.images.DType == "U8":
		for j, b := range r.found.images.Bytes()[at*len(v) : (at+1)*len(v)] {
			v[j] = float32(b)
		}
	default:
		if err := r.found.images.ReadFloat32s(v, at*len(v)); err != nil {
			return nil, err
		}
	}
	if r.last && r.c == 3 {
		planes := make([]float32, len(v))
		for j := range n {
			planes[j], planes[n+j], planes[2*n+j] = v[3*j], v[3*j+1], v[3*j+2]
		}
		v = planes
	}
	if r.c == 1 {
		v = slices.Repeat(v, 3)
	}
	return v, nil
}

// image returns the values [3, h, w] of image i.
func (r *reader) image(i int) ([]float32, error) {
	at, part := r.stored(i)
	v, err := r.raw(at)
	if err != nil {
		return nil, err
	}
	r.how.apply(v, r.h*r.w)
	if r.collage > 1 {
		v = enlarged(v, r.w, r.h, r.collage, part)
	}
	return v, nil
}
