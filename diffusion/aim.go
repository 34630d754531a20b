package diffusion

import "fmt"

// Guide is what the images of a class are pulled to.
type Guide string

// The guides. [Settings].Lambda is the strength of each of them, in the unit of the rule.
const (
	OwnMode Guide = "" // one mode each: MGD3

	// OT is the part of the class's centres that optimal transport brings to the image, see transport.go.
	OT Guide = "ot"

	// Manifold is the own mode, and what ManifoldGD's program adds to keep the image on the data's manifold, see
	// manifold.go.
	Manifold Guide = "manifold"
)

// Guides lists all that have a name.
func Guides() []Guide { return []Guide{OT, Manifold} }

func (g Guide) check(s Settings) error {
	switch {
	case !(s.GuideScale >= 0) || s.GuideScale > 1e6:
		return fmt.Errorf("guide scale is %v, want a number of at least 0", s.GuideScale)
	case s.GuideWarm < 0 || s.GuideWarm > 0 && g != Manifold:
		return fmt.Errorf("guide warm is %d steps, want 0, or more with guide %s", s.GuideWarm, Manifold)
	case s.GuideScale != 0 && g != Manifold:
		return fmt.Errorf("guide scale is %v, want 0: it is of guide %s alone", s.GuideScale, Manifold)
	}
	return oneOf("guide", g, Guides())
}

// Together is how the images of a class keep each other at a distance.
type Together string

// What holds images apart, see repulsion.go.
const (
	Alone       Together = ""
	Determinant Together = "determinant" // of the cosines between them
	RBF         Together = "rbf"         // a Gaussian of their distances
)

// Togethers lists all that have a name.
func Togethers() []Together { return []Together{Determinant, RBF} }

func (r Together) check(s Settings) error {
	switch {
	case !(s.TogetherScale >= 0) || s.TogetherScale > 1e6:
		return fmt.Errorf("together scale is %v, want a number of at least 0", s.TogetherScale)
	case s.TogetherScale != 0 && r == Alone:
		return fmt.Errorf("together scale is %v, want 0: the images are drawn alone", s.TogetherScale)
	}
	return oneOf("way of being together", r, Togethers())
}

// Coupled reports whether an image depends on the others of its class, so that all of them are drawn in one
// [Sampler.Run].
func (s Settings) Coupled() bool { return s.Guide == OT || s.Together != Alone }

// Class is what coupled images share; each row has as many numbers as a latent.
type Class struct {
	Centres []float32 // [k, C, h, w], the modes of the class
	Sizes   []float64 // [k], the cluster sizes: real images of each mode; not all 0
}

// check tests that the parts of the class fit together.
func (c *Class) check(d int) error {
	total := 0.0
	if c != nil {
		for _, m := range c.Sizes {
			total += m
		}
	}
	if c == nil || len(c.Sizes)*d != len(c.Centres) || !(total > 0) {
		return fmt.Errorf("images that are coupled want the centres of their class, of %d numbers each, and as many "+
			"cluster sizes, not all 0", d)
	}
	return nil
}

// aims returns what the images of one class are pulled to in a step, after what the step before predicted, x0 [n, d].
// modes are the images' own.
func (s Settings) aims(class Class, modes, x0 []float32, d int) []float32 {
	to := modes
	if s.Guide == OT {
		to = class.barycentres(x0, d)
	}
	if s.Together != Alone && s.TogetherScale != 0 {
		to = s.apart(class, to, x0, d)
	}
	return to
}
