package evaluate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"mgd3/dataset"
	"mgd3/internal/words"
	"mgd3/tensorset"
)

// ErrData says that images and classes do not fit together.
var ErrData = errors.New("not usable to train and test")

// Data is the labelled images of a set, as squares of bytes. It may be used by several goroutines, and by several
// runs one after the other.
type Data struct {
	Classes []string
	Labels  []int32   // of the images, class by class, in the order of the set: 0 is the first class
	Weights []float32 // how much each image counts, in any unit; nil: all alike
	Soft    []float32 // [N, classes] what is said of each image in place of its label; nil: nothing

	set  *dataset.Set
	refs []dataset.Ref
	o    DataOptions
	kept []atomic.Pointer[dataset.RGB] // the images decoded so far; nil if there is no room for all

	whitening *tensorset.Whitening // nil: none
}

// DataOptions says how images are read.
type DataOptions struct {
	Size       int   // pixels of a side: the short side is resized to it, and the central square taken
	Memory     int64 // bytes of images to keep; 0 is 2 GiB, less than 0 is none. Larger sets are decoded each time.
	IgnoreEXIF bool  // leave photographs turned as they are stored, as PIL does
	Whiten     bool  // images are whitened; what by is set with SetWhitening
	Most       int   // images of a class, the first of the set; 0 is all
}

// keepBytes is what is kept of a set by default.
const keepBytes = 2 << 30

// NewData takes the images of a set, which must stay open. They are decoded when they are first needed.
func NewData(set *dataset.Set, o DataOptions) (*Data, error) {
	if o.Size < 1 {
		return nil, fmt.Errorf("images of %d pixels, want at least 1", o.Size)
	}
	if o.Memory == 0 {
		o.Memory = keepBytes
	}
	d := &Data{Classes: set.ClassNames(), set: set, o: o}
	for label, class := range set.Classes {
		if len(class.Images) == 0 {
			return nil, fmt.Errorf("class %q: %w: no images", class.Name, ErrData)
		}
		images := class.Images
		if o.Most > 0 {
			images = images[:min(len(images), o.Most)]
		}
		for _, ref := range images {
			d.refs = append(d.refs, ref)
			d.Labels = append(d.Labels, int32(label))
		}
	}
	if int64(len(d.refs))*int64(3*o.Size*o.Size) <= o.Memory {
		d.kept = make([]atomic.Pointer[dataset.RGB], len(d.refs))
	}
	return d, nil
}

// Len returns the number of images.
func (d *Data) Len() int { return len(d.Labels) }

// Image returns the i-th image, Size × Size.
func (d *Data) Image(ctx context.Context, i int) (*dataset.RGB, error) {
	if d.kept != nil {
		if im := d.kept[i].Load(); im != nil {
			return im, nil
		}
	}
	then := func(im *dataset.RGB) *dataset.RGB { return dataset.CropCenter(im, d.o.Size) }
	for sample := range d.set.Load(ctx, d.refs[i:i+1], dataset.LoadOptions{IgnoreEXIF: d.o.IgnoreEXIF, Then: then,
		Workers: 1}) {
		if sample.Err != nil {
			return nil, sample.Err
		}
		if d.whitening != nil {
			sample.Image = whitened(sample.Image, d.whitening)
		}
		if d.kept != nil {
			d.kept[i].Store(sample.Image)
		}
		return sample.Image, nil
	}
	return nil, ctx.Err()
}

// whitened returns the image whose values are whitened.
func whitened(im *dataset.RGB, w *tensorset.Whitening) *dataset.RGB {
	n := im.W * im.H
	v := make([]float32, 3*n)
	if im.Values != nil {
		copy(v, im.Values)
	} else {
		for i, b := range im.Pix {
			v[i%3*n+i/3] = unit[b]
		}
	}
	w.Whiten(v)
	return &dataset.RGB{W: im.W, H: im.H, Pix: im.Pix, Values: v}
}

// ID names the images, their labels and weights, and how they are read: equal IDs are equal data, as far as the
// set can tell when its files change.
func (d *Data) ID() string {
	h := sha256.New()
	fmt.Fprintf(h, "%d %v\n", d.o.Size, d.o.IgnoreEXIF)
	if d.whitening != nil {
		fmt.Fprintf(h, "%s\n", d.whitening.ID())
	}
	enc := json.NewEncoder(h)
	for _, part := range []any{d.Classes, d.Labels, d.Weights} {
		_ = enc.Encode(part) // names and numbers, to a hash
	}
	if d.Soft != nil {
		_ = enc.Encode(d.Soft)
	}
	for _, ref := range d.refs {
		fmt.Fprintf(h, "%q %d %q\n", ref.Name, ref.Size, ref.ID)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// check says what is wrong with the labels and weights, if anything: they can be set by the caller.
func (d *Data) check() error {
	if len(d.Labels) != len(d.refs) {
		return fmt.Errorf("%w: %d labels for %d images", ErrData, len(d.Labels), len(d.refs))
	}
	seen := make([]bool, len(d.Classes))
	for i, label := range d.Labels {
		if label < 0 || int(label) >= len(d.Classes) {
			return fmt.Errorf("class %q, image %q: %w: label %d, want 0 to %d", d.refs[i].Class, d.refs[i].Name,
				ErrData, label, len(d.Classes)-1)
		}
		seen[label] = true
	}
	if d.Soft != nil && len(d.Soft) != len(d.refs)*len(d.Classes) {
		return fmt.Errorf("%w: %d soft labels for %d images of %d classes", ErrData, len(d.Soft), len(d.refs),
			len(d.Classes))
	}
	if i := slices.Index(seen, false); i >= 0 {
		return fmt.Errorf("class %q: %w: no images", d.Classes[i], ErrData)
	}
	if d.Weights == nil {
		return nil
	}
	if len(d.Weights) != len(d.refs) {
		return fmt.Errorf("%w: %d weights for %d images", ErrData, len(d.Weights), len(d.refs))
	}
	sum := 0.0
	for i, w := range d.Weights {
		if !(w >= 0) || w > 1e30 {
			return fmt.Errorf("class %q, image %q: %w: weight %v, want at least 0", d.refs[i].Class, d.refs[i].Name,
				ErrData, w)
		}
		sum += float64(w)
	}
	if sum == 0 {
		return fmt.Errorf("%w: all weights are 0", ErrData)
	}
	return nil
}

// weights returns the weights with mean 1.
func (d *Data) weights() []float32 {
	w := make([]float32, d.Len())
	sum := 0.0
	for _, v := range d.Weights {
		sum += float64(v)
	}
	for i := range w {
		w[i] = 1
		if d.Weights != nil {
			w[i] = float32(float64(d.Weights[i]) * float64(d.Len()) / sum)
		}
	}
	return w
}

// Side returns the largest short side of the sets' images, in pixels, or enough as soon as an image has that much: the
// size that presets take is the published one unless all images are smaller. Only the heads of the files are decoded.
// Images that cannot be read are passed over here: whoever needs them says so.
func Side(ctx context.Context, enough int, sets ...*dataset.Set) (int, error) {
	side := 0
	var first error
	for _, set := range sets {
		for _, class := range set.Classes {
			for _, ref := range class.Images {
				if err := ctx.Err(); err != nil {
					return 0, err
				}
				w, h, err := set.Dimensions(ref)
				if err != nil && first == nil {
					first = err
				}
				if side = max(side, min(w, h)); side >= enough {
					return enough, nil
				}
			}
		}
	}
	if side == 0 {
		return 0, first
	}
	return side, nil
}

// FactsOf returns what presets take of a set, for images with a short side of size pixels.
func FactsOf(set *dataset.Set, net string, size int) Facts {
	f := Facts{Classes: len(set.Classes), Images: set.Len(), Size: size, Net: net}
	for _, class := range set.Classes {
		f.IPC = max(f.IPC, len(class.Images))
	}
	return f
}

// Match demands that two sets have the same classes in the same order, by their names.
func Match(train, test []string) error {
	only := func(a, b []string) (names []string) {
		for _, name := range a {
			if !slices.Contains(b, name) {
				names = append(names, name)
			}
		}
		return names
	}
	if extra := only(train, test); extra != nil {
		return fmt.Errorf("%w: there are no test images of %s%s", ErrData, some(extra), alike(extra, test))
	}
	if extra := only(test, train); extra != nil {
		return fmt.Errorf("%w: there are test images but none to train on of %s", ErrData, some(extra))
	}
	if !slices.Equal(train, test) {
		return fmt.Errorf("%w: the classes to train on, %s, have another order than those to test on, %s", ErrData,
			words.Quoted(train), words.Quoted(test))
	}
	return nil
}

// some lists a few class names.
func some(names []string) string {
	if len(names) == 1 {
		return "class " + words.Quoted(names)
	}
	return "the classes " + words.Quoted(names)
}

// alike says which of a few names another list has in another way: with other capitals, with _ or - for a blank, or as
// the same letters of Unicode put together otherwise, as macOS does in names of files. It is "" where there is none.
func alike(names, others []string) string {
	blanks := strings.NewReplacer("_", " ", "-", " ")
	plain := func(name string) string { return blanks.Replace(dataset.FoldName(name)) }
	for _, name := range names {
		i := slices.IndexFunc(others, func(other string) bool { return plain(other) == plain(name) })
		if i >= 0 {
			return fmt.Sprintf("; %+q is written %+q there", name, others[i])
		}
	}
	return ""
}
