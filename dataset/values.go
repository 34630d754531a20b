package dataset

import (
	"bytes"
	"fmt"
	"math"
)

// FromValues returns a set of the given classes whose images are made by read when they are asked for, as [FromFunc]
// does of files. Images with [RGB.Values] come from Load with them; who asks for a file gets a PNG of the bytes. w and
// h are those of all images; close ends the use of what read needs.
func FromValues(name string, classes []Class, w, h int, read func(Ref) (*RGB, error), close func() error) *Set {
	return &Set{Classes: classes, path: name, notes: &ImageNotes{}, src: values{w, h, read, close}}
}

type values struct {
	w, h  int
	image func(Ref) (*RGB, error)
	close func() error
}

func (v values) read(_ string, ref Ref) ([]byte, error) {
	im, err := v.image(ref)
	if err != nil {
		return nil, err
	}
	var file bytes.Buffer
	err = WritePNG(&file, im)
	return file.Bytes(), err
}

func (v values) Close() error { return v.close() }

// OfValues returns the image of values [3, h, w], of which 1 is white and 0 black: its bytes are the nearest, cut off
// at both ends. Where they say the same as the values to a hundredth of a level, and so the values are those of an
// image of bytes, these are all; else the image keeps the values.
func OfValues(v []float32, w, h int) (*RGB, error) {
	im := newRGB(w, h)
	n := w * h
	exact := true
	for i, x := range v {
		level := 255 * float64(x)
		if math.IsNaN(level) || math.IsInf(level, 0) {
			return nil, fmt.Errorf("value %d is %v, want a number", i, x)
		}
		b := math.RoundToEven(min(max(level, 0), 255))
		im.Pix[i%n*3+i/n] = uint8(b)
		exact = exact && math.Abs(level-b) <= 0.01
	}
	if !exact {
		im.Values = v
	}
	return im, nil
}
