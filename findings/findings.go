// Package findings looks for what should be known of a small set before anybody trusts it: copies, repetitions, images
// that are test images, and images that show nothing.
//
// Pictures are compared by x, their pixels after area-true reduction to 16 × 16, by the root mean square difference
//
//	d(a, b) = √(Σ (aᵢ − bᵢ)² / 768)                         in grey levels, 0 … 255
//
//	same picture   d ≤ 3: what JPEG of quality 85 changes at most; TestAnotherFormat
//	copy           ratio ≤ 0.8 and agreement ≥ ¾; s or its mirror image
//	ratio          d(s, nearest r) / mean of d to the k nearest r         Carlini et al. 2023
//	                                                                      (arXiv:2301.13188), eq. 1
//	agreement      correlation of what stands out; see structure.go
//	percentile     share of real images whose nearest other real image of the class is nearer than d(s, nearest r)
//
// k is 50, or half of the images of a class where that is less; under ten nothing but the same picture is a copy.
//
// The copy rule asks whether one image is much nearer than its surroundings are, so it needs no threshold for each kind
// of picture, and whether the same things are at the same places, since smooth pictures are near to everything. It is a
// check of pixels: an image that shows the same thing moved by more than a fifth is not found by it.
//
//	name  shape     meaning and scale
//	x     [N, 768]  16 × 16 pixels, red, green, blue of each, 0 … 255
//	s, r  rows of x of the set, of real images
package findings

import (
	"context"
	"fmt"

	"mgd3/dataset"
)

// Kind names a check.
type Kind string

const (
	Copies     Kind = "copies"      // images of the set that are copies of real ones
	TestImages Kind = "test-images" // images of the set that are, or are copies of, test images
	TestInReal Kind = "test-in-real"
	Repeats    Kind = "repeats" // images of the set that show the same
	OtherClass Kind = "other-class"
	Blank      Kind = "blank"
	Clipped    Kind = "clipped"
	FewReal    Kind = "few-real" // modes of fewer than five real images
	RealTwice  Kind = "real-twice"
)

// Few is how many real images a mode should stand for at least.
const Few = 5

// Input is what is checked. All sets have the same classes, in the same order.
type Input struct {
	Set   *dataset.Set        // the images to check
	Modes []Mode              // what their modes stand for; nil where that is not known
	Real  *dataset.Set        // the images that the set stands for; nil where they are not at hand
	Test  *dataset.Set        // the images that networks are tested on; nil likewise
	How   dataset.LoadOptions // how real and test images are read, as the set was made of them; else middle squares
	Most  int                 // real, and test, images to compare: the first of each class; 0 is 50,000

	Report func(done, total int) // told of images that were read; may be nil
}

// Mode says how many real images the mode of an image stands for.
type Mode struct {
	Class, Image string
	Size         int64
}

// Name is an image of one of the sets.
type Name struct {
	Set   string `json:"set"` // "set", "real" or "test"
	Class string `json:"class"`
	Name  string `json:"name"`
}

func (n Name) String() string { return fmt.Sprintf("%q", n.Class+"/"+n.Name) }

// Item is one finding.
type Item struct {
	Image Name    `json:"image"`
	Other *Name   `json:"other,omitempty"` // what it is a copy of, say
	Text  string  `json:"text"`
	D     float64 `json:"d"` // grey levels between the two, or what the text says
}

// Check is one thing that was looked for.
type Check struct {
	Kind    Kind   `json:"kind"`
	Title   string `json:"title"`
	Checked string `json:"checked"`           // what was compared with what, and how
	Skipped string `json:"skipped,omitempty"` // why it was not looked for
	Items   []Item `json:"items"`
}

// Near is the real image nearest to an image of the set.
type Near struct {
	Name
	D          float64 `json:"d"`          // grey levels
	Percentile float64 `json:"percentile"` // 0 … 100: real images that have another real one nearer than that
	Ratio      float64 `json:"ratio"`      // of the nearest to the mean distance of the 50 nearest
	Copy       bool    `json:"copy"`       // by the rule for copies
}

// Findings is what was found.
type Findings struct {
	Checks []Check `json:"checks"`
	// by class, in the order of its images; nil without real images
	Nearest map[string][]Near `json:"nearest,omitempty"`
}

// Count returns how many items there are.
func (f *Findings) Count() (n int) {
	for _, c := range f.Checks {
		n += len(c.Items)
	}
	return n
}

// Look reads all images and looks for everything that can be looked for; what cannot is in Skipped. It holds 12 kB
// for an image of the set and for those of one class of the other sets. An image that cannot be read is an error.
func Look(ctx context.Context, in Input) (*Findings, error) {
	l, err := newLook(ctx, in)
	if err != nil {
		return nil, err
	}
	for c := range in.Set.Classes {
		if err := l.class(ctx, c); err != nil {
			return nil, err
		}
	}
	f := &Findings{Checks: []Check{l.copies(), l.testImages(), l.repeats(), l.otherClass(), l.blank(),
		l.clipped(), l.fewReal()}}
	for _, more := range []func(context.Context) (Check, error){l.realTwice, l.testInReal} {
		check, err := more(ctx)
		if err != nil {
			return nil, err
		}
		f.Checks = append(f.Checks, check)
	}
	f.Nearest = l.nearest()
	return f, nil
}
