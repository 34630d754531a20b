package tensorset

import (
	"context"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Pixels says what the numbers of an image mean.
type Pixels string

// Ways of numbers. Those with a mean and a deviation are (x − mean)/deviation of x in 0..1.
const (
	Auto     Pixels = "auto"     // what the evidence says
	Unit     Pixels = "unit"     // 0..1
	Uint8    Pixels = "uint8"    // 0..255
	ImageNet Pixels = "imagenet" // by torchvision's mean and deviation
	CIFAR10  Pixels = "cifar10"  // by those of DC's program, of CIFAR-10
	CIFAR100 Pixels = "cifar100" // of CIFAR-100
	Signed   Pixels = "signed"   // −1..1
	MNIST    Pixels = "mnist"    // by those of DC's program, of MNIST; grey
	Fashion  Pixels = "fashion"  // of FashionMNIST; grey
	SVHN     Pixels = "svhn"     // of SVHN
	Levels   Pixels = "levels"   // 256 levels in each channel, from black to white, by whatever mean and deviation
	ZCA      Pixels = "zca"      // whitened as in MTT's program, see Whitening
)

// AllPixels lists the ways.
func AllPixels() []string {
	list := []string{string(Auto)}
	for _, w := range ways {
		list = append(list, string(w.name))
	}
	return append(list, string(Levels), string(ZCA))
}

// Check tells whether p is a way, or MEAN/DEVIATION.
func (p Pixels) Check() error {
	if p == "" || slices.Contains(AllPixels(), string(p)) {
		return nil
	}
	if _, ok := p.own(); ok {
		return nil
	}
	return fmt.Errorf("pixels are %q, want one of %s, or MEAN/DEVIATION, each one number or three for red, green and "+
		"blue, as 0.48,0.45,0.40/0.27,0.26,0.28", string(p), strings.Join(AllPixels(), ", "))
}

// own reads MEAN/DEVIATION.
func (p Pixels) own() (l linear, ok bool) {
	mean, std, ok := strings.Cut(string(p), "/")
	if !ok {
		return l, false
	}
	for _, part := range []struct {
		text string
		to   *[3]float64
		low  float64
	}{{mean, &l.mean, -1}, {std, &l.std, 1e-3}} {
		numbers := strings.Split(part.text, ",")
		if len(numbers) != 1 && len(numbers) != 3 {
			return l, false
		}
		for c := range part.to {
			x, err := strconv.ParseFloat(strings.TrimSpace(numbers[c%len(numbers)]), 64)
			if err != nil || !(x >= part.low && x <= 10) {
				return l, false
			}
			part.to[c] = x
		}
	}
	return l, true
}

// linear is x = number·std + mean, for each channel.
type linear struct{ mean, std [3]float64 }

func (l linear) apply(v []float32, n int) {
	for c := range 3 {
		for i := c * n; i < (c+1)*n; i++ {
			v[i] = float32(float64(v[i])*l.std[c] + l.mean[c])
		}
	}
}

func (l linear) id() string { return fmt.Sprint(l.mean, l.std) }

// named is a way with its name.
type named struct {
	name Pixels
	linear
}

// ways have their numbers from the programs: DC's utils.py (VICO-UoE/DatasetCondensation), which DSA, DM and MTT
// share, and torchvision's documentation. TestWays holds them against these.
var ways = []named{
	{Unit, linear{[3]float64{}, [3]float64{1, 1, 1}}},
	{Uint8, linear{[3]float64{}, [3]float64{1. / 255, 1. / 255, 1. / 255}}},
	{CIFAR10, linear{[3]float64{0.4914, 0.4822, 0.4465}, [3]float64{0.2023, 0.1994, 0.2010}}},
	{CIFAR100, linear{[3]float64{0.5071, 0.4866, 0.4409}, [3]float64{0.2673, 0.2564, 0.2762}}},
	{ImageNet, linear{[3]float64{0.485, 0.456, 0.406}, [3]float64{0.229, 0.224, 0.225}}},
	{Signed, linear{[3]float64{0.5, 0.5, 0.5}, [3]float64{0.5, 0.5, 0.5}}},
	{MNIST, linear{[3]float64{0.1307, 0.1307, 0.1307}, [3]float64{0.3081, 0.3081, 0.3081}}},
	{Fashion, linear{[3]float64{0.2861, 0.2861, 0.2861}, [3]float64{0.3530, 0.3530, 0.3530}}},
	{SVHN, linear{[3]float64{0.4377, 0.4438, 0.4728}, [3]float64{0.1980, 0.2010, 0.1970}}},
}

func way(p Pixels) linear {
	for _, w := range ways {
		if w.name == p {
			return w.linear
		}
	}
	l, ok := p.own()
	if !ok {
		panic("tensorset: no way " + string(p))
	}
	return l
}

// Stats returns the mean and the deviation of a way that has them.
func (p Pixels) Stats() (mean, std [3]float64) {
	w := way(p)
	return w.mean, w.std
}

// evidence is what all numbers of a set say.
type evidence struct {
	whole     bool // the type is of whole numbers
	low, high float64
	mean, std float64
	far       map[Pixels]float64 // how far from a level of bytes the farthest number is, in levels, by each way
	outside   map[Pixels]float64 // the share of numbers that are below black or above white
	seams     float64            // see seams.ratio
	flat      []int              // images of one colour throughout
	levels    *linear            // by which each channel has black, white and levels between; nil if none does
}

// evidence looks at all numbers; asked is a way that was asked for.
func (r *reader) evidence(ctx context.Context, asked Pixels) (e evidence, err error) {
	ways := ways
	if l, ok := asked.own(); ok {
		ways = append(slices.Clone(ways), named{asked, l})
	}
	var seen channelLevels
	var seams seams
	e = evidence{whole: r.ints != nil || r.found.images.DType == "U8", low: math.Inf(1), high: math.Inf(-1),
		far: map[Pixels]float64{}, outside: map[Pixels]float64{}}
	var sum, squares, count float64
	for at := range r.n {
		if err := ctx.Err(); err != nil {
			return e, err
		}
		v, err := r.raw(at)
		if err != nil {
			return e, err
		}
		n := r.h * r.w
		seams.add(v, r.w, r.h)
		if isFlat(v, n) {
			e.flat = append(e.flat, at)
		}
		for i, x := range v {
			x := float64(x)
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return e, fmt.Errorf("image %d has a value of %v, want numbers", at, x)
			}
			e.low, e.high = min(e.low, x), max(e.high, x)
			seen.add(i/n, x)
			sum, squares = sum+x, squares+x*x
			for _, w := range ways {
				level := 255 * (x*w.std[i/n] + w.mean[i/n])
				e.far[w.name] = max(e.far[w.name], math.Abs(level-math.RoundToEven(min(max(level, 0), 255))))
				if level < -0.5 || level > 255.5 {
					e.outside[w.name]++
				}
			}
		}
		count += float64(len(v))
	}
	for p := range e.outside {
		e.outside[p] /= count
	}
	e.levels, e.seams = seen.linear(), seams.ratio()
	e.mean = sum / count
	e.std = math.Sqrt(max(0, squares/count-e.mean*e.mean))
	return e, nil
}

// decide says what the numbers mean, and how they become colours.
func (s *Set) decide(ctx context.Context, r *reader, o Options, name string) error {
	e, err := r.evidence(ctx, o.Pixels)
	if err != nil {
		return err
	}
	s.Pixels = o.Pixels
	if o.Pixels == "" || o.Pixels == Auto {
		why := ""
		if s.Pixels, why = e.guess(name, r); s.Pixels == "" {
			return fmt.Errorf("%w: the numbers are %s: %s; --pixels says what they are", ErrPixels, e.text(), why)
		}
		s.Notes = append(r.found.notes, fmt.Sprintf("the pixels are taken for %s, since %s; --pixels says otherwise",
			s.Pixels, why))
	} else {
		s.Notes = append(r.found.notes, fmt.Sprintf("the pixels are %s, as asked for; the numbers are %s", s.Pixels,
			e.text()))
	}
	if len(e.flat) > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%d of %d images have one colour throughout, the first is image %d",
			len(e.flat), r.n, e.flat[0]))
	}
	if r.collage == 1 && r.n >= seamsImages && e.seams > seamWide {
		s.Notes = append(s.Notes, fmt.Sprintf("neighbours differ %.1f times as much across the middle of the images "+
			"as elsewhere, as in collages: --collage 2 cuts those of 2 × 2", e.seams))
	}
	if s.Pixels == ZCA {
		return s.whiten(ctx, r, o, e)
	}
	if s.Pixels == Levels {
		if e.levels == nil {
			return fmt.Errorf("%w: not every channel has 256 levels from black to white", ErrPixels)
		}
		r.how = *e.levels
		return nil
	}
	r.how = way(s.Pixels)
	if out := e.outside[s.Pixels]; out > 0 {
		s.Notes = append(s.Notes, fmt.Sprintf("%.1f %% of the values are darker than black or lighter than white: "+
			"protocols that train at %d × %d pixels see them as they are; whatever resizes or shows the images, or "+
			"writes them, cuts them off", 100*out, r.w, r.h))
	}
	return nil
}

// isFlat tells whether all pixels of an image [3, n] have one colour.
func isFlat(v []float32, n int) bool {
	for plane := range slices.Chunk(v, n) {
		if slices.ContainsFunc(plane, func(x float32) bool { return x != plane[0] }) {
			return false
		}
	}
	return true
}

func (e evidence) text() string {
	return fmt.Sprintf("from %.4g to %.4g, their mean is %.3g, their deviation %.3g", e.low, e.high, e.mean, e.std)
}

var (
	cifarName = regexp.MustCompile(`(?i)cifar[-_]?(100?)`)
	otherName = regexp.MustCompile(`(?i)fashion|mnist|svhn`) // "FashionMNIST" begins with the first
)

// The borders of guess. Images of 0 to 1 have a mean of 0.4 to 0.55 and a deviation of 0.2 to 0.3; normalised ones 0
// and 1, those that were learned up to 3.35 as published; whitened ones 0 and 0.25; bytes about 120 and 60; bytes of
// which a mean was subtracted 0 and 60. A border lies about midway between its neighbours, by their ratio.
const (
	// near is how far a number may be from a level of bytes, in levels. A float32 of at most 4 is rounded by 2^-23,
	// which 255 times a deviation of 0.28 makes 1e-5 levels. Numbers that were never bytes are anywhere between levels:
	// that n of them are all this near has the probability 0.04^n.
	near = 0.02
	// nearHalf is near of 16 bits. A float16 from 2 to 4 is rounded by 2^-10, that is 0.07 levels. A bfloat16 is
	// rounded by half a level: only whole ones say anything.
	nearHalf = 0.2

	black              = 0.02     // bytes that were divided twice are below 1/255; images have some above 5/255
	unitLow, unitHigh  = 0.2, 0.8 // means of 0 to 1, not cut off
	unitFrom, unitTo   = -2, 3    // their numbers, which learning moved
	narrow             = 0.45     // deviation: below it 0 to 1 or whitened, above it normalised
	signedWide         = 0.35     // deviation within −1 to 1: below it whitened, above it images
	centred            = 0.15     // mean of whitened images, either side of 0
	bytesMean, byteStd = 8, 8     // above both are bytes
	bytesOutside       = 0.25     // share of numbers that learning moved out of 0 to 255; bytes less a mean have a half
	widest             = 14       // deviation: above it are neither normalised images nor bytes
)

// guess decides between the ways, and says by what; none, and why not, where the numbers fit none.
func (e evidence) guess(name string, r *reader) (p Pixels, why string) {
	close := near
	if d := r.found.images.DType; d == "F16" || d == "BF16" {
		close = nearHalf
	}
	onLevels := func(p Pixels) bool { return e.far[p] <= close && e.outside[p] == 0 }
	switch {
	case e.whole && e.low >= 0 && e.high == 1:
		return Unit, "they are whole numbers, 0 and 1"
	case e.whole && e.low >= 0 && e.high <= 255:
		return Uint8, "they are whole numbers"
	case e.whole:
		return "", "whole numbers are bytes, from 0 to 255 (bytes less 128 want it added, 16 bits a division by 257)"
	case e.low >= 0 && e.high < black:
		return "", "as 0 to 1 all images would be nearly black (bytes that were divided by 255 twice?)"
	case e.low >= 0 && e.high <= 1 && onLevels(Unit):
		return Unit, "all numbers are levels of 8 bits, from 0 to 1"
	case e.low >= 0 && e.high <= 1:
		return Unit, "the numbers are " + e.text()
	case onLevels(Uint8) && e.high > 1:
		return Uint8, "all numbers are whole, from 0 to 255"
	}
	for _, p := range []Pixels{Signed, CIFAR10, CIFAR100, ImageNet, SVHN, MNIST, Fashion} {
		if onLevels(p) && (r.c == 1 || p != MNIST && p != Fashion) {
			return p, "by this mean and deviation all numbers become levels of 8 bits"
		}
	}
	if e.levels != nil {
		return Levels, fmt.Sprintf("the numbers of each channel are 256 levels, %.4g to %.4g all in all, of which the "+
			"least is black and the largest white", e.low, e.high)
	}
	switch {
	case e.mean > unitLow && e.mean < unitHigh && e.std < narrow && e.low > unitFrom && e.high < unitTo:
		return Unit, "the numbers are " + e.text() + ", as of 0 to 1 that are not cut off"
	case e.mean > bytesMean && e.std > byteStd && e.outside[Uint8] <= bytesOutside:
		return Uint8, "the numbers are " + e.text()
	case e.std > widest:
		return "", "this is too wide for normalised images, and no bytes (a mean that was subtracted from bytes must " +
			"be added first)"
	case e.low >= -1 && e.high <= 1 && e.std > signedWide:
		return Signed, "the numbers are " + e.text()
	case math.Abs(e.mean) < centred && e.std < narrow:
		return ZCA, "the numbers are " + e.text() + ": centred, but of less spread than normalised images, whose " +
			"deviation is about 1"
	}
	const cifarSide = 32
	why = "the numbers are " + e.text() + ", as of images that were normalised, and "
	if m := cifarName.FindStringSubmatch(name); m != nil {
		return map[string]Pixels{"10": CIFAR10, "100": CIFAR100}[m[1]], why + "the name has " + m[0]
	}
	if m := otherName.FindString(name); m != "" {
		return map[byte]Pixels{'f': Fashion, 'm': MNIST, 's': SVHN}[strings.ToLower(m)[0]], why + "the name has " + m
	}
	if r.c == 1 {
		return "", "this is normalised, by a mean and a deviation of grey images that the name of the file does not " +
			"say (mnist, fashion, or MEAN/DEVIATION)"
	}
	if r.w == cifarSide && r.h == cifarSide && r.found.rate > 0 {
		why += "(MTT's programs whiten CIFAR in most of their settings: if the accuracy is low, try --pixels zca) "
	}
	if r.w == cifarSide && r.h == cifarSide {
		if r.classes() > 10 {
			return CIFAR100, why + "they are of 32 × 32 pixels and more than 10 classes"
		}
		return CIFAR10, why + "they are of 32 × 32 pixels"
	}
	return ImageNet, why + fmt.Sprintf("they are of %d × %d pixels", r.w, r.h)
}

// classes returns the number of classes, as far as the labels say.
func (r *reader) classes() int {
	if k := r.found.classes(); k > 0 {
		return k
	}
	most := 0
	for i := range r.len() {
		if label, err := r.label(i); err == nil {
			most = max(most, label+1)
		}
	}
	return most
}
