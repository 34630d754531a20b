// Package glyphs draws an image set that needs no download: the letters A to J of real typefaces, in
// colour, 32 × 32 pixels.
//
//	split  typefaces                     images of a class
//	train  Go, DejaVu, Latin Modern      2,000, up to 5,000
//	test   Liberation, STIX Two            500, up to 1,000
//
// No typeface is in both. Image i of a class depends on [Version], split, class and i alone, and has the
// same bytes on every machine: it is drawn with whole numbers from
//
//	rng.Stream(0, Version, split, class, i)
//
// A scene (a page, a blackboard, a street sign, …) gives colours, pattern, noise and blur; size, place,
// rotation and typeface are drawn beside it. Scenes are the modes of the set: some are rare. The files are PNG without
// compression, whose bytes do not depend on a compressor.
package glyphs

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mgd3/dataset"
	"mgd3/rng"
)

// Version names the drawing; other images come with another version.
const Version = "glyphs/1"

// Letters are the classes, in order of their labels.
const Letters = "ABCDEFGHIJ"

var names = strings.Split(Letters, "")

// Splits are the names of both parts.
var Splits = []string{"train", "test"}

// limits are the images of a class: by default and at most.
var limits = map[string]struct{ usual, most int }{"train": {2000, 5000}, "test": {500, 1000}}

// Options says which images to take.
type Options struct {
	Classes  []string // of A … J, in this order; nil takes all
	PerClass int      // the first images of each class; 0 takes 2,000 of train, 500 of test
}

// Open returns one of the [Splits]. Its images are drawn when they are read. Errors wrap
// [dataset.ErrSet].
func Open(split string, o Options) (*dataset.Set, error) {
	fail := func(format string, args ...any) (*dataset.Set, error) {
		return nil, fmt.Errorf("glyphs: %w: %w", dataset.ErrSet, fmt.Errorf(format, args...))
	}
	limit, ok := limits[split]
	if !ok {
		return fail("no split %q, want %s", split, strings.Join(Splits, " or "))
	}
	n := o.PerClass
	if n == 0 {
		n = limit.usual
	}
	if n < 1 || n > limit.most {
		return fail("%d images of a class, want from 1 to %d of %s", n, limit.most, split)
	}
	wanted := o.Classes
	if wanted == nil {
		wanted = names
	}
	var classes []dataset.Class
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return fail("no class %q, want the letters A to J", name)
		}
		class := dataset.Class{Name: name, Images: make([]dataset.Ref, n)}
		for i := range class.Images {
			class.Images[i] = dataset.Ref{Class: name, Name: fmt.Sprintf("%05d.png", i), ID: Version}
		}
		classes = append(classes, class)
	}
	return dataset.FromFunc("glyphs", classes, func(ref dataset.Ref) ([]byte, error) { return file(split, ref) }), nil
}

// file draws one image as a PNG file.
func file(split string, ref dataset.Ref) ([]byte, error) {
	i, err := strconv.ParseUint(strings.TrimSuffix(ref.Name, ".png"), 10, 64)
	class := slices.Index(names, ref.Class)
	if err != nil || class < 0 {
		return nil, errors.New("no such image")
	}
	im, err := Draw(split, class, i)
	if err != nil {
		return nil, err
	}
	return encode(im)
}

var fillers = sync.Pool{New: func() any { return new(filler) }}

// Draw returns image i of a class, by its index in [Letters].
func Draw(split string, class int, i uint64) (*dataset.RGB, error) {
	faces, err := faces[split]()
	if err != nil {
		return nil, err
	}
	f := fillers.Get().(*filler)
	defer fillers.Put(f)
	return f.draw(rng.Stream(0, Version, rng.Hash(split), rng.Hash(names[class]), i), faces, class), nil
}

var encoder = png.Encoder{CompressionLevel: png.NoCompression, BufferPool: new(buffers)}

// buffers is a [png.EncoderBufferPool].
type buffers struct{ sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer {
	got, _ := b.Pool.Get().(*png.EncoderBuffer)
	return got
}

func (b *buffers) Put(e *png.EncoderBuffer) { b.Pool.Put(e) }

// encode returns the image as a PNG file.
func encode(im *dataset.RGB) ([]byte, error) {
	m := image.NewNRGBA(image.Rect(0, 0, im.W, im.H))
	for i := range im.W * im.H {
		copy(m.Pix[4*i:], im.Pix[3*i:3*i+3])
		m.Pix[4*i+3] = 0xff
	}
	var data bytes.Buffer
	if err := encoder.Encode(&data, m); err != nil {
		return nil, err
	}
	return slices.Clip(data.Bytes()), nil
}
