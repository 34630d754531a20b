package export

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"path/filepath"
	"strings"

	"mgd3/dataset"
	"mgd3/internal/words"
	"mgd3/stage/atomicfile"
	"mgd3/weights"
)

// Pixels says what the numbers of exported tensors are.
type Pixels string

// The kinds of numbers. The last two are (x − mean)/std of x in 0..1, in float32.
const (
	Bytes    Pixels = "uint8"    // 0 to 255
	Unit     Pixels = "unit"     // float32, 0 to 1
	ImageNet Pixels = "imagenet" // with the means of torchvision's networks
	CIFAR10  Pixels = "cifar10"  // with those of DC's programs
)

// AllPixels lists the kinds.
var AllPixels = []Pixels{Bytes, Unit, ImageNet, CIFAR10}

// norms are mean and deviation of red, green and blue: torchvision's documentation; DC's utils.py.
var norms = map[Pixels][2][3]float64{
	Unit:     {{}, {1, 1, 1}},
	ImageNet: {{0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}},
	CIFAR10:  {{0.4914, 0.4822, 0.4465}, {0.2023, 0.1994, 0.2010}},
}

// check names a kind that is none, and one that a format has not.
func (p Pixels) check(f Format) error {
	if _, ok := norms[p]; !ok && (p != Bytes || f == MTT) {
		return fmt.Errorf("pixels of %s are %q, want %s", f, p, words.Or(AllPixels))
	}
	return nil
}

// torch writes one dict: images [N, 3, H, W], labels [N], classes, and the manifest under "mgd3".
func (s *set) torch(ctx context.Context, out string, o Options) error {
	images, labels, err := s.tensors(ctx, o.Pixels)
	if err != nil {
		return err
	}
	var classes []any
	for _, name := range s.classNames() {
		classes = append(classes, name)
	}
	// a list of items, and not a map: equal sets give equal bytes
	object := []weights.Item{{Key: "images", Value: images}, {Key: "labels", Value: labels}, {Key: "classes",
		Value: classes},
		{Key: "mgd3", Value: string(s.manifest)}}
	return atomicfile.Write(out, func(w io.Writer) error { return weights.Save(w, object) })
}

// mtt writes a folder of images_best.pt and labels_best.pt, as MTT's program and its followers do, the names of the
// classes and the manifest. No rate was learned: lr_best.pt is not there, and who needs one takes the program's own.
func (s *set) mtt(ctx context.Context, out string, o Options) error {
	images, labels, err := s.tensors(ctx, o.Pixels)
	if err != nil {
		return err
	}
	for name, tensor := range map[string]any{"images_best.pt": images, "labels_best.pt": labels} {
		if err := atomicfile.Write(filepath.Join(out, name), func(w io.Writer) error {
			return weights.Save(w, tensor)
		}); err != nil {
			return err
		}
	}
	if err := writeFile(filepath.Join(out, classesName), []byte(strings.Join(s.classNames(), "\n")+"\n")); err != nil {
		return err
	}
	return writeFile(filepath.Join(out, manifestName), s.manifest)
}

// tensors returns the images, which are read when they are written and must all have the size of the first, and their
// labels.
func (s *set) tensors(ctx context.Context, p Pixels) (images weights.Streamed, labels weights.Tensor, err error) {
	// The header of a tensor comes before its numbers, so its size is that of the first image; the others are compared
	// with it as they are written. All pixels at once are never in memory.
	next, stop := iter.Pull2(s.images(ctx))
	first, err, _ := next()
	stop()
	if err != nil {
		return images, labels, err
	}
	im, err := dataset.Decode(first.data)
	if err != nil {
		return images, labels, fmt.Errorf("%q: %w", first.file, err)
	}
	// int64, as torch's loss functions want their targets
	var list []int64
	for i, c := range s.classes {
		for range c.Images {
			list = append(list, int64(i))
		}
	}
	images.Layout = weights.Tensor{Name: "images", DType: "F32", Shape: []int{len(list), 3, im.H, im.W}}
	if p == Bytes {
		images.Layout.DType = "U8"
	}
	images.Write = func(w io.Writer) error {
		for picture, err := range s.images(ctx) {
			if err != nil {
				return err
			}
			other, err := dataset.Decode(picture.data)
			if err != nil {
				return fmt.Errorf("%q: %w", picture.file, err)
			}
			if other.W != im.W || other.H != im.H {
				return fmt.Errorf("%w: image %q has %d×%d pixels and %q %d×%d: a tensor wants one size", ErrSizes,
					picture.file, other.W, other.H, first.file, im.W, im.H)
			}
			if _, err := w.Write(numbers(other, p)); err != nil {
				return err
			}
		}
		return nil
	}
	return images, weights.I64("labels", []int{len(list)}, list), nil
}

// numbers are an image's elements [3, H, W], little-endian.
func numbers(im *dataset.RGB, p Pixels) []byte {
	var b bytes.Buffer
	n := norms[p]
	for c := range 3 {
		// Pix is [H, W, 3]: one colour after the other becomes planes
		for i := c; i < len(im.Pix); i += 3 {
			if p == Bytes {
				b.WriteByte(im.Pix[i])
				continue
			}
			v := float32((float64(im.Pix[i])/255 - n[0][c]) / n[1][c])
			b.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(v)))
		}
	}
	return b.Bytes()
}
