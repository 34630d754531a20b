package diffusion

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Shape is how λ changes over the G steps that are pulled. In the k-th of them, with τ = (k + ½)/G, λ is
//
//	constant   λ
//	linear     λ·2·(1 − τ)
//	cosine     λ·(1 + cos πτ)
//	exp        λ·e^(−4τ), divided by its mean
//
// so its mean over the steps is λ. AGS-DD tried these three, and reports that they did not help.
type Shape string

// The shapes.
const (
	Constant    Shape = ""
	Falling     Shape = "linear"
	Cosined     Shape = "cosine"
	Exponential Shape = "exp"
)

// Shapes lists all that have a name.
func Shapes() []Shape { return []Shape{Falling, Cosined, Exponential} }

func (s Shape) check() error { return oneOf("shape of lambda", s, Shapes()) }

// oneOf names a value that is neither "" nor one of those wanted.
func oneOf[T ~string](what string, have T, want []T) error {
	if have == "" || slices.Contains(want, have) {
		return nil
	}
	var names []string
	for _, w := range want {
		names = append(names, string(w))
	}
	return fmt.Errorf("the %s is %q, want one of %s", what, have, strings.Join(names, ", "))
}

// at returns the factor of λ in the k-th of n steps.
func (s Shape) at(k, n int) float64 {
	tau := func(k int) float64 { return (float64(k) + 0.5) / float64(n) }
	switch s {
	case Falling:
		return 2 * (1 - tau(k))
	case Cosined:
		return 1 + math.Cos(math.Pi*tau(k))
	case Exponential:
		mean := 0.0
		for i := range n {
			mean += math.Exp(-4*tau(i)) / float64(n)
		}
		return math.Exp(-4*tau(k)) / mean
	}
	return 1
}

// shaped returns the factor of λ in step t.
func (s Settings) shaped(r formula, c *Chain, t int) float64 {
	if s.Shape == Constant {
		return 1
	}
	k, n := 0, 0
	for at := c.first; at >= 0; at-- {
		if !r.guided(c, at, s) {
			continue
		}
		n++
		if at > t {
			k++
		}
	}
	return s.Shape.at(k, n)
}
